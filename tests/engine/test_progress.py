"""How far a plan is at a moment, from the journal alone."""

from __future__ import annotations

from functools import cache

import msgpack

from quintet.engine.analysis.plan_progress import Progress, progress
from quintet.engine.plan import plan
from quintet.engine.plan.simulated_machine import Machine, services
from quintet.engine.plan.simulation import rehearse
from quintet.engine.protocol import events as ev
from quintet.engine.protocol.codec import encode
from quintet.engine.session.session import Session, folded
from tests.engine.report.made import effects_ms
from tests.making import NAMES, SECOND, Maker, at
from tests.planned import folded as made_session
from tests.planned import planned


@cache
def rehearsed() -> Session:
    frames = rehearse(plan.ab(NAMES, rounds=4, seed=2), Machine(services(NAMES), begin_ns=at(0)))
    return folded(msgpack.unpackb(encode(frame)) for frame in frames)


def at_block(place: int, after_ns: int = 2 * SECOND) -> Progress:
    session = rehearsed()
    found = progress(session, session.blocks[place].start.started_ns + after_ns)
    assert found is not None
    return found


def test_there_is_none_before_a_plan() -> None:
    assert progress(Maker().ready().gate_all(2).session(), at(3)) is None


def test_a_plan_measures_rates_first_and_says_what_it_buys() -> None:
    found = at_block(0)
    assert (found.state, found.round, found.block, found.rounds) == ("calibrating", 0, 0, 4)
    assert "4 rounds: means only" in found.buys


def test_round_block_and_the_time_left_are_told() -> None:
    session = rehearsed()
    first = next(place for place, block in enumerate(session.blocks) if block.start.round == 1)
    found = at_block(first)
    assert (found.state, found.round, found.block, found.blocks) == ("running", 1, 1, 2)
    assert found.cell == session.blocks[first].cell
    assert (found.elapsed_ns, found.measured_ns) == (SECOND, 4 * SECOND)
    assert at_block(first).left_ns > at_block(first + 1).left_ns > 0
    assert at_block(0).left_ns >= at_block(first).left_ns


def test_the_first_round_has_its_placebo_as_a_block_more() -> None:
    session = rehearsed()
    first = next(place for place, block in enumerate(session.blocks) if block.start.round == 0)
    assert at_block(first).blocks == 3
    assert [at_block(first + step).block for step in range(3)] == [1, 2, 3]


def test_a_plan_that_is_over_says_why() -> None:
    session = rehearsed()
    found = progress(session, session.last_ns)
    assert found is not None
    assert (found.state, found.reason, found.round, found.left_ns, found.cell) == ("over", "planned", 4, 0, None)


def test_blocks_that_are_done_stay_done_between_blocks_and_in_a_pause() -> None:
    session = rehearsed()
    first = next(place for place, block in enumerate(session.blocks) if block.start.round == 0)
    assert [at_block(first + step).finished for step in range(3)] == [0, 1, 2]
    second = session.blocks[first + 1]
    assert second.end is not None
    between = progress(session, second.end.t_ns)
    assert between is not None
    assert (between.block, between.finished, between.round) == (0, 2, 0)
    assert at_block(first + 3).finished == 0


def test_a_session_that_ended_ends_its_plan() -> None:
    frames = list(rehearse(plan.ab(NAMES, rounds=4, seed=2), Machine(services(NAMES), begin_ns=at(0))))
    begun = [frame for frame in frames if isinstance(frame, ev.BlockStart) and frame.round == 1]
    t_ns = begun[1].started_ns + SECOND
    kept = [*frames[: frames.index(begun[1]) + 1], ev.End(t_ns, "stopped", {})]
    session = folded(msgpack.unpackb(encode(frame)) for frame in kept)
    found = progress(session, t_ns)
    assert found is not None
    assert (found.state, found.reason, found.round, found.left_ns) == ("over", "session", 1, 0)
    assert (found.block, found.finished, found.cell) == (0, 1, None)
    before = progress(session, t_ns - 1)
    assert before is not None
    assert before.state == "running"


def test_a_plan_that_lost_a_lane_and_reached_its_end_has_done_all_its_rounds() -> None:
    session = made_session(planned(plan.study(NAMES, rounds=3), effects_ms(), died={4: 1}))
    found = progress(session, session.last_ns)
    assert found is not None
    assert (found.state, found.round, found.rounds) == ("over", 3, 3)
