"""What the timed loop adds: against the study's bare loop on one real model, and on a model that does nothing.

    python -m tests.benchmarks.loop [ROUNDS [LANE ...]]

Rounds of blocks of 50 images, in random order within a round, on the same model and pictures. Prints the ratio of mean
latencies (ours to bare) with its 95 % t interval, and microseconds that the loop spends an image on a null model.
"""

from __future__ import annotations

import math
import random
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec

from quintet.engine.profile.load import load
from quintet.engine.protocol import events as ev
from quintet.engine.protocol import switches
from quintet.engine.protocol.events import Frame, Levels
from quintet.engine.protocol.orders import LaneOrder
from quintet.engine.worker.cursor import Cursor
from quintet.engine.worker.timed_loop import TimedLoop

IMAGES = 50
T_975 = 1.984
"""Of Student's t on 99 degrees of freedom."""


class Collector:
    """An outlet that counts rows and throws everything away."""

    closed = False

    def __init__(self) -> None:
        self.predict_ns: list[int] = []

    def send(self, frame: Frame) -> None:
        if isinstance(frame, ev.Samples):
            self.predict_ns += [row[7] for row in frame.rows]

    def orders(self, wait_ns: int | None = 0) -> list[Frame]:
        return []


class Null:
    """A model that does nothing."""

    spans = (0, 0, 0)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *arguments: 0

    def refusal(self, levels: Levels) -> None:
        return None

    def images(self, data: str) -> int:
        return 64


def ours(loop: TimedLoop, outlet: Collector) -> float:
    """Mean predict of a block in our loop."""
    outlet.predict_ns.clear()
    for _ in range(IMAGES):
        loop.image(0)
    loop._records.flush()
    return statistics.fmean(outlet.predict_ns)


def bare(backend: Any, read: Callable[[int], Any], arguments: dict[str, Any] | None = None) -> float:
    """Mean latency of a block in the study's loop: sync, t0, predict, sync, t1; by default with a lane's own arguments.

    Each picture is decoded just before, as ours is: pictures that lie ready in memory are 1 % faster, by the caches.
    """
    model, arguments = backend._model, backend._arguments if arguments is None else arguments
    times = []
    for index in range(IMAGES):
        picture = read(index)
        backend.synchronize()
        t0 = time.perf_counter_ns()
        model.predict(picture, **arguments)
        backend.synchronize()
        times.append(time.perf_counter_ns() - t0)
    return statistics.fmean(times)


def real(pairs: int, task: str) -> None:
    """The ratios on one micro model. The bare loop runs on the model as it is, without our wrappers and hook.

    Against our own arguments, and against the study's: those that Ultralytics has by default, with `rect` on, so that a
    picture that is not square is padded less.
    """
    from quintet.engine.worker.yolo import model as weights
    from quintet.engine.worker.yolo.backend import TASKS, YoloBackend

    lane = next(lane for lane in load("micro").lanes if lane.name == task)
    settings = {**msgspec.to_builtins(lane), "seed": 1, "keep_bytes": 0}
    backend, plain = YoloBackend(0, settings), YoloBackend(0, settings)
    backend.load(lambda *step: None)
    plain._model = weights.load(settings, TASKS[lane.task])
    plain._set_up()
    theirs = YoloBackend(0, settings)
    theirs._model = weights.load(settings, TASKS[lane.task])
    default = {key: value for key, value in plain._arguments.items() if key in ("imgsz", "verbose", "device")}
    levels = switches.changed(switches.starting_levels(1), {"mode": "withoutval"})
    outlet = Collector()
    loop = TimedLoop(LaneOrder(0, {}, levels, 0, 0), backend, outlet)
    loop.begin()

    def read(index: int) -> Any:
        return backend.read("validation", index)

    ways: dict[str, Callable[[], float]] = {
        "ours": lambda: ours(loop, outlet), "bare, our arguments": lambda: bare(plain, read),
        "bare, the study's arguments": lambda: bare(theirs, read, default),
    }  # fmt: skip
    for way in ways.values():
        way()
    chance = random.Random(1)
    logs: dict[str, list[float]] = {name: [] for name in ways if name != "ours"}
    for _ in range(pairs):
        loop._cursors["validation"] = Cursor(backend.images("validation"))
        took = {name: ways[name]() for name in chance.sample([*ways], len(ways))}
        for name, its in logs.items():
            its.append(math.log(took["ours"] / took[name]))
    for against, its in logs.items():
        mean, half = statistics.fmean(its), T_975 * statistics.stdev(its) / math.sqrt(len(its))
        low, high = math.exp(mean - half), math.exp(mean + half)
        interval = f"95 % interval {low:.4f} .. {high:.4f}  ({pairs} rounds of {IMAGES})"
        print(f"{task}: ours / {against}, predict: {math.exp(mean):.4f}, {interval}")


def null() -> None:
    """Microseconds an image outside predict, on a model that does nothing, scoring off."""
    levels = switches.changed(switches.starting_levels(1), {"mode": "withoutval"})
    outlet = Collector()
    backend: Any = Null()
    loop = TimedLoop(LaneOrder(0, {}, levels, 0, 0), backend, outlet)
    loop.begin()
    for _ in range(2000):
        loop.image(0)
    count = 20_000
    began = time.perf_counter_ns()
    for _ in range(count):
        loop._take(outlet.orders(0))
        loop.image(0)
    print(f"null model: {(time.perf_counter_ns() - began) / count / 1000:.1f} us an image")


if __name__ == "__main__":
    null()
    for word in sys.argv[2:] or ["detect"]:
        real(int(sys.argv[1]) if len(sys.argv) > 1 else 100, word)
