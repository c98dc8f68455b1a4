"""A session folded with its images as arrays: all columns of every row, piece by piece, so that an hour takes a second."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from quintet.engine.lane import Lane
from quintet.engine.protocol.events import COLUMNS, FIRST_COLUMNS, FLAG_WARM_UP
from quintet.engine.session import Session

Integers: TypeAlias = npt.NDArray[np.int64]
ABSENT = -1
"""What stands in a column that the log does not have."""
_START, _FLAGS, _WIDTH = COLUMNS.index("start"), COLUMNS.index("flags"), len(COLUMNS)


class Images(NamedTuple):
    """A lane's images in order. rows: (images, 16), columns as events.COLUMNS; arm and seq: one a row."""

    rows: Integers
    arm: Integers
    seq: Integers

    def column(self, name: str) -> Integers:
        """One column of the rows, as a view."""
        found: Integers = self.rows[:, COLUMNS.index(name)]
        return found


@dataclass
class Taken(Session):
    """A session whose lanes' `rows` stay empty: `images` has them, warm-up images among them."""

    _batches: list[tuple[int, int, int, int]] = field(default_factory=list)
    """Lane, arm, first seq and number of rows of each `samples`."""
    _numbers: array[int] = field(default_factory=lambda: array("q"))
    """All rows, one after another."""

    def _take_rows(self, lane: Lane, arm: int, first_seq: int, rows: list[list[int]]) -> tuple[int, int] | None:
        before = len(self._numbers)
        try:
            widths = set(map(len, rows))
            if widths and min(widths) < FIRST_COLUMNS:
                raise ValueError("a row is too short")
            if widths - {_WIDTH}:  # a newer version's, or an older one's
                rows = [[*row[:_WIDTH], *[ABSENT] * (_WIDTH - len(row))] for row in rows]
            first = next((row[_START] for row in rows if not row[_FLAGS] & FLAG_WARM_UP), None)
            last = next((row[_START] for row in reversed(rows) if not row[_FLAGS] & FLAG_WARM_UP), None)
            self._numbers.extend(chain.from_iterable(rows))
        except (TypeError, OverflowError) as error:
            del self._numbers[before:]
            raise ValueError("these are no rows") from error
        self._batches.append((lane.number, arm, first_seq, len(rows)))
        return None if first is None or last is None else (first, last)

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
