"""The promises of docs/method.md under other people's noise: the short form of tests/benchmarks/noise.py.

Every share is held against its promise with three standard deviations of room, counted in sessions, since the lanes of a
session are not independent. The last tests take a rule away, and then the same promise is broken.
"""

from __future__ import annotations

from functools import cache
from math import sqrt

import pytest

from quintet.engine.analysis import batches, hand_flips
from quintet.engine.analysis.flip_table import lasting
from quintet.engine.session.session import Session
from quintet.engine.session.settings import Rules, Setting, Stretch
from tests.benchmarks import noise
from tests.benchmarks.noise import Count, Counts, found, hands, judge_change, plans_of, studies
from tests.benchmarks.noises import NOISES

KEEPS_ALL = ("independent, 3 %", "AR(1), 20 s", "clocks, every 90 s", "heavy tails", "image stream")
SLOW = ("AR(1), 60 s", "clocks, every 90 s")


def at_most(count: Count, sessions: int, promise: float) -> bool:
    """Whether a share may be of something that happens no more often than promised."""
    assert count.of
    return count.pct / 100 <= promise + 3 * sqrt(promise * (1 - promise) / sessions)


def counted(judge: object, names: tuple[str, ...], sessions: int) -> Counts:
    counts = Counts()
    for name in names:
        judge(name, sessions, counts)  # type: ignore[operator]
    return counts


two = cache(noise.two)


def compared(names: tuple[str, ...], sessions: int) -> Counts:
    counts = Counts()
    for name in names:
        for number in range(0, 2 * sessions, 2):
            judge_change(*two(name, number), counts)
    return counts


def test_planned_intervals_and_words_keep_their_rates_under_every_noise() -> None:
    sessions = 3
    counts = counted(plans_of, tuple(NOISES), sessions)
    total = sessions * len(NOISES)
    assert at_most(counts["planned"], total, 0.07)
    for name, promise in (("contrast", 0.06), ("table", 0.06), ("live", 0.06), ("live table", 0.06)):
        assert at_most(counts[name], total, promise), name


def test_a_false_word_in_any_table_of_a_study_is_rare() -> None:
    counts = counted(studies, ("independent, 3 %", "AR(1), 60 s"), 8)
    assert at_most(counts["any table"], 16, 0.06)
    assert at_most(counts["planned"], 16, 0.07)


def test_compare_of_two_sessions_of_the_same_noise_seldom_finds_a_difference() -> None:
    counts = compared(KEEPS_ALL, 4)
    assert at_most(counts["compare"], 20, 0.08)
    assert counts["compare has"].pct > 40
    slow = compared(SLOW, 10)
    assert at_most(slow["compare"], 20, 0.08)


def test_flips_by_hand_are_seldom_wrong_under_drift_and_without_it() -> None:
    for names, each in ((("linear drift",), 20), (("independent, 3 %", "thermal drift", "AR(1), 20 s"), 8)):
        counts = counted(hands, names, each)
        assert at_most(counts["hand"], each * len(names), 0.08)
        assert at_most(counts["hand table"], each * len(names), 0.08)


def test_a_true_five_percent_is_found_in_twelve_rounds() -> None:
    """Dashes everywhere would keep every other promise."""
    sessions = 15
    counts = found(sessions)
    for name in ("planned", "compare"):
        assert counts[name].pct / 100 >= 0.8 - 3 * sqrt(0.8 * 0.2 / sessions), name
    assert counts["planned"].pct > 90


def test_without_batches_compare_breaks_its_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "rounds_a_batch", lambda blocks: 1)
    slow = compared(SLOW, 10)
    assert not at_most(slow["compare"], 20, 0.08)


def test_pairs_instead_of_triples_break_the_promise_under_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    def pairs(
        session: Session, a: Setting, b: Setting, until: int, rules: Rules
    ) -> list[tuple[Stretch, Stretch, Stretch]]:
        """Always A then B: the stretch before stands for both neighbours."""
        known = lasting(session, until, rules)
        return [(known[k], known[k + 1], known[k]) for k in range(0, len(known) - 1, 2)]

    monkeypatch.setattr(hand_flips, "_triples", pairs)
    counts = counted(hands, ("linear drift",), 20)
    assert not at_most(counts["hand"], 20, 0.08)
