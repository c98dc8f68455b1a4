"""Whether a session lives, told by a lock on its private folder, never by a clock.

Whoever makes the folder puts a file `lock` into it and holds a lock (flock) on that file for as long as it lives; the
kernel lets go of it when the process ends, however it ends. So a lock that is held is a session that lives, also in
another container of this machine. The file says who the holder is (boot, machine, pid, start in ticks since the boot):
where a file system has no locks, or the lock of another machine cannot be seen here, that decides, and what it cannot
decide is unknown. Only what is known to be dead may be removed.
"""

from __future__ import annotations

import contextlib
import enum
import fcntl
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

from quintet.engine import private_files

LOCK = "lock"
MOST_BYTES = 4096

_held: dict[Path, int] = {}
"""Descriptors of the locks that this process holds, by folder."""


class Life(enum.Enum):
    """What is known of a session."""

    ALIVE = "alive"
    DEAD = "dead"
    UNKNOWN = "unknown"
    NO_LOCK = "no lock"
    """The folder has no lock: an older version made it, or it is being made."""


class Holder(NamedTuple):
    """Who holds a lock, as the lock's file says it."""

    locked: bool
    """False where the file system has no locks."""
    boot: str
    """The running kernel: another one after each boot, and the same in all of its containers."""
    machine: str
    """The machine, whatever it has booted."""
    pids: str
    """The pid namespace, in which `pid` is counted."""
    pid: int
    ticks: int
    """When the process started, in clock ticks since the boot: a pid alone may be somebody else's by now."""


def hold(folder: Path) -> None:
    """Lock a private folder for as long as this process lives. Raises OSError."""
    draft = folder / f"{LOCK}.draft"
    descriptor = private_files.create(draft, os.O_RDWR)
    try:
        _sign(descriptor, locked=_take(descriptor))
        draft.replace(folder / LOCK)  # now, so that nobody sees a lock that is not held yet
    except OSError:
        os.close(descriptor)
        raise
    _held[folder] = descriptor


def held_by(folder: Path) -> int:
    """The descriptor with which this process holds a lock: a child that inherits it holds the lock too."""
    return _held[folder]


def take_over(folder: Path, descriptor: int) -> None:
    """Hold the lock that came with this inherited descriptor, as this process's own. Raises OSError."""
    os.set_inheritable(descriptor, False)
    locked = _take(descriptor)  # it is this descriptor's already
    os.ftruncate(descriptor, 0)
    _sign(descriptor, locked=locked)
    _held[folder] = descriptor


def let_go(folder: Path) -> None:
    """Hold a lock no longer, if this process does; another process that has it by inheritance goes on holding it."""
    descriptor = _held.pop(folder, None)
    if descriptor is not None:
        os.close(descriptor)


def life(folder: Path) -> Life:
    """What is known of the session of this private folder."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return Life.NO_LOCK
    except OSError:
        return Life.UNKNOWN
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two that ask must not see each other
    except BlockingIOError:
        held = True
    except OSError:
        held = None
    else:
        held = False
    finally:
        os.close(descriptor)
    return _judged(_holder(folder), held)


def _judged(holder: Holder | None, held: bool | None) -> Life:
    """`held` is None where it cannot be known."""
    if holder is None:
        return Life.ALIVE if held else Life.UNKNOWN
    same_machine = holder.machine == _machine()
    same_boot = holder.boot == _boot() and (bool(holder.boot) or same_machine)
    if not same_boot:  # of this machine before it booted, or of another one that shares this folder
        return Life.DEAD if same_machine and held is not True else Life.UNKNOWN
    if holder.locked and held is not None:
        return Life.ALIVE if held else Life.DEAD
    if holder.pids != _pids() or not holder.ticks:
        return Life.UNKNOWN
    return Life.ALIVE if _ticks(holder.pid) == holder.ticks else Life.DEAD


def _take(descriptor: int) -> bool:
    """Lock; false where the file system has no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True


def _sign(descriptor: int, *, locked: bool) -> None:
    pid = os.getpid()
    holder = Holder(locked, _boot(), _machine(), _pids(), pid, _ticks(pid) or 0)
    os.pwrite(descriptor, json.dumps(holder._asdict()).encode(), 0)


def _holder(folder: Path) -> Holder | None:
    content = private_files.read(folder / LOCK, MOST_BYTES)
    try:
        told = json.loads(content or b"")
        holder = Holder(*(told[name] for name in Holder._fields))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    kinds = (bool, str, str, str, int, int)
    return holder if all(type(value) is kind for value, kind in zip(holder, kinds, strict=True)) else None


@cache
def _boot() -> str:
    """The id of this boot; empty where the system has none."""
    if sys.platform == "darwin":
        return _said("sysctl", "-n", "kern.bootsessionuuid")
    return _text("/proc/sys/kernel/random/boot_id")


@cache
def _machine() -> str:
    return f"{os.uname().nodename} {_text('/etc/machine-id')}"


@cache
def _pids() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")  # noqa: PTH115  it is no path, but `pid:[4026531836]`
    except OSError:
        return ""


def _ticks(pid: int) -> int | None:
    """When a process started, in ticks since the boot; None when there is no such process, or it has ended."""
    fields = _text(f"/proc/{pid}/stat").rpartition(")")[2].split()
    try:
        return None if fields[0] in "ZX" else int(fields[19])
    except (IndexError, ValueError):
        return None


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _said(*words: str) -> str:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(words, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    return ""
