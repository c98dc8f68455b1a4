"""A log read and folded as far as it goes: for whoever shows, exports, follows or waits for a session."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Generic, TypeVar

from quintet.engine.journal.reader import Reader
from quintet.engine.session.session import Session

Folded = TypeVar("Folded", bound=Session)


class SessionFollower(Generic[Folded]):
    """The session of a log, kept up with the file. `session` is a new one after the reader had to begin again."""

    def __init__(self, path: Path, kind: type[Folded]) -> None:
        """Open the log; `kind` is the class of session to fold into. Raises NoJournal."""
        self.session: Folded = kind()
        self.at_end = False
        """Whether the last poll took all that the log held."""
        self._reader = Reader(path)

    def poll(self, budget_s: float | None = 0.0) -> bool:
        """Fold what was added, piece by piece, until the end of the log or for budget_s (None: for as long as it takes).

        At least one piece is read. Returns whether anything came.
        """
        pause_s = None if budget_s is None else time.monotonic() + budget_s
        came = False
        while True:
            batch = self._reader.poll()
            if batch.again:
                self.session = type(self.session)()
            self.session.fold(batch.events)
            came = came or batch.again or bool(batch.events)
            self.at_end = batch.at_end
            if batch.at_end or (pause_s is not None and time.monotonic() > pause_s):
                return came

    @property
    def bad(self) -> list[tuple[int, int]]:
        """The byte ranges (from, to) that the reader left out."""
        return self._reader.bad

    @property
    def unverified_bytes(self) -> int:
        """Bytes past the last check."""
        return self._reader.unverified_bytes

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def __enter__(self) -> SessionFollower[Folded]:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
