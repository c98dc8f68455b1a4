"""The simulated machine: its rows are a worker's rows, its orders are answered at an image's edge, its truth is its own."""

from __future__ import annotations

from itertools import pairwise

import pytest

from quintet.engine.analysis.contrasts import tables
from quintet.engine.plan.plan import ab, study
from quintet.engine.plan.simulated_machine import DEVICE_SHARE, STEADY, Machine, Noise, services
from quintet.engine.plan.simulation import rehearse
from quintet.engine.profile import load as profiles
from quintet.engine.protocol.events import COLUMNS, FLAG_SCORED, Answer, Arm, Frame, Gate, Samples
from tests.making import NAMES, OFF, ON, SECOND
from tests.planned import folded
from tests.true_effects import true_effects, true_means

QUIET = Noise(0, 300, 0, 20, 0, 0, 0, 0, 0, 0.5)
START, WAIT, PRE, INFER, POST, PREDICT, SCORE = (
    COLUMNS.index(name) for name in ("start", "wait", "pre", "infer", "post", "predict", "score")
)


def rows(frames: list[Frame], lane: int = 0) -> list[list[int]]:
    return [row for frame in frames if isinstance(frame, Samples) and frame.lane == lane for row in frame.rows]


def ran(machine: Machine, until_ns: int) -> list[Frame]:
    """Everything up to a moment at which all lanes are parked, so that nothing is kept back."""
    found = machine.advance(until_ns)
    for lane in range(machine.lanes):
        machine.gate(lane, False, until_ns)
    return found + machine.advance(10 * until_ns, until_answered=True)


def answers(frames: list[Frame]) -> list[tuple[int, int, str]]:
    return [(frame.id, frame.lane, frame.outcome) for frame in frames if isinstance(frame, Answer)]


def test_a_lane_alone_takes_its_service_time_and_scores_outside_it() -> None:
    machine = Machine([10.0], [ON], noise=QUIET)
    machine.gate(0, True, 0, 1)
    found = rows(ran(machine, SECOND))
    assert len(found) == 34
    assert {(row[PREDICT], row[SCORE], row[COLUMNS.index("flags")]) for row in found} == {
        (10_000_000, 20_000_000, FLAG_SCORED)
    }
    assert {after[START] - before[START] for before, after in pairwise(found)} == {30_000_000}
    assert found[0][INFER] == round(10e6 * DEVICE_SHARE)
    assert found[0][PRE] + found[0][INFER] + found[0][POST] == found[0][PREDICT]


def test_two_lanes_share_the_device_and_no_time_is_lost() -> None:
    machine = Machine([10.0, 10.0], [OFF, OFF], noise=QUIET)
    for lane in (0, 1):
        machine.gate(lane, True, 0)
    found = machine.advance(SECOND)
    # both arrive together and get half of it each: 6 ms of CPU and 2 x 4 ms
    assert {row[PREDICT] for lane in (0, 1) for row in rows(found, lane)} == {14_000_000}
    machine = Machine([10.0], [OFF], noise=QUIET)
    machine.gate(0, True, 0)
    assert {row[PREDICT] for row in rows(machine.advance(SECOND))} == {10_000_000}


def test_a_saturated_device_gives_its_whole_rate() -> None:
    """Ten lanes that need 4 ms of the device each: 250 images/s in all, whatever they do besides."""
    machine = Machine([10.0] * 10, [OFF] * 10, noise=STEADY)
    for lane in range(10):
        machine.gate(lane, True, 0)
    found = ran(machine, 20 * SECOND)
    assert sum(len(rows(found, lane)) for lane in range(10)) == pytest.approx(5000 / 1.014, rel=0.03)


def test_orders_are_answered_at_the_images_edge_and_by_parked_lanes_at_once() -> None:
    machine = Machine([10.0, 10.0], [ON, ON], noise=QUIET)
    machine.gate(0, True, 0, 1)
    machine.set(0, {"mode": "withoutval"}, 5_000_000, 2)
    machine.set(1, {"mode": "withoutval"}, 5_000_000, 3)
    found = machine.advance(SECOND)
    assert answers(found) == [(1, 0, "done"), (3, 1, "done"), (2, 0, "done")]
    arm = next(frame for frame in found if isinstance(frame, Arm) and frame.lane == 0)
    assert (arm.t_ns, arm.from_seq, arm.levels["score"]) == (30_000_000, 1, "off")
    assert next(len(frame.rows) for frame in found if isinstance(frame, Samples)) == 1


def test_same_and_refused_are_a_workers() -> None:
    machine = Machine([10.0], [ON], noise=QUIET)
    machine.set(0, {"mode": "validation"}, 0, 1)
    machine.gate(0, False, 0, 2)
    machine.set(0, {"batch": 4}, 0, 3)
    machine.set(0, {"mode": "dog"}, 0, 4)
    assert [outcome for _, _, outcome in answers(machine.advance(0))] == ["same", "same", "refused", "refused"]


def test_a_closed_gate_is_silence_and_counts_as_wait() -> None:
    machine = Machine([10.0], [OFF], noise=QUIET)
    machine.gate(0, True, 0)
    machine.gate(0, False, 55_000_000)
    machine.gate(0, True, 500_000_000)
    found = rows(machine.advance(SECOND))
    starts = [row[START] for row in found]
    assert max(after - before for before, after in pairwise(starts)) == 450_000_000
    assert found[starts.index(500_000_000)][WAIT] == 440_000_000


def test_think_is_a_pure_wait() -> None:
    machine = Machine([10.0], [{**OFF, "think": 20}], noise=QUIET)
    machine.gate(0, True, 0)
    found = rows(machine.advance(SECOND))
    assert {after[START] - before[START] for before, after in pairwise(found)} == {30_000_000}
    machine.set(0, {"think": 0}, SECOND + 15_000_000, 9)
    assert machine.advance(SECOND + 15_000_000, until_answered=True)[-1] == Answer(9, 0, 1_015_000_000, 34, "done", "")


def test_a_scoring_thread_bounds_the_rate_and_leaving_it_waits() -> None:
    machine = Machine([10.0], [{**ON, "score": "thread"}], noise=QUIET)
    machine.gate(0, True, 0)
    found = rows(machine.advance(10 * SECOND))
    assert len(found) == pytest.approx(500, abs=8)  # 20 ms of scoring each, one thread
    assert found[100][PREDICT] > 10_000_000
    machine.set(0, {"score": "off"}, 10 * SECOND, 5)
    last = machine.advance(20 * SECOND, until_answered=True)[-1]
    assert isinstance(last, Answer)
    assert last.t_ns > 10 * SECOND + 60_000_000


def test_advance_in_steps_gives_the_same_as_at_once() -> None:
    def run(step_ns: int) -> list[list[int]]:
        machine = Machine(services(NAMES), seed=3)
        for lane in range(5):
            machine.gate(lane, True, 0)
        found: list[Frame] = []
        for until in range(step_ns, 2 * SECOND + 1, step_ns):
            found += machine.advance(until)
        return [row for lane in range(5) for row in rows(found, lane)[:12]]

    assert run(20_000_000) == run(2 * SECOND)


def test_batches_are_a_workers() -> None:
    machine = Machine(services(NAMES), seed=3)
    for lane in range(5):
        machine.gate(lane, True, 0)
    batches = [frame for frame in machine.advance(20 * SECOND) if isinstance(frame, Samples)]
    assert max(len(batch.rows) for batch in batches) <= 32
    for lane in range(5):
        seqs = [(batch.first_seq, len(batch.rows)) for batch in batches if batch.lane == lane]
        assert all(first + count == after for (first, count), (after, _) in pairwise(seqs))


def test_noise_is_what_it_says() -> None:
    machine = Machine([20.0], [OFF], seed=1, noise=Noise(drift=0, slow_sd=0, spike_p=0, carry=0))
    machine.gate(0, True, 0)
    each = [row[PREDICT] / 20e6 for row in rows(machine.advance(200 * SECOND))]
    mean = sum(each) / len(each)
    sd = (sum((one - mean) ** 2 for one in each) / len(each)) ** 0.5
    assert mean == pytest.approx(1.003, abs=0.005)
    assert sd == pytest.approx(0.08, rel=0.05)


def test_a_rehearsal_is_a_session_like_any_other() -> None:
    session = folded(list(rehearse(study(("cls", "obb"), rounds=2), Machine(services(("cls", "obb")), seed=1))))
    assert session.end is not None
    assert [block.end.void for block in session.blocks if block.end][:3] == ["calibration"] * 3
    assert all(block.counts for block in session.blocks[3:])
    assert len(session.blocks) == 3 + 2 * (9 + 1)
    placebos = [block for block in session.blocks if block.start.placebo]
    asked = [a for a in session.asked.values() if a.command.t_ns == placebos[0].start.requested_ns]
    assert {answer.outcome for one in asked for answer in one.answers.values()} == {"same"}


def test_a_rehearsal_is_the_same_from_the_same_seeds() -> None:
    plan = ab(NAMES, rounds=2)
    one, other = (list(rehearse(plan, Machine(services(NAMES), seed=8))) for _ in range(2))
    assert one == other
    assert one != list(rehearse(plan, Machine(services(NAMES), seed=9)))


def test_without_noise_a_plan_finds_the_truth_exactly() -> None:
    plan = ab(("cls",), switch="sync", levels=("each", "none"), rounds=5)
    machine = Machine(services(("cls",)), noise=QUIET, effects={("sync", "none"): 1.02})
    (table,) = tables(folded(list(rehearse(plan, machine))))
    assert table.lanes[0].change_pct == pytest.approx(2, abs=1e-3)


def test_accuracy_off_makes_all_slower_together_and_none_alone() -> None:
    """The study's paradox as a queue: latency up by a quarter to a third, images/s up in the fast lanes all the same."""
    together = true_effects(services(NAMES), "mode", "validation", "withoutval", range(5), seconds=300)
    assert all(20 < effects["predict"] < 36 for effects in together.values())
    assert together[0]["cycle"] < -35
    assert together[4]["cycle"] > 3
    alone = true_means(services(NAMES), [ON] * 5, [1], seconds=300)
    assert alone[1]["predict"] / 1e6 == pytest.approx(26.75 * 1.01, rel=0.01)


def test_the_profile_is_a_profile() -> None:
    profile = profiles.load("simulated")
    assert [lane.backend for lane in profile.lanes] == ["simulated"] * 5
    assert {frame.levels["mode"] for frame in Machine(services(NAMES)).begin() if isinstance(frame, Arm)} == {
        "validation"
    }


def test_gates_are_told() -> None:
    machine = Machine([10.0], [OFF], noise=QUIET)
    machine.gate(0, True, 7, 1)
    assert machine.advance(10)[:2] == [Gate(0, True, 0, 7), Answer(1, 0, 7, 0, "done", "")]
