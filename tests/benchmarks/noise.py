"""Do the numbers keep their promises under other people's noise? Folded sessions through the tool's own tables.

    python -m tests.benchmarks.noise [sessions, default 300] [noise ...]

Nothing is ever different between A and B, nor between two sessions, but in the last lines; tests/engine/test_noise.py
asserts on a short form of the same.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from math import log1p
from typing import NamedTuple
from zlib import crc32

import numpy as np

from quintet.engine.analysis.blocks import runs
from quintet.engine.analysis.contrasts import cell_means, tables
from quintet.engine.analysis.hand_flips import hand_differences
from quintet.engine.analysis.log_comparison import compared
from quintet.engine.analysis.verdicts import HAND_TUNED_TO, LESS, MORE, Contrast
from quintet.engine.plan import plan as plans
from quintet.engine.session.session import Session
from tests.benchmarks.coverage import watched
from tests.benchmarks.noise_sessions import BASE_MS, HAND_RULES, by_hand, planned, settings
from tests.benchmarks.noises import NOISES, Draw, white
from tests.making import NAMES

AB_ROUNDS, STUDY_ROUNDS, STRETCHES, SHORT_ROUNDS = 24, 9, 36, 12
"""Five minutes of A/B, a quarter of an hour of study, 12 triples of flips by hand."""
FOUND_PCT = 5.0
MOVED = ("slower", "faster", MORE, LESS)


class Count(NamedTuple):
    """How many of how many."""

    hits: int
    of: int

    @property
    def pct(self) -> float:
        """In percent; 0 of none is 0."""
        return 100 * self.hits / self.of if self.of else 0.0


class Counts:
    """Named counts."""

    def __init__(self) -> None:
        self._hits: Counter[str] = Counter()
        self._of: Counter[str] = Counter()

    def add(self, name: str, hits: Iterable[bool]) -> None:
        """Count these, each a hit or none."""
        told = list(hits)
        self._hits[name] += sum(told)
        self._of[name] += len(told)

    def __getitem__(self, name: str) -> Count:
        return Count(self._hits[name], self._of[name])


def generator(name: str, number: int) -> np.random.Generator:
    """The session's own: the same number gives the same session, however many there are."""
    return np.random.default_rng([crc32(name.encode()), number])


def a_b(draw: Draw, name: str, number: int, rounds: int = AB_ROUNDS, effect: float = 0.0) -> Session:
    """Five lanes together, accuracy on and off."""
    plan = plans.ab(NAMES, rounds=rounds, seed=number)
    return planned(plan, draw, generator(name, number), effect)


def _outside(low: float | None, high: float | None, truth: float = 0.0) -> bool:
    return low is not None and high is not None and not low <= truth <= high


def _moved(contrasts: Iterable[Contrast]) -> bool:
    return any(one.verdict in MOVED for one in contrasts)


def plans_of(name: str, sessions: int, counts: Counts) -> None:
    """Planned intervals and words at the end of an A/B and of a study, and what who watches the A/B sees."""
    draw = NOISES[name]
    for number in range(sessions):
        (table,) = tables(a_b(draw, name, number))
        counts.add("planned", (_outside(one.low_pct, one.high_pct) for one in table.lanes.values()))
        counts.add("contrast", (one.verdict in MOVED for one in table.lanes.values()))
        counts.add("table", [_moved(table.lanes.values())])
        ever, judged = watched(table.differences, table.run.planned)
        counts.add("live", (lane < ever for lane in range(len(NAMES))))
        counts.add("live table", [judged])


def studies(name: str, sessions: int, counts: Counts) -> None:
    """The eleven tables of a study, and `compare` of each with the study before it."""
    before: Session | None = None
    for number in range(sessions):
        plan = plans.study(NAMES, rounds=STUDY_ROUNDS, seed=number)
        session = planned(plan, NOISES[name], generator(f"study {name}", number))
        its = tables(session)
        counts.add("planned", (_outside(c.low_pct, c.high_pct) for table in its for c in table.lanes.values()))
        counts.add("contrast", (c.verdict in MOVED for table in its for c in table.lanes.values()))
        told = [_moved(table.lanes.values()) for table in its]
        counts.add("table", told)
        counts.add("any table", [any(told)])
        if number % 2 and before is not None:
            judge_change(before, session, counts)
        before = session


def judge_change(one: Session, other: Session, counts: Counts) -> None:
    """`compare` of two sessions that do not differ."""
    rows = compared(one, other)
    counts.add("compare", (_outside(row.low_pct, row.high_pct) for row in rows))
    counts.add("compare has", (row.low_pct is not None for row in rows))


def two(name: str, number: int) -> tuple[Session, Session]:
    """Two sessions of one noise."""
    draw, own = NOISES[name], f"compare {name}"
    return a_b(draw, own, number), a_b(draw, own, number + 1)


def two_sessions(name: str, sessions: int, counts: Counts) -> None:
    """Two sessions of one noise: `compare`, and the intervals of each session's cells."""
    for number in range(0, 2 * sessions, 2):
        pair = two(name, number)
        judge_change(*pair, counts)
        cells = [cell for session in pair for cell in cell_means(session, runs(session)[0])]
        if name.startswith(("independent", "AR", "lanes")):  # the truth is known: no noise in the mean of all time
            ends = [(cell.low and cell.low / 1e6, cell.high and cell.high / 1e6) for cell in cells]
            counts.add("cell", (_outside(low, high, BASE_MS) for low, high in ends))
        counts.add("cell has", (cell.low is not None for cell in cells))


def hands(name: str, sessions: int, counts: Counts) -> None:
    """Flips by hand, watched after every triple."""
    for number in range(sessions):
        differences = _flipped(NOISES[name], f"hand {name}", number)
        ever, judged = watched(differences, HAND_TUNED_TO, by_hand=True)
        counts.add("hand", (lane < ever for lane in range(len(NAMES))))
        counts.add("hand table", [judged])


def _flipped(draw: Draw, name: str, number: int, effect: float = 0.0) -> dict[int, list[float]]:
    session = by_hand(len(NAMES), STRETCHES, draw, generator(name, number), effect)
    return hand_differences(session, *settings(len(NAMES)), rules=HAND_RULES)


def tally(name: str, sessions: int) -> Counts:
    """Everything under one noise."""
    counts = Counts()
    plans_of(name, sessions, counts)
    two_sessions(name, sessions, counts)
    hands(name, sessions, counts)
    return counts


def found(sessions: int) -> Counts:
    """A true change of 5 % in sessions of 12 rounds with independent noise of 3 %: how often it is seen."""
    counts, effect = Counts(), log1p(FOUND_PCT / 100)
    for number in range(sessions):
        one = a_b(white, "found", number, SHORT_ROUNDS, effect)
        (table,) = tables(one)
        counts.add("planned", (_outside(c.low_pct, c.high_pct) for c in table.lanes.values()))
        counts.add("verdict", (c.verdict == "slower" for c in table.lanes.values()))
        other = a_b(white, "found too", number, SHORT_ROUNDS, 2 * effect)
        rows = [row for row in compared(one, other) if row.level == "withoutval"]
        counts.add("compare", (_outside(row.low_pct, row.high_pct) for row in rows))
        ever, _ = watched(_flipped(white, "found by hand", number, effect), HAND_TUNED_TO, by_hand=True)
        counts.add("hand", (lane < ever for lane in range(len(NAMES))))
    return counts


def _row(*cells: str | float | None) -> str:
    return f"| {' | '.join('—' if one is None else one if isinstance(one, str) else f'{one:.1f}' for one in cells)} |"


def main(sessions: int, names: Sequence[str]) -> None:
    """Print the tables of docs/method.md, for these noises."""
    began = time.perf_counter()
    print(f"{sessions} sessions a cell; percent")
    lines = []
    print(_row("plans", "A/B: covered", "contrast", "table", "ever live", "live table", "study: covered", "contrast",
               "table", "any of 11"))  # fmt: skip
    for name in names:
        ab, study = tally(name, sessions), Counts()
        studies(name, sessions, study)
        print(_row(name, 100 - ab["planned"].pct, *(ab[key].pct for key in ("contrast", "table", "live", "live table")),
                   100 - study["planned"].pct, *(study[key].pct for key in ("contrast", "table", "any table"))),
              flush=True)  # fmt: skip
        cell = ab["cell"].pct if ab["cell"].of else None
        lines.append(_row(name, ab["compare"].pct, ab["compare has"].pct, cell, ab["cell has"].pct,
                          study["compare"].pct, study["compare has"].pct, ab["hand"].pct, ab["hand table"].pct))  # fmt: skip
    print("\n" + _row("sessions, by hand", "compare A/B", "has one", "cell", "has one", "compare study", "has one",
                      "flips ever", "table ever"))  # fmt: skip
    print("\n".join(lines))
    seen = found(sessions)
    print(f"\ntrue {FOUND_PCT:g} %, independent 3 %, {SHORT_ROUNDS} rounds: planned interval without 0 "
          f"{seen['planned'].pct:.1f}, slower {seen['verdict'].pct:.1f}, compare {seen['compare'].pct:.1f}, "
          f"{SHORT_ROUNDS} triples by hand {seen['hand'].pct:.1f}")  # fmt: skip
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300, sys.argv[2:] or list(NOISES))
