"""The main job with the real models: five lanes have images, arms and values, and the report has its table."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from quintet.engine.session.lane import Lane
from tests.running import Headless


def whole(lane: Lane) -> bool:
    """Whether the lane's accuracy is that of all its images."""
    return bool(lane.values) and lane.values[-1].images == lane.values[-1].of


@pytest.mark.slow
def test_five_real_models_run_score_and_are_reported(tmp_path: Path, own_state: Path) -> None:
    run = Headless("micro", tmp_path)
    run.wait_for(lambda s: bool(s.lanes) and all(whole(lane) for lane in s.lanes), "a pass over each lane's data")
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 0, run.errors.read_text()
    assert run.out == f"{run.journal}\n"
    session = run.session()
    for lane in session.lanes:
        assert lane.arms[0].levels["mode"] == "validation"
        assert lane.values[-1].of == 64
        assert lane.holes == lane.lost == 0
        info = lane.ready.info if lane.ready else {}
        assert (info["device"], info["threads"], info["validation_images"]) == ("cpu", 1, 64)
    images = sum(len(lane.rows) + lane.rows.warm_up for lane in session.lanes)
    assert run.journal.stat().st_size < 64 * images + 100_000  # rows are about 57 each; the rest grows with time
    told = subprocess.run(
        [sys.executable, "-m", "quintet", "report", str(run.journal)], capture_output=True, text=True, check=True
    ).stdout
    for name in ("cls", "detect", "pose", "seg", "obb"):
        assert any(line.startswith(name) and "together" in line and "validation" in line for line in told.splitlines())
    assert "map50_mask 93.4 %" in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.msgpack", "stderr"]
