"""Two logs side by side: the same cells with the change from one to the other. Pure.

Where both ran a plan, a cell's value is the mean of the logs of its block means, and the change has Welch's t interval on
them. That interval knows how a session's blocks scatter, and nothing of how sessions differ from day to day.
"""

from __future__ import annotations

from collections.abc import Hashable
from math import exp, floor, log, sqrt
from typing import NamedTuple

from quintet.engine import stats
from quintet.engine.blocks import Measures, counted, regime_words, runs
from quintet.engine.conditions import with_defaults
from quintet.engine.plans import MEANS_ONLY
from quintet.engine.session import Session
from quintet.engine.stretches import RULES, Rules, Setting
from quintet.engine.tables import cells


class Row(NamedTuple):
    """One cell in two logs; times in nanoseconds, None where a log has none of it. change_pct is 100 (b / a - 1)."""

    lane: str
    regime: str
    level: str
    a_ns: float | None
    b_ns: float | None
    change_pct: float | None
    low_pct: float | None
    high_pct: float | None
    """The 95 % interval of the change; None without five blocks in both logs."""


class _Cell(NamedTuple):
    lane: str
    regime: str
    level: str
    mean_ns: float
    logs: list[float]
    """Of block means; empty without a plan."""


def compared(a: Session, b: Session, rules: Rules = RULES) -> list[Row]:
    """Every cell of either log, cells in order of the first log's, then those that only the second has."""
    planned = all(any(True for run in runs(session) for _ in counted(session, run)) for session in (a, b))
    one, two = (_planned(session, rules) if planned else _by_hand(session, rules) for session in (a, b))
    return [_row(one.get(key), two.get(key)) for key in dict.fromkeys((*one, *two))]


def _planned(session: Session, rules: Rules) -> dict[Hashable, _Cell]:
    measures = Measures(session)
    rounds: dict[tuple[str, str, str, tuple[str, ...]], dict[tuple[int, int], list[float]]] = {}
    shown: dict[Hashable, str] = {}
    for run in runs(session):
        switch = str(run.told.get("switch") or "mode")
        for visit in counted(session, run):
            regime, level, lanes = visit.key
            words = "+".join(map(str, level)) if isinstance(level, tuple) else str(level)
            names = tuple(session.lanes[lane].name for lane in lanes)
            for lane, mean in measures.of(visit.place).items():
                if value := mean.means.get(rules.outcome):
                    label = words if switch == "mode" else f"{switch} {words}"
                    key = (session.lanes[lane].name, regime, label, names)
                    rounds.setdefault(key, {}).setdefault((run.begun_ns, visit.round), []).append(value)
                    shown[key] = regime_words(session, run, visit.key)
    # a round counts once: where a placebo made two visits, with their mean
    logs = {key: [log(sum(values) / len(values)) for values in its.values()] for key, its in rounds.items()}
    return {key: _Cell(key[0], shown[key], key[2], exp(sum(its) / len(its)), its) for key, its in logs.items()}


def _by_hand(session: Session, rules: Rules) -> dict[Hashable, _Cell]:
    found: dict[Hashable, _Cell] = {}
    for cell in cells(session, None, (rules.outcome,), rules):
        mean = cell.means_ns[rules.outcome]
        if mean:
            name = session.lanes[cell.lane].name
            found[name, _named(session, cell.setting)] = _Cell(name, cell.regime, cell.mode or "mixed", mean, [])
    return found


def _named(session: Session, setting: Setting) -> Hashable:
    """A setting by its lanes' names: their numbers may differ between logs."""
    levels = {lane: with_defaults(setting.levels(lane), session.lanes[lane].threads) for lane in setting.lanes}
    return tuple(sorted((session.lanes[lane].name, str(sorted(its.items()))) for lane, its in levels.items()))


def _row(a: _Cell | None, b: _Cell | None) -> Row:
    either = a or b
    assert either is not None
    cell = either[:3]
    if a is None or b is None:
        return Row(*cell, a and a.mean_ns, b and b.mean_ns, None, None, None)
    change, low, high = log(b.mean_ns / a.mean_ns), None, None
    if min(len(a.logs), len(b.logs)) >= MEANS_ONLY:
        half = welch_half(a.logs, b.logs)
        low, high = stats.percent(change - half), stats.percent(change + half)
    return Row(*cell, a.mean_ns, b.mean_ns, stats.percent(change), low, high)


def welch_half(a: list[float], b: list[float], alpha: float = stats.ALPHA) -> float:
    """Half the 1 - alpha interval of a difference of means (Welch 1947).

    Between whole degrees of freedom the quantile is taken on a straight line, which errs to the wide side.
    """
    parts = [stats.moments(values).se ** 2 for values in (a, b)]
    if not any(parts):
        return 0.0
    freedom = sum(parts) ** 2 / sum(part**2 / (len(values) - 1) for part, values in zip(parts, (a, b), strict=True))
    whole = max(1, floor(freedom))
    below, above = (stats.t_quantile(1 - alpha / 2, df) for df in (whole, whole + 1))
    return (below + (freedom - whole) * (above - below)) * sqrt(sum(parts))
