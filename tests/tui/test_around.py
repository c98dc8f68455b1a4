"""What stands around lanes and table keeps true: status and clock at every width, keys that do something, every page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from quintet.engine.journal.reader import read
from quintet.engine.protocol import events as ev
from quintet.engine.protocol import switches
from quintet.engine.session.session import Session, folded
from quintet.tui.app import QuintetApp
from quintet.tui.panels.plan_panel import PlanPanel
from quintet.tui.panels.switch_panel import Panel, panel_rows
from quintet.tui.scene.event_log import notes
from quintet.tui.scene.flip_rows import flip_table
from quintet.tui.scene.layout import Look
from quintet.tui.scene.scene import Looking, Scene, layout, scene
from quintet.tui.views.flip_table import draw_flips
from quintet.tui.views.hint import open_sentence
from quintet.tui.views.lanes import draw_lanes
from quintet.tui.views.status import draw_keys, draw_status
from tests.conftest import DATA
from tests.making import OFF, ON, SECOND, Maker, at
from tests.tui.test_app import shown

JOURNAL = DATA / "replay.msgpack"
STUDY = Path(__file__).parents[2] / "docs" / "data" / "study.msgpack"


def seen(session: Session, seconds: float, looking: Looking | None = None) -> Scene:
    everybody = frozenset(range(len(session.lanes)))
    return scene(session, at(seconds), everybody, frozen=looking is not None, journal_bytes=2_000_000, looking=looking)


def died() -> Maker:
    """Flipped at 12 s; pose dies at 20 s."""
    made = Maker().ready().gate_all(2).images_all(2, 12, 10).set_all(12, OFF).images_all(12.1, 20, 20)
    made.frames.append(ev.Fault(2, at(20), "died", "pose: its process was ended by signal 9 (SIGKILL).", ""))
    return made.images(0, 20, 28, 20)


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (100, 30), (120, 40)])
async def test_tab_comes_to_every_table_and_to_the_lanes_again_and_again(size: tuple[int, int]) -> None:
    app = QuintetApp(STUDY, None, clock=lambda: 0, replay_speed=1.0)
    async with app.run_test(size=size) as pilot:
        await pilot.press("space", "end")
        for _ in range(2):
            found = set()
            for _ in range(5):
                await pilot.press("tab")
                assert app.scene_shown is not None
                assert app.where_shown is not None
                found.add(app.scene_shown.page)
                found |= {"lanes" for _ in app.where_shown.lanes if app.where_shown.parts["lanes"]}
            assert found == {"plan", "plan 2", "flips", "lanes"}


async def test_tab_with_nothing_to_turn_to_says_so_and_is_not_offered() -> None:
    app = QuintetApp(STUDY, None, clock=lambda: 0, replay_speed=1.0)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("tab")
        assert "there is no other table yet" in " ".join(note.message for note in app._notifications)
        assert "tab table" not in shown(app)


@pytest.mark.parametrize("width", range(60, 140))
def test_the_clock_and_what_failed_are_whole_at_every_width(width: int) -> None:
    line = draw_status(seen(died().session(), 28), width).text()[0]
    assert "1 of 5 lanes failed" in line
    assert " 0:28 " in f"{line} "
    replay = Looking(at(28), at(28), "a-log-with-a-very-long-name-of-sixty-letters-20261124.msgpack", 1.0, True)
    assert "0:25 of 0:28" in draw_status(seen(died().session(), 25, replay), width).text()[0]


def test_a_failed_lane_says_what_to_do_and_its_row_becomes_dashes() -> None:
    it = seen(died().session(), 28)
    assert open_sentence(it) == "pose failed: r tries again, e shows its log."
    keys = draw_keys(it, 80).text()[0]
    assert "r restart" in keys
    assert "e log" in keys
    by_name = {line.name: line for line in flip_table(it).lines}
    assert (by_name["pose"].a, by_name["pose"].change_pct) == (None, None)
    assert by_name["cls"].change_pct is not None
    before = {line.name: line for line in flip_table(seen(died().session(), 19)).lines}
    assert before["pose"].change_pct is not None


def test_faults_and_returns_are_told_with_their_lane_and_without_a_meaningless_time() -> None:
    made = Maker().ready().gate_all(2).images_all(2, 8, 10)
    made.frames.append(ev.Fault(3, at(8), "load", "weights.pt has another SHA-256.", ""))
    made.frames.append(ev.Command(90, at(9), "supervisor", {"gate": True}, [3]))
    made.frames.append(ev.Answer(90, 3, at(9.001), 0, "done", ""))
    told = [note.text for note in notes(made.session(), at(10))]
    assert "seg: weights.pt has another SHA-256." in told
    assert "seg runs again" in told


def test_keys_that_would_do_nothing_are_not_offered() -> None:
    made = died()
    made.frames.append(ev.End(at(30), "asked", {}))
    ended = draw_keys(seen(made.session(), 31), 120).text()[0]
    assert "accuracy" not in ended
    assert "switches" not in ended
    assert "q leave" in ended
    alone = draw_keys(seen(Maker(1).ready().gate_all(2).images_all(2, 8, 10).session(), 8), 120).text()[0]
    assert "lane" not in alone
    assert "together" not in alone
    assert "a accuracy" in alone


def test_press_a_is_said_only_where_a_does_something() -> None:
    session = Maker().ready().gate_all(2).images_all(2, 8, 10).session()
    assert "press a" in flip_table(seen(session, 8)).method
    back = flip_table(seen(session, 8, Looking(at(8), at(8), "log", 1.0, False)))
    assert "press a" not in back.method + back.regime


def test_a_lane_that_waited_at_the_gate_still_waits_at_the_end() -> None:
    session = folded(read(STUDY))
    it = scene(session, session.last_ns, frozenset((0,)), frozen=False, journal_bytes=0)
    assert [lane.state for lane in it.view.lanes] == ["parked", "parked", "ended"]


def test_a_long_sentence_of_a_failed_lane_says_where_its_rest_is() -> None:
    made = Maker()
    told = "the weights are not the file that is pinned, so they were not opened: " + "get the right one " * 12
    for lane in range(5):
        made.frames.append(ev.Step(lane, at(0.1), "model", "begun", 0, 1))
    made.frames.append(ev.Fault(3, at(0.9), "load", told, ""))
    it = seen(made.session(), 1.5)
    lines = draw_lanes(it, layout(80, 24, 5, 0), 80).text()
    assert any("were not opened: get the right" in line for line in lines)
    assert any("… e shows all of it" in line for line in lines)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (60, 20)])
def test_with_many_lanes_the_chosen_one_is_shown_and_which_they_are(width: int, height: int) -> None:
    session = Maker(16).ready().gate_all(2).images_all(2, 8, 10).session()
    for chosen in (0, 9, 15):
        where = layout(width, height, 16, chosen, Look(page="lanes"))
        it = scene(session, at(8), frozenset((chosen,)), frozen=False, journal_bytes=0)
        lines = draw_lanes(it, where, width).text()
        assert chosen in where.lanes
        assert any(line.startswith(f"▸{chosen + 1} ") for line in lines)
        assert f" lanes {where.lanes.start + 1}-{where.lanes.stop} of 16" in lines[-1]
        panel = panel_rows(session, frozenset((chosen,)), Panel(0, 0), at(8), min(118, width - 2), brief=height < 24)
        rows = ["".join(words for words, _ in row) for row in panel]
        assert max(map(len, rows)) <= width - 2
        assert len(rows) <= height - 2
        assert session.lanes[chosen].name in rows[0]
        assert "/16" in rows[0]
        assert rows[-1].rstrip().endswith("esc close")


def test_the_panel_shows_five_lanes_at_80x24_and_asks_for_an_ab() -> None:
    session = Maker().ready().gate_all(2).images_all(2, 8, 10).session()
    rows = ["".join(words for words, _ in row) for row in panel_rows(session, frozenset((4,)), Panel(1, 0), at(8), 78)]
    assert "obb" in rows[0]
    assert "1-5 0 lane, all" in rows[-1]
    assert "b A/B" in rows[-1]


async def test_b_in_the_panel_begins_an_ab_of_that_switch() -> None:
    app = QuintetApp(JOURNAL, None, clock=lambda: folded(read(JOURNAL)).origin_ns + 170 * SECOND)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("s", "down", "down", "b")
        await pilot.pause()
        assert isinstance(app.screen, PlanPanel)
        assert (app.screen.asked()["switch"], app.screen.asked()["levels"]) == ("keep", ["off", "results"])


@pytest.mark.parametrize("size", [(60, 20), (80, 24)])
@pytest.mark.parametrize("key", ["s", "b", "m", "q", "question_mark"])
async def test_what_lies_over_the_lanes_keeps_its_border(size: tuple[int, int], key: str) -> None:
    app = QuintetApp(JOURNAL, Path("nobody"), clock=lambda: folded(read(JOURNAL)).origin_ns + 170 * SECOND)
    async with app.run_test(size=size) as pilot:
        await pilot.press(key)
        await pilot.pause()
        panel = next(widget for widget in app.screen.children if widget.region.width)
        assert panel.region.right <= size[0]
        assert panel.region.bottom <= size[1]
        assert panel.region.x >= 0


def flipped_alone(names: tuple[str, ...]) -> Session:
    """The second lane's accuracy off from 12 s on."""
    made = Maker().ready().gate_all(2).images_all(2, 12, 10).set(1, 12, OFF).images_all(12.1, 22, 20)
    session = made.session()
    for lane, name in zip(session.lanes, names, strict=True):
        lane.name = name
    return session


LONG = tuple(f"helmets-camera-{place}-night" for place in ("north", "south", "east", "west", "yard"))


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_long_names_stay_apart_and_a_level_stays_a_level(width: int) -> None:
    it = seen(flipped_alone(LONG), 22)
    where = layout(width, 40 if width > 80 else 24, 5, 0, Look(page="table"))
    lines = draw_flips(it, where, where.table_columns or width).text()
    names = {line[1:14].strip().split("  ")[0] for line in lines[-5:]}
    assert len(names) == 5
    heads = " ".join(lines[:-5]).split()
    assert "on" in heads
    assert "off" in heads
    assert "night" not in heads
    kept = seen(session_with_keep(), 22)
    narrow = draw_flips(kept, layout(60, 20, 5, 0, Look(page="table")), 60).text()[0]
    assert narrow.split()[:3] == ["results", "vs", "off"]
    assert "change %" in narrow


def session_with_keep() -> Session:
    made = Maker().ready().gate_all(2).images_all(2, 12, 10)
    return made.set_all(12, switches.changed(ON, {"keep": "off"})).images_all(12.1, 22, 11).session()


def test_the_lane_that_was_flipped_alone_is_named_in_the_narrow_heading_whatever_the_levels() -> None:
    made = Maker().ready().gate_all(2).images_all(2, 12, 10)
    made.set(1, 12, switches.changed(ON, {"score": "off"})).images_all(12.1, 22, 20)
    heading = draw_flips(seen(made.session(), 22), layout(80, 24, 5, 0), 80).text()[0]
    assert heading.split("change %")[0].split() == ["only", "detect", "inline", "off"]


def test_scale_labels_never_touch_the_facts() -> None:
    made = Maker().ready().gate_all(2).images_all(2, 12, 1.3)
    it = scene(
        made.session(), at(12), frozenset((0,)), frozen=False, journal_bytes=0, look=Look(scale="log", view="rows")
    )
    where = layout(120, 40, 5, 0, Look(view="rows", scale="log"))
    for line in draw_lanes(it, where, 120).text():
        assert not re.search(r"\d\.\d\d\d\.\d|/s\d|on\d|[a-z]\d\d\d\.", line[: where.facts]), line


def test_accuracy_that_is_not_whole_says_so_in_rows_and_none_is_shown_while_loading() -> None:
    made = Maker().ready().gate_all(2).images_all(2, 8, 10)
    made.frames.append(ev.Value(0, 0, at(7), 10, 64, 1, {"top1": 0.968}))
    lines = draw_lanes(seen(made.session(), 8), layout(80, 24, 5, 0), 80).text()
    assert "10/64" in lines[2]
    early = Maker()
    early.frames.append(ev.Value(0, 0, at(0.5), 10, 64, 1, {"top1": 0.968}))
    assert seen(early.session(), 1).view.lanes[0].accuracy is None
