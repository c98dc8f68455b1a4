"""The supervisor's end of the nursery: ask for a worker, learn its pid, and know when it must be done without.

Only on Linux. Everywhere else, and whenever the nursery says that it must not be forked, workers are plain processes.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgpack

from quintet.engine.storage.side_files import SideFile
from quintet.engine.supervisor.worker_process import UMASK, environment
from quintet.engine.worker.prctl import adopt_grandchildren

PROGRAM = ("-m", "quintet.engine.worker.fork_server")


class Fit(NamedTuple):
    """The nursery's first word: whether it may be forked, and if not, why."""

    fit: bool
    text: str


class Forked(NamedTuple):
    """A worker was born."""

    lane: int
    pid: int


class Adopted:
    """A process that the nursery forked and this one reaps: what subprocess.Popen is to a process of our own."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit status, negative for a signal, or None while it runs."""
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                self.returncode = 255  # somebody else reaped it: its status is lost
            else:
                self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it was reaped already."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float) -> int:
        """Wait for the exit status. Raises subprocess.TimeoutExpired."""
        end = time.monotonic() + timeout
        while (status := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired("worker", timeout)
            time.sleep(0.002)
        return status


class Nursery:
    """One nursery process. `alive` until its socket ends or it says that it is unfit."""

    def __init__(self, private: Path, stderr: SideFile, *, models: bool) -> None:
        """Start it. Raises OSError where this process cannot adopt workers, or the nursery cannot be started."""
        adopt_grandchildren()
        self.alive = True
        self.sock, theirs = socket.socketpair()
        self.sock.setblocking(False)
        self._unpacker = msgpack.Unpacker(max_buffer_size=1 << 16)
        words = [
            sys.executable,
            *PROGRAM,
            str(theirs.fileno()),
            *(["models"] if models else []),
        ]
        try:
            self._process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=stderr.descriptor, stderr=stderr.descriptor, cwd=private,
                env=environment(private, "nursery", {}), pass_fds=(theirs.fileno(),), start_new_session=True,
                umask=UMASK,
            )  # fmt: skip
        except OSError:
            self.sock.close()
            raise
        finally:
            theirs.close()

    @property
    def pid(self) -> int:
        """The nursery's own process."""
        return self._process.pid

    def ask(self, lane: int, descriptors: tuple[int, int, int]) -> bool:
        """Ask for a worker with its socket, lifeline and stderr; false when the nursery takes no request."""
        try:
            socket.send_fds(self.sock, [msgpack.packb(["fork", lane])], list(descriptors))
        except OSError:
            return False
        return True

    def receive(self) -> Iterator[Fit | Forked]:
        """What it said. Raises EOFError when it is gone."""
        try:
            content = self.sock.recv(4096)
        except BlockingIOError:
            return
        except OSError as error:
            raise EOFError from error
        if not content:
            raise EOFError
        self._unpacker.feed(content)
        for kind, *fields in self._unpacker:
            yield Fit(*fields) if kind == "nursery" else Forked(*fields)

    def close(self) -> None:
        """End it; its workers live on."""
        self.alive = False
        self.sock.close()
        if self._process.poll() is None:
            self._process.kill()  # it holds nothing that could be lost
        self._process.wait()
