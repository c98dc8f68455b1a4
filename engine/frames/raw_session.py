"""A session folded with its images as arrays: all columns of every row, piece by piece, so that an hour takes a second."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from quintet.engine.protocol.events import COLUMNS, FIRST_COLUMNS, FLAG_WARM_UP
from quintet.engine.session.image_columns import in_order
from quintet.engine.session.lane import Lane
from quintet.engine.session.session import Images as Event
from quintet.engine.session.session import Session

Integers: TypeAlias = npt.NDArray[np.int64]
ABSENT = -1
"""What stands in a column that the log does not have."""
_START, _FLAGS, _WIDTH = COLUMNS.index("start"), COLUMNS.index("flags"), len(COLUMNS)
_TIMES = tuple(COLUMNS.index(name) for name in ("load", "infer", "predict", "score"))
"""Columns that are summed."""


class Images(NamedTuple):
    """A lane's images in order. rows: (images, 16), columns as events.COLUMNS; arm and seq: one a row."""

    rows: Integers
    arm: Integers
    seq: Integers

    def column(self, name: str) -> Integers:
        """One column of the rows, as a view."""
        found: Integers = self.rows[:, COLUMNS.index(name)]
        return found


class _NewRows(NamedTuple):
    """The rows of one `samples`: how many, all their numbers one after another, and the starts of the timed ones."""

    count: int  # type: ignore[assignment]  # nobody counts in this tuple
    numbers: array[int]
    start_ns: array[int]


@dataclass
class Taken(Session):
    """A session whose lanes' `rows` stay empty: `images` has them, warm-up images among them."""

    _batches: list[tuple[int, int, int, int]] = field(default_factory=list)
    """Lane, arm, first seq and number of rows of each `samples`."""
    _numbers: array[int] = field(default_factory=lambda: array("q"))
    """All rows, one after another."""

    _latest_ns: dict[int, int] = field(default_factory=dict)
    """When each lane's last timed image started."""

    def _read_rows(self, lane: Lane, rows: Any) -> _NewRows:
        try:
            widths = set(map(len, rows))
            if widths and min(widths) < FIRST_COLUMNS:
                raise ValueError("a row is too short")
            if widths - {_WIDTH}:  # a newer version's, or an older one's
                rows = [[*row[:_WIDTH], *[ABSENT] * (_WIDTH - len(row))] for row in rows]
            numbers = array("q", chain.from_iterable(rows))
        except (TypeError, LookupError, OverflowError) as error:
            raise ValueError("these are not rows") from error
        starts, flags = numbers[_START::_WIDTH], numbers[_FLAGS::_WIDTH]
        if any(flag & FLAG_WARM_UP for flag in flags):
            timed = [place for place, flag in enumerate(flags) if not flag & FLAG_WARM_UP]
            numbers_of_timed = array("q", chain.from_iterable(numbers[n * _WIDTH : (n + 1) * _WIDTH] for n in timed))
            starts = array("q", [starts[place] for place in timed])
        else:
            numbers_of_timed = numbers
        in_order(starts.tolist(), self._latest_ns.get(lane.number, 0))
        if any(min(numbers_of_timed[column::_WIDTH], default=0) < 0 for column in _TIMES):
            raise ValueError("a time is negative")
        return _NewRows(len(flags), numbers, starts)

    def _take_rows(self, images: Event) -> tuple[int, int] | None:
        new: _NewRows = images.rows
        self._numbers.extend(new.numbers)
        self._batches.append((images.lane.number, images.arm, images.first_seq, new.count))
        if not new.start_ns:
            return None
        self._latest_ns[images.lane.number] = new.start_ns[-1]
        return new.start_ns[0], new.start_ns[-1]

    def images(self) -> list[Images]:
        """Every lane's images."""
        batches = np.array(self._batches, dtype=np.int64).reshape(-1, 4)
        rows = np.frombuffer(self._numbers, dtype=np.int64).reshape(-1, _WIDTH)
        counts = batches[:, 3]
        lane, arm = np.repeat(batches[:, 0], counts), np.repeat(batches[:, 1], counts)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        seq = np.repeat(batches[:, 2], counts) + within
        its = [lane == number for number in range(len(self.lanes))]
        return [Images(rows[own], arm[own], seq[own]) for own in its]


@dataclass(frozen=True)
class Wall:
    """Wall time of moments on the monotonic clock: between two `clock` events by a straight line, else the nearest's."""

    t_ns: Integers
    offset_ns: Integers

    @classmethod
    def of(cls, session: Taken) -> Wall:
        """From the session's start and its clock events."""
        start = session.start
        known = {start.t_ns: start.wall_ns} if start is not None else {0: 0}
        known.update({clock.t_ns: clock.wall_ns for clock in session.clocks})
        t_ns = np.array(sorted(known), dtype=np.int64)
        return cls(t_ns, np.array([known[int(t)] for t in t_ns], dtype=np.int64) - t_ns)

    def at(self, t_ns: Integers | Sequence[int]) -> pd.DatetimeIndex:
        """UTC times, a DatetimeIndex with nanoseconds."""
        moments = np.asarray(t_ns, dtype=np.int64)
        drift = np.interp(moments - self.t_ns[0], self.t_ns - self.t_ns[0], self.offset_ns - self.offset_ns[0])
        wall = moments + self.offset_ns[0] + drift.astype(np.int64)
        found: pd.DatetimeIndex = pd.DatetimeIndex(wall.view("datetime64[ns]")).tz_localize("UTC")
        return found
