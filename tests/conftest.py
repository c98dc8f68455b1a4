"""What all tests need: an Ultralytics that keeps to itself, and short ways to build events and sessions."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

_settings = tempfile.mkdtemp(prefix="quintet-tests-")
os.environ["YOLO_CONFIG_DIR"] = _settings  # before anything imports ultralytics
os.environ.update(YOLO_OFFLINE="1", YOLO_AUTOINSTALL="0", YOLO_VERBOSE="0")

import psutil  # noqa: E402
import pytest  # noqa: E402

from quintet.engine.storage import live_sessions  # noqa: E402
from tests import long, running  # noqa: E402
from tests.terminal import Terminal  # noqa: E402

if TYPE_CHECKING:
    from tests.serving import Served

DATA = Path(__file__).parent / "data"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long", default="", metavar="PART,...", help="Run the tests of these parts (tests/long.py) and no other."
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is `long`; with --long, everything else."""
    wanted = set(filter(None, config.getoption("--long").split(","))) or {None}
    parts = {item: _part(item) for item in items}
    config.hook.pytest_deselected(items=[item for item in items if parts[item] not in wanted])
    items[:] = [item for item in items if parts[item] in wanted]


def _part(item: pytest.Item) -> str | None:
    mark = item.get_closest_marker("long")
    if mark is not None and mark.args[0] not in long.PARTS:
        raise pytest.UsageError(f"{item.nodeid} is of the part '{mark.args[0]}', which tests/long.py does not know.")
    return None if mark is None else str(mark.args[0])


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
        running.STARTED.pop().close()


@pytest.fixture
def sleep_profile() -> Path:
    """Five lanes of real processes that sleep."""
    return DATA / "sleep.toml"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """An https server on this machine that is trusted."""
    from tests.serving import serving  # few tests need it

    with serving(tmp_path) as (served, trusted):
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        yield served


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.msgpack"


@pytest.fixture
def live(sleep_profile: Path, log: Path) -> Iterator[Terminal]:
    terminal = Terminal(str(sleep_profile), "--log", str(log))
    yield terminal
    supervisors = [entry.pid for entry in live_sessions.sessions()]
    terminal.close()
    for pid in supervisors:
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(pid).kill()
