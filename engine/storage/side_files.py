"""Files beside a log: what its lanes, its nursery and a detached supervisor wrote to stderr.

They have the log's whole name and more: `exp.msgpack.lane0.stderr`. Each is made by its session and is never a file that
was there before; it is bounded, since a worker may write for ever, and removed at the end when nothing was written.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from pathlib import Path

from quintet.engine import private_files

MOST_BYTES = 10_000_000
"""A side file that is longer is cut to its last KEPT_BYTES."""
KEPT_BYTES = 1_000_000
NOTE_BYTES = 48
"""The length of the line that says what was left out: always the same, so that it can be written last."""


def supervisor_stderr(journal: Path) -> Path:
    """What a detached supervisor writes to stderr."""
    return journal.with_name(f"{journal.name}.stderr")


def nursery_stderr(journal: Path) -> Path:
    """What the nursery writes to stderr."""
    return journal.with_name(f"{journal.name}.nursery.stderr")


def lane_stderr(journal: Path, lane: int) -> Path:
    """What the workers of a lane write to stderr."""
    return journal.with_name(f"{journal.name}.lane{lane}.stderr")


def existing(journal: Path) -> list[Path]:
    """Files that are there already under the names of a log's side files."""
    names = re.compile(re.escape(journal.name) + r"(\.nursery|\.lane\d+)?\.stderr")
    try:
        return sorted(path for path in journal.parent.iterdir() if names.fullmatch(path.name))
    except OSError:
        return []


def tail(path: Path, most_bytes: int) -> str:
    """The end of a file's text; empty where none can be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return _tail(descriptor, most_bytes)
    finally:
        os.close(descriptor)


def _tail(descriptor: int, most_bytes: int) -> str:
    """Read from the end only: what a worker wrote may be long, and other lanes wait meanwhile."""
    try:
        size = os.fstat(descriptor).st_size
        return os.pread(descriptor, most_bytes, max(0, size - most_bytes)).decode("utf-8", "replace")
    except OSError:
        return ""


def open_new(path: Path) -> int:
    """The descriptor of a new side file; writers append. Raises FileExistsError where anything is, and OSError."""
    return private_files.create(path, os.O_RDWR | os.O_APPEND)


def remove_if_empty(path: Path, descriptor: int) -> None:
    """Remove the file of this descriptor if nothing was written and it is still what the path leads to."""
    with contextlib.suppress(OSError):
        if not os.fstat(descriptor).st_size and os.path.samestat(os.fstat(descriptor), path.lstat()):
            path.unlink()


class SideFile:
    """One side file of a live session. Its descriptors say which file it is, whatever becomes of the path."""

    def __init__(self, path: Path, descriptor: int | None = None) -> None:
        """Make the file; with a descriptor, take that one. Raises OSError, FileExistsError where anything is."""
        self.path = path
        self.descriptor = open_new(path) if descriptor is None else descriptor
        """For whoever writes: it appends."""
        self._left_out = 0
        self._noted = False
        try:
            self._inside = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)  # appends nothing
            if not os.path.samestat(os.fstat(self.descriptor), os.fstat(self._inside)):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        except OSError:
            if descriptor is None:
                os.close(self.descriptor)
            raise

    def tail(self, most_bytes: int) -> str:
        """The end of its text."""
        return _tail(self.descriptor, most_bytes)

    def bound(self) -> int:
        """Cut it to its last part when it is too long; returns its size in bytes."""
        try:
            size = os.fstat(self._inside).st_size
            return size if size <= MOST_BYTES else self._cut(size)
        except OSError:  # a full disk, which the log says
            return 0

    def _cut(self, size: int) -> int:
        """Move the end to the front, with what is written meanwhile, and cut: the last words of a worker are there."""
        begin, end = size - KEPT_BYTES, NOTE_BYTES
        while end < NOTE_BYTES + 2 * KEPT_BYTES and (piece := os.pread(self._inside, KEPT_BYTES, begin)):
            written = os.pwrite(self._inside, piece, end)
            begin, end = begin + written, end + written
        self._left_out += os.fstat(self._inside).st_size - end + (0 if self._noted else NOTE_BYTES)
        os.ftruncate(self._inside, end)
        os.pwrite(self._inside, (b"... %d bytes left out" % self._left_out).ljust(NOTE_BYTES - 1) + b"\n", 0)
        self._noted = True
        return end

    def close(self) -> None:
        """Close it; remove it when nothing was written."""
        remove_if_empty(self.path, self.descriptor)
        os.close(self.descriptor)
        os.close(self._inside)
        self.descriptor = self._inside = -1  # their numbers may be another file's next


class SideFiles:
    """All side files of a live session."""

    def __init__(self, journal: Path, lanes: int) -> None:
        """Make them. Raises OSError and leaves nothing; FileExistsError where one of their names is taken."""
        self.size_bytes = 0
        """What they took in all when `bound` was called last."""
        self.lanes: list[SideFile] = []
        """Of each lane, by its number."""
        self._made: list[SideFile] = []
        self._bounded: list[SideFile] = []
        try:
            self.lanes += [self._new(lane_stderr(journal, lane)) for lane in range(lanes)]
            self.nursery = self._new(nursery_stderr(journal))
        except OSError:
            self.close()
            raise
        self._bounded += self._made
        own = supervisor_stderr(journal)
        with contextlib.suppress(OSError):
            if os.path.samestat(own.lstat(), os.fstat(2)):  # detached: made, and at the end removed, by its process
                self._bounded.append(SideFile(own, 2))

    def _new(self, path: Path) -> SideFile:
        made = SideFile(path)
        self._made.append(made)
        return made

    def bound(self) -> None:
        """Keep each within its bounds, and note what they take. It costs little: call it as often as lanes are read."""
        self.size_bytes = sum(file.bound() for file in self._bounded)

    def close(self) -> None:
        """Close them; those in which nothing was written are removed."""
        self._bounded.clear()
        while self._made:
            self._made.pop().close()
