"""A lane's images as columns of running sums, so that the mean over any window of time costs two look-ups.

A screen asks for dozens of such means a second beside processes that are being timed, and an hour has 720,000 images.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, islice, pairwise

from quintet.engine.events import COLUMNS, FLAG_WARM_UP

OUTCOMES = ("infer", "predict", "scored", "request", "cycle")
"""infer, predict; scored = predict + score; request = load + predict; cycle = start to start."""

_START, _FLAGS = COLUMNS.index("start"), COLUMNS.index("flags")
_SUMMED = {name: COLUMNS.index(name) for name in ("load", "infer", "predict", "score")}
_PARTS = {"infer": ("infer",), "predict": ("predict",), "scored": ("predict", "score"), "request": ("load", "predict")}


def _longs() -> array[int]:
    return array("q")


def _sums() -> dict[str, array[int]]:
    return {name: array("q", (0,)) for name in _SUMMED}


@dataclass
class Rows:
    """Timed images of one lane in order; warm-up images are counted and left out."""

    warm_up: int = 0
    start_ns: array[int] = field(default_factory=_longs)
    arm: array[int] = field(default_factory=_longs)
    sums: dict[str, array[int]] = field(default_factory=_sums)
    """Running sums in nanoseconds; sums[name][i] is over the first i images."""

    def __len__(self) -> int:
        return len(self.start_ns)

    def append(self, arm: int, rows: Sequence[Sequence[int]]) -> None:
        """Append rows of one arm, columns as in events.COLUMNS, whole or not at all.

        Raises ValueError when a row is too short or a number is none that can be summed.
        """
        try:
            timed = [row for row in rows if not row[_FLAGS] & FLAG_WARM_UP]
            columns = list(zip(*timed, strict=True))
            starts = array("q", columns[_START] if timed else ())
            sums = {
                name: array("q", islice(accumulate(columns[place], initial=self.sums[name][-1]), 1, None))
                for name, place in _SUMMED.items()
                if timed
            }
            if timed and len(columns) < len(COLUMNS):
                raise ValueError("a row is too short")
        except (TypeError, LookupError, OverflowError) as error:
            raise ValueError(f"these are no rows: {error}") from error
        self.warm_up += len(rows) - len(timed)
        self.start_ns.extend(starts)
        self.arm.extend([arm] * len(starts))
        for name, more in sums.items():
            self.sums[name].extend(more)

    def end_ns(self, index: int) -> int:
        """When an image ended: start + predict + score."""
        predict, score = self.sums["predict"], self.sums["score"]
        return self.start_ns[index] + predict[index + 1] - predict[index] + score[index + 1] - score[index]

    def span(self, begin_ns: int, end_ns: int) -> tuple[int, int]:
        """The half-open range of images that started at begin_ns or later and had ended by end_ns."""
        first = bisect_left(self.start_ns, begin_ns)
        last = bisect_left(self.start_ns, end_ns, lo=first)
        while last > first and self.end_ns(last - 1) > end_ns:
            last -= 1
        return first, last

    def total_ns(self, outcome: str, first: int, last: int) -> int:
        """The sum of an outcome over images first to last - 1; for `cycle` over the last - first - 1 whole cycles."""
        if outcome == "cycle":
            return self.start_ns[last - 1] - self.start_ns[first] if last - first > 1 else 0
        return sum(self.sums[part][last] - self.sums[part][first] for part in _PARTS[outcome])

    def mean_ns(self, outcome: str, first: int, last: int) -> float | None:
        """The mean of an outcome over images first to last - 1, or None when there are none."""
        count = last - first - (outcome == "cycle")
        return self.total_ns(outcome, first, last) / count if count > 0 else None

    def each_ns(self, outcome: str, first: int, last: int) -> list[int]:
        """An outcome of every image from first to last - 1; for `cycle` one fewer."""
        if outcome == "cycle":
            starts = self.start_ns[first:last]
            return [after - before for before, after in pairwise(starts)]
        each = [0] * (last - first)
        for part in _PARTS[outcome]:
            sums = self.sums[part][first : last + 1]
            each = [value + after - before for value, (before, after) in zip(each, pairwise(sums), strict=True)]
        return each


PERCENTILE_FLOORS = {50: 1, 90: 64, 95: 130, 99: 662}
"""Below so many images a percentile is not shown (MLPerf's early-stopping floors for the tails)."""


def percentile(values: Sequence[int], percent: int) -> int | None:
    """The nearest-rank percentile, or None below its floor of images."""
    if len(values) < PERCENTILE_FLOORS[percent]:
        return None
    ranked = sorted(values)
    return ranked[max(0, -(-len(ranked) * percent // 100) - 1)]
