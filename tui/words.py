"""Numbers and times as a person reads them. What is not known is a dash: never 0, nan or an old value."""

from __future__ import annotations

DASH, MINUS = "—", "−"


def figure(value: float | None) -> str:
    """Three significant digits: 9.87, 15.8, 104; a dash for None."""
    if value is None:
        return DASH
    for digits, bound in ((2, 9.995), (1, 99.95)):
        if value < bound:
            return f"{value:.{digits}f}"
    return f"{value:.0f}"


def milliseconds(ns: float | None) -> str:
    """Nanoseconds as milliseconds with three significant digits."""
    return figure(None if ns is None else ns / 1e6)


def rate(hertz: float | None) -> str:
    """Images per second: whole from 10 on."""
    if hertz is None:
        return DASH
    return f"{hertz:.0f}" if hertz >= 9.95 else f"{hertz:.1f}"


def change(percent: float | None) -> str:
    """A whole percentage with its sign, zero without: +27, −28, 0."""
    if percent is None:
        return DASH
    whole = round(percent)
    return f"{'+' if whole > 0 else MINUS if whole < 0 else ''}{abs(whole)}"


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
    """The text, or its beginning with a sign that more followed."""
    return text if len(text) <= room else f"{text[: max(0, room - 1)]}…"
