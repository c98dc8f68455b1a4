"""Intervals against tabulated constants, published values and scipy."""

from __future__ import annotations

import math
import random

import pytest
from scipy.stats import t

from quintet.engine.analysis import statistics
from quintet.engine.analysis.statistics import Moments, holm_alphas, moments, t_central, t_quantile

# R 4.3: qt(p, df)
TABLE = {
    (0.975, 1): 12.706204736432095, (0.975, 2): 4.302652729911275, (0.975, 3): 3.182446305284263,
    (0.975, 7): 2.364624251592785, (0.975, 10): 2.228138851964939, (0.975, 29): 2.045229642132703,
    (0.995, 4): 4.604094871349993, (0.9, 5): 1.475884048824482, (0.8, 30): 0.853767265,
}  # fmt: skip


@pytest.mark.parametrize(("probability", "df"), TABLE)
def test_t_quantiles_are_the_tabulated_ones(probability: float, df: int) -> None:
    assert t_quantile(probability, df) == pytest.approx(TABLE[probability, df], rel=1e-7)


def test_t_quantiles_agree_with_scipy() -> None:
    for df in (*range(1, 60), 199, 1000):
        for probability in (0.6, 0.8, 0.9, 0.975, 0.995, 0.999, 0.9999):
            assert t_quantile(probability, df) == pytest.approx(t.ppf(probability, df), rel=1e-6)
            assert t_central(1.7, df) == pytest.approx(1 - 2 * t.sf(1.7, df), rel=1e-10)


def test_t_quantiles_of_many_degrees_agree_with_scipy_and_take_no_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    for df in (statistics.EXACT_DF, statistics.EXACT_DF + 1, 20_000, 1_000_000):
        for probability in (0.6, 0.8, 0.975, 0.995, 0.9999, 0.999999):
            assert t_quantile(probability, df) == pytest.approx(t.ppf(probability, df), rel=1e-8)
    monkeypatch.setattr(statistics, "t_central", None)
    assert t_quantile(0.97, 10**12) == pytest.approx(1.8807936081512509, rel=1e-9)


def test_the_quantile_is_the_central_probabilitys_inverse_and_nears_the_normal_one() -> None:
    for df in (1, 2, 5, 8, 63, 500):
        assert t_central(t_quantile(0.99, df), df) == pytest.approx(0.98, rel=1e-9)
    assert t_quantile(0.975, 20_001) == pytest.approx(1.959964, rel=1e-4)
    for bad in ((0.5, 3), (1.0, 3), (0.975, 0)):
        with pytest.raises(ValueError, match="t quantile"):
            t_quantile(*bad)


def test_a_t_interval_by_hand() -> None:
    m = moments([0.01, 0.03, 0.02, 0.05, 0.04])
    assert m == pytest.approx((5, 0.03, 0.0158113883))
    low, high = statistics.t_interval(m)
    assert (low, high) == pytest.approx((0.03 - 2.7764451 * 0.0070710678, 0.03 + 2.7764451 * 0.0070710678))


def test_the_sequence_by_hand() -> None:
    # rho2 = (5.9915 + log 6.9915) / 20; the width at n = 20 with sd 1, worked out apart
    rho2 = statistics.sequence_rho2(20)
    assert rho2 == pytest.approx(0.3968, abs=1e-4)
    low, high = statistics.sequence_interval(Moments(20, 0.0, 1.0), 20)
    n_rho2 = 20 * rho2
    raw = math.sqrt(2 * (n_rho2 + 1) / (20 * n_rho2) * math.log(math.sqrt(n_rho2 + 1) / 0.05))
    assert high == -low == pytest.approx(raw * math.sqrt(19 / 17))
    assert raw == pytest.approx(0.6787, abs=1e-4)


def test_watching_costs_width_and_the_sequence_never_undercuts_the_planned_interval() -> None:
    for planned in (8, 16, 30, 100):
        for n in range(8, planned + 1):
            m = Moments(n, 0.0, 1.0)
            assert statistics.sequence_interval(m, planned).high > statistics.t_interval(m).high


def test_holm_is_holms() -> None:
    # p-values of Holm's own kind of example: the third is above its level, so is everything after it
    assert holm_alphas([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.05 / 3, 0.025, 0.025, 0.0125])
    assert holm_alphas([0.001, 0.01, 0.02]) == pytest.approx([0.05 / 3, 0.025, 0.05])
    assert holm_alphas([0.9]) == [0.05]
    assert holm_alphas([]) == []


def test_lag_1_finds_what_drifts() -> None:
    assert statistics.drifts([0.1 * k for k in range(20)])
    assert not statistics.drifts([(-1) ** k for k in range(20)])  # the interval of these is too wide, not too narrow
    assert not statistics.drifts([0.0] * 10)


@pytest.mark.parametrize(("n", "found_pct"), [(8, 18), (12, 42), (23, 80)])
def test_drift_is_found_where_it_is_and_seldom_elsewhere(n: int, found_pct: int) -> None:
    """AR(1) with 0.6 from round to round, and independent rounds."""
    rng = random.Random(1)
    found = {rho: sum(statistics.drifts(_ar1(rng, n, rho)) for _ in range(2000)) / 20 for rho in (0.6, 0.0)}
    assert found[0.6] == pytest.approx(found_pct, abs=4)
    assert 1.5 <= found[0.0] <= 5


def _ar1(rng: random.Random, n: int, rho: float) -> list[float]:
    found = [rng.gauss(0, 1)]
    for _ in range(n - 1):
        found.append(rho * found[-1] + rng.gauss(0, math.sqrt(1 - rho * rho)))
    return found


def test_the_smallest_effect_is_about_the_noncentral_ones() -> None:
    # statsmodels TTestPower().solve_power(nobs=n, alpha=0.05, power=0.8): 1.16 sd at 8, 0.53 sd at 30
    assert statistics.smallest_effect(1.0, 8) == pytest.approx(1.16, rel=0.02)
    assert statistics.smallest_effect(1.0, 30) == pytest.approx(0.53, rel=0.02)


def test_rounds_to_a_half_width_is_the_first_number_that_does_it() -> None:
    for sd in (0.005, 0.02, 0.033, 0.2):
        rounds = statistics.rounds_to(0.02, sd)
        assert statistics.t_interval(Moments(rounds, 0, sd)).high <= 0.02
        assert rounds == 2 or statistics.t_interval(Moments(rounds - 1, 0, sd)).high > 0.02


def test_percent_and_back() -> None:
    assert statistics.percent(math.log(1.5)) == pytest.approx(50)
    assert statistics.log_of_percent(statistics.percent(-0.3)) == pytest.approx(-0.3)
    with pytest.raises(ValueError, match="two differences"):
        moments([1.0])
