"""A process that hangs can be asked where it is: SIGUSR1 writes the stacks of its threads to stderr, and it goes on."""

from __future__ import annotations

import signal
from pathlib import Path

from quintet.engine.storage import side_files
from tests.running import Headless, wait_until

STACK = "most recent call first"


def test_sigusr1_writes_stacks_and_nothing_else_happens(sleep_profile: Path, tmp_path: Path) -> None:
    run = Headless(sleep_profile, tmp_path)
    session = run.wait_running()
    ready = session.lanes[0].ready
    assert ready is not None
    worker = next(process for process in run.family() if process.pid == ready.pid)
    worker.send_signal(signal.SIGUSR1)
    run.process.send_signal(signal.SIGUSR1)
    lane = side_files.lane_stderr(run.journal, 0)
    wait_until(lambda: STACK in lane.read_text() and STACK in run.errors.read_text(), "two stacks")
    assert "timed_loop.py" in lane.read_text()
    images = len(run.session().lanes[0].rows)
    run.wait_for(lambda s: len(s.lanes[0].rows) > images + 20, "the lane to go on")
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 0
