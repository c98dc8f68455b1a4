"""A machine whose true effects are known: lanes in a closed queue on one shared device, event by event. Pure and seeded.

It is the acceptance test of the statistics and the profile `simulated`. Simulated; assumed, measured nowhere: a lane's
service time is the study's "alone, WithoutVal" mean; 0.4 of it needs the device, which serves all who ask at once in
equal shares (round robin with a vanishing slice); the rest and 20 ms of accuracy work are the lane's own CPU, of which
there is enough. Every image's service is multiplied by noise (class Noise). What the data set, `keep`, `source`, `sync`
and `stages` do is nothing at all.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import exp, inf, sqrt
from typing import NamedTuple

from quintet.engine.protocol import switches
from quintet.engine.protocol.events import FLAG_SCORED, MAX_ROWS, Answer, Arm, Frame, Gate, Levels, Samples
from quintet.engine.protocol.orders import GateOrder, SetOrder
from quintet.engine.protocol.switches import Level

SERVICE_MS = {"cls": 10.70, "detect": 26.75, "pose": 28.25, "seg": 35.36, "obb": 56.30}
ASSUMED = "simulated; assumed: the study's times, 0.4 of each on one shared device, 20 ms of accuracy work"
DEVICE_SHARE, SCORE_NS, HAND_OVER_NS = 0.4, 20e6, 50e3
THREAD_COST, THREAD_QUEUE = 1.3, 4
"""While a scoring thread works, the lane's own CPU parts take this much longer (the GIL); how many images it may owe."""
FLUSH_NS = 250e6
IMAGES = 64
"""In every data set."""


class Noise(NamedTuple):
    """What multiplies an image's service: exp of the sum of these."""

    drift: float = 0.03
    """Reached in a straight line after drift_over_s, then held: heat."""
    drift_over_s: float = 300.0
    slow_sd: float = 0.03
    """A stationary wander of the whole machine, with this memory."""
    slow_tau_s: float = 20.0
    fast_sd: float = 0.08
    """Each lane's own, from image to image."""
    fast_phi: float = 0.5
    spike_p: float = 0.01
    spike_sd: float = 0.6
    carry: float = 0.10
    """After any change of a level or a gate, dying away: what a burn-in is for."""
    carry_tau_s: float = 0.5


STEADY = Noise(drift=0, slow_sd=0, carry=0)
"""What an image does to its neighbours, without what changes over seconds: for true effects."""

_BEGIN, _ARRIVE, _END, _EDGE = range(4)


@dataclass(slots=True)
class _Lane:
    """One simulated lane. Times are nanoseconds since the machine's beginning, as floats."""

    number: int
    service: float
    levels: Levels
    open: bool = False
    busy: bool = False
    arm: int = 0
    seq: int = 0
    first_seq: int = 0
    image: int = 0
    version: int = 0
    """A wait that was broken off has an older one."""
    factor: float = 1.0
    think: float = 0.0
    score: str = "off"
    score_ns: float = SCORE_NS
    fast: float = 0.0
    start: float = 0.0
    wait: float = 0.0
    pre: float = 0.0
    post: float = 0.0
    device: float = 0.0
    """What the image needs of the device; once it has left it, how long that took."""
    arrived: float = 0.0
    ended: float = 0.0
    thread_free: float = 0.0
    owed: deque[float] = field(default_factory=deque)
    """When the scoring thread will be done with each image."""
    pending: deque[SetOrder | GateOrder] = field(default_factory=deque)
    rows: list[list[int]] = field(default_factory=list)
    rows_since: float = 0.0


class Machine:
    """Lanes on one device, advanced in time. Frames come out as a real worker sends them: Samples, Arm, Gate, Answer."""

    def __init__(
        self,
        service_ms: Sequence[float],
        levels: Sequence[Levels] | None = None,
        seed: int = 0,
        noise: Noise | None = None,
        effects: Mapping[tuple[str, Level], float] | None = None,
        begin_ns: int = 0,
    ) -> None:
        """service_ms: one a lane (`services`). levels: each lane's at the start. effects: what a level multiplies the
        service by, `{("sync", "none"): 1.02}`, for tests of what can be seen. All gates are closed at first.
        """
        self.begin_ns = begin_ns
        self._rng = random.Random(f"machine {seed}")
        self._noise = Noise() if noise is None else noise
        self._effects = dict(effects or {})
        start = switches.starting_levels(1)
        self._lanes = [
            _Lane(number, service * 1e6, dict(levels[number] if levels else start))
            for number, service in enumerate(service_ms)
        ]
        for lane in self._lanes:
            self._tune(lane)
        self._events: list[tuple[float, int, int, int, int]] = []
        self._serial = 0
        self._device: list[tuple[float, int]] = []
        self._virtual = self._served = 0.0  # service each job on the device got so far, and up to when
        self._slow, self._slow_at = self._rng.gauss(0, self._noise.slow_sd), 0.0
        self._changed = -inf
        self._now = 0.0
        self._waiting = 0
        self._out: list[Frame] = []

    @property
    def now_ns(self) -> int:
        """How far it is."""
        return self.begin_ns + round(self._now)

    @property
    def lanes(self) -> int:
        """How many."""
        return len(self._lanes)

    def begin(self) -> list[Frame]:
        """Each lane's first Arm."""
        return [Arm(lane.number, 0, 0, self.begin_ns, lane.levels) for lane in self._lanes]

    # -- from outside -------------------------------------------------------------------------------------------------

    def set(self, lane: int, levels: Levels, now_ns: int, order_id: int = 0) -> None:
        """Change levels at the lane's next image edge after now_ns."""
        self.order(lane, SetOrder(order_id, levels), now_ns)

    def gate(self, lane: int, open_gate: bool, now_ns: int, order_id: int = 0) -> None:
        """Run or park from the lane's next image edge after now_ns on."""
        self.order(lane, GateOrder(order_id, open_gate), now_ns)

    def order(self, lane: int, order: SetOrder | GateOrder, now_ns: int) -> None:
        """Give a lane an order; its Answer comes out of `advance`. now_ns must not be before the time reached."""
        self._run(float(now_ns - self.begin_ns), until_answered=False)
        one = self._lanes[lane]
        one.pending.append(order)
        self._waiting += 1
        if not one.busy:
            one.version += 1  # a wait is broken off
            self._edge(one, self._now)

    def advance(self, until_ns: int, *, until_answered: bool = False) -> list[Frame]:
        """What the lanes sent up to until_ns, in order; with until_answered only until no order is unanswered.

        For a real-time server: call with its own clock every few dozen milliseconds.
        """
        if not until_answered or self._waiting:
            self._run(float(until_ns - self.begin_ns), until_answered)
        for lane in self._lanes:
            if lane.rows and self._now - lane.rows_since >= FLUSH_NS:
                self._flush(lane)
        out, self._out = self._out, []
        return out

    # -- inside -------------------------------------------------------------------------------------------------------

    def _run(self, until: float, until_answered: bool) -> None:
        events, device = self._events, self._device
        while not (until_answered and not self._waiting):
            departs = self._served + (device[0][0] - self._virtual) * len(device) if device else inf
            next_event = events[0][0] if events else inf
            now = departs if departs < next_event else next_event
            if now > until:
                self._now = max(self._now, until)
                return
            self._now = now
            if device:
                self._virtual += (now - self._served) / len(device)
            self._served = now
            if departs < next_event:
                self._depart(self._lanes[heappop(device)[1]], now)
                continue
            _, _, kind, number, version = heappop(events)
            lane = self._lanes[number]
            if kind == _ARRIVE:
                lane.arrived = now
                heappush(device, (self._virtual + lane.device, number))
            elif kind == _END:
                self._end(lane, now)
            elif version == lane.version:
                if kind == _BEGIN:
                    self._begin(lane, now)
                else:
                    self._edge(lane, now)

    def _at(self, t: float, kind: int, lane: _Lane) -> None:
        self._serial += 1
        heappush(self._events, (t, self._serial, kind, lane.number, lane.version))

    def _begin(self, lane: _Lane, now: float) -> None:
        """An image: its noise is drawn, its first CPU part begins."""
        lane.busy, lane.start, lane.wait = True, now, now - lane.ended if lane.seq else 0.0
        machine = self._machine(now)
        lane.score_ns = SCORE_NS * exp(machine)
        service = lane.service * lane.factor * exp(machine + self._own(lane, now))
        cpu = service * (1 - DEVICE_SHARE) / 2
        if lane.score == "thread" and lane.thread_free > now:
            cpu *= THREAD_COST
        lane.pre = lane.post = cpu
        lane.device = service * DEVICE_SHARE
        self._at(now + cpu, _ARRIVE, lane)

    def _machine(self, now: float) -> float:
        """The whole machine's share of the noise: it slows service and accuracy work alike, so no ratio knows it."""
        noise = self._noise
        total = noise.drift * min(1.0, now / (noise.drift_over_s * 1e9))
        if noise.slow_sd:
            keeps = exp((self._slow_at - now) / (noise.slow_tau_s * 1e9))
            self._slow = keeps * self._slow + self._rng.gauss(0, noise.slow_sd * sqrt(1 - keeps * keeps))
            self._slow_at = now
            total += self._slow
        return total

    def _own(self, lane: _Lane, now: float) -> float:
        noise, rng = self._noise, self._rng
        total = 0.0
        if noise.fast_sd:
            lane.fast = noise.fast_phi * lane.fast + rng.gauss(0, noise.fast_sd * sqrt(1 - noise.fast_phi**2))
            total += lane.fast
        if noise.spike_p and rng.random() < noise.spike_p:
            total += abs(rng.gauss(0, noise.spike_sd))
        if noise.carry and now - self._changed < 20e9 * noise.carry_tau_s:
            total += noise.carry * exp((self._changed - now) / (noise.carry_tau_s * 1e9))
        return total

    def _depart(self, lane: _Lane, now: float) -> None:
        score = lane.score_ns if lane.score == "inline" else HAND_OVER_NS if lane.score == "thread" else 0.0
        lane.device = now - lane.arrived
        lane.ended = now + lane.post + score
        self._at(lane.ended, _END, lane)

    def _end(self, lane: _Lane, now: float) -> None:
        scored = lane.score != "off"
        score = lane.score_ns if lane.score == "inline" else HAND_OVER_NS if scored else 0.0
        if lane.score == "thread":
            lane.thread_free = max(now, lane.thread_free) + lane.score_ns
            lane.owed.append(lane.thread_free)
        pre, infer, post = round(lane.pre), round(lane.device), round(lane.post)
        if not lane.rows:
            lane.first_seq, lane.rows_since = lane.seq, now
        lane.rows.append([
            lane.image, self.begin_ns + round(lane.start), round(lane.wait), 0, pre, infer, post, pre + infer + post,
            round(score), pre + post, 1, 1, FLAG_SCORED if scored else 0, 0, 0, 0,
        ])  # fmt: skip
        lane.seq += 1
        lane.image = (lane.image + 1) % IMAGES
        lane.busy = False
        if len(lane.rows) >= MAX_ROWS or now - lane.rows_since >= FLUSH_NS:
            self._flush(lane)
        self._edge(lane, now)

    def _edge(self, lane: _Lane, now: float) -> None:
        """Between two images: obey, then begin the next image, now or after a wait, or park."""
        while lane.pending:
            if not self._obey(lane, lane.pending[0], now):
                return  # it goes on here when the scoring thread is done
            lane.pending.popleft()
            self._waiting -= 1
        if not lane.open:
            return
        while lane.owed and lane.owed[0] <= now:
            lane.owed.popleft()
        begins = max(now, lane.ended + lane.think) if lane.think and lane.seq else now
        if len(lane.owed) > THREAD_QUEUE:
            begins = max(begins, lane.owed[-THREAD_QUEUE - 1])
        if begins > now:
            self._at(begins, _BEGIN, lane)
        else:
            self._begin(lane, now)

    def _obey(self, lane: _Lane, order: SetOrder | GateOrder, now: float) -> bool:
        t_ns = self.begin_ns + round(now)
        if isinstance(order, GateOrder):
            self._flush(lane)
            outcome = "same" if order.open == lane.open else "done"
            if outcome == "done":
                lane.open = order.open
                self._changed = now
                self._out.append(Gate(lane.number, order.open, lane.seq, t_ns))
            self._out.append(Answer(order.id, lane.number, t_ns, lane.seq, outcome, ""))
            return True
        levels, outcome, text = lane.levels, "refused", ""
        try:
            levels = switches.changed(lane.levels, order.levels)
        except ValueError as wrong:
            text = str(wrong)
        else:
            text = refusal(levels)
            outcome = "refused" if text else "same" if levels == lane.levels else "done"
        if outcome == "done":
            if lane.levels["score"] == "thread" != levels["score"] and lane.thread_free > now:
                self._at(lane.thread_free, _EDGE, lane)
                return False
            self._flush(lane)
            lane.levels, self._changed = levels, now
            lane.arm += 1
            self._tune(lane)
            self._out.append(Arm(lane.number, lane.arm, lane.seq, t_ns, levels))
        self._flush(lane)
        self._out.append(Answer(order.id, lane.number, t_ns, lane.seq, outcome, text))
        return True

    def _tune(self, lane: _Lane) -> None:
        lane.score = str(lane.levels["score"])
        lane.think = float(str(lane.levels["think"])) * 1e6
        lane.factor = 1.0
        for (switch, level), factor in self._effects.items():
            if lane.levels.get(switch) == level:
                lane.factor *= factor

    def _flush(self, lane: _Lane) -> None:
        if lane.rows:
            self._out.append(Samples(lane.number, lane.arm, lane.first_seq, lane.rows))
            lane.rows = []


def services(tasks: Sequence[str]) -> list[float]:
    """Milliseconds of service of a lane of each task: the study's."""
    return [SERVICE_MS[task] for task in tasks]


def refusal(levels: Levels) -> str:
    """Why the simulated machine cannot run these levels, or nothing."""
    if levels["batch"] != 1:
        return "The simulated machine takes one image a call"
    if levels["pace"] != "closed":
        return "The simulated machine has no pace"
    return ""
