"""The flip table: two settings, lane by lane, and nothing claimed that was not measured."""

from __future__ import annotations

from quintet.engine.session import Session
from quintet.engine.tables import Comparison, FlipRow, heading
from quintet.tui.part import Canvas
from quintet.tui.scene import Layout, Scene
from quintet.tui.words import DASH, change, milliseconds

WIDE = 119
AXIS_ZERO, AXIS_PER_PERCENT = 73, 0.4
"""Columns of the whole table; below that the interval's drawing and images/s give way."""


def draw_flips(scene: Scene, where: Layout, width: int) -> Canvas:
    """The latest flip's table, or its empty form with the key that fills it."""
    rows = len(scene.session.lanes) + (2 if where.spacious else 1)
    canvas = Canvas(width, rows)
    found = scene.comparison
    name, place = heading(scene.session, found) if found else ("accuracy off against on", "")
    a, b = level_names(scene.session, found)
    if not where.spacious:
        _narrow(canvas, scene, found, name, a, b)
        return canvas
    canvas.put(1, 0, name, "bright")
    canvas.put(len(name) + 4, 0, _method(scene, found, place), "dim")
    wide = width >= WIDE
    _wide_headings(canvas, a, b, wide=wide)
    for y, (lane_name, row) in enumerate(_rows(scene, found), 2):
        canvas.put(1, y, lane_name[:9], "mean")
        _wide_row(canvas, y, row, wide=wide)
    return canvas


def level_names(session: Session, found: Comparison | None) -> tuple[str, str]:
    """The two columns' headings, level a first; where only some lanes were flipped, the first names them."""
    if found is None:
        return "on", "off"
    change = found.difference
    a, b = ("on", "off") if {change.a, change.b} == {"validation", "withoutval"} else (str(change.a), str(change.b))
    if change.lanes != found.a.lanes:
        a = f"{session.lanes[change.lanes[0]].name} {a}" if len(change.lanes) == 1 else f"these {a}"
    return a[:13], b[:7]


def _method(scene: Scene, found: Comparison | None, place: str) -> str:
    if found is None:
        key = "press a" if not scene.view.loading else "press a once the lanes run"
        return f"{scene.view.regime or 'together'} · predict, ms per image · nothing to compare yet: {key}"
    return f"{place} · {found.regime} · {scene.outcome}, ms per image · exploratory, by hand"


def _rows(scene: Scene, found: Comparison | None) -> list[tuple[str, FlipRow | None]]:
    """Every lane's name with its row; None where it has none, because nothing was compared or it is not active."""
    by_lane = {row.lane: row for row in found.rows} if found else {}
    return [(lane.name, by_lane.get(lane.number)) for lane in scene.session.lanes]


def _wide_headings(canvas: Canvas, a: str, b: str, *, wide: bool) -> None:
    canvas.put_right(14, 1, a, "dim")
    canvas.put_right(22, 1, b, "dim")
    canvas.put(25, 1, "change %", "dim")
    canvas.put(36, 1, "95 % interval", "dim")
    if wide:
        canvas.put(53, 1, "−50", "dim")
        canvas.put(AXIS_ZERO, 1, "0", "dim")
        canvas.put(89, 1, "+50 %", "dim")
        canvas.put(97, 1, "verdict", "dim")
        canvas.put(109, 1, "images/s %", "dim")
    else:
        canvas.put(53, 1, "verdict", "dim")
        canvas.put(66, 1, "images/s %", "dim")


def _wide_row(canvas: Canvas, y: int, row: FlipRow | None, *, wide: bool) -> None:
    canvas.put_right(14, y, milliseconds(row.a_ns if row else None), "text" if row and row.a_ns else "dim")
    canvas.put_right(22, y, milliseconds(row.b_ns if row else None), "text" if row and row.b_ns else "dim")
    _change(canvas, 30, y, row)
    canvas.put_right(48, y, DASH, "dim")
    verdict, rate_x = (97, 118) if wide else (53, 75)
    if wide:
        canvas.put(AXIS_ZERO, y, "│", "dim")
        _mark(canvas, y, row)
    canvas.put(verdict, y, DASH, "dim")
    canvas.put_right(rate_x, y, change(row.rate_pct if row else None), "dim")


def _change(canvas: Canvas, right: int, y: int, row: FlipRow | None) -> None:
    """Dim until both stretches are a block long; never bold, which is for what an interval has settled."""
    solid = row is not None and row.settled and row.change_pct is not None
    canvas.put_right(right, y, change(row.change_pct if row else None), "text" if solid else "dim")


def _mark(canvas: Canvas, y: int, row: FlipRow | None) -> None:
    """The change on the axis: a ring, since it has no interval; an arrow where it lies beyond."""
    if row is not None and row.change_pct is not None:
        x = AXIS_ZERO + round(row.change_pct * AXIS_PER_PERCENT)
        low, high = AXIS_ZERO - 20, AXIS_ZERO + 20
        canvas.put(min(max(x, low), high), y, "○" if low <= x <= high else "▸" if x > high else "◂", "dim")


def _narrow(canvas: Canvas, scene: Scene, found: Comparison | None, name: str, a: str, b: str) -> None:
    words = name.removeprefix("accuracy ") if len(a) <= 3 else f"{b} vs {a.rsplit(maxsplit=1)[-1]}"
    canvas.put(1, 0, words, "bright")
    canvas.put_right(20, 0, a, "dim")
    canvas.put_right(26, 0, b, "dim")
    canvas.put(30, 0, "change %", "dim")
    canvas.put(41, 0, "95 % interval", "dim")
    canvas.put(57, 0, "images/s %", "dim")
    canvas.put(69, 0, found.regime[:10] if found else "press a", "dim")
    for y, (lane_name, row) in enumerate(_rows(scene, found), 1):
        canvas.put(1, y, lane_name[:13], "mean")
        canvas.put_right(20, y, milliseconds(row.a_ns if row else None), "text")
        canvas.put_right(26, y, milliseconds(row.b_ns if row else None), "text")
        _change(canvas, 35, y, row)
        canvas.put_right(53, y, DASH, "dim")
        canvas.put_right(66, y, change(row.rate_pct if row else None), "dim")
