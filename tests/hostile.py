"""Peers that lie: frames that are nearly right, and a worker's process that sends what no worker may.

python tests/hostile.py MODE EVENTS LIFELINE   (a worker's process; Hostile below puts it in a worker's place)
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import stat
import sys
import time
from pathlib import Path
from typing import Any

import msgpack

ODD: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 7, 2**31, 2**63 - 1, 2**64 - 1, -(2**63), 0.5, float("nan"), float("inf"), "", "x",
    "a" * 999, "\x1b]0;title\x07", "\u202e", "=1+1", b"", b"\xff" * 9, [], [[]], [0] * 40, {}, {"lane": 0}, {1: 2},
    {"a": {"b": []}}, [None],
)  # fmt: skip
"""What stands where something else should."""


def nested(depth: int) -> list[Any]:
    inner: list[Any] = []
    for _ in range(depth):
        inner = [inner]
    return inner


def mutated(rng: random.Random, frames: list[list[Any]]) -> bytes:
    """The bytes of one of these frames with one to three things wrong with it, or of none at all. They are whole: a frame
    that only begins would swallow what follows."""
    while not (content := _mutated(rng, frames)) or incomplete(content):
        pass
    return content


def incomplete(content: bytes) -> bool:
    """Whether a reader would wait for more: then nothing comes of what follows."""
    unpacker = msgpack.Unpacker(strict_map_key=False)
    unpacker.feed(content)
    whole = 0
    with contextlib.suppress(ValueError, TypeError, msgpack.UnpackException):
        for _ in unpacker:
            whole = unpacker.tell()
        return bool(whole != len(content))
    return False


def _mutated(rng: random.Random, frames: list[list[Any]]) -> bytes:
    if rng.random() < 0.05:
        return rng.randbytes(rng.randrange(1, 40))
    frame = [_copy(field) for field in rng.choice(frames)]
    for _ in range(rng.randrange(1, 4)):
        place = rng.randrange(len(frame)) if frame else 0
        what = rng.random()
        if what < 0.5 and frame:
            frame[place] = _worse(rng, frame[place])
        elif what < 0.65 and frame:
            del frame[place]
        elif what < 0.8:
            frame.insert(place, rng.choice(ODD))
        elif frame:
            frame[place] = nested(rng.choice((2, 17, 300)))
    content: bytes = msgpack.packb(frame)
    if rng.random() < 0.03:
        content = content[: rng.randrange(len(content) + 1)]
    return content


def _worse(rng: random.Random, value: Any) -> Any:
    if isinstance(value, dict) and value and rng.random() < 0.7:
        return {**value, rng.choice(list(value)): _worse(rng, rng.choice(list(value.values())))}
    if isinstance(value, list) and value and rng.random() < 0.7:
        place = rng.randrange(len(value))
        return [*value[:place], _worse(rng, value[place]), *value[place + 1 :]]
    if isinstance(value, int) and abs(value) < 2**60 and rng.random() < 0.3:
        return value + rng.choice((-1, 1, 2**40))
    return rng.choice(ODD)


def _copy(value: Any) -> Any:
    return msgpack.unpackb(msgpack.packb(value), strict_map_key=False)


# -- a worker that lies -------------------------------------------------------------------------------------------------


def started(lane: int, levels: dict[str, Any]) -> bytes:
    """A worker's first words, as they should be."""
    now = time.monotonic_ns()
    frames = (["ready", lane, now, os.getpid(), {"device": "none"}], ["arm", lane, 0, 0, now, levels])
    return b"".join(msgpack.packb(frame) for frame in frames)


ROW = [0, 1, 0, 0, 0, 0, 0, 5, 0, 0, 1, 1, 0, 0, 0, 0]


def lie(mode: str, lane: int, sock: socket.socket) -> None:
    """Send one frame that no worker may send."""
    frames: dict[str, Any] = {
        "types": ["answer", {}, [], "now", None, 4, 4],
        "deep": ["telemetry", 1, 1, {"a": nested(100)}],
        "deeper": nested(700),
        "large": ["samples", lane, 0, 0, [[*ROW[:7], 2**64 - 1, *ROW[8:]]]],
        "short": ["samples", lane, 0, 0, [[1, 2, 3]]],
        "kind": ["fault", lane, 1, "evil", "text", ""],
        "other": ["gate", lane + 1, True, 0, 1],
        "outcome": ["answer", 1, lane, 1, 0, "perhaps", ""],
    }
    if mode == "long":  # 17 MB of empty lists in one list
        sock.sendall(b"\x92\xa9telemetry\xdd\x00\x00\x0f\xff" + b"\xdc\x0f\xff" * 5 + b"\x90" * (17 << 20))
    elif mode == "headers":  # lists of a million lists, told and never sent
        sock.sendall(b"\xdd\x00\x0f\xff\xff" * 900)
    elif mode == "bytes":
        sock.sendall(b"\xc1\xc1\xc1")
    else:
        sock.sendall(msgpack.packb(frames[mode]))


MODES = ("types", "deep", "deeper", "large", "short", "kind", "other", "outcome", "long", "headers", "bytes")


def main() -> None:
    mode, events, lifeline = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    sock = socket.socket(fileno=events)
    sock.setblocking(True)
    order = msgpack.Unpacker(strict_map_key=False, unicode_errors="surrogateescape")
    order.feed(sock.recv(1 << 20))
    _, lane, _settings, levels, *_ = next(order)
    try:
        sock.sendall(started(lane, levels))
        lie(mode, lane, sock)
    except OSError:
        pass  # cut off, as it should be
    os.read(lifeline, 1)


def python_of(folder: Path, mode: str) -> Path:
    """A Python for a lane's `python` that is one, but for the worker: instead of that it runs this file in a mode."""
    path = folder / f"python-{mode}"
    path.write_text(
        f"""#!/bin/sh
case "$*" in
  *quintet.engine.worker*) shift 2; exec "{sys.executable}" "{Path(__file__).absolute()}" {mode} "$@";;
  *) exec "{sys.executable}" "$@";;
esac
"""
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


if __name__ == "__main__":
    main()
