"""What the plots of a report draw, as plain numbers: seconds, milliseconds, percent. Pure; no plotting here."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from quintet.engine.analysis import other_programs
from quintet.engine.analysis.blocks import RATE, counted, key_of, regime_words, span
from quintet.engine.analysis.flip_table import ACCURACY
from quintet.engine.analysis.verdicts import SETTLED, Contrast
from quintet.engine.protocol.switches import Level, mode_of
from quintet.engine.report.finding import main_tables, regime_of
from quintet.engine.report.findings import Findings, Planned
from quintet.engine.report.tables import verdict
from quintet.engine.session.settings import Setting, Stretch, measured, stretches

ON, OFF, OTHER = "on", "off", "other"
"""Roles: the level that stands first, the one it is compared with, any other."""
POINTS = 400
QUANTILES = (5, 25, 50, 75, 95)


class Dot(NamedTuple):
    """A mean of some seconds of one lane under one setting."""

    t_s: float
    value: float
    role: str
    together: bool


class Shade(NamedTuple):
    """A lane's time under one setting."""

    begin_s: float
    end_s: float
    role: str


class Spread(NamedTuple):
    """The distribution of one cell's images: QUANTILES in milliseconds."""

    label: str
    role: str
    values: tuple[float, ...]


class Mark(NamedTuple):
    """One change with its interval in percent, and what is said of it."""

    lane: str
    change: float
    low: float | None
    high: float | None
    words: str
    settled: bool


class Panel(NamedTuple):
    """One table of changes for one outcome."""

    title: str
    marks: tuple[Mark, ...]


class Load(NamedTuple):
    """CPU (cores) and memory (GB) over time; a row a process, in the order of names."""

    t_s: tuple[float, ...]
    names: tuple[str, ...]
    cpu: tuple[tuple[float, ...], ...]
    memory: tuple[tuple[float, ...], ...]
    machine_cpu: tuple[float, ...]
    cores: int


class Series(NamedTuple):
    """Everything that is drawn; a lane's place is its number."""

    seconds: float
    """How long the session was."""
    words: dict[str, str]
    """What each role is called."""
    dots: tuple[tuple[Dot, ...], ...]
    shades: tuple[tuple[Shade, ...], ...]
    spreads: tuple[tuple[Spread, ...], ...]
    panels: tuple[Panel, ...]
    load: Load | None


def series(found: Findings) -> Series:
    """Work them out."""
    roles = _Roles(found)
    known = stretches(found.session)
    return Series(
        _span_s(found), roles.words, _dots(found, roles, known), _shades(found, roles, known), _spreads(found, roles),
        tuple(_panels(found)), _load(found),
    )  # fmt: skip


class _Roles:
    """Which level of the switch under study has which colour."""

    def __init__(self, found: Findings) -> None:
        plan = found.last
        self.switch: str = "mode"
        levels: tuple[Level, Level] = ACCURACY
        if plan is not None and plan.kind != "study":
            self.switch, levels = plan.run.plan.switch, plan.run.plan.pair
        elif plan is None and found.hand:
            change = found.hand[-1].change
            self.switch, levels = change.switch, (change.a, change.b)
        self._levels = [str(level) for level in levels]
        self.words = {ON: self._word(self._levels[0]), OFF: self._word(self._levels[1]), OTHER: "inference or other"}

    def _word(self, level: str) -> str:
        if self.switch != "mode":
            return f"{self.switch} {level}"
        return {"validation": "accuracy on (validation)", "withoutval": "accuracy off (withoutval)"}.get(level, level)

    def of(self, level: Level) -> str:
        """The role of a level."""
        known = str(level)
        return (ON, OFF)[self._levels.index(known)] if known in self._levels else OTHER

    def of_setting(self, setting: Setting, lane: int) -> str:
        """The role of a lane in a setting."""
        levels = setting.levels(lane)
        return self.of(mode_of(levels) if self.switch == "mode" else levels.get(self.switch))


def _span_s(found: Findings) -> float:
    return max(1.0, (found.session.last_ns - found.session.origin_ns) / 1e9)


def _dots(found: Findings, roles: _Roles, known: Sequence[Stretch]) -> tuple[tuple[Dot, ...], ...]:
    session, rules = found.session, found.rules
    step_ns = max(1_000_000_000, int(_span_s(found) * 1e9 / POINTS))
    dots: list[list[Dot]] = [[] for _ in session.lanes]
    for stretch in known:
        for lane in stretch.setting.lanes:
            rows = session.lanes[lane].rows
            first, last = measured(session.lanes[lane], stretch, session.last_ns, rules)
            while last - first > 1:
                upto = min(last, max(first + 2, bisect_right(rows.start_ns, rows.start_ns[first] + step_ns, hi=last)))
                mean = rows.mean_ns(rules.outcome, first, upto)
                if mean:
                    middle = (rows.start_ns[first] + rows.start_ns[upto - 1]) / 2
                    role = roles.of_setting(stretch.setting, lane)
                    at_s = (middle - session.origin_ns) / 1e9
                    dots[lane].append(Dot(at_s, mean / 1e6, role, len(stretch.setting.lanes) > 1))
                first = upto
    return tuple(map(tuple, dots))


def _shades(found: Findings, roles: _Roles, known: Sequence[Stretch]) -> tuple[tuple[Shade, ...], ...]:
    session = found.session
    shades: list[list[Shade]] = [[] for _ in session.lanes]
    for stretch in known:
        end_ns = session.last_ns if stretch.end_ns is None else stretch.end_ns
        begin_s, end_s = ((t - session.origin_ns) / 1e9 for t in (stretch.begin_ns, end_ns))
        for lane in stretch.setting.lanes:
            role, its = roles.of_setting(stretch.setting, lane), shades[lane]
            if its and its[-1].role == role and its[-1].end_s == begin_s:
                its[-1] = its[-1]._replace(end_s=end_s)
            else:
                its.append(Shade(begin_s, end_s, role))
    return tuple(map(tuple, shades))


# -- distributions ------------------------------------------------------------------------------------------------------


def _spreads(found: Findings, roles: _Roles) -> tuple[tuple[Spread, ...], ...]:
    spreads: list[list[Spread]] = [[] for _ in found.session.lanes]
    for lane, label, role, values in [*_planned_values(found, roles), *_free_values(found, roles)]:
        if values:
            ranked = sorted(values)
            its = tuple(ranked[max(0, -(-len(ranked) * q // 100) - 1)] / 1e6 for q in QUANTILES)
            spreads[lane].append(Spread(label, role, its))
    return tuple(map(tuple, spreads))


def _planned_values(found: Findings, roles: _Roles) -> Iterable[tuple[int, str, str, list[int]]]:
    session, plan = found.session, found.last
    if plan is None or not plan.cells:
        return
    values: dict[tuple[int, str, str, Level], list[int]] = {}
    for visit in counted(session, plan.run):
        regime, level, lanes = key_of(session.blocks[visit.place].cell)
        if visit.placebo or isinstance(level, tuple):
            continue
        words = regime_words(session, plan.run, (regime, level, lanes))
        for lane in lanes:
            rows = session.lanes[lane].rows
            each = rows.each_ns(found.rules.outcome, *span(session, visit.place, lane, found.rules))
            values.setdefault((lane, words, str(level), level), []).extend(each)
    order = {str(level): place for place, level in enumerate(plan.run.plan.levels)}
    known = sorted(values, key=lambda key: (key[0], key[1] != "alone", order.get(key[2], len(order))))
    for lane, regime, words, level in known:
        yield lane, f"{regime}, {words}", roles.of(level), values[lane, regime, words, level]


def _free_values(found: Findings, roles: _Roles) -> Iterable[tuple[int, str, str, list[int]]]:
    session = found.session
    known: dict[Setting, list[Stretch]] = {}
    for stretch in stretches(session):
        known.setdefault(stretch.setting, []).append(stretch)
    for one in found.free:
        setting, lane = one.cell.setting, session.lanes[one.cell.lane]
        spans = [measured(lane, stretch, session.last_ns, found.rules) for stretch in known.get(setting, ())]
        values = [value for first, last in spans for value in lane.rows.each_ns(found.rules.outcome, first, last)]
        yield lane.number, f"{one.cell.regime}, {one.mode}", roles.of_setting(setting, lane.number), values


# -- changes ------------------------------------------------------------------------------------------------------------


def _panels(found: Findings) -> Iterable[Panel]:
    plan = found.last
    outcomes = (found.outcome, found.beside())
    if plan is not None:
        for name in main_tables(plan, found.outcome):
            for outcome in outcomes:
                yield _panel(found, plan, name, outcome)
    elif found.hand:
        hand = found.hand[-1]
        for outcome in outcomes:
            marks = []
            for row in hand.rows.get(outcome, ()):
                known = row.contrast if row.contrast is not None and row.contrast.interval else None
                if row.change_pct is not None:
                    low, high = (known.low_pct, known.high_pct) if known else (None, None)
                    words = verdict(known) if known else "no interval"
                    marks.append(Mark(found.names[row.lane], row.change_pct, low, high, words, _settled(known)))
            yield Panel(f"{_words(outcome)}, by hand", tuple(marks))


def _panel(found: Findings, plan: Planned, name: str, outcome: str) -> Panel:
    table = plan.table(name, outcome)
    marks = []
    for lane, one in table.lanes.items() if table else ():
        if one.change_pct is not None:
            words = verdict(one)
            marks.append(Mark(found.names[lane], one.change_pct, one.low_pct, one.high_pct, words, _settled(one)))
    return Panel(f"{_words(outcome)}, {regime_of(name)}", tuple(marks))


def _words(outcome: str) -> str:
    return "images/s" if outcome == RATE else outcome


def _settled(contrast: Contrast | None) -> bool:
    return contrast is not None and contrast.verdict in SETTLED


# -- CPU and memory -----------------------------------------------------------------------------------------------------


def _load(found: Findings) -> Load | None:
    """Workers by lane, then all else that is quintet's; averaged over so many seconds that POINTS suffice."""
    told = [one for one in found.session.telemetry if one.values.get("processes") is not None]
    if len(told) < 2:
        return None
    size = -(-len(told) // POINTS)
    groups = [told[place : place + size] for place in range(0, len(told), size)]
    names = (*found.names, "quintet")
    cpu = [[0.0] * len(groups) for _ in names]
    memory = [[0.0] * len(groups) for _ in names]
    for place, group in enumerate(groups):
        for one in group:
            for process in one.values["processes"]:
                row = _row(process, len(names) - 1)
                cpu[row][place] += (process.get("cpu_pct") or 0) / 100 / len(group)
                memory[row][place] += (process.get("rss_bytes") or 0) / 1e9 / len(group)
    cores = other_programs.cpus(found.session) or 1
    machine = tuple(
        sum((one.values.get("machine") or {}).get("cpu_pct") or 0 for one in group) / len(group) / 100 * cores
        for group in groups
    )
    times = tuple((group[0].t_ns - found.session.origin_ns) / 1e9 for group in groups)
    return Load(times, names, tuple(map(tuple, cpu)), tuple(map(tuple, memory)), machine, cores)


def _row(process: dict[str, Any], other: int) -> int:
    lane = process.get("lane")
    return lane if process.get("what") == "worker" and isinstance(lane, int) and 0 <= lane < other else other
