"""Fold a journal's events into a Session: what happened, with no clock, no files and no chance.

Everything that shows anything folds the same events, so a live screen, a replay and a report cannot disagree.
What depends on the time of looking is in view.py; cells and comparisons are in tables.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from quintet.engine.protocol import events as ev
from quintet.engine.protocol.backends import facts
from quintet.engine.protocol.events import LOST, MOST, Levels, ends_lane
from quintet.engine.protocol.plan_messages import BlockCell, PlanDescription, told_cell, told_plan
from quintet.engine.protocol.validation import checked
from quintet.engine.session.lane import Gap, KeptShort, Lane, StepState
from quintet.engine.session.unknown_spans import Doubt

MOST_STEPS = 16
"""A lane's loading steps that are remembered; it has three."""
GAP_NS = 2_000_000_000
"""An active lane without an image for this long is told on the screen."""


class Change(NamedTuple):
    """One lane's state from a time on: its levels while it is active, None while it is not."""

    t_ns: int
    lane: int
    levels: Levels | None


@dataclass
class Asked:
    """A command and the answers it got, by lane."""

    command: ev.Command
    answers: dict[int, ev.Answer] = field(default_factory=dict)


class ToldPlan(NamedTuple):
    """What a plan said of itself, and when."""

    t_ns: int
    description: PlanDescription


@dataclass
class Block:
    """A planned block; `end` is None while it runs."""

    start: ev.BlockStart
    cell: BlockCell
    end: ev.BlockEnd | None = None

    @property
    def counts(self) -> bool:
        """Whether it is over and not void."""
        return self.end is not None and not self.end.void


class Images(NamedTuple):
    """A `samples` event that can be folded; `rows` is what `_read_rows` made of its rows."""

    lane: Lane
    arm: int
    first_seq: int
    rows: Any


@dataclass
class Session:
    """The state of a session after the events folded so far."""

    start: ev.Start | None = None
    lanes: list[Lane] = field(default_factory=list)
    asked: dict[int, Asked] = field(default_factory=dict)
    telemetry: list[ev.Telemetry] = field(default_factory=list)
    marks: list[ev.Mark] = field(default_factory=list)
    clocks: list[ev.Clock] = field(default_factory=list)
    plans: list[ToldPlan] = field(default_factory=list)
    """What plans said of themselves, in order."""
    blocks: list[Block] = field(default_factory=list)
    """Planned blocks of all plans in order; a block's number is its place here."""
    faults: list[ev.Fault] = field(default_factory=list)
    """Faults of the session itself."""
    end: ev.End | None = None
    last_ns: int = 0
    """The latest time that any event tells."""
    memo: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """What others worked out from it, kept with it."""
    doubt: Doubt = field(default_factory=Doubt)
    """When the setting was not known, because bytes of the log were lost."""
    left_out: dict[str, int] = field(default_factory=dict)
    """Events that could not be used, by kind: of a lane that does not exist, or with something wrong in a field."""
    _changes: list[Change] = field(default_factory=list, repr=False)
    _in_order: bool = field(default=True, repr=False)
    _block_places: dict[int, int] = field(default_factory=dict, repr=False)
    """Where in `blocks` the last block of a number stands."""

    def fold(self, arrays: Iterable[Sequence[Any]]) -> None:
        """Take decoded journal events in order. Unknown kinds are skipped; what cannot be used is counted in left_out.

        Nothing can be made of what comes before `start`, so it is skipped.
        """
        for array in arrays:
            if self.start is None and array[0] != "start":
                continue
            if array[0] == LOST:
                self.doubt.begin(self.last_ns)
                continue
            try:  # only what reads the event: whatever is wrong from then on is a defect of ours
                frame = self._usable(array)
            except ValueError:  # msgspec's are ValueErrors
                self.left_out[array[0]] = self.left_out.get(array[0], 0) + 1
                continue
            if isinstance(frame, Images):
                self._samples(frame)
            elif frame is not None:
                FOLDS[type(frame)](self, frame)

    def _usable(self, array: Sequence[Any]) -> Any:
        """The event of an array, checked whole; None for an unknown kind. Raises ValueError, and changes nothing."""
        if array[0] != "samples":
            return checked(array, None if self.start is None else len(self.lanes))
        _, number, arm, first_seq, rows, *_ = array  # too few is a ValueError too; msgspec would cost a fifth of a fold
        if type(number) is not int or not 0 <= number < len(self.lanes):
            raise ValueError("there is no such lane")
        if type(arm) is not int or type(first_seq) is not int or not (0 <= arm <= MOST and 0 <= first_seq <= MOST):
            raise ValueError("an arm and a seq are counts")
        lane = self.lanes[number]
        return Images(lane, arm, first_seq, self._read_rows(lane, rows))

    @property
    def changes(self) -> list[Change]:
        """Every change of a lane's state, sorted by time; changes of one moment stay in journal order."""
        if not self._in_order:
            self._changes.sort(key=lambda change: change.t_ns)
            self._in_order = True
        return self._changes

    @property
    def simulated(self) -> bool:
        """Whether the machine is the simulated one."""
        return any(facts(lane.backend).one_process for lane in self.lanes)

    @property
    def origin_ns(self) -> int:
        """Where the session's own time begins."""
        return self.start.t_ns if self.start else 0

    @property
    def begun_ns(self) -> int | None:
        """The common start: when the first gate opened."""
        return min((lane.gates[0].t_ns for lane in self.lanes if lane.gates), default=None)

    def _samples(self, images: Images) -> None:
        lane = images.lane
        timed = self._take_rows(images)
        lane.holes += max(0, images.first_seq - lane.next_seq)
        lane.next_seq = images.first_seq + images.rows.count
        if lane.stuck_ns is not None:
            until_ns = lane.stuck_ns if timed is None else max(lane.stuck_ns, timed[1])
            lane.lives.append(lane.life(until_ns))
            lane.stuck_ns = None
        if timed is not None:
            self._belongs(lane, images.arm, timed[0])
            self._see(timed[1])

    def _read_rows(self, lane: Lane, rows: Any) -> Any:
        """What the rows of a `samples` add to a lane, their `count` with it. Raises ValueError, and changes nothing."""
        return lane.rows.read(rows)

    def _take_rows(self, images: Images) -> tuple[int, int] | None:
        """Keep these rows; the starts of the first and last timed image among them."""
        lane, new = images.lane, images.rows
        before = len(lane.rows)
        lane.rows.take(images.arm, new)
        if len(lane.rows) == before:
            return None
        lane.late_ns.extend(new.late_ns)
        self._find_gaps(lane, max(before, 1))
        return lane.rows.start_ns[before], lane.rows.start_ns[-1]

    def _find_gaps(self, lane: Lane, first: int) -> None:
        starts = lane.rows.start_ns
        for index in range(first, len(starts)):
            if starts[index] - starts[index - 1] > GAP_NS:
                ended = lane.rows.end_ns(index - 1)
                opened = lane.gates[-1].t_ns if lane.gates else 0
                if starts[index] - ended > GAP_NS and opened < ended:
                    lane.gaps.append(Gap(ended, starts[index]))

    def _belongs(self, lane: Lane, arm: int, t_ns: int) -> None:
        """Timed images of an arm: one that was never told means that its `arm` was lost; one that was ends a doubt."""
        if not lane.arms or arm > lane.arms[-1].arm:
            if not self.doubt.lasts:
                self.doubt.begin(t_ns)
        elif self.doubt.lasts and arm == lane.arms[-1].arm:
            self.doubt.sure(lane.number)
            self._resolve(t_ns)

    def _resolve(self, t_ns: int) -> None:
        """Once all is known again, say so for every lane."""
        if self.doubt.active is not None and self.doubt.end(max(t_ns, self.last_ns)):
            for lane in self.lanes:
                lane.open = lane.number in self.doubt.active
                self._change(self.doubt.spans[-1][1] or t_ns, lane)

    def _see(self, t_ns: int) -> None:
        self.last_ns = max(self.last_ns, t_ns)

    def _change(self, t_ns: int, lane: Lane) -> None:
        change = Change(t_ns, lane.number, lane.arms[-1].levels if lane.open and lane.arms else None)
        self._in_order = self._in_order and (not self._changes or self._changes[-1].t_ns <= t_ns)
        self._changes.append(change)

    def _start(self, event: ev.Start) -> None:
        self.start = event
        self._see(event.t_ns)
        self.lanes = [
            Lane(number, lane["name"], lane["task"], lane.get("threads", 1), backend=lane.get("backend") or "")
            for number, lane in enumerate(event.manifest["lanes"])
        ]

    def _step(self, event: ev.Step) -> None:
        self._see(event.t_ns)
        lane = self.lanes[event.lane]
        if event.step == "model" and event.state == "begun":
            self.doubt.closed(event.lane)
        if event.step == "model" and event.state == "begun" and (lane.ready is not None or lane.failed_ns is not None):
            self._begin_again(event.t_ns, lane)
        before = lane.steps.get(event.step)
        begun = event.t_ns if before is None or before.state == "done" else before.begun_ns
        if before is None and len(lane.steps) == MOST_STEPS:
            return
        lane.steps[event.step] = StepState(event.state, event.done, event.of, begun, event.t_ns)

    def _begin_again(self, t_ns: int, lane: Lane) -> None:
        """A restart: loading from the beginning, and out of every setting until its gate opens."""
        lane.lives.append(lane.life(t_ns))
        lane.steps.clear()
        lane.ready = lane.failed_ns = lane.stuck_ns = None
        lane.run_notes = []
        if lane.open:
            lane.open = False
            self._change(t_ns, lane)

    def _ready(self, event: ev.Ready) -> None:
        self._see(event.t_ns)
        self.lanes[event.lane].ready = event

    def _arm(self, event: ev.Arm) -> None:
        self._see(event.t_ns)
        lane = self.lanes[event.lane]
        lane.arms.append(event)
        if lane.open:
            self._change(event.t_ns, lane)
        if self.doubt.lasts:
            self.doubt.sure(event.lane)
            self._resolve(event.t_ns)

    def _gate(self, event: ev.Gate) -> None:
        self._see(event.t_ns)
        lane = self.lanes[event.lane]
        lane.gates.append(event)
        lane.open = event.open
        self._change(event.t_ns, lane)
        if self.doubt.lasts:
            (self.doubt.opened if event.open else self.doubt.closed)(event.lane)
            self._resolve(event.t_ns)

    def _value(self, event: ev.Value) -> None:
        self._see(event.t_ns)
        self.lanes[event.lane].values.append(event)

    def _work(self, event: ev.Work) -> None:
        self._see(event.t_ns)
        self.lanes[event.lane].works.append(event)

    def _telemetry(self, event: ev.Telemetry) -> None:
        self._see(event.t_ns)
        self.telemetry.append(event)
        for told in event.values.get("lanes") or ():
            lane = self.lanes[told["lane"]]
            if told.get("kept_short") and lane.kept_short is None:
                lane.kept_short = KeptShort(event.t_ns, told["kept_short"])
            skipped = told.get("skipped")
            if skipped is not None and (not lane.skipped or lane.skipped[-1][1] != skipped):
                lane.skipped.append((event.t_ns, skipped))
            if told.get("notes") is not None:
                lane.run_notes = told["notes"]
        active = event.values.get("active")
        if self.doubt.lasts and active is not None:
            self.doubt.told(active)
            self._resolve(event.t_ns)

    def _command(self, event: ev.Command) -> None:
        self._see(event.t_ns)
        self.asked[event.id] = Asked(event)
        if "plan" in event.what:
            self.plans.append(ToldPlan(event.t_ns, told_plan(event.what)))

    def _answer(self, event: ev.Answer) -> None:
        self._see(event.t_ns)
        if event.id in self.asked:
            self.asked[event.id].answers[event.lane] = event
        if event.outcome == "silent":
            self.lanes[event.lane].stuck_ns = event.t_ns

    def _block_start(self, event: ev.BlockStart) -> None:
        self._see(event.started_ns)
        self._block_places[event.block] = len(self.blocks)
        self.blocks.append(Block(event, told_cell(event.cell)))

    def _block_end(self, event: ev.BlockEnd) -> None:
        self._see(event.t_ns)
        place = self._block_places.get(event.block)
        if place is not None:
            block = self.blocks[place]
            lost = self.doubt.touches(block.start.started_ns, event.t_ns)
            block.end = (
                event._replace(void=event.void or "part of it was lost with bytes of the log") if lost else event
            )

    def _mark(self, event: ev.Mark) -> None:
        self._see(event.t_ns)
        self.marks.append(event)

    def _stall(self, event: ev.Stall) -> None:
        self._see(event.t_ns)

    def _lost(self, event: ev.Lost) -> None:
        self._see(event.t_ns)
        self.lanes[event.lane].lost += event.count

    def _fault(self, event: ev.Fault) -> None:
        self._see(event.t_ns)
        if event.lane is None:
            self.faults.append(event)
            return
        lane = self.lanes[event.lane]
        lane.faults.append(event)
        if event.kind == "stuck":
            lane.stuck_ns = event.t_ns
        elif not ends_lane(event.kind):  # a newer quintet's: whether the lane still runs is not known here
            self.doubt.begin(event.t_ns)
        elif lane.failed_ns is None:
            lane.failed_ns = event.t_ns
            lane.open = False
            self._change(event.t_ns, lane)
            if self.doubt.lasts:
                self.doubt.closed(event.lane)
                self._resolve(event.t_ns)

    def _clock(self, event: ev.Clock) -> None:
        self._see(event.t_ns)
        self.clocks.append(event)

    def _check(self, event: ev.Check) -> None:
        """Checks are the reader's business."""

    def _end(self, event: ev.End) -> None:
        self._see(event.t_ns)
        self.end = event


FOLDS: dict[type, Any] = {
    ev.Start: Session._start, ev.Step: Session._step, ev.Ready: Session._ready, ev.Arm: Session._arm,
    ev.Gate: Session._gate, ev.Value: Session._value, ev.Telemetry: Session._telemetry,
    ev.BlockStart: Session._block_start, ev.BlockEnd: Session._block_end,
    ev.Command: Session._command, ev.Answer: Session._answer, ev.Mark: Session._mark, ev.Stall: Session._stall,
    ev.Lost: Session._lost, ev.Work: Session._work, ev.Fault: Session._fault, ev.Clock: Session._clock,
    ev.Check: Session._check, ev.End: Session._end,
}  # fmt: skip
"""What each kind does; every kind of events.JOURNAL but `samples`, which has a quicker way."""


def folded(arrays: Iterable[Sequence[Any]]) -> Session:
    """The session of these events."""
    session = Session()
    session.fold(arrays)
    return session
