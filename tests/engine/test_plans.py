"""Plans: what a round visits, how long a block is, what the time buys."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from quintet.engine.plan import plan as plans
from quintet.engine.plan.plan import Visit, ab, calibration, describe, length, matrix, study, visits
from tests.making import NAMES, SECOND


def cells(plan: plans.Plan, round_number: int, *, placebo: bool = False) -> list[tuple[str, tuple[int, ...], object]]:
    return [
        (plan.regimes[v.regime].name, plan.regimes[v.regime].lanes, v.levels[0][1])
        for v in visits(plan, round_number)
        if placebo or not v.placebo
    ]


def test_a_study_round_visits_every_cell_once_with_a_regimes_modes_side_by_side() -> None:
    plan = study(NAMES)
    for number in range(20):
        found = cells(plan, number)
        assert len(set(found)) == len(found) == 18
        runs = [lanes for place, (_, lanes, _) in enumerate(found) if place == 0 or found[place - 1][1] != lanes]
        assert len(runs) == 6


def test_rounds_come_from_the_seed_alone_and_differ() -> None:
    assert [visits(study(NAMES, seed=4), n) for n in range(3)] == [visits(study(NAMES, seed=4), n) for n in range(3)]
    assert visits(study(NAMES, seed=4), 0) != visits(study(NAMES, seed=5), 0)
    assert len({tuple(cells(study(NAMES), n)) for n in range(8)}) == 8


def test_every_level_comes_first_about_as_often() -> None:
    first = Counter(visits(ab(NAMES), n)[0].levels[0][1] for n in range(400))
    assert 160 < first["validation"] < 240


def test_a_placebo_is_the_same_cell_again_directly_after_it() -> None:
    for plan, share in ((study(NAMES), 1.0), (ab(NAMES), 0.5), (matrix(NAMES), 1.0)):
        marked = 0
        for number in range(40):
            found = visits(plan, number)
            for before, after in pairwise(found):
                if after.placebo:
                    marked += 1
                    assert before == after._replace(placebo=False)
                    assert plan.regimes[after.regime].name == "together"
        assert marked == 40 * share


@pytest.mark.parametrize(
    ("cycle_ms", "burn_in_s", "measured_s"),
    [(10, 1, 4), (100, 1, 4), (200, 1, 6), (400, 2, 12), (1000, 5, 20), (3000, 15, 24)],
)
def test_a_blocks_length(cycle_ms: float, burn_in_s: float, measured_s: float) -> None:
    found = length(cycle_ms * 1e6)
    assert (found.burn_in_ns, found.measured_ns) == (burn_in_s * SECOND, measured_s * SECOND)


def test_the_plan_says_beforehand_what_it_buys() -> None:
    assert plans.buys(study(NAMES, minutes=6)) == "6 min = 3 rounds: means only; 8 rounds need 13 min, about ±2.5 %"
    assert plans.buys(ab(NAMES, minutes=5)) == "5 min = 24 rounds: about ±1.3 %"
    assert plans.buys(matrix(NAMES, rounds=4)) == "5.7 min = 4 rounds: 32 pairs for 25 effects"


def test_fewer_modes_or_lanes_make_a_shorter_round() -> None:
    whole, two_modes, two_lanes = study(NAMES), study(NAMES, modes=("validation", "withoutval")), study(NAMES, (1, 3))
    assert plans.round_ns(two_modes) < plans.round_ns(whole)
    assert len(cells(two_modes, 1)) == 12
    assert len(cells(two_lanes, 1)) == 9
    assert two_lanes.regimes[0] == plans.Regime("together", (1, 3))


def test_what_fits_into_the_minutes_is_fixed_with_the_lengths() -> None:
    plan = plans.fixed(ab(NAMES, minutes=5), [200e6], left_ns=290 * SECOND)
    assert plan.lengths == (plans.Length(SECOND, 6 * SECOND, SECOND // 5),)
    assert plan.rounds == int(290 / (2.5 * 7.2))
    assert plans.fixed(ab(NAMES, rounds=3), [200e6], left_ns=0).rounds == 3


def test_a_matrix_round_is_a_balanced_foldover() -> None:
    plan = matrix(NAMES)
    for number in range(5):
        signs = [
            [1 if level == "withoutval" else -1 for _, level in v.levels] for v in visits(plan, number) if not v.placebo
        ]
        assert all(one == [-s for s in other] for one, other in zip(signs[::2], signs[1::2], strict=True))
        for a in range(5):
            for b in range(5):
                assert sum(row[a] * row[b] for row in signs) == (16 if a == b else 0)


def test_regimes_by_name() -> None:
    assert [r.lanes for r in ab(NAMES, regime="alone").regimes] == [(0,), (1,), (2,), (3,), (4,)]
    assert ab(NAMES, regime="seg+detect").regimes == (plans.Regime("detect+seg", (1, 3)),)
    assert ab(NAMES, regime="pose").regimes == (plans.Regime("alone", (2,)),)
    for lanes in (None, (1, 2), (0,)):
        with pytest.raises(ValueError, match="no lane 'dog'"):
            ab(NAMES, lanes, regime="dog")
    with pytest.raises(ValueError, match=r"no lane 'detect' for a regime; use together, alone or cls"):
        ab(NAMES, (0,), regime="detect+pose")
    assert ab(NAMES, (0,), regime="together").regimes == (plans.Regime("alone", (0,)),)


def test_levels_are_the_switchs_own() -> None:
    assert ab(NAMES, switch="think", levels=("0", "20")).levels == (0, 20)
    with pytest.raises(ValueError, match="2 different levels"):
        ab(NAMES, switch="batch", levels=(2, "2"))
    with pytest.raises(ValueError, match="no level"):
        ab(NAMES, levels=("validation", "dog"))
    with pytest.raises(ValueError, match="two levels"):
        ab(NAMES, switch="batch", levels=(1, 2, 4))
    with pytest.raises(ValueError, match="2 different levels"):
        study(NAMES, modes=("validation", "validation"))
    with pytest.raises(ValueError, match="no switch 'foo'"):
        ab(NAMES, switch="foo", levels=())
    with pytest.raises(ValueError, match="half is fixed at start"):
        matrix(NAMES, switch="half", levels=("no",))


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"rounds": 0}, "1 to 100000 rounds, not 0"),
        ({"rounds": 100_000_000}, "1 to 100000 rounds, not 100000000"),
        ({"minutes": 0.0}, "more than 0 minutes"),
        ({"minutes": 1e9}, r"at most 43200 \(30 days\), not 1e\+09"),
        ({"minutes": 1e300}, r"at most 43200 \(30 days\)"),
        ({"minutes": float("inf")}, "not inf"),
        ({"minutes": float("nan")}, "not nan"),
        ({"seed": -1}, "a whole number from 0 to 9223372036854775807, not -1"),
        ({"seed": 1 << 64}, "not 18446744073709551616"),
    ],
)
def test_a_length_or_a_seed_that_no_plan_can_have_gets_one_sentence(asked: dict[str, float], says: str) -> None:
    for make in (study, ab, matrix, plans.observe):
        with pytest.raises(ValueError, match=says):
            make(NAMES, **asked)  # type: ignore[arg-type]


def test_the_longest_plan_is_told_at_once() -> None:
    assert plans.buys(ab(NAMES, rounds=plans.MOST_ROUNDS)).endswith("100000 rounds: about ±0.0 %")
    assert "rounds: about" in plans.buys(ab(NAMES, minutes=plans.MOST_MINUTES))


def test_with_rounds_the_minutes_do_not_count() -> None:
    plan = ab(NAMES, minutes=5, rounds=1)
    assert plan.minutes is None
    assert plans.buys(plan) == "0.2 min = 1 round: means only; 8 rounds need 1.7 min, about ±2.5 %"


def test_calibration_visits_each_regime_in_its_slowest_mode_or_both_levels_of_an_ab() -> None:
    assert [v.levels[0][1] for v in calibration(study(NAMES))] == ["validation"] * 6
    assert [v.levels[0][1] for v in calibration(ab(NAMES, switch="think", levels=(0, 20)))] == [0, 20]


def test_a_description_is_a_plain_map_and_says_when_it_is_fixed() -> None:
    plan = ab(NAMES, minutes=5)
    assert describe(plan)["state"] == "calibrating"
    told = describe(plans.fixed(plan, [100e6]))
    assert (told["state"], told["rounds"], told["regimes"][0]["measured_ns"]) == ("fixed", 23, 4 * SECOND)


def test_a_cell_says_regime_lanes_and_levels() -> None:
    plan = matrix(("a", "b"))
    visit = Visit(0, 0, ((0, "validation"), (1, "withoutval")))
    told = plans.cell_of(plan, visit, (0, 1))
    assert told == {"regime": "together", "lanes": [0, 1], "levels": {"mode": ["validation", "withoutval"]}}
