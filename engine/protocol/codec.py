"""Frames as bytes and back: a frame is a msgpack array `[kind, field, ...]`."""

from __future__ import annotations

from typing import Any

import msgpack

from quintet.engine.paths import readable
from quintet.engine.protocol.control_messages import FROM_CLIENT, TO_CLIENT
from quintet.engine.protocol.events import JOURNAL, Frame
from quintet.engine.protocol.orders import TO_WORKER, LaneOrder

_KINDS = {cls: kind for table in (JOURNAL, TO_WORKER, FROM_CLIENT, TO_CLIENT) for kind, cls in table.items()}


def encode(frame: Frame) -> bytes:
    """The bytes of one frame: a msgpack array of its kind and its fields.

    Text is UTF-8, so that any reader of msgpack takes it. Bytes of a path that are not UTF-8 become replacement signs,
    except in a `lane` order, whose paths a worker opens: they arrive there as they are.
    """
    array = (_KINDS[type(frame)], *frame)
    if isinstance(frame, LaneOrder):
        content: bytes = msgpack.packb(array, unicode_errors="surrogateescape")
        return content
    try:
        content = msgpack.packb(array)
    except UnicodeEncodeError:
        content = msgpack.packb(_readable(array))
    return content


def _readable(value: Any) -> Any:
    """The same value with all its texts in UTF-8."""
    if isinstance(value, str):
        return readable(value)
    if isinstance(value, dict):
        return {_readable(key): _readable(one) for key, one in value.items()}
    return [_readable(one) for one in value] if isinstance(value, (list, tuple)) else value


def decode(array: Any, kinds: dict[str, type]) -> Frame | None:
    """The frame of one decoded array, cut to the fields known here; None for a kind that is not in `kinds`.

    Raises ValueError when the array is no frame or has too few fields. Types inside are not checked here.
    """
    if not isinstance(array, list) or not array or not isinstance(array[0], str):
        raise ValueError("a frame must be an array that begins with its kind")
    cls = kinds.get(array[0])
    if cls is None:
        return None
    width: int = len(cls._fields)  # type: ignore[attr-defined]
    if len(array) <= width:
        raise ValueError(f"{array[0]} has {len(array) - 1} fields, {width} are needed")
    frame: Frame = cls(*array[1 : width + 1])
    return frame


MOST_ELEMENTS = 4096
"""No list or map of a frame has more. msgpack before 1.2 makes room for all when it reads a length, before any has come."""


def unpacker(*, orders: bool = False) -> msgpack.Unpacker:
    """A bounded unpacker for one connection: 1 MiB of bytes at most. A frame's length is bounded by who feeds it (stream.py).

    With `orders` it is a worker's: the paths in its `lane` order may hold bytes that are not UTF-8.
    """
    errors = "surrogateescape" if orders else "strict"
    return msgpack.Unpacker(
        max_buffer_size=1 << 20, max_array_len=MOST_ELEMENTS, max_map_len=MOST_ELEMENTS, strict_map_key=False,
        unicode_errors=errors,
    )  # fmt: skip
