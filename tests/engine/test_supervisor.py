"""A session of real processes: the common start, commands and answers, and the bad moments."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from quintet.cli.sessions import _tell
from quintet.engine.control.client import Client
from quintet.engine.journal.reader import read
from quintet.engine.protocol import events as ev
from quintet.engine.protocol.codec import encode
from quintet.engine.protocol.control_messages import Ask, Hello, Reply
from quintet.engine.session.session import folded
from quintet.engine.session.settings import stretches
from tests.running import PATIENCE_S, Headless, alive, wait_until

PROFILE = """
name = "two"
seed = 3
[defaults]
backend = "sleep"
[[lane]]
name = "a"
task = "cls"
{a}
[[lane]]
name = "b"
task = "detect"
{b}
"""


def two(folder: Path, a: str = "", b: str = "") -> Path:
    path = folder / "two.toml"
    path.write_text(PROFILE.format(a=a, b=b))
    return path


def held(folder: Path) -> str:
    """A lane's environment in which it loads until a file is there, which here never comes."""
    return f'env.QUINTET_SLEEP_HOLD = "{folder / "never"}"'


@pytest.fixture(params=[(), ("--no-nursery",)], ids=["nursery", "plain"])
def births(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Both ways in which workers come to life; both pass the same tests."""
    words: tuple[str, ...] = request.param
    return words


@pytest.fixture
def started(tmp_path: Path, sleep_profile: Path, births: tuple[str, ...]) -> Iterator[Headless]:
    session = Headless(sleep_profile, tmp_path, *births)
    yield session
    if session.process.poll() is None:
        session.process.send_signal(signal.SIGTERM)
    session.end()


def control_socket(state: Path) -> Path:
    return next((state / "quintet" / "sessions").glob("*/control"))


async def asked(state: Path, *asks: tuple[str, dict[str, Any]]) -> list[Reply]:
    gone = asyncio.Event()
    client = Client(gone.set)
    await client.open(control_socket(state), Hello(ev.FORMAT, os.getpid(), "test", 0, 0, False))
    replies = [await client.ask(what, arguments) for what, arguments in asks]
    await client.close()
    return replies


def test_a_session_from_start_to_end(
    tmp_path: Path, sleep_profile: Path, own_state: Path, births: tuple[str, ...]
) -> None:
    run = Headless(sleep_profile, tmp_path, "--for", "1s", *births)
    assert run.end() == 0
    assert run.out.strip() == str(run.journal)
    events = read(run.journal)
    assert (events[0][0], events[-1][0]) == ("start", "end")
    session = folded(events)
    assert session.end is not None
    assert session.end.reason == "time"
    for lane in session.lanes:
        assert [step for step, state in lane.steps.items() if state.state == "done"] == [
            "model",
            "ground_truth",
            "warm_up",
        ]
        assert lane.rows.warm_up == 30
        assert len(lane.rows) > 0
        assert lane.holes == 0
        assert lane.values
        assert lane.arms[0].from_seq == 0
        assert lane.gates[0].from_seq == 30
        assert lane.rows.start_ns[0] >= lane.gates[0].t_ns
    opened = [lane.gates[0].t_ns for lane in session.lanes]
    ready = [lane.ready.t_ns for lane in session.lanes if lane.ready]
    assert min(opened) >= max(ready)
    assert not list((own_state / "quintet" / "sessions").iterdir())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.msgpack", "stderr"]


async def test_commands_are_events_and_so_are_their_answers(started: Headless, own_state: Path) -> None:
    started.wait_running()
    replies = await asked(
        own_state,
        ("set", {"lanes": [0, 1, 2, 3, 4], "levels": {"mode": "withoutval"}}),
        ("set", {"lanes": [2], "levels": {"mode": "validation"}}),
        ("active", {"lanes": [3]}),
        ("mark", {"text": "fan on"}),
        ("set", {"lanes": [0], "levels": {"colour": "red"}}),
        ("set", {"lanes": [9], "levels": {"score": "off"}}),
        ("fly", {}),
    )
    assert [reply.outcome for reply in replies] == ["done"] * 4 + ["refused"] * 3
    assert "there is no switch 'colour'" in replies[4].text
    assert replies[5].text == "There is no lane 10."
    session = started.wait_for(
        lambda s: len(s.asked) == 5 and all(len(a.answers) == len(a.command.lanes) for a in s.asked.values()), "answers"
    )
    for told in session.asked.values():
        open_already = told.command.what == {"gate": True} and told.command.lanes == [3]
        assert {answer.outcome for answer in told.answers.values()} == {"same" if open_already else "done"}
    assert [lane.arms[-1].levels["mode"] for lane in session.lanes] == [
        "withoutval",
        "withoutval",
        "validation",
        "withoutval",
        "withoutval",
    ]
    assert stretches(session)[-1].setting.lanes == (3,)
    assert session.marks[0].text == "fan on"
    for lane in session.lanes:
        assert all(a.from_seq <= b.from_seq and a.arm < b.arm for a, b in pairwise(lane.arms))


async def test_rows_carry_the_arm_that_was_in_force(started: Headless, own_state: Path) -> None:
    started.wait_running()
    await asked(own_state, ("set", {"lanes": [0, 1, 2, 3, 4], "levels": {"score": "off"}}))
    started.wait_for(lambda s: all(list(lane.rows.arm[-5:]) == [1] * 5 for lane in s.lanes), "images without scoring")
    await asked(own_state, ("stop", {}))
    assert started.end() == 0
    scored = {
        (event[1], event[2], bool(row[8]))
        for event in read(started.journal) if event[0] == "samples"
        for row in event[4] if not row[12] & ev.FLAG_WARM_UP
    }  # fmt: skip
    assert scored == {(lane, arm, arm == 0) for lane in range(5) for arm in (0, 1)}
    assert folded(read(started.journal)).end == ev.End(*next(e[1:] for e in read(started.journal) if e[0] == "end"))


def test_a_killed_worker_is_told_and_the_others_run_on(started: Headless) -> None:
    before = started.wait_running()
    pid = before.lanes[3].ready.pid if before.lanes[3].ready else 0
    os.kill(pid, signal.SIGKILL)
    session = started.wait_for(lambda s: bool(s.lanes[3].faults), "the fault")
    fault = session.lanes[3].faults[0]
    assert (fault.kind, fault.text) == ("died", "seg: its process was ended by signal 9 (SIGKILL).")
    counts = [len(lane.rows) for lane in session.lanes]
    started.wait_for(lambda s: all(len(s.lanes[n].rows) > counts[n] + 20 for n in (0, 1, 2, 4)), "more images")
    started.process.send_signal(signal.SIGTERM)
    assert started.end() == 1
    ended = started.session()
    assert ended.end is not None
    assert ended.end.reason == "signal"


@pytest.mark.long("kills")
@pytest.mark.parametrize("pause_ms", range(0, 2000, 50))
def test_a_supervisor_killed_at_any_time_leaves_no_process_and_a_journal_that_opens(
    tmp_path: Path, sleep_profile: Path, pause_ms: int
) -> None:
    run = Headless(sleep_profile, tmp_path)
    time.sleep(pause_ms / 1000)  # anywhere in the start or after it: whatever is there must go
    run.process.send_signal(signal.SIGSTOP)  # so that nothing is born after the list is made
    family = run.family()
    run.process.kill()
    wait_until(lambda: not alive(family), "everything's end")
    run.end()
    assert [lane.holes for lane in run.session().lanes] in ([], [0] * 5)


HANGS = 'env = { QUINTET_SLEEP_HANG = "60" }'


def wait_hung(run: Headless) -> None:
    """Wait until lane b hangs, inside predict: it takes no image while lane a takes a hundred."""

    def hangs() -> bool:
        a, b = (len(lane.rows) for lane in run.session().lanes)
        run.wait_for(lambda s: len(s.lanes[0].rows) > a + 100, "images of lane a")
        return len(run.session().lanes[1].rows) == b

    run.wait_running(lanes=1)
    wait_until(hangs, "lane b's hanging")


def test_a_killed_supervisor_leaves_no_worker_and_a_journal_that_opens(tmp_path: Path) -> None:
    run = Headless(two(tmp_path, b=HANGS), tmp_path)
    wait_hung(run)  # where no order and no end-of-file is seen
    workers = run.family()
    assert len(workers) >= 2
    run.process.kill()
    wait_until(lambda: not alive(workers), "the workers' end")
    run.end()
    session = run.session()
    assert session.end is None
    assert all(lane.holes == 0 for lane in session.lanes)


def test_a_worker_that_hears_nothing_is_killed_and_the_session_ends(tmp_path: Path) -> None:
    run = Headless(two(tmp_path, b=HANGS), tmp_path)
    wait_hung(run)
    workers = run.family()
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 0
    assert not alive(workers)
    session = run.session()
    assert session.end is not None
    stop = next(told for told in session.asked.values() if "stop" in told.command.what)
    assert [stop.answers[0].outcome, 1 in stop.answers] == ["done", False]


def test_a_lane_that_cannot_load_says_why_and_the_others_start(tmp_path: Path) -> None:
    profile = two(tmp_path, b='env = { QUINTET_SLEEP_FAIL = "ground_truth" }')
    run = Headless(profile, tmp_path)
    run.wait_running(lanes=1)
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 1
    session = run.session()
    assert [fault.kind for fault in session.lanes[1].faults] == ["load"]
    assert "told to fail at ground_truth" in session.lanes[1].faults[0].text


def test_a_session_without_a_living_lane_ends_by_itself(tmp_path: Path) -> None:
    die = 'env = { QUINTET_SLEEP_DIE = "50" }'
    run = Headless(two(tmp_path, die, die), tmp_path)
    assert run.end() == 1
    session = run.session()
    assert session.end is not None
    assert session.end.reason == "fault"
    assert [lane.faults[0].text for lane in session.lanes] == [
        "a: its process exited with status 3.",
        "b: its process exited with status 3.",
    ]


def test_a_lane_that_is_not_ready_in_time_is_left_behind(tmp_path: Path) -> None:
    run = Headless(two(tmp_path, b=held(tmp_path)), tmp_path, "--start-timeout", "4s")  # lane a needs a tenth of it
    run.wait_running(lanes=1)
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 1
    session = run.session()
    assert [fault.kind for fault in session.lanes[1].faults] == ["start_timeout"]
    assert session.lanes[1].ready is None


async def test_a_client_that_talks_nonsense_is_cut_off_and_nothing_else_happens(
    started: Headless, own_state: Path
) -> None:
    started.wait_running()
    for nonsense in (b"\xc1\xc1\xc1", b"GET / HTTP/1.0\r\n\r\n", encode(Ask(1, "stop", {}))):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(control_socket(own_state)))
            client.settimeout(PATIENCE_S)
            client.sendall(nonsense)
            said = b""
            while piece := client.recv(4096):
                said += piece
        assert b"welcome" not in said
    assert (await asked(own_state, ("mark", {"text": "still here"})))[0].outcome == "done"
    mode = control_socket(own_state).stat().st_mode & 0o777
    assert mode == 0o600


async def test_another_format_is_refused_with_a_sentence(started: Headless, own_state: Path) -> None:
    started.wait_running()
    client = Client(lambda: None)
    with pytest.raises(ConnectionError, match="speaks format"):
        await client.open(control_socket(own_state), Hello(99, 1, "test", 0, 0, False))
    await client.close()


def goes_on(run: Headless) -> None:
    """Every lane takes more images; then the run is told to end, and does."""
    counts = [len(lane.rows) for lane in run.session().lanes]
    run.wait_for(
        lambda s: all(len(lane.rows) > n + 20 for lane, n in zip(s.lanes, counts, strict=True)), "the run to go on"
    )
    run.process.send_signal(signal.SIGTERM)


@pytest.mark.parametrize("words", [("--for", "1h"), ()])
def test_a_lost_terminal_ends_only_a_run_that_has_no_end(
    tmp_path: Path, sleep_profile: Path, words: tuple[str, ...]
) -> None:
    run = Headless(sleep_profile, tmp_path, *words)
    run.wait_running()
    run.process.send_signal(signal.SIGHUP)
    if words:
        goes_on(run)
    assert run.end() == 0
    session = run.session()
    assert session.end is not None
    assert session.end.reason == "signal"


@pytest.mark.parametrize("forks", [True, False], ids=["nursery", "plain"])
@pytest.mark.parametrize(("number", "words"), [(signal.SIGHUP, ("--for", "1h")), (signal.SIGTERM, ())])
def test_a_signal_to_the_whole_group_is_the_supervisors_alone(
    tmp_path: Path, sleep_profile: Path, number: signal.Signals, words: tuple[str, ...], forks: bool
) -> None:
    run = Headless(sleep_profile, tmp_path, *words, *(() if forks else ("--no-nursery",)))
    run.wait_running()
    os.killpg(run.process.pid, number)
    if words:
        goes_on(run)
    assert run.end() == 0
    session = run.session()
    assert session.end is not None
    assert session.end.reason == "signal"
    assert [lane.faults for lane in session.lanes] == [[]] * 5


def test_progress_that_nobody_takes_does_not_end_the_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    closed = os.fdopen(writing, "w", buffering=1)
    monkeypatch.setattr(sys, "stderr", closed)
    with pytest.raises(BrokenPipeError):
        print("one", file=sys.stderr, flush=True)
    _tell("another")
    with contextlib.suppress(BrokenPipeError):
        closed.close()


@pytest.mark.long("kills")
async def test_a_lane_that_does_not_answer_in_time_is_silent_and_stuck(tmp_path: Path, own_state: Path) -> None:
    run = Headless(two(tmp_path, b=HANGS), tmp_path)
    wait_hung(run)
    await asked(own_state, ("set", {"lanes": [0, 1], "levels": {"mode": "withoutval"}}))
    session = run.wait_for(lambda s: bool(s.lanes[1].faults), "a fault of the lane")
    told = next(told for told in session.asked.values() if "set" in told.command.what)
    assert [told.answers[lane].outcome for lane in (0, 1)] == ["done", "silent"]
    assert told.answers[1].t_ns - told.command.t_ns >= 10_000_000_000
    assert session.lanes[1].stuck_ns is not None
    assert session.lanes[1].faults[0].kind == "stuck"
    run.process.kill()
    run.end()


def test_ctrl_c_while_lanes_load_leaves_nothing(tmp_path: Path) -> None:
    run = Headless(two(tmp_path, held(tmp_path), held(tmp_path)), tmp_path)
    run.wait_for(lambda s: all(lane.steps for lane in s.lanes) and bool(s.lanes), "loading")
    workers = run.family()
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 0
    assert not alive(workers)
