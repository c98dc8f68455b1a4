"""The one door for frames from another process: bytes in, checked frames out, nothing unbounded held meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from quintet.engine.protocol.codec import unpacker
from quintet.engine.protocol.events import MOST, Frame
from quintet.engine.protocol.validation import validated

CLIENT_FRAME_BYTES = 1 << 16
WORKER_FRAME_BYTES = 1 << 18
"""No frame is longer. A list of empty lists takes 60 times its bytes in memory, so this is what bounds it."""
DEPTH = 16
"""No map or list lies deeper: what writes, reads and shows them may follow them by recursion."""


class BadFrame(ValueError):
    """What a peer sent is not a frame that it may send; the text says why."""


class FrameStream:
    """The frames of one peer, from pieces of bytes."""

    def __init__(self, kinds: dict[str, type], most_bytes: int) -> None:
        """`kinds` is what this peer may send, most_bytes the longest frame."""
        self._kinds, self._most_bytes = kinds, most_bytes
        self._unpacker = unpacker()
        self._fed_bytes = self._taken_bytes = 0
        """Of all that came, and of it up to the last whole frame."""

    def feed(self, content: bytes) -> Iterator[Frame]:
        """The frames that are whole now, each checked; one of an unknown kind is skipped. Raises BadFrame at a bad one."""
        self._fed_bytes += len(content)
        try:
            self._unpacker.feed(content)
        except Exception as error:
            raise BadFrame(_why(error)) from error
        while (frame := self._next()) is not None:
            if frame is not _SKIPPED:
                yield frame

    def _next(self) -> Frame | None:
        """The next whole frame; None when there is none yet."""
        try:
            array = next(self._unpacker, _END)
            if array is _END:
                self._refuse_long(self._fed_bytes - self._taken_bytes)
                return None
            began, self._taken_bytes = self._taken_bytes, self._unpacker.tell()
            self._refuse_long(self._taken_bytes - began)
            frame = validated(array, self._kinds)
            for field in () if frame is None else frame:
                if isinstance(field, (int, dict)) and not sound(field):
                    raise BadFrame(f"a number is too large, or maps or lists lie more than {DEPTH} deep")
        except BadFrame:
            raise
        except Exception as error:  # whatever hostile bytes make of a decoder is one thing: a bad frame
            raise BadFrame(_why(error)) from error
        return _SKIPPED if frame is None else frame

    def _refuse_long(self, size_bytes: int) -> None:
        if size_bytes > self._most_bytes:
            raise BadFrame(f"a frame is longer than {self._most_bytes} bytes")


_END = object()
_SKIPPED: Frame = ("skipped",)


def sound(value: Any, depth: int = DEPTH) -> bool:
    """Whether no map or list inside lies deeper than this, and no whole number is beyond MOST."""
    if isinstance(value, Mapping):
        return depth > 0 and all(sound(one, depth - 1) for one in value.values())
    if isinstance(value, (list, tuple)):
        return depth > 0 and all(sound(one, depth - 1) for one in value)
    return not isinstance(value, int) or -MOST <= value <= MOST


def _why(error: Exception) -> str:
    text = str(error).strip().removesuffix(".")
    return text or type(error).__name__
