"""A lane's process, from its first order to its last words. `python -m quintet.engine.worker EVENTS LIFELINE`.

Both arguments are numbers of inherited descriptors: a connected socket, and a pipe whose end-of-file means that the
supervisor is gone. Whatever goes wrong leaves as one `fault` and, as a traceback, in this process's stderr.
"""

from __future__ import annotations

import faulthandler
import importlib
import os
import signal
import socket
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from quintet.engine.protocol import switches
from quintet.engine.protocol.backends import facts
from quintet.engine.protocol.events import Fault, Levels, Ready, Step
from quintet.engine.protocol.orders import LaneOrder
from quintet.engine.worker.backend import Backend, LoadFault
from quintet.engine.worker.channel import Port
from quintet.engine.worker.prctl import call_process
from quintet.engine.worker.timed_loop import TimedLoop

LAST_WORDS_S = 2.0


def follow_lifeline(descriptor: int) -> None:
    """End this process, whatever it is doing, once the other end of the pipe is closed."""

    def watch() -> None:
        os.read(descriptor, 1)
        os._exit(4)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


def backend_for(order: LaneOrder) -> Backend:
    """The backend that the lane's settings name."""
    module, _, name = facts(order.settings["backend"]).runs.partition(":")
    kind: type[Backend] = getattr(importlib.import_module(f"quintet.engine.worker.{module}"), name)
    return kind(order.lane, order.settings)  # type: ignore[call-arg]  # all are made so


def resident_bytes() -> int:
    """This process's resident set now (Linux), or its largest so far elsewhere."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def refusals(backend: Backend, levels: Levels) -> dict[str, str]:
    """What this lane refuses, a sentence by `SWITCH=LEVEL`, so that no plan begins that it cannot carry out."""
    found = {}
    for name, choices in switches.choices().items():
        for level in choices:
            refused = backend.refusal(switches.changed(levels, {name: level}))
            if refused:
                found[f"{name}={level}"] = refused
    return found


def serve(order: LaneOrder, port: Port) -> None:
    """Load, warm up, say ready, and run until told to stop. Raises LoadFault."""
    port.send(Step(order.lane, time.monotonic_ns(), "model", "begun", 0, 1))  # importing torch is part of the wait

    def report(step: str, state: str, done: int, of: int) -> None:
        if (step, state) != ("model", "begun"):
            port.send(Step(order.lane, time.monotonic_ns(), step, state, done, of))

    backend = backend_for(order)
    backend.load(report)
    refused = backend.refusal(order.levels)
    if refused:
        raise LoadFault(f"Lane {order.settings['name']} cannot start as asked: {refused}.")
    loop = TimedLoop(order, backend, port)
    loop.begin()
    warmed = loop.warm_up()
    info: dict[str, Any] = {
        **backend.info(),
        "refusals": refusals(backend, order.levels),
        "warm_up_images": warmed,
        "rss_bytes": resident_bytes(),
        "python": sys.version.split()[0],
        "prefix": sys.prefix,
        "environment": {
            k: v for k, v in sorted(os.environ.items()) if k.startswith(("OMP_", "MKL_", "CUDA_", "YOLO_"))
        },
    }
    port.send(Ready(order.lane, time.monotonic_ns(), os.getpid(), info))
    loop.run()


def run_lane(events: int, lifeline: int) -> int:
    """Run one lane over these descriptors; the exit status is 0 after a stop, 1 after a fault."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's to answer
    faulthandler.register(signal.SIGUSR1, file=2)  # kill -USR1: every thread's stack, into the lane's stderr file
    follow_lifeline(lifeline)
    os.dup2(2, 1)  # libraries print to stdout; nobody reads it
    port = Port(socket.socket(fileno=events), time.monotonic_ns)
    orders = port.orders(None)
    if not orders or not isinstance(orders[0], LaneOrder):
        return 1
    order = orders[0]
    port.lane = order.lane
    call_process(f"quintet lane {order.lane + 1}")
    try:
        serve(order, port)
    except LoadFault as fault:
        port.send(Fault(order.lane, time.monotonic_ns(), "load", str(fault), ""))
        return 1
    except Exception as error:  # the process's edge: whatever it was, it is reported
        traceback.print_exc()
        text = f"{order.settings['name']} broke: {type(error).__name__}: {error}"
        port.send(Fault(order.lane, time.monotonic_ns(), "died", text.splitlines()[0][:300], ""))
        return 1
    finally:
        port.drain(LAST_WORDS_S)
    return 0


if __name__ == "__main__":
    status = run_lane(int(sys.argv[1]), int(sys.argv[2]))
    sys.stderr.flush()
    os._exit(status)  # no library's exit handlers: they can hang, and all is sent
