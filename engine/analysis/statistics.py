"""Intervals for differences of blocks, and what may be said of them. Pure, standard library only: the live screen reads it.

The unit is d, one round's difference of two log block means. Never the image: images of one block share its clock, its
heat and its neighbours, and tests on them cry wolf (docs/method.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from math import atan, cos, expm1, inf, log, log1p, pi, sin, sqrt
from statistics import NormalDist, fmean
from typing import NamedTuple

ALPHA = 0.05
MEANS_ONLY, LIVE_FROM = 5, 8
"""Rounds below the first give means only; the live interval begins at the second."""
ROUNDS_MOST = 1 << 14
EXACT_DF = 2000
"""Beyond so many degrees of freedom a quantile is the normal one with its corrections: the sums take df steps."""


class Moments(NamedTuple):
    """How many differences, their mean and their standard deviation (n - 1)."""

    n: int
    mean: float
    sd: float

    @property
    def se(self) -> float:
        """The standard error of the mean."""
        return self.sd / sqrt(self.n)


class Range(NamedTuple):
    """An interval of log differences."""

    low: float
    high: float

    def excludes(self, value: float = 0.0) -> bool:
        """Whether value lies outside."""
        return not self.low <= value <= self.high


def moments(differences: Sequence[float]) -> Moments:
    """Of two differences or more. Raises ValueError for fewer."""
    n = len(differences)
    if n < 2:
        raise ValueError("a spread needs two differences at least")
    mean = fmean(differences)
    return Moments(n, mean, sqrt(sum((d - mean) ** 2 for d in differences) / (n - 1)))


def percent(difference: float) -> float:
    """A log difference as a change in percent: 100 (e^d - 1)."""
    return 100 * expm1(difference)


def log_of_percent(change_pct: float) -> float:
    """The log difference of a change in percent."""
    return log1p(change_pct / 100)


# -- Student's t --------------------------------------------------------------------------------------------------------


def t_central(t: float, df: int) -> float:
    """P(|T| <= t) of Student's t with a whole number of degrees of freedom.

    Abramowitz & Stegun, Handbook of Mathematical Functions, 26.7.3 (odd) and 26.7.4 (even): finite sums, no series.
    """
    angle = atan(t / sqrt(df))
    c2, s = cos(angle) ** 2, sin(angle)
    if df == 1:
        return 2 * angle / pi
    term = total = 1.0 if df % 2 == 0 else cos(angle)
    for k in range(2 if df % 2 == 0 else 3, df - 1, 2):
        term *= c2 * (k - 1) / k
        total += term
    return s * total if df % 2 == 0 else 2 / pi * (angle + s * total)


def t_p_value(t: float, df: int) -> float:
    """Two-sided."""
    return max(0.0, 1.0 - t_central(abs(t), df))


@lru_cache(maxsize=4096)
def t_quantile(probability: float, df: int) -> float:
    """The quantile of Student's t, probability in (0.5, 1), df a whole number from 1 on. Raises ValueError else.

    The inverse of `t_central` by bisection on the angle atan(t / sqrt(df)), where it is smooth: good to about 1e-13 of
    the probability. Beyond EXACT_DF the expansion about the normal quantile (Abramowitz & Stegun, 26.7.5).
    """
    if not 0.5 < probability < 1 or df < 1:
        raise ValueError("a t quantile needs a probability between 0.5 and 1 and one degree of freedom at least")
    if df > EXACT_DF:
        x = NormalDist().inv_cdf(probability)
        third = (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / (384 * df**3)
        return x + (x**3 + x) / (4 * df) + (5 * x**5 + 16 * x**3 + 3 * x) / (96 * df**2) + third
    wanted = 2 * probability - 1
    low, high = 0.0, pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        if t_central(sqrt(df) * _tan(middle), df) < wanted:
            low = middle
        else:
            high = middle
    return sqrt(df) * _tan((low + high) / 2)


def _tan(angle: float) -> float:
    return sin(angle) / cos(angle) if angle < pi / 2 else inf


def t_interval(m: Moments, alpha: float = ALPHA) -> Range:
    """The 1 - alpha interval of the mean on n - 1 degrees of freedom (Student 1908): for the planned end only."""
    half = t_quantile(1 - alpha / 2, m.n - 1) * m.se
    return Range(m.mean - half, m.mean + half)


# -- the confidence sequence --------------------------------------------------------------------------------------------


def sequence_rho2(planned: int, alpha: float = ALPHA) -> float:
    """rho squared that makes the sequence about narrowest after so many differences: (-2 log a + log(-2 log a + 1)) / n.

    Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas, "Time-uniform central limit theory and asymptotic confidence
    sequences", Annals of Statistics 52 (2024), arXiv 2103.06476, the appendix on tuning.
    """
    return (-2 * log(alpha) + log(-2 * log(alpha) + 1)) / planned


def sequence_interval(m: Moments, planned: int, alpha: float = ALPHA) -> Range:
    """An interval that may be looked at after every round and stopped at any: the asymptotic confidence sequence, for
    four differences or more.

    Half-width sd sqrt(2 (n rho2 + 1) / (n^2 rho2) log(sqrt(n rho2 + 1) / alpha)), Waudby-Smith et al. (above), times
    sqrt((n - 1) / (n - 3)), the spread of Student's t: theirs holds for many differences, and ours begins at 8. Without
    the factor 1.9 % instead of 1 % of null contrasts were ever excluded at alpha 0.01 (docs/decisions/011).
    """
    rho2 = sequence_rho2(planned, alpha)
    known_spread = sqrt(2 * (m.n * rho2 + 1) / (m.n * rho2) * log(sqrt(m.n * rho2 + 1) / alpha))
    half = m.se * known_spread * sqrt((m.n - 1) / (m.n - 3))
    return Range(m.mean - half, m.mean + half)


# -- several at once, and what a session can see ------------------------------------------------------------------------


def holm_alphas(p_values: Sequence[float], alpha: float = ALPHA) -> list[float]:
    """The level that each of several tests is judged at, in their order.

    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979): the
    i-th smallest p of m is held against alpha / (m - i + 1) until one is above; that one's level is the rest's too.
    """
    levels = [alpha] * len(p_values)
    level, open_ = alpha / max(1, len(p_values)), True
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        if open_:
            level = alpha / (len(p_values) - rank)
            open_ = p_values[place] <= level
        levels[place] = level
    return levels


def lag1(differences: Sequence[float]) -> float:
    """The correlation of neighbouring differences, sum (d_i - m)(d_i+1 - m) / sum (d_i - m)^2 (Box & Jenkins, Time
    Series Analysis, 2.1.6); 0 where nothing varies."""
    mean = fmean(differences)
    off = [d - mean for d in differences]
    total = sum(one * one for one in off)
    return sum(one * after for one, after in pairwise(off)) / total if total > 0 else 0.0


def drifts(differences: Sequence[float]) -> bool:
    """Whether neighbouring rounds resemble each other too much to be counted apart: lag-1 + 1/n > 1.64 / sqrt(n).

    Bartlett's bound at 5 %, one-sided (Box & Jenkins, 2.1.14): rounds that alternate make an interval too wide, which
    misleads nobody. 1/n is the bias of the correlation of independent values (Kendall, Biometrika 41, 1954).
    """
    n = len(differences)
    return lag1(differences) + 1 / n > 1.64 / sqrt(n)


def smallest_effect(sd: float, rounds: int, power: float = 0.8, alpha: float = ALPHA) -> float:
    """The log difference that a planned interval after so many rounds excludes 0 for with this power.

    (t(1 - alpha/2) + t(power)) sd / sqrt(n), the usual short form of the noncentral t (Cohen, Statistical Power Analysis
    for the Behavioral Sciences); 1 % below the exact one at 8 rounds.
    """
    return (t_quantile(1 - alpha / 2, rounds - 1) + t_quantile(power, rounds - 1)) * sd / sqrt(rounds)


def rounds_to(half_width: float, sd: float, alpha: float = ALPHA) -> int:
    """How many rounds a planned interval needs for this log half-width."""

    def enough(rounds: int) -> bool:
        return t_quantile(1 - alpha / 2, rounds - 1) * sd <= half_width * sqrt(rounds)

    high = 2
    while not enough(high) and high < ROUNDS_MOST:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if middle > 1 and enough(middle) else (middle, high)
    return high
