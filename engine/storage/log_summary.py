"""What a log is, from its first and last bytes: enough to list it, without reading an hour of images."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import Any, NamedTuple

from quintet.engine.journal.format import CHECK_BYTES, CHECK_HEAD, STRETCH_BYTES, check_bytes
from quintet.engine.journal.reader import whole_events
from quintet.engine.session.lane import Lane
from quintet.engine.session.session import Session, folded

END_BYTES = 4 * STRETCH_BYTES
"""So much of a log's beginning and end is read."""


class Glance(NamedTuple):
    """What a log's ends tell."""

    path: Path
    size_bytes: int
    lanes: tuple[str, ...]
    began_wall_s: float
    length_s: float | None
    """None where the last stretch does not check."""
    ended: str
    """The end's reason; `no end` where there is none; `damaged` where the beginning does not check."""


def glance(path: Path) -> Glance | None:
    """Look at a log; None for a file that is none. Raises OSError."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(END_BYTES)
        file.seek(max(0, size - END_BYTES))
        tail = file.read(END_BYTES)
    if b"\xa5start" not in head[:12]:
        return None
    first = folded(_first_stretch(head))
    if first.start is None:
        return Glance(path, size, (), 0.0, None, "damaged")
    last = Session(start=first.start, lanes=[Lane(lane.number, lane.name, lane.task) for lane in first.lanes])
    last.fold(_last_stretch(tail))
    length = (last.last_ns - first.start.t_ns) / 1e9 if last.last_ns else None
    names = tuple(lane.name for lane in first.lanes)
    return Glance(
        path, size, names, first.start.wall_ns / 1e9, length, "no end" if last.end is None else last.end.reason
    )


def _first_stretch(head: bytes) -> list[list[Any]]:
    """The events of a file's first stretch, if its check is in these first bytes and holds; else none."""
    at = head.find(CHECK_HEAD)
    while 0 <= at <= len(head) - CHECK_BYTES:
        if head[at : at + CHECK_BYTES] == check_bytes(0, at, zlib.crc32(head[:at])):
            return whole_events(head[:at])
        at = head.find(CHECK_HEAD, at + 1)
    return []


def _last_stretch(tail: bytes) -> list[list[Any]]:
    """The events of the last stretch whose check is in these last bytes of a file and holds; else none."""
    at = tail.rfind(CHECK_HEAD)
    while at >= 0:
        if at + CHECK_BYTES <= len(tail):
            (length,) = struct.unpack_from(">I", tail, at + len(CHECK_HEAD) + 9)
            offset = tail[at + len(CHECK_HEAD) : at + len(CHECK_HEAD) + 8]
            stretch = tail[at - length : at] if 0 < length <= at else b""
            known = check_bytes(int.from_bytes(offset, "big"), length, zlib.crc32(stretch))
            if stretch and tail[at : at + CHECK_BYTES] == known:
                return whole_events(stretch)
        at = tail.rfind(CHECK_HEAD, 0, at)
    return []
