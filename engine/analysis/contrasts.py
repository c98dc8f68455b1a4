"""From planned blocks to the study's tables: cells, and contrasts within rounds with interval and verdict. Pure.

One estimator everywhere: d = log(block mean of cell B) - log(block mean of cell A) of one round; a contrast is the mean
of d over rounds, shown as 100 (e^d - 1) %. A cell that its placebo made two blocks of in a round has the mean of both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from math import log
from statistics import fmean
from typing import NamedTuple, TypeAlias

from quintet.engine.analysis import batches, paced, statistics, verdicts
from quintet.engine.analysis.batches import BlockValue
from quintet.engine.analysis.blocks import RATE, CellKey, Counted, Measures, Run, counted, regime_words, runs, span
from quintet.engine.analysis.flip_table import ACCURACY
from quintet.engine.analysis.paced import Paced
from quintet.engine.analysis.statistics import MEANS_ONLY
from quintet.engine.analysis.verdicts import DRIFTING, TOO_FEW, Contrast, Lamp, Watch
from quintet.engine.protocol.switches import Level
from quintet.engine.session.image_columns import percentile
from quintet.engine.session.session import Session

Cell: TypeAlias = "tuple[str, Level]"
"""Regime and level; for a lane, `alone` is its own."""
Recipe: TypeAlias = "tuple[tuple[Cell, int], ...]"
"""Cells with their signs: +1 for B, -1 for A. An interaction has four."""
INTERACTION = "interaction"
MOST_REGIMES = 64
"""A plan of 16 lanes has at most 17, and a few more for each lane that leaves."""


class Table(NamedTuple):
    """One table: its name, outcome, and a contrast for each lane that has a difference."""

    name: str
    outcome: str
    run: Run
    among: tuple[int, ...]
    """The lanes that were active together; empty when only lanes alone are compared."""
    lanes: dict[int, Contrast]
    differences: dict[int, list[float]]
    """Each lane's d, one a round that has all cells, in order."""


class CellMean(NamedTuple):
    """One lane in one cell over its rounds; times in nanoseconds (RATE: images a second), None where there are too few.

    The mean is of rounds, each once: a round's value is the mean of the blocks that visited the cell in it. low and high:
    its 95 % interval, of this session (Student over batches of neighbouring rounds), from 5 rounds on. The regime names the
    active lanes where one of the plan's was missing (blocks.regime_words).
    """

    lane: int
    regime: str
    level: Level
    lanes: tuple[int, ...]
    outcome: str
    mean: float
    low: float | None
    high: float | None
    p50_ns: int | None
    p95_ns: int | None
    blocks: int
    images: int
    images_per_s: float | None
    """The mean over rounds of 1 / mean cycle, like the mean of RATE."""
    paced: Paced | None = None
    """What a camera's pace made of it; None where its images were not paced."""
    note: str = ""
    """Empty, or why there is no interval: TOO_FEW or DRIFTING."""


def table_name(switch: str, a: Level, b: Level, regime: str) -> str:
    """`accuracy_off.<regime>` for mode validation to withoutval alone or together, else `<switch>.<a>.<b>.<regime>`."""
    if switch == "mode" and (a, b) == ACCURACY and regime in ("alone", "together"):
        return f"accuracy_off.{regime}"
    return f"{switch}.{a}.{b}.{regime}"


def recipes(kind: str, switch: str, levels: Sequence[Level], regimes: Iterable[str]) -> dict[str, Recipe]:
    """The tables that a plan of this kind fills, each with the cells it is made of."""
    known = list(dict.fromkeys(regimes))
    if kind == "study":
        return _study_recipes([str(level) for level in levels], known)
    a, b = levels
    return {table_name(switch, a, b, regime): (((regime, b), 1), ((regime, a), -1)) for regime in known}


def _study_recipes(modes: list[str], regimes: list[str]) -> dict[str, Recipe]:
    found: dict[str, Recipe] = {}
    inference = ("alone", "inference")
    for regime in ("alone", "together"):
        for mode in ("validation", "withoutval", "inference"):
            if (regime, mode) != inference:
                found[f"change_vs_inference.{mode}_{regime}"] = (((regime, mode), 1), (inference, -1))
    off = {regime: (((regime, ACCURACY[1]), 1), ((regime, ACCURACY[0]), -1)) for regime in ("alone", "together")}
    found |= {f"accuracy_off.{regime}": recipe for regime, recipe in off.items()}
    for mode in ("inference", "validation", "withoutval"):
        found[f"together_vs_alone.{mode}"] = ((("together", mode), 1), (("alone", mode), -1))
    found[INTERACTION] = (*off["together"], *((cell, -sign) for cell, sign in off["alone"]))
    return {
        name: recipe
        for name, recipe in found.items()
        if all(regime in regimes and mode in modes for (regime, mode), _ in recipe)
    }


# -- from planned blocks ------------------------------------------------------------------------------------------------


class _Rounds:
    """The blocks of one run that count, by round and cell."""

    def __init__(self, measures: Measures, run: Run, until_ns: int | None = None) -> None:
        self.measures, self.run = measures, run
        self.visits = list(counted(measures.session, run, until_ns))
        self.cells: dict[int, dict[CellKey, list[int]]] = {}
        for visit in self.visits:
            self.cells.setdefault(visit.round, {}).setdefault(visit.key, []).append(visit.place)

    def value(self, place: int, lane: int, outcome: str) -> float | None:
        mean = self.measures.of(place).get(lane)
        return None if mean is None else mean.means.get(outcome)

    def log_mean(self, cells: Mapping[CellKey, list[int]], cell: Cell, lane: int, outcome: str) -> float | None:
        """The log block mean of a lane's cell in a round: of `alone` the lane's own, else of those it is active in.

        Where a placebo visit made it two blocks, of both: nothing else differs, and the round is worth more.
        """
        regime, level = cell
        for (its, at, lanes), places in cells.items():
            if its == regime and at == level and lane in lanes:
                values = [value for place in places if (value := self.value(place, lane, outcome))]
                return log(sum(values) / len(values)) if values else None
        return None

    def differences(self, recipe: Recipe, lane: int, outcome: str) -> dict[tuple[int, ...], list[float]]:
        """d of each round that has all cells, by the lanes that were active together in it."""
        found: dict[tuple[int, ...], list[float]] = {}
        joint = {regime for (regime, _), _ in recipe} - {"alone"}
        for number in sorted(self.cells):
            cells = self.cells[number]
            among = {lanes for regime, _, lanes in cells if regime in joint and lane in lanes}
            logs = [self.log_mean(cells, cell, lane, outcome) for cell, _ in recipe]
            if len(among) <= 1 and all(one is not None for one in logs):
                d = sum(sign * (one or 0.0) for (_, sign), one in zip(recipe, logs, strict=True))
                found.setdefault(next(iter(among), ()), []).append(d)
        return found


def tables(
    session: Session,
    outcome: str = "predict",
    margin_pct: float = verdicts.MARGIN_PCT,
    measures: Measures | None = None,
    until_ns: int | None = None,
) -> list[Table]:
    """All tables of contrasts that the session's plans fill, for one outcome (blocks.BLOCK_OUTCOMES).

    Where two plans fill the same table, the later one's stands: rounds of two plans are not pooled. `measures`: the
    caller's memo, to ask again cheaply. until_ns: as known then. A lane without a single difference is left out.
    """
    known = Measures(session) if measures is None else measures
    found: dict[str, Table] = {}
    for run in runs(session, until_ns):
        if run.plan.kind != "matrix":
            for table in _tables_of(_Rounds(known, run, until_ns), outcome, margin_pct):
                found[table.name] = table
    return list(found.values())


def _tables_of(rounds: _Rounds, outcome: str, margin_pct: float) -> list[Table]:
    run, plan = rounds.run, rounds.run.plan
    lit = _lamp(rounds, outcome).state == "on"
    watch = Watch(run.planned, run.reached, False, margin_pct, outcome == RATE, lit, plan.over)
    among: dict[str, tuple[int, ...]] = {}
    differences: dict[str, dict[int, list[float]]] = {}
    names = dict.fromkeys(key[0] for cells in rounds.cells.values() for key in cells)
    for name, recipe in recipes(plan.kind, plan.switch, plan.levels, islice(names, MOST_REGIMES)).items():
        by_lane = {lane: rounds.differences(recipe, lane, outcome) for lane in run.lanes}
        among[name] = _most({lanes: len(ds) for found in by_lane.values() for lanes, ds in found.items()})
        its = {lane: found[among[name]] for lane, found in by_lane.items() if found.get(among[name])}
        if its:
            differences[name] = its
    judged = verdicts.family(differences, watch, interactions=(INTERACTION,))
    session = rounds.measures.session
    return [
        _without_pace(session, Table(name, outcome, run, among[name], judged[name], its))
        for name, its in differences.items()
    ]


def _without_pace(session: Session, table: Table) -> Table:
    """A table of rates or cycles without the verdicts of lanes whose images came at a camera's pace."""
    if table.outcome not in paced.CAMERAS:
        return table
    lanes = {
        lane: one._replace(verdict=None, note=paced.NOTE)
        if one.verdict is not None
        and paced.ever(session, lane)
        and any(
            paced.in_block(session, visit.place, lane) for its in visits(session, table, lane).values() for visit in its
        )
        else one
        for lane, one in table.lanes.items()
    }
    return table._replace(lanes=lanes)


def _most(counts: Mapping[tuple[int, ...], int]) -> tuple[int, ...]:
    """Rounds with different active lanes are not pooled: those with most rounds stand, the later of two equals."""
    best: tuple[int, ...] = ()
    for lanes, count in counts.items():
        if count >= counts.get(best, 0):
            best = lanes
    return best


def visits(session: Session, table: Table, lane: int, until_ns: int | None = None) -> dict[int, list[Counted]]:
    """The blocks that a lane's contrast is made of, by round: of the table's company, in rounds that have all its cells."""
    plan = table.run.plan
    recipe = recipes(plan.kind, plan.switch, plan.levels, plan.names).get(table.name, ())
    wanted = {cell for cell, _ in recipe}
    found: dict[int, list[Counted]] = {}
    for visit in counted(session, table.run, until_ns):
        regime, level, lanes = visit.key
        company = lanes == table.among or (regime == "alone" and lanes == (lane,))
        if company and lane in lanes and (regime, level) in wanted:
            found.setdefault(visit.round, []).append(visit)
    return {number: its for number, its in found.items() if {visit.key[:2] for visit in its} == wanted}


def lamp(
    session: Session,
    run: Run,
    outcome: str = "predict",
    measures: Measures | None = None,
    until_ns: int | None = None,
) -> Lamp:
    """The placebo's lamp of one run, for one outcome."""
    return _lamp(_Rounds(measures or Measures(session), run, until_ns), outcome)


def _lamp(rounds: _Rounds, outcome: str) -> Lamp:
    pairs: dict[int, list[float]] = {lane: [] for lane in rounds.run.lanes}
    firsts: dict[tuple[int, CellKey], int] = {}
    for visit in rounds.visits:
        if not visit.placebo:
            firsts[visit.round, visit.key] = visit.place
            continue
        first = firsts.get((visit.round, visit.key))
        for lane in visit.key[2] if first is not None else ():
            before, again = rounds.value(first or 0, lane, outcome), rounds.value(visit.place, lane, outcome)
            if before and again:
                pairs.setdefault(lane, []).append(log(again) - log(before))
    return verdicts.placebo(pairs, len(rounds.run.lanes), ended=rounds.run.reached)


def cell_means(
    session: Session,
    run: Run,
    outcome: str = "predict",
    measures: Measures | None = None,
    until_ns: int | None = None,
) -> list[CellMean]:
    """Table 1: every cell of a run with a block that counts; cells as first visited."""
    known = measures or Measures(session)
    by_cell: dict[CellKey, list[Counted]] = {}
    blocks: dict[int, list[BlockValue]] = {}
    for visit in counted(session, run, until_ns):
        by_cell.setdefault(visit.key, []).append(visit)
        for lane, mean in known.of(visit.place).items():
            if value := mean.means.get(outcome):
                blocks.setdefault(lane, []).append(BlockValue(visit.place, visit.round, visit.key, value))
    lengths = {lane: batches.rounds_a_batch(its) for lane, its in blocks.items()}
    found = []
    for key, its in by_cell.items():
        for lane in key[2]:
            values = batches.by_round(blocks.get(lane, ()), key)
            found += [_cell_mean(known, run, key, its, lane, outcome, values, lengths[lane])] if values else []
    return found


def _session_interval(values: list[float], length: int) -> tuple[float | None, float | None, str]:
    """The ends of the 95 % interval of a cell's mean over its rounds, or why there are none."""
    if len(values) < MEANS_ONLY:
        return None, None, TOO_FEW
    batched = batches.batched(values, length)
    if batched is None:
        return None, None, DRIFTING
    low, high = statistics.t_interval(statistics.moments(batched)._replace(mean=fmean(values)))
    return low, high, ""


def _cell_mean(
    measures: Measures,
    run: Run,
    key: CellKey,
    its: list[Counted],
    lane: int,
    outcome: str,
    values: list[float],
    length: int,
) -> CellMean:
    """values: of the cell's rounds; length: how many of them make a batch."""
    _, level, lanes = key
    session = measures.session
    low, high, note = _session_interval(values, length)
    timed = outcome if outcome != RATE else "cycle"
    spans = [span(session, visit.place, lane, measures.rules) for visit in its]
    each = [value for first, last in spans for value in session.lanes[lane].rows.each_ns(timed, first, last)]
    rates = _by_round(measures, its, lane, RATE)
    found = [one for visit in its if (one := measures.of(visit.place).get(lane)) and outcome in one.means]
    shown: Level = "+".join(map(str, level)) if isinstance(level, tuple) else level
    return CellMean(
        lane, regime_words(session, run, key), shown, lanes, outcome, fmean(values), low, high, percentile(each, 50),
        percentile(each, 95), len(found), sum(one.images for one in found), fmean(rates) if rates else None,
        paced.of_blocks(session, [visit.place for visit in its], lane, measures.rules), note,
    )  # fmt: skip


def _by_round(measures: Measures, its: Iterable[Counted], lane: int, outcome: str) -> list[float]:
    """A lane's value in each round that visited a cell: the mean of the blocks that did."""
    rounds: dict[int, list[float]] = {}
    for visit in its:
        mean = measures.of(visit.place).get(lane)
        if mean is not None and outcome in mean.means:
            rounds.setdefault(visit.round, []).append(mean.means[outcome])
    return [sum(values) / len(values) for values in rounds.values()]
