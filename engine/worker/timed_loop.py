"""The timed loop: command, gate, load, t0, predict, t1, score, keep, record. Everything measured comes from here.

The loop's own clock reads stand directly before and after predict. Commands are taken only between two images, and
whatever is sent is sent there too.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from quintet.engine.protocol import switches
from quintet.engine.protocol.events import (
    FLAG_FIRST_PASS,
    FLAG_LATE,
    FLAG_SCORED,
    FLAG_WARM_UP,
    Answer,
    Arm,
    Frame,
    Gate,
    Levels,
    Step,
    Telemetry,
    Value,
    Work,
)
from quintet.engine.protocol.orders import GateOrder, LaneOrder, SetOrder, StopOrder, ValuesOrder
from quintet.engine.worker.backend import Backend, LoadFault, Unreadable
from quintet.engine.worker.cursor import Cursor
from quintet.engine.worker.pacing import Pacing
from quintet.engine.worker.records import FLUSH_NS, Outlet, Records
from quintet.engine.worker.scoring_thread import Handover
from quintet.engine.worker.work import Work as WorkRead
from quintet.engine.worker.work import WorkMeter

LATE_NS = 1_000_000
CPU_UNREAD = 0
"""What stands in the column `cpu`: reading it beside predict would move waiting out of the timed span (work.py)."""
TELL_NS = 1_000_000_000
WARM_UP_IMAGES, WARM_UP_LEAST, WARM_UP_NS = 30, 3, 20_000_000_000
VALUE_SPACING, VALUE_LEAST_NS = 20, 1_000_000_000
"""Accuracy is computed again when this many times its last cost has passed, so it takes at most 5 % of the time, and
not more than once a second: nobody reads it faster, and each one is 200 bytes of journal."""


class Timed(NamedTuple):
    """The clock's readings of one call."""

    load_began: int
    t0: int
    t1: int


class Unread(NamedTuple):
    """How many pictures of a data set could not be decoded in the run, and why the first could not."""

    count: int  # type: ignore[assignment]  # nobody counts in this tuple
    example: str


class TimedLoop:
    """One lane's loop over one backend."""

    def __init__(
        self,
        order: LaneOrder,
        backend: Backend,
        outlet: Outlet,
        clock: Callable[[], int] = time.monotonic_ns,
        work: Callable[[], WorkRead] | None = None,
    ) -> None:
        """`clock` returns nanoseconds, `work` what the process has had of the cores so far."""
        self.stopped = False
        self._lane, self._levels, self._arm, self._seq = order.lane, order.levels, order.arm, order.seq
        self._backend, self._outlet, self._clock = backend, outlet, clock
        self._work = work or WorkMeter().read
        self._worked_at = 0
        self._records = Records(order.lane, outlet)
        self._pacing = Pacing()
        self._handover = Handover(backend.score_copy)
        self._cursors = {data: Cursor(backend.images(data)) for data in ("inference", "validation")}
        self._unreadable: dict[str, Unread] = {}
        self._open = False
        self._ended = self._told_at = 0
        self._value_at: int | None = None
        self._value_cost = 0
        self._was_whole = False
        self._values_held = False
        self._value_ns = self._keep_ns = 0
        """Spent on a value and on keeping since the last row."""

    def begin(self) -> None:
        """Put the starting levels in force and say so."""
        self._apply(self._levels)
        self._outlet.send(Arm(self._lane, self._arm, self._seq, self._clock(), self._levels))

    def _apply(self, levels: Levels) -> None:
        if levels["score"] != "thread":
            self._handover.finish()  # leaving the thread is confirmed when nothing is left in it
        self._backend.apply(levels)
        self._pacing.apply(levels)
        self._levels = levels

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
            self._take(self._outlet.orders())
            self.image(FLAG_WARM_UP)
            if done == 0:
                self._backend.first_predict_done()
            done += int(str(self._levels["batch"]))
        self._records.flush()
        self._outlet.send(Step(self._lane, self._clock(), "warm_up", "done", done, done))
        return done

    def run(self) -> None:
        """Images until a stop order or the supervisor's end; parked while the gate is closed."""
        wait_ns: int | None = None
        while True:
            self._take(self._outlet.orders(wait_ns))
            if self._outlet.closed:
                self.stopped = True
            if self.stopped:
                break
            wait_ns = self._until_next()
            if wait_ns == 0:
                self.image(0)
                if self._ended - self._told_at >= TELL_NS:
                    self._tell()
                wait_ns = self._until_next()
        self._handover.finish()
        self._records.flush()

    def _until_next(self) -> int | None:
        """How long to wait for orders before the next image: 0 not at all, None until the gate is opened."""
        if not self._open:
            return None
        if self._levels["pace"] == "closed" and not self._levels["think"]:
            return 0
        now = self._clock()
        wait_ns = max(0, self._pacing.wait_ns(now, self._ended))
        if wait_ns:
            self._records.flush_before(wait_ns, now)
        return wait_ns

    def _tell(self) -> None:
        """What only this process knows of itself, about once a second, between two images."""
        self._told_at = self._ended
        collections = sum(generation["collections"] for generation in gc.get_stats())
        values = {"lane": self._lane, "held_bytes": self._backend.held_bytes(), "gc_collections": collections}
        values |= {"skipped": self._pacing.skipped, "kept_short": self._backend.kept_short()}
        if self._unreadable:
            values["notes"] = [
                {"data": data, "kind": "unreadable", "count": one.count, "example": one.example}
                for data, one in self._unreadable.items()
            ]
        self._outlet.send(Telemetry(self._told_at, self._told_at, values))

    def image(self, flags: int) -> None:
        """One call: one image, or `batch` of them. One that cannot be decoded is left out, and no row comes of the call."""
        data = str(self._levels["data"])
        try:
            self._call(flags, data)
        except _LeftOut as wrong:
            self._leave_out(data, wrong.index, str(wrong))

    def _call(self, flags: int, data: str) -> None:
        """Load, time, score, keep and record one call. Raises _LeftOut."""
        backend, clock, levels = self._backend, self._clock, self._levels
        cursor = self._cursors[data]
        synchronize = backend.synchronize if levels["sync"] == "each" else _nothing
        indices = cursor.next(int(str(levels["batch"])))
        if levels["score"] == "thread":
            self._handover.wait_for_room()
        load_began = clock()
        pictures, loads = self._load(data, indices, load_began)
        one = len(pictures) == 1
        predict, asked = (backend.predict, pictures[0]) if one else (backend.predict_many, pictures)
        synchronize()
        try:
            t0 = clock()
            result = predict(asked)
            synchronize()
            t1 = clock()
        except Exception:
            self._read_again(data, indices)
            raise
        results = [result] if one else result
        if len(results) != len(indices):
            self._read_again(data, indices)
        flags |= FLAG_FIRST_PASS if cursor.passes == 0 else 0
        scores = self._score(indices, results, t1)
        flags |= FLAG_SCORED if levels["score"] != "off" else 0
        self._record(Timed(load_began, t0, t1), indices, loads, scores, results, flags)
        if levels["keep"] == "results":
            self._keep(indices, results)
        cursor.advance(len(indices))
        if flags & FLAG_SCORED and not self._values_held:
            self._value()
        if self._ended - self._worked_at >= FLUSH_NS:
            self._tell_work()

    def _keep(self, indices: list[int], results: list[Any]) -> None:
        """Keep a call's results; what that took is in the next row."""
        began = self._clock()
        for index, kept in zip(indices, results, strict=True):
            self._backend.keep(index, kept)
        self._keep_ns += self._clock() - began

    def _tell_work(self) -> None:
        """What this process has had of the cores: about once a flush, and before each answer."""
        self._worked_at = self._clock()
        self._outlet.send(Work(self._lane, self._worked_at, self._seq, *self._work()))

    def _load(self, data: str, indices: list[int], began: int) -> tuple[list[Any], list[int]]:
        """The pictures of a call, or their paths, and what reading each took; `path` leaves that to predict."""
        if self._levels["source"] == "path":
            return [self._backend.path(data, index) for index in indices], [0] * len(indices)
        pictures, loads = [], []
        for index in indices:
            pictures.append(self._read(data, index))
            ended = self._clock()
            loads.append(ended - began)
            began = ended
        return pictures, loads

    def _read(self, data: str, index: int) -> Any:
        try:
            return self._backend.read(data, index)
        except Unreadable as wrong:
            raise _LeftOut(index, str(wrong)) from wrong

    def _read_again(self, data: str, indices: list[int]) -> None:
        """A predict that read its pictures itself failed: look whether one of them is why. Raises _LeftOut."""
        if self._levels["source"] == "path":
            for index in indices:
                self._read(data, index)

    def _leave_out(self, data: str, index: int, why: str) -> None:
        """Go on without an image. Raises LoadFault when none is left."""
        self._cursors[data].leave_out(index)
        self._backend.leave_out(data, index)
        before = self._unreadable.get(data)
        self._unreadable[data] = Unread(before.count + 1, before.example) if before else Unread(1, why)
        self._told_at = self._ended - TELL_NS  # at the next edge
        try:
            self._cursors[data].next(1)
        except LookupError:
            raise LoadFault(f"no {data} picture can be read any more; the last: {why}. Put the pictures back") from None

    def _record(
        self, timed: Timed, indices: list[int], loads: list[int], scores: list[int], results: list[Any], flags: int
    ) -> None:
        """One row an image; each of a batch has the whole call's times."""
        delay_ns = self._pacing.taken(timed.t0, len(indices))
        flags |= FLAG_LATE if delay_ns > LATE_NS else 0
        value_ns, keep_ns, self._value_ns, self._keep_ns = self._value_ns, self._keep_ns, 0, 0
        wait_ns = timed.load_began - self._ended - value_ns - keep_ns if self._ended else 0
        gap = [wait_ns, value_ns, keep_ns]
        self._ended = timed.t1 + sum(scores)
        cycle_ns = self._ended - timed.load_began
        for place, index in enumerate(indices):
            row = [
                index, timed.t0, gap[0], loads[place], *self._backend.spans, timed.t1 - timed.t0, scores[place], CPU_UNREAD,
                len(indices), self._backend.detections(results[place]), flags, delay_ns, *gap[1:],
            ]  # fmt: skip
            gap = [0, 0, 0]
            self._records.add(self._arm, self._seq, row, self._ended, cycle_ns)
            self._seq += 1

    def _score(self, indices: list[int], results: list[Any], began: int) -> list[int]:
        """Score a call's results in order, or hand them over; nanoseconds that each took the loop, from began on."""
        how = self._levels["score"]
        if how == "off":
            return [0] * len(indices)
        took = []
        for place, (index, result) in enumerate(zip(indices, results, strict=True)):
            if how == "inline":
                self._backend.score(index, result, place)
            else:
                self._handover.hand_over(index, self._backend.copy(result, place))
            ended = self._clock()
            took.append(ended - began)
            began = ended
        return took

    def _value(self) -> None:
        images, of = self._backend.coverage()
        if not images:
            return
        whole = images == of
        began = self._clock()
        spacing = max(VALUE_LEAST_NS, VALUE_SPACING * self._value_cost)
        due = self._value_at is None or began - self._value_at >= spacing
        if not due and (self._was_whole or not whole):
            return
        with self._handover.lock:
            images, of = self._backend.coverage()
            accuracy = self._backend.accuracy()
        self._value_at = self._clock()
        self._value_cost = self._value_at - began
        self._value_ns += self._value_cost
        self._was_whole = whole
        self._outlet.send(Value(self._lane, self._arm, self._value_at, images, of, self._value_cost, accuracy))

    def _take(self, orders: list[Frame]) -> None:
        for order in orders:
            if isinstance(order, ValuesOrder):
                self._values_held = not order.on
            elif isinstance(order, SetOrder):
                self._value_at_edge()
                self._set(order)
            elif isinstance(order, GateOrder):
                self._value_at_edge()
                self._gate(order)
            elif isinstance(order, StopOrder):
                self._records.flush()
                self.stopped = True
                self._answer(order.id, "done")

    def _value_at_edge(self) -> None:
        """While a plan holds values, the moments before an answer are outside its measured parts."""
        if self._values_held and self._levels["score"] != "off":
            self._value()

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
            self._apply(levels)
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
        self._tell_work()
        self._outlet.send(Answer(order_id, self._lane, self._clock(), self._seq, outcome, text))


class _LeftOut(Exception):
    """An image of the call cannot be decoded; its text says why."""

    def __init__(self, index: int, why: str) -> None:
        super().__init__(why)
        self.index = index


def _nothing() -> None:
    """No synchronisation."""
