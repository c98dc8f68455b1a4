"""What a fold can use: a journal's event with the right fields, of a lane that there is.

A stretch whose check holds was checked when it was written. The tail past the last check was not read back by anybody, and
a log may come from elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from quintet.engine.protocol import events as ev
from quintet.engine.protocol.codec import decode
from quintet.engine.protocol.events import JOURNAL, MOST, Frame


def validated(array: Any, kinds: dict[str, type]) -> Frame | None:
    """Decode and check every field's type. Raises ValueError (msgspec's included); None for an unknown kind."""
    frame = decode(array, kinds)
    if frame is None:
        return None
    checked: Frame = msgspec.convert(tuple(frame), type=type(frame))
    return checked


def checked(array: Sequence[Any], lanes: int | None) -> Frame | None:
    """The frame of an array in a session of so many lanes (None: not begun yet); None for an unknown kind.

    Raises ValueError (or KeyError or TypeError of a map's contents) for one too short, with a wrong type, of a lane that
    there is none, or for a second `start`.
    """
    plain = decode(array, JOURNAL)
    if plain is None:
        return None
    frame: Frame = msgspec.convert(tuple(plain), type=type(plain))
    if any(isinstance(number, int) and abs(number) > MOST for number in frame):
        raise ValueError("a number is too large")
    if isinstance(frame, ev.Start):
        if lanes is not None or not _named(frame.manifest.get("lanes")):
            raise ValueError("a session starts once, and names its lanes")
        return frame
    named = [frame.lane] if getattr(frame, "lane", None) is not None else []  # type: ignore[attr-defined]
    if isinstance(frame, ev.BlockStart):
        named += frame.cell["lanes"]
        if not frame.cell["levels"] or not frame.cell["regime"]:
            raise ValueError("a cell has a regime and levels")
    if any(not isinstance(number, int) or not 0 <= number < (lanes or 0) for number in named):
        raise ValueError("there is no such lane")
    if isinstance(frame, ev.Arm) and "score" not in frame.levels:
        raise ValueError("an arm holds every switch")
    return frame


def _named(lanes: Any) -> bool:
    """Whether a manifest's lanes can be folded: each a map with a name and a task."""
    return isinstance(lanes, list) and all(
        isinstance(lane, dict) and isinstance(lane.get("threads", 1), int) and {"name", "task"} <= set(lane)
        for lane in lanes
    )
