"""Do the statistics keep their promises? Many simulated sessions of five minutes, each through plan, stepping, fold, tables.

    python -m tests.benchmarks.coverage [sessions, default 500]

Prints shares in percent; tests/engine/test_acceptance.py asserts on a short form of the same. All noise of
engine/plan/simulated_machine.py is on: heat, wander, images that resemble their neighbours, spikes, carry-over.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from math import log
from random import Random
from statistics import fmean
from typing import NamedTuple

from quintet.engine.analysis import statistics, verdicts
from quintet.engine.analysis.blocks import runs, span
from quintet.engine.analysis.contrasts import lamp, tables
from quintet.engine.analysis.hand_flips import hand_differences
from quintet.engine.analysis.statistics import LIVE_FROM
from quintet.engine.analysis.verdicts import HAND_TUNED_TO, Watch
from quintet.engine.plan.plan import Plan, ab
from quintet.engine.plan.simulated_machine import Machine, services
from quintet.engine.plan.simulation import manifest, rehearse
from quintet.engine.protocol import events as ev
from quintet.engine.protocol import switches
from quintet.engine.protocol.events import Levels
from quintet.engine.session.session import Session
from quintet.engine.session.settings import setting_of
from tests.true_effects import true_effects

KINDS = {cls: kind for kind, cls in ev.JOURNAL.items()}
FIVE = ("cls", "detect", "pose", "seg", "obb")
OFF: Levels = switches.changed(switches.starting_levels(1), {"mode": "withoutval"})
MINUTES = 5.0


class Tally(NamedTuple):
    """Counts over sessions; a contrast is one lane of one session."""

    sessions: int
    contrasts: int
    covered: int
    """Planned 95 % intervals that hold the truth."""
    excluded: int
    """Planned 95 % intervals that leave 0."""
    ever_live: int
    """Contrasts whose live 95 % interval left 0 after some round."""
    live_verdicts: int
    """Sessions with a live `slower` or `faster` after some round."""
    verdicts: int
    """Sessions with a planned `slower` or `faster`."""
    lamps: int
    """Sessions whose placebo lamp was on at the end."""
    halves_pct: tuple[float, ...]
    """Mean half-width of the planned intervals, a lane."""

    def pct(self, count: int) -> float:
        """A count of contrasts in percent."""
        return 100 * count / self.contrasts


def session_of(plan: Plan, machine: Machine) -> Session:
    """The folded session of a rehearsal."""
    session = Session()
    session.fold([KINDS[type(frame)], *frame] for frame in rehearse(plan, machine))
    return session


def tally(
    sessions: int, service_ms: Sequence[float], truth_pct: Sequence[float], switch: str = "sync",
    levels: tuple[str, str] = ("each", "none"), effect: float = 1.0, first_seed: int = 0, start: Levels | None = None,
) -> Tally:  # fmt: skip
    """Five-minute `ab` sessions. truth_pct: each lane's true change; effect multiplies the service at the second level."""
    names = [FIVE[lane] for lane in range(len(service_ms))]
    counts = dict.fromkeys(("covered", "excluded", "ever_live", "live_verdicts", "verdicts", "lamps"), 0)
    halves: list[list[float]] = [[] for _ in names]
    for seed in range(first_seed, first_seed + sessions):
        home = None if start is None else [start] * len(names)
        machine = Machine(service_ms, home, seed=seed, effects={(switch, levels[1]): effect})
        plan = ab(names, switch=switch, levels=levels, minutes=MINUTES, seed=seed)
        session = session_of(plan, machine)
        (table,) = tables(session)
        for lane, contrast in table.lanes.items():
            low, high = contrast.low_pct or 0.0, contrast.high_pct or 0.0
            assert contrast.interval == "planned"
            counts["covered"] += low <= truth_pct[lane] <= high
            counts["excluded"] += not low <= 0 <= high
            halves[lane].append((high - low) / 2)
        ever, judged = watched(table.differences, table.run.planned)
        counts["ever_live"] += ever
        counts["live_verdicts"] += judged
        counts["verdicts"] += any(c.verdict in ("slower", "faster") for c in table.lanes.values())
        counts["lamps"] += lamp(session, runs(session)[0]).state == "on"
    return Tally(sessions, sessions * len(names), **counts, halves_pct=tuple(fmean(half) for half in halves))


def watched(differences: dict[int, list[float]], planned: int, *, by_hand: bool = False) -> tuple[int, bool]:
    """Who looks after every round from the first live one on: in how many lanes the interval ever left 0, and whether
    there ever was a `slower` or `faster` in the table."""
    watch = Watch(planned, by_hand=by_hand)
    ever: set[int] = set()
    judged = False
    for n in range(LIVE_FROM, max(map(len, differences.values())) + 1):
        seen = verdicts.table({lane: found[:n] for lane, found in differences.items()}, watch)
        for lane, contrast in seen.items():
            if contrast.interval and not (contrast.low_pct or 0) <= 0 <= (contrast.high_pct or 0):
                ever.add(lane)
            judged |= contrast.verdict in ("slower", "faster")
    return len(ever), judged


def by_hand(sessions: int, service_ms: Sequence[float], first_seed: int = 0) -> tuple[int, int, int]:
    """No effect, a person flips `sync` back and forth 36 times, 5 to 12 s apart: (contrasts whose exploratory interval
    ever left 0, sessions with a `slower` or `faster` ever, contrasts)."""
    ever = judged = 0
    lanes = range(len(service_ms))
    each = setting_of(dict.fromkeys(lanes, OFF))
    none = setting_of(dict.fromkeys(lanes, switches.changed(OFF, {"sync": "none"})))
    for seed in range(first_seed, first_seed + sessions):
        differences = hand_differences(flipped(service_ms, seed), each, none)
        found, said = watched(differences, HAND_TUNED_TO, by_hand=True)
        ever += found
        judged += said
    return ever, judged, sessions * len(service_ms)


def flipped(service_ms: Sequence[float], seed: int) -> Session:
    """A session of flips by hand."""
    rng = Random(f"hand {seed}")
    lanes = range(len(service_ms))
    machine = Machine(service_ms, [OFF] * len(service_ms), seed=seed)
    frames: list[ev.Frame] = [ev.Start(ev.FORMAT, 0, 0, manifest([FIVE[lane] for lane in lanes])), *machine.begin()]
    frames += [ev.Ready(lane, 0, 0, {}) for lane in lanes]
    for lane in lanes:
        machine.gate(lane, True, 0)
    now = 0
    for flip in range(1, 37):
        now += round(rng.uniform(5, 12) * 1e9)
        frames += machine.advance(now)
        for lane in lanes:
            machine.set(lane, {"sync": ("each", "none")[flip % 2]}, now)
    session = Session()
    session.fold([KINDS[type(frame)], *frame] for frame in [*frames, *machine.advance(now)])
    return session


def naive_coverage(sessions: int, service_ms: float) -> float:
    """What everyone does: A for half of the time, then B, and Welch's interval over images. Percent that hold the truth
    (no effect), for comparison: this is what must fail."""
    covered = 0
    for seed in range(sessions):
        machine = Machine([service_ms], [OFF], seed=seed)
        machine.gate(0, True, 0)
        logs: list[list[float]] = [[], []]
        for half in (0, 1):
            machine.set(0, {"sync": ("each", "none")[half]}, half * 150_000_000_000)
            frames = machine.advance((half + 1) * 150_000_000_000)
            logs[half] += [log(row[7]) for f in frames if isinstance(f, ev.Samples) for row in f.rows]
        a, b = (statistics.moments(one) for one in logs)
        covered += abs(b.mean - a.mean) <= 1.96 * (a.se**2 + b.se**2) ** 0.5
    return 100 * covered / sessions


def images_per_block(session: Session) -> float:
    """The mean number of measured images of lane 0 in a block that counts."""
    places = [place for place, block in enumerate(session.blocks) if block.counts]
    return fmean(after - before for before, after in (span(session, place, 0) for place in places))


def _line(name: str, t: Tally) -> str:
    halves = " ".join(f"{half:.1f}" for half in t.halves_pct)
    return (
        f"{name:44} {t.pct(t.covered):7.1f} {t.pct(t.excluded):9.1f} {t.pct(t.ever_live):10.1f} "
        f"{100 * t.live_verdicts / t.sessions:9.1f} {100 * t.verdicts / t.sessions:9.1f} "
        f"{100 * t.lamps / t.sessions:6.1f}   ±{halves}"
    )


def main(sessions: int) -> None:
    """Print the table of docs/method.md."""
    began = time.perf_counter()
    five = services(FIVE)
    print(f"{sessions} sessions of {MINUTES:g} minutes a line; percent; half-widths in percent, a lane")
    print(f"{'':44} {'covered':>7} {'excluded':>9} {'ever live':>10} {'live verd':>9} {'verdicts':>9} {'lamp':>6}")
    for rate, effect_pct in ((8, 0), (8, 4), (20, 0), (20, 2), (40, 0), (40, 2), (80, 0), (80, 2)):
        found = tally(sessions, [1000 / rate], [effect_pct], effect=1 + effect_pct / 100, start=OFF)
        print(_line(f"one lane, {rate} images/s, true effect {effect_pct} %", found), flush=True)
    print(_line("five lanes together, no effect", tally(sessions, five, [0.0] * 5)), flush=True)
    true = true_effects(five, "mode", "validation", "withoutval", range(5), 20_000)
    truth = [true[lane]["predict"] for lane in range(5)]
    found = tally(sessions, five, truth, "mode", ("validation", "withoutval"))
    print(_line(f"five lanes, accuracy off: {' '.join(f'{one:+.1f}' for one in truth)} %", found), flush=True)
    for name, some in (("one lane, 20 images/s", [50.0]), ("five lanes together", five)):
        ever, judged, contrasts = by_hand(sessions, some)
        print(
            f"flips by hand, no effect, {name}: {100 * ever / contrasts:.1f} % of contrasts ever left 0, "
            f"{100 * judged / sessions:.1f} % of sessions ever had a verdict",
            flush=True,
        )
    print(f"A then B, Welch over images, 20 images/s, no effect: {naive_coverage(sessions, 50.0):.0f} % covered")
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
