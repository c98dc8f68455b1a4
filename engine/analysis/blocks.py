"""Planned blocks of a session as numbers: the runs of its plans, the visits that count, and each block's means. Pure.

An image belongs to a block by its own clock: it started after the burn-in and had ended by the block's end.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

from quintet.engine.protocol.events import ends_lane
from quintet.engine.protocol.plan_messages import BlockCell, PlanDescription
from quintet.engine.protocol.switches import Level
from quintet.engine.session.image_columns import OUTCOMES
from quintet.engine.session.lane import Lane
from quintet.engine.session.session import Block, Session
from quintet.engine.session.settings import RULES, Rules

RATE = "images_per_s"
BLOCK_OUTCOMES = (*OUTCOMES, RATE)

CellKey: TypeAlias = "tuple[str, Level | tuple[Level, ...], tuple[int, ...]]"
"""Regime, level of the plan's switch (a matrix's: one a lane), active lanes."""


class Run(NamedTuple):
    """One plan that was run: its last description, and the places of its blocks in session.blocks."""

    plan: PlanDescription
    begun_ns: int
    blocks: range

    @property
    def planned(self) -> int:
        """Its planned rounds; 1 while that is not fixed."""
        return max(1, self.plan.rounds or 1)

    @property
    def reached(self) -> bool:
        """Whether it ran to its planned end."""
        return self.plan.reason == "planned"

    @property
    def lanes(self) -> tuple[int, ...]:
        """The plan's lanes."""
        return self.plan.lanes


class Counted(NamedTuple):
    """A block that counts: its place in session.blocks, round and cell."""

    place: int
    round: int
    key: CellKey
    placebo: bool


class BlockMean(NamedTuple):
    """One lane in one block: how many images, and the mean of each outcome (nanoseconds; RATE in images a second)."""

    images: int
    means: dict[str, float]


def runs(session: Session, until_ns: int | None = None) -> list[Run]:
    """The plans of a session in order, each with its blocks, as known at until_ns."""
    told: list[tuple[int, PlanDescription]] = []
    before = ""
    until = _until(until_ns)
    for t_ns, plan in (one for one in session.plans if one.t_ns <= until):
        goes_on = plan.over or (plan.state, before) == ("fixed", "calibrating")
        if goes_on and told:
            told[-1] = (told[-1][0], plan)
        else:
            told.append((t_ns, plan))
        before = plan.state
    begins = [begun for begun, _ in told]
    blocks: list[list[int]] = [[] for _ in told]
    for place, block in enumerate(session.blocks):
        if block.start.started_ns > until:
            break
        run = bisect_right(begins, block.start.requested_ns) - 1
        if run >= 0:
            blocks[run].append(place)
    return [
        Run(plan, begun, range(its[0], its[-1] + 1) if its else range(0))
        for (begun, plan), its in zip(told, blocks, strict=True)
    ]


def times(session: Session, until_ns: int) -> list[tuple[int, int]]:
    """From when to when each plan ran: to its last block's end, or until now while it is not over."""
    found = []
    for run in runs(session, until_ns):
        ends = [block.end.t_ns for block in (session.blocks[place] for place in run.blocks) if block.end is not None]
        found.append((run.begun_ns, max(ends, default=run.begun_ns) if run.plan.over else until_ns))
    return found


def _until(until_ns: int | None) -> int:
    return 1 << 62 if until_ns is None else until_ns


def counted(session: Session, run: Run, until_ns: int | None = None) -> Iterator[Counted]:
    """The blocks of a run that count, in order: over, not void, and no lane's arm, gate or life changed within."""
    return counted_among(session, run.blocks, until_ns)


def counted_among(session: Session, places: Iterable[int], until_ns: int | None = None) -> Iterator[Counted]:
    """The same among the blocks at these places of session.blocks."""
    until = _until(until_ns)
    for place in places:
        block = session.blocks[place]
        if block.counts and block.end is not None and block.end.t_ns <= until and not _disturbed(session, block):
            yield Counted(place, block.start.round, key_of(block.cell), block.start.placebo)


def key_of(cell: BlockCell) -> CellKey:
    """The key of a block's cell."""
    return cell.regime, cell.level, cell.lanes


def regime_words(session: Session, run: Run, key: CellKey) -> str:
    """The regime of a cell, with its lanes where one of the plan's was missing: `together (cls, detect, pose, seg)`."""
    regime, _, lanes = key
    whole = [one.lanes for one in run.plan.regimes if one.name == regime]
    if not whole or lanes in whole:
        return regime
    return f"{regime} ({', '.join(session.lanes[lane].name for lane in lanes)})"


def cells_in_round(plan: PlanDescription) -> int:
    """How many cells a round of this plan visits, its placebo left out."""
    if plan.kind != "matrix":
        return len(plan.levels) * len(plan.regimes)
    order = 2
    while order <= len(plan.lanes):
        order *= 2
    return 2 * order


def whole_rounds(session: Session, run: Run, until_ns: int | None = None) -> int:
    """Rounds in which every cell was visited by a block that counts, but for cells of lanes that had left the plan."""
    visited: dict[int, int] = {}
    ended: dict[int, int] = {}
    for visit in counted(session, run, until_ns):
        end = session.blocks[visit.place].end
        assert end is not None
        ended[visit.round] = end.t_ns
        if not visit.placebo:  # a cell that is visited again was void before; rows of a matrix may be alike
            visited[visit.round] = visited.get(visit.round, 0) + 1
    return sum(count >= _possible_cells(session, run, ended[number]) for number, count in visited.items())


def _possible_cells(session: Session, run: Run, t_ns: int) -> int:
    """The cells of a round that can be visited by the lanes that are still in the plan at a moment."""
    plan = run.plan
    if plan.kind == "matrix":
        return cells_in_round(plan)
    left = {lane for lane in run.lanes if not _has_left(session.lanes[lane], run.begun_ns, t_ns)}
    regimes = map(set, plan.whole_regimes)
    return len(plan.levels) * sum(len(lanes & left) >= min(2, len(lanes)) for lanes in regimes)


def _has_left(lane: Lane, begun_ns: int, t_ns: int) -> bool:
    """Whether a lane failed or was restarted since a plan began: from then on the plan goes on without it."""
    failed = any(begun_ns <= fault.t_ns <= t_ns for fault in lane.faults if ends_lane(fault.kind))
    return failed or any(begun_ns <= life.until_ns <= t_ns for life in lane.lives if life.stuck_ns is None)


def _disturbed(session: Session, block: Block) -> bool:
    assert block.end is not None
    changes = session.changes
    after = bisect_right(changes, block.start.started_ns, key=lambda change: change.t_ns)
    return after < len(changes) and changes[after].t_ns < block.end.t_ns


class Measures:
    """Means of a session's blocks, each worked out once: a live screen asks again every second.

    A block's means are final when a later block has started, since every lane sends what it has before it acknowledges.
    """

    def __init__(self, session: Session, rules: Rules = RULES) -> None:
        """For one session; it may go on growing. Of the rules the planned burn-in counts."""
        self.session, self.rules = session, rules
        self._final: dict[int, dict[int, BlockMean]] = {}

    def of(self, place: int) -> dict[int, BlockMean]:
        """Each active lane's means in the block at this place of session.blocks; a lane without images is left out."""
        known = self._final.get(place)
        if known is not None:
            return known
        session, block = self.session, self.session.blocks[place]
        found = {}
        for lane in block.cell.lanes:
            mean = block_mean(session, place, lane, self.rules)
            if mean is not None:
                found[lane] = mean
        if place + 1 < len(session.blocks) or session.end is not None:
            self._final[place] = found
        return found


def span(session: Session, place: int, lane: int, rules: Rules = RULES) -> tuple[int, int]:
    """The half-open range of a lane's images that belong to a block."""
    block = session.blocks[place]
    ended = session.last_ns if block.end is None else block.end.t_ns
    burn_in_ns = block.start.burn_in_ns if rules.planned_burn_in_ns is None else rules.planned_burn_in_ns
    return session.lanes[lane].rows.span(block.start.started_ns + burn_in_ns, ended)


def block_mean(session: Session, place: int, lane: int, rules: Rules = RULES) -> BlockMean | None:
    """One lane's means in a block, or None without an image."""
    rows = session.lanes[lane].rows
    first, last = span(session, place, lane, rules)
    if first == last:
        return None
    means = {outcome: mean for outcome in OUTCOMES if (mean := rows.mean_ns(outcome, first, last))}
    if "cycle" in means:
        means[RATE] = 1e9 / means["cycle"]
    return BlockMean(last - first, means)
