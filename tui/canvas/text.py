"""Numbers and times as a person reads them. What is not known is a dash: never 0, nan or an old value."""

from __future__ import annotations

from quintet.engine.analysis.formatting import DASH, MINUS, change, decimals, figure, interval, signed
from quintet.engine.visible_text import visible
from quintet.tui.theme.glyphs import cells_of

__all__ = [
    "DASH", "MINUS", "about", "begun", "cells_of", "change", "clock", "decimals", "figure", "interval", "milliseconds",
    "padded", "rate", "shortened", "signed", "size",
]  # fmt: skip


def milliseconds(ns: float | None) -> str:
    """Nanoseconds as milliseconds with three significant digits."""
    return figure(None if ns is None else ns / 1e6)


def rate(hertz: float | None) -> str:
    """Images per second: whole from 10 on."""
    if hertz is None:
        return DASH
    return f"{hertz:.0f}" if hertz >= 9.95 else f"{hertz:.1f}"


def about(ns: int) -> str:
    """A time left, rounded up and never to the second: `about 24 min`, `under a minute`."""
    minutes = -(-ns // 60_000_000_000)
    if minutes <= 1:
        return "under a minute"
    return f"about {minutes} min" if minutes < 100 else f"about {-(-minutes // 60)} h"


def clock(ns: int) -> str:
    """A time of the session: 3:12, 1:04:09."""
    seconds = max(0, ns) // 1_000_000_000
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def size(count: int) -> str:
    """Bytes in powers of ten: 9 KB, 1.2 MB."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6)):
        if count >= scale:
            return f"{figure(count / scale)} {unit}"
    return f"{count / 1e3:.0f} KB"


def shortened(text: str, room: int) -> str:
    """The text as it is shown, or its beginning with a sign that more followed."""
    text = visible(text)
    return text if cells_of(text) <= room else f"{begun(text, room - 1)}…"


def begun(text: str, room: int) -> str:
    """As much of a text's beginning as fits."""
    kept = text[: max(0, room)]
    while cells_of(kept) > room > 0:
        kept = kept[:-1]
    return kept


def padded(text: str, room: int) -> str:
    """The text filled up with blanks."""
    return text + " " * (room - cells_of(text))
