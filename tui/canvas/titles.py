"""Names and titles where there is little room: a name is never lost, a title never cut so that it misleads."""

from __future__ import annotations

from collections.abc import Sequence

from quintet.engine.visible_text import visible
from quintet.tui.canvas.canvas import Canvas
from quintet.tui.canvas.text import begun, cells_of, shortened

APART = 3
"""Blank columns between a heading and what is said of it."""


def cut(name: str, room: int) -> str:
    """The name, or its beginning and end with an ellipsis between: names often differ at their ends."""
    name = visible(name)
    if cells_of(name) <= room:
        return name
    kept = max(1, room - 1)
    end = kept // 2 if kept >= 4 else 0
    return f"{begun(name, kept - end)}…{begun(name[::-1], end)[::-1]}"


def numbered(number: int, name: str, room: int) -> str:
    """The name, or the lane's number and what of the name fits after it: so no two are the same."""
    name = visible(name)
    return name if cells_of(name) <= room else f"{number + 1} {cut(name, room - len(str(number + 1)) - 1)}"


def put_title(canvas: Canvas, y: int, headings: Sequence[str], details: Sequence[str]) -> None:
    """A bright heading and the details after it, the fullest forms that fit; a short heading before the last details.

    Both begin with their fullest form. What does not fit even so ends in an ellipsis.
    """
    room = canvas.width - 2 - APART
    pairs = [(headings[0], detail) for detail in details[:-1] or details]
    pairs += [(headings[-1], detail) for detail in details]
    found = next((pair for pair in pairs if sum(map(cells_of, pair)) <= room), (headings[-1], details[-1]))
    heading, detail = found
    canvas.put(1, y, heading, "bright")
    canvas.put(1 + cells_of(heading) + APART, y, shortened(detail, room - cells_of(heading)), "dim")


def whole(text: str, room: int) -> str:
    """As many of the text's first clauses as fit; where not even one does, its beginning and an ellipsis."""
    text = visible(text)
    places = [place for place, letter in enumerate(text) if letter in ".;" and text[place + 1 : place + 2] in (" ", "")]
    ends = [place for place in places if place < room]
    if cells_of(text) <= room or not ends:
        return shortened(text, room)
    return f"{text[: ends[-1]]}."
