"""One part of the screen: rows of styled spans, of which only what changed is painted again.

Over a slow line every repainted cell is bytes, so a part compares cell by cell with what it last showed.
"""

from __future__ import annotations

from typing import TypeAlias

from rich.cells import cell_len
from rich.segment import Segment
from textual.containers import Horizontal
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from quintet.tui.theme.glyphs import cells_of, told
from quintet.tui.theme.palette import style

Span: TypeAlias = tuple[str, str]
"""Text and the role of its colour."""
Row: TypeAlias = list[Span]
Cell: TypeAlias = tuple[str, str]

NEAR = 8
"""Changed runs closer than this are painted as one: moving the cursor costs about as many bytes."""


MOST_JOINED = 4
"""A letter and its accents; more would be painted over the rows around it."""


class Canvas:
    """Rows of cells to write on by position; out of bounds is cut off."""

    def __init__(self, width: int, height: int, role: str = "text") -> None:
        self.width, self.height = width, height
        self.cells: list[list[Cell]] = [[(" ", role)] * width for _ in range(height)]
        self.wide = False
        """Whether a letter two cells wide was written."""

    def put(self, x: int, y: int, text: str, role: str = "text") -> None:
        """Write text from (x, y) to the right. A letter two cells wide takes an empty second cell."""
        if not 0 <= y < self.height:
            return
        row = self.cells[y]
        for letter in told(text):
            wide = 1 if letter.isascii() else cell_len(letter)
            if not wide:
                self._join(x - 1, y, letter)
            elif x >= 0 and x + wide <= self.width:
                row[x : x + wide] = [(letter, role), ("", role)][:wide]
                self.wide = self.wide or wide > 1
            x += wide

    def _join(self, x: int, y: int, mark: str) -> None:
        """An accent that stands alone joins the letter before it, unless that would change its width."""
        if 0 <= x < self.width:
            x -= self.cells[y][x][0] == ""  # the second cell of a wide letter
            letter, role = self.cells[y][x]
            if len(letter) < MOST_JOINED and cell_len(letter + mark) == cell_len(letter):
                self.cells[y][x] = (letter + mark, role)

    def at(self, x: int, y: int) -> Cell:
        """The letter and role of a cell; blank out of bounds."""
        inside = 0 <= y < self.height and 0 <= x < self.width
        return self.cells[y][x] if inside else (" ", "text")

    def restyle(self, x: int, y: int, role: str) -> None:
        """Another role for a cell, the same letter."""
        if 0 <= y < self.height and 0 <= x < self.width:
            self.cells[y][x] = (self.cells[y][x][0], role)

    def paste(self, x: int, y: int, other: Canvas) -> None:
        """Lay another canvas over this one."""
        self.wide = self.wide or other.wide
        for offset, row in enumerate(other.cells[: max(0, self.height - y)]):
            self.cells[y + offset][x : x + other.width] = row[: max(0, self.width - x)]

    def put_right(self, x: int, y: int, text: str, role: str = "text") -> None:
        """Write text so that its last letter stands at x."""
        self.put(x - cells_of(text) + 1, y, text, role)

    def put_row(self, x: int, y: int, row: Row) -> None:
        """Write spans one after another."""
        for text, role in row:
            self.put(x, y, text, role)
            x += cells_of(text)

    def band(self, x: int, y: int, width: int) -> None:
        """Put the chosen lane's ground under some cells."""
        for place in range(max(0, x), min(x + width, self.width)):
            letter, role = self.cells[y][place]
            self.cells[y][place] = (letter, f"{role}+band")

    def text(self) -> list[str]:
        """The plain characters, for tests."""
        return ["".join(letter for letter, _ in row).rstrip() for row in self.cells]


class Slice(Widget):
    """A few columns of a part. `show` paints what differs from the last cells and nothing else."""

    can_focus = False

    def __init__(self, width: int) -> None:
        super().__init__()
        self.styles.width = width
        self._cells: list[list[Cell]] = []

    def show(self, cells: list[list[Cell]]) -> None:
        """Show these cells from now on."""
        before, self._cells = self._cells, cells
        if [*map(len, before)] != [*map(len, cells)]:
            self.refresh()
            return
        regions = [
            Region(begin, y, end - begin, 1)
            for y, (old, new) in enumerate(zip(before, cells, strict=True))
            if old != new
            for begin, end in changed_runs(old, new)
        ]
        if regions:
            self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        """One row as a strip; runs of one role become one segment."""
        width = self.size.width
        if y >= len(self._cells):
            return Strip.blank(width, style("text"))
        segments, run, role = [], "", ""
        for letter, letter_role in self._cells[y]:
            if letter_role != role and run:
                segments.append(Segment(run, style(role)))
                run = ""
            role, run = letter_role, run + letter
        segments.append(Segment(run, style(role or "text")))
        return Strip(segments).adjust_cell_length(width, style("text"))


class Part(Horizontal):
    """Shows a canvas in slices of some columns.

    Textual paints a changed row from the left edge of its widget to the change, so narrow widgets are fewer bytes: with
    five lanes on a pty 2.3 KiB/s, against 12 with one widget a part (docs/benchmarks.md).
    """

    can_focus = False

    def __init__(self, *, id: str, slice_width: int = 40) -> None:
        super().__init__(id=id)
        self._slice_width = slice_width
        self._slices: list[Slice] = []

    def show(self, canvas: Canvas) -> None:
        """Show these cells from now on."""
        wide = self._slice_width
        needed = -(-canvas.width // wide)
        fresh = [Slice(wide) for _ in range(needed - len(self._slices))]
        if fresh:
            self._slices += fresh
            self.mount(*fresh)
        for place, piece in enumerate(self._slices):
            if piece.display != (place < needed):
                piece.display = place < needed
            if place < needed:
                cells = [row[place * wide : (place + 1) * wide] for row in canvas.cells]
                piece.show([*map(whole, cells)] if canvas.wide else cells)


def whole(row: list[Cell]) -> list[Cell]:
    """A row with a blank for each half of a wide letter whose other half was cut off or written over."""
    made: list[Cell] = []
    half = False
    for place, (letter, role) in enumerate(row):
        wide = not letter.isascii() and cell_len(letter) > 1
        alone = (letter == "" and not half) or (wide and (place + 1 == len(row) or row[place + 1][0] != ""))
        made.append((" " if alone else letter, role))
        half = wide and not alone
    return made


def changed_runs(old: list[Cell], new: list[Cell]) -> list[tuple[int, int]]:
    """Half-open runs of columns in which two rows differ, near ones joined."""
    runs: list[tuple[int, int]] = []
    for place, (before, after) in enumerate(zip(old, new, strict=True)):
        if before == after:
            continue
        if runs and place - runs[-1][1] < NEAR:
            runs[-1] = (runs[-1][0], place + 1)
        else:
            runs.append((place, place + 1))
    return runs
