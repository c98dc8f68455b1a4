"""The mean of a cell over a session: neighbouring rounds that resemble each other are one value, not many."""

from __future__ import annotations

import random
from math import exp

import pytest

from quintet.engine.analysis.batches import BlockValue, batched, by_round, memory, rounds_a_batch
from quintet.engine.analysis.blocks import runs
from quintet.engine.analysis.contrasts import cell_means
from quintet.engine.analysis.log_comparison import change_half, welch_half
from quintet.engine.analysis.verdicts import DRIFTING, TOO_FEW
from quintet.engine.plan import plan as plans
from tests.making import NAMES
from tests.planned import folded, planned


def blocks(values: list[float], cells: int = 2) -> list[BlockValue]:
    """Logs of the values of a lane's blocks, `cells` a round, cell c higher by c."""
    return [BlockValue(place, place // cells, place % cells, exp(v + place % cells)) for place, v in enumerate(values)]


def independent(n: int, seed: int = 1) -> list[float]:
    rng = random.Random(seed)
    return [rng.gauss(0, 0.03) for _ in range(n)]


def test_independent_blocks_have_no_memory_and_their_cells_do_not_matter() -> None:
    found = [rounds_a_batch(blocks(independent(48, seed))) for seed in range(200)]
    assert found.count(1) > 150  # one in six is above one standard deviation by chance
    assert memory(blocks([0.0] * 48)) == 1


def test_the_memory_of_steps_is_about_their_length() -> None:
    steps = [0.1 * (-1) ** (place // 6) + value / 10 for place, value in enumerate(independent(96))]
    lag = memory(blocks(steps))
    assert 2 <= lag <= 4
    assert rounds_a_batch(blocks(steps)) == -(-5 * lag // 4)


def test_a_steady_drift_leaves_no_five_batches() -> None:
    drift = [0.01 * place + value / 10 for place, value in enumerate(independent(48))]
    assert batched([0.0] * 24, rounds_a_batch(blocks(drift))) is None


def test_lags_at_which_a_lane_was_parked_are_passed_over() -> None:
    """A study's lane runs for three blocks in fifteen, from round to round the same."""
    values = independent(60)
    its = [BlockValue(15 * (k // 3) + k % 3, k // 3, k % 3, exp(values[k // 3] + 0.001 * values[k])) for k in range(60)]
    assert memory(its) >= 13
    assert rounds_a_batch(its) == -(-int(2.5 * memory(its) * 20) // (15 * 19 + 3))


def test_a_rounds_second_visit_is_averaged_into_it() -> None:
    its = [
        BlockValue(0, 0, "a", 10.0),
        BlockValue(1, 0, "a", 20.0),
        BlockValue(2, 0, "b", 1.0),
        BlockValue(3, 1, "a", 30.0),
    ]
    assert by_round(its, "a") == [15.0, 30.0]


def test_batches_take_every_value_and_are_five_at_least() -> None:
    found = batched([float(k) for k in range(23)], 4)
    assert found is not None
    assert len(found) == 5
    assert found[0] == pytest.approx(1.5)
    assert found[-1] == pytest.approx(20)
    assert batched([1.0] * 19, 4) is None
    assert batched([1.0, 2.0, 3.0, 4.0, 5.0], 1) == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_compare_has_an_interval_of_batches_or_says_why_there_is_none() -> None:
    a, b = independent(24, 1), independent(24, 2)
    assert change_half(a, b, 1, 1) == (welch_half(a, b), "")
    wide, _ = change_half([x for x in a[:8] for _ in range(3)], [x for x in b[:8] for _ in range(3)], 3, 3)
    assert wide == pytest.approx(welch_half(a[:8], b[:8]))
    assert change_half(a, b, 5, 1) == (None, DRIFTING)
    assert change_half(a[:4], b, 1, 1) == (None, TOO_FEW)


def test_a_cell_of_a_machine_that_drifts_has_a_dash_with_its_reason() -> None:
    rng = random.Random(4)

    def session(drift: float, rounds: int = 12) -> list[tuple[float | None, str]]:
        plan = plans.ab(NAMES[:2], rounds=rounds)
        known = folded(planned(plan, lambda *at: 20 * exp(drift * at[3] + rng.gauss(0, 0.01))))
        return [(cell.low, cell.note) for cell in cell_means(known, runs(known)[0])]

    assert all((low is None, note) == (True, DRIFTING) for low, note in session(0.02))
    assert all((low is None, note) == (True, TOO_FEW) for low, note in session(0.0, 4))
    assert any(low is not None and not note for low, note in session(0.0))
