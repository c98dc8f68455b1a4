"""What a moment looks like: pages, columns, scales and a lane's facts."""

from __future__ import annotations

import pytest

from quintet.engine.protocol import events as ev
from quintet.engine.session.snapshot import columns, page_begin_ns, scale_top, view
from tests.making import OFF, SECOND, Maker, at


def test_a_page_is_written_full_and_then_steps_left_by_half() -> None:
    begins = [(page_begin_ns(0, t * SECOND, 2 * SECOND, 20) // SECOND) for t in (0, 39, 40, 59, 60, 79, 80)]
    assert begins == [0, 0, 20, 20, 40, 40, 60]


@pytest.mark.parametrize(("largest", "top"), [(0, 4), (3.7, 8), (16, 20), (36, 40), (37, 80), (75, 200), (390, 800)])
def test_the_scales_top(largest: float, top: int) -> None:
    assert scale_top(largest) == top


def test_a_column_never_mixes_arms_and_a_gap_is_a_gap() -> None:
    made = Maker(1).ready().gate_all(0).images(0, 0, 3.4, 10).set(0, 3.4, OFF).images(0, 3.4, 6, 20)
    made.images(0, 10, 12, 20)
    lane = made.session().lanes[0]
    found = columns(lane, at(0), 2 * SECOND, 20, at(11.9))
    assert [None if c.mean_ns is None else round(c.mean_ns / 1e6) for c in found] == [10, 10, 20, None, None, 20]
    assert [c.on for c in found if c.mean_ns is not None] == [True, True, False, False]


def test_the_newest_column_is_no_gap_before_its_first_image() -> None:
    made = Maker(1).ready().gate_all(0).images(0, 0, 4, 10)
    lane = made.session().lanes[0]
    assert len(columns(lane, at(0), 2 * SECOND, 20, at(4.2))) == 2
    assert len(columns(lane, at(0), 2 * SECOND, 20, at(6.2))) == 3


def test_a_lanes_facts_are_of_the_arm_in_force() -> None:
    made = Maker(1).ready().gate_all(2).images(0, 2, 12, 10).set(0, 12, OFF).images(0, 12, 22, 20, cycle_ms=40)
    lane = view(made.session(), at(22)).lanes[0]
    assert (lane.state, lane.on) == ("running", False)
    assert lane.mean_ns == pytest.approx(20e6)
    assert lane.rate_hz == pytest.approx(25)
    assert lane.p95_ns == 20_000_000
    assert lane.other_ns == pytest.approx(10e6)


def test_the_past_looks_as_it_did() -> None:
    made = Maker(1).ready().gate_all(2).images(0, 2, 12, 10).set(0, 12, OFF).images(0, 12, 22, 20)
    earlier = view(made.session(), at(11))
    made_then = Maker(1).ready().gate_all(2).images(0, 2, 11, 10)
    assert earlier == view(made_then.session(), at(11))


def test_accuracy_is_held_while_it_is_not_computed() -> None:
    made = Maker(1).ready().gate_all(2).images(0, 2, 6, 10)
    made.frames.append(ev.Value(0, 0, at(5), 40, 64, 1, {"top1": 0.75}))
    seen = view(made.session(), at(6)).lanes[0].accuracy
    assert seen is not None
    assert (seen.metric, seen.value, seen.images, seen.of, seen.held) == ("top1", 0.75, 40, 64, False)
    made.set(0, 6, OFF).images(0, 6, 9, 10)
    held = view(made.session(), at(9)).lanes[0].accuracy
    assert held is not None
    assert held.held


def test_what_is_asked_shows_until_the_lane_answers() -> None:
    made = Maker(1).ready().gate_all(2).images(0, 2, 6, 10)
    made.frames.append(ev.Command(1, at(6), "me", {"set": {"mode": "withoutval"}}, [0]))
    assert view(made.session(), at(6.1)).lanes[0].asked == "off"
    made.set(0, 6.2, OFF)
    made.frames.append(ev.Answer(1, 0, at(6.2), 200, "done", ""))
    assert view(made.session(), at(6.3)).lanes[0].asked is None


def test_states_from_loading_to_the_end() -> None:
    made = Maker(2)
    made.frames.append(ev.Step(0, at(0.5), "model", "begun", 0, 1))
    made.frames.append(ev.Step(0, at(1.0), "model", "done", 1, 1))
    made.frames.append(ev.Step(0, at(1.0), "ground_truth", "begun", 0, 0))
    made.frames.append(ev.Fault(1, at(1.2), "load", "there are no weights", ""))
    loading = view(made.session(), at(1.5))
    assert loading.loading
    assert [lane.state for lane in loading.lanes] == ["loading", "failed"]
    assert [(step.state, step.text) for step in loading.lanes[0].steps][:2] == [("done", "0.5 s"), ("now", "0.5 s")]
    assert loading.lanes[1].trouble == "there are no weights"
    made.frames += [ev.End(at(9), "asked", {})]
    ended = view(made.session(), at(99))
    assert (ended.ended, ended.age_ns) == ("asked", 9 * SECOND)


def test_a_restarted_lane_looks_as_it_did_before() -> None:
    made = Maker(2).ready().gate_all(2).images_all(2, 8, 10)
    made.frames.append(ev.Fault(1, at(8), "died", "detect: its process exited with status 3.", ""))
    made.frames.append(ev.Step(1, at(12), "model", "begun", 0, 1))
    session = made.session()
    before = [view(session, at(seconds)).lanes[1].state for seconds in (7, 9, 13)]
    made.frames.append(ev.Ready(1, at(14), 2001, {"device": "cpu"}))
    made.set(1, 14, OFF).gate(1, 14.1, open_gate=True)
    session = made.session()
    after = [view(session, at(seconds)).lanes[1].state for seconds in (7, 9, 13, 15)]
    assert before == ["running", "failed", "loading"]
    assert after == [*before, "running"]
    assert view(session, at(9)).lanes[1].trouble == "detect: its process exited with status 3."


def test_a_lane_that_was_stuck_looks_so_afterwards() -> None:
    made = Maker(1).ready().gate_all(2).images(0, 2, 8, 10)
    made.frames.append(ev.Fault(0, at(12), "stuck", "cls does not answer.", ""))
    made.images(0, 15, 18, 10)
    session = made.session()
    assert [view(session, at(seconds)).lanes[0].state for seconds in (11, 13, 14.9, 17)] == [
        "running", "stuck", "stuck", "running",
    ]  # fmt: skip


def in_two(first: float = 10.0) -> Maker:
    """Two lanes together, accuracy on for some seconds from 2 s, at 10 ms, its last 5 s at 14 ms."""
    made = Maker(2).ready().gate_all(2)
    for lane in range(2):
        made.images(lane, 2, first - 3, 10).images(lane, first - 3, first + 2, 14)
    return made


def test_the_figure_beside_the_digits_is_of_a_window_as_long() -> None:
    made = in_two(10).set_all(12, OFF).images_all(12, 17, 20)
    now = view(made.session(), at(17)).lanes[0]
    assert now.mean_ns == pytest.approx(20e6)
    assert now.other_ns == pytest.approx(
        14e6, rel=0.01
    )  # the last 5 s, as the digits are over 5 s; 11.6 over all of them
    early = view(made.session(), at(12.5)).lanes[0]
    assert early.other_ns is None


def test_a_stretch_that_is_shorter_than_the_digits_window_is_no_figure_beside_them() -> None:
    made = in_two(10).set_all(12, OFF).images_all(12, 23, 20)
    assert view(made.session(), at(23)).lanes[0].other_ns is not None
    short = Maker(2).ready().gate_all(2).images_all(2, 6, 10).set_all(6, OFF).images_all(6, 16, 20)
    assert view(short.session(), at(9.9)).lanes[0].other_ns is not None
    assert view(short.session(), at(16)).lanes[0].other_ns is None


def test_alone_is_not_held_against_together() -> None:
    made = in_two(10).gate(1, 12, open_gate=False).set(0, 12, OFF).images(0, 12, 22, 5)
    session = made.session()
    assert [view(session, at(seconds)).lanes[0].other_ns for seconds in (15, 22)] == [None, None]


def test_another_batch_is_not_held_against_this_one() -> None:
    from quintet.engine.protocol import switches

    made = in_two(10).set_all(12, switches.changed(OFF, {"batch": 8})).images_all(12, 22, 5)
    assert view(made.session(), at(22)).lanes[0].other_ns is None
