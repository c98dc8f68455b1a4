"""Start a worker's process: its command line, its environment, its descriptors, and the way it is ended.

The worker's channel is an inherited socket and its lifeline an inherited pipe; numbers on the command line, no addresses.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from quintet.engine import private_files
from quintet.engine.storage.side_files import SideFile

ALLOWED = (
    "PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "CONDA_PREFIX", "XDG_CACHE_HOME",
)  # fmt: skip
ALLOWED_HEADS = ("LC_", "DYLD_", "CUDA_", "NVIDIA_", "HIP_", "ROCR_", "PYTORCH_", "OMP_", "MKL_")
BUFFER_BYTES = 1 << 20
STDERR_TAIL_BYTES = 2000
UMASK = 0o077
"""Of every process of a session: what it writes is for this user only."""


class Process(Protocol):
    """A worker's process, started here or adopted from the nursery."""

    pid: int
    returncode: int | None

    def poll(self) -> int | None:
        """The exit status, or None while it runs."""

    def send_signal(self, number: int) -> None:
        """Send a signal."""

    def kill(self) -> None:
        """SIGKILL."""

    def wait(self, timeout: float) -> int:
        """Wait for the exit status. Raises subprocess.TimeoutExpired."""


class Wires:
    """Socket pair and lifeline of one worker. The worker's ends are kept until it has them."""

    def __init__(self) -> None:
        self.sock, self._theirs = socket.socketpair()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self._theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        self.sock.setblocking(False)
        self._end, self._lifeline = os.pipe()
        self._handed_over = False

    @property
    def workers_ends(self) -> tuple[int, int]:
        """Descriptors of the worker's socket and lifeline."""
        return self._theirs.fileno(), self._end

    def hand_over(self) -> None:
        """The worker has its ends: close ours of them, so that its end is seen."""
        if not self._handed_over:
            self._handed_over = True
            self._theirs.close()
            os.close(self._end)

    def release(self) -> None:
        """Close everything; a worker that still lives ends by that."""
        self.hand_over()
        self.sock.close()
        os.close(self._lifeline)


def environment(private: Path, whose: str, extra: dict[str, str]) -> dict[str, str]:
    """What a worker sees: an allow-list of ours, Ultralytics silenced and with settings of its own, and the lane's env."""
    kept = {name: value for name, value in os.environ.items() if name in ALLOWED or name.startswith(ALLOWED_HEADS)}
    settings = private / whose
    private_files.make_folder(settings)
    # OpenBLAS starts its threads when numpy is imported, and a process with threads must not be forked
    quiet = {
        "OPENBLAS_NUM_THREADS": "1",
        "YOLO_OFFLINE": "1",
        "YOLO_AUTOINSTALL": "0",
        "YOLO_VERBOSE": "0",
        "YOLO_CONFIG_DIR": str(settings),
    }
    return {**kept, **quiet, **extra}


def spawn(lane: int, wires: Wires, private: Path, stderr: SideFile, extra: dict[str, str], python: str) -> Process:
    """Start one worker as a plain process in the session's private folder, its stderr in a file. Raises OSError."""
    ends, errors = wires.workers_ends, stderr.descriptor
    process = subprocess.Popen(
        [python, "-m", "quintet.engine.worker", *map(str, ends)],
        stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, cwd=private, umask=UMASK,
        env=environment(private, f"lane{lane}", extra), pass_fds=ends, start_new_session=True,
    )  # fmt: skip
    wires.hand_over()
    return process


def simulate(seed: int, tasks: Sequence[str], wires: Sequence[Wires], private: Path, stderr: SideFile) -> Process:
    """Start the one process of all simulated lanes. Raises OSError."""
    ends = [one.workers_ends for one in wires]
    words = [f"{task}:{events}:{lifeline}" for task, (events, lifeline) in zip(tasks, ends, strict=True)]
    errors = stderr.descriptor
    return subprocess.Popen(
        [sys.executable, "-m", "quintet.engine.worker.backends.simulated", str(seed), *words],
        stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, cwd=private, umask=UMASK,
        env=environment(private, "simulated", {}), pass_fds=[number for pair in ends for number in pair],
        start_new_session=True,
    )  # fmt: skip


def how_it_ended(status: int) -> str:
    """An exit status in words: `ended by signal 9 (SIGKILL)`, `exited with status 3`."""
    if status >= 0:
        return f"exited with status {status}"
    try:
        return f"was ended by signal {-status} ({signal.Signals(-status).name})"
    except ValueError:
        return f"was ended by signal {-status}"


def stderr_tail(stderr: SideFile) -> str:
    """The last lines of a worker's stderr."""
    return stderr.tail(STDERR_TAIL_BYTES)
