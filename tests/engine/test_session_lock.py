"""Whether a session lives is told by its lock: no clock hides one, and nothing is removed that may be alive."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from quintet.engine.storage import live_sessions, locations, session_lock
from quintet.engine.storage.session_lock import Life
from tests.running import Headless, wait_until
from tests.test_cli import quintet

NO_LOCKS = """
import errno, fcntl
def flock(*_):
    raise OSError(errno.ENOLCK, "No locks available")
fcntl.flock = flock
"""
HOLDS = """
import sys
from pathlib import Path
from quintet.engine.storage import session_lock
session_lock.hold(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def stepped_proc(folder: Path, by_s: int) -> Path:
    """A copy of /proc whose boot is so much later: what psutil sees when the wall clock was set."""
    folder.mkdir()
    for entry in Path("/proc").iterdir():
        if entry.name != "stat":
            (folder / entry.name).symlink_to(entry)
    lines = Path("/proc/stat").read_text().splitlines()
    moved = [f"btime {int(line.split()[1]) + by_s}" if line.startswith("btime ") else line for line in lines]
    (folder / "stat").write_text("\n".join(moved) + "\n")
    return folder


def with_clock_set(proc: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`quintet WORDS` after the wall clock was set."""
    program = f"import psutil, sys; psutil.PROCFS_PATH = {str(proc)!r}; from quintet.cli.main import main; main()"
    return subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=False)


@pytest.mark.skipif(sys.platform != "linux", reason="the step is played by a copy of /proc")
@pytest.mark.parametrize("by_s", [3600, -7])
def test_a_clock_that_is_set_hides_no_session_and_removes_nothing(
    tmp_path: Path, sleep_profile: Path, own_state: Path, by_s: int
) -> None:
    run = Headless(sleep_profile, tmp_path)
    run.wait_running(images=5)
    (private,) = (own_state / "quintet" / "sessions").iterdir()
    proc = stepped_proc(tmp_path / "proc", by_s)
    assert with_clock_set(proc, "ls").stdout.startswith("log  live 0 min")
    assert (private / "control").is_socket()
    stopped = with_clock_set(proc, "stop", "log")
    assert (stopped.returncode, stopped.stdout) == (0, f"{run.journal}\n"), stopped.stderr
    assert run.end() == 0
    assert not private.exists()


def test_the_folder_of_a_session_that_starts_stays_whatever_its_age(tmp_path: Path, own_state: Path) -> None:
    private = locations.private_folder(tmp_path / "log.msgpack")
    os.utime(private, (0, 0))
    assert quintet("ls").returncode == 0
    assert private.is_dir()
    session_lock.let_go(private)  # as if this process had ended
    assert quintet("ls").returncode == 0
    assert not private.exists()


def test_two_that_look_at_once_do_not_take_each_other_for_the_session(tmp_path: Path) -> None:
    session_lock.hold(tmp_path)
    assert session_lock.life(tmp_path) is Life.ALIVE
    session_lock.let_go(tmp_path)
    with (tmp_path / session_lock.LOCK).open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        assert session_lock.life(tmp_path) is Life.DEAD


@pytest.mark.parametrize("locks", ["", NO_LOCKS])
def test_a_holder_that_was_killed_is_dead_with_and_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locks: str
) -> None:
    if locks:

        def no_locks(*_: object) -> None:
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr(fcntl, "flock", no_locks)
    holder = subprocess.Popen(
        [sys.executable, "-c", locks + HOLDS, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    assert session_lock.life(tmp_path) is Life.ALIVE
    holder.send_signal(signal.SIGSTOP)
    assert session_lock.life(tmp_path) is Life.ALIVE
    holder.kill()
    wait_until(lambda: session_lock.life(tmp_path) is Life.DEAD, "the holder's end")  # nobody has reaped it yet
    holder.wait()
    assert session_lock.life(tmp_path) is Life.DEAD
    holder.stdin.close()
    holder.stdout.close()


ANOTHER = {"boot": "another", "machine": "another"}


@pytest.mark.parametrize(
    ("changes", "life"),
    [
        (ANOTHER, Life.UNKNOWN),  # a home folder that machines share
        ({"boot": "another"}, Life.DEAD),  # this machine, before it booted
        ({"locked": False, "pids": "pid:[1]", "pid": 1}, Life.UNKNOWN),  # another container's pids, no locks
        ({"locked": False, "ticks": 1}, Life.DEAD),  # the pid is somebody else's by now
        ({"pid": "1"}, Life.UNKNOWN),  # written by another version
        ({"locked": None}, Life.UNKNOWN),
    ],
)
def test_only_what_is_proven_dead_is_removed(
    tmp_path: Path, own_state: Path, changes: dict[str, Any], life: Life
) -> None:
    private = locations.private_folder(tmp_path / "log.msgpack")
    live_sessions.register(private, tmp_path / "log.msgpack", private / "control")
    lock = private / session_lock.LOCK
    session_lock.let_go(private)
    lock.write_text(json.dumps(json.loads(lock.read_text()) | changes))
    assert session_lock.life(private) is life
    assert live_sessions.sessions() == []
    assert private.exists() is (life is not Life.DEAD)


@pytest.mark.parametrize("content", ["", "no json", "[" * 50_000, "[]", '{"locked": true}', "\0" * 10_000])
def test_a_lock_that_cannot_be_read_is_of_a_session_that_is_not_known(
    tmp_path: Path, own_state: Path, content: str
) -> None:
    private = locations.private_folder(tmp_path / "log.msgpack")
    session_lock.let_go(private)
    (private / session_lock.LOCK).write_text(content)
    assert live_sessions.sessions() == []
    assert private.is_dir()
