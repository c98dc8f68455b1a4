"""Start a worker's process: its command line, its environment, its descriptors, and the way it is ended.

The worker's channel is an inherited socket and its lifeline an inherited pipe; numbers on the command line, no addresses.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ALLOWED = (
    "PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "CONDA_PREFIX", "XDG_CACHE_HOME",
)  # fmt: skip
ALLOWED_HEADS = ("LC_", "DYLD_", "CUDA_", "NVIDIA_", "HIP_", "ROCR_", "PYTORCH_", "OMP_", "MKL_")
SEND_BUFFER_BYTES = 1 << 20
STDERR_TAIL_BYTES = 2000


class Child(NamedTuple):
    """A started worker: its process, the supervisor's end of the socket, and the end of the lifeline that keeps it alive."""

    process: subprocess.Popen[bytes]
    sock: socket.socket
    lifeline: int

    def release(self) -> None:
        """Close both descriptors; a worker that still lives ends by that."""
        self.sock.close()
        os.close(self.lifeline)


def environment(private: Path, lane: int, extra: dict[str, str]) -> dict[str, str]:
    """What a worker sees: an allow-list of ours, Ultralytics silenced and with settings of its own, and the lane's env."""
    kept = {name: value for name, value in os.environ.items() if name in ALLOWED or name.startswith(ALLOWED_HEADS)}
    settings = private / f"lane{lane}"
    settings.mkdir(exist_ok=True)
    quiet = {"YOLO_OFFLINE": "1", "YOLO_AUTOINSTALL": "0", "YOLO_VERBOSE": "0", "YOLO_CONFIG_DIR": str(settings)}
    return {**kept, **quiet, **extra}


def spawn(lane: int, private: Path, stderr: Path, extra_environment: dict[str, str]) -> Child:
    """Start one worker in the session's private folder, its stderr in a file. Raises OSError."""
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SEND_BUFFER_BYTES)
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    ours.setblocking(False)
    end, lifeline = os.pipe()
    try:
        with stderr.open("ab") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "quintet.engine.worker.main", str(theirs.fileno()), str(end)],
                stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, cwd=private,
                env=environment(private, lane, extra_environment), pass_fds=(theirs.fileno(), end),
            )  # fmt: skip
    except OSError:
        ours.close()
        os.close(lifeline)
        raise
    finally:
        theirs.close()
        os.close(end)
    return Child(process, ours, lifeline)


def how_it_ended(status: int) -> str:
    """An exit status in words: `ended by signal 9 (SIGKILL)`, `exited with status 3`."""
    if status >= 0:
        return f"exited with status {status}"
    try:
        return f"was ended by signal {-status} ({signal.Signals(-status).name})"
    except ValueError:
        return f"was ended by signal {-status}"


def stderr_tail(path: Path) -> str:
    """The last lines of a worker's stderr."""
    try:
        content = path.read_bytes()
    except OSError:
        return ""
    return content[-STDERR_TAIL_BYTES:].decode("utf-8", "replace")
