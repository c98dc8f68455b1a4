"""Big digits of box lines, three rows high: the number one looks for first, readable across a room."""

from __future__ import annotations

from quintet.tui.canvas.canvas import Canvas

ROWS = 3
_DIGITS = {
    "0": ("┏━┓", "┃ ┃", "┗━┛"), "1": ("╺┓ ", " ┃ ", "╺┻╸"), "2": ("╺━┓", "┏━┛", "┗━╸"), "3": ("╺━┓", " ━┫", "╺━┛"),
    "4": ("╻ ╻", "┗━┫", "  ╹"), "5": ("┏━╸", "┗━┓", "╺━┛"), "6": ("┏━╸", "┣━┓", "┗━┛"), "7": ("╺━┓", "  ┃", "  ╹"),
    "8": ("┏━┓", "┣━┫", "┗━┛"), "9": ("┏━┓", "┗━┫", "╺━┛"), ".": (" ", " ", "."), "—": ("   ", "╺━╸", "   "),
}  # fmt: skip


def draw_number(canvas: Canvas, x: int, y: int, text: str, role: str) -> None:
    """Draw a number of digits and a point (or a dash) with its upper left corner at (x, y)."""
    for letter in text:
        glyph = _DIGITS[letter]
        for row in range(ROWS):
            canvas.put(x, y + row, glyph[row], role)
        x += len(glyph[0])
