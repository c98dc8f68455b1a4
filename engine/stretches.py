"""Settings and stretches: under what every image was measured, and from when to when.

A setting is the active lanes and the levels in force in every one of them. A change of any lane's arm, gate or death
starts a new setting for all, since lanes on one machine measure each other.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from quintet.engine.events import Levels
from quintet.engine.session import Lane, Session, as_it_was
from quintet.engine.switches import BY_NAME, MODES, mode_of

BURN_IN_NS, BURN_IN_IMAGES = 1_000_000_000, 5
BLOCK_NS, BLOCK_IMAGES, BLOCK_MOST_NS = 4_000_000_000, 30, 20_000_000_000

Level: TypeAlias = "str | int | float | None"


class Setting(NamedTuple):
    """Active lanes in order, each with its levels as sorted (switch, level) pairs. Hashable: it is a key."""

    active: tuple[tuple[int, tuple[tuple[str, Level], ...]], ...]

    @property
    def lanes(self) -> tuple[int, ...]:
        """The active lanes' numbers."""
        return tuple(lane for lane, _ in self.active)

    def levels(self, lane: int) -> dict[str, Level]:
        """The levels in force in an active lane. Raises KeyError for one that is not active."""
        return dict(dict(self.active)[lane])

    @property
    def mode(self) -> str | None:
        """The mode that all active lanes share, or None."""
        modes = {mode_of(dict(levels)) for _, levels in self.active}
        return modes.pop() if len(modes) == 1 else None


class Stretch(NamedTuple):
    """The time from one change of setting to the next; end_ns is None while it runs."""

    begin_ns: int
    end_ns: int | None
    setting: Setting


def setting_of(levels: Mapping[int, Levels]) -> Setting:
    """The setting of these active lanes and their levels."""
    return Setting(tuple((lane, tuple(sorted(levels[lane].items()))) for lane in sorted(levels)))


def stretches(session: Session, until_ns: int | None = None) -> list[Stretch]:
    """All stretches with an active lane, in order, as far as known at until_ns."""
    active: dict[int, Levels] = {}
    found: list[Stretch] = []
    begin_ns, setting = 0, setting_of({})
    for change in session.changes:
        if until_ns is not None and change.t_ns > until_ns:
            break
        if change.levels is None:
            active.pop(change.lane, None)
        else:
            active[change.lane] = change.levels
        after = setting_of(active)
        if after == setting:
            continue
        if setting.active and change.t_ns > begin_ns:
            found.append(Stretch(begin_ns, change.t_ns, setting))
        begin_ns, setting = change.t_ns, after
    if setting.active:
        ended = session.end.t_ns if session.end and (until_ns is None or session.end.t_ns <= until_ns) else None
        found.append(Stretch(begin_ns, ended, setting))
    return found


def measured(lane: Lane, stretch: Stretch, until_ns: int) -> tuple[int, int]:
    """The half-open range of the lane's images that count in a stretch: after its burn-in, ended by its end."""
    rows = lane.rows
    end_ns = min(until_ns, until_ns if stretch.end_ns is None else stretch.end_ns)
    first = max(
        bisect_left(rows.start_ns, stretch.begin_ns + BURN_IN_NS),
        bisect_left(rows.start_ns, stretch.begin_ns) + BURN_IN_IMAGES,
    )
    begin, end = rows.span(stretch.begin_ns, end_ns)
    return (first, end) if begin <= first < end else (end, end)


def block_ns(session: Session, stretch: Stretch, until_ns: int) -> int:
    """How long a stretch of this setting must be to count as a block: 4 s, or 30 images of its slowest lane."""
    slowest = 0.0
    for number in stretch.setting.lanes:
        rows = session.lanes[number].rows
        slowest = max(slowest, rows.mean_ns("cycle", *rows.span(stretch.begin_ns, until_ns)) or 0.0)
    return min(BLOCK_MOST_NS, max(BLOCK_NS, int(BLOCK_IMAGES * slowest)))


def regime_of(session: Session, setting: Setting, at_ns: int | None = None) -> str:
    """`together` when every lane that is able to run is active, `alone` for one, else the active lanes' names.

    Who is able is as known at at_ns, at the latest event when it is None.
    """
    moment = session.last_ns if at_ns is None else at_ns
    lives = [as_it_was(lane, moment) for lane in session.lanes]
    able = [lane.number for lane in lives if _is_able(lane, moment)]
    lanes = setting.lanes
    if len(lanes) > 1 and set(lanes) >= set(able):
        return "together"
    if len(lanes) == 1:
        return "alone"
    return "+".join(session.lanes[number].name for number in lanes)


def _is_able(lane: Lane, moment: int) -> bool:
    """Loaded, and not failed."""
    ready = lane.ready is not None and lane.ready.t_ns <= moment
    return ready and (lane.failed_ns is None or lane.failed_ns > moment)


class Difference(NamedTuple):
    """Two settings that differ in one switch (or mode), from one level to one other, in some of their lanes."""

    switch: str
    a: Level
    b: Level
    lanes: tuple[int, ...]


def difference(one: Setting, other: Setting) -> Difference | None:
    """In what one switch two settings of the same lanes differ, levels in the order of `one`, `other`; else None."""
    if one.lanes != other.lanes:
        return None
    found: set[tuple[str, Level, Level]] = set()
    lanes: list[int] = []
    for lane in one.lanes:
        change = _lane_difference(one.levels(lane), other.levels(lane))
        if change is None:
            return None
        if change[0]:
            found.add(change)
            lanes.append(lane)
    if len(found) != 1:
        return None
    switch, a, b = found.pop()
    return Difference(switch, a, b, tuple(lanes))


def _lane_difference(one: dict[str, Level], other: dict[str, Level]) -> tuple[str, Level, Level] | None:
    """(switch, level, level); the switch is "" when nothing differs; None when more than one switch does."""
    names = [name for name in BY_NAME if one.get(name) != other.get(name)]
    if not names:
        return "", None, None
    before, after = mode_of(one), mode_of(other)
    preset = set(next(iter(MODES.values())))
    if before and after and set(names) <= preset:
        return "mode", before, after
    if len(names) == 1:
        return names[0], one[names[0]], other[names[0]]
    return None
