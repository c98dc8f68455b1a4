"""What the simulated machine's effects truly are, by a long run of it without what changes over seconds. Pure.

Not one formula: lanes that wait for one device have none that is exact. Heat and wander slow everything on the machine
alike and cancel in a ratio, so they are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from quintet.engine.plan.simulated_machine import STEADY, Machine
from quintet.engine.protocol import switches
from quintet.engine.protocol.events import COLUMNS, Levels, Samples
from quintet.engine.protocol.switches import Level

_START, _PREDICT = COLUMNS.index("start"), COLUMNS.index("predict")
SETTLE_S, STEP_S = 5, 5


def true_means(
    service_ms: Sequence[float],
    levels: Sequence[Levels],
    active: Sequence[int],
    seconds: float = 2000.0,
    effects: Mapping[tuple[str, Level], float] | None = None,
    seed: int = 0,
) -> dict[int, dict[str, float]]:
    """Each active lane's mean `predict` and `cycle` in nanoseconds, from a long run without what changes over seconds."""
    machine = Machine(service_ms, levels, seed, STEADY, effects)
    for lane in active:
        machine.gate(lane, True, 0)
    machine.advance(SETTLE_S * 1_000_000_000)
    predict: dict[int, list[int]] = {lane: [] for lane in active}
    starts: dict[int, list[int]] = {lane: [] for lane in active}
    for second in range(SETTLE_S + STEP_S, round(seconds) + SETTLE_S + STEP_S, STEP_S):
        for frame in machine.advance(second * 1_000_000_000):
            if isinstance(frame, Samples):
                predict[frame.lane] += [row[_PREDICT] for row in frame.rows]
                starts[frame.lane] += [row[_START] for row in frame.rows]
    return {
        lane: {
            "predict": sum(predict[lane]) / len(predict[lane]),
            "cycle": (starts[lane][-1] - starts[lane][0]) / (len(starts[lane]) - 1),
        }
        for lane in active
    }


def true_effects(
    service_ms: Sequence[float],
    switch: str,
    a: Level,
    b: Level,
    active: Sequence[int],
    seconds: float = 2000.0,
    effects: Mapping[tuple[str, Level], float] | None = None,
) -> dict[int, dict[str, float]]:
    """What changing the switch from a to b in every active lane does to each: 100 (mean b / mean a - 1) of `predict` and
    `cycle`, in percent. Good to about 6 / sqrt(seconds) percent for the slowest lane."""
    start = switches.starting_levels(1)
    before, after = (
        true_means(service_ms, [switches.changed(start, {switch: level})] * len(service_ms), active, seconds, effects)
        for level in (a, b)
    )
    return {
        lane: {outcome: 100 * (after[lane][outcome] / mean - 1) for outcome, mean in means.items()}
        for lane, means in before.items()
    }
