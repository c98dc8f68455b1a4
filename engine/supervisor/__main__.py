"""The detached supervisor's process: `python -m quintet.engine.supervisor ORDER`, ORDER being JSON from quintet.cli.sessions.

It says `open` on the given descriptor once journal and socket are there, or one sentence when they cannot be.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from quintet.engine.errors import BadInput
from quintet.engine.profile import load as profiles
from quintet.engine.protocol import requests
from quintet.engine.storage import locations, session_lock, side_files
from quintet.engine.supervisor.supervisor import Options, Supervisor


def main() -> int:
    """Run the ordered session; returns its exit status."""
    order = json.loads(sys.argv[1])
    say = int(order["say"])
    journal, private = Path(order["journal"]), Path(order["private"])
    try:
        session_lock.take_over(private, int(order["lock"]))
        order["plan"] = None if order["plan"] is None else requests.plan(order["plan"])
        options = Options(**{name: order[name] for name in Options._fields if name in order})
        profile = profiles.load(order["profile"], order["sets"])
        supervisor = Supervisor(profile, journal, private, options)
    except (BadInput, OSError) as error:
        os.write(
            say,
            (locations.unwritable(journal, error) if isinstance(error, OSError) else str(error)).encode(
                errors="replace"
            ),
        )
        return 2
    status = asyncio.run(_run(supervisor, say))
    side_files.remove_if_empty(side_files.supervisor_stderr(journal), sys.stderr.fileno())
    return status


async def _run(supervisor: Supervisor, say: int) -> int:
    opened = asyncio.Event()
    running = asyncio.create_task(supervisor.run(opened))
    waiting = asyncio.create_task(opened.wait())
    await asyncio.wait((running, waiting), return_when=asyncio.FIRST_COMPLETED)
    if opened.is_set():
        os.write(say, b"open")
    os.close(say)
    waiting.cancel()
    return await running


if __name__ == "__main__":
    sys.exit(main())
