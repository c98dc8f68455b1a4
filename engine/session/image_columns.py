"""A lane's images as columns of running sums, so that the mean over any window of time costs two look-ups.

A screen asks for dozens of such means a second beside processes that are being timed, and an hour has 720,000 images.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, islice, pairwise
from typing import NamedTuple

from quintet.engine.protocol.events import COLUMNS, FIRST_COLUMNS, FLAG_LATE, FLAG_WARM_UP
from quintet.engine.session.membership import cycles_ns, within

OUTCOMES = ("infer", "predict", "scored", "request", "cycle")
"""infer, predict; scored = predict + score; request = load + predict; cycle = from a call's start to the next call's, an image.

Of a call of several images (`batch`) each has the whole call's load, predict and score, and its share of the cycle."""

_START, _FLAGS, _BATCH = (COLUMNS.index(name) for name in ("start", "flags", "batch"))
_SUMMED = {name: COLUMNS.index(name) for name in ("load", "infer", "predict", "score")}
_OF_THE_CALL = ("load", "score")
"""What each row has its own part of; an image of a call waits for all of it."""
CALL_MOST = 64
"""A call has at most this many images. Without a limit, rows that all say the same start would be summed again and again."""
LATEST_NS = 2**61
"""No image starts later (validation.TIME_MOST)."""
_PARTS = {"infer": ("infer",), "predict": ("predict",), "scored": ("predict", "score"), "request": ("load", "predict")}


def _longs() -> array[int]:
    return array("q")


def _sums() -> dict[str, array[int]]:
    return {name: array("q", (0,)) for name in _SUMMED}


class NewRows(NamedTuple):
    """Rows of one `samples` that can be appended: what `Rows.read` made of them."""

    count: int  # type: ignore[assignment]  # of all rows; nobody counts in this tuple
    start_ns: array[int]
    """Of the timed images."""
    late_ns: Sequence[int]
    """Of those that were late under `pace`."""
    sums: dict[str, array[int]]
    again: int
    """So many of the last sums are made anew: their call goes on here."""
    call: list[Sequence[int]]


@dataclass
class Rows:
    """Timed images of one lane in order; warm-up images are counted and left out."""

    warm_up: int = 0
    start_ns: array[int] = field(default_factory=_longs)
    arm: array[int] = field(default_factory=_longs)
    sums: dict[str, array[int]] = field(default_factory=_sums)
    """Running sums in nanoseconds; sums[name][i] is over the first i images."""
    _call: list[Sequence[int]] = field(default_factory=list, repr=False)
    """The rows of the last call, if it was of several images: it may go on in the next `samples`."""

    def __len__(self) -> int:
        return len(self.start_ns)

    def append(self, arm: int, rows: Sequence[Sequence[int]]) -> None:
        """Append rows of one arm, columns as in events.COLUMNS, whole or not at all. Raises ValueError as `read` does."""
        self.take(arm, self.read(rows))

    def read(self, rows: Sequence[Sequence[int]]) -> NewRows:
        """What these rows add; nothing is changed.

        Raises ValueError when a row is too short, a value is not an integer that can be summed, a time is negative, or
        an image starts before the one before it.
        """
        timed: Sequence[Sequence[int]]
        try:
            timed = [row for row in rows if not row[_FLAGS] & FLAG_WARM_UP]
            if not timed:
                return NewRows(len(rows), _longs(), (), {}, 0, self._call)
            if min(map(len, timed)) < FIRST_COLUMNS:
                raise ValueError("a row is too short")
            again = self._call if self._call and timed[0][_START] == self._call[-1][_START] else []
            whole = [*again, *timed] if again else timed
            moments = [row[_START] for row in timed]
            starts = array("q", moments)
            parts = {name: [row[place] for row in whole] for name, place in _SUMMED.items()}
            call = self._whole_calls(whole, parts)
            sums = {
                name: array("q", islice(accumulate(values, initial=self.sums[name][-1 - len(again)]), 1, None))
                for name, values in parts.items()
            }
            late = [row[_START] for row in timed if row[_FLAGS] & FLAG_LATE]
            negative = min(map(min, parts.values())) < 0
        except (TypeError, LookupError, OverflowError) as error:
            raise ValueError(f"these are not rows: {error}") from error
        if negative:
            raise ValueError("a time is negative")
        in_order(moments, self.start_ns[-1] if self.start_ns else 0)
        return NewRows(len(rows), starts, late, sums, len(again), call)

    def take(self, arm: int, new: NewRows) -> None:
        """Append what `read` made of the rows that follow."""
        self.warm_up += new.count - len(new.start_ns)
        self.start_ns.extend(new.start_ns)
        self.arm.extend([arm] * len(new.start_ns))
        self._call = new.call
        for name, more in new.sums.items():
            if new.again:  # a call that went on in the next `samples`
                del self.sums[name][-new.again :]
            self.sums[name].extend(more)

    @staticmethod
    def _whole_calls(rows: Sequence[Sequence[int]], parts: dict[str, list[int]]) -> list[Sequence[int]]:
        """Give every row of a call of several images the whole call's load and score; returns the last such call's rows."""
        place = 0
        while place < len(rows):
            if rows[place][_BATCH] == 1:
                place += 1
                continue
            end = place
            while end < min(len(rows), place + CALL_MOST) and rows[end][_START] == rows[place][_START]:
                end += 1
            for name in _OF_THE_CALL:
                parts[name][place:end] = [sum(parts[name][place:end])] * (end - place)
            if end == len(rows):
                return list(rows[place:])
            place = end
        return []

    def end_ns(self, index: int) -> int:
        """When an image ended: start + predict + score."""
        predict, score = self.sums["predict"], self.sums["score"]
        return self.start_ns[index] + predict[index + 1] - predict[index] + score[index + 1] - score[index]

    def span(self, begin_ns: int, end_ns: int) -> tuple[int, int]:
        """The half-open range of images that started at begin_ns or later and had ended by end_ns."""
        return within(self.start_ns, self.end_ns, begin_ns, end_ns)

    def count(self, outcome: str, first: int, last: int) -> int:
        """Of how many images `total_ns` is: all from first to last - 1; for `cycle` without the last call's."""
        return cycles_ns(self.start_ns, first, last)[1] if outcome == "cycle" else max(0, last - first)

    def total_ns(self, outcome: str, first: int, last: int) -> int:
        """The sum of an outcome over images first to last - 1; for `cycle` over the whole cycles between them."""
        if outcome == "cycle":
            return cycles_ns(self.start_ns, first, last)[0]
        return sum(self.sums[part][last] - self.sums[part][first] for part in _PARTS[outcome])

    def mean_ns(self, outcome: str, first: int, last: int) -> float | None:
        """The mean of an outcome over images first to last - 1, or None when there are none."""
        count = self.count(outcome, first, last)
        return self.total_ns(outcome, first, last) / count if count > 0 else None

    def each_ns(self, outcome: str, first: int, last: int) -> list[int]:
        """An outcome of every image from first to last - 1; for `cycle` without the last call's."""
        if outcome == "cycle":
            calls = Counter(self.start_ns[first:last])  # in order of time
            return [(after - start) // images for (start, images), after in zip(calls.items(), [*calls][1:], strict=False)
                    for _ in range(images)]  # fmt: skip
        each = [0] * (last - first)
        for part in _PARTS[outcome]:
            sums = self.sums[part][first : last + 1]
            each = [value + after - before for value, (before, after) in zip(each, pairwise(sums), strict=True)]
        return each


PERCENTILE_FLOORS = {50: 1, 90: 64, 95: 130, 99: 662}
"""Below so many images a percentile is not shown (MLPerf's early-stopping floors for the tails)."""


def in_order(starts: list[int], before_ns: int) -> None:
    """Raises ValueError unless images start in order, after one that started at before_ns."""
    if starts and (starts[0] < before_ns or starts[-1] > LATEST_NS or starts != sorted(starts)):
        raise ValueError("the images are not in order")


def percentile(values: Sequence[int], percent: int) -> int | None:
    """The nearest-rank percentile, or None below its floor of images."""
    if len(values) < PERCENTILE_FLOORS[percent]:
        return None
    ranked = sorted(values)
    return ranked[max(0, -(-len(ranked) * percent // 100) - 1)]
