"""What is said of a table's contrasts, and when nothing is said."""

from __future__ import annotations

import math
import random

import pytest

from quintet.engine.analysis import statistics
from quintet.engine.analysis.verdicts import DRIFTING, PLACEBO, TOO_FEW, Contrast, Watch, family, placebo, table

SHAKEN = (-1.1, -0.3, 0.1, 1.4, -0.2, 0.9, 0.6, 1.2, -0.3, 1.0, -0.9, -1.2, 0.5, 0.3, -1.3, -0.7)
"""Mean 0, sd about 0.9, no lag-1 correlation beyond the bound."""
END = Watch(planned=16, ended=True)


def around(mean: float, sd: float = 0.01, n: int = 16) -> list[float]:
    found = [SHAKEN[k % 16] for k in range(n)]
    m = statistics.moments(found)
    return [mean + sd * (d - m.mean) / m.sd for d in found]


def one(differences: list[float], watch: Watch = END) -> Contrast:
    return table({0: differences}, watch)[0]


def test_slower_faster_same_and_unsettled_in_this_order() -> None:
    assert one(around(0.05)).verdict == "slower"
    assert one(around(-0.05)).verdict == "faster"
    assert one(around(0.001, 0.01)).verdict == "same"
    assert one(around(0.001, 0.05)).verdict == "unsettled"
    near = one(around(0.015, 0.004))
    assert (near.low_pct or 0) > 0
    assert near.verdict == "same"  # excludes 0, but the estimate is inside the margin
    assert one(around(0.018, 0.02)).verdict == "unsettled"


def test_not_yet_is_said_only_while_rounds_may_come() -> None:
    open_ = around(0.001, 0.05)
    assert one(open_, Watch(planned=16)).verdict == "not yet"
    assert one(open_, Watch(planned=16, by_hand=True)).verdict == "not yet"
    assert one(open_, Watch(planned=30, over=True)).verdict == "unsettled"  # stopped early
    assert one(open_, END).verdict == "unsettled"


def test_an_interaction_is_more_or_less_together_and_never_slower() -> None:
    two = {"interaction": {0: around(0.05), 1: around(-0.05), 2: around(0.0), 3: around(0.0, 0.08)}}
    for watch in (END, END._replace(higher_is_faster=True)):
        found = family(two, watch, interactions=("interaction",))["interaction"]
        assert [one.verdict for one in found.values()] == ["more together", "less together", "same", "unsettled"]


def test_all_tables_of_a_session_are_one_family() -> None:
    """Independent rounds without effect: a word in any of eleven tables of five lanes has one chance in twenty."""
    rng = random.Random(3)
    sessions = 400
    wrong = {"family": 0, "each table": 0}
    for _ in range(sessions):
        tables = {
            str(number): {lane: [rng.gauss(0, 0.03) for _ in range(9)] for lane in range(5)} for number in range(11)
        }
        wrong["family"] += any(_moved(its) for its in family(tables, END).values())
        wrong["each table"] += any(_moved(table(its, END)) for its in tables.values())
    assert wrong["family"] <= 0.06 * sessions + 3 * math.sqrt(0.06 * 0.94 * sessions)
    assert wrong["each table"] > 0.15 * sessions


def _moved(contrasts: dict[int, Contrast]) -> bool:
    return any(one.verdict in ("slower", "faster") for one in contrasts.values())


def test_a_rate_that_rises_is_faster() -> None:
    assert one(around(0.05), END._replace(higher_is_faster=True)).verdict == "faster"


def test_the_margin_is_the_users() -> None:
    assert one(around(0.03, 0.005)).verdict == "slower"
    assert one(around(0.03, 0.005), END._replace(margin_pct=5)).verdict == "same"


def test_under_five_rounds_there_are_means_and_a_dash() -> None:
    found = one([0.05, 0.06, 0.05, 0.05])
    assert found.change_pct == pytest.approx(5.4, abs=0.1)
    assert found[2:] == (None, None, None, None, TOO_FEW, None, None, None)
    assert one([]) == Contrast(0, None, None, None, None, None, TOO_FEW, None, None, None)
    assert one(around(0.05, n=5)).interval == "planned"


def test_live_intervals_begin_at_eight_rounds_and_are_wider() -> None:
    live = Watch(planned=16)
    assert one(around(0.05, n=7), live).interval is None
    assert one(around(0.05, n=8), live).interval == "live"
    assert one(around(0.05, n=8), live._replace(by_hand=True)).interval == "exploratory"
    assert (one(around(0.05), live).resolved_pct or 0) > (one(around(0.05)).resolved_pct or 9)


def test_drifting_rounds_have_no_verdict() -> None:
    found = one([0.05 + 0.002 * k for k in range(16)])
    assert (found.verdict, found.note, found.interval) == (None, DRIFTING, "planned")


def test_the_lamp_takes_every_verdict() -> None:
    found = one(around(0.05), END._replace(lamp_on=True))
    assert (found.verdict, found.note) == (None, PLACEBO)


def test_holm_decides_verdicts_and_not_the_printed_interval() -> None:
    weak = around(0.03, 0.052)  # p about 0.04
    alone = one(weak)
    assert alone.verdict == "slower"
    five = table({0: weak, **{lane: around(0.0, 0.05) for lane in range(1, 5)}}, END)
    assert five[0].verdict == "unsettled"
    assert five[0][:4] == alone[:4]
    strong = table({0: weak, **{lane: around(0.3, 0.05) for lane in range(1, 5)}}, END)
    assert strong[0].verdict == "slower"  # the others are rejected first and give their share back


def test_live_verdicts_divide_alpha_by_the_lanes() -> None:
    live, some = Watch(planned=16), around(0.03, 0.032)
    assert table({0: some}, live)[0].verdict == "slower"
    assert table(dict.fromkeys(range(5), some), live)[0].verdict == "not yet"


def test_not_yet_says_what_is_resolved_and_how_long_to_go() -> None:
    found = one(around(0.001, 0.06))
    assert found.resolved_pct == pytest.approx(100 * 2.131 * 0.06 / 4, rel=0.01)
    assert found.more_rounds == statistics.rounds_to(statistics.log_of_percent(2), 0.06) - 16
    assert found.smallest_pct == pytest.approx(4.6, abs=0.2)
    assert one(around(0.0, 0.01)).more_rounds is None


def test_the_placebo_lamp() -> None:
    quiet, loud = around(0.0, 0.02), around(0.05, 0.02)
    assert placebo({0: quiet, 1: quiet}, 2, ended=True).state == "off"
    assert placebo({0: quiet, 1: loud}, 2, ended=True)[:2] == ("on", (1,))
    assert placebo({0: quiet, 1: loud}, 2, ended=False).state == "warns"
    assert placebo({0: loud[:7]}, 1, ended=True) == (None, (), 7)
    assert placebo({}, 5, ended=True) == (None, (), 0)


def test_differences_without_spread_are_no_accident() -> None:
    assert one([0.05] * 8).verdict == "slower"
    assert one([0.0] * 8).verdict == "same"
