"""The flip table drawn: two settings, lane by lane, and nothing claimed that was not measured."""

from __future__ import annotations

from quintet.engine.analysis.blocks import RATE
from quintet.engine.analysis.other_programs import MARK
from quintet.engine.analysis.verdicts import SETTLED, Contrast
from quintet.tui.canvas.canvas import Canvas
from quintet.tui.canvas.text import DASH, change, figure, interval, milliseconds, shortened
from quintet.tui.canvas.titles import cut, numbered, put_title
from quintet.tui.scene.flip_rows import FlipTable, Line, flip_table
from quintet.tui.scene.scene import Layout, Scene

WIDE = 119
"""Columns of the whole table; below that the interval's drawing and images/s give way."""
AXIS_ZERO, AXIS_PER_PERCENT, AXIS_REACH = 73, 0.4, 20
VERDICTS = {"slower": "▲ slower", "faster": "▼ faster", "same": "= same"}
"""With a sign in front; the other words stand alone."""
NARROW_WIDE = 78
"""Below this many columns the interval's drawing and images/s give way, the verdict stays."""
NARROW_ZERO, NARROW_PER_PERCENT, NARROW_REACH = 53, 0.2, 10


def draw_flips(scene: Scene, where: Layout, width: int) -> Canvas:
    """The latest flip's or the A/B's table, or its empty form with the key that fills it."""
    table = flip_table(scene)
    canvas = Canvas(width, len(table.lines) + (2 if where.spacious else 1))
    if not where.spacious:
        _narrow(canvas, scene, table)
        return canvas
    short = table.method.replace(", ms per image", "")
    put_title(canvas, 0, [table.name], [table.method, short, short.replace("exploratory, by hand", "by hand")])
    wide = width >= WIDE
    _wide_headings(canvas, table, wide=wide)
    for y, line in enumerate(table.lines, 2):
        canvas.put(1, y, numbered(y - 2, line.name, 9), "mean")
        _wide_row(canvas, scene, y, line, wide=wide)
    return canvas


def amount(value: float | None, outcome: str) -> str:
    """A mean in the outcome's unit: milliseconds, or images/s."""
    return figure(value) if outcome == RATE else milliseconds(value)


def _wide_headings(canvas: Canvas, table: FlipTable, *, wide: bool) -> None:
    _levels(canvas, 1, 14, 22, table)
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


def _levels(canvas: Canvas, y: int, right_a: int, right_b: int, table: FlipTable) -> int:
    """Both levels over their columns; a long second one moves the first to the left. Where they begin."""
    right_a = min(right_a, right_b - len(table.b) - 1)
    canvas.put_right(right_a, y, table.a, "dim")
    canvas.put_right(right_b, y, table.b, "dim")
    return right_a - len(table.a) + 1


def _wide_row(canvas: Canvas, scene: Scene, y: int, line: Line, *, wide: bool) -> None:
    for right, value in ((14, line.a), (22, line.b)):
        canvas.put_right(right, y, amount(value, scene.outcome), "text" if value else "dim")
    _change(canvas, 30, y, line)
    canvas.put_right(48, y, interval(line.contrast), "dim")
    verdict, rate_x = (97, 118) if wide else (53, 75)
    if wide:
        draw_interval(canvas, AXIS_ZERO, y, line, AXIS_PER_PERCENT, AXIS_REACH)
    draw_verdict(canvas, verdict, y, line.contrast, marked=line.marked)
    canvas.put_right(rate_x, y, change(line.rate_pct), "dim")


def draw_verdict(canvas: Canvas, x: int, y: int, contrast: Contrast | None, *, marked: bool = False) -> None:
    """The verdict in words, bright when it is one; why there is none; or a dash. The status line explains the mark."""
    words, role = DASH, "dim"
    if contrast is not None and contrast.verdict is None:
        words = contrast.note or DASH
    elif contrast is not None:
        words = VERDICTS.get(contrast.verdict or "", contrast.verdict or "")
        role = "bright" if is_resolved(contrast) else "dim"
    canvas.put(x, y, words, role)
    if marked:
        canvas.put(x + len(words) + 1, y, MARK, "alert")


def _change(canvas: Canvas, right: int, y: int, line: Line) -> None:
    """The units digit at `right`, one decimal beyond it where the interval is narrow enough.

    Bold for what an interval has settled; dim until both stretches are a block long.
    """
    words = change(line.change_pct, line.contrast)
    role = "bright" if is_resolved(line.contrast) else "text" if line.settled and line.change_pct is not None else "dim"
    canvas.put_right(right + (2 if "." in words else 0), y, words, role)


def is_resolved(contrast: Contrast | None) -> bool:
    """Whether there is a verdict that settles something."""
    return contrast is not None and contrast.verdict in SETTLED


def draw_interval(canvas: Canvas, zero: int, y: int, line: Line, per_percent: float, reach: int) -> None:
    """The interval on an axis: `├─●─┤`, a ring while not settled, an arrow where it goes beyond."""
    canvas.put(zero, y, "│", "dim")
    if line.change_pct is None:
        return
    low, high = zero - reach, zero + reach
    settled, contrast = is_resolved(line.contrast), line.contrast
    role = "bright" if settled else "dim"

    def place(percent: float) -> int:
        return zero + round(percent * per_percent)

    if contrast is not None and contrast.low_pct is not None and contrast.high_pct is not None:
        begin, end = place(contrast.low_pct), place(contrast.high_pct)
        for x in range(max(low, begin), min(high, end) + 1):
            canvas.put(x, y, "─", role)
        if begin < place(line.change_pct) and begin >= low:
            canvas.put(begin, y, "├", role)
        if end > place(line.change_pct) and end <= high:
            canvas.put(end, y, "┤", role)
    x = place(line.change_pct)
    mark = "●" if settled else "○"
    canvas.put(min(max(x, low), high), y, mark if low <= x <= high else "▸" if x > high else "◂", role)


def _narrow_row(canvas: Canvas, scene: Scene, y: int, line: Line) -> None:
    canvas.put(1, y, numbered(y - 1, line.name, 13), "mean")
    canvas.put_right(20, y, amount(line.a, scene.outcome), "text")
    canvas.put_right(26, y, amount(line.b, scene.outcome), "text")
    _change(canvas, 35, y, line)


def _narrow(canvas: Canvas, scene: Scene, table: FlipTable) -> None:
    whose, _, level = table.a.rpartition(" ")
    levels = table._replace(a=level)
    room = _levels(canvas, 0, 20, 26, levels) - 2
    brief = f"{table.b} vs {level}"
    name = table.name.removeprefix("accuracy ")
    forms = [name, brief]
    if whose:
        forms = [f"{cut(whose, max(3, room - len(brief) - 2))}: {brief}", f"only {cut(whose, max(3, room - 5))}"]
    forms.append(table.name.split()[0])
    canvas.put(1, 0, next((form for form in forms if len(form) <= room), shortened(forms[-1], room)), "bright")
    canvas.put(30, 0, "change %", "dim")
    known = table.interval is not None
    if canvas.width < NARROW_WIDE:
        canvas.put(41, 0, table.interval_words or table.regime[:16], "dim")
        for y, line in enumerate(table.lines, 1):
            _narrow_row(canvas, scene, y, line)
            draw_verdict(canvas, 41, y, line.contrast, marked=line.marked)
        return
    if known:
        canvas.put(42, 0, "−50", "dim")
        canvas.put(NARROW_ZERO, 0, "0", "dim")
        canvas.put(61, 0, "+50", "dim")
        canvas.put(67, 0, table.interval_words, "dim")
    else:
        canvas.put(41, 0, "95 % interval", "dim")
        canvas.put(57, 0, "images/s %", "dim")
        canvas.put(69, 0, table.regime[:10], "dim")
    for y, line in enumerate(table.lines, 1):
        _narrow_row(canvas, scene, y, line)
        if known:
            draw_interval(canvas, NARROW_ZERO, y, line, NARROW_PER_PERCENT, NARROW_REACH)
            draw_verdict(canvas, 68, y, line.contrast, marked=line.marked)
        else:
            canvas.put_right(53, y, DASH, "dim")
            canvas.put_right(66, y, change(line.rate_pct), "dim")
