"""A plan in a live session: its steps become commands to the lanes and events in the journal.

stepping.py decides; here is only who tells it the time, what was appended, and whom it may ask.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from quintet.engine.plan import plan as plans
from quintet.engine.plan.executor import Append, Over, Send, Stepping
from quintet.engine.plan.plan import Plan
from quintet.engine.protocol import requests
from quintet.engine.protocol.events import Command, Frame, Levels
from quintet.engine.protocol.switches import MODES

MAKERS: Mapping[type, Callable[..., Plan]] = {
    requests.Study: plans.study, requests.Ab: plans.ab, requests.Matrix: plans.matrix, requests.Observe: plans.observe,
}  # fmt: skip
WHO = "plan"


class Host(NamedTuple):
    """What a plan needs of its session."""

    append: Callable[[Frame], None]
    command: Callable[[str, dict[str, Any], Sequence[int]], None]
    """Give `{"set": levels}` or `{"gate": open}` to lanes, as the next command."""
    next_id: Callable[[], int]
    take_id: Callable[[], int]
    blocks: Callable[[], int]
    """How many blocks the session has had."""
    over: Callable[[str], None]
    """Called once with a plan's reason for being over."""


class Conducting:
    """At most one plan at a time. `take` every frame that is appended."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._stepping: Stepping | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._soon = False

    @property
    def busy(self) -> bool:
        """Whether a plan is under way."""
        return self._stepping is not None

    def begin(
        self,
        asked: requests.Plan,
        seed: int,
        names: Sequence[str],
        levels: Mapping[int, Levels],
        refusals: Mapping[int, Mapping[str, str]],
        cycles_ns: Mapping[int, int],
    ) -> None:
        """Begin the plan that was asked for on the lanes that have levels; `seed` where none was asked for.

        `refusals` is what each lane refuses, by `SWITCH=LEVEL`; `cycles_ns` each lane's last time from call to call.
        Raises ValueError with one sentence.
        """
        if self._stepping is not None:
            raise ValueError("A plan is under way already; stop it first.")
        plan = made(asked, seed, names, levels)
        _refuse(plan, refusals)
        home = {lane: _home(plan.switch, levels[lane]) for lane in levels}
        self._stepping = Stepping(plan, self._host.blocks(), home, cycles_ns=cycles_ns)
        self._wake()

    def pause(self, on: bool) -> None:
        """Pause or go on. Raises ValueError when there is no plan."""
        stepping = self._running()
        self._host.append(Command(self._host.take_id(), time.monotonic_ns(), WHO, {"pause": on}, []))
        (stepping.pause if on else stepping.resume)()
        self._wake()

    def stop(self) -> None:
        """End the plan with what it has. Raises ValueError when there is none."""
        stepping = self._running()
        self._host.append(Command(self._host.take_id(), time.monotonic_ns(), WHO, {"stop_plan": None}, []))
        stepping.stop()
        self._wake()

    def _running(self) -> Stepping:
        if self._stepping is None:
            raise ValueError("There is no plan under way.")
        return self._stepping

    def take(self, frame: Frame) -> None:
        """A frame was appended to the journal."""
        if self._stepping is not None:
            self._stepping.take(frame)
            self._wake()

    def _wake(self) -> None:
        """Step as soon as what is happening now is done: one step may append frames, which would step again."""
        if not self._soon:
            self._soon = True
            asyncio.get_running_loop().call_soon(self._step)

    def _step(self) -> None:
        self._soon = False
        stepping = self._stepping
        if stepping is None:
            return
        for action in stepping.next(time.monotonic_ns(), self._host.next_id()):
            self._obey(action)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._stepping is not None and stepping.wake_ns is not None:
            wait_s = max(0.0, (stepping.wake_ns - time.monotonic_ns()) / 1e9)
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._step)

    def _obey(self, action: Send | Append | Over) -> None:
        if isinstance(action, Append):
            self._host.append(action.frame)
        elif isinstance(action, Over):
            self._stepping = None
            self._host.over(action.reason)
        elif action.lanes:
            self._host.command(WHO, action.what, action.lanes)
        else:
            self._host.append(Command(self._host.take_id(), time.monotonic_ns(), WHO, action.what, []))


def made(asked: requests.Plan, seed: int, names: Sequence[str], levels: Mapping[int, Levels]) -> Plan:
    """The plan that was asked for, on lanes that have levels. Raises ValueError with one sentence."""
    lanes = [lane for lane in asked.lanes or sorted(levels) if lane in levels]
    if not lanes:
        raise ValueError("None of the plan's lanes is running.")
    return MAKERS[type(asked)](names, lanes, **{"seed": seed, **asked.given()})


def _refuse(plan: Plan, refusals: Mapping[int, Mapping[str, str]]) -> None:
    """Raises ValueError when a lane cannot take one of the plan's levels: its blocks would all be void."""
    for lane in plan.lanes:
        for level in plan.levels:
            why = refusals.get(lane, {}).get(f"{plan.switch}={level}")
            if why:
                raise ValueError(f"{plan.names[lane]} cannot be set to {plan.switch} {level}: {why}.")


def _home(switch: str, levels: Levels) -> Levels:
    """What a lane is set to when the plan is over: what it had."""
    kept = MODES["validation"] if switch == "mode" else {switch: None}
    return {name: levels[name] for name in kept}
