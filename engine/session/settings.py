"""Settings and stretches: under what every image was measured, and from when to when.

A setting is the active lanes and the levels in force in every one of them. A change of any lane's arm, gate or death
starts a new setting for all, since lanes on one machine measure each other.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import NamedTuple

from quintet.engine.protocol.events import Levels
from quintet.engine.protocol.switches import BY_NAME, MODES, Level, mode_of
from quintet.engine.session.lane import Lane, as_it_was
from quintet.engine.session.membership import after_burn_in
from quintet.engine.session.session import Change, Session

BURN_IN_NS, BURN_IN_IMAGES = 1_000_000_000, 5
BLOCK_NS, BLOCK_IMAGES, BLOCK_MOST_NS = 4_000_000_000, 30, 20_000_000_000


class Rules(NamedTuple):
    """By what rules a journal is read; they can be changed after the fact, since the journal holds every image."""

    burn_in_ns: int = BURN_IN_NS
    burn_in_images: int = BURN_IN_IMAGES
    """An image of a stretch counts once so much time and so many images of its lane have passed."""
    planned_burn_in_ns: int | None = None
    """The burn-in of planned blocks; None: as each block recorded it."""
    block_ns: int = BLOCK_NS
    block_images: int = BLOCK_IMAGES
    block_most_ns: int = BLOCK_MOST_NS
    """A stretch counts as a block from max(block_ns, block_images of its slowest lane) on, at most block_most_ns."""
    outcome: str = "predict"
    """One of rows.OUTCOMES."""
    margin_pct: float = 2.0
    """Changes inside it are called the same."""
    tail_percent: int = 95
    """The percentile that stands for the tail: one of rows.PERCENTILE_FLOORS."""


RULES = Rules()


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


NOTHING = Setting(())


class Stretch(NamedTuple):
    """The time from one change of setting to the next; end_ns is None while it runs."""

    begin_ns: int
    end_ns: int | None
    setting: Setting


def setting_of(levels: Mapping[int, Levels]) -> Setting:
    """The setting of these active lanes and their levels."""
    return Setting(tuple((lane, tuple(sorted(levels[lane].items()))) for lane in sorted(levels)))


class _Edges:
    """Every change of setting so far, worked out once: a screen asks for stretches a dozen times a second, for hours."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self.times: list[int] = []
        self.settings: list[Setting] = []
        self._active: dict[int, tuple[tuple[str, Level], ...]] = {}
        self._taken = 0
        self._last: Change | None = None

    def follow(self, changes: list[Change]) -> None:
        """Take the changes that came since; all of them again when one was put in before the last that was taken."""
        if self._taken and (self._taken > len(changes) or changes[self._taken - 1] is not self._last):
            self._begin()
        for change in changes[self._taken :]:
            if change.levels is None:
                self._active.pop(change.lane, None)
            else:
                self._active[change.lane] = tuple(sorted(change.levels.items()))
            after = Setting(tuple(sorted(self._active.items())))
            if after != (self.settings[-1] if self.settings else NOTHING):
                self.times.append(change.t_ns)
                self.settings.append(after)
        self._taken = len(changes)
        self._last = changes[-1] if changes else None


def stretches(session: Session, until_ns: int | None = None) -> list[Stretch]:
    """All stretches with an active lane, in order, as far as known at until_ns."""
    edges = session.memo.setdefault("edges", _Edges())
    edges.follow(session.changes)
    known = len(edges.times) if until_ns is None else bisect_right(edges.times, until_ns)
    if not known:
        return []
    found = [
        Stretch(begin_ns, end_ns, setting)
        for begin_ns, end_ns, setting in zip(
            edges.times[: known - 1], edges.times[1:known], edges.settings, strict=False
        )
        if setting.active and end_ns > begin_ns
    ]
    last = edges.settings[known - 1]
    if last.active:
        ended = session.end.t_ns if session.end and (until_ns is None or session.end.t_ns <= until_ns) else None
        found.append(Stretch(edges.times[known - 1], ended, last))
    return _sure(session, found)


def _sure(session: Session, found: list[Stretch]) -> list[Stretch]:
    """The stretches less the spans in which the setting is not known, since bytes of the log were lost.

    Both are in order and apart, so one walk over both is enough.
    """
    spans = session.doubt.spans
    parts: list[Stretch] = []
    first = 0
    for one in found:
        while first < len(spans) and _ends_by(spans[first][1], one.begin_ns):
            first += 1
        left: Stretch | None = one
        for begin_ns, end_ns in (spans[place] for place in range(first, len(spans))):
            if left is None or (left.end_ns is not None and left.end_ns <= begin_ns):
                break
            if left.begin_ns < begin_ns:
                parts.append(left._replace(end_ns=begin_ns))
            goes_on = end_ns is not None and (left.end_ns is None or left.end_ns > end_ns)
            left = left._replace(begin_ns=end_ns) if goes_on and end_ns is not None else None
        if left is not None:
            parts.append(left)
    return parts


def _ends_by(end_ns: int | None, t_ns: int) -> bool:
    return end_ns is not None and end_ns <= t_ns


def measured(lane: Lane, stretch: Stretch, until_ns: int, rules: Rules = RULES) -> tuple[int, int]:
    """The half-open range of the lane's images that count in a stretch: after its burn-in, ended by its end."""
    rows = lane.rows
    end_ns = min(until_ns, until_ns if stretch.end_ns is None else stretch.end_ns)
    return after_burn_in(rows.start_ns, rows.end_ns, stretch.begin_ns, end_ns, rules.burn_in_ns, rules.burn_in_images)


def block_ns(session: Session, stretch: Stretch, until_ns: int, rules: Rules = RULES) -> int:
    """How long a stretch of this setting must be to count as a block: 4 s, or 30 images of its slowest lane."""
    slowest = 0.0
    for number in stretch.setting.lanes:
        rows = session.lanes[number].rows
        slowest = max(slowest, rows.mean_ns("cycle", *rows.span(stretch.begin_ns, until_ns)) or 0.0)
    return min(rules.block_most_ns, max(rules.block_ns, int(rules.block_images * slowest)))


def regime_of(session: Session, setting: Setting, at_ns: int | None = None) -> str:
    """`together` when every lane that ever ran is active, `alone` for one, else the active lanes' names.

    `together (cls, detect)` names the lanes where all that are left run, but another has failed or is loading again. All
    is as known at at_ns, at the latest event when it is None.
    """
    lanes = setting.lanes
    if len(lanes) == 1:
        return "alone"
    moment = session.last_ns if at_ns is None else at_ns
    hurt = bool(session.doubt.spans)  # a lane's `ready` may be among lost bytes
    ever = {lane.number for lane in session.lanes if _was_able(lane, moment, hurt=hurt)}
    if lanes and set(lanes) >= ever:
        return "together"
    able = {lane.number for lane in session.lanes if _is_able(as_it_was(lane, moment), moment, hurt=hurt)}
    names = [session.lanes[number].name for number in lanes]
    return f"together ({', '.join(names)})" if lanes and set(lanes) >= able else "+".join(names)


def _was_able(lane: Lane, moment: int, *, hurt: bool) -> bool:
    """Loaded once, whatever became of it."""
    readies = (lane.ready, *(life.ready for life in lane.lives))
    return hurt or bool(lane.gates) or any(ready is not None and ready.t_ns <= moment for ready in readies)


def _is_able(lane: Lane, moment: int, *, hurt: bool) -> bool:
    """Loaded, and not failed."""
    ready = hurt or bool(lane.gates) or (lane.ready is not None and lane.ready.t_ns <= moment)
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
    """(switch, level, level); the switch is "" when nothing differs; None when more than one switch does.

    A switch that an arm does not tell has its default level.
    """
    one, other = ({name: levels.get(name, BY_NAME[name].levels[0]) for name in BY_NAME} for levels in (one, other))
    names = [name for name in BY_NAME if one[name] != other[name]]
    if not names:
        return "", None, None
    before, after = mode_of(one), mode_of(other)
    preset = set(next(iter(MODES.values())))
    if before and after and set(names) <= preset:
        return "mode", before, after
    if len(names) == 1:
        return names[0], one[names[0]], other[names[0]]
    return None
