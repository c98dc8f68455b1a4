"""The log of one session on disk: append whole events with checks, and read or follow it, trusting only what checks.

A plain stream of msgpack arrays. After at most 64 KiB and at most a second of appends comes `check`, whose bytes have a
fixed form, so a reader can find the next one after a bad stretch. A stretch whose CRC-32 is wrong is dropped and named
by its byte range; the tail past the last check is used, unverified. Before there were checks, four of five flipped bits
gave a wrong number in silence.
"""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import msgpack

from quintet.engine.events import FORMAT, Frame, encode

CHECK_HEAD = b"\x94\xa5check\xcf"
CHECK_BYTES = 26
STRETCH_BYTES = 64 * 1024
PIECE_BYTES = 1 << 20


class NoJournal(Exception):
    """The file is no journal that this version reads; the text is one sentence."""


class JournalBroken(Exception):
    """The disk did not take an event; the file was cut back to the last whole one."""


def check_bytes(offset: int, length: int, crc: int) -> bytes:
    """The 26 bytes of a `check`: with struct, since no packer forces integer widths."""
    return (
        CHECK_HEAD + struct.pack(">Q", offset) + b"\xce" + struct.pack(">I", length) + b"\xce" + struct.pack(">I", crc)
    )


class Journal:
    """The writing end. One process writes; many may read meanwhile."""

    def __init__(self, path: Path) -> None:
        """Create the file. Raises FileExistsError or OSError."""
        self.path = path
        self.size_bytes = 0
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._checked_to = 0
        self._crc = 0

    def append(self, frame: Frame) -> None:
        """Append one event. Raises JournalBroken when the disk did not take it."""
        self._write(encode(frame))
        if self.size_bytes - self._checked_to >= STRETCH_BYTES:
            self.check()

    def check(self) -> None:
        """Close the stretch since the last check, if there is one. Call it once a second."""
        if self.size_bytes > self._checked_to:
            self._write(check_bytes(self._checked_to, self.size_bytes - self._checked_to, self._crc))
            self._checked_to, self._crc = self.size_bytes, 0

    def close(self) -> None:
        """A last check, then close."""
        try:
            self.check()
        finally:
            os.close(self._descriptor)

    def _write(self, content: bytes) -> None:
        try:
            written = os.write(self._descriptor, content)
        except OSError as error:
            raise JournalBroken(f"{self.path} takes no more: {error.strerror}") from error
        if written < len(content):
            os.ftruncate(self._descriptor, self.size_bytes)
            raise JournalBroken(f"{self.path} takes no more: the disk is full")
        self.size_bytes += written
        self._crc = zlib.crc32(content, self._crc)


class Batch(NamedTuple):
    """What one poll brought. With `again`, forget all that came before: these events begin the session anew."""

    events: list[list[Any]]
    again: bool
    at_end: bool


class Reader:
    """Reads a journal forwards in pieces, and follows one that is still written.

    `bad` holds the byte ranges (from, to) that were dropped; `unverified_bytes` the length of the tail without a check.
    """

    def __init__(self, path: Path) -> None:
        """Open the file. Raises NoJournal when it is none, or from a newer version."""
        self.path = path
        self.bad: list[tuple[int, int]] = []
        try:
            self._file = path.open("rb", buffering=0)
        except OSError as error:
            raise NoJournal(f"{path} cannot be read: {error.strerror}.") from error
        try:
            self._refuse_foreign()
        except NoJournal:
            self._file.close()
            raise
        self._pending = bytearray()
        self._base = 0  # where _pending begins in the file
        self._searched = 0
        self._given = 0  # events of the open stretch that were handed out unverified
        self._tail_unpacker: msgpack.Unpacker | None = None

    @property
    def unverified_bytes(self) -> int:
        """Bytes past the last check."""
        return len(self._pending)

    def poll(self, piece_bytes: int = PIECE_BYTES) -> Batch:
        """The next events, at most about piece_bytes of them; empty when nothing was added."""
        content = self._file.read(piece_bytes)
        self._pending += content
        events: list[list[Any]] = []
        again = False
        while (found := self._next_check()) is not None:
            good, broke_promise = self._close_stretch(found, events)
            if broke_promise and not good:
                again = True
                break
        if again:
            self._begin_again()
            return self.poll(piece_bytes)._replace(again=True)
        at_end = len(content) < piece_bytes
        if at_end:
            events += self._tail(content)
        else:
            self._tail_unpacker = None  # more is to come: the stretch is taken whole, at its check
        return Batch(events, False, at_end)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _begin_again(self) -> None:
        self._file.seek(0)
        self._pending.clear()
        self._base = self._searched = self._given = 0
        self._tail_unpacker = None
        self.bad.clear()

    def _refuse_foreign(self) -> None:
        head = os.pread(self._file.fileno(), 64, 0)
        first = b"\xa5start"
        if not head:
            raise NoJournal(f"{self.path} is empty: it is no quintet journal.")
        if first not in head[:12]:
            raise NoJournal(f"{self.path} is no quintet journal: it does not begin with a `start` event.")
        version = head[head.index(first) + len(first)]
        if version > FORMAT:
            raise NoJournal(f"{self.path} has format {version}; this quintet reads up to {FORMAT}. Use a newer one.")

    def _next_check(self) -> tuple[int, int, int] | None:
        """Place in _pending, stretch length and CRC of the next genuine check, or None."""
        while (at := self._pending.find(CHECK_HEAD, self._searched)) >= 0:
            if at + CHECK_BYTES > len(self._pending):
                return None
            offset, length, crc = struct.unpack_from(">QxIxI", self._pending, at + len(CHECK_HEAD))
            if offset + length == self._base + at:
                return at, length, crc
            self._searched = at + 1
        self._searched = max(0, len(self._pending) - len(CHECK_HEAD) + 1)
        return None

    def _close_stretch(self, found: tuple[int, int, int], events: list[list[Any]]) -> tuple[bool, bool]:
        """Take the stretch before a check; returns whether it was good, and whether some of it was handed out before."""
        at, length, crc = found
        begin = max(0, at - length)
        stretch = bytes(self._pending[begin:at])
        good = length <= at and zlib.crc32(stretch) == crc
        given, self._given = self._given, 0
        if begin:
            self.bad.append((self._base, self._base + begin))
        if good:
            taken = _whole_events(stretch)
            events += taken[given:] if not begin else taken
        else:
            self.bad.append((self._base + begin, self._base + at))
        end = at + CHECK_BYTES
        del self._pending[:end]
        self._base += end
        self._searched = 0
        self._tail_unpacker = None
        return good and not begin, given > 0

    def _tail(self, content: bytes) -> list[list[Any]]:
        """Whole events past the last check that were not handed out yet."""
        if self._tail_unpacker is None:
            self._tail_unpacker = msgpack.Unpacker(max_buffer_size=1 << 24, strict_map_key=False)
            self._tail_unpacker.feed(self._pending)
            events = _take(self._tail_unpacker)[self._given :]
        else:
            self._tail_unpacker.feed(content)
            events = _take(self._tail_unpacker)
        self._given += len(events)
        return events


def _whole_events(content: bytes) -> list[list[Any]]:
    whole = msgpack.Unpacker(max_buffer_size=len(content) or 1, strict_map_key=False)
    whole.feed(content)
    return _take(whole)


def _take(source: msgpack.Unpacker) -> list[list[Any]]:
    """The events that decode; what does not is left to the next check."""
    events: list[list[Any]] = []
    try:
        for array in source:
            if not isinstance(array, list) or not array or not isinstance(array[0], str):
                break
            events.append(array)
    except (ValueError, msgpack.UnpackException):
        pass
    return events


def read(path: Path) -> list[list[Any]]:
    """Every usable event of a journal, in order. Raises NoJournal."""
    events: list[list[Any]] = []
    with Reader(path) as reader:
        while True:
            batch = reader.poll()
            events = batch.events if batch.again else events + batch.events
            if batch.at_end:
                return events
