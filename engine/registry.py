"""Which sessions live on this machine for this user: one small file each, in the session's private folder.

A session that was killed leaves its folder behind; whoever lists sessions next removes it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from pathlib import Path
from typing import NamedTuple

import psutil

from quintet.engine import places
from quintet.engine.errors import BadInput

ENTRY = "session.json"
STARTING_S = 60.0
"""A private folder without an entry is of a session that starts, for so long."""


class Entry(NamedTuple):
    """One live session."""

    name: str
    pid: int
    created: float
    """When its supervisor's process began, as the system tells it: a pid alone may be somebody else's by now."""
    journal: str
    socket: str
    began_wall_s: float


def register(private: Path, journal: Path, socket: Path) -> None:
    """Write the entry of this process's session, whole or not at all."""
    created = psutil.Process().create_time()
    entry = Entry(journal.stem, os.getpid(), created, str(journal), str(socket), time.time())
    draft = private / f"{ENTRY}.draft"
    draft.write_text(json.dumps(entry._asdict()))
    draft.replace(private / ENTRY)


def sessions() -> list[Entry]:
    """The live sessions, oldest first; what killed ones left is removed."""
    folder = places.state_folder() / "sessions"
    found = []
    for private in sorted(folder.iterdir()) if folder.is_dir() else []:
        entry = _entry(private)
        if entry is not None and _lives(entry):
            found.append(entry)
        elif entry is not None or _abandoned(private):
            if entry is not None:
                with contextlib.suppress(OSError):
                    Path(entry.socket).unlink()
            shutil.rmtree(private, ignore_errors=True)
    return sorted(found, key=lambda entry: entry.began_wall_s)


def find(log: str | None) -> Entry:
    """The live session of a name or a journal's path, or the only one. Raises BadInput."""
    known = sessions()
    if log is not None:
        path = str(places.named(log).absolute())
        known_as = [entry for entry in known if log == entry.name or path == entry.journal]
        if not known_as:
            names = ", ".join(entry.name for entry in known) or "none"
            raise BadInput(f"No live session is called {log}. Live are: {names}.")
        return known_as[-1]
    if not known:
        raise BadInput("No session is live. `quintet` starts one.")
    if len(known) > 1:
        raise BadInput(f"{len(known)} sessions are live; name one of {', '.join(entry.name for entry in known)}.")
    return known[0]


def _entry(private: Path) -> Entry | None:
    try:
        return Entry(**json.loads((private / ENTRY).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _lives(entry: Entry) -> bool:
    try:
        process = psutil.Process(entry.pid)
        return abs(process.create_time() - entry.created) < 0.01 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _abandoned(private: Path) -> bool:
    try:
        return time.time() - private.stat().st_mtime > STARTING_S
    except OSError:
        return False
