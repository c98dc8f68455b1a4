"""The lanes of a study's page: name, state and mean over a low plot."""

from __future__ import annotations

from quintet.engine.session.snapshot import LaneView
from quintet.tui.canvas import plot
from quintet.tui.canvas.canvas import Canvas
from quintet.tui.canvas.text import milliseconds
from quintet.tui.canvas.titles import cut
from quintet.tui.scene.scene import Layout, Scene, level_words, page_of
from quintet.tui.theme import glyphs

GUTTER = 5


def draw_small_lanes(scene: Scene, where: Layout, width: int) -> Canvas:
    """Name, state and mean over a low plot."""
    canvas = Canvas(width, where.lanes_height)
    if not where.lanes_height:
        return canvas
    scale, drawn = page_of(scene, where)
    first, top = (GUTTER, 2) if where.spacious else (1, 1)
    for place, number in enumerate(where.lanes):
        x, its = first + place * (where.lane_width + 1), scale.of(number)
        if where.spacious:
            _head(canvas, x, where.lane_width, scene.view.lanes[number])
            _grid(canvas, x, top, where)
        else:
            _short_head(canvas, x, where.lane_width, scene.view.lanes[number])
        plot.draw_bars(canvas, x, top, where.plot, drawn[number], its)
        plot.draw_arms(canvas, x, top + where.plot, drawn[number])
        if where.spacious:
            plot.draw_times(canvas, x, top + where.plot + 1, scale, scene.session.origin_ns)
        if where.spacious and scale.own:
            canvas.put(x, top, its.label(0), "dim")
    if where.spacious:
        canvas.put_right(3, 0, scale.words, "dim")
        canvas.put_right(3, 1, "ms", "dim")
        for quarter in () if scale.own else (0, 2):
            canvas.put_right(3, top + max(0, where.plot * quarter // 4 - 1), scale.label(quarter), "dim")
    return canvas


def _head(canvas: Canvas, x: int, width: int, lane: LaneView) -> None:
    words, role = level_words(lane)
    mean = milliseconds(lane.mean_ns)
    after = _number(canvas, x, lane)
    canvas.put(x + after, 0, cut(lane.name, width - len(words) - after - 1), "bright")
    canvas.put_right(x + width - 1, 0, words, role)
    canvas.put(x, 1, mean, "bright" if lane.mean_ns else "dim")
    canvas.put(x + len(mean) + 1, 1, "ms", "dim")
    if lane.p95_ns:
        canvas.put_right(x + width - 1, 1, f"p95 {milliseconds(lane.p95_ns)}", "dim")


def _short_head(canvas: Canvas, x: int, width: int, lane: LaneView) -> None:
    mean = milliseconds(lane.mean_ns)
    after = _number(canvas, x, lane)
    canvas.put(x + after, 0, cut(lane.name, width - len(mean) - after - 1), "bright")
    canvas.put_right(x + width - 1, 0, mean, "mean" if lane.mean_ns else "dim")


def _number(canvas: Canvas, x: int, lane: LaneView) -> int:
    """The lane's number; the columns it takes with the blank after it."""
    number = str(lane.number + 1)
    canvas.put(x, 0, number, "dim")
    return len(number) + 1


def _grid(canvas: Canvas, x: int, top: int, where: Layout) -> None:
    """Lines at the quarters; at the half alone where the plot is low."""
    if where.plot >= 8:
        plot.draw_grid(canvas, x, top, where.plot, where.lane_width)
    else:
        canvas.put(x, top + where.plot // 2 - 1, glyphs.current().grid * where.lane_width, "grid")
