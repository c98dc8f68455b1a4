"""The writing end of a log: whole events are appended, with checks, and what others do to the file is noticed."""

from __future__ import annotations

import contextlib
import os
import tempfile
import zlib
from pathlib import Path
from typing import IO

from quintet.engine import private_files
from quintet.engine.errors import BadInput
from quintet.engine.journal.format import STRETCH_BYTES, JournalBroken, check_bytes
from quintet.engine.protocol.codec import encode
from quintet.engine.protocol.events import Frame, Start

RESERVE_BYTES = 32 * 1024
"""Held back on the disk beside a journal, so that what broke, the end and a check fit when the disk is full."""


class Journal:
    """The writing end. One process writes; many may read meanwhile."""

    def __init__(self, path: Path) -> None:
        """Create the file, and hold back a reserve. Raises FileExistsError, or OSError when it cannot be written."""
        self.path = path
        self.size_bytes = 0
        self._descriptor = private_files.create(path, os.O_RDWR | os.O_APPEND)
        self._first = b""
        """The `start` event: without it nothing in the file can be read."""
        self._checked_to = 0
        self._crc = 0
        self._gone = False
        try:
            self._reserve: IO[bytes] | None = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115  it has no name, and lives as long
            self._reserve.write(bytes(RESERVE_BYTES))
            self._reserve.flush()
        except OSError:
            os.close(self._descriptor)
            path.unlink()
            raise

    def append(self, frame: Frame) -> None:
        """Append one event. Raises JournalBroken when the disk did not take it."""
        content = encode(frame)
        self._write(content)
        self._first = self._first or content
        if self.size_bytes - self._checked_to >= STRETCH_BYTES:
            self.check()

    def check(self) -> None:
        """Close the stretch since the last check, if there is one. Call it once a second.

        Raises JournalBroken, also when the file was removed or replaced, since nobody could read what is written from then
        on, and when another program cut it or wrote to it. It then takes events again, for what happened and the end.
        """
        found = os.fstat(self._descriptor)
        if not self._gone and (wrong := self._replaced(found)):
            self._gone = True
            raise JournalBroken(f"{self.path} was {wrong} while the session was writing it.")
        if found.st_size != self.size_bytes:
            expected = self.size_bytes
            self._begin_again(found.st_size)
            raise JournalBroken(
                f"Another program changed {self.path} while the session was writing it: "
                f"it had {found.st_size} bytes and should have had {expected}."
            )
        if self.size_bytes > self._checked_to:
            self._write(check_bytes(self._checked_to, self.size_bytes - self._checked_to, self._crc))
            self._checked_to, self._crc = self.size_bytes, 0

    def _replaced(self, found: os.stat_result) -> str:
        """What became of the file's name: `removed`, `replaced`, or nothing. One that was moved is still somewhere."""
        if found.st_nlink == 0:
            return "removed"
        try:
            now = self.path.stat()
        except OSError:
            return ""
        return "" if os.path.samestat(found, now) else "replaced by another file"

    def _begin_again(self, size_bytes: int) -> None:
        """Go on at the file's own end, so that checks of what comes are in their places; without its `start`, at the top.

        What is left since the last check before cannot be vouched for any more, and readers name it.
        """
        with contextlib.suppress(OSError):
            if os.pread(self._descriptor, len(self._first), 0) != self._first:
                os.ftruncate(self._descriptor, 0)
                size_bytes = 0
        self.size_bytes = self._checked_to = size_bytes
        self._crc = 0
        if not size_bytes:
            self._write(self._first)

    def close(self) -> None:
        """A last check, then close."""
        try:
            self.check()
        finally:
            self._release()
            os.close(self._descriptor)

    def _release(self) -> None:
        """Give the reserve back to the disk."""
        if self._reserve is not None:
            with contextlib.suppress(OSError):
                self._reserve.close()
            self._reserve = None

    def _write(self, content: bytes) -> None:
        try:
            written = os.write(self._descriptor, content)
        except OSError as error:
            self._release()
            raise JournalBroken(f"{self.path} takes no more: {error.strerror}.") from error
        if written < len(content):
            os.ftruncate(self._descriptor, self.size_bytes)
            self._release()
            raise JournalBroken(f"{self.path} takes no more: the disk is full.")
        self.size_bytes += written
        self._crc = zlib.crc32(content, self._crc)


def begun(path: Path, start: Start) -> Journal:
    """A new journal that has its first event; there is none without. Raises OSError, or BadInput where no event fits."""
    journal = Journal(path)
    try:
        journal.append(start)
    except JournalBroken as error:
        with contextlib.suppress(JournalBroken, OSError):
            journal.close()
        path.unlink(missing_ok=True)
        raise BadInput(str(error)) from error
    return journal
