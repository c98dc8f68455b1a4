"""Whose switch slows whom: a matrix of effects from the pair differences of a fold-over design. Pure.

A pair is a row of signs s (+1: the lane at the second level) and its complement; d = log(mean in the row) - log(mean in
the complement) = sum over lanes of effect_i s_i + noise, where effect_i is what switching lane i alone does. Drift and
two-lane interactions cancel in d; main effects only.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log, sqrt
from typing import NamedTuple

from quintet.engine.analysis import statistics
from quintet.engine.analysis.blocks import Counted, Measures, Run, counted
from quintet.engine.analysis.statistics import ALPHA
from quintet.engine.session.session import Session

MOST_WAITING = 64
"""Rows of a round that wait for their complements: 16 lanes have 64 rows a round."""


class Effect(NamedTuple):
    """What switching lane `whose` does to lane `whom`, in percent, with its 95 % interval (unadjusted)."""

    whose: int
    whom: int
    change_pct: float
    low_pct: float | None
    high_pct: float | None
    pairs: int
    interval: str | None
    """`planned` at the planned end, else None: there is no live interval here."""


def effects(
    session: Session,
    run: Run,
    outcome: str = "predict",
    measures: Measures | None = None,
    until_ns: int | None = None,
) -> list[Effect]:
    """The matrix of one run of kind `matrix`, row by row, as known then; lanes without enough pairs are left out."""
    known = measures or Measures(session)
    first = run.plan.levels[0]
    pairs = _pairs(list(counted(session, run, until_ns)))
    found: list[Effect] = []
    for whom in run.lanes:
        signs: list[list[int]] = []
        differences: list[float] = []
        for one, other in pairs:
            a, b = (known.of(visit.place).get(whom) for visit in (one, other))
            if a and b and outcome in a.means and outcome in b.means:
                levels = one.key[1]
                assert isinstance(levels, tuple)
                signs.append([-1 if level == first else 1 for level in levels])
                differences.append(log(a.means[outcome]) - log(b.means[outcome]))
        fitted = least_squares(signs, differences)
        if fitted is None:
            continue
        for whose, (estimate, se) in zip(pairs[0][0].key[2], fitted, strict=True):
            low = high = None
            if run.reached:
                half = statistics.t_quantile(1 - ALPHA / 2, len(signs) - len(fitted)) * se
                low, high = statistics.percent(estimate - half), statistics.percent(estimate + half)
            kind = "planned" if run.reached else None
            found.append(Effect(whose, whom, statistics.percent(estimate), low, high, len(signs), kind))
    return sorted(found, key=lambda effect: (effect.whose, effect.whom))


def _pairs(visits: list[Counted]) -> list[tuple[Counted, Counted]]:
    """Each row with its complement in the same round, of the company of lanes that has most pairs."""
    by_company: dict[tuple[int, ...], list[tuple[Counted, Counted]]] = {}
    open_: dict[tuple[int, tuple[int, ...]], list[Counted]] = {}
    for visit in visits:
        if visit.placebo or not isinstance(visit.key[1], tuple):
            continue
        waiting = open_.setdefault((visit.round, visit.key[2]), [])
        partner = next((one for one in waiting if _complements(one, visit)), None)
        if partner is None:
            waiting[: len(waiting) - MOST_WAITING + 1] = []
            waiting.append(visit)
        else:
            waiting.remove(partner)
            by_company.setdefault(visit.key[2], []).append((partner, visit))
    return max(by_company.values(), key=len, default=[])


def _complements(one: Counted, other: Counted) -> bool:
    a, b = one.key[1], other.key[1]
    return isinstance(a, tuple) and isinstance(b, tuple) and all(x != y for x, y in zip(a, b, strict=True))


def least_squares(rows: Sequence[Sequence[int]], values: Sequence[float]) -> list[tuple[float, float]] | None:
    """Ordinary least squares without intercept: (estimate, standard error) of each column, on n - p degrees of freedom.

    The normal equations by Gauss-Jordan elimination with pivoting, X'X inverse beside them (any textbook). None when
    there are not more rows than columns, or the columns do not stand apart.
    """
    if not rows or len(rows) <= len(rows[0]):
        return None
    width = len(rows[0])
    work = [
        [float(sum(row[i] * row[j] for row in rows)) for j in range(width)]
        + [float(i == j) for j in range(width)]
        + [sum(row[i] * value for row, value in zip(rows, values, strict=True))]
        for i in range(width)
    ]
    for i in range(width):
        pivot = max(range(i, width), key=lambda k: abs(work[k][i]))
        if abs(work[pivot][i]) < 1e-9:
            return None
        work[i], work[pivot] = work[pivot], work[i]
        work[i] = [value / work[i][i] for value in work[i]]
        for k in range(width):
            if k != i:
                factor = work[k][i]
                work[k] = [value - factor * own for value, own in zip(work[k], work[i], strict=True)]
    estimates = [row[-1] for row in work]
    left = sum(
        (value - sum(e * s for e, s in zip(estimates, row, strict=True))) ** 2
        for row, value in zip(rows, values, strict=True)
    )
    variance = left / (len(rows) - width)
    return [(estimates[i], sqrt(variance * work[i][width + i])) for i in range(width)]
