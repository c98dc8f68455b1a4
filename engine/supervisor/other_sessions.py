"""Which other quintet sessions live on this machine, asked for as long as a session runs: each slows the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from quintet.engine.errors import BadInput
from quintet.engine.storage import live_sessions
from quintet.engine.storage.live_sessions import Entry

EVERY_NS = 60_000_000_000


class Neighbours:
    """Asks at once, once a minute, and whenever `due` was called: a listing reads a file a session (0.1 ms each)."""

    def __init__(self, listed: Callable[[], Sequence[Entry]] = live_sessions.sessions) -> None:
        """listed: the live sessions, this one among them."""
        self._listed = listed
        self._next_ns = 0

    def due(self) -> None:
        """Ask the next time, whatever the time is: at the end."""
        self._next_ns = 0

    def told(self, now_ns: int) -> dict[str, Any]:
        """For telemetry: `other_sessions`, their names, when they were asked for; nothing in between."""
        if now_ns < self._next_ns:
            return {}
        self._next_ns = now_ns + EVERY_NS
        try:
            listed = self._listed()
        except (BadInput, OSError):  # their folder cannot be read any more: no reason to end what is measured
            return {}
        return {"other_sessions": [entry.name for entry in listed if entry.pid != os.getpid()]}
