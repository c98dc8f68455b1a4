"""Which events can be used: the right fields, inner maps of the right form, and lanes that exist.

Everything that reads a log folds events that passed `checked`, so no reader checks again. A stretch whose CRC-32 holds was
checked when it was written; the tail past the last check was not, and a log may come from somebody else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from quintet.engine.protocol import events as ev
from quintet.engine.protocol import shapes
from quintet.engine.protocol.codec import decode
from quintet.engine.protocol.events import FAULTS, JOURNAL, MOST, Frame
from quintet.engine.protocol.plan_messages import told_cell, told_plan

TIME_MOST = 2**61
"""No time on the monotonic clock is later: added to a wall clock's offset it fits into 64 bits."""
LONGEST = 64 * 1024
"""No text of an event is longer, the tail of a worker's stderr included."""
LONGEST_WORD = 512
_TIMES = ("t_ns", "asked_ns", "requested_ns", "started_ns")
_WORDS = ("step", "state", "kind", "outcome", "reason", "who")
_COUNTS = ("images", "of", "cost_ns", "count", "blocked_ns", "cpu_ns", "slices", "voluntary", "involuntary", "burn_in_ns",
           "done", "wall_ns")  # fmt: skip
"""Fields that are never negative."""


class _Places(NamedTuple):
    """Where the fields of a kind stand whose values are bounded."""

    times: tuple[int, ...]
    words: tuple[int, ...]
    counts: tuple[int, ...]

    @classmethod
    def of(cls, kind: Any) -> _Places:
        """Those of a kind of event."""
        return cls(
            *(tuple(kind._fields.index(n) for n in names if n in kind._fields) for names in (_TIMES, _WORDS, _COUNTS))
        )


_PLACES = {kind: _Places.of(kind) for kind in JOURNAL.values()}


def validated(array: Any, kinds: dict[str, type]) -> Frame | None:
    """A peer's frame with every field's type checked. Raises ValueError (msgspec's included); None for an unknown kind.

    A peer of ours is of our version, so a fault of a kind that is not in FAULTS is refused too.
    """
    frame = decode(array, kinds)
    if frame is None:
        return None
    checked: Frame = msgspec.convert(tuple(frame), type=type(frame))
    if isinstance(checked, ev.Fault) and checked.kind not in FAULTS:
        raise ValueError(f"a fault of kind {checked.kind!r}")
    return checked


def checked(array: Sequence[Any], lanes: int | None) -> Frame | None:
    """The frame of an array in a session with this many lanes (None: not begun yet); None for an unknown kind.

    Raises ValueError for a frame that is too short, has a field or an inner value of a wrong type or size, names a lane
    that does not exist, or is a second `start`. A log may be of a newer quintet: keys and words that are not known pass.
    """
    plain = decode(array, JOURNAL)
    if plain is None:
        return None
    shapes.plain(tuple(plain))
    frame: Frame = msgspec.convert(tuple(plain), type=type(plain))
    _bounded(frame)
    if isinstance(frame, ev.Start):
        if lanes is not None:
            raise ValueError("a session starts once")
        shapes.check_manifest(frame.manifest)
        return frame
    _of_lanes(frame, lanes or 0)
    _inner(frame, lanes or 0)
    return frame


def _bounded(frame: Frame) -> None:
    """Numbers and texts of the frame itself."""
    for value in frame:
        if isinstance(value, int):
            if not -MOST <= value <= MOST:
                raise ValueError("a number is too large")
        elif isinstance(value, str) and len(value) > LONGEST:
            raise ValueError("a text is too long")
    places = _PLACES[type(frame)]
    if any(len(frame[place]) > LONGEST_WORD for place in places.words):
        raise ValueError("a word is too long")
    if not all(0 <= frame[place] <= TIME_MOST for place in places.times):
        raise ValueError("a time is out of range")
    if any((frame[place] or 0) < 0 for place in places.counts):
        raise ValueError("a count is negative")


def _of_lanes(frame: Frame, lanes: int) -> None:
    """Every lane that a frame names exists."""
    named = [frame.lane] if getattr(frame, "lane", None) is not None else []  # type: ignore[attr-defined]
    if isinstance(frame, ev.Command):
        named += frame.lanes
        if len(frame.lanes) > lanes:
            raise ValueError("a command names a lane twice")
    if not all(0 <= number < lanes for number in named):
        raise ValueError("there is no such lane")


def _inner(frame: Frame, lanes: int) -> None:
    """The maps inside a frame have the form that readers rely on."""
    if isinstance(frame, ev.BlockStart):
        if max(told_cell(frame.cell).lanes) >= lanes:
            raise ValueError("there is no such lane")
    elif isinstance(frame, ev.Arm):
        shapes.check_levels(frame.levels)
    elif isinstance(frame, ev.Ready):
        shapes.check_info(frame.info)
    elif isinstance(frame, ev.Telemetry):
        shapes.check_readings(frame.values, lanes)
    elif isinstance(frame, ev.Command):
        shapes.check_asked(frame.what)
        if "plan" in frame.what:
            _of_plan(frame, lanes)
    elif isinstance(frame, ev.Value) and len(frame.values) > 64:
        raise ValueError("too many values")


def _of_plan(frame: ev.Command, lanes: int) -> None:
    told = told_plan(frame.what)
    if max(*told.lanes, *(max(regime.lanes) for regime in told.regimes)) >= lanes:
        raise ValueError("a plan names a lane that does not exist")
