"""What else used the machine while a session measured: other programs' cores, and other quintet sessions. Pure.

Other programs' cores are the machine's busy cores less those of this session's processes, from telemetry. A machine that
others use gives other numbers, so what they took in the blocks of a comparison stands beside its verdict.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

from quintet.engine.analysis.blocks import Run, counted
from quintet.engine.analysis.contrasts import Table, visits
from quintet.engine.analysis.flip_table import unplanned
from quintet.engine.session.session import Session
from quintet.engine.session.settings import RULES, Rules, Setting

NOTABLE_CORES = 0.2
"""Above it, as the mean over a block, other programs are named."""
MARK = "!"
"""Stands beside a verdict that other programs may have moved."""


class _Timeline:
    """Running sums over time of others' core-nanoseconds and of the time that they are known for, worked out once."""

    def __init__(self) -> None:
        self.times_ns: list[int] = []
        self.used: list[float] = []
        self.known: list[float] = []
        self._taken = 0
        self._pids: set[int | None] = set()
        self._screens: dict[int | None, int] = {}

    def follow(self, session: Session, cpus: int) -> None:
        """Take the readings that came since."""
        for event in session.telemetry[self._taken :]:
            pids = {one.get("pid") for one in event.values.get("processes") or ()}
            screens = {one.get("pid"): one.get("cpu_ns") or 0 for one in event.values.get("screens") or ()}
            if self.times_ns and event.asked_ns <= self.times_ns[-1]:
                continue
            past_ns = event.asked_ns - self.times_ns[-1] if self.times_ns else 0
            # a process's first reading is 0, so a second in which one came is not known
            whole = past_ns and pids <= self._pids and screens.keys() <= self._screens.keys()
            cores = _cores(event.values, cpus) if whole else None
            if cores is not None:
                cores -= sum(max(0, cpu_ns - self._screens[pid]) for pid, cpu_ns in screens.items()) / past_ns
            self.used.append((self.used[-1] if self.used else 0.0) + (cores or 0.0) * past_ns)
            self.known.append((self.known[-1] if self.known else 0.0) + past_ns * (cores is not None))
            self.times_ns.append(event.asked_ns)
            self._pids, self._screens = pids, screens
        self._taken = len(session.telemetry)

    def mean(self, begin_ns: int, end_ns: int) -> float | None:
        """The mean over a time, None where less than half of it is known."""
        used, known = (self._at(sums, end_ns) - self._at(sums, begin_ns) for sums in (self.used, self.known))
        return max(0.0, used / known) if known > 0 and known >= (end_ns - begin_ns) / 2 else None

    def _at(self, sums: list[float], t_ns: int) -> float:
        """A running sum at a time, on a straight line between two readings."""
        place = bisect_right(self.times_ns, t_ns)
        if place == 0 or place == len(sums):
            return sums[place - 1] if place else 0.0
        begin_ns, end_ns = self.times_ns[place - 1], self.times_ns[place]
        return sums[place - 1] + (sums[place] - sums[place - 1]) * (t_ns - begin_ns) / (end_ns - begin_ns)


def cpus(session: Session) -> int | None:
    """How many cores the machine has, where the log tells it."""
    host = session.start.manifest.get("host") if session.start is not None else None
    count: int | None = (host or {}).get("cpus")
    return count


def cores(session: Session, begin_ns: int, end_ns: int) -> float | None:
    """How many cores other programs used in the mean over a time; None where telemetry does not tell it."""
    count = cpus(session)
    if count is None or end_ns <= begin_ns:
        return None
    timeline = session.memo.setdefault("others", _Timeline())
    timeline.follow(session, count)
    found: float | None = timeline.mean(begin_ns, end_ns)
    return found


def of_blocks(session: Session, places: Iterable[int], rules: Rules = RULES) -> float | None:
    """The most that others used in the measured part of any of these blocks, as the mean over that block."""
    found = []
    for place in places:
        block = session.blocks[place]
        burn_in_ns = block.start.burn_in_ns if rules.planned_burn_in_ns is None else rules.planned_burn_in_ns
        if block.end is not None:
            found.append(cores(session, block.start.started_ns + burn_in_ns, block.end.t_ns))
    return max((one for one in found if one is not None), default=None)


def of_run(session: Session, run: Run, until_ns: int | None = None) -> float | None:
    """The same of every block of a plan that counts."""
    return of_blocks(session, [visit.place for visit in counted(session, run, until_ns)])


def of_table(session: Session, table: Table, until_ns: int | None = None, rules: Rules = RULES) -> dict[int, float]:
    """The same of each lane's contrast in a table; a lane of which nothing is known is left out."""
    found: dict[int, float] = {}
    for lane in table.lanes:
        places = [visit.place for its in visits(session, table, lane, until_ns).values() for visit in its]
        most = of_blocks(session, places, rules)
        if most is not None:
            found[lane] = most
    return found


def by_hand(session: Session, a: Setting, b: Setting, until_ns: int, rules: Rules = RULES) -> float | None:
    """The same of the stretches of two settings that were flipped by hand."""
    found = [
        cores(session, stretch.begin_ns + rules.burn_in_ns, until_ns if stretch.end_ns is None else stretch.end_ns)
        for stretch in unplanned(session, until_ns, rules)
        if stretch.setting in (a, b)
    ]
    return max((one for one in found if one is not None), default=None)


def notable(cores: float | None) -> bool:
    """Whether others used so much that it is told."""
    return cores is not None and cores > NOTABLE_CORES


def words(session: Session, cores: float) -> str:
    """`other programs used up to 1.1 of 2 cores`."""
    count = cpus(session)
    return f"other programs used up to {cores:.1f}{f' of {count}' if count else ''} cores"


def sessions(session: Session, until_ns: int | None = None) -> list[str]:
    """The other quintet sessions that were seen to live on the machine, each once, as known then."""
    at_start = session.start.manifest.get("other_sessions") if session.start else None
    found: dict[str, None] = dict.fromkeys(at_start or ())
    for event in session.telemetry:
        if until_ns is None or event.t_ns <= until_ns:
            found.update(dict.fromkeys(event.values.get("other_sessions") or ()))
    return list(found)


def asked_again(session: Session) -> bool:
    """Whether the log tells of other sessions after the start too: logs before 0.2.0 do not."""
    return any("other_sessions" in event.values for event in session.telemetry)


def _cores(values: dict[str, Any], cpus: int) -> float | None:
    busy: float | None = (values.get("machine") or {}).get("cpu_pct")
    processes = values.get("processes")
    if busy is None or processes is None:
        return None
    own = sum(one.get("cpu_pct") or 0 for one in processes)
    return float(busy * cpus - own) / 100
