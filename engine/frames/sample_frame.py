"""The frame of images, and what each belongs to: a setting, its burn-in, a planned block. All by the image's own clock.

The same rules as stretches.measured and blocks.span, through belonging.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from quintet.engine.analysis.blocks import counted_among
from quintet.engine.frames.raw_session import ABSENT, Images, Integers, Taken, Wall
from quintet.engine.frames.schema import TASKS, TIMES, coded, frame
from quintet.engine.protocol.events import FLAG_FIRST_PASS, FLAG_LATE, FLAG_SCORED, FLAG_WARM_UP
from quintet.engine.protocol.switches import MODES
from quintet.engine.session.membership import after_burn_in, within
from quintet.engine.session.session import Block
from quintet.engine.session.settings import Rules, Setting, Stretch, regime_of

NONE = -1
MAY_BE_ABSENT = ("cpu", "value", "keep")
"""Columns that not every log has."""


@dataclass(frozen=True)
class Settings:
    """The stretches of a session, and its settings numbered in order of their first stretch."""

    stretches: list[Stretch]
    numbers: dict[Setting, int]
    regimes: list[str]
    """One a setting."""

    @classmethod
    def of(cls, session: Taken, found: list[Stretch]) -> Settings:
        """Number the settings of these stretches."""
        numbers: dict[Setting, int] = {}
        for stretch in found:
            numbers.setdefault(stretch.setting, len(numbers))
        return cls(found, numbers, [regime_of(session, setting) for setting in numbers])


class Belonging:
    """Of each image of a lane in order: its stretch's and its block's number or NONE, whether burn-in, and its cycle."""

    def __init__(self, images: Images) -> None:
        self._timed = np.flatnonzero((images.column("flags") & FLAG_WARM_UP) == 0)
        self._starts: Any = images.column("start")[self._timed]
        calls, of_call = np.unique(self._starts, return_inverse=True)
        score = np.bincount(of_call, images.column("score")[self._timed], len(calls)).astype(np.int64)[of_call]
        self._ends: Any = self._starts + images.column("predict")[self._timed] + score
        count = len(images.rows)
        self.stretch = np.full(count, NONE, np.int64)
        self.block = np.full(count, NONE, np.int64)
        self.burn_in = np.zeros(count, bool)
        self.cycle_ns = np.full(count, np.nan)

    def take_stretch(self, number: int, stretch: Stretch, until_ns: int, rules: Rules) -> None:
        """The images of a stretch in which this lane is active; the rules of stretches.measured."""
        end_ns = until_ns if stretch.end_ns is None else min(until_ns, stretch.end_ns)
        first, last = self._span(stretch.begin_ns, end_ns)
        burn_in = rules.burn_in_ns, rules.burn_in_images
        counts, _ = after_burn_in(self._starts, self._ends.__getitem__, stretch.begin_ns, end_ns, *burn_in)
        self.stretch[self._timed[first:last]] = number
        self.burn_in[self._timed[first:counts]] = True
        calls, images = np.unique(self._starts[counts:last], return_counts=True)
        each = np.repeat(np.diff(calls) / images[:-1], images[:-1])
        self.cycle_ns[self._timed[counts : counts + len(each)]] = each

    def take_block(self, block: Block, rules: Rules) -> None:
        """The images of a planned block's measured part."""
        burn_in_ns = block.start.burn_in_ns if rules.planned_burn_in_ns is None else rules.planned_burn_in_ns
        if block.end is not None:
            first, last = self._span(block.start.started_ns + burn_in_ns, block.end.t_ns)
            self.block[self._timed[first:last]] = block.start.block

    def _span(self, begin_ns: int, end_ns: int) -> tuple[int, int]:
        return within(self._starts, self._ends.__getitem__, begin_ns, end_ns)


def belonging(session: Taken, number: int, images: Images, settings: Settings, rules: Rules) -> Belonging:
    """What the images of one lane belong to."""
    found = Belonging(images)
    for place, stretch in enumerate(settings.stretches):
        if number in stretch.setting.lanes:
            found.take_stretch(place, stretch, session.last_ns, rules)
    for place in counting(session):
        block = session.blocks[place]
        if number in block.cell.lanes:
            found.take_block(block, rules)
    return found


def counting(session: Taken) -> list[int]:
    """The places in session.blocks of those that count, by the rules of blocks.counted."""
    return [one.place for one in counted_among(session, range(len(session.blocks)))]


def samples(
    session: Taken, images: list[Images], settings: Settings, wall: Wall, rules: Rules, names: list[str]
) -> pd.DataFrame:
    """The frame `samples` of columns.SCHEMA: lane after lane, each in order."""
    belong = [belonging(session, number, its, settings, rules) for number, its in enumerate(images)]
    lane = np.repeat(np.arange(len(images)), [len(its.rows) for its in images])
    stretch = _joined([its.stretch for its in belong])
    setting_of = np.array([settings.numbers[one.setting] for one in settings.stretches] + [NONE], np.int64)
    setting = setting_of[stretch]
    burn_in = np.concatenate([its.burn_in for its in belong] or [np.empty(0, bool)])
    start_ns, flags = _column(images, "start"), _column(images, "flags")
    columns: dict[str, Any] = {
        "lane": coded(lane, names),
        "task": _categories(lane, [str(one.task) for one in session.lanes], TASKS),
        "seq": _joined([its.seq for its in images]), "arm": _joined([its.arm for its in images]),
        "setting": _maybe(setting), "stretch": _maybe(stretch),
        "mode": _categories(setting, [one.mode for one in settings.numbers], tuple(MODES)),
        "regime": _categories(setting, settings.regimes, tuple(dict.fromkeys(settings.regimes))),
        "block": _maybe(_joined([its.block for its in belong])),
        "burn_in": burn_in, "counts": (setting != NONE) & ~burn_in,
        "warm_up": (flags & FLAG_WARM_UP) > 0, "first_pass": (flags & FLAG_FIRST_PASS) > 0,
        "scored": (flags & FLAG_SCORED) > 0, "late": (flags & FLAG_LATE) > 0,
        "t_s": (start_ns - session.origin_ns) / 1e9, "wall": wall.at(start_ns), "start_ns": start_ns,
        **{name: _milliseconds(_column(images, name), name) for name in TIMES},
        "cycle": np.concatenate([its.cycle_ns for its in belong] or [np.empty(0)]) / 1e6,
        **{name: _column(images, name) for name in ("image", "batch", "detections")},
    }  # fmt: skip
    return frame("samples", columns, names)


def _joined(parts: list[Integers]) -> Integers:
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def _column(images: list[Images], name: str) -> Integers:
    return _joined([its.column(name) for its in images])


def _milliseconds(nanoseconds: Integers, name: str) -> Any:
    """A column in milliseconds; NaN where the log does not have it, or CPU time was not read."""
    absent = nanoseconds == (0 if name == "cpu" else ABSENT)
    return np.where(absent, np.nan, nanoseconds / 1e6) if name in MAY_BE_ABSENT else nanoseconds / 1e6


def _maybe(numbers: Integers) -> Any:
    """Whole numbers, missing where they are NONE."""
    return pd.arrays.IntegerArray(np.maximum(numbers, 0), numbers == NONE)


def _categories(numbers: Integers, words: list[Any], known: tuple[str, ...]) -> pd.Categorical[Any]:
    """words[number] of every number, as a category; NONE and a word None are missing."""
    every = tuple(dict.fromkeys((*known, *(word for word in words if word is not None))))
    codes = np.array([-1 if word is None else every.index(word) for word in words] + [-1], np.int64)
    return coded(codes[numbers], every)
