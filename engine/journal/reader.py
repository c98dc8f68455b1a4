"""The reading end of a log: read or follow it, trusting only what checks."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import msgpack

from quintet.engine.journal.format import CHECK_BYTES, CHECK_HEAD, NoJournal, unpacker
from quintet.engine.paths import ABSENT, no_file
from quintet.engine.protocol.events import FORMAT, LOST

PIECE_BYTES = 1 << 20
_TORN = (ValueError, TypeError, RecursionError, msgpack.UnpackException)
"""What decoding hurt bytes may raise."""


class Batch(NamedTuple):
    """What one poll brought. With `again`, forget all that came before: these events begin the session anew."""

    events: list[list[Any]]
    again: bool
    at_end: bool


class _Check(NamedTuple):
    """A check that was found: its place in what is pending, and its fields."""

    at: int
    offset: int
    length: int
    crc: int


class _Again(Exception):
    """What was handed out does not hold: read from the beginning, up to the limit."""


class Reader:
    """Reads a journal forwards in pieces, and follows one that is still written.

    A stretch is used when its check holds, also where bytes before it are missing and it has moved, unless what it says
    of itself (`_who`) is another session's: two logs may have been joined. `unverified_bytes` is the length of the tail
    without a check. Where bytes were left out the events hold `[LOST, from, to]`.
    """

    def __init__(self, path: Path) -> None:
        """Open the file. Raises NoJournal when it is none, or from a newer version."""
        self.path = path
        wrong = no_file(path)
        if wrong not in (None, ABSENT):  # a pipe would be waited for
            raise NoJournal(f"{path} {wrong}. Give a journal's path.")
        try:
            self._file = path.open("rb", buffering=0)
        except OSError as error:
            raise NoJournal(f"{path} cannot be read: {error.strerror}.") from error
        try:
            _refuse_foreign(path, os.pread(self._file.fileno(), 64, 0))
        except OSError as error:
            self._file.close()
            raise NoJournal(f"{path} cannot be read: {error.strerror}.") from error
        except NoJournal:
            self._file.close()
            raise
        self._limit: int | None = None
        """What lies past it is another session's."""
        self._begin()

    def _begin(self) -> None:
        self._bad: list[tuple[int, int]] = []
        self._pending = bytearray()
        self._base = 0  # where _pending begins in the file
        self._expected = 0  # where it began when it was written: less than _base nowhere, more where bytes are missing
        self._searched = 0
        self._given = 0  # events of the open stretch that were handed out unverified
        self._tail_unpacker: msgpack.Unpacker | None = None
        self._tail_bad = False
        self._known: dict[str, Any] = {}
        self._lost_at: int | None = None  # the last loss since an event said whose it is
        self._moved = False  # whether a stretch out of its place was used since then
        self._file.seek(0)

    @property
    def bad(self) -> list[tuple[int, int]]:
        """The byte ranges (from, to) that were left out; from = to where bytes are missing."""
        found = list(self._bad)
        if self._tail_bad:
            found.append((self._base, self._base + len(self._pending)))
        if self._limit is not None:
            found = [(begin, end) for begin, end in found if end < self._limit]
            found.append((self._limit, os.fstat(self._file.fileno()).st_size))
        return found

    @property
    def unverified_bytes(self) -> int:
        """Bytes past the last check."""
        return 0 if self._tail_bad else len(self._pending)

    def poll(self, piece_bytes: int = PIECE_BYTES) -> Batch:
        """The next events, at most about piece_bytes of them; empty when nothing was added."""
        again = False
        while True:
            try:
                return self._poll(piece_bytes)._replace(again=again)
            except _Again:
                again = True
                self._begin()

    def _poll(self, piece_bytes: int) -> Batch:
        wanted = piece_bytes if self._limit is None else min(piece_bytes, self._limit - self._file.tell())
        content = self._file.read(wanted)
        self._pending += content
        events: list[list[Any]] = []
        while (found := self._next_check()) is not None:
            self._close_stretch(found, events)
        at_end = len(content) < piece_bytes
        if not content and os.fstat(self._file.fileno()).st_size < self._base + len(self._pending):
            raise _Again  # it was cut
        if at_end:
            if self._moved:
                self._stop_at(self._lost_at or 0)
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

    def _stop_at(self, place: int) -> None:
        self._limit = place
        raise _Again

    def _next_check(self) -> _Check | None:
        """The next check that is in its place, or that holds although it has moved."""
        while (at := self._pending.find(CHECK_HEAD, self._searched)) >= 0:
            if at + CHECK_BYTES > len(self._pending):
                return None
            offset, *widths_and_fields = struct.unpack_from(">QBIBI", self._pending, at + len(CHECK_HEAD))
            found = _Check(at, offset, *widths_and_fields[1::2])
            if widths_and_fields[::2] != [0xCE, 0xCE]:
                self._searched = at + 1
                continue
            if found.offset + found.length == self._base + at:
                return found
            if found.offset >= self._expected and 0 < found.length <= at and self._holds(found):
                return found
            self._searched = at + 1
        self._searched = max(0, len(self._pending) - len(CHECK_HEAD) + 1)
        return None

    def _holds(self, check: _Check) -> bool:
        stretch = memoryview(self._pending)[check.at - check.length : check.at]
        holds = zlib.crc32(stretch) == check.crc
        stretch.release()
        return holds

    def _close_stretch(self, check: _Check, events: list[list[Any]]) -> None:
        """Take the stretch before a check. Raises _Again when it is bad and some of it was handed out before."""
        begin = check.at - check.length
        moved = check.offset + check.length != self._base + check.at
        good = begin >= 0 and (moved or self._holds(check))
        given, self._given = self._given, 0
        if given and not (good and begin == 0):
            raise _Again
        if begin > 0 or not good or check.offset != self._expected:
            lost = (self._base, self._base + (begin if good else check.at))
            self._bad.append(lost)
            events.append([LOST, *lost])
            self._lost_at = lost[0] if self._lost_at is None else self._lost_at
        if good:
            taken = whole_events(bytes(self._pending[begin : check.at]))
            self._moved = moved if begin == 0 or moved else self._moved
            self._recognise(taken)
            events += taken[given:]
        self._base += check.at + CHECK_BYTES
        self._expected = check.offset + check.length + CHECK_BYTES
        del self._pending[: check.at + CHECK_BYTES]
        self._searched = 0
        self._tail_unpacker = None
        self._tail_bad = False

    def _recognise(self, events: list[list[Any]]) -> None:
        """Stop where events say that they are another session's: at the loss before them, or at their stretch."""
        for event in events:
            said = _who(event)
            for key, whose in said.items():
                if self._known.setdefault(key, whose) != whose:
                    self._stop_at(self._base if self._lost_at is None else self._lost_at)
            if said:
                self._lost_at, self._moved = None, False

    def _tail(self, content: bytes) -> list[list[Any]]:
        """Whole events past the last check that were not handed out yet."""
        if self._tail_bad:
            return []
        if self._tail_unpacker is None:
            self._tail_unpacker = unpacker(1 << 24)
            self._tail_unpacker.feed(self._pending)
            events, torn = _take(self._tail_unpacker)
            events = events[self._given :]
        else:
            self._tail_unpacker.feed(content)
            events, torn = _take(self._tail_unpacker)
        if torn or any(event[0] == "check" or self._is_strange(event) for event in events):  # a hurt check, or not ours
            if self._given:
                raise _Again
            self._tail_bad = True
            return []
        self._given += len(events)
        return events

    def _is_strange(self, event: list[Any]) -> bool:
        return any(self._known.get(key, whose) != whose for key, whose in _who(event).items())


def _refuse_foreign(path: Path, head: bytes) -> None:
    """Refuse a file that does not begin with a `start` of a format known here."""
    first = b"\xa5start"
    if not head:
        raise NoJournal(f"{path} is empty: it is no quintet journal.")
    if first not in head[:12]:
        raise NoJournal(f"{path} is no quintet journal: it does not begin with a `start` event.")
    source = unpacker(64)
    source.feed(head[head.index(first) + len(first) :])
    try:
        version = source.unpack()
    except _TORN:
        version = None
    if not isinstance(version, int) or version < 1:
        raise NoJournal(f"The `start` event of {path} is damaged, and without it nothing in it can be read.")
    if version > FORMAT:
        raise NoJournal(f"{path} has format {version}; this quintet reads up to {FORMAT}. Use a newer one.")


def _who(event: list[Any]) -> dict[str, Any]:
    """Whose event this is, where it says so: the session's id, and its supervisor's pid."""
    place = {"start": 4, "telemetry": 3, "end": 3}.get(event[0], 0)
    told = event[place] if 0 < place < len(event) else None
    if not isinstance(told, dict):
        return {}
    said = {"session": told["session"]} if "session" in told else {}
    processes = told.get("processes")
    for process in processes if isinstance(processes, list) else []:
        if isinstance(process, dict) and process.get("what") == "supervisor":
            said["pid"] = process.get("pid")
    return said


def whole_events(content: bytes) -> list[list[Any]]:
    """The events of a stretch whose check holds."""
    whole = unpacker(len(content) or 1)
    whole.feed(content)
    return _take(whole)[0]


def _take(source: msgpack.Unpacker) -> tuple[list[list[Any]], bool]:
    """The events that decode, and whether one did not: what follows it is left to the next check."""
    events: list[list[Any]] = []
    try:
        for array in source:
            if not isinstance(array, list) or not array or not isinstance(array[0], str):
                return events, True
            events.append(array)
    except _TORN:
        return events, True
    return events, False


def read(path: Path) -> list[list[Any]]:
    """Every usable event of a journal, in order. Raises NoJournal."""
    events: list[list[Any]] = []
    with Reader(path) as reader:
        while True:
            batch = reader.poll()
            events = batch.events if batch.again else events + batch.events
            if batch.at_end:
                return events
