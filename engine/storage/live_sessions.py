"""Which sessions live on this machine for this user: one small file each, in the session's private folder.

A session that was killed leaves its folder behind; whoever lists sessions next removes it, once its lock proves that it is
dead (session_lock.py). What is not known to be dead stays.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import NamedTuple

import psutil

from quintet.engine import private_files
from quintet.engine.errors import BadInput
from quintet.engine.storage import locations, session_lock
from quintet.engine.storage.session_lock import Life

ENTRY = "session.json"
MOST_BYTES = 64 * 1024
"""An entry that is longer is none: it holds two paths."""


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
    private_files.write(private / ENTRY, json.dumps(entry._asdict()).encode())


def sessions() -> list[Entry]:
    """The live sessions, oldest first; what killed ones left is removed. Raises BadInput as `sessions_folder` does."""
    found = []
    for private in sorted(locations.sessions_folder().iterdir()):
        if not private_files.is_own_folder(private):
            continue
        entry, life = _entry(private), session_lock.life(private)
        if life is Life.NO_LOCK and entry is not None:
            life = _life_by_pid(entry)
        if life is Life.ALIVE and entry is not None:
            found.append(entry)
        elif life is Life.DEAD:
            if entry is not None:
                locations.remove_socket(private, Path(entry.socket))
            locations.remove(private)
    return sorted(found, key=lambda entry: entry.began_wall_s)


def find(log: str | None) -> Entry:
    """The live session of a name or a journal's path, or the only one. Raises BadInput."""
    known = sessions()
    if log is not None:
        path = str(locations.named(log).absolute())
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
    """What a session says of itself; None where nothing can be read, or another version wrote it."""
    try:
        told = json.loads(private_files.read(private / ENTRY, MOST_BYTES) or b"")
        entry = Entry(*(told[name] for name in Entry._fields))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    texts = (entry.name, entry.journal, entry.socket)
    times = (entry.created, entry.began_wall_s)
    good = (
        all(isinstance(text, str) and "\0" not in text for text in texts)
        and all(type(time_s) in (int, float) and -1e18 < time_s < 1e18 for time_s in times)
        and type(entry.pid) is int
        and 0 < entry.pid < 1 << 31
    )
    return entry if good else None


def _life_by_pid(entry: Entry) -> Life:
    """Of a session of an older version, which has no lock: a clock that was set may hide it, so only its pid counts."""
    try:
        process = psutil.Process(entry.pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return Life.DEAD
        return Life.ALIVE if abs(process.create_time() - entry.created) < 0.01 else Life.UNKNOWN
    except psutil.NoSuchProcess:
        return Life.DEAD
    except psutil.Error:
        return Life.UNKNOWN
