"""The few things that only Linux can do for a family of processes, by prctl."""

from __future__ import annotations

import ctypes
import signal
import sys

PR_SET_PDEATHSIG, PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 1, 15, 36


def _prctl(option: int, value: int | bytes) -> None:
    if sys.platform != "linux":
        raise OSError("only Linux has prctl")
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def die_with_parent() -> None:
    """SIGKILL for this process when its parent ends. Raises OSError; check getppid() afterwards."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def adopt_grandchildren() -> None:
    """Orphans below this process become its children. Raises OSError."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def call_process(name: str) -> None:
    """What `ps` and `top` call this process, 15 letters at most; does nothing elsewhere."""
    if sys.platform == "linux":
        _prctl(PR_SET_NAME, name.encode()[:15])
