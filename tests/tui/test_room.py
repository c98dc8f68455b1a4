"""Where room is short: many lanes, long names and levels, wide labels, small terminals, ASCII."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import quintet
from quintet.engine.journal.writer import Journal
from quintet.engine.protocol import events as ev
from quintet.engine.protocol import switches
from quintet.engine.session.session import Session
from quintet.tui.app import QuintetApp
from quintet.tui.scene.layout import PLAIN, Look
from quintet.tui.scene.scene import Looking, Scene, scene
from quintet.tui.theme import glyphs, keymap, terminal
from quintet.tui.theme.terminal import Kind
from quintet.tui.views import frame
from quintet.tui.views.flip_table import draw_flips
from quintet.tui.views.hint import draw_open
from quintet.tui.views.lanes import draw_lanes
from quintet.tui.views.status import draw_keys
from tests.making import BEGIN, OFF, ON, Maker, at
from tests.tui.test_app import shown

SIZES = [(60, 20), (80, 24), (120, 40), (200, 50)]
PANELS = [("b", "esc close"), ("m", "escape goes back"), ("q", "back to the lanes"), ("?", "closes")]
LONG = ("helmets-camera-east-left", "helmets-camera-east-righ", "cls")


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    yield
    terminal.use(Kind("256", "dark", True))


def maker(names: tuple[str, ...]) -> Maker:
    made = Maker(len(names))
    lanes = [{"name": name, "task": "detect"} for name in names]
    made.frames[0] = ev.Start(ev.FORMAT, BEGIN, 0, {"lanes": lanes, "profile_name": "made", "quintet": "0"})
    return made.ready().gate_all(2).images_all(2, 12, 10)


def seen(
    session: Session, seconds: float, chosen: int | None = None, look: Look = PLAIN, *, past: bool = False
) -> Scene:
    lanes = frozenset(range(len(session.lanes)) if chosen is None else (chosen,))
    looking = Looking(at(seconds + 20), at(seconds + 20)) if past else None
    return scene(session, at(seconds), lanes, frozen=past, journal_bytes=1, look=look, looking=looking)


def flips(it: Scene, size: tuple[int, int]) -> list[str]:
    return draw_flips(it, frame.arranged(it, *size), size[0]).text()


def lanes(it: Scene, size: tuple[int, int]) -> list[str]:
    return draw_lanes(it, frame.arranged(it, *size), size[0]).text()


def app_on(made: Maker, tmp_path: Path, seconds: float, socket: Path | None = None) -> QuintetApp:
    path = tmp_path / "made.msgpack"
    writing = Journal(path)
    for one in made.frames:
        writing.append(one)
    writing.close()
    return QuintetApp(path, socket, clock=lambda: at(seconds))


# -- labels and headings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_a_wide_label_of_the_scale_does_not_touch_the_facts(size: tuple[int, int]) -> None:
    made = Maker().ready().gate_all(2)
    for lane in range(5):
        made.images(lane, 2, 12, 0.5 if lane == 0 else 15)
    rows = lanes(seen(made.session(), 12, look=Look("rows", "log")), size)
    assert any(" 0.08" in row for row in rows)
    assert not any(f"{fact}0.08" in row for row in rows for fact in ("0.50", "15.0", "/s", "50"))
    slow = Maker().ready().gate_all(2)
    for lane in range(5):
        slow.images(lane, 2, 30, 1500, 2000)
    heads = [line for line in lanes(seen(slow.session(), 30, look=Look("rows")), size) if "● on" in line]
    assert [head.split("● on")[1].split()[0] for head in heads] == ["2000"] * 5


def test_the_scale_stands_where_bars_do_also_while_the_cursor_is_in_loading() -> None:
    session = maker(("cls", "detect")).session()
    back, live = seen(session, 0.5, past=True), seen(Maker(2).session(), 0.5)
    assert lanes(back, (120, 40))[5].startswith("  20")
    assert lanes(back, (120, 40))[4].startswith("  ms")
    assert " ms " in lanes(back, (80, 24))[-1]
    assert " ms" not in lanes(live, (120, 40))[4][:5]


@pytest.mark.parametrize("size", SIZES)
def test_headings_of_long_levels_are_readable(size: tuple[int, int]) -> None:
    for one, a, b in (
        ({"keep": "off"}, "off", "results"),
        ({"score": "thread"}, "thread", "inline"),
        ({"mode": "inference"}, "inference", "validation"),
    ):
        made = maker(("cls", "detect")).set_all(12, switches.changed(ON, one)).images_all(12.1, 25, 20)
        heading = next(line for line in flips(seen(made.session(), 25), size) if "change %" in line)
        assert heading.split("change %")[0].split()[-2:] == [a, b]


# -- names --------------------------------------------------------------------------------------------------------------


# -- many lanes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("chosen", [0, 8, 15])
def test_where_not_all_lanes_fit_it_says_which_are_shown_and_the_chosen_is(size: tuple[int, int], chosen: int) -> None:
    session = Maker(16).ready().gate_all(2).images_all(2, 5, 10).session()
    it = seen(session, 5, chosen, Look(page="lanes"))
    where = frame.arranged(it, *size)
    text = "\n".join(lanes(it, size))
    assert chosen in where.lanes
    assert len(where.lanes) >= 5
    assert f"lanes {where.lanes[0] + 1}-{where.lanes[-1] + 1} of 16" in text
    assert f"{chosen + 1} {session.lanes[chosen].name} " in text
    assert where.lanes_height == len(where.lanes) * (where.plot + 1) + 1


# -- panels -------------------------------------------------------------------------------------------------------------


def framed(text: str) -> list[str]:
    """The rows of the one framed panel on the screen, its corners whole."""
    rows = text.split("\n")
    top = next(place for place, row in enumerate(rows) if "┌─ " in row)
    left, right = rows[top].index("┌─ "), rows[top].rindex("┐")
    bottom = next(place for place, row in enumerate(rows) if len(row) > right and row[left] == "└")
    assert rows[bottom][right] == "┘"
    assert all(row[left] == row[right] == "│" for row in rows[top + 1 : bottom])
    return [row[left : right + 1] for row in rows[top : bottom + 1]]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("key", "words"), PANELS)
async def test_panels_keep_their_border(size: tuple[int, int], key: str, words: str, tmp_path: Path) -> None:
    app = app_on(maker(LONG), tmp_path, 12, tmp_path / "nobody")
    async with app.run_test(size=size) as pilot:
        await pilot.press({"?": "question_mark"}.get(key, key))
        assert words in "\n".join(framed(shown(app)))


async def test_the_plan_panel_says_what_against_what_as_its_table_will(tmp_path: Path) -> None:
    app = app_on(maker(LONG), tmp_path, 12)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("b")
        assert "withoutval against validation" in shown(app)
        await pilot.press("escape", "s", "down", "b")
        assert "inline against off" in shown(app)
        assert "begin a plan" in shown(app)


# -- accuracy -----------------------------------------------------------------------------------------------------------


def valued(images: int, of: int, **more: float) -> Session:
    made = maker(("detect", "cls"))
    made.frames.append(ev.Value(0, 0, at(5), images, of, 1, {"map50_box": 0.621, **more}))
    return made.session()


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (120, 40)])
def test_accuracy_that_is_not_whole_says_so(size: tuple[int, int]) -> None:
    look = Look("rows")
    assert any(
        "mAP50 62.1 % 410/5000" in " ".join(line.split())
        for line in lanes(seen(valued(410, 5000), 12, look=look), size)
    )
    assert "mAP50 62.1 % " in "\n".join(lanes(seen(valued(5000, 5000), 12, look=look), size))
    huge = "\n".join(lanes(seen(valued(41_000, 5_000_000), 12, look=look), size))
    assert re.search(r"mAP50 62\.1 % +part\b", huge)


def test_accuracy_that_is_not_whole_says_so_in_the_narrowest_lanes() -> None:
    made = Maker().ready().gate_all(2).images_all(2, 12, 10)
    made.frames.append(ev.Value(1, 0, at(5), 410, 5000, 1, {"map50_box": 0.621}))
    assert any("mAP50 62.1 % part" in line for line in lanes(seen(made.session(), 12), (100, 30)))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_a_lane_that_loads_has_no_accuracy(size: tuple[int, int]) -> None:
    made = maker(("detect", "cls"))
    made.frames[:0] = [made.frames.pop(0)]
    made.frames.insert(1, ev.Arm(0, -1, 0, at(0.1), ON))
    made.frames.insert(2, ev.Value(0, -1, at(0.2), 4, 64, 1, {"map50_box": 0.036}))
    assert "3.6 %" not in "\n".join(lanes(seen(made.session(), 0.5, past=True), size))


# -- ASCII --------------------------------------------------------------------------------------------------------------


def test_every_sign_of_the_source_has_its_letter() -> None:
    known = set(map(chr, glyphs.ASCII.ascii)) | set("┏┓┗┛┣┫┻╸╹╺╻")  # box digits are plain numbers in ASCII
    for path in Path(quintet.__path__[0]).glob("tui/*.py"):
        signs = {letter for letter in path.read_text(encoding="utf-8") if not letter.isascii()}
        assert signs <= known, path.name
    assert "±" in known  # the engine's words that come to the screen bring these along
    for path in Path(quintet.__path__[0]).glob("engine/*.py"):
        signs = {letter for letter in path.read_text(encoding="utf-8") if not letter.isascii()}
        assert signs <= known, path.name


def test_in_ascii_arrows_are_no_other_keys() -> None:
    terminal.use(Kind("none", "dark", False))
    assert keymap.labelled("←→") == "<- ->"
    assert keymap.labelled("↑↓") == "up/down"
    assert keymap.labelled("< >") == "< >"
    line = draw_keys(seen(maker(LONG).session(), 12), 120).text()[0]
    assert "<- -> back" in line
    assert line.endswith("? help")


async def test_in_ascii_the_plan_panel_has_no_question_marks(tmp_path: Path) -> None:
    terminal.use(Kind("16", "dark", False))
    app = app_on(maker(LONG), tmp_path, 12)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("b")
        panel = shown(app).split("begin a plan")[1].split("+---")[0]
        assert "?" not in panel
        assert "< A/B >" in panel
        assert "about +-" in panel
        assert "up/down choice" in panel


def test_what_does_not_fit_in_a_look_back_is_left_out_whole() -> None:
    session = maker(LONG).set_all(12, OFF).images_all(12.1, 25, 20).session()
    it = seen(session, 8, past=True)
    assert draw_open(it, 80, pages="table").text()[0].endswith("table: press tab")
    assert draw_open(it, 50, pages="table").text()[0].endswith("● on   table: press tab")
