"""Putting a frame's canvases on the widgets of the screen."""

from __future__ import annotations

from collections.abc import Callable

from quintet.tui.canvas.canvas import Canvas, Part
from quintet.tui.scene.layout import PARTS


def place(query: Callable[[str], Part | None], by_part: dict[str, Canvas]) -> None:
    """Give every part its rows and what it shows; parts without any take no room."""
    for name in PARTS:
        part = query(name)
        if part is None:  # the screen is being taken down
            return
        canvas = by_part.get(name)
        rows = canvas.height if canvas is not None else 0
        if part.styles.height is None or part.styles.height.value != rows:
            part.styles.height = rows
        if part.display != (rows > 0):
            part.display = rows > 0
        if canvas is not None and rows:
            part.show(canvas)
