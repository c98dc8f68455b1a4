"""Makes replay.msgpack: a session of 3:12 on the sleep backend, flipped, marked and hurt at known times.

    python tests/data/make_replay.py        # three and a half minutes; overwrites replay.msgpack beside it

What would tell whose machine it was (host, pids, paths) is taken out, and the journal is written anew with its checks.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from quintet.engine.control.client import Client
from quintet.engine.journal.reader import read
from quintet.engine.journal.writer import Journal
from quintet.engine.protocol.codec import decode
from quintet.engine.protocol.control_messages import Hello
from quintet.engine.protocol.events import FORMAT, JOURNAL, Check, Clock, Command, Mark, Ready, Start, Telemetry
from quintet.engine.session.session import folded
from quintet.engine.storage import live_sessions

HERE = Path(__file__).resolve().parent
ALL = [0, 1, 2, 3, 4]
ON, OFF = {"mode": "validation"}, {"mode": "withoutval"}
TIMELINE: tuple[tuple[float, str, dict[str, Any]], ...] = (
    (38, "mark", {"text": "fan on"}),
    (62, "set", {"lanes": ALL, "levels": OFF}),
    (100, "set", {"lanes": ALL, "levels": ON}),
    (118, "active", {"lanes": [1]}),
    (130, "active", {"lanes": ALL}),
    (140, "kill", {"lane": 3}),
    (146, "restart", {"lanes": [3]}),
    (156, "halt", {"lane": 4}),
    (158.3, "go on", {"lane": 4}),
    (164, "mark", {"text": "before flip"}),
    (172, "set", {"lanes": ALL, "levels": OFF}),
    (192, "stop", {}),
)
"""Seconds of the session, and what is asked of it or done to one of its processes then."""
SIGNALS = {"kill": signal.SIGKILL, "halt": signal.SIGSTOP, "go on": signal.SIGCONT}


async def play(log: Path) -> None:
    """Carry out the timeline."""
    while not any(entry.journal == str(log) for entry in live_sessions.sessions()):
        await asyncio.sleep(0.05)
    client = Client(lambda: None)
    await client.open(Path(live_sessions.find(log.stem).socket), Hello(FORMAT, os.getpid(), "make", 0, 0, False))
    for seconds, what, arguments in TIMELINE:
        session = folded(read(log))
        await asyncio.sleep(max(0.0, seconds - (time.monotonic_ns() - session.origin_ns) / 1e9))
        if what in SIGNALS:
            ready = session.lanes[arguments["lane"]].ready
            assert ready is not None
            os.kill(ready.pid, SIGNALS[what])
        else:
            await client.ask(what, arguments)
    await client.close()


def scrubbed(array: list[Any]) -> Any:
    """The event without what names a machine or a person; None for a check, which is made anew."""
    event = decode(array, JOURNAL)
    if isinstance(event, Start):
        host = {"node": "somewhere", "system": "Linux", "machine": "x86_64", "python": "3", "cpus": 2, "cpus_usable": 2}
        return event._replace(
            wall_ns=0, manifest={**event.manifest, "host": host, "versions": {}, "other_sessions": []}
        )
    if isinstance(event, Ready):
        kept = {key: value for key, value in event.info.items() if key in ("device", "dtype", "threads", "warm_up")}
        return event._replace(pid=0, info=kept)
    if isinstance(event, Clock):
        return event._replace(wall_ns=0)
    if isinstance(event, (Command, Mark)):
        return event._replace(who=event.who.split()[0])
    return None if isinstance(event, Check | Telemetry) else event


def main() -> None:
    """Record, scrub, write."""
    with tempfile.TemporaryDirectory() as name:
        os.environ["XDG_STATE_HOME"] = name
        log = Path(name) / "replay.msgpack"
        quintet = [sys.executable, "-m", "quintet", "run", str(HERE / "replay.toml"), "--headless", "--log", str(log)]
        running = subprocess.Popen(quintet, stdout=subprocess.DEVNULL)
        asyncio.run(play(log))
        running.wait(30)
        arrays = read(log)
    path = HERE / "replay.msgpack"
    path.unlink(missing_ok=True)
    journal = Journal(path)
    for array in arrays:
        if (event := scrubbed(array)) is not None:
            journal.append(event)
    journal.close()
    path.chmod(0o644)
    print(f"{path}: {path.stat().st_size} bytes, {len(arrays)} events")


if __name__ == "__main__":
    main()
