"""Two logs side by side: what they were measured under, and the same cells with the change from one to the other. Pure.

Where both ran a plan, a cell's value is the mean of the logs of its block means, and the change has Welch's t interval on
them. That interval knows how a session's blocks scatter, and nothing of how sessions differ from day to day.
"""

from __future__ import annotations

from collections.abc import Hashable
from math import exp, floor, log, sqrt
from typing import Any, NamedTuple

from quintet.engine import stats
from quintet.engine.blocks import Measures, counted, runs
from quintet.engine.plans import MEANS_ONLY
from quintet.engine.session import Session
from quintet.engine.stretches import RULES, Rules, Setting, stretches
from quintet.engine.switches import MODES
from quintet.engine.tables import cells

PRESET = {"mode", *next(iter(MODES.values()))}
"""The switches that a mode sets: they make different cells, not different conditions."""


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


def differences(a: Session, b: Session) -> list[str]:
    """What two logs were measured under that is not the same, a sentence each; empty when they can be compared."""
    one, two = _conditions(a), _conditions(b)
    found = []
    for lane in dict.fromkeys((*one, *two)):
        if lane not in one or lane not in two:
            found.append(f"{lane} is a lane of {'the first' if lane in one else 'the second'} log only")
            continue
        for what in dict.fromkeys((*one[lane], *two[lane])):
            first, second = one[lane].get(what), two[lane].get(what)
            if first != second:
                found.append(f"{lane}: {what} {_short(first)} and {_short(second)}")
    return found


def _short(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return text if len(text) <= 24 else f"{text[:12]}…"


def _conditions(session: Session) -> dict[str, dict[str, Any]]:
    """By lane: weights, data, image size, device, precision, and the levels of every switch that no mode sets."""
    manifest = session.start.manifest if session.start is not None else {}
    found: dict[str, dict[str, Any]] = {}
    known = stretches(session, session.last_ns)
    for lane, told in zip(session.lanes, manifest.get("lanes", ()), strict=False):
        info = lane.ready.info if lane.ready is not None else {}
        own: dict[str, Any] = {"task": lane.task, "weights": told.get("weights_sha256_found")}
        own |= {f"{name} data": print_ for name, print_ in sorted((told.get("data_fingerprints") or {}).items())}
        own |= {"imgsz": told.get("imgsz"), "device": info.get("device"), "precision": info.get("dtype")}
        levels: dict[str, set[str]] = {}
        for stretch in known:
            if lane.number in stretch.setting.lanes:
                for switch, level in stretch.setting.levels(lane.number).items():
                    levels.setdefault(switch, set()).add(str(level))
        own |= {switch: tuple(sorted(its)) for switch, its in sorted(levels.items()) if switch not in PRESET}
        found[lane.name] = own
    return found


def compared(a: Session, b: Session, rules: Rules = RULES) -> list[Row]:
    """Every cell of either log, cells in order of the first log's, then those that only the second has."""
    planned = all(any(True for run in runs(session) for _ in counted(session, run)) for session in (a, b))
    one, two = (_planned(session, rules) if planned else _by_hand(session, rules) for session in (a, b))
    return [_row(one.get(key), two.get(key)) for key in dict.fromkeys((*one, *two))]


def _planned(session: Session, rules: Rules) -> dict[Hashable, _Cell]:
    measures = Measures(session)
    logs: dict[tuple[str, str, str, tuple[str, ...]], list[float]] = {}
    for run in runs(session):
        switch = str(run.told.get("switch") or "mode")
        for visit in counted(session, run):
            regime, level, lanes = visit.key
            words = "+".join(map(str, level)) if isinstance(level, tuple) else str(level)
            names = tuple(session.lanes[lane].name for lane in lanes)
            for lane, mean in measures.of(visit.place).items():
                if value := mean.means.get(rules.outcome):
                    label = words if switch == "mode" else f"{switch} {words}"
                    logs.setdefault((session.lanes[lane].name, regime, label, names), []).append(log(value))
    return {key: _Cell(*key[:3], exp(sum(its) / len(its)), its) for key, its in logs.items()}


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
    return tuple(sorted((session.lanes[lane].name, str(levels)) for lane, levels in setting.active))


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
