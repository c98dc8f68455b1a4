"""The timed loop: command, gate, load, t0, predict, t1, score, keep, record. Everything measured comes from here.

The loop's own clock reads stand directly before and after predict. Commands are taken only between two images, and
whatever is sent is sent there too.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Protocol

from quintet.engine import switches
from quintet.engine.events import (
    FLAG_FIRST_PASS,
    FLAG_SCORED,
    FLAG_WARM_UP,
    MAX_ROWS,
    Answer,
    Arm,
    Frame,
    Gate,
    GateOrder,
    LaneOrder,
    Samples,
    SetOrder,
    Step,
    StopOrder,
    Telemetry,
    Value,
)
from quintet.engine.worker.backend import Backend

FLUSH_NS = 250_000_000
TELL_NS = 1_000_000_000
WARM_UP_IMAGES, WARM_UP_LEAST, WARM_UP_NS = 30, 3, 20_000_000_000
VALUE_SPACING, VALUE_LEAST_NS = 20, 1_000_000_000
"""Accuracy is computed again when this many times its last cost has passed, so it takes at most 5 % of the time, and
not more than once a second: nobody reads it faster, and each one is 200 bytes of journal."""


class Outlet(Protocol):
    """What the loop needs of its port."""

    closed: bool

    def send(self, frame: Frame) -> None:
        """Queue a frame; never blocks."""

    def orders(self, *, wait: bool) -> list[Frame]:
        """Orders that have come; with `wait`, sleeps until one comes."""


class Records:
    """Rows of one arm on their way out: at most 32, or a quarter of a second old."""

    def __init__(self, lane: int, outlet: Outlet) -> None:
        self._lane, self._outlet = lane, outlet
        self._rows: list[list[int]] = []
        self._arm = self._first_seq = self._began = 0

    def add(self, arm: int, seq: int, row: list[int], now: int, cycle_ns: int) -> None:
        """Keep a row; send the batch when it is full, or would be too old by the end of one more image."""
        if not self._rows:
            self._arm, self._first_seq, self._began = arm, seq, now
        self._rows.append(row)
        if len(self._rows) >= MAX_ROWS or now - self._began + cycle_ns >= FLUSH_NS:
            self.flush()

    def flush(self) -> None:
        """Send what there is. Called before the worker confirms, parks, waits or exits."""
        if self._rows:
            self._outlet.send(Samples(self._lane, self._arm, self._first_seq, self._rows))
            self._rows = []


class TimedLoop:
    """One lane's loop over one backend. `clock` and `cpu_clock` return nanoseconds."""

    def __init__(
        self,
        order: LaneOrder,
        backend: Backend,
        outlet: Outlet,
        clock: Callable[[], int] = time.monotonic_ns,
        cpu_clock: Callable[[], int] = time.process_time_ns,
    ) -> None:
        self.stopped = False
        self._lane, self._levels, self._arm, self._seq = order.lane, order.levels, order.arm, order.seq
        self._backend, self._outlet, self._clock, self._cpu_clock = backend, outlet, clock, cpu_clock
        self._records = Records(order.lane, outlet)
        self._place = {"inference": 0, "validation": 0}
        self._passes = {"inference": 0, "validation": 0}
        self._open = False
        self._ended = self._told_at = 0
        self._value_at: int | None = None
        self._value_cost = 0
        self._was_whole = False

    def begin(self) -> None:
        """Put the starting levels in force and say so."""
        self._backend.apply(self._levels)
        self._outlet.send(Arm(self._lane, self._arm, self._seq, self._clock(), self._levels))

    def warm_up(self) -> int:
        """Run the first images, recorded and flagged; returns how many: 30, fewer after 20 s, 3 at least."""
        began = said = self._clock()
        self._outlet.send(Step(self._lane, began, "warm_up", "begun", 0, WARM_UP_IMAGES))
        done = 0
        while done < WARM_UP_IMAGES and not self.stopped:
            now = self._clock()
            if done >= WARM_UP_LEAST and now - began > WARM_UP_NS:
                break
            if done and now - said > 500_000_000:
                self._outlet.send(Step(self._lane, now, "warm_up", "going", done, WARM_UP_IMAGES))
                said = now
            self._take(self._outlet.orders(wait=False))
            self.image(FLAG_WARM_UP)
            done += 1
            if done == 1:
                self._backend.first_predict_done()
        self._records.flush()
        self._outlet.send(Step(self._lane, self._clock(), "warm_up", "done", done, done))
        return done

    def run(self) -> None:
        """Images until a stop order or the supervisor's end; parked while the gate is closed."""
        while True:
            self._take(self._outlet.orders(wait=not self._open))
            if self._outlet.closed:
                self.stopped = True
            if self.stopped:
                break
            if self._open:
                self.image(0)
                if self._ended - self._told_at >= TELL_NS:
                    self._tell()
        self._records.flush()

    def _tell(self) -> None:
        """What only this process knows of itself, about once a second, between two images."""
        self._told_at = self._ended
        collections = sum(generation["collections"] for generation in gc.get_stats())
        values = {"lane": self._lane, "held_bytes": self._backend.held_bytes(), "gc_collections": collections}
        self._outlet.send(Telemetry(self._told_at, self._told_at, values))

    def image(self, flags: int) -> None:
        """Load, time, score, keep and record one image."""
        backend, clock, cpu_clock = self._backend, self._clock, self._cpu_clock
        data = str(self._levels["data"])
        index = self._place[data]
        load_began = clock()
        picture = backend.read(data, index)
        load_ended = clock()
        backend.synchronize()
        cpu_began = cpu_clock()
        predict, synchronize = backend.predict, backend.synchronize
        t0 = clock()
        result = predict(picture)
        synchronize()
        t1 = clock()
        cpu_ended = cpu_clock()
        score_ns = 0
        if self._levels["score"] == "inline":
            backend.score(index, result)
            score_ns = clock() - t1
            flags |= FLAG_SCORED
        if self._levels["keep"] == "results":
            backend.keep(index, result)
        if self._passes[data] == 0:
            flags |= FLAG_FIRST_PASS
        wait_ns = load_began - self._ended if self._ended else 0
        row = [
            index, t0, wait_ns, load_ended - load_began, *backend.spans, t1 - t0, score_ns, cpu_ended - cpu_began,
            1, backend.detections(result), flags, 0,
        ]  # fmt: skip
        self._ended = t1 + score_ns
        self._records.add(self._arm, self._seq, row, self._ended, self._ended - load_began)
        self._seq += 1
        self._advance(data)
        if score_ns:
            self._value()

    def _advance(self, data: str) -> None:
        self._place[data] += 1
        if self._place[data] >= self._backend.images(data):
            self._place[data] = 0
            self._passes[data] += 1

    def _value(self) -> None:
        images, of = self._backend.coverage()
        whole = images == of
        began = self._clock()
        spacing = max(VALUE_LEAST_NS, VALUE_SPACING * self._value_cost)
        due = self._value_at is None or began - self._value_at >= spacing
        if not due and (self._was_whole or not whole):
            return
        accuracy = self._backend.accuracy()
        self._value_at = self._clock()
        self._value_cost = self._value_at - began
        self._was_whole = whole
        self._outlet.send(Value(self._lane, self._arm, self._value_at, images, of, self._value_cost, accuracy))

    def _take(self, orders: list[Frame]) -> None:
        for order in orders:
            if isinstance(order, SetOrder):
                self._set(order)
            elif isinstance(order, GateOrder):
                self._gate(order)
            elif isinstance(order, StopOrder):
                self._records.flush()
                self.stopped = True
                self._answer(order.id, "done")

    def _set(self, order: SetOrder) -> None:
        try:
            levels = switches.changed(self._levels, order.levels)
        except ValueError as wrong:
            self._answer(order.id, "refused", str(wrong))
            return
        refusal = self._backend.refusal(levels)
        if refusal:
            self._answer(order.id, "refused", refusal)
        elif levels == self._levels:
            self._records.flush()
            self._answer(order.id, "same")
        else:
            self._records.flush()
            self._backend.apply(levels)
            self._levels = levels
            self._arm += 1
            self._outlet.send(Arm(self._lane, self._arm, self._seq, self._clock(), levels))
            self._answer(order.id, "done")

    def _gate(self, order: GateOrder) -> None:
        self._records.flush()
        if order.open == self._open:
            self._answer(order.id, "same")
            return
        self._open = order.open
        self._outlet.send(Gate(self._lane, order.open, self._seq, self._clock()))
        self._answer(order.id, "done")

    def _answer(self, order_id: int, outcome: str, text: str = "") -> None:
        self._outlet.send(Answer(order_id, self._lane, self._clock(), self._seq, outcome, text))
