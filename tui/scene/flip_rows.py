"""The flip table as values: a flip by hand, or what an A/B has found. What has no value is None, and is drawn as a dash."""

from __future__ import annotations

from typing import NamedTuple

from quintet.engine.analysis import other_programs
from quintet.engine.analysis.blocks import RATE
from quintet.engine.analysis.contrasts import table_name
from quintet.engine.analysis.flip_table import ACCURACY, Comparison, heading
from quintet.engine.analysis.hand_flips import by_hand
from quintet.engine.analysis.verdicts import Contrast
from quintet.engine.session.session import Session
from quintet.engine.session.settings import Difference
from quintet.tui.canvas.titles import cut
from quintet.tui.scene.plan_results import Study, missing_words
from quintet.tui.scene.scene import Scene

UNITS = {RATE: "images/s"}
INTERVALS = {
    "live": "95 % live", "planned": "95 % planned", "exploratory": "95 % exploratory, by hand",
}  # fmt: skip


def how_sure(study: Study) -> str:
    """The kind of interval in a plan's tables, or why there is none."""
    kinds = {one.interval for table in study.found.tables.values() for one in table.lanes.values() if one.interval}
    return INTERVALS[kinds.pop()] if len(kinds) == 1 else "no interval yet"


class Line(NamedTuple):
    """One lane: the outcome at levels a and b (nanoseconds; images/s), the changes in percent, the interval if any."""

    name: str
    a: float | None = None
    b: float | None = None
    change_pct: float | None = None
    rate_pct: float | None = None
    contrast: Contrast | None = None
    """Only with an interval."""
    settled: bool = False
    """Dim until both stretches are a block long."""
    marked: bool = False
    """Other programs used much of the machine meanwhile."""


class FlipTable(NamedTuple):
    """The table with its headings; `name` says what against what, `method` where, what and how sure."""

    name: str
    a: str
    b: str
    method: str
    regime: str
    lines: tuple[Line, ...]

    @property
    def interval(self) -> str | None:
        """The kind of interval that its lines have, if any."""
        return next((line.contrast.interval for line in self.lines if line.contrast is not None), None)

    @property
    def interval_words(self) -> str:
        """The kind of interval in few words: `95 % live`; empty without one."""
        return {None: "", "exploratory": "exploratory"}.get(self.interval, f"95 % {self.interval}")


def _known(scene: Scene) -> str:
    return f" · as known at {scene.known_at}" if scene.known_at else ""


def outcome_words(outcome: str) -> str:
    """`predict, ms per image`, or images/s."""
    return UNITS.get(outcome, f"{outcome}, ms per image")


def flip_table(scene: Scene) -> FlipTable:
    """The table of the moment: of the A/B when its page is shown, else of the latest flip by hand."""
    if scene.page != "flips" and scene.study is not None and scene.study.progress.kind in ("ab", "observe"):
        return _of_plan(scene, scene.study)
    if scene.comparison is None:
        key = _key_that_fills(scene)
        nothing = f"nothing to compare {'yet: ' + key if key else 'here'}"
        method = f"{scene.view.regime or 'together'} · {outcome_words(scene.outcome)} · {nothing}"
        lines = tuple(Line(lane.name) for lane in scene.session.lanes)
        return FlipTable("accuracy off against on", "on", "off", method, "press a" if key else nothing, lines)
    return _of_flip(scene, scene.comparison)


def _key_that_fills(scene: Scene) -> str:
    """What to press for a first comparison; empty where no key makes one: in a look back, under a plan, at the end."""
    planned = scene.study is not None and scene.study.progress.state != "over"
    if scene.looking is not None or planned or scene.view.ended is not None or scene.orphaned:
        return ""
    return "press a once the lanes run" if scene.view.loading else "press a"


def _of_flip(scene: Scene, found: Comparison) -> FlipTable:
    session = scene.session
    name, place = heading(session, found)
    marked = other_programs.notable(other_programs.by_hand(session, found.a, found.b, scene.now_ns))
    contrasts = by_hand(session, found.a, found.b, scene.outcome, scene.now_ns)
    failed = {lane.number for lane in scene.view.lanes if lane.state == "failed"}
    by_lane = {row.lane: row for row in found.rows if row.lane not in failed}
    lines = []
    for lane in session.lanes:
        row, contrast = by_lane.get(lane.number), contrasts.get(lane.number)
        if row is None:
            lines.append(Line(lane.name))
            continue
        known = contrast if contrast is not None and contrast.interval is not None else None
        change = known.change_pct if known else row.rate_pct if scene.outcome == RATE else row.change_pct
        a, b = (1e9 / mean if mean and scene.outcome == RATE else mean for mean in (row.a_ns, row.b_ns))
        lines.append(Line(lane.name, a, b, change, row.rate_pct, known, row.settled, marked))
    on, off = level_names(session, found.difference, found.difference.lanes != found.a.lanes)
    how = "95 % exploratory" if any(line.contrast for line in lines) else "exploratory"
    method = f"{place} · {found.regime} · {outcome_words(scene.outcome)} · {how}, by hand{_known(scene)}"
    return FlipTable(name, on, off, method, found.regime, tuple(lines))


def level_names(session: Session, change: Difference, some: bool) -> tuple[str, str]:
    """The two columns' headings, level a first; where only some lanes were flipped, the first names them."""
    a, b = ("on", "off") if {change.a, change.b} == set(ACCURACY) else (str(change.a), str(change.b))
    if some:
        whose = session.lanes[change.lanes[0]].name if len(change.lanes) == 1 else "these"
        return f"{cut(whose, max(3, 12 - len(a)))} {a}", b
    return a, b


def _of_plan(scene: Scene, study: Study) -> FlipTable:
    plan, found = study.run.plan, study.found
    switch, (a, b), regime = plan.switch, plan.pair, plan.names[0]
    its = table_name(switch, a, b, regime)
    table, rates = found.tables.get(its), found.rates.get(its)
    lines = []
    for lane in scene.session.lanes:
        if table is not None and table.among and lane.number not in table.among:
            lines.append(Line(lane.name))  # what it has is of other company
            continue
        contrast = found.contrast(its, lane.number)
        means = [found.mean(lane.number, regime, level) for level in (a, b)]
        rate = rates.lanes.get(lane.number) if rates else None
        one, other = (mean.mean if mean else None for mean in means)
        if contrast is None:
            lines.append(Line(lane.name, one, other))
            continue
        known = contrast if contrast.interval is not None else None
        marked = other_programs.notable(found.others_of(its, lane.number))
        change = rate.change_pct if rate else None
        lines.append(Line(lane.name, one, other, contrast.change_pct, change, known, settled=True, marked=marked))
    accuracy = switch == "mode" and (a, b) == ACCURACY
    name = "accuracy off against on" if accuracy else f"{switch} {b} against {a}"
    kind = next((line.contrast.interval for line in lines if line.contrast), None)
    rounds = max((one.rounds for one in table.lanes.values()), default=0) if table else 0
    how = INTERVALS[kind] if kind else "no interval yet"
    done = f"{rounds} of {study.progress.rounds or '?'} rounds"
    among = missing_words(scene.session, study)
    method = f"{regime}{among} · {outcome_words(scene.outcome)} · {how} · {done}{_known(scene)}"
    shown = ("on", "off") if accuracy else (str(a), str(b))
    return FlipTable(name, *shown, method, regime, tuple(lines))
