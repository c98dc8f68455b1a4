"""One session: start the workers, open their gates together, write the journal, carry commands, reap.

It shows nothing and knows no screen. Everything it learns and everything asked of it becomes an event in the journal.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import os
import secrets
import signal
import time
import traceback
from pathlib import Path
from typing import Any, NamedTuple

from quintet.engine.control.server import Server
from quintet.engine.errors import BadInput
from quintet.engine.journal.format import JournalBroken
from quintet.engine.journal.writer import begun
from quintet.engine.profile.schema import Profile
from quintet.engine.protocol import requests
from quintet.engine.protocol.control_messages import Ask, Reply
from quintet.engine.protocol.events import FORMAT, Answer, Clock, End, Fault, Frame, Start, Step
from quintet.engine.protocol.events import Telemetry as TelemetryEvent
from quintet.engine.protocol.orders import StopOrder
from quintet.engine.protocol.stream import BadFrame
from quintet.engine.storage import live_sessions, locations
from quintet.engine.storage.side_files import SideFiles
from quintet.engine.supervisor.commands import Commands
from quintet.engine.supervisor.manifest import manifest
from quintet.engine.supervisor.other_sessions import Neighbours
from quintet.engine.supervisor.telemetry import Telemetry, Watched
from quintet.engine.supervisor.worker_handle import FAULT_LETTERS, Link
from quintet.engine.supervisor.worker_launcher import POLL_S, Births
from quintet.engine.supervisor.worker_process import Process, Wires, how_it_ended, stderr_tail

CLOCK_NS = 60_000_000_000
STOP_S = 3.0
REAP_S = 0.02
PLAN_END_S = 0.5
"""So long after a plan its session ends: the lanes' last answers are in."""


class Options(NamedTuple):
    """How a session runs: its length from the common start, and how long to wait for lanes and for screens."""

    for_s: float | None = None
    start_timeout_s: float = 120.0
    linger_s: float | None = None
    """End after so long without a screen; None: never."""
    forks: bool = True
    """Whether a nursery may fork the workers."""
    plan: requests.Plan | None = None
    """A plan to begin at the common start; the session ends with it."""
    most_bytes: int | None = None
    """End once the journal and its side files are so long in all."""
    left_out_folder: Path | None = None
    """Where each worker lists the pictures that it leaves out, in a file called by its lane's number; None: nowhere."""


class Supervisor:
    """Runs one session to its end. `run` returns the exit status: 0, or 1 when a lane failed or the session broke."""

    def __init__(self, profile: Profile, journal: Path, private: Path, options: Options) -> None:
        """Create the journal and its side files. Raises OSError when they cannot be, BadInput as `socket_path` does."""
        self.socket = locations.socket_path(private)
        self._profile, self._private, self._options = profile, private, options
        self._others = [entry.name for entry in live_sessions.sessions()]
        self._id = secrets.token_hex(4)  # tells a reader that two logs were joined
        told = {"session": self._id, **manifest(profile, self._others)}  # hashes weights, so before there is a log
        self._side_files = SideFiles(journal, len(profile.lanes))
        try:
            self._journal = begun(journal, Start(FORMAT, time.monotonic_ns(), time.time_ns(), told))
        except (OSError, BadInput):
            self._side_files.close()
            raise
        self._links = [
            Link(
                number,
                lane,
                private,
                self._side_files.lanes[number],
                None if options.left_out_folder is None else str(options.left_out_folder / str(number)),
            )
            for number, lane in enumerate(profile.lanes)
        ]
        self._births = Births(
            profile, private, self._side_files.nursery, self._fault, self._receive, forks=options.forks
        )
        self._server = Server(self.socket, journal, self._ask, self._screens)
        self._server.screens_on = all(lane.levels()["screen"] == "on" for lane in profile.lanes)
        self._telemetry = Telemetry()
        self._neighbours = Neighbours()
        self._commands = Commands(
            self._links, profile.seed, self._append, self._server.show, self._restart, self._finish, self._plan_over
        )
        self._begun = False
        self._reason: str | None = None
        self.broken: str | None = None
        """Why the journal could not be written to its end, in a sentence; the journal itself may not hold it."""
        self._bugs = 0
        self._clocked_ns = 0
        self._leave: asyncio.TimerHandle | None = None

    async def run(self, opened: asyncio.Event | None = None) -> int:
        """Start, run until something ends the session, stop everything; `opened` is set once the journal and socket are."""
        loop = asyncio.get_running_loop()
        self._done = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._finish, "signal")
        loop.add_signal_handler(signal.SIGHUP, self._hung_up)
        faulthandler.register(signal.SIGUSR1, file=2)  # kill -USR1: every thread's stack, into stderr
        loop.set_exception_handler(self._uncaught)
        try:
            for link in self._links:
                self._births.begin(link)
            begun_ns = time.monotonic_ns()
            for link in self._links:
                self._append(Step(link.number, begun_ns, "model", "begun", 0, 1))
            await self._server.open()
            live_sessions.register(self._private, self._journal.path, self.socket)
            if opened is not None:
                opened.set()
            self._screens(0)
            for link in self._links:
                loop.call_later(self._options.start_timeout_s, self._start_timeout, link, link.wires)
            await self._work()
        finally:
            await self._shut(loop)
        failed = any(link.failed for link in self._links)
        return 1 if failed or self._reason == "fault" else 0

    def _uncaught(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Something raised where nobody takes it: a fault of quintet itself, which ends the session."""
        self._end_with_bug(context.get("exception") or RuntimeError(str(context.get("message"))))

    def _end_with_bug(self, error: BaseException) -> None:
        """Say once, in the log, that quintet has a bug, and end."""
        try:
            if self._bugs == 0:
                traceback.print_exception(error)
            text = f"quintet itself has a bug, and the session ended: {type(error).__name__}: {error}."
            if self._bugs == 0 and self.broken is None:
                self._journal.append(Fault(None, time.monotonic_ns(), "internal", text[:FAULT_LETTERS], ""))
        finally:
            self._bugs += 1
            self._reason = "fault"
            self._done.set()

    def _poll(self) -> None:
        asyncio.get_running_loop().call_later(POLL_S, self._poll)
        self._births.poll()
        self._side_files.bound()

    async def _work(self) -> None:
        self._poll()
        while not self._done.is_set():
            try:
                self._tick()
            except Exception as error:
                self._end_with_bug(error)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._done.wait(), 1.0)

    def _append(self, event: Frame) -> None:
        if self.broken is None or isinstance(event, Fault | End):  # what is left of the disk is for these
            try:
                self._journal.append(event)
            except JournalBroken as error:
                self._broken(error)
            size_bytes = self._journal.size_bytes + self._side_files.size_bytes
            if self._options.most_bytes is not None and size_bytes >= self._options.most_bytes:
                self._finish("size")
        try:
            self._commands.take(event)
        except Exception as error:  # whoever sent the event is not to blame
            self._end_with_bug(error)

    def _broken(self, error: JournalBroken) -> None:
        """The journal takes no more, or is no more: say so in it if it takes that much, and end."""
        if self.broken is None:
            self.broken = f"{error} The session ended."
            self._reason = "fault"
            self._done.set()
            with contextlib.suppress(JournalBroken):
                self._journal.append(Fault(None, time.monotonic_ns(), "disk", self.broken, ""))

    def _hung_up(self) -> None:
        """The terminal went away: a run that ends by itself goes on to its end."""
        if self._options.for_s is None and self._options.plan is None:
            self._finish("signal")

    def _finish(self, reason: str) -> None:
        if self._reason is None:
            self._reason = reason
        self._done.set()

    def _tick(self) -> None:
        """Once a second: check the journal, tell the wall time, look for late answers."""
        now = time.monotonic_ns()
        if now - self._clocked_ns >= CLOCK_NS:
            self._clocked_ns = now
            self._append(Clock(now, time.time_ns()))
        self._append_telemetry()
        for link in self._links:
            for command_id in link.overdue(now):
                self._append(Answer(command_id, link.number, now, link.next_seq, "silent", ""))
                text = f"{link.lane.name} has not answered a command in time."
                self._append(Fault(link.number, now, "stuck", text, stderr_tail(link.stderr)))
        self._check_journal()

    def _check_journal(self) -> None:
        try:
            self._journal.check()
        except JournalBroken as error:
            self._broken(error)

    def _append_telemetry(self) -> None:
        """What the machine's counters say, what workers and screens tell of themselves."""
        watched = [
            Watched("worker", link.process.pid, link.number)
            for link in self._links
            if link.process is not None and link.state != "gone"
        ]
        nursery = self._births.nursery_pid
        watched += [Watched("nursery", nursery, None)] if nursery is not None else []
        watched.append(Watched("supervisor", os.getpid(), None))
        asked_ns, values = self._telemetry.sample(watched)
        values["lanes"] = [link.told for link in self._links if link.told and link.state != "gone"]
        values |= self._server.told()
        values |= self._neighbours.told(asked_ns)
        values["journal_bytes"] = self._journal.size_bytes
        values["session"] = self._id
        values["active"] = [link.number for link in self._links if link.open and link.state == "ready"]
        self._append(TelemetryEvent(time.monotonic_ns(), asked_ns, values))

    def _receive(self, link: Link) -> None:
        was = link.state
        try:
            for frame in link.receive():
                self._append(frame)
        except EOFError:
            self._lost_contact(link)
        except Exception as error:  # of one frame of one worker: it ends this worker and nothing else
            if not isinstance(error, BadFrame):
                traceback.print_exc()
            why = str(error).removesuffix(".") or type(error).__name__
            self._fault(link, "protocol", f"{link.lane.name} sent an invalid event: {why}.")
            self._lost_contact(link)
        if was == "loading" and link.state == "ready" and self._begun:
            self._rejoin(link)
        self._maybe_begin()

    def _lost_contact(self, link: Link) -> None:
        self._births.forget(link)
        if link.failed and link.process is not None:
            link.process.kill()  # it has said its last word, or none that could be read
        self._reap(link, 0)

    def _reap(self, link: Link, tries: int) -> None:
        """A worker's socket has ended: wait a moment for its exit status, then say what became of it."""
        status = link.gone()
        if status is None and link.state != "gone":
            if tries * REAP_S > STOP_S:
                link.end()
            asyncio.get_running_loop().call_later(REAP_S, self._reap, link, tries + 1)
            return
        if link.restart_asked and self._reason is None:
            self._begin_again(link)
            return
        if not link.failed and self._reason is None:
            ended = how_it_ended(link.process.returncode or 0 if link.process else 0)
            self._fault(link, "died", f"{link.lane.name}: its process {ended}.")
        if all(other.state == "gone" for other in self._links) and not self._keeps_failed():
            self._finish("fault")
        self._maybe_begin()

    def _keeps_failed(self) -> bool:
        """With a screen there is somebody to try lanes again, so a session of failed lanes stays."""
        return self._server.screens > 0

    def _fault(self, link: Link | None, kind: str, text: str, stderr: str | None = None) -> None:
        if link is not None:
            link.failed = True
            stderr = stderr_tail(link.stderr)
        self._append(Fault(None if link is None else link.number, time.monotonic_ns(), kind, text, stderr or ""))
        if link is not None:
            self._maybe_begin()

    def _start_timeout(self, link: Link, wires: Wires | None) -> None:
        """One start's time is over; a restart since then has its own, and a late worker must not join after all."""
        if link.wires is wires and link.state == "loading" and not link.failed:
            seconds = f"{self._options.start_timeout_s:g} s"
            self._fault(link, "start_timeout", f"{link.lane.name} was not ready within {seconds} (--start-timeout).")
            if link.process is not None:
                link.process.kill()

    def _maybe_begin(self) -> None:
        """The common start: once every lane is ready or has failed, all gates open together."""
        if self._begun or any(link.state == "loading" and not link.failed for link in self._links):
            return
        ready = [link.number for link in self._links if link.state == "ready"]
        if ready:
            self._begun = self._commands.begun = True
            self._commands.gate("start", open_gate=True, lanes=ready)
            if self._options.for_s is not None:
                asyncio.get_running_loop().call_later(self._options.for_s, self._finish, "time")
            if self._options.plan is not None:
                self._begin_plan(self._options.plan)

    def _begin_plan(self, asked: requests.Plan) -> None:
        """Begin the plan that the session was started for; where the lanes that are ready cannot do it, say so and end."""
        try:
            self._commands.begin_plan(asked)
        except ValueError as error:
            why = str(error).removesuffix(".")
            self._fault(None, "load", f"The plan cannot begin on the lanes that are ready: {why}.")
            self._finish("fault")

    def _begin_again(self, link: Link) -> None:
        self._append(Step(link.number, time.monotonic_ns(), "model", "begun", 0, 1))
        self._births.begin(link)
        asyncio.get_running_loop().call_later(self._options.start_timeout_s, self._start_timeout, link, link.wires)

    def _rejoin(self, link: Link) -> None:
        """A restarted lane runs again if it ran before, or if all the others do."""
        others = [other for other in self._links if other is not link and other.state == "ready"]
        if link.was_open or all(other.open for other in others):
            self._commands.gate("supervisor", open_gate=True, lanes=[link.number])

    def _ask(self, ask: Ask, who: str) -> Reply:
        return self._commands.answer(ask, who)

    def _screens(self, count: int) -> None:
        """A screen came or left."""
        if self._leave is not None:
            self._leave.cancel()
            self._leave = None
        if count == 0 and self._options.linger_s is not None:
            self._leave = asyncio.get_running_loop().call_later(self._options.linger_s, self._finish, "linger")

    def _restart(self, numbers: list[int]) -> None:
        """Stop these lanes' workers and begin new ones."""
        for link in (self._links[number] for number in numbers):
            if link.state == "gone":
                self._begin_again(link)
            else:
                link.restart_asked = True
                link.send(StopOrder(0))
                asyncio.get_running_loop().call_later(STOP_S, self._insist, link, link.process)

    def _insist(self, link: Link, process: Process | None) -> None:
        """A worker that was to restart and did not stop is killed."""
        if link.restart_asked and link.process is process and process is not None:
            process.kill()

    def _plan_over(self) -> None:
        """A session that was started for a plan ends with it; the others go on."""
        if self._options.plan is not None:
            asyncio.get_running_loop().call_later(PLAN_END_S, self._finish, "plan")

    async def _shut(self, loop: asyncio.AbstractEventLoop) -> None:
        """Stop, then terminate, then kill the workers; end the journal; remove the private folder."""
        await self._server.close()
        try:
            self._neighbours.due()
            self._append_telemetry()
        except Exception as error:  # what follows must be done all the same
            self._end_with_bug(error)
        living = [link for link in self._links if link.state != "gone"]
        if living:
            self._commands.command("supervisor", {"stop": None}, [link.number for link in living], StopOrder)
        deadline = loop.time() + STOP_S
        while any(link.state != "gone" for link in living) and loop.time() < deadline:
            await asyncio.sleep(REAP_S)
        for link in living:
            self._births.forget(link)
            link.end()
        self._births.close()
        self._check_journal()
        counts = {"images": [link.images for link in self._links], "session": self._id}
        self._append(End(time.monotonic_ns(), self._reason or "fault", counts))
        with contextlib.suppress(JournalBroken, OSError):
            self._journal.close()
        self._side_files.close()
        locations.remove(self._private)
