"""Plans in live sessions: real processes are gated, flipped and acknowledged, and nothing else may touch the switches."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from quintet.engine.analysis.blocks import Counted, counted, runs
from quintet.engine.control.client import Client
from quintet.engine.journal.reader import read
from quintet.engine.protocol import events as ev
from quintet.engine.protocol.control_messages import Hello, Reply
from quintet.engine.session.session import Session, folded
from tests.running import Headless

pytestmark = pytest.mark.slow


def ask(state: Path, what: str, arguments: dict[str, Any]) -> Reply:
    async def once() -> Reply:
        client = Client(lambda: None)
        socket = next((state / "quintet" / "sessions").glob("*/control"))
        await client.open(socket, Hello(ev.FORMAT, os.getpid(), "test", 0, 0, False))
        reply = await client.ask(what, arguments)
        await client.close()
        return reply

    return asyncio.run(once())


def quintet(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "quintet", *words], capture_output=True, text=True, timeout=120, check=False
    )


def state(session: Session) -> str:
    found = runs(session)
    return found[-1].plan.state if found else ""


STUDY = ("study", "--lanes", "cls,seg", "--modes", "validation,withoutval")
AB = ("ab", "--levels", "validation,withoutval", "--regime", "cls+seg")


@pytest.mark.parametrize(
    ("words", "cells"), [(AB, 2), pytest.param(STUDY, 6, marks=pytest.mark.long("soaks"))], ids=["ab", "study"]
)
def test_a_plan_from_the_command_line_runs_to_its_end(
    sleep_profile: Path, tmp_path: Path, words: tuple[str, ...], cells: int
) -> None:
    """An A/B of two lanes while three are parked; a study too: together and two alone, two modes each."""
    log = tmp_path / "log.msgpack"
    kind, *more = words
    done = quintet(kind, str(sleep_profile), "--headless", "--rounds", "1", "--log", str(log), *more)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{log}\n"
    assert "1 round: means only; 8 rounds need" in done.stderr
    session = folded(read(log))
    assert session.end is not None
    assert session.end.reason == "plan"
    (run,) = runs(session)
    measured = [
        (block.start.started_ns + block.start.burn_in_ns, block.end.t_ns)
        for block in session.blocks
        if block.end is not None and block.start.round >= 0
    ]
    computed = [value.t_ns for lane in session.lanes for value in lane.values]
    assert len(computed) > 4
    assert not [t_ns for t_ns in computed for begin, end in measured if begin < t_ns < end]
    assert (run.plan.kind, run.plan.rounds, run.plan.reason) == (kind, 1, "planned")
    visits = list(counted(session, run))
    assert len(visits) == cells + 1  # and a placebo
    assert {lane for visit in visits for lane in visit.key[2]} == {0, 3}
    for visit in visits:
        only_its_lanes_run_at_its_level(session, visit)
    placebo = next(visit for visit in visits if visit.placebo)
    requested = session.blocks[placebo.place].start.requested_ns
    its = next(a for a in session.asked.values() if "set" in a.command.what and a.command.t_ns >= requested)
    assert {answer.outcome for answer in its.answers.values()} == {"same"}


def only_its_lanes_run_at_its_level(session: Session, visit: Counted) -> None:
    block = session.blocks[visit.place]
    assert block.end is not None
    begin, end = block.start.started_ns, block.end.t_ns
    for lane in session.lanes:
        first, last = lane.rows.span(begin, end)
        assert (last > first) == (lane.number in visit.key[2]), (visit, lane.name)
        arms = {lane.rows.arm[place] for place in range(first, last)}
        assert {arm.levels["mode"] for arm in lane.arms if arm.arm in arms} <= {visit.key[1]}


def test_a_plan_asked_for_live_owns_the_switches_outlives_a_lane_and_is_stopped(
    sleep_profile: Path, tmp_path: Path, own_state: Path
) -> None:
    run = Headless(sleep_profile, tmp_path)
    run.wait_running()
    plan = {"kind": "ab", "switch": "score", "levels": ["inline", "off"], "rounds": 400}
    assert ask(own_state, "plan", {**plan, "levels": ["inline", "loud"]}).outcome == "refused"
    assert ask(own_state, "plan", plan).outcome == "done"
    assert "under way already" in ask(own_state, "plan", plan).text
    assert "Stop it first" in ask(own_state, "set", {"lanes": [0], "levels": {"think": 5}}).text
    run.wait_for(lambda s: any(block.start.round == 0 for block in s.blocks), "the first round")
    ready = run.session().lanes[1].ready
    assert ready is not None
    os.kill(ready.pid, signal.SIGKILL)
    session = run.wait_for(
        lambda s: any(block.counts and block.cell.lanes == (0, 2, 3, 4) for block in s.blocks),
        "a block without the lane that died",
    )
    assert any("detect" in block.end.void for block in session.blocks if block.end)
    assert ask(own_state, "pause", {"on": True}).outcome == "done"
    assert ask(own_state, "pause", {"on": False}).outcome == "done"
    assert ask(own_state, "stop_plan", {}).outcome == "done"
    session = run.wait_for(lambda s: state(s) == "over", "the plan's end")
    assert runs(session)[-1].plan.reason == "stopped"
    run.wait_for(
        lambda s: all(lane.arms[-1].levels["score"] == "inline" and lane.open for lane in s.lanes if lane.number != 1),
        "the lanes as they were before",
    )
    assert ask(own_state, "set", {"lanes": [0], "levels": {"think": 5}}).outcome == "done"
    run.process.terminate()
    assert run.end() == 1  # a lane was killed


def test_a_plan_that_the_ready_lanes_cannot_do_ends_the_session_with_a_sentence(tmp_path: Path) -> None:
    profile, log = tmp_path / "two.toml", tmp_path / "log.msgpack"
    lane = '[[lane]]\nname = "{}"\ntask = "cls"\nbackend = "sleep"\n'
    profile.write_text(lane.format("a") + lane.format("b") + 'env.QUINTET_SLEEP_FAIL = "model"\n')
    done = quintet("ab", str(profile), "--headless", "--rounds", "1", "--regime", "a+b", "--log", str(log))
    assert done.returncode == 1
    assert "The plan cannot begin on the lanes that are ready: There is no lane 'b' for a regime" in done.stderr
    assert "Traceback" not in done.stderr
    session = folded(read(log))
    assert session.end is not None
    assert session.end.reason == "fault"
