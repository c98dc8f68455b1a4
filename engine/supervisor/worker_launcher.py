"""Starts workers: forked by the fork server (the "nursery" of logs and options) where possible, else as plain processes.

A fork server that is unfit or dies costs nothing but time: waiting lanes are spawned instead, running lanes are not
affected, and the next restart tries a new one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from quintet.engine.profile.schema import Profile
from quintet.engine.protocol.backends import facts
from quintet.engine.storage.side_files import SideFile
from quintet.engine.supervisor.fork_server_client import Adopted, Fit, Nursery
from quintet.engine.supervisor.worker_handle import Link
from quintet.engine.supervisor.worker_process import simulate, stderr_tail

POLL_S = 0.05
OnFault = Callable[[Link | None, str, str, str], None]
"""Called with a link (or None), the fault's kind, its text and the tail of stderr."""


class Births:
    """Starts workers and keeps the nursery."""

    def __init__(
        self,
        profile: Profile,
        private: Path,
        stderr: SideFile,
        on_fault: OnFault,
        receive: Callable[[Link], None],
        *,
        forks: bool,
    ) -> None:
        """`receive` is called when a worker's socket has something; without `forks` all workers are plain processes."""
        self._profile, self._private, self._stderr = profile, private, stderr
        self._on_fault, self._receive, self._forks = on_fault, receive, forks
        self._nursery: Nursery | None = None
        self._expected: dict[int, Link] = {}
        self._heard: dict[int, Link] = {}
        """Links whose sockets are read, by lane."""
        self._polled: set[int] = set()
        """Those of them that are read by `poll` only."""
        self._simulated: list[Link] = []
        """Lanes of the simulated machine: one process for all of them."""

    def begin(self, link: Link) -> None:
        """Bring a lane's worker to life; what goes wrong is told later, as a fault."""
        loop = asyncio.get_running_loop()
        wires = link.wire(self._profile)
        loop.add_reader(wires.sock, self._receive, link)
        self._heard[link.number] = link
        if facts(link.lane.backend).one_process:
            self._simulated.append(link)
            if len(self._simulated) == len(self._profile.lanes):
                self._simulate()
        elif self._forks and link.forkable and self._ask(link):
            self._expected[link.number] = link
        else:
            self._spawn(link)

    def forget(self, link: Link) -> None:
        """The link's socket is done with."""
        self._heard.pop(link.number, None)
        self._polled.discard(link.number)
        if link.wires is not None and link.state != "gone":
            asyncio.get_running_loop().remove_reader(link.wires.sock)

    def poll(self) -> None:
        """Read the lanes that run and owe no answer; call it every POLL_S.

        Their sockets wake nobody. A lane that sends wakes whoever waits for it, and on a busy core the kernel then gives the
        core to that process and next perhaps to another lane: the sender loses it between two images, outside the timed
        span, instead of anywhere in its work (docs/decisions/022).
        """
        loop = asyncio.get_running_loop()
        for link in [*self._heard.values()]:
            assert link.wires is not None
            quiet = link.state == "ready" and link.open and not link.waiting
            if quiet and link.number not in self._polled:
                loop.remove_reader(link.wires.sock)
                self._polled.add(link.number)
            elif not quiet and link.number in self._polled:
                self._polled.discard(link.number)
                loop.add_reader(link.wires.sock, self._receive, link)
            if quiet:
                self._receive(link)

    def close(self) -> None:
        """End the nursery."""
        if self._nursery is not None and self._nursery.alive:
            asyncio.get_running_loop().remove_reader(self._nursery.sock)
            self._nursery.close()

    @property
    def nursery_pid(self) -> int | None:
        """The nursery's process, while there is one."""
        return self._nursery.pid if self._nursery is not None and self._nursery.alive else None

    def _ask(self, link: Link) -> bool:
        if self._nursery is None or not self._nursery.alive:
            models = any(facts(lane.backend).has_models and lane.python is None for lane in self._profile.lanes)
            try:
                self._nursery = Nursery(self._private, self._stderr, models=models)
            except OSError:
                self._forks = False
                return False
            asyncio.get_running_loop().add_reader(self._nursery.sock, self._hear, self._nursery)
        assert link.wires is not None
        return self._nursery.ask(link.number, (*link.wires.workers_ends, link.stderr.descriptor))

    def _hear(self, nursery: Nursery) -> None:
        try:
            for said in nursery.receive():
                if isinstance(said, Fit):
                    if not said.fit:
                        self._without(nursery, f"Workers start as plain processes: {said.text}.")
                        self._forks = False
                        return
                elif (link := self._expected.pop(said.lane, None)) is not None:
                    link.adopt(Adopted(said.pid))
        except EOFError:
            self._without(nursery, "The nursery is gone; a restart makes a new one, and running lanes run on.")

    def _without(self, nursery: Nursery, text: str) -> None:
        """The nursery is of no use: say so, and start plainly who waits for it."""
        asyncio.get_running_loop().remove_reader(nursery.sock)
        nursery.close()
        self._on_fault(None, "nursery", text, stderr_tail(self._stderr))
        waiting, self._expected = list(self._expected.values()), {}
        for link in waiting:
            self._spawn(link)

    def _simulate(self) -> None:
        wires = [link.wires for link in self._simulated if link.wires is not None]
        tasks = [link.lane.task for link in self._simulated]
        process = simulate(self._profile.seed, tasks, wires, self._private, self._simulated[0].stderr)
        for link in self._simulated:
            link.adopt(process)

    def _spawn(self, link: Link) -> None:
        try:
            link.spawn()
        except OSError as error:
            self.forget(link)
            link.give_up()
            text = f"{link.lane.name} cannot be started: {error.strerror}: {error.filename}."
            asyncio.get_running_loop().call_soon(self._on_fault, link, "load", text, "")
