"""Every switch changes while the loop runs, and rows say what held: pace, think, batch, source, sync, stages."""

from __future__ import annotations

import threading
from itertools import pairwise
from typing import Any

import pytest

from quintet.engine.protocol import events as ev
from quintet.engine.protocol import switches
from quintet.engine.protocol.events import FLAG_LATE, FLAG_SCORED, Frame, Levels
from quintet.engine.protocol.orders import GateOrder, SetOrder, StopOrder
from quintet.engine.worker.pacing import Pacing
from quintet.engine.worker.scoring_thread import DEPTH, Handover
from tests.engine.worker.test_loop import ON, TICK, Machine, loop_on

MS = 1_000_000
OFF = switches.changed(ON, {"mode": "withoutval"})


def run(levels: Levels, images: int, costs: dict[str, int], orders: list[list[Frame]] | None = None) -> Machine:
    machine = Machine([[GateOrder(1, True)], *(orders or [[] for _ in range(images)]), [StopOrder(9)]], images=10)
    machine.costs = costs
    loop_on(machine, levels).run()
    return machine


def starts(machine: Machine) -> list[int]:
    return [row["start"] for row in machine.rows()]


def gaps(machine: Machine) -> list[int]:
    begun = starts(machine)
    return [round((after - before) / MS) for before, after in pairwise(begun)]


def test_a_pace_is_kept_and_images_begin_at_their_times() -> None:
    machine = run(switches.changed(OFF, {"pace": 20}), 8, {"predict": 10 * MS})
    assert set(gaps(machine)) == {50}
    assert all(row["delay"] < MS for row in machine.rows())
    assert all(row["wait"] > 35 * MS for row in machine.rows()[1:])


def test_a_lane_too_slow_for_its_pace_begins_at_once_and_skips_what_it_missed() -> None:
    machine = run(switches.changed(OFF, {"pace": 20}), 30, {"predict": 130 * MS})
    rows = machine.rows()
    assert set(gaps(machine)) <= {130, 131, 150}
    assert any(row["flags"] & FLAG_LATE for row in rows)
    assert max(row["delay"] for row in rows) < 50 * MS + MS
    told = machine.of(ev.Telemetry)[-1]
    due = (told.t_ns - rows[0]["start"]) / (50 * MS)
    taken = sum(row["start"] < told.t_ns for row in rows)
    assert told.values["skipped"] == pytest.approx(due - taken, abs=3)


def test_think_waits_after_each_image_whatever_scoring_does() -> None:
    for levels in (OFF, ON):
        machine = run(switches.changed(levels, {"think": 40}), 6, {"predict": 10 * MS, "score": 5 * MS})
        rows = machine.rows()
        assert all(40 * MS <= row["wait"] < 41 * MS for row in rows[1:])
        assert all((row["score"] > 0) == (levels is ON) for row in rows)


def test_commands_are_answered_in_the_middle_of_a_wait() -> None:
    change: list[Frame] = [SetOrder(5, {"think": 0})]
    machine = run(switches.changed(OFF, {"think": 50_000}), 0, {"predict": 10 * MS}, [change, [], []])
    answer = next(frame for frame in machine.of(ev.Answer) if frame.id == 5)
    assert answer.outcome == "done"
    assert answer.t_ns < starts(machine)[0] + 20 * MS
    assert [type(frame).__name__ for frame in machine.sent if isinstance(frame, (ev.Samples, ev.Arm))][1:3] == [
        "Samples",
        "Arm",
    ]


def test_a_batch_is_one_call_and_a_row_an_image_each_with_the_whole_call() -> None:
    machine = run(switches.changed(ON, {"batch": 4}), 5, {"predict many": 20 * MS, "score": MS, "load": 2 * MS})
    rows = machine.rows()
    assert machine.trace.count("predict many") * 4 == len(rows)
    assert "predict" not in machine.trace
    first = rows[:4]
    assert len({row["start"] for row in first}) == 1
    assert {row["predict"] for row in first} == {20 * MS + TICK}
    assert [row["image"] for row in rows[:12]] == [*range(10), 0, 1]
    assert all(row["score"] == MS + TICK for row in rows)
    assert all(row["load"] == 2 * MS + TICK for row in rows)
    assert [row["wait"] == 0 for row in rows[4:8]] == [False, True, True, True]
    assert {row["batch"] for row in rows} == {4}


def test_in_a_thread_the_loop_spends_the_hand_over_only_and_all_is_scored_before_it_is_left() -> None:
    threaded = switches.changed(OFF, {"score": "thread"})
    leave: list[Frame] = [SetOrder(5, {"score": "off"})]
    machine = run(threaded, 0, {"predict": 10 * MS, "copy": MS}, [[], [], leave, []])
    rows = machine.rows()
    assert [bool(row["flags"] & FLAG_SCORED) for row in rows] == [True] * 3 + [False] * 2
    assert {row["score"] for row in rows[:3]} == {MS + TICK}
    assert machine.coverage() == (3, 10)
    assert "score" not in machine.trace


def test_the_thread_scores_in_order_and_four_wait_at_most() -> None:
    started, go, scored = threading.Event(), threading.Event(), []

    def score(index: int, copy: object) -> None:
        started.set()
        go.wait(60)
        scored.append((index, copy))

    handover = Handover(score)
    for index in range(DEPTH):
        handover.wait_for_room()
        handover.hand_over(index, f"copy {index}")
    assert started.wait(60)
    waiting = threading.Thread(target=handover.wait_for_room)
    waiting.start()
    waiting.join(0.05)  # one that does not wait has ended by then; one that waits never has
    assert waiting.is_alive()
    go.set()
    waiting.join(60)
    assert not waiting.is_alive()
    handover.finish()
    assert scored == [(index, f"copy {index}") for index in range(DEPTH)]


def test_what_scoring_raises_in_the_thread_is_raised_in_the_loop() -> None:
    def score(index: int, copy: object) -> None:
        raise ValueError("no such image")

    handover = Handover(score)
    handover.hand_over(0, None)
    with pytest.raises(ValueError, match="no such image"):
        handover.finish()


def test_with_the_path_as_source_nothing_is_loaded_before() -> None:
    machine = run(switches.changed(OFF, {"source": "path"}), 4, {"load": 5 * MS})
    assert "load" not in machine.trace
    assert {row["load"] for row in machine.rows()} == {0}


def test_without_sync_the_device_is_not_waited_for() -> None:
    assert "sync" in run(OFF, 3, {}).trace
    assert "sync" not in run(switches.changed(OFF, {"sync": "none"}), 3, {}).trace


@pytest.mark.parametrize(
    ("asked", "level"),
    [
        ({"pace": "12.5"}, 12.5),
        ({"pace": "30"}, 30),
        ({"think": 20.0}, 20),
        ({"batch": "8"}, 8),
        ({"pace": "closed"}, "closed"),
    ],
)
def test_numbers_are_taken_as_numbers(asked: Levels, level: Any) -> None:
    after = switches.changed(ON, asked)[next(iter(asked))]
    assert after == level
    assert type(after) is type(level)


@pytest.mark.parametrize(
    "asked", [{"pace": 0}, {"pace": "fast"}, {"think": -1}, {"think": None}, {"batch": 3}, {"source": "net"}]
)
def test_what_is_no_level_is_refused_with_those_that_are(asked: Levels) -> None:
    with pytest.raises(ValueError, match="its levels are"):
        switches.changed(ON, asked)


def test_pacing_arithmetic() -> None:
    pacing = Pacing()
    pacing.apply(switches.changed(ON, {"pace": 10}))
    assert pacing.wait_ns(1000 * MS, 0) == 0
    assert pacing.taken(1000 * MS, 1) == 0
    assert pacing.wait_ns(1030 * MS, 1030 * MS) == 70 * MS
    assert pacing.wait_ns(1330 * MS, 1330 * MS) <= 0
    assert pacing.skipped == 2
    assert pacing.taken(1330 * MS, 1) == 30 * MS
