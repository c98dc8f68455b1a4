"""A live session on a terminal, and nothing left of it afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from quintet.engine import registry
from tests.terminal import Terminal


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.msgpack"


@pytest.fixture
def live(sleep_profile: Path, log: Path) -> Iterator[Terminal]:
    terminal = Terminal(str(sleep_profile), "--log", str(log))
    yield terminal
    supervisors = [entry.pid for entry in registry.sessions()]
    terminal.close()
    for pid in supervisors:
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(pid).kill()
