"""A plan carried out on the simulated machine in simulated time: tens of minutes of journal in a second or two. Pure.

The same Stepping drives it that the supervisor uses, so a rehearsal tests the plan, the fold and the tables together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from quintet.engine.plan.executor import Action, Append, Over, Send, Stepping
from quintet.engine.plan.plan import Plan
from quintet.engine.plan.simulated_machine import SERVICE_MS, Machine
from quintet.engine.protocol.events import COLUMNS, FORMAT, Command, End, Frame, Ready, Start
from quintet.engine.protocol.orders import GateOrder, SetOrder

LOAD_NS = 1_000_000_000
FAR_NS = 10**18


def rehearse(plan: Plan, machine: Machine, slowest_cycles_ns: list[float] | None = None) -> Iterator[Frame]:
    """The frames of a session that runs this plan and ends, in journal order. `machine` must be new.

    With slowest_cycles_ns (one a regime) there is no calibration.
    """
    yield Start(FORMAT, machine.begin_ns, 0, manifest(plan.names))
    yield from machine.begin()
    lanes = list(range(len(plan.names)))
    for lane in lanes:
        yield Ready(lane, machine.begin_ns + LOAD_NS, 0, {"device": "simulated; assumed"})
    now = machine.begin_ns + LOAD_NS
    machine.advance(now)
    yield Command(1, now, "start", {"gate": True}, lanes)
    for lane in lanes:
        machine.gate(lane, True, now, 1)
    yield from machine.advance(FAR_NS, until_answered=True)
    yield from _carry_out(Stepping(plan, slowest_cycles_ns=slowest_cycles_ns), machine)
    yield End(machine.now_ns, "plan", {})


def _carry_out(stepping: Stepping, machine: Machine) -> Iterator[Frame]:
    next_id = 2
    while not stepping.over:
        for action in stepping.next(machine.now_ns, next_id):
            next_id += isinstance(action, Send)
            frame = obey(action, machine)
            if frame is not None:
                yield frame
        for frame in machine.advance(stepping.wake_ns or FAR_NS, until_answered=stepping.wake_ns is None):
            stepping.take(frame)
            yield frame


def obey(action: Action, machine: Machine) -> Frame | None:
    """Give a Send to the machine's lanes now; the frame to journal for it, or None for Over."""
    if isinstance(action, Over):
        return None
    if isinstance(action, Append):
        return action.frame
    now, what = machine.now_ns, action.what
    for lane in action.lanes:
        order = SetOrder(action.id, what["set"]) if "set" in what else GateOrder(action.id, bool(what["gate"]))
        machine.order(lane, order, now)
    return Command(action.id, now, "plan", what, list(action.lanes))


def manifest(names: Sequence[str]) -> dict[str, Any]:
    """The least a reader needs; a session of the profile `simulated` has a whole one."""
    lanes = [
        {"name": name, "task": name if name in SERVICE_MS else "detect", "threads": 1, "backend": "simulated"}
        for name in names
    ]
    return {"quintet": "", "profile_name": "simulated", "columns": list(COLUMNS), "lanes": lanes}
