"""Workers born by the nursery: whose children they are, what they hold, and what happens when the nursery is no good."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from quintet.engine.journal.reader import read
from quintet.engine.profile import load as profiles
from quintet.engine.protocol import events as ev
from quintet.engine.session.session import Session, folded
from quintet.engine.storage import locations
from quintet.engine.supervisor import fork_server_client
from quintet.engine.supervisor.supervisor import Options, Supervisor
from tests.engine.test_supervisor import asked
from tests.running import Headless, alive, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a nursery")


@pytest.fixture
def run(tmp_path: Path, sleep_profile: Path) -> Headless:
    return Headless(sleep_profile, tmp_path)


def pids(session: Session) -> list[int]:
    return [lane.ready.pid for lane in session.lanes if lane.ready is not None]


def the_nursery(run: Headless) -> psutil.Process:
    return next(process for process in run.family() if process.name() == "quintet nursery")


def test_workers_are_the_supervisors_own_children_and_hold_only_their_own_descriptors(run: Headless) -> None:
    session = run.wait_running()
    workers = [psutil.Process(pid) for pid in pids(session)]
    assert [worker.ppid() for worker in workers] == [run.process.pid] * 5
    assert {worker.name() for worker in workers} == {f"quintet lane {n}" for n in range(1, 6)}
    assert [worker.num_fds() for worker in workers] == [5] * 5  # 0, 1, 2, the socket, the lifeline
    assert the_nursery(run).num_fds() == 4  # 0, 1, 2, its socket
    supervisors = psutil.Process(run.process.pid).num_fds()
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 0
    assert supervisors <= 5 * 4 + 16


def test_a_killed_nursery_is_a_fault_of_the_session_and_a_restart_makes_a_new_one(
    run: Headless, own_state: Path
) -> None:
    before = run.wait_running()
    first = the_nursery(run)
    first.kill()
    session = run.wait_for(lambda s: bool(s.faults), "the nursery's fault")
    assert session.faults[0].kind == "nursery"
    counts = [len(lane.rows) for lane in session.lanes]
    run.wait_for(
        lambda s: all(len(lane.rows) > n + 20 for lane, n in zip(s.lanes, counts, strict=True)), "lanes to run on"
    )
    os.kill(pids(before)[1], signal.SIGKILL)
    run.wait_for(lambda s: s.lanes[1].failed_ns is not None, "the worker's death")
    assert asyncio.run(asked(own_state, ("restart", {"lanes": [1]})))[0].outcome == "done"
    run.wait_for(lambda s: s.lanes[1].ready is not None and s.lanes[1].open, "the lane's return")
    assert the_nursery(run).pid != first.pid
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 0


def test_the_lane_that_runs_alone_runs_again_after_a_restart_and_a_parked_one_stays_parked(
    run: Headless, own_state: Path
) -> None:
    run.wait_running()
    asyncio.run(asked(own_state, ("active", {"lanes": [1]})))
    run.wait_for(lambda s: [lane.open for lane in s.lanes] == [False, True, False, False, False], "detect alone")
    asyncio.run(asked(own_state, ("restart", {"lanes": [1, 3]})))
    run.wait_for(lambda s: s.lanes[1].rows.warm_up == 60 and s.lanes[1].open, "detect's return")
    session = run.wait_for(lambda s: s.lanes[3].rows.warm_up == 60 and s.lanes[3].ready is not None, "seg's return")
    assert [lane.open for lane in session.lanes] == [False, True, False, False, False]
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 0


def test_a_restarted_lane_goes_on_with_new_numbers(run: Headless, own_state: Path) -> None:
    run.wait_running()
    asyncio.run(
        asked(own_state, ("set", {"lanes": [2], "levels": {"mode": "withoutval"}}), ("restart", {"lanes": [2]}))
    )
    session = run.wait_for(
        lambda s: len(s.lanes[2].arms) >= 3 and s.lanes[2].open and s.lanes[2].rows.warm_up == 60, "the lane's return"
    )
    at_return = len(session.lanes[2].rows)
    run.wait_for(lambda s: len(s.lanes[2].rows) > at_return + 20, "its images")
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 0
    lane = run.session().lanes[2]
    assert [arm.arm for arm in lane.arms] == [0, 1, 2]
    assert [arm.levels["mode"] for arm in lane.arms] == ["validation", "withoutval", "withoutval"]
    assert lane.holes == 0
    assert not lane.faults
    seqs = [event[3] for event in read(run.journal) if event[0] == "samples" and event[1] == 2]
    assert seqs == sorted(set(seqs))


@pytest.mark.parametrize(
    ("program", "says"),
    [
        (
            "import sys, threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start(); "
            "from quintet.engine.worker.fork_server import main; sys.exit(main())",
            "left 2 threads",
        ),
        ("import sys; sys.exit(1)", "The nursery is gone"),
    ],
)
def test_without_a_fit_nursery_workers_are_plain_processes(
    tmp_path: Path, sleep_profile: Path, monkeypatch: pytest.MonkeyPatch, program: str, says: str
) -> None:
    monkeypatch.setattr(fork_server_client, "PROGRAM", ("-c", program))
    path = tmp_path / "log.msgpack"
    supervisor = Supervisor(profiles.load(str(sleep_profile)), path, locations.private_folder(path), Options(for_s=0.5))
    assert asyncio.run(supervisor.run()) == 0
    session = folded(read(path))
    assert [fault.kind for fault in session.faults] == ["nursery"]
    assert says in session.faults[0].text
    assert all(len(lane.rows) > 0 for lane in session.lanes)
    assert session.end is not None
    assert isinstance(session.start, ev.Start)


def test_workers_die_with_a_killed_supervisor_even_without_their_lifelines_thread(run: Headless) -> None:
    session = run.wait_running()
    workers = [psutil.Process(pid) for pid in pids(session)]
    for worker in workers:
        worker.suspend()  # nothing in it can act: only the kernel can end it
    run.process.kill()
    wait_until(lambda: not alive(workers), "the workers' end")
    run.end()


def test_the_nursery_does_not_outlive_the_supervisor(run: Headless) -> None:
    run.wait_running()
    nursery_process = the_nursery(run)
    run.process.kill()
    wait_until(lambda: not alive([nursery_process]), "the nursery's end")
    run.end()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_fork_server_of_models_has_imported_torch_before_it_forks(tmp_path: Path) -> None:
    """Else every lane would import it for itself: five times the time and the memory."""
    started = Headless("micro", tmp_path)
    started.wait_running()
    maps = Path(f"/proc/{the_nursery(started).pid}/maps").read_text()
    assert "libtorch" in maps
    assert "cv2" in maps
    started.process.send_signal(signal.SIGTERM)
    assert started.end() == 0
