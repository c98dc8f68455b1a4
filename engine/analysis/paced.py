"""Lanes whose images come at a camera's pace (the switch `pace`): what was skipped, what came late. Pure.

Their images per second are the camera's, not the model's: a change in them has no verdict.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from quintet.engine.analysis.blocks import RATE, span
from quintet.engine.session.session import Session
from quintet.engine.session.settings import RULES, Rules

NOTE = "paced"
"""Why a contrast of a paced lane has no verdict."""
CAMERAS = (RATE, "cycle")
"""The outcomes that a camera sets."""


class Paced(NamedTuple):
    """Of the images that were due in a cell: how many were skipped, and how many of those taken began late."""

    images: int
    late: int
    skipped: int | None
    """By the worker's own count, read about once a second; None where the log does not have it."""

    @property
    def late_pct(self) -> float | None:
        """Late images in percent of those taken."""
        return 100 * self.late / self.images if self.images else None

    @property
    def skipped_pct(self) -> float | None:
        """Skipped images in percent of those due."""
        due = self.images + (self.skipped or 0)
        return None if self.skipped is None or not due else 100 * self.skipped / due


def is_paced(levels: Mapping[str, object]) -> bool:
    """Whether a lane with these levels follows a camera."""
    return levels.get("pace", "closed") != "closed"


def in_block(session: Session, place: int, lane: int) -> bool:
    """Whether a lane followed a camera in the block at this place of session.blocks."""
    started_ns = session.blocks[place].start.started_ns
    arms = session.lanes[lane].arms
    place = bisect_right(arms, started_ns, key=lambda arm: arm.t_ns) - 1
    return place >= 0 and is_paced(arms[place].levels)


def ever(session: Session, lane: int) -> bool:
    """Whether a lane followed a camera at any time."""
    return any(is_paced(arm.levels) for arm in session.lanes[lane].arms)


def of_blocks(session: Session, places: Sequence[int], lane: int, rules: Rules = RULES) -> Paced | None:
    """What a camera's pace made of a lane in these blocks; None where none was paced."""
    places = [place for place in places if in_block(session, place, lane)]
    times = []
    for place in places:
        block = session.blocks[place]
        burn_in_ns = block.start.burn_in_ns if rules.planned_burn_in_ns is None else rules.planned_burn_in_ns
        times.append((block.start.started_ns + burn_in_ns, session.last_ns if block.end is None else block.end.t_ns))
    return of_spans(session, lane, [span(session, place, lane, rules) for place in places], times) if places else None


def of_spans(session: Session, lane: int, spans: Iterable[tuple[int, int]], times: Iterable[tuple[int, int]]) -> Paced:
    """The same of half-open ranges of a lane's images, and of the times that they lie in (nanoseconds)."""
    its, images, late = session.lanes[lane], 0, 0
    for first, last in spans:
        if last > first:
            begin_ns, end_ns = its.rows.start_ns[first], its.rows.start_ns[last - 1]
            images += last - first
            late += bisect_right(its.late_ns, end_ns) - bisect_left(its.late_ns, begin_ns)
    counts = [_skipped(its.skipped, begin_ns, end_ns) for begin_ns, end_ns in times]
    known = [count for count in counts if count is not None]
    return Paced(images, late, sum(known) if len(known) == len(counts) else None)


def _skipped(readings: Sequence[tuple[int, int]], begin_ns: int, end_ns: int) -> int | None:
    """How far a worker's count rose from the last reading before a time to the last one in it."""
    first = bisect_right(readings, (begin_ns, 1 << 62)) - 1
    last = bisect_right(readings, (end_ns, 1 << 62)) - 1
    if last < 0:
        return None
    before = readings[first][1] if first >= 0 else 0
    return readings[last][1] - before if readings[last][1] >= before else None
