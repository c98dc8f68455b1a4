"""Commands to the session: what a key asks for, and the connection that it goes over. What becomes of it is in the log."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from quintet.engine.control.client import Client
from quintet.engine.protocol.control_messages import Beat, Hello
from quintet.engine.protocol.events import FORMAT
from quintet.engine.session.session import Session
from quintet.engine.session.snapshot import arm_at, is_on

OVER = "The session has ended: nothing runs that could be changed."
REPLAY = "This is a replay: nothing runs that could be changed."


class Outcome(NamedTuple):
    """What came of asking: whether it was taken, and a sentence for the person, or nothing."""

    taken: bool
    says: str = ""
    sent: bool = True


class SessionClient:
    """One screen's connection to its session; a replay has nobody to ask, and says so."""

    def __init__(
        self,
        socket: Path | None,
        session: Callable[[], Session],
        on_gone: Callable[[], None],
        on_screen: Callable[[bool], None],
        *,
        replay: bool,
    ) -> None:
        """`on_gone` is called once when the session's end closes, `on_screen` by the switch `screen`."""
        self.socket = socket
        self._session, self._replay = session, replay
        self._client = Client(on_gone, on_screen)

    async def open(self, columns: int, rows: int, *, far: bool) -> str:
        """Connect, where there is a socket; why that failed, or nothing."""
        if self.socket is None:
            return ""
        try:
            await self._client.open(self.socket, Hello(FORMAT, os.getpid(), "screen", columns, rows, far))
        except (OSError, ConnectionError) as error:
            return str(error)
        return ""

    async def ask(self, what: str, arguments: dict[str, Any]) -> Outcome:
        """Ask the session for something."""
        if self._replay:
            return Outcome(False, REPLAY, sent=False)
        if self._session().end is not None:
            return Outcome(False, OVER, sent=False)
        try:
            reply = await self._client.ask(what, arguments)
        except ConnectionError as error:
            return Outcome(False, str(error), sent=False)
        return Outcome(reply.outcome != "refused", reply.text if reply.outcome == "refused" else "")

    def beat(self, beat: Beat) -> None:
        """Tell this screen's own cost."""
        self._client.beat(beat)

    async def close(self) -> None:
        """Leave; the session goes on."""
        await self._client.close()


# -- what keys ask for --------------------------------------------------------------------------------------------------


def accuracy_flip(session: Session, chosen: Iterable[int], now_ns: int) -> dict[str, Any]:
    """Accuracy off where it is on in all chosen lanes, else on."""
    lanes = sorted(chosen)
    arms = [arm_at(session.lanes[number], now_ns) for number in lanes]
    all_on = all(arm is not None and is_on(arm.levels) for arm in arms)
    return {"lanes": lanes, "levels": {"mode": "withoutval" if all_on else "validation"}}


def other_regime(session: Session, alone_lane: int) -> dict[str, Any]:
    """All lanes that can run, where one runs alone; else the one lane."""
    is_open = [lane.number for lane in session.lanes if lane.open]
    able = [lane.number for lane in session.lanes if lane.ready is not None and lane.failed_ns is None]
    return {"lanes": able if len(is_open) <= 1 and len(able) > 1 else [alone_lane]}


def restart_of(session: Session, chosen: Iterable[int]) -> dict[str, Any] | None:
    """The failed lanes among the chosen, else the one that is chosen; None where neither is."""
    lanes = [session.lanes[number] for number in sorted(chosen)]
    failed = [lane.number for lane in lanes if lane.failed_ns is not None]
    return {"lanes": failed or [lanes[0].number]} if failed or len(lanes) == 1 else None
