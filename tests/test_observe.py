"""`quintet observe`: the screen's own cost, by an A/B on the switch `screen`, with a screen of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from quintet.cli.observe import cost_pct
from quintet.engine.analysis.blocks import counted, runs
from quintet.engine.analysis.verdicts import Contrast
from quintet.engine.journal.reader import read
from quintet.engine.session.session import folded


@pytest.mark.slow
def test_the_screen_is_flipped_watched_and_its_cost_printed(sleep_profile: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.msgpack"
    done = subprocess.run(
        [sys.executable, "-m", "quintet", "observe", str(sleep_profile), "--rounds", "1", "--log", str(log)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == str(log)
    assert "screen costs" in done.stdout
    assert "Too few rounds for an interval." in done.stdout
    session = folded(read(log))
    (run,) = runs(session)
    assert {visit.key[1] for visit in counted(session, run)} == {"on", "off"}
    for lane in session.lanes:
        assert {arm.levels["screen"] for arm in lane.arms} == {"on", "off"}
        assert lane.arms[-1].levels["screen"] == "on"
    beats = [screen for event in session.telemetry for screen in event.values["screens"]]
    assert max(screen["frames"] for screen in beats) >= 2  # it was there, and painted while it was on
    off = [block for block in session.blocks if block.cell.levels == {"screen": "off"} and block.counts]
    for block in off:
        assert block.end is not None
        told = [
            screen["frames"]
            for event in session.telemetry
            if block.start.started_ns + 1_000_000_000 < event.t_ns < block.end.t_ns
            for screen in event.values["screens"]
        ]
        assert len(set(told)) == 1  # and painted nothing while it was off


def test_a_cost_is_the_change_turned_round_with_its_limits() -> None:
    off_against_on = Contrast(9, -0.5, -1.0, 0.2, "planned", None, "", None, None, None)
    estimate, low, high = cost_pct(off_against_on)
    assert estimate == pytest.approx(0.5025, abs=1e-4)
    assert low == pytest.approx(-0.1996, abs=1e-4)
    assert high == pytest.approx(1.0101, abs=1e-4)
