"""The screen driven by keys: over a journal with its clock frozen, and over a live session of real processes."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from quintet.engine.journal.writer import Journal
from quintet.engine.protocol import events as ev
from quintet.engine.protocol.codec import encode
from quintet.tui.app import QuintetApp
from quintet.tui.canvas.canvas import Part
from quintet.tui.panels.overlays import Help, Leave
from tests.making import OFF, Maker, at


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    made = Maker().ready().gate_all(2).images_all(2, 12, 10).set_all(12, OFF).images_all(12.1, 22, 20)
    path = tmp_path / "made.msgpack"
    writing = Journal(path)
    for frame in made.frames:
        writing.append(frame)
    writing.close()
    return path


def shown(app: QuintetApp) -> str:
    """The whole screen as plain characters."""
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in strips)


def app_on(journal: Path, now: float = 22) -> QuintetApp:
    return QuintetApp(journal, None, clock=lambda: at(now))


async def test_the_first_frame_is_whole(journal: Path) -> None:
    app = app_on(journal)
    async with app.run_test(size=(120, 40)):
        lines = shown(app).split("\n")
        assert lines[0].startswith(" quintet  made · cpu · together · accuracy ○ off for 0:09")
        assert lines[2].startswith("     ▸1 cls")
        assert lines[26].startswith(" accuracy off against on   all lanes")
        assert lines[39].startswith(" 1-5 lane  0 all  a accuracy")


@pytest.mark.parametrize(("width", "height"), [(120, 40), (80, 24), (100, 30), (200, 50), (150, 28)])
async def test_every_size_is_filled_to_its_key_line(journal: Path, width: int, height: int) -> None:
    app = app_on(journal)
    async with app.run_test(size=(width, height)):
        lines = shown(app).split("\n")
        assert len(lines) == height
        assert lines[-1].startswith(" 1-5 lane")
        assert sum(part.size.height for part in app.query(Part) if part.display) == height


async def test_keys_choose_lanes_and_0_chooses_all(journal: Path) -> None:
    app = app_on(journal)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("2")
        assert "  1 cls" in shown(app)
        assert "▸2 detect" in shown(app)
        await pilot.press("9")
        assert app.state.chosen == {1}
        await pilot.press("0")
        assert "▸1 cls" in shown(app)
        assert app.state.chosen == {0, 1, 2, 3, 4}


async def test_space_freezes_and_goes_on(journal: Path) -> None:
    now = 20.0
    app = QuintetApp(journal, None, clock=lambda: at(now))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("space")
        assert shown(app).startswith(" FROZEN")
        now = 21.0
        app.tick()
        await pilot.pause()
        assert "0:20" in shown(app).split("\n")[0]
        await pilot.press("space")
        assert shown(app).startswith(" quintet")
        assert "0:21" in shown(app).split("\n")[0]


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_help_opens_turns_and_closes(journal: Path, size: tuple[int, int]) -> None:
    app = app_on(journal)
    async with app.run_test(size=size) as pilot:
        await pilot.press("question_mark")
        assert isinstance(app.screen, Help)
        if size[0] < 100:
            assert "how to read it" not in shown(app)
            await pilot.press("tab", "tab")
        assert "how to read it" in shown(app)
        await pilot.press("x", "y")
        assert not isinstance(app.screen, Help)


async def test_without_a_session_to_stop_q_leaves_at_once(journal: Path) -> None:
    app = app_on(journal)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("q")
    assert app.return_value == "ended"


async def test_the_question_before_leaving_can_be_taken_back(journal: Path, tmp_path: Path) -> None:
    app = QuintetApp(journal, tmp_path / "nobody", clock=lambda: at(22))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("q")
        assert asking(app) is True
        await pilot.press("escape")
        assert asking(app) is False
        await pilot.press("ctrl+c")
        assert asking(app) is True
        await pilot.press("escape")


async def test_too_small_is_one_sentence_and_comes_back(journal: Path) -> None:
    app = app_on(journal)
    async with app.run_test(size=(120, 40)) as pilot:
        await resize(pilot, 60, 18)
        assert "60x18 is too small: 60x20 is needed." in shown(app)
        for width, height in ((120, 40), (80, 24), (100, 30), (200, 50), (83, 27), (120, 40)):
            await resize(pilot, width, height)
            assert "▸1 cls" in shown(app)
            assert len(shown(app).split("\n")) == height


def asking(app: QuintetApp) -> bool:
    return isinstance(app.screen, Leave)


async def resize(pilot: Pilot[str], width: int, height: int) -> None:
    await pilot.resize_terminal(width, height)
    await pilot.pause()


async def test_what_is_appended_appears(journal: Path) -> None:
    app = app_on(journal, 30)
    async with app.run_test(size=(120, 40)) as pilot:
        with journal.open("ab") as out:
            out.write(encode(ev.Fault(3, at(25), "died", "seg: its process exited with status 3.", "")))
        app.tick()
        await pilot.pause()
        assert "4 seg        ✖ failed" in shown(app)
        assert "1 of 5 lanes failed" in shown(app)
        assert "seg: its process exited with status 3." in shown(app)


async def test_every_binding_has_an_id_and_a_tooltip() -> None:
    from textual.binding import Binding

    for binding in QuintetApp.BINDINGS:
        assert isinstance(binding, Binding)
        assert binding.id
        assert binding.tooltip or not binding.show
