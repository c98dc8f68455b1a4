"""Short ways to make events by hand, for tests of what folds them. Times are seconds on a clock that begins at 100."""

from __future__ import annotations

from typing import Any

import msgpack

from quintet.engine.protocol import events as ev
from quintet.engine.protocol import switches
from quintet.engine.protocol.codec import encode
from quintet.engine.protocol.events import Frame, Levels
from quintet.engine.session.session import Session

SECOND = 1_000_000_000
BEGIN = 100 * SECOND
NAMES = ("cls", "detect", "pose", "seg", "obb")
ON: Levels = switches.starting_levels(1)
OFF: Levels = switches.changed(ON, {"mode": "withoutval"})


def at(seconds: float) -> int:
    return BEGIN + round(seconds * SECOND)


def start(lanes: int = 5) -> ev.Start:
    described = [{"name": NAMES[n % 5] + ("" if n < 5 else str(n)), "task": NAMES[n % 5]} for n in range(lanes)]
    return ev.Start(ev.FORMAT, BEGIN, 0, {"lanes": described, "profile_name": "made", "quintet": "0"})


def row(start_ns: int, predict_ms: float = 10, score_ms: float = 0, load_ms: float = 1, flags: int = 0) -> list[int]:
    nanoseconds = [round(ms * 1e6) for ms in (load_ms, predict_ms, score_ms)]
    load, predict, score = nanoseconds
    return [0, start_ns, 0, load, 1, predict - 2, 1, predict, score, 0, 1, 1, flags, 0, 0, 0]


class Maker:
    """Builds a session's events lane by lane; every lane takes an image each `cycle_ms`."""

    def __init__(self, lanes: int = 5) -> None:
        self.lanes = lanes
        self.frames: list[Frame] = [start(lanes)]
        self.seq = [0] * lanes
        self.arm = [-1] * lanes

    def ready(self, seconds: float = 1) -> Maker:
        for lane in range(self.lanes):
            self.frames.append(ev.Ready(lane, at(seconds), 1000 + lane, {"device": "cpu"}))
            self.set(lane, seconds, ON)
        return self

    def set(self, lane: int, seconds: float, levels: Levels) -> Maker:
        self.arm[lane] += 1
        self.frames.append(ev.Arm(lane, self.arm[lane], self.seq[lane], at(seconds), levels))
        return self

    def set_all(self, seconds: float, levels: Levels) -> Maker:
        for lane in range(self.lanes):
            self.set(lane, seconds + 0.001 * lane, levels)
        return self

    def gate(self, lane: int, seconds: float, *, open_gate: bool) -> Maker:
        self.frames.append(ev.Gate(lane, open_gate, self.seq[lane], at(seconds)))
        return self

    def gate_all(self, seconds: float) -> Maker:
        for lane in range(self.lanes):
            self.gate(lane, seconds, open_gate=True)
        return self

    def images(self, lane: int, begin: float, end: float, predict_ms: float, cycle_ms: float = 20) -> Maker:
        starts = []
        t = at(begin)
        while t + round(predict_ms * 1e6) <= at(end):
            starts.append(t)
            t += round(cycle_ms * 1e6)
        for place in range(0, len(starts), ev.MAX_ROWS):
            rows = [row(s, predict_ms) for s in starts[place : place + ev.MAX_ROWS]]
            self.frames.append(ev.Samples(lane, self.arm[lane], self.seq[lane], rows))
            self.seq[lane] += len(rows)
        return self

    def images_all(self, begin: float, end: float, predict_ms: float) -> Maker:
        for lane in range(self.lanes):
            self.images(lane, begin, end, predict_ms + lane)
        return self

    def arrays(self) -> list[list[Any]]:
        return arrays(self.frames)

    def session(self) -> Session:
        session = Session()
        session.fold(self.arrays())
        return session


def arrays(frames: list[Frame]) -> list[list[Any]]:
    return [msgpack.unpackb(encode(frame)) for frame in frames]
