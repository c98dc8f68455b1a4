"""Sessions for reports: planned ones whose every block mean is known, simulated ones, flips by hand."""

from __future__ import annotations

import math
import random
from functools import cache

from quintet.engine.plan import plan as plans
from quintet.engine.plan.simulated_machine import Machine, services
from quintet.engine.plan.simulation import rehearse
from quintet.engine.protocol import events as ev
from quintet.engine.protocol.events import Frame
from quintet.engine.session.session import Session
from tests.making import NAMES, OFF, ON, Maker, arrays, at
from tests.planned import PredictMs, folded, planned

EFFECTS = {"cls": -28.0, "detect": 27.0, "pose": 30.0, "seg": 35.0, "obb": 0.0}
"""Of accuracy off, together, in percent."""


def effects_ms(sd: float = 0.004, seed: int = 1) -> PredictMs:
    """Accuracy off: EFFECTS together, nothing alone; together takes twice as long."""
    rng = random.Random(seed)

    def predict_ms(lane: int, regime: str, mode: str, number: int) -> float:
        together = regime == "together"
        change = EFFECTS[NAMES[lane]] / 100 if together and mode == "withoutval" else 0.0
        return (10 + lane) * (2 if together else 1) * (1 + change) * math.exp(rng.gauss(0, sd))

    return predict_ms


@cache
def a_study(rounds: int = 12, over: str = "planned") -> Session:
    return folded(planned(plans.study(NAMES, rounds=rounds), effects_ms(seed=6), over=over))


@cache
def an_ab(rounds: int = 12, over: str = "planned", sd: float = 0.004) -> Session:
    return folded(planned(plans.ab(NAMES, rounds=rounds), effects_ms(sd), over=over))


def one_switch(rounds: int = 10) -> Session:
    """`batch` 1 against 4 in detect and seg: no effect."""
    plan = plans.ab(NAMES, switch="batch", levels=(1, 4), regime="detect+seg", rounds=rounds)
    return folded(planned(plan, effects_ms()))


def haunted() -> Session:
    """An A/B whose placebo is 10 % slower than the same cell before it."""
    visited: list[tuple[int, str]] = []

    def predict_ms(lane: int, regime: str, level: str, number: int) -> float:
        key = (number * 10 + lane, level)
        visited.append(key)
        return (22.0 if visited.count(key) > 1 else 20.0) + 0.01 * ((number * 7 + lane) % 5)

    return folded(planned(plans.ab(("a", "b"), rounds=16), predict_ms))


def drifting() -> Session:
    """An A/B whose difference creeps from round to round."""
    plan = plans.ab(("a", "b"), rounds=16)
    return folded(planned(plan, lambda lane, _, level, n: 20 + (n * 0.2 if level == "withoutval" else 0)))


@cache
def rehearsed(kind: str, rounds: int = 9) -> Session:
    """A plan on the simulated machine."""
    if kind == "matrix":
        plan = plans.matrix(NAMES, rounds=rounds)
    else:
        plan = plans.study(NAMES, rounds=rounds) if kind == "study" else plans.ab(NAMES, rounds=rounds)
    session = Session()
    session.fold(arrays(list(rehearse(plan, Machine(services(list(NAMES)), seed=3)))))
    return session


def by_hand(triples: int, *, wobble: float = 0.002) -> Session:
    """On, off, on, off, each for 6 s; off takes 2 ms more."""
    made = Maker().ready().gate_all(2)
    rng, now = random.Random(2), 2.0
    for number in range(3 * triples):
        if number:
            made.set_all(now, OFF if number % 2 else ON)
        made.images_all(now + 0.1, now + 6, (12 if number % 2 else 10) * math.exp(rng.gauss(0, wobble)))
        now += 6
    return made.session()


def free() -> Session:
    """Ten seconds, and no switch flipped."""
    return Maker().ready().gate_all(2).images_all(2, 12, 10).session()


def planned_ab(
    rounds: int = 6,
    void: tuple[int, ...] = (),
    switch: str = "mode",
    levels: tuple[str, str] = ("validation", "withoutval"),
) -> list[Frame]:
    """The frames of a planned A/B."""
    return planned(plans.ab(NAMES, switch=switch, levels=levels, rounds=rounds), effects_ms(), void=void)


def after(first: list[Frame], seconds: float, then: list[Frame]) -> list[Frame]:
    """One session: the frames of `first`, and from `seconds` on those of a plan, its images numbered on."""
    moved: list[Frame] = []
    for frame in then:
        if isinstance(frame, (ev.Start, ev.Ready)) or (isinstance(frame, ev.Arm) and frame.t_ns == at(0)):
            continue
        if isinstance(frame, ev.Samples):
            rows = [[row[0], row[1] + at(seconds) - at(0), *row[2:]] for row in frame.rows]
            moved.append(frame._replace(rows=rows, first_seq=frame.first_seq + 100_000, arm=frame.arm + 100))
        elif isinstance(frame, ev.BlockStart):
            by_ns = at(seconds) - at(0)
            moved.append(frame._replace(requested_ns=frame.requested_ns + by_ns, started_ns=frame.started_ns + by_ns))
        elif isinstance(frame, ev.Arm):
            moved.append(frame._replace(t_ns=frame.t_ns + at(seconds) - at(0), arm=frame.arm + 100))
        else:
            assert isinstance(frame, (ev.BlockEnd, ev.Command, ev.Gate))
            moved.append(frame._replace(t_ns=frame.t_ns + at(seconds) - at(0)))
    return [*first, *moved]


def void() -> Session:
    """An A/B none of whose blocks counts."""
    return folded(planned_ab(1, void=(0, 1, 2)))
