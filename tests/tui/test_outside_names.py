"""Names and notes from outside on the screen: never markup, and as wide as they are counted."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from quintet.tui.app import QuintetApp
from quintet.tui.canvas.canvas import MOST_JOINED, Canvas, Cell, whole
from quintet.tui.canvas.text import cells_of, shortened
from quintet.tui.canvas.titles import cut, numbered
from quintet.tui.panels.overlays import LaneLog
from quintet.tui.theme import glyphs
from tests import hostile_text as hostile
from tests.hostile_text import EVERY, MARKUP, OSC, hidden
from tests.making import at
from tests.tui.test_app import shown

LETTERS = st.text(st.characters(codec="utf-8") | st.sampled_from("猫犬\u0301\u0489\ufe0f❤👍🏽e\x1b\u202e"))


@pytest.fixture
def app(tmp_path: Path) -> QuintetApp:
    return QuintetApp(hostile.written(tmp_path / "made.msgpack", hostile.by_hand()), None, clock=lambda: at(32))


async def test_a_message_is_no_markup_and_steers_nothing(app: QuintetApp) -> None:
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        app.notify(f"[/] [bold red]PWN[/] {OSC}")
        await pilot.pause()
        assert r"[/] [bold red]PWN[/] \x1b]0;PWN\x07" in shown(app)


async def test_the_palette_names_lanes_as_they_are(app: QuintetApp) -> None:
    async with app.run_test(size=(160, 40)) as pilot:
        await pilot.press("ctrl+p")
        await pilot.press(*"lane 4")
        await pilot.wait_for_animation()
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert f"Choose lane 4, {MARKUP[:30]}" in shown(app)
        await pilot.press("enter", "enter")
        assert app.state.chosen == {3}


async def test_what_a_program_wrote_is_shown_line_for_line(app: QuintetApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        app.push_screen(LaneLog(f"[/]{OSC}", "10 %\r20 %\r\n\ta \x1b[1mb\x1b[0m\nc\x9bd"))
        await pilot.pause()
        text = shown(app)
        assert r"[/]\x1b]0;PWN\x07" in text
        lines = [line.split("│")[1].strip() for line in text.splitlines() if line.count("│") == 2]
        assert [line for line in lines if line] == ["10 %", "20 %", r"a \x1b[1mb\x1b[0m", r"c\x9bd"]
        assert not hidden(text)


async def test_no_widget_paints_what_steers_a_terminal(app: QuintetApp) -> None:
    """The last door: even text that a widget of Textual's has from elsewhere."""
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("m")
        app.screen.query_one("#note").value = EVERY  # type: ignore[attr-defined]
        await pilot.pause()
        assert "PWN" in shown(app)
        assert not hidden(shown(app))


def width_of(row: list[Cell]) -> int:
    return cell_len("".join(letter for letter, _ in row))


@given(LETTERS, st.integers(-3, 12), LETTERS, st.integers(-3, 12), st.integers(1, 10))
def test_a_row_is_as_wide_as_its_canvas_wherever_it_is_cut(one: str, x: int, other: str, y: int, at: int) -> None:
    canvas = Canvas(10, 1)
    canvas.put(x, 0, one)
    canvas.put_right(y, 0, other)
    for begin, end in ((0, 10), (0, at), (at, 10)):
        row = whole(canvas.cells[0][begin:end])
        assert (len(row), width_of(row)) == (end - begin, end - begin)
        assert not any(hidden(letter) for letter, _ in row)


def test_accents_stay_with_their_letters_and_do_not_pile_up() -> None:
    canvas = Canvas(8, 1)
    canvas.put(0, 0, "e\u0301x猫\u0301❤\ufe0f!")
    assert [letter for letter, _ in canvas.cells[0]] == ["e\u0301", "x", "猫\u0301", "", "❤", "!", " ", " "]
    canvas.put(0, 0, "a" + 100 * "\u0301")
    assert canvas.cells[0][0][0] == "a" + (MOST_JOINED - 1) * "\u0301"


@given(LETTERS, st.integers(4, 20))
def test_what_is_shortened_fits(text: str, room: int) -> None:
    for made in (shortened(text, room), cut(text, room), numbered(3, text, room)):
        assert cells_of(made) <= room
        assert not hidden(made)


def test_names_of_wide_letters_stand_under_one_another() -> None:
    canvas = Canvas(20, 3)
    for y, name in enumerate(("cat", "猫", "e\u0301")):
        canvas.put_row(0, y, [(name, "text"), ("|", "dim")])
        canvas.put_right(19, y, f"{name}>", "text")
    assert canvas.text() == ["cat|            cat>", "猫|              猫>", "e\u0301|                e\u0301>"]


def test_in_ascii_what_is_hidden_is_written_out_too() -> None:
    glyphs.choose(glyphs.ASCII)
    try:
        assert glyphs.told(f"± {OSC} 猫\u202e") == r"+- \x1b]0;PWN\x07 ??\u202e"
        assert glyphs.told_in_place("a\x1b[1mb").isprintable()
    finally:
        glyphs.choose(glyphs.UNICODE)
