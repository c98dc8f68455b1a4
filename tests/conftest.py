"""What all tests need: an Ultralytics that keeps to itself, and short ways to build events and sessions."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

_settings = tempfile.mkdtemp(prefix="quintet-tests-")
os.environ["YOLO_CONFIG_DIR"] = _settings  # before anything imports ultralytics
os.environ.update(YOLO_OFFLINE="1", YOLO_AUTOINSTALL="0", YOLO_VERBOSE="0")

import pytest  # noqa: E402

from tests import running  # noqa: E402

DATA = Path(__file__).parent / "data"


@pytest.fixture(autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has a state folder of its own, with a short path: sockets lie there."""
    folder = Path(tempfile.mkdtemp(prefix="q"))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    """End what a failed test left behind."""
    yield
    while running.STARTED:
        left = running.STARTED.pop()
        if left.process.poll() is None:
            left.process.kill()
            left.end()


@pytest.fixture
def sleep_profile() -> Path:
    """Five lanes of real processes that sleep."""
    return DATA / "sleep.toml"
