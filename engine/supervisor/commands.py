"""What may be asked of a session: answered here, carried to the lanes, and every command an event in the journal.

Screens and tools ask over the control socket; a plan asks from within.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from quintet.engine.protocol import requests, switches
from quintet.engine.protocol.backends import facts
from quintet.engine.protocol.control_messages import Ask, Reply
from quintet.engine.protocol.events import Answer, BlockStart, Command, Frame, Mark, Ready
from quintet.engine.protocol.orders import GateOrder, SetOrder, ValuesOrder
from quintet.engine.supervisor.plan_runner import Conducting, Host
from quintet.engine.supervisor.worker_handle import Link

MARK_LETTERS = 500
"""A longer note is cut."""


class Commands:
    """The session's commands, numbered. `begun` is set at the common start."""

    def __init__(
        self,
        links: Sequence[Link],
        seed: int,
        append: Callable[[Frame], None],
        show: Callable[[bool], None],
        restart: Callable[[list[int]], None],
        finish: Callable[[str], None],
        plan_over: Callable[[], None],
    ) -> None:
        """show: tell screens to paint or not. restart: of these lanes. finish: end the session, with its reason."""
        self.begun = False
        self._links, self._seed, self._append = links, seed, append
        self._show, self._restart, self._finish, self._plan_over = show, restart, finish, plan_over
        self._id = self._blocks = 0
        self._plan = Conducting(
            Host(
                append,
                self._of_plan,
                lambda: self._id + 1,
                self._next_id,
                lambda: self._blocks,
                lambda _: self._plan_ended(),
            )
        )

    def take(self, frame: Frame) -> None:
        """A frame was appended to the journal."""
        self._blocks += isinstance(frame, BlockStart)
        if isinstance(frame, Ready) and self._plan.busy:
            self._links[frame.lane].send(ValuesOrder(False))
        self._plan.take(frame)

    def answer(self, ask: Ask, who: str) -> Reply:
        """Answer a client. What lanes make of it stands in the journal."""
        try:
            self._do(requests.parse(ask.what, ask.arguments), who)
        except ValueError as error:
            return Reply(ask.id, "refused", str(error))
        return Reply(ask.id, "done", "")

    def _do(self, request: requests.Request, who: str) -> None:
        """Raises ValueError with one sentence for what cannot be done now."""
        if isinstance(request, requests.Set):
            self._ask_set(request, who)
        elif isinstance(request, requests.Active):
            self._ask_active(request, who)
        elif isinstance(request, requests.Restart):
            self._ask_restart(request, who)
        elif isinstance(request, requests.Mark):
            self._append(Mark(time.monotonic_ns(), who, request.text[:MARK_LETTERS]))
        elif isinstance(request, requests.Stop):
            self._finish("asked")
        elif isinstance(request, requests.Pause):
            self._plan.pause(request.on)
        elif isinstance(request, requests.StopPlan):
            self._plan.stop()
        else:
            self.begin_plan(request)

    def begin_plan(self, asked: requests.Plan) -> None:
        """Begin a plan on the lanes that are ready. Raises ValueError with one sentence."""
        if not self.begun:
            raise ValueError("The lanes have not started yet.")
        names = [link.lane.name for link in self._links]
        levels = {link.number: link.levels for link in self._links if link.state == "ready" and not link.failed}
        refusals = {link.number: link.refusals for link in self._links}
        cycles = {link.number: link.cycle_ns for link in self._links}
        self._plan.begin(asked, self._seed, names, levels, refusals, cycles)
        self._send_values(on=False)  # a value takes time that would be a measured image's

    def _send_values(self, *, on: bool) -> None:
        for link in self._links:
            link.send(ValuesOrder(on))

    def _plan_ended(self) -> None:
        self._send_values(on=True)
        self._plan_over()

    def _free(self) -> None:
        """Raises ValueError while a plan is under way: a hand on the switches would spoil its blocks."""
        if self._plan.busy:
            raise ValueError("A plan is under way, and it sets the switches. Stop it first (x).")

    def _ask_set(self, asked: requests.Set, who: str) -> None:
        self._free()
        switches.changed(switches.starting_levels(1), asked.levels)  # refuse here what every worker would refuse
        lanes = self._lanes(range(len(self._links)) if "screen" in asked.levels else asked.lanes)
        self._set(who, asked.levels, lanes)

    def _ask_active(self, asked: requests.Active, who: str) -> None:
        self._free()
        wanted = self._lanes(asked.lanes)
        if not self.begun:
            raise ValueError("The lanes have not started yet.")
        ready = [link.number for link in self._links if link.state == "ready"]
        others = [number for number in ready if number not in wanted and self._links[number].open]
        if others:
            self.gate(who, open_gate=False, lanes=others)
        self.gate(who, open_gate=True, lanes=wanted)

    def _ask_restart(self, asked: requests.Restart, who: str) -> None:
        numbers = self._numbers(asked.lanes)
        if any(facts(self._links[number].lane.backend).one_process for number in numbers):
            raise ValueError("The simulated machine is one process: a lane of it cannot be restarted.")
        now = time.monotonic_ns()
        command = self._next_id()
        self._append(Command(command, now, who, {"restart": None}, numbers))
        for number in numbers:
            self._append(Answer(command, number, now, self._links[number].next_seq, "done", ""))
        self._restart(numbers)

    def _numbers(self, asked: Iterable[int]) -> list[int]:
        """Each asked lane once. Raises ValueError for one that does not exist."""
        numbers = list(dict.fromkeys(asked))
        for number in numbers:
            if not 0 <= number < len(self._links):
                raise ValueError(f"There is no lane {number + 1}.")
        return numbers

    def _lanes(self, asked: Iterable[int]) -> list[int]:
        """The asked lanes that can be commanded. Raises ValueError when there are none."""
        numbers = self._numbers(asked)
        able = [number for number in numbers if self._links[number].state != "gone" and not self._links[number].failed]
        if not able:
            raise ValueError("None of these lanes is running.")
        return able

    def _of_plan(self, who: str, what: dict[str, Any], lanes: Sequence[int]) -> None:
        """A plan's command to lanes."""
        if "set" in what:
            self._set(who, what["set"], list(lanes))
        else:
            self.gate(who, open_gate=bool(what["gate"]), lanes=list(lanes))

    def _set(self, who: str, levels: Mapping[str, Any], lanes: list[int]) -> None:
        if "screen" in levels:  # of the session: before the lanes are told, so that their arms begin with it in force
            self._show(levels["screen"] == "on")
        asked = dict(levels)
        self.command(who, {"set": asked}, lanes, lambda command: SetOrder(command, asked))

    def gate(self, who: str, *, open_gate: bool, lanes: list[int]) -> None:
        """Let lanes run, or park them."""
        self.command(who, {"gate": open_gate}, lanes, lambda command: GateOrder(command, open_gate))

    def _next_id(self) -> int:
        self._id += 1
        return self._id

    def command(self, who: str, what: dict[str, Any], lanes: list[int], order: Callable[[int], Frame]) -> None:
        """Journal a command and send it; a lane that cannot take it refuses at once."""
        command, now = self._next_id(), time.monotonic_ns()
        self._append(Command(command, now, who, what, lanes))
        for number in lanes:
            link = self._links[number]
            if not link.command(order(command), command):
                self._append(Answer(command, number, now, link.next_seq, "refused", "The lane is gone."))
