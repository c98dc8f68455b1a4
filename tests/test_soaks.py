"""`./check long soaks`: sessions that run for ten minutes lose nothing, and neither supervisor nor screen grows."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import psutil
import pytest

from quintet.engine.session.session import Session
from tests.engine.test_supervisor import asked
from tests.running import Followed, Headless
from tests.terminal import Terminal

pytestmark = pytest.mark.long("soaks")
SOAK_S = 600.0
STEP_S = 5.0
BYTES_AN_IMAGE = 150
"""A fold keeps about 80 bytes of an image, in arrays that grow ahead."""
SLACK_BYTES = 8_000_000


def grows_with_its_rows_alone(rss_bytes: list[int], session: Session) -> None:
    """What a process took over the second half of a soak is what its fold keeps of the images of that half."""
    images = sum(len(lane.rows) for lane in session.lanes)
    assert rss_bytes[-1] - rss_bytes[len(rss_bytes) // 2] < BYTES_AN_IMAGE * images / 2 + SLACK_BYTES


def whole(session: Session) -> None:
    assert session.end is not None
    assert [lane.holes + lane.lost for lane in session.lanes] == [0] * 5
    assert [lane.faults for lane in session.lanes] == [[]] * 5


def test_a_session_with_a_flip_every_five_seconds(tmp_path: Path, sleep_profile: Path, own_state: Path) -> None:
    run = Headless(sleep_profile, tmp_path)
    run.wait_running()
    supervisor, rss_bytes = psutil.Process(run.process.pid), list[int]()
    end_s = time.monotonic() + SOAK_S
    flips = 0
    while time.monotonic() < end_s:
        time.sleep(STEP_S)
        mode = ("withoutval", "validation")[flips % 2]
        reply = asyncio.run(asked(own_state, ("set", {"lanes": [0, 1, 2, 3, 4], "levels": {"mode": mode}})))[0]
        assert reply.outcome == "done"
        flips += 1
        rss_bytes.append(supervisor.memory_info().rss)
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 0
    session = run.session()
    whole(session)
    assert [len(lane.arms) for lane in session.lanes] == [flips + 1] * 5
    grows_with_its_rows_alone(rss_bytes, session)


def test_a_screen_that_is_used_all_the_time(live: Terminal, log: Path) -> None:
    live.wait_for("● on for")
    screen, rss_bytes = psutil.Process(live.pid), list[int]()
    end_s = time.monotonic() + SOAK_S
    while time.monotonic() < end_s:
        for keys in ("0a", "v", "v", "\x1b[D", " ", "?", "x", "y", "y", "y"):
            live.press(keys)
            live._read(STEP_S / 10)
        rss_bytes.append(screen.memory_info().rss)
    live.press("q")
    live.wait_for("leave?")
    live.press("s")
    assert live.end() == 0
    journal = Followed(log)
    whole(journal.session())
    grows_with_its_rows_alone(rss_bytes, journal.session())
    journal.close()
