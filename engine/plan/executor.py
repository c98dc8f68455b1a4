"""A plan carried out: which commands, when, and which blocks came of them. A pure state machine, for the supervisor and
for the simulated machine alike.

    stepping = Stepping(plan, first_block=len(session.blocks))
    for action in stepping.next(now_ns, next_command_id):   # obey in order: Send, Append, Over
        ...
    stepping.take(frame)    # every frame that is appended to the journal, in order (answers, faults, samples, ready)
    stepping.wake_ns        # call next() again at this time at the latest; None: when a frame has come

A Send's id counts up from the given next_command_id, so an answer may be taken before the Sends are all out; nobody else
may use an id in between. After each `take`, and at wake_ns, call `next` again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias, Union

from quintet.engine.plan import plan as plans
from quintet.engine.plan.plan import LEAST_IMAGES, Plan, Visit
from quintet.engine.protocol.events import (
    COLUMNS,
    FLAG_WARM_UP,
    Answer,
    BlockEnd,
    BlockStart,
    Fault,
    Frame,
    Ready,
    Samples,
    Step,
)
from quintet.engine.protocol.switches import Level
from quintet.engine.session.settings import BLOCK_MOST_NS, BURN_IN_NS

CALIBRATION_NS, LOOK_AGAIN_NS = 2_000_000_000, 250_000_000
"""A calibration visit lasts at least so long; how often it looks whether it has enough images."""
SILENT_MOST = 2
"""A lane that leaves so many blocks in a row unanswered is left out of the rest."""
REFUSED_MOST = 2
"""A cell that was refused so often is left out of the rest."""
_START, _FLAGS = COLUMNS.index("start"), COLUMNS.index("flags")


class Send(NamedTuple):
    """Give this command, `{"set": levels}` or `{"gate": open}`, to these lanes and journal it as `command` with this id.

    Without lanes it is the session's, `{"plan": description}`: journal it, nothing answers.
    """

    id: int
    what: dict[str, Any]
    lanes: tuple[int, ...]


class Append(NamedTuple):
    """Append this `block_start` or `block_end` to the journal."""

    frame: BlockStart | BlockEnd


class Over(NamedTuple):
    """The plan is over: `planned` (its rounds are done), `stopped`, or `lanes` (none is left to measure)."""

    reason: str


Action: TypeAlias = Union[Send, Append, Over]


@dataclass
class _Entering:
    """A visit whose commands are out: who has not answered, and when the latest did."""

    visit: Visit
    lanes: tuple[int, ...]
    requested_ns: int
    waiting: set[tuple[int, int]]
    latest_ns: int
    spoilt: str = ""
    repeat: bool = False
    silent: set[int] = field(default_factory=set)
    """The lanes that did not answer."""


@dataclass
class _Running:
    """A block under way."""

    visit: Visit
    lanes: tuple[int, ...]
    start: BlockStart
    ends_ns: int
    spoilt: str = ""
    repeat: bool = False
    seen: dict[int, list[int]] = field(default_factory=dict)
    """Of a calibration: each lane's first and last call's start after the burn-in, and how many calls and images."""


class Stepping:
    """Carries one plan out. `over` is set once Over was given."""

    def __init__(
        self,
        plan: Plan,
        first_block: int = 0,
        home: Mapping[int, Mapping[str, Level]] | None = None,
        slowest_cycles_ns: list[float] | None = None,
        cycles_ns: Mapping[int, int] | None = None,
    ) -> None:
        """first_block: how many blocks the session has. home: what each lane is set to afterwards, by default the plan's
        first level (`validation` of a study). slowest_cycles_ns: the mean cycle of the slowest lane of each regime,
        where it is known; without it each regime is calibrated first, in blocks that are void. cycles_ns: each lane's last
        time from call to call, for a calibration that is too short to see one.
        """
        self.plan = plan
        self.over = False
        self.wake_ns: int | None = None
        self._home = home
        self._next_block = first_block
        self._cycles = slowest_cycles_ns
        self._last_cycles = dict(cycles_ns or {})
        self._queue: deque[Visit] = deque()
        self._round = plans.CALIBRATION_ROUND
        self._measured: dict[int, float] = {}
        self._begun_ns: int | None = None
        self._entering: _Entering | None = None
        self._running: _Running | None = None
        self._gone: set[int] = set()
        self._outside: set[int] = set(range(len(plan.names))) - set(plan.lanes)
        self._to_park: set[int] = set()
        self._silent: dict[int, int] = {}
        self._refused: dict[tuple[int, plans.LaneLevels], int] = {}
        self._paused = self._stopped = False
        self._id = 0
        self._now = 0

    # -- what happens -------------------------------------------------------------------------------------------------

    def take(self, frame: Frame) -> None:
        """Take a frame that was appended to the journal."""
        if isinstance(frame, Samples):
            if self._running is not None and self._running.visit.round == plans.CALIBRATION_ROUND:
                self._count(self._running, frame)
        elif isinstance(frame, Answer):
            self._answered(frame)
        elif isinstance(frame, Fault) and frame.lane is not None and frame.kind != "stuck":
            self._drop(frame.lane, f"{self.plan.names[frame.lane]} ended")
        elif isinstance(frame, Step) and (frame.step, frame.state) == ("model", "begun"):
            self._drop(frame.lane, f"{self.plan.names[frame.lane]} was restarted")
        elif isinstance(frame, Ready) and (frame.lane in self._gone or frame.lane in self._outside):
            self._gone.discard(frame.lane)
            self._outside.add(frame.lane)  # it is parked in every block from now on, and measured in none
            self._spoil(f"{self.plan.names[frame.lane]} came back", repeat=True)

    def pause(self) -> None:
        """End the block under way as void; the lanes run on. `resume` repeats it."""
        self._paused = True

    def resume(self) -> None:
        """Go on after a pause."""
        self._paused = False

    def stop(self) -> None:
        """End the plan early, with what it has."""
        self._stopped = True

    def _answered(self, answer: Answer) -> None:
        entering, key = self._entering, (answer.id, answer.lane)
        if entering is None or key not in entering.waiting:
            return
        entering.waiting.discard(key)
        entering.latest_ns = max(entering.latest_ns, answer.t_ns)
        name = self.plan.names[answer.lane]
        if answer.outcome == "silent":
            if answer.lane not in entering.silent:  # it may leave two commands of one visit unanswered
                entering.silent.add(answer.lane)
                self._silent[answer.lane] = self._silent.get(answer.lane, 0) + 1
            self._spoil(f"{name} did not answer", repeat=False)
            if self._silent.get(answer.lane, 0) >= SILENT_MOST:
                self._drop(answer.lane, f"{name} did not answer")
                self._to_park.add(answer.lane)
            return
        self._silent.pop(answer.lane, None)
        if answer.outcome == "refused":
            cell = (entering.visit.regime, entering.visit.levels)
            self._refused[cell] = self._refused.get(cell, 0) + 1
            self._spoil(f"{name} refused: {answer.text}", repeat=False)

    def _drop(self, lane: int, why: str) -> None:
        """A lane is left out of all that follows."""
        self._outside.discard(lane)
        if lane in self._gone:
            return
        self._gone.add(lane)
        for place in (self._entering, self._running):
            if place is not None and lane in place.lanes:
                self._spoil(why, repeat=len(place.lanes) > 1)
        if self._entering is not None:
            self._entering.waiting = {key for key in self._entering.waiting if key[1] != lane}

    def _spoil(self, why: str, *, repeat: bool) -> None:
        for place in (self._entering, self._running):
            if place is not None:
                place.repeat = repeat if not place.spoilt else place.repeat or repeat
                place.spoilt = place.spoilt or why

    @staticmethod
    def _count(running: _Running, samples: Samples) -> None:
        measured_from = running.start.started_ns + running.start.burn_in_ns
        for row in samples.rows:
            if row[_START] >= measured_from and not row[_FLAGS] & FLAG_WARM_UP:
                seen = running.seen.setdefault(samples.lane, [row[_START], -1, 0, 0])
                seen[2] += row[_START] != seen[1]
                seen[3] += 1
                seen[1] = row[_START]

    # -- what to do ---------------------------------------------------------------------------------------------------

    def next(self, now_ns: int, next_command_id: int) -> list[Action]:
        """What to do now, in order. Sets wake_ns."""
        self._now, self._id = now_ns, next_command_id
        actions: list[Action] = []
        if self._begun_ns is None:
            self._begun_ns = now_ns
            actions += self._begin()
        self.wake_ns = None
        while not self.over:
            step = self._step()
            if not step:
                break
            actions += step
        return actions

    def _begin(self) -> list[Action]:
        if self._cycles is not None:
            return self._fix(self._cycles)
        self._queue.extend(plans.calibration(self.plan))
        return [self._send({"plan": plans.describe(self.plan)}, ())]

    def _send(self, what: dict[str, Any], lanes: tuple[int, ...]) -> Send:
        self._id += 1
        return Send(self._id - 1, what, lanes)

    def _step(self) -> list[Action]:
        if self._running is not None:
            return self._run(self._running)
        if self._entering is not None:
            return self._enter(self._entering)
        if self._stopped:
            return self._finish("stopped")
        return [] if self._paused else self._go_on()

    def _run(self, running: _Running) -> list[Action]:
        void, ended = running.spoilt, self._now
        if not void and (self._paused or self._stopped):
            void = "paused" if self._paused else "stopped"
            running.repeat = self._paused
        if not void and running.visit.round == plans.CALIBRATION_ROUND:
            if not self._calibrated(running):
                return []
            void = "calibration"
        if not void:
            if self._now < running.ends_ns:
                self.wake_ns = running.ends_ns
                return []
            ended = running.ends_ns
        if running.repeat:
            self._queue.appendleft(running.visit)
        self._running = None
        return [Append(BlockEnd(running.start.block, ended, void))]

    def _enter(self, entering: _Entering) -> list[Action]:
        halted = self._paused or self._stopped
        if entering.waiting and not entering.spoilt and not halted:
            return []
        self._entering = None
        start = self._block_start(entering)
        if entering.spoilt or halted:
            if entering.repeat or (halted and not entering.spoilt):
                self._queue.appendleft(entering.visit)
            void = entering.spoilt or ("paused" if self._paused else "stopped")
            return [Append(start), Append(BlockEnd(start.block, max(self._now, start.started_ns), void))]
        ends_ns = start.started_ns + start.burn_in_ns
        if self.plan.lengths:
            ends_ns += self.plan.lengths[entering.visit.regime].measured_ns
        self._running = _Running(entering.visit, entering.lanes, start, ends_ns)
        return [Append(start)]

    def _block_start(self, entering: _Entering) -> BlockStart:
        visit = entering.visit
        burn_in = self.plan.lengths[visit.regime].burn_in_ns if self.plan.lengths else BURN_IN_NS
        self._next_block += 1
        cell = plans.cell_of(self.plan, visit, entering.lanes)
        return BlockStart(
            self._next_block - 1, visit.round, cell, visit.placebo, entering.requested_ns, entering.latest_ns, burn_in
        )

    def _calibrated(self, running: _Running) -> bool:
        """Whether a calibration visit has what it needs; then its slowest lane's cycle is noted."""
        elapsed = self._now - running.start.started_ns
        counts = [running.seen.get(lane, [0, 0, 0, 0])[3] for lane in running.lanes]
        enough = elapsed >= CALIBRATION_NS and min(counts) > LEAST_IMAGES
        if not enough and elapsed < BLOCK_MOST_NS:
            self.wake_ns = max(self._now + LOOK_AGAIN_NS, running.start.started_ns + CALIBRATION_NS)
            return False
        for lane in running.lanes:
            first, last, calls, _ = running.seen.get(lane, [0, 0, 0, 0])
            cycle = (last - first) / (calls - 1) if calls > 1 else float(self._last_cycles.get(lane) or elapsed)
            regime = running.visit.regime
            self._measured[regime] = max(self._measured.get(regime, 0.0), cycle)
        return True

    def _go_on(self) -> list[Action]:
        """Begin the next visit that can be made; at a round's end the next round."""
        if not set(self.plan.lanes) - self._gone - self._outside:
            return self._finish("lanes")
        while self._queue:
            visit = self._queue.popleft()
            lanes = self._lanes_left(visit)
            if lanes and self._refused.get((visit.regime, visit.levels), 0) < REFUSED_MOST:
                return self._visit(visit, lanes)
        if not self.plan.lengths:
            slowest = max(self._measured.values(), default=0.0)
            return self._fix([self._measured.get(regime, slowest) for regime in range(len(self.plan.regimes))])
        self._round += 1
        if self._round >= (self.plan.rounds or 0):
            return self._finish("planned")
        self._queue.extend(plans.visits(self.plan, self._round))
        if not any(self._possible(visit) for visit in self._queue):
            return self._finish("lanes")
        return self._go_on()

    def _possible(self, visit: Visit) -> bool:
        refused = self._refused.get((visit.regime, visit.levels), 0) >= REFUSED_MOST
        return bool(self._lanes_left(visit)) and not refused

    def _lanes_left(self, visit: Visit) -> tuple[int, ...]:
        """The visit's lanes that are still there; none when of several only one is: that is no longer its regime."""
        lanes = self.plan.regimes[visit.regime].lanes
        left = tuple(lane for lane in lanes if lane not in self._gone and lane not in self._outside)
        return left if len(left) > 1 or len(lanes) == 1 else ()

    def _visit(self, visit: Visit, lanes: tuple[int, ...]) -> list[Action]:
        """Send a visit's commands: always all of them, so that a placebo's are the same as any other's."""
        plan = self.plan
        parked = tuple(lane for lane in range(len(plan.names)) if lane not in lanes and lane not in self._gone)
        sends = [self._send({"gate": False}, parked)] if parked else []
        levels = dict(visit.levels)
        for level in dict.fromkeys(levels[lane] for lane in lanes):
            having = tuple(lane for lane in lanes if levels[lane] == level)
            sends.append(self._send({"set": {plan.switch: level}}, having))
        sends.append(self._send({"gate": True}, lanes))
        waiting = {(send.id, lane) for send in sends for lane in send.lanes}
        self._entering = _Entering(visit, lanes, self._now, waiting, self._now)
        if self._to_park:  # should such a lane wake up, it must not disturb the others; nobody waits for it
            sends.append(self._send({"gate": False}, tuple(sorted(self._to_park))))
            self._to_park.clear()
        return list(sends)

    def _fix(self, cycles_ns: list[float]) -> list[Action]:
        """Fix the lengths and the number of rounds, and say so."""
        left = None
        if self.plan.minutes is not None:
            left = round(self.plan.minutes * 60e9) - (self._now - (self._begun_ns or self._now))
        self.plan = plans.fixed(self.plan, cycles_ns, left)
        return [self._send({"plan": plans.describe(self.plan)}, ())]

    def _finish(self, reason: str) -> list[Action]:
        """Say that it is over, and why; every lane is free again, at its own levels."""
        self.over = True
        alive = tuple(lane for lane in range(len(self.plan.names)) if lane not in self._gone)
        actions: list[Action] = [self._send({"plan": plans.describe(self.plan, reason)}, ())]
        first = "validation" if "validation" in self.plan.levels else self.plan.levels[0]
        for lane in (lane for lane in self.plan.lanes if lane in alive):
            levels = dict(self._home[lane]) if self._home and lane in self._home else {self.plan.switch: first}
            actions.append(self._send({"set": levels}, (lane,)))
        if alive:
            actions.append(self._send({"gate": True}, alive))
        return [*actions, Over(reason)]
