"""A whole log, read and folded for whoever shows or exports it: where it lies, what is in it, and what is wrong with it."""

from __future__ import annotations

import contextlib
import gc
import reprlib
from collections.abc import Iterator
from numbers import Integral, Real
from pathlib import Path
from typing import Any, NamedTuple

from quintet.engine.errors import BadInput
from quintet.engine.journal.format import NoJournal
from quintet.engine.paths import ABSENT, no_file
from quintet.engine.session.session import Session
from quintet.engine.storage import live_sessions, locations
from quintet.engine.storage.follower import Folded, SessionFollower

MOST = 1_000_000
"""No burn-in, block or margin is larger: it would leave nothing to tell."""


class Log(NamedTuple):
    """A session as its journal tells it, and what the journal's reader found; byte ranges are (from, to)."""

    path: Path
    session: Session
    bad: list[tuple[int, int]]
    unverified_bytes: int

    @property
    def losses(self) -> list[str]:
        """What was left out, a sentence each; empty for a whole journal."""
        return losses(self.session, self.bad)


def number(what: str, value: Any, *, whole: bool = False) -> None:
    """Refuse what no rule of reading can be: anything but a number from 0 to MOST. Raises BadInput."""
    kind: Any = Integral if whole else Real
    if isinstance(value, bool) or not isinstance(value, kind) or not 0 <= value <= MOST:
        shown = f"{value:g}" if isinstance(value, float) else reprlib.repr(value)
        raise BadInput(f"{what} {shown}: give a {'whole ' * whole}number from 0 to {MOST}.")


def losses(session: Session, bad: list[tuple[int, int]]) -> list[str]:
    """What a reader left out, a sentence each."""
    found = [
        f"bytes {begin} to {end} do not pass their check and were left out"
        if end > begin
        else f"bytes are missing at byte {begin}"
        for begin, end in bad
    ]
    for begin_ns, end_ns in session.doubt.spans:
        since = (begin_ns - session.origin_ns) / 1e9
        until = "on" if end_ns is None else f"to {(end_ns - session.origin_ns) / 1e9:.1f} s"
        found.append(f"from {since:.1f} s {until} the setting is not known, and images then count for none")
    found += [f"{count} {kind} events could not be used" for kind, count in sorted(session.left_out.items())]
    return found


def find(log: str | Path) -> Path:
    """The path of a log given as a path or a session's name: live, in ./logs, or in the state folder's logs.

    Raises BadInput when there is none.
    """
    path = locations.named(log)
    if no_file(path) != ABSENT or path.name != str(log):
        return path
    live = {entry.name: Path(entry.journal) for entry in live_sessions.sessions()}
    if str(log) in live:
        return live[str(log)]
    for folder in locations.log_folders():
        for name in (f"{log}.msgpack", str(log)):
            if no_file(folder / name) is None:
                return folder / name
    raise BadInput(f"{log} cannot be read: there is no such file, and no session of that name in the log folder.")


def take(path: Path, kind: type[Folded]) -> tuple[Folded, list[tuple[int, int]], int]:
    """Fold a whole journal into a session of this kind; with it the byte ranges left out, and the bytes without a check.

    Raises BadInput with one sentence if the file is not a log or its `start` event is damaged.
    """
    try:
        with SessionFollower(path, kind) as follower, without_collections():
            follower.poll(None)
            if follower.session.start is None:
                raise BadInput(f"The `start` event of {path} is damaged, and without it nothing in it can be read.")
            return follower.session, follower.bad, follower.unverified_bytes
    except NoJournal as error:
        raise BadInput(str(error)) from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from error


@contextlib.contextmanager
def without_collections() -> Iterator[None]:
    """Without looking for cycles: millions of small lists come and go here, and it would take a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def read(log: str | Path) -> Log:
    """The log of a path or a session's name. Raises BadInput."""
    path = find(log)
    return Log(path, *take(path, Session))
