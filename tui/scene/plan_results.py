"""What a plan has found so far, worked out once a block: a screen asks again every second."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from quintet.engine.analysis import other_programs as others
from quintet.engine.analysis.blocks import RATE, Measures, Run, runs
from quintet.engine.analysis.contrasts import CellMean, Table, cell_means, lamp, tables
from quintet.engine.analysis.flip_table import lasting
from quintet.engine.analysis.interference import Effect, effects
from quintet.engine.analysis.plan_progress import Progress, progress
from quintet.engine.analysis.verdicts import Contrast, Lamp
from quintet.engine.protocol.switches import Level
from quintet.engine.session.session import Session


class Found(NamedTuple):
    """The results of a plan for one outcome, as known at some block's end."""

    lamp: Lamp
    tables: dict[str, Table]
    rates: dict[str, Table]
    """The same tables for images/s."""
    cells: dict[tuple[int, str, Level], CellMean]
    """By lane, regime and level."""
    effects: tuple[Effect, ...] = ()
    """Of a matrix."""
    others: Mapping[str, Mapping[int, float]] = MappingProxyType({})
    """The most cores that other programs used in a block, by table and lane; of a matrix under no name and lane -1."""

    @property
    def company(self) -> tuple[int, ...]:
        """The lanes that were active together in its tables; none where lanes ran alone."""
        joint = [table.among for table in self.tables.values() if table.among]
        return joint[0] if joint else tuple(dict.fromkeys(effect.whose for effect in self.effects))

    def others_of(self, table: str, lane: int) -> float | None:
        """What other programs used in the blocks of one lane's contrast."""
        return self.others.get(table, {}).get(lane)

    def contrast(self, table: str, lane: int) -> Contrast | None:
        """One lane's contrast in a table."""
        its = self.tables.get(table)
        return its.lanes.get(lane) if its is not None else None

    def mean(self, lane: int, regime: str, level: Level) -> CellMean | None:
        """One lane's mean in a cell."""
        return self.cells.get((lane, regime, level))


class Study(NamedTuple):
    """The last plan at a moment: how far it is, and what it has found."""

    run: Run
    progress: Progress
    found: Found
    rounds: int
    """Rounds of which at least one block counts in every table: what means are over."""


def missing_words(session: Session, study: Study) -> str:
    """` · without obb` where a lane of the plan was missing among those that ran together; else nothing."""
    company = study.found.company
    if not company or company in study.run.plan.whole_regimes:
        return ""
    absent = [session.lanes[lane].name for lane in study.run.lanes if lane not in company]
    return f" · without {', '.join(absent)}" if absent else ""


class Studied:
    """Remembers the results of the last plan; a new session is seen by itself."""

    def __init__(self) -> None:
        self._measures: Measures | None = None
        self._key: object = None
        self._found: Found | None = None

    def at(self, session: Session, now_ns: int, outcome: str) -> Study | None:
        """The last plan begun by now_ns, for one outcome; None when there was none."""
        far = progress(session, now_ns)
        if far is None:
            return None
        run = runs(session, now_ns)[-1]
        ended = sum(1 for block in session.blocks if block.end is not None and block.end.t_ns <= now_ns)
        key = (id(session), ended, len(run.blocks), far.state, outcome)
        if self._found is None or key != self._key:
            if self._measures is None or self._measures.session is not session:
                self._measures = Measures(session)
            self._key, self._found = key, _found(session, run, outcome, now_ns, self._measures)
        contrasts = [one for table in self._found.tables.values() for one in table.lanes.values()]
        return Study(run, far, self._found, max((one.rounds for one in contrasts), default=0))


def _found(session: Session, run: Run, outcome: str, now_ns: int, measures: Measures) -> Found:
    if run.plan.kind == "matrix":
        matrix = tuple(effects(session, run, outcome, measures, now_ns))
        used = others.of_run(session, run, now_ns)
        noted = {} if used is None else {"": {-1: used}}
        return Found(lamp(session, run, outcome, measures, now_ns), {}, {}, {}, matrix, noted)
    its = {t.name: t for t in tables(session, outcome, measures=measures, until_ns=now_ns) if t.run == run}
    rates = {t.name: t for t in tables(session, RATE, measures=measures, until_ns=now_ns) if t.run == run}
    # of one regime's cells of several companies the one of the tables stands
    companies = {table.among for table in its.values()}
    means = sorted(cell_means(session, run, outcome, measures, now_ns), key=lambda cell: cell.lanes in companies)
    cells = {(c.lane, c.regime.partition(" (")[0], c.level): c for c in means}
    used_by = {name: others.of_table(session, table, now_ns) for name, table in its.items()}
    return Found(lamp(session, run, outcome, measures, now_ns), its, rates, cells, (), used_by)


def pages(session: Session, study: Study | None, now_ns: int) -> tuple[str, ...]:
    """The tables that `tab` turns through, the one to show by itself first.

    A plan's stand first while it runs, and after it until somebody flips a switch by hand.
    """
    if study is None:
        return ("flips",)
    plans = ("plan", "plan 2") if study.progress.kind == "study" else ("plan",)
    if study.progress.state != "over":
        return (*plans, "flips")
    ended = max((session.blocks[place].end.t_ns for place in study.run.blocks if session.blocks[place].end), default=0)  # type: ignore[union-attr]
    since = [stretch for stretch in lasting(session, now_ns) if stretch.begin_ns > ended + 2_000_000_000]
    return ("flips", *plans) if since else (*plans, "flips")
