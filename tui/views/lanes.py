"""The lanes: side by side from 100 columns on, stacked rows below that. Drawn from a Scene, whole, every time."""

from __future__ import annotations

from quintet.engine.analysis.blocks import RATE
from quintet.engine.session.snapshot import RECENT_NS, Column, LaneView
from quintet.engine.visible_text import visible_wrapped
from quintet.tui.canvas import digits
from quintet.tui.canvas import plot as spark
from quintet.tui.canvas.canvas import Canvas
from quintet.tui.canvas.text import cells_of, clock, milliseconds, rate, shortened
from quintet.tui.canvas.titles import cut
from quintet.tui.scene.scene import Layout, Scene, level_words, page_of
from quintet.tui.theme import glyphs

GUTTER = 5
"""Columns of the scale's labels, side by side."""
ROOM_FOR_DIGITS = 21
"""Big digits give way to a plain number in narrower lanes."""
SIDE_PLOT_Y = 5
"""Rows above a plot side by side: head, digits, accuracy."""
MARKS = {"done": ("✓", "text"), "now": ("▸", "bright"), "to come": ("·", "faint"), "failed": ("✖", "alert")}


def draw_lanes(scene: Scene, where: Layout, width: int) -> Canvas:
    """All shown lanes with their plots and time axis."""
    canvas = Canvas(width, where.lanes_height)
    if not scene.session.lanes:
        return canvas
    scale, drawn = page_of(scene, where)
    draw = _side if where.kind == "side" else _row
    for place, number in enumerate(where.lanes):
        draw(canvas, scene, where, scale.of(number), place, scene.view.lanes[number], drawn[number])
    nothing = scene.view.loading and all(column.mean_ns is None for its in drawn.values() for column in its)
    if where.kind == "side":
        if not nothing:
            _gutter(canvas, where, scale)
        return canvas
    y = len(where.lanes) * (where.plot + 1)
    if len(where.lanes) < len(scene.session.lanes):
        first, last, count = where.lanes.start + 1, where.lanes.stop, len(scene.session.lanes)
        canvas.put(1, y, f"lanes {first}-{last} of {count}" if first < last else f"lane {first} of {count}", "text")
    elif not nothing:
        canvas.put(1, y, digits_words(scene), "dim")
    if not nothing:
        canvas.put_right(where.facts - 2, y, f"{scale.words} ms".lstrip(), "dim")
        _times(canvas, scene, where.facts, y, scale, keep=True)
    return canvas


def digits_words(scene: Scene) -> str:
    """What the digits of the lanes are: `predict ms, 10 s`."""
    timed = "cycle" if scene.outcome == RATE else scene.outcome
    return f"{timed} ms, {RECENT_NS // 1_000_000_000} s"


def lane_at(where: Layout, x: int, y: int) -> int | None:
    """The lane at a place of the lanes' part; None beside them."""
    place = (x - GUTTER) // (where.lane_width + 1) if where.kind == "side" else y // (where.plot + 1)
    return where.lanes[place] if 0 <= place < len(where.lanes) else None


def _times(canvas: Canvas, scene: Scene, x: int, y: int, scale: spark.Scale, *, keep: bool) -> None:
    """Times of the session; at the cursor its own time, beside the others where there is room to keep them."""
    origin = scene.session.origin_ns
    if not scene.cursor:
        spark.draw_times(canvas, x, y, scale, origin)
        return
    place, label = cursor_column(scene, scale), clock(scene.now_ns - origin)
    if keep:
        spark.draw_times(canvas, x, y, scale, origin, avoid=range(place - 1, place + len(label) + 2))
        canvas.put(x + place, y, f"╵{label}", "bright")
    else:
        canvas.put(max(x, x + place - len(label) // 2), y, label, "bright")


def cursor_column(scene: Scene, scale: spark.Scale) -> int:
    """The column of the moment that is shown."""
    return max(0, min(scale.columns - 1, (scene.now_ns - scale.begin_ns) // scale.step_ns))


def _never_ran(lane: LaneView, drawn: list[Column]) -> bool:
    return lane.state in ("loading", "ready", "failed") and all(column.mean_ns is None for column in drawn)


def _gutter(canvas: Canvas, where: Layout, scale: spark.Scale) -> None:
    """The scale's labels, once for all lanes; with scales of their own they stand in the lanes."""
    canvas.put_right(3, 3, scale.words, "dim")
    canvas.put_right(3, 4, "ms", "dim")
    for quarter in range(0 if scale.own else 4):
        y = 5 if quarter == 0 else 5 + where.plot * quarter // 4 - 1
        canvas.put_right(3, y, scale.label(quarter), "dim")


def _side(
    canvas: Canvas, scene: Scene, where: Layout, scale: spark.Scale, place: int, lane: LaneView, drawn: list[Column]
) -> None:
    x, width = GUTTER + place * (where.lane_width + 1), where.lane_width
    _head(canvas, x, 0, width, lane, scene)
    strip_y = SIDE_PLOT_Y + where.plot
    if _never_ran(lane, drawn):
        _loading(canvas, x, 2, width, strip_y - 2, lane)
        canvas.put(x, strip_y, "·" * (width - 1), "faint")
        return
    _mean(canvas, x + 1, 1, lane, big=width >= ROOM_FOR_DIGITS)
    _facts(canvas, x + width - 1, 1, lane)
    _accuracy(canvas, x + 1, x + width - 1, 4, lane, width)
    spark.draw_grid(canvas, x, SIDE_PLOT_Y, where.plot, width)
    for quarter in range(1, 4 if scale.own else 1):
        canvas.put(x, SIDE_PLOT_Y + where.plot * quarter // 4 - 1, scale.label(quarter), "dim")
    _plot(canvas, scene, x, SIDE_PLOT_Y, x + width - 1, where, scale, lane, drawn)
    if scale.own:
        canvas.put(x, SIDE_PLOT_Y, scale.label(0), "dim")
    _times(canvas, scene, x, strip_y + 1, scale, keep=False)


def _plot(
    canvas: Canvas, scene: Scene, x: int, y: int, right: int, where: Layout, scale: spark.Scale, lane: LaneView,
    drawn: list[Column],
) -> None:  # fmt: skip
    """Bars, p95 and arm strip, and the column that is looked at."""
    spark.draw_bars(canvas, x, y, where.plot, drawn, scale)
    spark.draw_p95(canvas, right, y, where.plot, lane.p95_ns, scale, bool(lane.on))
    cursor = cursor_column(scene, scale) if scene.cursor else None
    spark.draw_arms(canvas, x, y + where.plot, drawn, cursor)
    if cursor is not None:
        spark.draw_cursor(canvas, x + cursor, y, where.plot)


def _mean(canvas: Canvas, x: int, y: int, lane: LaneView, *, big: bool) -> None:
    """The number one looks for first: big, or in the middle row of the three."""
    number = milliseconds(lane.mean_ns)
    if big and not glyphs.current().plain:
        digits.draw_number(canvas, x, y, number, "mean" if lane.mean_ns else "dim")
    else:
        canvas.put(x, y + 1, number, "bright" if lane.mean_ns else "dim")


def _head(canvas: Canvas, x: int, y: int, width: int, lane: LaneView, scene: Scene) -> None:
    chosen = lane.number in scene.chosen
    number = str(lane.number + 1)
    room = width - len(number) - 3
    words, role = level_words(lane)
    words = shortened(words, max(8, room - cells_of(lane.name)))
    canvas.put(x + 1, y, number, "dim")
    canvas.put(x + 2 + len(number), y, cut(lane.name, room - len(words)), "bright")
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
    """`mAP50 62.1 %` with its coverage until it is whole, `held` while it is not computed; `!` where much is left out."""
    told = lane.accuracy
    if told is None:
        return
    role = "dim" if told.held else "text"
    canvas.put(left, y, f"{told.metric} {100 * told.value:.1f} %", role)
    after = "" if told.images == told.of else f"{told.images}/{told.of}"
    after = f"{after} !".lstrip() if told.warned else after
    if room < len(told.metric) + 9 + len(after):
        after = "!" if told.warned else "part"
    if told.held and (not after or room >= len(told.metric) + 14 + len(after)):
        after = f"{after} held".lstrip()
    if room >= len(told.metric) + 9 + len(after):
        canvas.put_right(right, y, after, "alert" if told.warned else "dim")


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
        for line in visible_wrapped(lane.trouble, width - 2):
            canvas.put(x + 1, y, line, "text")
            y += 1


def _row(
    canvas: Canvas, scene: Scene, where: Layout, scale: spark.Scale, place: int, lane: LaneView, drawn: list[Column]
) -> None:
    y, facts = place * (where.plot + 1), where.facts
    right = facts - 3 - max(3, *(len(scale.label(quarter)) for quarter in (0, 4)))
    _head(canvas, 0, y, right + 1, lane, scene)
    if _never_ran(lane, drawn):
        _loading_row(canvas, y, facts, where.plot, lane)
        return
    (_big_facts if where.big else _small_facts)(canvas, y, right, lane)
    canvas.put_right(facts - 2, y, scale.label(0), "dim")
    canvas.put_right(facts - 2, y + where.plot - 1, scale.label(4), "dim")
    _plot(canvas, scene, facts, y, canvas.width - 2, where, scale, lane, drawn)


def _big_facts(canvas: Canvas, y: int, right: int, lane: LaneView) -> None:
    """As side by side: three rows of digits, facts at their right, accuracy beneath."""
    _mean(canvas, 1, y + 1, lane, big=True)
    _facts(canvas, right, y + 1, lane)
    _accuracy(canvas, 1, right, y + 4, lane, right)


def _small_facts(canvas: Canvas, y: int, right: int, lane: LaneView) -> None:
    number = milliseconds(lane.mean_ns)
    canvas.put(1, y + 1, number, "bright" if lane.mean_ns else "dim")
    canvas.put(2 + len(number), y + 1, "ms", "dim")
    canvas.put_right(right, y + 1, f"p95 {milliseconds(lane.p95_ns)}", "dim")
    rate_words = f"{rate(lane.rate_hz)}/s"
    told, room = lane.accuracy, right - len(rate_words) - 1
    part = told is not None and (told.images != told.of or told.warned)
    if told is not None and part and room < len(told.metric) + 9 + len(f"{told.images}/{told.of}"):
        _accuracy(canvas, 1, right, y + 2, lane, right + 1)  # what it is over tells more than the rate
        return
    _accuracy(canvas, 1, room, y + 2, lane, room)
    canvas.put_right(right, y + 2, rate_words, "dim")


def _loading_row(canvas: Canvas, y: int, left: int, plot: int, lane: LaneView) -> None:
    """Loading in one line a lane; a failed one's sentence below, in the rows of its plot."""
    x = left
    for step in lane.steps[:3]:
        mark, role = MARKS[step.state]
        canvas.put(x, y, mark, role)
        canvas.put(x + 2, y, step.words, "alert" if step.state == "failed" else "text")
        x += len(step.words) + 4
    if lane.trouble:
        told = visible_wrapped(lane.trouble, canvas.width - left - 1, max_lines=plot, placeholder="… e shows all of it")
        for row, line in enumerate(told, 1):
            canvas.put(left, y + row, line, "dim")
