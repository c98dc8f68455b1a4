"""What a report says, as one value: worked out once from a session, formatted by text, Markdown, JSON and HTML. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from quintet.engine.analysis import other_programs as others
from quintet.engine.analysis.blocks import BLOCK_OUTCOMES, RATE, Measures, Run, runs
from quintet.engine.analysis.contrasts import CellMean, Table, cell_means, lamp, table_name, tables
from quintet.engine.analysis.flip_table import Cell, cells, comparison, flipped, heading, is_accuracy
from quintet.engine.analysis.hand_flips import by_hand
from quintet.engine.analysis.interference import Effect, effects
from quintet.engine.analysis.verdicts import TOO_FEW, Contrast, Lamp
from quintet.engine.protocol.backends import facts
from quintet.engine.protocol.switches import Level, mode_of, starting_levels
from quintet.engine.session.image_columns import OUTCOMES
from quintet.engine.session.lane import Lane
from quintet.engine.session.session import Session
from quintet.engine.session.settings import RULES, Difference, Rules, Setting
from quintet.engine.visible_text import visible

MOST_HAND = 100
"""So many comparisons of flips by hand are worked out: the latest."""


class Planned(NamedTuple):
    """What a plan found; tables by outcome and name. A table that a later plan fills again is only there."""

    run: Run
    tables: dict[str, dict[str, Table]]
    cells: dict[str, tuple[CellMean, ...]]
    lamps: dict[str, Lamp]
    effects: dict[str, tuple[Effect, ...]]
    """Of a matrix, by outcome."""

    @property
    def kind(self) -> str:
        """`study`, `ab`, `matrix` or `observe`."""
        return self.run.plan.kind

    def table(self, name: str, outcome: str) -> Table | None:
        """One table for one outcome."""
        return self.tables.get(outcome, {}).get(name)

    def company(self, name: str, outcome: str) -> tuple[int, ...]:
        """The lanes that were active together in a table, or in a matrix; none where lanes ran alone."""
        table = self.table(name, outcome)
        if table is not None:
            return table.among
        return tuple(dict.fromkeys(one.whose for one in self.effects.get(outcome, ())))

    def incomplete(self, name: str, outcome: str) -> tuple[int, ...]:
        """The same where a lane of the plan was missing among them; none where all of its regime were there."""
        among = self.company(name, outcome)
        return () if among in ((), *self.run.plan.whole_regimes) else among

    def contrasts(self, names: Sequence[str], outcome: str) -> dict[str, dict[int, Contrast]]:
        """Every table's contrasts by lane; of a matrix a table for each lane that is flipped: `<switch>.<a>.<b>.by_<lane>`."""
        found = {name: table.lanes for name, table in self.tables.get(outcome, {}).items()}
        switch, (a, b) = self.run.plan.switch, self.run.plan.pair
        for one in self.effects.get(outcome, ()):
            name = table_name(switch, a, b, f"by_{names[one.whose]}")
            note = "" if one.interval else TOO_FEW
            found.setdefault(name, {})[one.whom] = Contrast(
                one.pairs, one.change_pct, one.low_pct, one.high_pct, one.interval, None, note, None, None, None
            )
        return found


class FreeCell(NamedTuple):
    """A lane under one setting, outside plans; `mode` is short and unique in its regime, `told` says it in full."""

    cell: Cell
    mode: str
    told: str


class HandRow(NamedTuple):
    """One lane of a comparison by hand: means in nanoseconds (RATE: images a second), a change, an interval if any."""

    lane: int
    a: float | None
    b: float | None
    change_pct: float | None
    contrast: Contrast | None


class Hand(NamedTuple):
    """Two settings that a person flipped between, for every outcome."""

    name: str
    """The table's name."""
    title: str
    where: str
    regime: str
    a: str
    b: str
    rows: dict[str, tuple[HandRow, ...]]
    lanes: tuple[int, ...]
    """The lanes that were active."""
    change: Difference
    """In what the two settings differ, level a first."""
    others: float | None
    """The most cores that other programs used in the mean over one of its stretches."""

    @property
    def triples(self) -> int:
        """The most triples of stretches that any lane has."""
        return max((row.contrast.rounds for rows in self.rows.values() for row in rows if row.contrast), default=0)

    @property
    def accuracy(self) -> bool:
        """Whether it is accuracy off against on."""
        return is_accuracy(self.change)


class Findings(NamedTuple):
    """Everything that every format shows."""

    session: Session
    outcome: str
    """What the finding and the first tables are of: one of blocks.BLOCK_OUTCOMES."""
    outcomes: tuple[str, ...]
    """All that are told."""
    rules: Rules
    plans: tuple[Planned, ...]
    free: tuple[FreeCell, ...]
    """Cells outside plans; empty where a plan has cells."""
    hand: tuple[Hand, ...]
    untimed: tuple[str, ...]
    """Outcomes that are not told, since they are no times here."""
    hand_left: int = 0
    """Earlier comparisons of flips by hand that were not worked out: more than MOST_HAND."""

    @property
    def names(self) -> tuple[str, ...]:
        """The lanes' names in order."""
        return tuple(lane.name for lane in self.session.lanes)

    @property
    def shown_names(self) -> tuple[str, ...]:
        """The same as visible text in one line: for cells, which may have two lines, and for plots."""
        return tuple(map(visible, self.names))

    @property
    def last(self) -> Planned | None:
        """The plan that the finding is of: the last one with a table, else the last one."""
        filled = [plan for plan in self.plans if plan.tables.get(self.outcome)]
        return filled[-1] if filled else self.plans[-1] if self.plans else None

    def beside(self) -> str:
        """The outcome that stands beside the chosen one: throughput beside latency."""
        return "predict" if self.outcome == RATE else RATE


def findings(session: Session, rules: Rules = RULES, outcome: str = "predict") -> Findings:
    """Work them out; outcome is one of blocks.BLOCK_OUTCOMES, and the rules' own outcome does not matter."""
    rules = rules._replace(outcome="cycle" if outcome == RATE else outcome)
    queued = _queued(session)
    told = tuple(one for one in BLOCK_OUTCOMES if one not in queued)
    planned = _planned(session, rules, told)
    free = () if any(plan.cells or plan.effects for plan in planned) else _free(session, rules)
    taken = {name for plan in planned for its in plan.tables.values() for name in its}
    pairs = flipped(session, session.last_ns, rules)
    compared = [_compared(session, a, b, rules, told) for a, b in pairs[-MOST_HAND:]]
    hand = tuple(one for one in compared if one.name not in taken)
    return Findings(session, outcome, told, rules, planned, free, hand, queued, max(0, len(pairs) - MOST_HAND))


def _queued(session: Session) -> tuple[str, ...]:
    """`infer`, where it is queue time: on an accelerator, unless every arm timed its stages."""
    own = all(_on_cpu(lane) for lane in session.lanes if lane.ready is not None)
    timed = all(change.levels is None or change.levels.get("stages") == "on" for change in session.changes)
    return () if own or timed else ("infer",)


def _on_cpu(lane: Lane) -> bool:
    """Whether a lane's spans are times: it computes on the CPU, or not at all."""
    device = str((lane.ready.info.get("device") if lane.ready is not None else None) or "cpu")
    return not facts(lane.backend or "yolo").on_device or device.partition(":")[0] == "cpu"


# -- plans --------------------------------------------------------------------------------------------------------------


def _planned(session: Session, rules: Rules, outcomes: Sequence[str]) -> tuple[Planned, ...]:
    measures = Measures(session, rules)
    by_run: dict[int, dict[str, dict[str, Table]]] = {}
    for outcome in outcomes:
        for table in tables(session, outcome, rules.margin_pct, measures):
            by_run.setdefault(table.run.begun_ns, {}).setdefault(outcome, {})[table.name] = table
    found = []
    for run in runs(session):
        each: dict[str, tuple[CellMean, ...]] = {}
        if run.plan.kind != "matrix":
            each = {
                outcome: its
                for outcome in outcomes
                if (its := tuple(_in_order(cell_means(session, run, outcome, measures), run)))
            }
        lamps = {outcome: lamp(session, run, outcome, measures) for outcome in outcomes}
        spilt = (
            {outcome: tuple(effects(session, run, outcome, measures)) for outcome in outcomes}
            if run.plan.kind == "matrix"
            else {}
        )
        found.append(Planned(run, by_run.get(run.begun_ns, {}), each, lamps, spilt))
    return tuple(found)


def _in_order(found: list[CellMean], run: Run) -> list[CellMean]:
    """Alone first, then together; lanes, and levels as the plan names them."""
    levels = [str(level) for level in run.plan.levels]

    def place(cell: CellMean) -> tuple[bool, str, int, int]:
        level = str(cell.level)
        return cell.regime != "alone", cell.regime, cell.lane, levels.index(level) if level in levels else len(levels)

    return sorted(found, key=place)


# -- running free -------------------------------------------------------------------------------------------------------


def _free(session: Session, rules: Rules) -> tuple[FreeCell, ...]:
    wanted = tuple(dict.fromkeys((*OUTCOMES, rules.outcome)))
    found = cells(session, None, wanted, rules)
    names: dict[Setting, tuple[str, str]] = {}
    used: dict[tuple[str, str], int] = {}
    for cell in found:
        if cell.setting not in names:
            short = _short(cell)
            number = used[cell.regime, short] = used.get((cell.regime, short), 0) + 1
            names[cell.setting] = (f"{short} {number}" if number > 1 else short, _in_full(session, cell.setting))
    return tuple(FreeCell(cell, *names[cell.setting]) for cell in found)


def _short(cell: Cell) -> str:
    """The mode that all active lanes share; `custom` where they share levels that are no mode's, else `mixed`."""
    levels = {levels for _, levels in cell.setting.active}
    return cell.mode or ("custom" if len(levels) == 1 else "mixed")


def _in_full(session: Session, setting: Setting) -> str:
    """`validation, batch 4`; where lanes differ, each with its own."""
    told = {lane: levels_told(dict(levels)) for lane, levels in setting.active}
    if len(set(told.values())) == 1:
        return next(iter(told.values()))
    return "; ".join(f"{session.lanes[lane].name}: {words}" for lane, words in told.items())


def levels_told(levels: dict[str, Level]) -> str:
    """A mode, or its three switches, and every other switch that is not at its default."""
    usual = starting_levels(1)
    mode = mode_of(levels)
    own = [mode] if mode else [f"{name} {levels.get(name)}" for name in ("score", "keep", "data")]
    fixed = ("mode", "score", "keep", "data", "half", "threads")
    return ", ".join(own + [f"{k} {v}" for k, v in levels.items() if k not in fixed and v != usual.get(k, v)])


def _compared(session: Session, a: Setting, b: Setting, rules: Rules, outcomes: Sequence[str]) -> Hand:
    rows: dict[str, tuple[HandRow, ...]] = {}
    for outcome in outcomes:
        rate = outcome == RATE
        found = comparison(session, a, b, "cycle" if rate else outcome, session.last_ns, rules)
        contrasts = by_hand(session, a, b, outcome, None, rules)
        its = []
        for row in found.rows:
            contrast = contrasts.get(row.lane)
            known = contrast is not None and contrast.interval is not None
            change = contrast.change_pct if known and contrast else row.rate_pct if rate else row.change_pct
            one, other = (1e9 / mean if mean and rate else mean for mean in (row.a_ns, row.b_ns))
            its.append(HandRow(row.lane, one, other, change, contrast))
        rows[outcome] = tuple(its)
    title, where = heading(session, found)
    change_of = found.difference
    name = table_name(change_of.switch, change_of.a, change_of.b, found.regime)
    if change_of.lanes != a.lanes:  # other lanes stayed as they were: a comparison of its own
        name = f"{change_of.switch}.{change_of.a}.{change_of.b}.{found.regime} ({where})"
    shown = ("on", "off") if is_accuracy(change_of) else (str(change_of.a), str(change_of.b))
    used = others.by_hand(session, a, b, session.last_ns, rules)
    return Hand(name, title, where, found.regime, *shown, rows, a.lanes, change_of, used)
