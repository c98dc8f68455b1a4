"""Numbers as a person reads them, the same on the screen and in a report. What is not known is a dash: never 0 or nan."""

from __future__ import annotations

from collections.abc import Sequence

from quintet.engine.analysis.verdicts import Contrast

DASH, MINUS = "—", "−"
NARROW_POINTS = 4
"""An interval below so many points has a decimal."""
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def figure(value: float | None) -> str:
    """Three significant digits: 9.87, 15.8, 104; a dash for None."""
    if value is None:
        return DASH
    for digits, bound in ((2, 9.995), (1, 99.95)):
        if value < bound:
            return f"{value:.{digits}f}"
    return f"{value:.0f}"


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


def count(number: int) -> str:
    """A count in words up to ten."""
    return NUMBERS[number] if 0 <= number < len(NUMBERS) else str(number)


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else ""


def times(number: int, noun: str) -> str:
    """`1 pair`, `8 pairs`."""
    return f"{number} {noun}{'s' * (number != 1)}"


def size(count_bytes: float) -> str:
    """`64 kB`, `5.6 MB`, `20 GB`; at most one decimal."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count_bytes >= factor:
            return f"{round(count_bytes / factor, 1):g} {unit}"
    return f"{count_bytes:g} bytes"
