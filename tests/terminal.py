"""A program on a real pty, through a terminal emulator: what a person does, sees, and is left with."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from typing import TypeAlias

import psutil
import pyte

RESTORED = b"\x1b[?1049l"
PATIENCE_S = 60.0
PIECE_BYTES = 1024
"""What is read before the screen is looked at again: a state that was painted does not pass unseen, however slow the test."""
QUINTET = (sys.executable, "-m", "quintet")


Words: TypeAlias = "str | re.Pattern[str]"


def found(words: Words, text: str) -> bool:
    """Whether the words, or the pattern, stand in a text."""
    return words in text if isinstance(words, str) else words.search(text) is not None


def two_seconds(words: str) -> re.Pattern[str]:
    """`words for 0:02` or any later time: a busy machine may never paint that very second."""
    return re.compile(f"{re.escape(words)} for (0:0[2-9]|0:[1-5]|[1-9])")


class Terminal:
    """A child on a pty of 120x40, its output fed to an emulated screen."""

    def __init__(self, *words: str, columns: int = 120, rows: int = 40, program: tuple[str, ...] = QUINTET) -> None:
        self.raw = bytearray()
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.pid, self._descriptor = pty.fork()
        if self.pid == 0:
            for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):  # whatever the tests were begun under
                signal.signal(number, signal.SIG_DFL)
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.environ["TERM"] = "xterm-256color"
            os.environ["LANG"] = "C.UTF-8"
            os.environ.pop("COLUMNS", None)
            os.environ.pop("LINES", None)
            os.execv(program[0], [*program, *words])
        fcntl.ioctl(self._descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.status: int | None = None

    def _read(self, seconds: float) -> bool:
        """Take what comes; false at the end of the output."""
        ready, _, _ = select.select([self._descriptor], [], [], seconds)
        if not ready:
            return True
        try:
            content = os.read(self._descriptor, PIECE_BYTES)
        except OSError:
            return False
        self.raw += content
        self._stream.feed(content)
        return bool(content)

    def text(self) -> str:
        """The screen; pyte's own `display` takes four times as long."""
        rows, columns = range(self.screen.lines), range(self.screen.columns)
        return "\n".join("".join(self.screen.buffer[y][x].data for x in columns) for y in rows)

    def wait_for(self, words: Words, seconds: float = PATIENCE_S) -> None:
        end = time.monotonic() + seconds
        while not found(words, self.text()):
            assert time.monotonic() < end, f"no {words!r} on the screen:\n{self.text()}"
            if not self._read(0.05):
                assert found(words, self.text()), f"ended without {words!r}:\n{self.text()}"

    def wait_gone(self, words: str, seconds: float = PATIENCE_S) -> None:
        end = time.monotonic() + seconds
        while words in self.text():
            assert time.monotonic() < end, f"still {words!r} on the screen:\n{self.text()}"
            self._read(0.05)

    def wait_quiet(self, seconds: float) -> None:
        """Read until this long brings nothing."""
        end = time.monotonic() + PATIENCE_S
        read = -1
        while read < len(self.raw):
            assert time.monotonic() < end, f"it goes on writing:\n{self.text()}"
            read = len(self.raw)
            self._read(seconds)

    def drain(self) -> None:
        """Take what is there."""
        while select.select([self._descriptor], [], [], 0)[0] and self._read(0):
            pass

    def press(self, keys: str) -> None:
        os.write(self._descriptor, keys.encode())

    def family(self) -> list[psutil.Process]:
        """The supervisor and its workers."""
        return psutil.Process(self.pid).children(recursive=True)

    def end(self) -> int:
        """Read to the end; the exit status."""
        end = time.monotonic() + PATIENCE_S
        while self._read(0.1):
            assert time.monotonic() < end, f"did not end:\n{self.text()}"
        self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.status

    def hang_up(self) -> None:
        """Close the terminal under the program, as a lost line does."""
        os.close(self._descriptor)
        self._descriptor = -1
        end = time.monotonic() + PATIENCE_S
        while (found := os.waitpid(self.pid, os.WNOHANG))[0] == 0:
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
                raise AssertionError("the program outlives its terminal")
            time.sleep(0.02)
        self.status = os.waitstatus_to_exitcode(found[1])

    def close(self) -> None:
        if self.status is None:
            family = self.family()
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            for process in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        if self._descriptor >= 0:
            os.close(self._descriptor)
