"""A lane's plot: bars on a scale that all lanes share, gaps drawn as gaps, the arm drawn beneath.

Textual's own Sparkline scales each series to itself, so 10 ms and 100 ms look alike; and a bar's body as spaces on a
coloured ground costs fewer bytes than full blocks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from quintet.engine.session.snapshot import Column
from quintet.tui.canvas.canvas import Canvas
from quintet.tui.canvas.text import clock, figure
from quintet.tui.theme import glyphs

TICK_COLUMNS = 10


class Scale(NamedTuple):
    """The page: its top in milliseconds, and the columns of time, which all lanes share."""

    top_ms: float
    begin_ns: int
    step_ns: int
    columns: int
    low_ms: float = 0.0
    """The foot of a logarithmic scale; 0 for a straight one, whose foot is 0."""
    own: tuple[float, ...] = ()
    """Every lane's own top, where lanes have scales of their own."""

    def of(self, lane: int) -> Scale:
        """The scale that one lane is drawn on."""
        return self._replace(top_ms=self.own[lane]) if self.own else self

    def share(self, ms: float) -> float:
        """How high a value stands: 0 at the foot, 1 at the top."""
        if not self.low_ms:
            return ms / self.top_ms
        return math.log(max(ms, self.low_ms) / self.low_ms) / math.log(self.top_ms / self.low_ms)

    def label(self, quarter: int) -> str:
        """What stands at the top (0) and at the quarters below it (1, 2, 3), and at the foot (4)."""
        if self.low_ms:
            return figure_of_scale(self.low_ms * (self.top_ms / self.low_ms) ** ((4 - quarter) / 4))
        return f"{self.top_ms * (4 - quarter) / 4:g}"

    @property
    def words(self) -> str:
        """What the scale is, beside `ms`; empty for the usual one."""
        return "own" if self.own else "log" if self.low_ms else ""


def figure_of_scale(ms: float) -> str:
    """A label without decimals it does not need."""
    return f"{ms:g}" if ms == int(ms) else figure(ms)


def level_role(on: bool) -> str:
    """`on` or `off`: the role of a level's colour, and its word."""
    return "on" if on else "off"


def draw_bars(canvas: Canvas, x: int, y: int, height: int, columns: Sequence[Column], scale: Scale) -> None:
    """Bars with their feet on row y + height - 1. A gap leaves its cells alone."""
    bars = glyphs.current()
    for place, column in enumerate(columns):
        if column.mean_ns is None:
            continue
        role = level_role(column.on)
        body = bars.body_on if column.on else bars.body_off
        body_role = f"{role} bar" if bars.plain else f"{role} body"
        eighths = round(scale.share(column.mean_ns / 1e6) * height * 8)
        above = eighths > height * 8
        full, part = (height - 1, 0) if above else divmod(max(1, eighths), 8)
        for row in range(full):
            canvas.put(x + place, y + height - 1 - row, body, body_role)
        if above:
            canvas.put(x + place, y, "▲", f"{role} top")
        elif part:
            canvas.put(x + place, y + height - 1 - full, bars.eighths[part], f"{role} bar")


def draw_cursor(canvas: Canvas, x: int, y: int, height: int) -> None:
    """The column that is looked at: its bar stands out, a line above it, a cross on the strip beneath."""
    bars = glyphs.current()
    for row in range(y, y + height):
        letter, role = canvas.at(x, row)
        if role.endswith(" body") or (bars.plain and role.endswith(" bar") and letter in (bars.body_on, bars.body_off)):
            canvas.put(x, row, bars.body_cursor, "cursor body")
        elif role.endswith((" bar", " top")):
            canvas.restyle(x, row, "cursor bar")
        else:
            canvas.put(x, row, "│", "text")
    canvas.put(x, y + height, "┿", "cursor")


def draw_grid(canvas: Canvas, x: int, y: int, height: int, width: int) -> None:
    """Grid lines at the quarters, which fall on row edges when the height is a multiple of 4."""
    for quarter in (1, 2, 3):
        canvas.put(x, y + height * quarter // 4 - 1, glyphs.current().grid * width, "grid")


def draw_p95(canvas: Canvas, x: int, y: int, height: int, p95_ns: int | None, scale: Scale, on: bool) -> None:
    """The 95th percentile's mark beside the plot."""
    if p95_ns is not None:
        row = height - 1 - int(scale.share(p95_ns / 1e6) * height)
        canvas.put(x, y + max(0, row), "◂", level_role(on))


def draw_arms(canvas: Canvas, x: int, y: int, columns: Sequence[Column], cursor: int | None = None) -> None:
    """The arm strip: a run of columns of one arm is one line with its word in the middle; a gap is dots.

    The word makes way for the cursor's cross.
    """
    place = 0
    for (gap, _, on), run in groupby(columns, key=lambda c: (c.mean_ns is None, c.arm, c.on)):
        width = len(list(run))
        if gap:
            canvas.put(x + place, y, "·" * width, "faint")
        else:
            word = f" {level_role(on)} "
            canvas.put(x + place, y, ("━" if on else "╌") * width, word.strip())
            begin = place + (width - len(word)) // 2
            if cursor is not None and begin <= cursor < begin + len(word):
                begin = cursor + 1 if cursor + 1 + len(word) < place + width else cursor - len(word)
            if width >= len(word) + 2 and begin > place:
                canvas.put(x + begin, y, word, word.strip())
        place += width


def draw_times(canvas: Canvas, x: int, y: int, scale: Scale, origin_ns: int, avoid: range = range(0)) -> None:
    """Times of the session under their columns; none that would reach into the columns to avoid."""
    first = (scale.begin_ns - origin_ns) // scale.step_ns
    for place in range(scale.columns):
        column = first + place
        label = clock(column * scale.step_ns)
        free = place + len(label) < avoid.start or place >= avoid.stop
        if column and column % TICK_COLUMNS == 0 and place + len(label) < scale.columns + 2 and free:
            canvas.put(x + place, y, "╵" + label, "dim")
