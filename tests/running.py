"""Real sessions for tests: the command line as a child process, its journal followed, its processes seen."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from quintet.engine.journal.format import NoJournal
from quintet.engine.session.session import Session
from quintet.engine.storage.follower import SessionFollower

PATIENCE_S = 60.0
SLEEPS = 'backend = "sleep"\n'


def wait_until(true: Callable[[], bool], what: str, seconds: float = PATIENCE_S) -> None:
    """Wait for a condition; the sleep is only how often it is asked."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{what} did not happen within {seconds:g} s"
        time.sleep(0.02)


def held_profile(folder: Path) -> tuple[Path, Path]:
    """Five sleeping lanes that stay in loading until a file is there; the profile's path, and the file's."""
    profile, let_go = folder / "held.toml", folder / "let-go"
    sleep = (Path(__file__).parent / "data" / "sleep.toml").read_text()
    assert SLEEPS in sleep
    profile.write_text(sleep.replace(SLEEPS, f'{SLEEPS}env.QUINTET_SLEEP_HOLD = "{let_go}"\n'))
    return profile, let_go


class Followed:
    """A journal, read on from where the last look ended: whoever waits must not slow down what is waited for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._follower: SessionFollower[Session] | None = None

    def session(self) -> Session:
        """Everything the journal says now."""
        try:
            self._follower = self._follower or SessionFollower(self._path, Session)
        except NoJournal:
            return Session()
        self._follower.poll(None)
        return self._follower.session

    def close(self) -> None:
        if self._follower is not None:
            self._follower.close()


def wait_images(log: Path, more: int) -> None:
    """Wait until the first lane of a live session has this many more images."""
    journal = Followed(log)
    try:
        before = len(journal.session().lanes[0].rows)
        wait_until(lambda: len(journal.session().lanes[0].rows) > before + more, f"{more} more images")
    finally:
        journal.close()


STARTED: list[Headless] = []
"""What a test started, so that one that fails leaves nothing running."""


class Headless:
    """`quintet run PROFILE --headless` as a child, with its journal."""

    def __init__(
        self, profile: Path | str, folder: Path, *words: str, environment: dict[str, str] | None = None
    ) -> None:
        self.journal = folder / "log.msgpack"
        self.errors = folder / "stderr"
        self._followed = Followed(self.journal)
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "quintet", "run", str(profile), "--headless", "--log", str(self.journal), *words],
                stdout=subprocess.PIPE, stderr=errors, env={**os.environ, **(environment or {})}, text=True,
                errors="surrogateescape",
                start_new_session=True,  # so that a test can signal it as a terminal does: the whole group
            )  # fmt: skip

        STARTED.append(self)

    def session(self) -> Session:
        """Everything the journal says now; the same object each time, which grows."""
        return self._followed.session()

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

    def close(self) -> None:
        """Kill the process if it still runs; close what is open."""
        if self.process.poll() is None:
            self.process.kill()
            self.end()
        self._followed.close()


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run."""
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
