"""From a Session to tables of numbers: cells (setting x lane), and the flip table that compares two settings. Pure.

Only images after a stretch's burn-in count, and settings are never pooled with one another. After a flip by hand there
is a mean and a change, and no interval: that takes triples of stretches.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import NamedTuple

from quintet.engine.analysis import paced
from quintet.engine.analysis.blocks import times
from quintet.engine.analysis.paced import Paced
from quintet.engine.protocol.switches import BY_NAME, MODES, Level
from quintet.engine.session.image_columns import percentile
from quintet.engine.session.session import Session
from quintet.engine.session.settings import (
    RULES,
    Difference,
    Rules,
    Setting,
    Stretch,
    block_ns,
    difference,
    measured,
    regime_of,
    stretches,
)

ACCURACY = ("validation", "withoutval")
"""The two modes whose difference is "accuracy off", on first."""


def is_accuracy(change: Difference) -> bool:
    """Whether two settings differ in accuracy computation, on against off."""
    return change.switch == "mode" and (change.a, change.b) == ACCURACY


class Cell(NamedTuple):
    """One lane under one setting, over all its stretches; times in nanoseconds, None where there are too few images."""

    lane: int
    setting: Setting
    mode: str | None
    regime: str
    images: int
    stretches: int
    means_ns: dict[str, float | None]
    p50_ns: int | None
    p95_ns: int | None
    images_per_s: float | None
    tail_ns: int | None = None
    """The percentile of rules.tail_percent; like p50 and p95 it is of rules.outcome."""
    paced: Paced | None = None
    """What a camera's pace made of it; None where its images were not paced."""


class FlipRow(NamedTuple):
    """One active lane in a comparison; change_pct is 100 (b / a - 1) of the outcome, rate_pct the same of images/s."""

    lane: int
    a_ns: float | None
    b_ns: float | None
    change_pct: float | None
    rate_pct: float | None
    settled: bool
    """False while the running stretch is shorter than a block."""


class Comparison(NamedTuple):
    """Two settings that differ in one switch in some lanes, level a first; rows are the active lanes in order."""

    difference: Difference
    a: Setting
    b: Setting
    regime: str
    rows: tuple[FlipRow, ...]


def cells(
    session: Session,
    until_ns: int | None = None,
    outcomes: tuple[str, ...] = ("predict", "cycle"),
    rules: Rules = RULES,
) -> list[Cell]:
    """Every cell with a measured image, settings in order of their first stretch, lanes in order."""
    until = session.last_ns if until_ns is None else until_ns
    by_setting: dict[Setting, list[Stretch]] = {}
    for stretch in stretches(session, until):
        by_setting.setdefault(stretch.setting, []).append(stretch)
    found = []
    for setting, its in by_setting.items():
        for number in setting.lanes:
            cell = _cell(session, number, setting, its, until, outcomes, rules)
            if cell.images:
                found.append(cell)
    return found


def _cell(
    session: Session,
    number: int,
    setting: Setting,
    its: list[Stretch],
    until: int,
    outcomes: tuple[str, ...],
    rules: Rules,
) -> Cell:
    lane, rows = session.lanes[number], session.lanes[number].rows
    known = [(stretch, measured(lane, stretch, until, rules)) for stretch in its]
    spans = [span for _, span in known if span[1] > span[0]]
    its_times = [(rows.start_ns[span[0]], _end_ns(stretch, until)) for stretch, span in known if span[1] > span[0]]
    each = sorted(value for span in spans for value in lane.rows.each_ns(rules.outcome, *span))
    cycle = _pooled(session, number, its, until, "cycle", rules)
    return Cell(
        number, setting, setting.mode, regime_of(session, setting, until), sum(last - first for first, last in spans),
        len(spans),
        {outcome: _pooled(session, number, its, until, outcome, rules) for outcome in outcomes},
        percentile(each, 50), percentile(each, 95), 1e9 / cycle if cycle else None, percentile(each, rules.tail_percent),
        paced.of_spans(session, number, spans, its_times) if paced.is_paced(setting.levels(number)) else None,
    )  # fmt: skip


def _pooled(session: Session, number: int, its: list[Stretch], until: int, outcome: str, rules: Rules) -> float | None:
    """The mean of an outcome over the measured images of several stretches of one setting."""
    lane, total, count = session.lanes[number], 0, 0
    for stretch in its:
        first, last = measured(lane, stretch, until, rules)
        total += lane.rows.total_ns(outcome, first, last)
        count += lane.rows.count(outcome, first, last)
    return total / count if count else None


def lasting(session: Session, until_ns: int, rules: Rules = RULES) -> list[Stretch]:
    """Stretches longer than a burn-in. Shorter ones are the moments of a command's arrival."""
    return [
        stretch
        for stretch in stretches(session, until_ns)
        if _end_ns(stretch, until_ns) - stretch.begin_ns >= rules.burn_in_ns
    ]


def unplanned(session: Session, until_ns: int, rules: Rules = RULES) -> list[Stretch]:
    """Lasting stretches whose midpoint is outside every plan. A plan's first command, or what
    it leaves behind, cuts the stretch around it a moment late."""
    begins, ends = _apart(times(session, until_ns))
    found = []
    for stretch in lasting(session, until_ns, rules):
        place = bisect_right(begins, _middle(stretch, until_ns)) - 1
        if place < 0 or ends[place] <= _middle(stretch, until_ns):
            found.append(stretch)
    return found


def _apart(spans: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Where spans begin and end, in order; those that overlap are one."""
    begins: list[int] = []
    ends: list[int] = []
    for begin, end in sorted(spans):
        if ends and begin <= ends[-1]:
            ends[-1] = max(ends[-1], end)
        else:
            begins.append(begin)
            ends.append(end)
    return begins, ends


def _middle(stretch: Stretch, until_ns: int) -> int:
    return (stretch.begin_ns + _end_ns(stretch, until_ns)) // 2


def _end_ns(stretch: Stretch, until_ns: int) -> int:
    return until_ns if stretch.end_ns is None else stretch.end_ns


def comparison(
    session: Session, a: Setting, b: Setting, outcome: str, until_ns: int, rules: Rules = RULES
) -> Comparison:
    """Compare two settings that differ in one switch, over stretches by hand. Raises ValueError when they do not."""
    found = difference(a, b)
    if found is None:
        raise ValueError("these settings differ in more than one switch, or in their lanes")
    known = unplanned(session, until_ns, rules)
    its = {setting: [s for s in known if s.setting == setting] for setting in (a, b)}
    running = known[-1] if known and known[-1].end_ns is None else None
    young = running is not None and until_ns - running.begin_ns < block_ns(session, running, until_ns, rules)
    rows = []
    for number in a.lanes:
        mean_a, mean_b = (_pooled(session, number, its[setting], until_ns, outcome, rules) for setting in (a, b))
        cycle_a, cycle_b = (_pooled(session, number, its[setting], until_ns, "cycle", rules) for setting in (a, b))
        only_young = young and running is not None and len(its.get(running.setting, ())) == 1
        rows.append(FlipRow(number, mean_a, mean_b, _change(mean_a, mean_b), _change(cycle_b, cycle_a), not only_young))
    return Comparison(found, a, b, regime_of(session, a, until_ns), tuple(rows))


def _change(before: float | None, after: float | None) -> float | None:
    return 100 * (after / before - 1) if before and after else None


def latest_comparison(session: Session, outcome: str, until_ns: int, rules: Rules = RULES) -> Comparison | None:
    """The comparison that the last lasting flip of one switch made, or None when there was none."""
    pairs = flipped(session, until_ns, rules)
    return comparison(session, *pairs[-1], outcome, until_ns, rules) if pairs else None


def flipped(session: Session, until_ns: int, rules: Rules = RULES) -> list[tuple[Setting, Setting]]:
    """The pairs of settings that flips of one switch joined, each once, level a first, the latest flip's pair last."""
    found: dict[tuple[Setting, Setting], None] = {}
    ours = {stretch.begin_ns for stretch in unplanned(session, until_ns, rules)}
    for one, other in pairwise(lasting(session, until_ns, rules)):
        before, after = one.setting, other.setting
        change = difference(before, after) if {one.begin_ns, other.begin_ns} <= ours else None
        if change is not None:
            forward = _rank(change.switch, change.a) <= _rank(change.switch, change.b)
            pair = (before, after) if forward else (after, before)
            found.pop(pair, None)
            found[pair] = None
    return list(found)


def _rank(switch: str, level: Level) -> float:
    """Which level of a switch is called a: accuracy on before off, else the order of the table of switches."""
    if switch == "mode":
        return list(MODES).index(str(level))
    known = [str(one) for one in BY_NAME[switch].levels]
    if str(level) not in known:  # one of a switch's numbers: by its size, after the named levels
        return len(known) + (level if isinstance(level, (int, float)) else 0.0)
    place = known.index(str(level))
    return -place if switch == "score" else place


def heading(session: Session, comparison: Comparison) -> tuple[str, str]:
    """What a comparison is called, and in which lanes: `accuracy off against on`, `only detect, others on`."""
    found = comparison.difference
    accuracy = is_accuracy(found)
    name = "accuracy off against on" if accuracy else f"{found.switch} {found.b} against {found.a}"
    if found.lanes == comparison.a.lanes:
        return name, "all lanes" if len(found.lanes) > 1 else f"only {session.lanes[found.lanes[0]].name}"
    flipped = ", ".join(session.lanes[number].name for number in found.lanes)
    key = "score" if accuracy else found.switch
    others = {comparison.a.levels(n).get(key) for n in comparison.a.lanes if n not in found.lanes}
    level = str(others.pop()) if len(others) == 1 else "mixed"
    return name, f"only {flipped}, others {_on_off(level) if accuracy else level}"


def _on_off(score: str) -> str:
    return {"off": "off", "mixed": "mixed"}.get(score, "on")
