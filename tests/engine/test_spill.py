"""The matrix: whose switch slows whom, against a machine whose truth is known."""

from __future__ import annotations

import math

import numpy
import pytest

from quintet.engine.analysis.blocks import runs
from quintet.engine.analysis.interference import effects, least_squares
from quintet.engine.plan.plan import matrix
from quintet.engine.plan.simulated_machine import Machine, services
from quintet.engine.plan.simulation import rehearse
from tests.making import NAMES
from tests.planned import folded, planned


def test_least_squares_by_hand() -> None:
    rows = [[1, 1], [1, -1], [-1, 1], [1, 1]]
    fitted = least_squares(rows, [3.0, 1.0, -1.0, 3.0])
    assert fitted is not None
    assert [estimate for estimate, _ in fitted] == pytest.approx([2, 1])
    assert [se for _, se in fitted] == pytest.approx([0, 0], abs=1e-9)
    assert least_squares([[1, 1]], [1.0]) is None
    assert least_squares([[1, 1], [1, 1], [-1, -1]], [1.0, 1.0, 1.0]) is None


def test_a_fit_agrees_with_numpys() -> None:
    rows = [[1, 1, -1], [1, -1, 1], [-1, 1, 1], [1, 1, 1], [-1, -1, 1]]
    values = [0.3, -0.2, 0.5, 0.9, 0.1]
    fitted = least_squares(rows, values)
    expected = numpy.linalg.lstsq(numpy.array(rows), numpy.array(values), rcond=None)[0]
    assert fitted is not None
    assert [estimate for estimate, _ in fitted] == pytest.approx(list(expected))


def test_a_matrix_tells_own_effects_from_others() -> None:
    def predict_ms(lane: int, regime: str, level: str, number: int) -> float:
        return 20.0 * (1.1 if level == "withoutval" and lane != 3 else 1.0)

    session = folded(planned(matrix(NAMES, rounds=2), predict_ms))
    for effect in effects(session, runs(session)[0]):
        own = effect.whose == effect.whom and effect.whom != 3
        assert effect.change_pct == pytest.approx(10 if own else 0, abs=1e-6)


def test_on_the_simulated_machine_the_others_pay() -> None:
    session = folded(list(rehearse(matrix(NAMES, rounds=2), Machine(services(NAMES), seed=1))))
    found = {(effect.whose, effect.whom): effect for effect in effects(session, runs(session)[0])}
    assert len(found) == 25
    own = [found[lane, lane].change_pct for lane in range(5)]
    others = [effect.change_pct for (whose, whom), effect in found.items() if whose != whom]
    assert sum(others) / 20 > 3
    assert sum(own) / 5 < sum(others) / 20
    assert {effect.pairs for effect in found.values()} == {16}
    assert all((effect.low_pct or 0) < effect.change_pct < (effect.high_pct or 0) for effect in found.values())


def test_a_plan_that_was_stopped_gives_estimates_without_intervals() -> None:
    plan = matrix(("a", "b"), rounds=2)
    session = folded(planned(plan, lambda lane, *_: 20.0 + lane, over="stopped"))
    found = effects(session, runs(session)[0])
    assert {effect.interval for effect in found} == {None}
    assert math.isclose(found[0].change_pct, 0, abs_tol=1e-9)
