"""The signs of the screen in two tables, one of them ASCII for terminals that are not UTF-8; chosen once at start.

All code draws with the Unicode signs; `told` turns them into the table's wherever text reaches a canvas or a panel, and a
line filter does it for Textual's own widgets, cell for cell. One sign alone needs two letters: `±` is `+-`. The same two
places are the door for text from outside: behind them everything is visible text.
"""

from __future__ import annotations

from typing import NamedTuple

from rich.cells import cell_len

from quintet.engine.visible_text import visible


class Glyphs(NamedTuple):
    """What stands for what. `ascii` maps code points to letters and is empty where nothing is to be changed."""

    eighths: str
    body_on: str
    body_off: str
    body_cursor: str
    grid: str
    ascii: dict[int, str]

    @property
    def plain(self) -> bool:
        """Whether only ASCII is used."""
        return bool(self.ascii)


def _table() -> dict[int, str]:
    """One letter a sign, written in pairs so that a mistake is seen."""
    pairs = (
        "▁_ ▂- ▃= ▄= ▅# ▆# ▇# █# ━= ═~ ●* ╌- ○o ·. ▲^ ▼v ◂< ▸> ▴^ ├[ ┤] ─- │| ┼+ ┿+ ┃| ╵' ╍~ ┌+ ┐+ └+ ┘+ ┬+ ┴+ "
        "✓+ ✖x —- –- −- ±~ →> ←< ↑^ ↓v ×x …. ≤< ≥> ‹< ›> ▏| ▎| ▌| ▐| ▔- ▕| ▀- ╭+ ╮+ ╰+ ╯+ ║| ╱/ ╲\\ •*"
    )
    return {ord(pair[0]): pair[1] for pair in pairs.split(" ")}


UNICODE = Glyphs(" ▁▂▃▄▅▆▇", " ", " ", " ", "▁", {})
NO_COLOUR = UNICODE._replace(body_cursor="│", grid=" ")
"""Without colour the cursor's bar needs a sign, and grid lines would look like bars."""
ASCII = Glyphs(" ▁▂▃▄▅▆▇", "#", ".", "|", " ", _table())

HIDDEN = "\N{REPLACEMENT CHARACTER}"

_current = UNICODE


def current() -> Glyphs:
    """The table in use."""
    return _current


def choose(glyphs: Glyphs) -> None:
    """Use this table from now on."""
    global _current  # noqa: PLW0603
    _current = glyphs


def told(text: str) -> str:
    """The text made visible, in the signs of the table in use."""
    if text.isascii() and text.isprintable():
        return text
    text = visible(text)
    return _plain(text.replace("±", "+-") if _current.ascii else text)


def cells_of(text: str) -> int:
    """How many cells a text takes once it is told."""
    shown = told(text)
    return len(shown) if shown.isascii() else cell_len(shown)


def told_in_place(text: str) -> str:
    """The same where others have laid the text out: as many cells wide as before, a mark for what would be written out."""
    if not text.isprintable() or visible(text) != text:
        text = "".join(one if visible(one) == one else HIDDEN * cell_len(one) for one in text)
    return _plain(text)


def _plain(text: str) -> str:
    if not _current.ascii or text.isascii():
        return text
    found = text.replace(" · ", " - ").translate(_current.ascii)
    return found if found.isascii() else "".join(one if one.isascii() else "?" * cell_len(one) for one in found)
