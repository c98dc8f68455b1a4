"""What stands on the screen, as plain characters, from sessions whose truth is known."""

from __future__ import annotations

import pytest

from quintet.engine.protocol import events as ev
from quintet.engine.session.session import Session
from quintet.tui.canvas import digits
from quintet.tui.canvas import text as words
from quintet.tui.canvas.canvas import Canvas, changed_runs
from quintet.tui.canvas.plot import Scale, draw_bars
from quintet.tui.panels.switch_panel import Panel, panel_rows
from quintet.tui.scene.scene import Scene, layout, page_of, scene
from quintet.tui.views.flip_table import draw_flips
from quintet.tui.views.lanes import draw_lanes
from quintet.tui.views.status import draw_events, draw_keys, draw_status
from tests.making import OFF, Maker, at


def seen(session: Session, seconds: float, chosen: tuple[int, ...] = (0, 1, 2, 3, 4)) -> Scene:
    return scene(session, at(seconds), frozenset(chosen), frozen=False, journal_bytes=1_200_000)


def flipped() -> Session:
    """On from 2 s to 22 s at 10..14 ms, off until 40 s at 20..24 ms, obb silent from 8 s to 14 s."""
    made = Maker().ready().gate_all(2)
    for lane in range(4):
        made.images(lane, 2, 22, 10 + lane)
    made.images(4, 2, 8, 14).images(4, 14, 22, 14)
    made.frames.append(ev.Command(1, at(22) - 40_000_000, "screen 1", {"set": {"mode": "withoutval"}}, [0, 1, 2, 3, 4]))
    made.set_all(22, OFF)
    made.frames += [ev.Answer(1, lane, at(22) + lane * 11_000_000, 0, "done", "") for lane in range(5)]
    return made.images_all(22.1, 40, 20).session()


def text(canvas: Canvas) -> str:
    return "\n".join(canvas.text())


def test_side_by_side_lanes_name_state_and_mean() -> None:
    it = seen(flipped(), 40)
    where = layout(120, 40, 5, 0)
    lines = draw_lanes(it, where, 120).text()
    assert (where.kind, where.lane_width, where.plot, where.plot_columns) == ("side", 22, 16, 20)
    assert lines[0].startswith("     ▸1 cls           ○ off ▸2 detect        ○ off ▸3 pose          ○ off ▸4 seg  ")
    assert len(lines[0]) == 119
    assert lines[1].split("on")[1].split()[0] == "10.0"
    assert "img/s  50" in lines[3]
    assert len(lines) == 23


def test_the_plot_shows_gap_flip_and_common_scale() -> None:
    it = seen(flipped(), 39.9)
    where = layout(120, 40, 5, 0)
    scale, drawn = page_of(it, where)
    assert scale.top_ms == 40
    assert [round((c.mean_ns or 0) / 1e6) for c in drawn[4]] == [0] + [14] * 3 + [0] * 3 + [14] * 4 + [24] * 9
    lines = draw_lanes(it, where, 120).text()
    strip = lines[5 + 16]
    assert strip[5:25] == "·━━━ on ━━━╌╌ off ╌╌"
    assert strip[97:117] == "·━━━···━━━━╌╌ off ╌╌"
    assert lines[5].startswith("  40")
    assert lines[5 + 7].startswith("  20 ▁")


def test_rows_at_80x24_fit_and_share_one_time_axis() -> None:
    it = seen(flipped(), 40)
    where = layout(80, 24, 5, 0)
    lines = draw_lanes(it, where, 80).text()
    assert (where.kind, where.plot, len(lines)) == ("rows", 2, 16)
    assert lines[0].startswith("▸1 cls           ○ off  40")
    assert lines[1].startswith(" 20.0 ms")
    assert lines[15].split("╵")[0].split() == ["predict", "ms,", "10", "s", "ms"]
    assert max(map(len, lines)) <= 79
    status, table, keys = draw_status(it, 80), draw_flips(it, where, 80), draw_keys(it, 80)
    assert sum(canvas.height for canvas in (status, table, keys)) + len(lines) == 24


def test_the_flip_table_shows_both_means_and_the_change_and_no_interval() -> None:
    it = seen(flipped(), 40)
    lines = draw_flips(it, layout(120, 40, 5, 0), 120).text()
    assert lines[0] == " accuracy off against on   all lanes · together · predict, ms per image · exploratory, by hand"
    assert lines[2].split() == ["cls", "10.0", "20.0", "+100", "—", "│", "▸", "—", "0"]
    assert lines[6].split() == ["obb", "14.0", "24.0", "+71", "—", "│", "▸", "—", "+46"]
    assert lines[2].index("10.0") + 4 == lines[1].index("on") + 2


def test_before_a_flip_the_table_is_dashes_and_says_which_key_fills_it() -> None:
    session = Maker().ready().gate_all(2).images_all(2, 8, 10).session()
    lines = draw_flips(seen(session, 8), layout(120, 40, 5, 0), 120).text()
    assert "nothing to compare yet: press a" in lines[0]
    assert lines[2].split() == ["cls", "—", "—", "—", "—", "│", "—", "—"]


def test_a_young_change_is_dim() -> None:
    session = Maker().ready().gate_all(2).images_all(2, 12, 10).set_all(12, OFF).images_all(12.1, 14.5, 20).session()
    young = draw_flips(seen(session, 14.5), layout(120, 40, 5, 0), 120)
    old = draw_flips(seen(flipped(), 40), layout(120, 40, 5, 0), 120)
    assert {role for letter, role in young.cells[2][27:31] if letter != " "} == {"dim"}
    assert {role for letter, role in old.cells[2][27:31] if letter != " "} == {"text"}


def test_the_status_line_says_what_runs_for_how_long() -> None:
    words_of = " ".join(text(draw_status(seen(flipped(), 40), 120)).split())
    assert words_of == "quintet made · cpu · together · accuracy ○ off for 0:17 0:40 rec 1.20 MB"
    assert "○ off for 0:17" in text(draw_status(seen(flipped(), 40), 80))


def test_what_happened_is_told_newest_first() -> None:
    lines = draw_events(seen(flipped(), 40), 120, 4).text()
    assert lines[0] == " 0:21  accuracy off in all lanes, within 84 ms"
    assert lines[1] == " 0:14  obb: no image for 6.0 s"
    assert lines[2] == " 0:02  five lanes started together"


def test_loading_and_a_failed_lane() -> None:
    made = Maker()
    for lane in range(5):
        made.frames.append(ev.Step(lane, at(0.1), "model", "begun", 0, 1))
        made.frames.append(ev.Step(lane, at(0.5), "model", "done", 1, 1))
    made.frames.append(ev.Step(3, at(0.5), "ground_truth", "begun", 0, 0))
    made.frames.append(ev.Fault(3, at(0.9), "load", "There are no pictures in data/seg: put some there.", ""))
    it = seen(made.session(), 1.5)
    lines = text(draw_lanes(it, layout(120, 40, 5, 0), 120))
    assert "4 seg        ✖ failed" in lines
    assert "✖ ground truth failed" in lines
    assert "There are no" in lines
    assert "1 of 5 lanes failed" in text(draw_status(it, 120))
    narrow = text(draw_lanes(it, layout(80, 24, 5, 0), 80))
    assert "✓ model  ✖ ground truth" in narrow
    assert "There are no pictures in" in narrow


def test_a_lane_that_dies_keeps_its_plot_and_its_row_becomes_dashes() -> None:
    made = Maker().ready().gate_all(2).images_all(2, 12, 10)
    made.frames.append(ev.Fault(2, at(12), "died", "pose: its process was ended by signal 9 (SIGKILL).", ""))
    for lane in (0, 1, 3, 4):
        made.images(lane, 12, 20, 10)
    it = seen(made.session(), 20)
    lines = draw_lanes(it, layout(120, 40, 5, 0), 120).text()
    assert "3 pose       ✖ failed" in lines[0]
    assert lines[21][51:61] == "·━━━━━····"


@pytest.mark.parametrize("lanes", [1, 2, 6, 16])
@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (120, 40), (200, 50)])
def test_every_number_of_lanes_fits_every_size(lanes: int, width: int, height: int) -> None:
    session = Maker(lanes).ready().gate_all(2).images_all(2, 5, 10).session()
    it = seen(session, 5, chosen=(lanes - 1,))
    where = layout(width, height, lanes, lanes - 1)
    canvas = draw_lanes(it, where, width)
    assert session.lanes[-1].name in text(canvas)
    assert canvas.height == where.lanes_height


def test_bars_have_eighths_and_end_in_an_arrow_above_the_scale() -> None:
    from quintet.engine.session.snapshot import Column

    canvas = Canvas(4, 2)
    draw_bars(canvas, 0, 0, 2, [Column(ms * 1e6, True, 0) for ms in (1, 10, 16, 17)], Scale(16, 0, 1, 4))
    assert ["".join(letter for letter, _ in row) for row in canvas.cells] == [" ▂ ▲", "▁   "]
    assert [role for _, role in canvas.cells[1]] == ["on bar", "on body", "on body", "on body"]


def test_only_what_changed_is_painted() -> None:
    old, new = Canvas(60, 1), Canvas(60, 1)
    new.put(3, 0, "ab")
    new.put(8, 0, "c")
    new.put(40, 0, "d")
    assert changed_runs(old.cells[0], new.cells[0]) == [(3, 9), (40, 41)]
    assert changed_runs(new.cells[0], new.cells[0]) == []


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "—"), (9.874, "9.87"), (9.996, "10.0"), (15.84, "15.8"), (99.96, "100"), (104.4, "104"), (0.5, "0.50")],
)
def test_figures_have_three_significant_digits(value: float | None, shown: str) -> None:
    assert words.figure(value) == shown


@pytest.mark.parametrize(("change", "shown"), [(27.4, "+27"), (-28.2, "−28"), (0.3, "0"), (-0.4, "0"), (None, "—")])
def test_changes_have_a_sign_and_zero_has_none(change: float | None, shown: str) -> None:
    assert words.change(change) == shown


def test_times_and_sizes() -> None:
    assert [words.clock(s * 10**9) for s in (0, 192, 3849)] == ["0:00", "3:12", "1:04:09"]
    assert [words.size(n) for n in (9_000, 1_200_000, 31_000_000)] == ["9 KB", "1.20 MB", "31.0 MB"]


def test_big_digits() -> None:
    canvas = Canvas(10, 3)
    digits.draw_number(canvas, 0, 0, "11.4", "mean")
    assert canvas.text() == ["╺┓ ╺┓  ╻ ╻", " ┃  ┃  ┗━┫", "╺┻╸╺┻╸.  ╹"]


def test_big_digits_give_way_to_a_plain_number_in_narrow_lanes() -> None:
    it = seen(flipped(), 40)
    lines = draw_lanes(it, layout(100, 30, 5, 0), 100).text()
    assert "┏" not in "".join(lines)
    assert "20.0" in lines[2]


def test_the_switch_panel_shows_shared_levels_own_ones_and_what_is_asked() -> None:
    made = Maker().ready().gate_all(2).images_all(2, 5, 10).set(1, 5, OFF).images_all(5.1, 8, 10)
    made.frames.append(ev.Command(1, at(8), "me", {"set": {"think": 20}}, [4]))
    session = made.session()
    rows = panel_rows(session, frozenset((4,)), Panel(9, 2), at(8.1), 114)
    shown = ["".join(words for words, _ in row) for row in rows]
    by_name = {line[2:12].strip(): line for line in shown[1:13]}
    assert by_name["batch"].split()[:3] == ["batch", "1", "·"]
    assert by_name["score"].split()[1:4] == ["mixed", "inline", "off"]
    assert by_name["think"].split()[:2] == ["▸", "think"]
    assert "0→20" in by_name["think"]
    assert "think of obb" in shown[15]
    assert "[10]" in shown[15]
    assert "is it the pause or the work" in shown[16]


def test_mixed_levels_and_one_lane_alone_are_named() -> None:
    made = Maker().ready().gate_all(2).images_all(2, 12, 10).set(1, 12, OFF).images_all(12, 20, 10)
    assert "accuracy on in 4 of 5" in text(draw_status(seen(made.session(), 20), 120))
    for lane in (1, 2, 3, 4):
        made.gate(lane, 20, open_gate=False)
    made.images(0, 20, 24, 10)
    it = seen(made.session(), 24)
    assert "· alone · accuracy ● on" in text(draw_status(it, 120))
    assert "parked" in text(draw_lanes(it, layout(120, 40, 5, 0), 120))
    assert "t together" in text(draw_keys(it, 120))
