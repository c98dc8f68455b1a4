"""What may be asked of a session: answered here, carried to the lanes, and every command an event in the journal.

Screens and tools ask over the control socket; a plan asks from within.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from quintet.engine.conducting import Conducting, Host
from quintet.engine.link import Link
from quintet.engine.protocol import switches
from quintet.engine.protocol.control_messages import Ask, Reply
from quintet.engine.protocol.events import Answer, BlockStart, Command, Frame, Mark, Ready
from quintet.engine.protocol.orders import GateOrder, SetOrder, ValuesOrder


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
        self._answers: dict[str, Callable[[dict[str, Any], str], None]] = {
            "set": self._ask_set, "active": self._ask_active, "restart": self._ask_restart, "mark": self._ask_mark,
            "stop": self._ask_stop, "plan": self._ask_plan, "pause": self._ask_pause, "stop_plan": self._ask_stop_plan,
        }  # fmt: skip

    def take(self, frame: Frame) -> None:
        """A frame was appended to the journal."""
        self._blocks += isinstance(frame, BlockStart)
        if isinstance(frame, Ready) and self._plan.busy:
            self._links[frame.lane].send(ValuesOrder(False))
        self._plan.take(frame)

    def answer(self, ask: Ask, who: str) -> Reply:
        """Answer a client. What lanes make of it stands in the journal."""
        does = self._answers.get(ask.what)
        if does is None:
            known = ", ".join(self._answers)
            return Reply(ask.id, "refused", f"There is nothing called {ask.what!r} to ask; known are {known}.")
        try:
            does(ask.arguments, who)
        except (ValueError, KeyError, TypeError) as error:
            return Reply(ask.id, "refused", str(error))
        return Reply(ask.id, "done", "")

    def begin_plan(self, asked: dict[str, Any]) -> None:
        """Begin a plan on the lanes that are ready. Raises ValueError with one sentence."""
        if not self.begun:
            raise ValueError("The lanes have not started yet.")
        names = [link.lane.name for link in self._links]
        levels = {link.number: link.levels for link in self._links if link.state == "ready" and not link.failed}
        refusals = {link.number: link.refusals for link in self._links}
        cycles = {link.number: link.cycle_ns for link in self._links}
        self._plan.begin({"seed": self._seed, **asked}, names, levels, refusals, cycles)
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

    def _ask_set(self, arguments: dict[str, Any], who: str) -> None:
        self._free()
        levels = dict(arguments["levels"])
        switches.changed(switches.starting_levels(1), levels)  # refuse here what every worker would refuse
        self._set(who, levels, self._lanes(range(len(self._links)) if "screen" in levels else arguments["lanes"]))

    def _ask_active(self, arguments: dict[str, Any], who: str) -> None:
        self._free()
        wanted = self._lanes(arguments["lanes"])
        if not self.begun:
            raise ValueError("The lanes have not started yet.")
        ready = [link.number for link in self._links if link.state == "ready"]
        others = [number for number in ready if number not in wanted and self._links[number].open]
        if others:
            self.gate(who, open_gate=False, lanes=others)
        self.gate(who, open_gate=True, lanes=wanted)

    def _ask_restart(self, arguments: dict[str, Any], who: str) -> None:
        numbers = [int(number) for number in arguments["lanes"]]
        if not numbers or not all(0 <= number < len(self._links) for number in numbers):
            raise ValueError("Name at least one lane that there is.")
        if any(self._links[number].lane.backend == "simulated" for number in numbers):
            raise ValueError("The simulated machine is one process: a lane of it cannot be restarted.")
        now = time.monotonic_ns()
        command = self._next_id()
        self._append(Command(command, now, who, {"restart": None}, numbers))
        for number in numbers:
            self._append(Answer(command, number, now, self._links[number].next_seq, "done", ""))
        self._restart(numbers)

    def _ask_mark(self, arguments: dict[str, Any], who: str) -> None:
        self._append(Mark(time.monotonic_ns(), who, str(arguments["text"])[:500]))

    def _ask_stop(self, arguments: dict[str, Any], who: str) -> None:
        self._finish("asked")

    def _ask_plan(self, arguments: dict[str, Any], who: str) -> None:
        self.begin_plan(arguments)

    def _ask_pause(self, arguments: dict[str, Any], who: str) -> None:
        self._plan.pause(bool(arguments["on"]))

    def _ask_stop_plan(self, arguments: dict[str, Any], who: str) -> None:
        self._plan.stop()

    def _lanes(self, asked: Iterable[Any]) -> list[int]:
        """The asked lanes that can be commanded. Raises ValueError when there are none."""
        numbers = [int(number) for number in asked]
        for number in numbers:
            if not 0 <= number < len(self._links):
                raise ValueError(f"There is no lane {number + 1}.")
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

    def _set(self, who: str, levels: dict[str, Any], lanes: list[int]) -> None:
        if "screen" in levels:  # of the session: before the lanes are told, so that their arms begin with it in force
            self._show(levels["screen"] == "on")
        self.command(who, {"set": levels}, lanes, lambda command: SetOrder(command, levels))

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
