"""Real sessions for tests: the command line as a child process, its journal followed, its processes seen."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from quintet.engine.journal import NoJournal, Reader
from quintet.engine.session import Session

PATIENCE_S = 60.0


def wait_until(true: Callable[[], bool], what: str, seconds: float = PATIENCE_S) -> None:
    """Wait for a condition; the sleep is only how often it is asked."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{what} did not happen within {seconds:g} s"
        time.sleep(0.02)


STARTED: list[Headless] = []
"""What a test started, so that one that fails leaves nothing running."""


class Headless:
    """`quintet run PROFILE --headless` as a child, with its journal."""

    def __init__(
        self, profile: Path | str, folder: Path, *words: str, environment: dict[str, str] | None = None
    ) -> None:
        self.journal = folder / "log.msgpack"
        self.errors = folder / "stderr"
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "quintet", "run", str(profile), "--headless", "--log", str(self.journal), *words],
                stdout=subprocess.PIPE, stderr=errors, env={**os.environ, **(environment or {})}, text=True,
                start_new_session=True,  # so that a test can signal it as a terminal does: the whole group
            )  # fmt: skip

        STARTED.append(self)

    def session(self) -> Session:
        """Everything the journal says now."""
        session = Session()
        try:
            with Reader(self.journal) as reader:
                while not (batch := reader.poll()).at_end:
                    session.fold(batch.events)
                session.fold(batch.events)
        except NoJournal:
            pass
        return session

    def wait_for(self, true: Callable[[Session], bool], what: str) -> Session:
        """Wait until the journal says something."""
        wait_until(lambda: true(self.session()), what)
        return self.session()

    def wait_running(self, images: int = 20, lanes: int = 5) -> Session:
        """Wait until so many lanes have timed images."""
        return self.wait_for(
            lambda s: sum(len(lane.rows) >= images for lane in s.lanes) >= lanes, f"images in {lanes} lanes"
        )

    def family(self) -> list[psutil.Process]:
        """Every process below the supervisor: workers, and the nursery where there is one."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self) -> int:
        """The exit status; the process is killed when it does not end."""
        try:
            status = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            if self.process.stdout is not None and not self.process.stdout.closed:
                self.out = self.process.stdout.read()
                self.process.stdout.close()
        return status


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run."""
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
