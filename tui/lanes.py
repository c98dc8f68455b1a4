"""The lanes: side by side from 100 columns on, stacked rows below that. Drawn from a Scene, whole, every time."""

from __future__ import annotations

import textwrap

from quintet.engine.view import Column, LaneView
from quintet.tui import digits, spark
from quintet.tui.part import Canvas
from quintet.tui.scene import Layout, Scene, level_words, page_of
from quintet.tui.words import figure, milliseconds, rate

GUTTER = 5
ROOM_FOR_DIGITS = 21
"""Big digits give way to a plain number in narrower lanes."""
FACTS = 27
"""Columns before the plot in rows."""
MARKS = {"done": ("✓", "text"), "now": ("▸", "bright"), "to come": ("·", "faint"), "failed": ("✖", "alert")}


def draw_lanes(scene: Scene, where: Layout, width: int) -> Canvas:
    """All shown lanes with their plots and time axis."""
    canvas = Canvas(width, where.lanes_height)
    if not scene.session.lanes:
        return canvas
    scale, drawn = page_of(scene, where)
    draw = _side if where.kind == "side" else _row
    for place, number in enumerate(where.lanes):
        draw(canvas, scene, where, scale, place, scene.view.lanes[number], drawn[number])
    if where.kind == "side":
        _gutter(canvas, scene, where, scale)
    else:
        y = len(where.lanes) * (where.plot + 1)
        if not scene.view.loading:
            canvas.put_right(FACTS - 2, y, "ms", "dim")
            spark.draw_times(canvas, FACTS, y, scale, scene.session.origin_ns)
    return canvas


def _never_ran(lane: LaneView, drawn: list[Column]) -> bool:
    return lane.state in ("loading", "ready", "failed") and all(column.mean_ns is None for column in drawn)


def _gutter(canvas: Canvas, scene: Scene, where: Layout, scale: spark.Scale) -> None:
    """The scale's labels, once for all lanes."""
    if scene.view.loading:
        return
    canvas.put_right(3, 4, "ms", "dim")
    for quarter in range(4):
        y = 5 if quarter == 0 else 5 + where.plot * quarter // 4 - 1
        canvas.put_right(3, y, f"{scale.top_ms * (4 - quarter) / 4:g}", "dim")


def _side(
    canvas: Canvas, scene: Scene, where: Layout, scale: spark.Scale, place: int, lane: LaneView, drawn: list[Column]
) -> None:
    x, width, plot_y = GUTTER + place * (where.lane_width + 1), where.lane_width, 5
    _head(canvas, x, 0, width, lane, scene)
    strip_y = plot_y + where.plot
    if _never_ran(lane, drawn):
        _loading(canvas, x, 2, width, strip_y - 2, lane)
        canvas.put(x, strip_y, "·" * (width - 1), "faint")
        return
    if width >= ROOM_FOR_DIGITS:
        digits.draw_number(canvas, x + 1, 1, milliseconds(lane.mean_ns), "mean" if lane.mean_ns else "dim")
    else:
        canvas.put(x + 1, 2, milliseconds(lane.mean_ns), "bright" if lane.mean_ns else "dim")
    _facts(canvas, x + width - 1, 1, lane)
    _accuracy(canvas, x + 1, x + width - 1, 4, lane, width)
    spark.draw_grid(canvas, x, plot_y, where.plot, width)
    spark.draw_bars(canvas, x, plot_y, where.plot, drawn, scale.top_ms)
    spark.draw_p95(canvas, x + width - 1, plot_y, where.plot, lane.p95_ns, scale.top_ms, bool(lane.on))
    spark.draw_arms(canvas, x, strip_y, drawn)
    spark.draw_times(canvas, x, strip_y + 1, scale, scene.session.origin_ns)


def _head(canvas: Canvas, x: int, y: int, width: int, lane: LaneView, scene: Scene) -> None:
    chosen = lane.number in scene.chosen
    words, role = level_words(lane)
    canvas.put(x + 1, y, str(lane.number + 1), "dim")
    canvas.put(x + 3, y, lane.name[: width - len(words) - 4], "bright")
    canvas.put_right(x + width - 1, y, words, role)
    if chosen:
        canvas.put(x, y, "▸", "mean")
        if len(scene.chosen) < len(scene.session.lanes):
            canvas.band(x, y, width)


def _facts(canvas: Canvas, right: int, y: int, lane: LaneView) -> None:
    """The other arm's last mean, p95, and images per second, at the right of the big digits."""
    if lane.on is not None:
        other = "off" if lane.on else "on"
        role = other if lane.other_ns is not None and lane.state == "running" else "dim"
        canvas.put_row(right - 8, y, [(f"{other:3}{milliseconds(lane.other_ns):>6}", role)])
    for row, (word, value) in enumerate((("p95", milliseconds(lane.p95_ns)), ("img/s", rate(lane.rate_hz))), y + 1):
        canvas.put(right - 8, row, word, "dim")
        canvas.put_right(right, row, value, "text")


def _accuracy(canvas: Canvas, left: int, right: int, y: int, lane: LaneView, room: int) -> None:
    """`mAP50 62.1 %` with its coverage until it is whole, `held` while it is not computed."""
    told = lane.accuracy
    if told is None:
        return
    role = "dim" if told.held else "text"
    canvas.put(left, y, f"{told.metric} {100 * told.value:.1f} %", role)
    after = "" if told.images == told.of else f"{told.images}/{told.of}"
    if told.held and (not after or room >= len(told.metric) + 14 + len(after)):
        after = f"{after} held".lstrip()
    if room >= len(told.metric) + 9 + len(after):
        canvas.put_right(right, y, after, "dim")


def _loading(canvas: Canvas, x: int, y: int, width: int, height: int, lane: LaneView) -> None:
    """Four steps, one under the other, and what went wrong beneath the one that failed."""
    apart = 2 if height >= 12 else 1
    for step in lane.steps:
        mark, role = MARKS[step.state]
        canvas.put(x + 1, y, mark, role)
        canvas.put(x + 3, y, step.words, {"failed": "alert", "to come": "dim"}.get(step.state, "text"))
        canvas.put_right(x + width - 1, y, step.text, "alert" if step.state == "failed" else "dim")
        y += apart
        if step.state == "failed":
            break
    if lane.trouble:
        for line in textwrap.wrap(lane.trouble, width - 2):
            canvas.put(x + 1, y, line, "text")
            y += 1


def _row(
    canvas: Canvas, scene: Scene, where: Layout, scale: spark.Scale, place: int, lane: LaneView, drawn: list[Column]
) -> None:
    y = place * (where.plot + 1)
    _head(canvas, 0, y, FACTS - 5, lane, scene)
    if _never_ran(lane, drawn):
        _loading_row(canvas, y, lane)
        return
    right = FACTS - 6
    canvas.put(1, y + 1, milliseconds(lane.mean_ns), "bright" if lane.mean_ns else "dim")
    canvas.put(2 + len(milliseconds(lane.mean_ns)), y + 1, "ms", "dim")
    canvas.put_right(right, y + 1, f"p95 {milliseconds(lane.p95_ns)}", "dim")
    rate_words = f"{rate(lane.rate_hz)}/s"
    _accuracy(canvas, 1, right - len(rate_words) - 1, y + 2, lane, right - len(rate_words) - 1)
    canvas.put_right(right, y + 2, rate_words, "dim")
    canvas.put_right(FACTS - 2, y, figure_of_scale(scale.top_ms), "dim")
    canvas.put_right(FACTS - 2, y + where.plot - 1, "0", "dim")
    spark.draw_bars(canvas, FACTS, y, where.plot, drawn, scale.top_ms)
    spark.draw_p95(canvas, canvas.width - 2, y, where.plot, lane.p95_ns, scale.top_ms, bool(lane.on))
    spark.draw_arms(canvas, FACTS, y + where.plot, drawn)


def figure_of_scale(top_ms: float) -> str:
    """The scale's top without decimals it does not need."""
    return f"{top_ms:g}" if top_ms == int(top_ms) else figure(top_ms)


def _loading_row(canvas: Canvas, y: int, lane: LaneView) -> None:
    """Loading in one line a lane; a failed one's sentence below."""
    x = FACTS
    for step in lane.steps[:3]:
        mark, role = MARKS[step.state]
        canvas.put(x, y, mark, role)
        canvas.put(x + 2, y, step.words, "alert" if step.state == "failed" else "text")
        x += len(step.words) + 4
    if lane.trouble:
        for row, line in enumerate(textwrap.wrap(lane.trouble, canvas.width - FACTS - 1)[:2], 1):
            canvas.put(FACTS, y + row, line, "dim")
