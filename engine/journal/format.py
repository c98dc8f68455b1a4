"""The form of a log: a plain stream of msgpack arrays with checks.

After at most 64 KiB and at most a second of appends comes `check`, whose bytes have a fixed form, so a reader can find the
next one after a bad stretch. A stretch whose CRC-32 is wrong is dropped and named by its byte range; the tail past the last
check is used, unverified. Before there were checks, four of five flipped bits gave a wrong number in silence.
"""

from __future__ import annotations

import struct

import msgpack

CHECK_HEAD = b"\x94\xa5check\xcf"
CHECK_BYTES = 26
STRETCH_BYTES = 64 * 1024
MOST_ELEMENTS = 4096
"""No list or map of an event has more. msgpack before 1.2 makes room for all when it reads a length, and a damaged log may
say any length."""


class NoJournal(Exception):
    """The file is no journal that this version reads; the text is one sentence."""


class JournalBroken(Exception):
    """The disk did not take an event; the file was cut back to the last whole one."""


def check_bytes(offset: int, length: int, crc: int) -> bytes:
    """The 26 bytes of a `check`: with struct, since no packer forces integer widths."""
    return (
        CHECK_HEAD + struct.pack(">Q", offset) + b"\xce" + struct.pack(">I", length) + b"\xce" + struct.pack(">I", crc)
    )


def unpacker(buffer_bytes: int) -> msgpack.Unpacker:
    """An unpacker of events that holds at most this many bytes."""
    return msgpack.Unpacker(
        max_buffer_size=buffer_bytes, max_array_len=MOST_ELEMENTS, max_map_len=MOST_ELEMENTS, strict_map_key=False
    )
