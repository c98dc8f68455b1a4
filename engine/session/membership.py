"""Which images belong to a span of time, and what a cycle is. One place for running sums and for arrays. Pure.

Images are given by their starts in order; those of one call (`batch` above 1) share a start and end together. Starts are
any sequence that can be bisected: an array of the standard library or of numpy.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence

Starts = Sequence[int]
EndOf = Callable[[int], int]
"""When the image at a place ended: its call's start + predict + all its scoring, in nanoseconds."""


def within(starts: Starts, end_of: EndOf, begin_ns: int, end_ns: int) -> tuple[int, int]:
    """The half-open range of images that started at begin_ns or later and had ended by end_ns."""
    first = bisect_left(starts, begin_ns)
    last = bisect_left(starts, end_ns, lo=first)
    while last > first and end_of(last - 1) > end_ns:
        last -= 1
    return first, last


def after_burn_in(
    starts: Starts, end_of: EndOf, begin_ns: int, end_ns: int, burn_in_ns: int, burn_in_images: int
) -> tuple[int, int]:
    """The range of images of a stretch that count: those within it, less the ones in its burn-in."""
    begin, last = within(starts, end_of, begin_ns, end_ns)
    first = max(bisect_left(starts, begin_ns + burn_in_ns), bisect_left(starts, begin_ns) + burn_in_images)
    if 0 < first < len(starts):
        first = bisect_left(starts, starts[first - 1] + 1) if starts[first] == starts[first - 1] else first
    return (first, last) if begin <= first < last else (last, last)


def last_call(starts: Starts, first: int, last: int) -> int:
    """Where the last call of a range of images begins; `first` for an empty range."""
    return bisect_left(starts, starts[last - 1], lo=first, hi=last) if last > first else first


def cycles_ns(starts: Starts, first: int, last: int) -> tuple[int, int]:
    """The sum of the whole cycles in a range, and how many images they are of.

    A cycle goes from a call's start to the next call's start and is of all the call's images; the range's last call has none.
    """
    begins = last_call(starts, first, last)
    return (int(starts[begins] - starts[first]), begins - first) if begins > first else (0, 0)
