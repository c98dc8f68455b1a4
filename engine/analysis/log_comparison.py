"""Two logs side by side: the same cells with the change from one to the other. Pure.

Where both ran a plan, a cell's value is the mean of the logs of its rounds' values, and the change has Welch's t interval
on batches of neighbouring rounds. It knows how a session scatters, and nothing of how sessions differ from day to day.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import exp, floor, log, sqrt
from statistics import fmean
from typing import NamedTuple

from quintet.engine.analysis import batches, statistics
from quintet.engine.analysis.batches import BlockValue
from quintet.engine.analysis.blocks import Measures, counted, regime_words, runs
from quintet.engine.analysis.conditions import with_defaults
from quintet.engine.analysis.flip_table import cells
from quintet.engine.analysis.statistics import MEANS_ONLY
from quintet.engine.analysis.verdicts import DRIFTING, TOO_FEW
from quintet.engine.session.session import Session
from quintet.engine.session.settings import RULES, Rules, Setting


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
    """The 95 % interval of the change; None without five batches of rounds in both logs."""
    note: str = ""
    """Empty, or why there is no interval: verdicts.TOO_FEW or DRIFTING."""


class _Cell(NamedTuple):
    lane: str
    regime: str
    level: str
    mean_ns: float
    logs: list[float]
    """Of the rounds' values; empty without a plan."""
    batch: int = 1
    """How many neighbouring rounds make a batch."""


def compared(a: Session, b: Session, rules: Rules = RULES) -> list[Row]:
    """Every cell of either log, cells in order of the first log's, then those that only the second has."""
    planned = all(any(True for run in runs(session) for _ in counted(session, run)) for session in (a, b))
    one, two = (_planned(session, rules) if planned else _by_hand(session, rules) for session in (a, b))
    return [_row(one.get(key), two.get(key)) for key in dict.fromkeys((*one, *two))]


def _planned(session: Session, rules: Rules) -> dict[Hashable, _Cell]:
    measures = Measures(session)
    blocks: dict[str, list[BlockValue]] = {}
    keys: dict[tuple[str, str, str, tuple[str, ...]], str] = {}
    for number, run in enumerate(runs(session)):
        switch = run.plan.switch or "mode"
        for visit in counted(session, run):
            regime, level, lanes = visit.key
            words = "+".join(map(str, level)) if isinstance(level, tuple) else str(level)
            names = tuple(session.lanes[lane].name for lane in lanes)
            for lane, mean in measures.of(visit.place).items():
                if value := mean.means.get(rules.outcome):
                    name = session.lanes[lane].name
                    label = words if switch == "mode" else f"{switch} {words}"
                    key = (name, regime, label, names)
                    keys[key] = regime_words(session, run, visit.key)
                    blocks.setdefault(name, []).append(BlockValue(visit.place, (number, visit.round), key, value))
    lengths = {lane: batches.rounds_a_batch(its) for lane, its in blocks.items()}
    found: dict[Hashable, _Cell] = {}
    for key, shown in keys.items():
        logs = [log(value) for value in batches.by_round(blocks[key[0]], key)]
        found[key] = _Cell(key[0], shown, key[2], exp(fmean(logs)), logs, lengths[key[0]])
    return found


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
    change = log(b.mean_ns / a.mean_ns)
    half, note = change_half(a.logs, b.logs, a.batch, b.batch)
    low, high = (None, None) if half is None else (statistics.percent(change - half), statistics.percent(change + half))
    return Row(*cell, a.mean_ns, b.mean_ns, statistics.percent(change), low, high, note)


def change_half(
    a: Sequence[float], b: Sequence[float], batch_a: int, batch_b: int, alpha: float = statistics.ALPHA
) -> tuple[float | None, str]:
    """Half the 1 - alpha interval of the difference of two sessions' means over rounds, or None and why there is none.

    a, b: logs of one cell's values by round, batch_a, batch_b: how many neighbouring rounds are one value of each.
    """
    if min(len(a), len(b)) < MEANS_ONLY:
        return None, TOO_FEW
    one, two = batches.batched(a, batch_a), batches.batched(b, batch_b)
    return (None, DRIFTING) if one is None or two is None else (welch_half(one, two, alpha), "")


def welch_half(a: list[float], b: list[float], alpha: float = statistics.ALPHA) -> float:
    """Half the 1 - alpha interval of a difference of means (Welch 1947).

    Between whole degrees of freedom the quantile is taken on a straight line, which errs to the wide side.
    """
    parts = [statistics.moments(values).se ** 2 for values in (a, b)]
    if not any(parts):
        return 0.0
    freedom = sum(parts) ** 2 / sum(part**2 / (len(values) - 1) for part, values in zip(parts, (a, b), strict=True))
    whole = max(1, floor(freedom))
    below, above = (statistics.t_quantile(1 - alpha / 2, df) for df in (whole, whole + 1))
    return (below + (freedom - whole) * (above - below)) * sqrt(sum(parts))
