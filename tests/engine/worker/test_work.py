"""What a process has had of the cores; and that reading it does not move waiting out of the timed span."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from statistics import fmean

import pytest

from quintet.engine.worker.work import TASKS, WorkMeter
from tests.running import Headless

MOST_SHARE = 0.02
LANES = 3


def spin(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_it_counts_all_threads_and_never_goes_back() -> None:
    meter = WorkMeter()
    before = meter.read()

    spun, let_go = threading.Event(), threading.Event()

    def work() -> None:
        spin(0.2)
        spun.set()
        let_go.wait()

    thread = threading.Thread(target=work)
    thread.start()
    during = meter.read()
    spun.wait()
    after = meter.read()
    let_go.set()
    thread.join()

    assert after.cpu_ns - before.cpu_ns >= 100_000_000  # of 200 ms, as of the last tick
    assert before[0] <= during[0] <= after[0]
    if Path(TASKS).exists():
        assert before.slices is not None
        assert during.slices is not None
        assert after.slices is not None
        assert before.slices <= during.slices <= after.slices
        assert (before.runq_ns or 0) <= (after.runq_ns or 0)


def spins_a_second() -> int:
    """Turns of an empty loop in a second of CPU time, whatever else the machine is doing."""
    turns = 2_000_000
    began = time.thread_time()
    for _ in range(turns):
        pass
    return int(turns / (time.thread_time() - began))


def outside_predict(folder: Path, lanes: int) -> float:
    """The share of a cycle outside predict, of lanes that work inside it and do nothing else, all on one core."""
    folder.mkdir()
    env = f'{{ QUINTET_SLEEP_MS = "20", QUINTET_SLEEP_SPINS_PER_S = "{spins_a_second()}", OMP_NUM_THREADS = "1" }}'
    lane = '[[lane]]\nname = "l{}"\ntask = "cls"\nbackend = "sleep"\nswitches = {{ mode = "withoutval" }}\nenv = {}\n'
    profile = folder / "spinning.toml"
    profile.write_text("".join(lane.format(number, env) for number in range(lanes)))
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        run = Headless(profile, folder, "--for", "4s")
    finally:
        os.sched_setaffinity(0, before)
    assert run.end() == 0
    shares = []
    for one in run.session().lanes:
        rows = one.rows
        shares.append(1 - rows.total_ns("predict", 0, len(rows) - 1) / rows.total_ns("cycle", 0, len(rows)))
        assert one.works[-1].involuntary > one.works[0].involuntary
    return fmean(shares)


@pytest.mark.long("noise")
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs processes that can be kept on one core")
def test_lanes_on_one_core_lose_it_inside_predict(tmp_path: Path) -> None:
    """Three lanes on one core wait for it in proportion to their work, and nearly all of that is predict.

    Where waiting is moved out of predict (a process that is woken by each batch of rows, CPU time asked for beside predict)
    4 to 7 % of the cycle lie outside it.
    """
    assert outside_predict(tmp_path / "three", LANES) < outside_predict(tmp_path / "one", 1) + MOST_SHARE
