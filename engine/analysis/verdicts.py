"""What may be said of contrasts: change, interval, verdict, or why there is none. Pure.

All tables that a plan fills for one outcome are one family, with a contrast for each lane. Printed intervals are 95 %
each, unadjusted; verdicts are decided with Holm's levels at the planned end and with alpha / contrasts while one watches.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from quintet.engine.analysis import statistics
from quintet.engine.analysis.statistics import ALPHA, LIVE_FROM, MEANS_ONLY, Moments, Range

MARGIN_PCT = 2.0
PLACEBO_PAIRS, PLACEBO_ALPHA = 8, 0.01
HAND_TUNED_TO = 16
"""Flips by hand have no planned number; their sequence is narrowest after so many triples."""

Key: TypeAlias = "tuple[str, int]"
"""A table's name and a lane."""

TOO_FEW, DRIFTING, PLACEBO = "too few rounds", "drifting", "placebo"
SLOWER, FASTER, SAME = "slower", "faster", "same"
MORE, LESS = "more together", "less together"
"""Of an interaction: its change, with its sign, is higher or lower together than alone."""
NOT_YET, UNSETTLED = "not yet", "unsettled"
"""Nothing is settled: more rounds may come, or none will."""
SETTLED = (SLOWER, FASTER, SAME, MORE, LESS)
VERDICTS = (SLOWER, FASTER, MORE, LESS, SAME, NOT_YET, UNSETTLED)


class Contrast(NamedTuple):
    """One lane's contrast. Whatever has no value is None; a verdict that is None has its reason in `note`."""

    rounds: int
    change_pct: float | None
    low_pct: float | None
    high_pct: float | None
    """The ends of the 95 % interval, unadjusted."""
    interval: str | None
    """`planned`, `live` or `exploratory`."""
    verdict: str | None
    """One of VERDICTS."""
    note: str
    """Empty, or why there is no verdict: TOO_FEW, DRIFTING or PLACEBO."""
    resolved_pct: float | None
    """The interval's half-width now."""
    more_rounds: int | None
    """About how many more rounds until a planned interval of +- the margin; None when it is there, or not known."""
    smallest_pct: float | None
    """The smallest change that the planned number of rounds can see (80 % power)."""


class Lamp(NamedTuple):
    """The placebo's: `on` (no verdicts), `warns` (live only), `off`, or None with fewer than 8 pairs in every lane."""

    state: str | None
    lanes: tuple[int, ...]
    """The lanes whose placebo is not 0."""
    pairs: int
    """The most pairs of any lane."""


class Watch(NamedTuple):
    """How a contrast table is evaluated."""

    planned: int
    """The planned number of rounds."""
    ended: bool = False
    """Whether the planned end is reached: then, and only then, the interval is Student's."""
    by_hand: bool = False
    margin_pct: float = MARGIN_PCT
    higher_is_faster: bool = False
    """For rates."""
    lamp_on: bool = False
    over: bool = False
    """Whether no more rounds will come."""


def table(differences: Mapping[int, Sequence[float]], watch: Watch) -> dict[int, Contrast]:
    """The contrasts of a table that is a family by itself, from each lane's log differences, one a round in order."""
    return family({"": differences}, watch)[""]


def family(
    tables: Mapping[str, Mapping[int, Sequence[float]]], watch: Watch, interactions: Collection[str] = ()
) -> dict[str, dict[int, Contrast]]:
    """The contrasts of several tables, judged together: a false word in any of them has one chance of ALPHA.

    tables: by name and lane, log differences as for `table`. interactions: the names of tables whose differences are
    themselves of two changes, and so are neither slower nor faster.
    """
    known = {
        (name, lane): statistics.moments(found)
        for name, its in tables.items()
        for lane, found in its.items()
        if _has_interval(len(found), watch)
    }
    levels = _levels(known, sum(map(len, tables.values())), watch)
    return {
        name: {
            lane: _contrast(
                found, known.get((name, lane)), levels.get((name, lane), ALPHA), watch, interaction=name in interactions
            )
            for lane, found in its.items()
        }
        for name, its in tables.items()
    }


def _has_interval(n: int, watch: Watch) -> bool:
    return n >= (MEANS_ONLY if watch.ended else LIVE_FROM)


def _levels(known: Mapping[Key, Moments], contrasts: int, watch: Watch) -> dict[Key, float]:
    """The level that decides each contrast's verdict."""
    if not watch.ended:
        return dict.fromkeys(known, ALPHA / max(1, contrasts))
    p_values = [
        statistics.t_p_value(m.mean / m.se, m.n - 1) if m.se > 0 else float(m.mean == 0) for m in known.values()
    ]
    return dict(zip(known, statistics.holm_alphas(p_values), strict=True))


def _interval(m: Moments, watch: Watch, alpha: float) -> Range:
    return statistics.t_interval(m, alpha) if watch.ended else statistics.sequence_interval(m, watch.planned, alpha)


def _contrast(
    found: Sequence[float], m: Moments | None, level: float, watch: Watch, *, interaction: bool
) -> Contrast:  # fmt: skip
    if m is None:
        change = statistics.percent(sum(found) / len(found)) if found else None
        return Contrast(len(found), change, None, None, None, None, TOO_FEW, None, None, None)
    shown = _interval(m, watch, ALPHA)
    low, high = statistics.percent(shown.low), statistics.percent(shown.high)
    note = PLACEBO if watch.lamp_on else DRIFTING if statistics.drifts(found) else ""
    half = statistics.log_of_percent(watch.margin_pct)
    needed = statistics.rounds_to(half, m.sd)
    return Contrast(
        m.n, statistics.percent(m.mean), low, high,
        "planned" if watch.ended else "exploratory" if watch.by_hand else "live",
        None if note else verdict(m.mean, _interval(m, watch, level), watch, interaction=interaction), note,
        (high - low) / 2,
        needed - m.n if needed > m.n else None,
        statistics.percent(statistics.smallest_effect(m.sd, max(m.n, watch.planned))),
    )  # fmt: skip


def verdict(estimate: float, interval: Range, watch: Watch, *, interaction: bool = False) -> str:
    """In this order: slower or faster, of an interaction more or less together (the interval excludes 0 and the estimate
    is beyond the margin); same (the whole interval is inside the margin); else not yet, or unsettled once it is over."""
    if interval.excludes(0.0) and abs(statistics.percent(estimate)) > watch.margin_pct:
        if interaction:
            return MORE if estimate > 0 else LESS
        return SLOWER if (estimate > 0) != watch.higher_is_faster else FASTER
    inside = (
        -watch.margin_pct < statistics.percent(interval.low) and statistics.percent(interval.high) < watch.margin_pct
    )
    return SAME if inside else UNSETTLED if watch.over or watch.ended else NOT_YET


def placebo(pairs: Mapping[int, Sequence[float]], lanes: int, *, ended: bool) -> Lamp:
    """The lamp from each lane's placebo differences: with 8 pairs or more, a 1 - 0.01 / lanes interval that leaves 0.

    Judged at the planned end; before it the same interval only warns.
    """
    judged = {lane: statistics.moments(found) for lane, found in pairs.items() if len(found) >= PLACEBO_PAIRS}
    alpha = PLACEBO_ALPHA / max(1, lanes)
    lit = tuple(lane for lane, m in judged.items() if statistics.t_interval(m, alpha).excludes(0.0))
    state = None if not judged else "off" if not lit else "on" if ended else "warns"
    return Lamp(state, lit, max((len(found) for found in pairs.values()), default=0))
