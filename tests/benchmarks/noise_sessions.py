"""Sessions under a given noise, folded as from a log: a plan's blocks of two images each, or flips by hand.

Quicker than the simulated machine by two orders, since only the means matter: lanes do not slow each other.
"""

from __future__ import annotations

from math import exp

import numpy as np

from quintet.engine.plan import plan as plans
from quintet.engine.plan.plan import Plan
from quintet.engine.protocol import events as ev
from quintet.engine.protocol import switches
from quintet.engine.protocol.events import Frame, Levels
from quintet.engine.session.session import Session
from quintet.engine.session.settings import RULES, Setting, setting_of
from tests.benchmarks.noises import STEP_S, Array, Draw
from tests.making import ON, SECOND, at, row, start

KINDS = {cls: kind for kind, cls in ev.JOURNAL.items()}
BASE_MS = 20.0
CYCLE_NS = 50e6
"""So a block is 1 s of burn-in and 4 s of measured part."""
OTHER = switches.changed(ON, {"mode": "withoutval"})
HAND_RULES = RULES._replace(block_images=1, burn_in_images=1)
"""Flips by hand with one image a second; a stretch still has to be 4 s long, after 1 s of burn-in."""


def folded(frames: list[Frame]) -> Session:
    """What a log of these frames is read as."""
    session = Session()
    session.fold([KINDS[type(frame)], *frame] for frame in frames)
    return session


class _Played:
    """Frames as a session would have written them."""

    def __init__(self, noise: Array, effect: dict[str, float]) -> None:
        self.noise, self.effect = noise, effect
        self.sums = np.concatenate([np.zeros((len(noise), 1)), np.cumsum(noise, axis=1)], axis=1)
        self.frames: list[Frame] = [start(len(noise))]
        self.frames += [ev.Ready(lane, at(0), 1, {}) for lane in range(len(noise))]
        self.seq, self.arm = [0] * len(noise), [-1] * len(noise)
        self.open: list[bool] = [False] * len(noise)
        self.levels: list[Levels] = [{} for _ in noise]

    def set(self, lane: int, seconds: float, levels: Levels, *, open_gate: bool) -> None:
        """Levels and gate; what is in force already is not told again."""
        if open_gate and self.levels[lane] != levels:
            self.arm[lane] += 1
            self.levels[lane] = levels
            self.frames.append(ev.Arm(lane, self.arm[lane], self.seq[lane], at(seconds), levels))
        if self.open[lane] != open_gate:
            self.open[lane] = open_gate
            self.frames.append(ev.Gate(lane, open_gate, self.seq[lane], at(seconds)))

    def images(self, lane: int, begin: float, end: float, number: int) -> None:
        """Images of equal parts of this time, each as slow as the noise is in its part."""
        edges = np.linspace(begin, end, number + 1) / STEP_S
        edge = np.round(edges).astype(int)
        means = (self.sums[lane, edge[1:]] - self.sums[lane, edge[:-1]]) / np.diff(edge)
        effect = self.effect.get(str(self.levels[lane]["score"]), 0.0)
        rows = [
            row(at(edges[place] * STEP_S), BASE_MS * exp(mean + effect)) for place, mean in enumerate(means.tolist())
        ]
        self.frames.append(ev.Samples(lane, self.arm[lane], self.seq[lane], rows))
        self.seq[lane] += number


def planned(plan: Plan, draw: Draw, rng: np.random.Generator, effect: float = 0.0) -> Session:
    """A session that ran this plan to its end; `effect` is what accuracy off adds to the log of every time."""
    fixed = plans.fixed(plan, [CYCLE_NS] * len(plan.regimes))
    steps = round((plans.round_ns(fixed) / SECOND + 6) * (fixed.rounds or 0) / STEP_S) + 100
    played = _Played(draw(rng, len(plan.names), steps), {"off": effect})
    played.frames.append(ev.Command(1, at(0), "plan", {"plan": plans.describe(fixed)}, []))
    now, block = 0.5, 0
    for number in range(fixed.rounds or 0):
        for visit in plans.visits(fixed, number):
            now = _block(played, fixed, visit, now, block)
            block += 1
    played.frames.append(ev.Command(2, at(now), "plan", {"plan": plans.describe(fixed, "planned")}, []))
    played.frames.append(ev.End(at(now), "plan", {}))
    return folded(played.frames)


def _block(played: _Played, plan: Plan, visit: plans.Visit, now: float, block: int) -> float:
    lanes, length = plan.regimes[visit.regime].lanes, plan.lengths[visit.regime]
    levels = dict(visit.levels)
    for lane in range(len(plan.names)):
        its: Levels = switches.changed(ON, {plan.switch: levels[lane]}) if lane in levels else {}
        played.set(lane, now, its, open_gate=lane in lanes)
    cell = plans.cell_of(plan, visit, lanes)
    begin = now + 0.05
    played.frames.append(
        ev.BlockStart(block, visit.round, cell, visit.placebo, at(now), at(begin), length.burn_in_ns)
    )  # fmt: skip
    first = begin + length.burn_in_ns / SECOND
    end = first + length.measured_ns / SECOND
    for lane in lanes:
        played.images(lane, first, end - 0.2, 2)
    played.frames.append(ev.BlockEnd(block, at(end), ""))
    return end


def by_hand(lanes: int, stretches: int, draw: Draw, rng: np.random.Generator, effect: float = 0.0) -> Session:
    """All lanes together, accuracy flipped off and on every 6 to 12 s; `effect` as for `planned`."""
    lengths = rng.uniform(6, 12, stretches)
    played = _Played(draw(rng, lanes, round(lengths.sum() / STEP_S) + 100), {"off": effect})
    now = 0.5
    for number, length in enumerate(lengths.tolist()):
        for lane in range(lanes):
            played.set(lane, now, OTHER if number % 2 else ON, open_gate=True)
        for lane in range(lanes):
            played.images(lane, now + 0.1, now + length - 0.1, int(length))
        now += length
    return folded([*played.frames, ev.End(at(now), "stop", {})])


def settings(lanes: int) -> tuple[Setting, Setting]:
    """The two that `by_hand` flips between, accuracy on first."""
    on, off = (setting_of(dict.fromkeys(range(lanes), levels)) for levels in (ON, OTHER))
    return on, off
