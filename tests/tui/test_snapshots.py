"""The whole screen as pictures, against committed ones: from a committed journal, with its clock frozen.

After a change that is meant: `pytest tests/tui/test_snapshots.py --snapshot-update`, and look at the SVGs before committing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from textual.pilot import Pilot

from quintet.engine.journal.reader import read
from quintet.engine.session.session import folded
from quintet.tui.app import QuintetApp
from quintet.tui.theme import terminal
from quintet.tui.theme.terminal import Kind
from tests.conftest import DATA
from tests.making import SECOND

JOURNAL = DATA / "replay.msgpack"
WIDE, NARROW = (120, 40), (80, 24)
Compare = Callable[..., bool]


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    yield
    terminal.use(Kind("256", "dark", True))


def app_at(seconds: float, replay_speed: float | None = None) -> QuintetApp:
    session = folded(read(JOURNAL))
    return QuintetApp(
        JOURNAL, None, clock=lambda: session.origin_ns + round(seconds * SECOND), replay_speed=replay_speed
    )


def sought(seconds: float) -> Callable[[Pilot[Any]], Any]:
    """Puts a replay's cursor somewhere before the picture is taken."""

    async def seek(pilot: Pilot[Any]) -> None:
        app = pilot.app
        assert isinstance(app, QuintetApp)
        app.playhead.seek(app.session.origin_ns + round(seconds * SECOND), app.session)
        app.moved()
        await pilot.pause()

    return seek


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_live(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(app_at(191), press=["1"], terminal_size=size)


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_frozen(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(app_at(191), press=["1", "left", "pageup", "right"], terminal_size=size)


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_replay(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(app_at(0, 4.0), run_before=sought(167), terminal_size=size)


def test_rows(snap_compare: Compare) -> None:
    assert snap_compare(app_at(191), press=["1", "v"], terminal_size=WIDE)


def test_own_scales(snap_compare: Compare) -> None:
    assert snap_compare(app_at(191), press=["y", "y"], terminal_size=WIDE)


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_help(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(app_at(191), press=["question_mark"], terminal_size=size)


@pytest.mark.parametrize(
    "kind",
    [Kind("256", "light", True), Kind("16", "dark", True), Kind("none", "dark", False)],
    ids=["light", "sixteen", "ascii"],
)
def test_kinds_of_terminals(snap_compare: Compare, kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind.colours == "none":
        monkeypatch.setenv("NO_COLOR", "1")
    terminal.use(kind)
    assert snap_compare(app_at(191), press=["1", "left", "left"], terminal_size=NARROW)
