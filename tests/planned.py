"""Sessions with planned blocks whose every mean is known: a plan's visits, played without a machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from quintet.engine.plan import plan as plans
from quintet.engine.plan.plan import Plan
from quintet.engine.protocol import events as ev
from quintet.engine.protocol import switches
from quintet.engine.protocol.events import Frame
from quintet.engine.session.session import Session
from tests.making import ON, SECOND, arrays, at, row, start

PredictMs = Callable[[int, str, str, int], float]
"""(lane, regime, level, round) -> predict in milliseconds."""


def planned(
    plan: Plan, predict_ms: PredictMs, *, over: str = "planned", cycle_ms: float = 80, void: tuple[int, ...] = (),
    died: Mapping[int, int] | None = None, blocks: int | None = None, home: ev.Levels = ON,
) -> list[Frame]:  # fmt: skip
    """The frames of a session that ran this plan; `void` are blocks that do not count.

    died: the first round without a lane, by lane. blocks: stop after so many. home: levels that the plan's switch changes.
    """
    died = died or {}
    fixed = plans.fixed(plan, [cycle_ms * 1e6] * len(plan.regimes))
    frames: list[Frame] = [start(len(plan.names))]
    frames += [ev.Ready(lane, at(0), 1, {}) for lane in range(len(plan.names))]
    frames += [ev.Arm(lane, 0, 0, at(0), home) for lane in range(len(plan.names))]
    frames.append(ev.Command(1, at(0), "plan", {"plan": plans.describe(fixed)}, []))
    seq, now, block = [0] * len(plan.names), 0.5, 0
    for number in range(fixed.rounds or 0):
        gone = {lane for lane, first in died.items() if first <= number}
        for lane in sorted(lane for lane, first in died.items() if first == number):
            frames.append(
                ev.Fault(lane, at(now), "died", f"{plan.names[lane]}: its process was ended by signal 9.", "")
            )
        for visit in plans.visits(fixed, number):
            whole = plan.regimes[visit.regime].lanes
            lanes = tuple(lane for lane in whole if lane not in gone)
            if len(lanes) < min(2, len(whole)) or block == blocks:
                continue
            length = fixed.lengths[visit.regime]
            begin, begun = now, now + 0.1
            for lane in (lane for lane in range(len(plan.names)) if lane not in gone):
                frames.append(ev.Gate(lane, lane in lanes, seq[lane], at(begun)))
                if lane in lanes:
                    levels = switches.changed(home, {plan.switch: dict(visit.levels)[lane]})
                    frames.append(ev.Arm(lane, block, seq[lane], at(begun), levels))
            cell = plans.cell_of(fixed, visit, lanes)
            frames.append(ev.BlockStart(block, number, cell, visit.placebo, at(begin), at(begun), length.burn_in_ns))
            now = begun + (length.burn_in_ns + length.measured_ns) / SECOND
            for lane in lanes:
                predict = predict_ms(lane, plan.regimes[visit.regime].name, str(dict(visit.levels)[lane]), number)
                count = int((now - begun) * 1000 / cycle_ms)
                rows = [row(at(begun + k * cycle_ms / 1000), predict) for k in range(count)]
                for first in range(0, count, ev.MAX_ROWS):
                    frames.append(ev.Samples(lane, block, seq[lane], rows[first : first + ev.MAX_ROWS]))
                    seq[lane] += len(rows[first : first + ev.MAX_ROWS])
            frames.append(ev.BlockEnd(block, at(now), "disturbed" if block in void else ""))
            block += 1
    if over:
        frames.append(ev.Command(2, at(now), "plan", {"plan": plans.describe(fixed, over)}, []))
    return frames


def folded(frames: list[Frame]) -> Session:
    session = Session()
    session.fold(arrays(frames))
    return session
