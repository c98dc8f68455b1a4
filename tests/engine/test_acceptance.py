"""The promises of the statistics, on the simulated machine: the short form of tests/benchmarks/coverage.py.

`./check long noise` runs the same with 25 times as many sessions. Every share is held against its promise with three
binomial standard deviations of room, so a sound method passes with these seeds or any others, and a broken one does not:
the last tests break it.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

import pytest

from quintet.engine.analysis import statistics
from quintet.engine.analysis.statistics import Moments, Range
from quintet.engine.plan.simulated_machine import services
from tests.benchmarks.coverage import FIVE, OFF, Tally, by_hand, naive_coverage, tally
from tests.true_effects import true_effects

NULL_SESSIONS, ONE_LANE_SESSIONS, ACCURACY_SESSIONS, HAND_SESSIONS = 16, 40, 8, 24


@pytest.fixture(scope="module", params=[1, pytest.param(25, marks=pytest.mark.long("noise"))], ids=["short", "long"])
def times(request: pytest.FixtureRequest) -> int:
    """How many times the sessions of the short form are run."""
    count: int = request.param
    return count


def room(promise: float, count: int) -> float:
    return 3 * sqrt(promise * (1 - promise) / count)


def at_most(found: int, count: int, promise: float) -> bool:
    return found / count <= promise + room(promise, count)


def covers(found: Tally) -> bool:
    """93 to 97 % of the intervals."""
    share = found.covered / found.contrasts
    return 0.93 - room(0.93, found.contrasts) <= share <= 0.97 + room(0.97, found.contrasts)


@pytest.fixture(scope="module")
def null_together(times: int) -> Tally:
    return tally(NULL_SESSIONS * times, services(FIVE), [0.0] * 5)


@pytest.fixture(scope="module")
def two_percent(times: int) -> Tally:
    return tally(ONE_LANE_SESSIONS * times, [1000 / 20], [2.0], effect=1.02, start=OFF)


def test_planned_intervals_cover_and_false_alarms_are_rare_at_the_planned_end(null_together: Tally) -> None:
    assert covers(null_together)
    assert at_most(null_together.excluded, null_together.contrasts, 0.06)
    assert at_most(null_together.verdicts, null_together.sessions, 0.06)


def test_who_watches_every_round_is_no_worse_off(null_together: Tally) -> None:
    assert at_most(null_together.ever_live, null_together.contrasts, 0.06)
    assert at_most(null_together.live_verdicts, null_together.sessions, 0.06)


def test_the_placebo_lamp_is_seldom_lit_for_nothing(null_together: Tally) -> None:
    assert at_most(null_together.lamps, null_together.sessions, 0.02)


def test_two_percent_at_20_images_a_second_is_found_in_five_minutes(two_percent: Tally) -> None:
    assert covers(two_percent)
    assert two_percent.excluded / two_percent.contrasts >= 0.8 - room(0.8, two_percent.contrasts)


@pytest.mark.long("noise")
def test_four_percent_at_8_images_a_second_is_found_in_five_minutes(times: int) -> None:
    found = tally(ONE_LANE_SESSIONS * times, [1000 / 8], [4.0], effect=1.04, start=OFF)
    assert covers(found)
    assert found.excluded / found.contrasts >= 0.8


@pytest.mark.long("noise")
def test_accuracy_off_together_is_covered(times: int) -> None:
    true = true_effects(services(FIVE), "mode", "validation", "withoutval", range(5), seconds=6000)
    truth = [true[lane]["predict"] for lane in range(5)]
    found = tally(ACCURACY_SESSIONS * times, services(FIVE), truth, "mode", ("validation", "withoutval"))
    assert covers(found)
    assert found.excluded == found.contrasts


@pytest.mark.long("noise")
def test_flips_by_hand_keep_their_rate_too(times: int) -> None:
    ever, _, contrasts = by_hand(HAND_SESSIONS * times, [1000 / 20])
    assert at_most(ever, contrasts, 0.06)
    ever, judged, contrasts = by_hand(HAND_SESSIONS * times // 4, services(FIVE))
    assert at_most(ever, contrasts, 0.06)
    assert at_most(judged, contrasts // 5, 0.06)


def test_the_usual_way_breaks_the_same_promise(times: int) -> None:
    """A, then B, and Welch's interval over images: what these tests must be able to find."""
    assert naive_coverage(16 * times, 1000 / 20) < 60


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Intervals at the normal quantile of 80 %, and Student's interval for those who watch."""

    def too_narrow(m: Moments, alpha: float = statistics.ALPHA) -> Range:
        return Range(m.mean - 1.28 * m.se, m.mean + 1.28 * m.se)

    real = statistics.t_interval
    monkeypatch.setattr(statistics, "sequence_interval", lambda m, planned, alpha=statistics.ALPHA: real(m, alpha))
    monkeypatch.setattr(statistics, "t_interval", too_narrow)
    return iter(())


@pytest.mark.usefixtures("narrow")
def test_these_tests_can_fail(times: int) -> None:
    found = tally(ONE_LANE_SESSIONS * times, [1000 / 20], [0.0], start=OFF)
    assert not covers(found)
    assert not at_most(found.excluded, found.contrasts, 0.06)
    assert not at_most(found.ever_live, found.contrasts, 0.06)
