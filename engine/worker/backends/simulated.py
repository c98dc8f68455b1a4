"""The simulated machine in real time: one process serves the sockets of all its lanes, since they share one device.

`python -m quintet.engine.worker.backends.simulated SEED TASK:EVENTS:LIFELINE ...`. No torch; whoever has only the
terminal half of quintet sees the study's paradox on the screen with it.
"""

from __future__ import annotations

import os
import select
import socket
import sys
import time
from typing import NamedTuple

from quintet.engine.plan.simulated_machine import Machine, services
from quintet.engine.protocol.events import Answer, Frame, Ready, Step
from quintet.engine.protocol.orders import GateOrder, LaneOrder, SetOrder, StopOrder
from quintet.engine.worker.__main__ import follow_lifeline
from quintet.engine.worker.channel import Port
from quintet.engine.worker.prctl import call_process

TICK_S = 0.04
"""How often the machine is advanced: it hands out what happened since."""
LAST_WORDS_S = 2.0


class Plug(NamedTuple):
    """One lane's end of its socket."""

    lane: int
    sock: socket.socket
    port: Port


def plugged(descriptors: list[int]) -> tuple[list[Plug], list[LaneOrder]]:
    """The lanes' ports, and each one's first order, in the order of the descriptors."""
    plugs, orders = [], []
    for descriptor in descriptors:
        sock = socket.socket(fileno=descriptor)
        port = Port(sock, time.monotonic_ns)
        first = port.orders(None)
        if not first or not isinstance(first[0], LaneOrder):
            raise ConnectionError("a lane's socket ended before it began")
        port.lane = first[0].lane
        plugs.append(Plug(first[0].lane, sock, port))
        orders.append(first[0])
    return plugs, orders


def serve(tasks: list[str], seed: int, descriptors: list[int]) -> None:
    """Run the machine until every lane was told to stop or the supervisor is gone."""
    plugs, orders = plugged(descriptors)
    now = time.monotonic_ns()
    machine = Machine(services(tasks), [order.levels for order in orders], seed, begin_ns=now)
    for plug, arm in zip(plugs, machine.begin(), strict=True):
        for step in ("model", "ground_truth", "warm_up"):
            plug.port.send(Step(plug.lane, now, step, "done", 0, 0))
        plug.port.send(arm)
        info = {"device": "simulated; assumed", "dtype": "none", "threads": 1, "parameters": 0}
        plug.port.send(Ready(plug.lane, now, os.getpid(), info))
    living = {plug.lane: plug for plug in plugs}
    while living:
        select.select([plug.sock for plug in living.values()], [], [], TICK_S)
        for plug in tuple(living.values()):
            if not _obeyed(machine, plug):
                del living[plug.lane]
        for frame in machine.advance(time.monotonic_ns()):
            _send(living, frame)
    for plug in plugs:
        plug.port.drain(LAST_WORDS_S)


def _send(living: dict[int, Plug], frame: Frame) -> None:
    plug = living.get(frame.lane)  # type: ignore[attr-defined]
    if plug is not None:
        plug.port.send(frame)


def _obeyed(machine: Machine, plug: Plug) -> bool:
    """Take a lane's orders; false once it is to stop, or its supervisor is gone."""
    for order in plug.port.orders():
        now = max(time.monotonic_ns(), machine.now_ns)
        if isinstance(order, (SetOrder, GateOrder)):
            machine.order(plug.lane, order, now)
        elif isinstance(order, StopOrder):
            plug.port.send(Answer(order.id, plug.lane, now, 0, "done", ""))
            return False
    return not plug.port.closed


if __name__ == "__main__":
    words = [word.split(":") for word in sys.argv[2:]]
    call_process("quintet simulated")
    for _, _, lifeline in words:
        follow_lifeline(int(lifeline))
    serve([task for task, _, _ in words], int(sys.argv[1]), [int(events) for _, events, _ in words])
    sys.stderr.flush()
    os._exit(0)
