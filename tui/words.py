"""Numbers and times as a person reads them. What is not known is a dash: never 0, nan or an old value."""

from __future__ import annotations

from quintet.engine.verdicts import Contrast

DASH, MINUS = "—", "−"
NARROW_POINTS = 4
"""An interval below so many points has a decimal."""


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


def change(percent: float | None, contrast: Contrast | None = None) -> str:
    """A percentage with its sign, zero without: +27, −28, 0; one decimal where its interval is under 4 points wide."""
    return DASH if percent is None else signed(percent, decimals(contrast))


def decimals(contrast: Contrast | None) -> int:
    """How many decimals an interval has earned."""
    if contrast is None or contrast.low_pct is None or contrast.high_pct is None:
        return 0
    return int(contrast.high_pct - contrast.low_pct < NARROW_POINTS)


def signed(percent: float, digits: int) -> str:
    """A number with a real minus sign; zero has none."""
    text = f"{abs(percent):.{digits}f}"
    sign = "" if not float(text) else "+" if percent > 0 else MINUS
    return sign + text


def interval(contrast: Contrast | None) -> str:
    """`−33 .. −22` in its change's digits, or a dash."""
    if contrast is None or contrast.low_pct is None or contrast.high_pct is None:
        return DASH
    digits = decimals(contrast)
    return f"{signed(contrast.low_pct, digits)} .. {signed(contrast.high_pct, digits)}"


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
