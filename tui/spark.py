"""A lane's plot: bars on a scale that all lanes share, gaps drawn as gaps, the arm drawn beneath.

Textual's own Sparkline scales each series to itself, so 10 ms and 100 ms look alike; and a bar's body as spaces on a
coloured ground costs fewer bytes than full blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from quintet.engine.view import Column
from quintet.tui.part import Canvas
from quintet.tui.words import clock

EIGHTHS = " ▁▂▃▄▅▆▇"
TICK_COLUMNS = 10


class Scale(NamedTuple):
    """The page that all lanes share: top in milliseconds, and the columns of time."""

    top_ms: float
    begin_ns: int
    step_ns: int
    columns: int


def level_role(on: bool) -> str:
    """`on` or `off`: the role of a level's colour, and its word."""
    return "on" if on else "off"


def draw_bars(canvas: Canvas, x: int, y: int, height: int, columns: Sequence[Column], top_ms: float) -> None:
    """Bars with their feet on row y + height - 1. A gap leaves its cells alone."""
    for place, column in enumerate(columns):
        if column.mean_ns is None:
            continue
        role = level_role(column.on)
        eighths = round(column.mean_ns / 1e6 / top_ms * height * 8)
        if eighths > height * 8:
            for row in range(1, height):
                canvas.put(x + place, y + row, " ", f"{role} body")
            canvas.put(x + place, y, "▲", f"{role} top")
            continue
        full, part = divmod(max(1, eighths), 8)
        for row in range(full):
            canvas.put(x + place, y + height - 1 - row, " ", f"{role} body")
        if part:
            canvas.put(x + place, y + height - 1 - full, EIGHTHS[part], f"{role} bar")


def draw_grid(canvas: Canvas, x: int, y: int, height: int, width: int) -> None:
    """Grid lines at the quarters, which fall on row edges when the height is a multiple of 4."""
    for quarter in (1, 2, 3):
        canvas.put(x, y + height * quarter // 4 - 1, "▁" * width, "grid")


def draw_p95(canvas: Canvas, x: int, y: int, height: int, p95_ns: int | None, top_ms: float, on: bool) -> None:
    """The 95th percentile's mark beside the plot."""
    if p95_ns is not None:
        row = height - 1 - int(p95_ns / 1e6 / top_ms * height)
        canvas.put(x, y + max(0, row), "◂", level_role(on))


def draw_arms(canvas: Canvas, x: int, y: int, columns: Sequence[Column]) -> None:
    """The arm strip: a run of columns of one arm is one line with its word in the middle; a gap is dots."""
    place = 0
    for (gap, _, on), run in groupby(columns, key=lambda c: (c.mean_ns is None, c.arm, c.on)):
        width = len(list(run))
        if gap:
            canvas.put(x + place, y, "·" * width, "faint")
        else:
            role = level_role(on)
            canvas.put(x + place, y, ("━" if on else "╌") * width, role)
            if width >= len(role) + 4:
                canvas.put(x + place + (width - len(role) - 2) // 2, y, f" {role} ", role)
        place += width


def draw_times(canvas: Canvas, x: int, y: int, scale: Scale, origin_ns: int) -> None:
    """Times of the session under their columns."""
    first = (scale.begin_ns - origin_ns) // scale.step_ns
    for place in range(scale.columns):
        column = first + place
        label = clock(column * scale.step_ns)
        if column and column % TICK_COLUMNS == 0 and place + len(label) < scale.columns + 2:
            canvas.put(x + place, y, "╵" + label, "dim")
