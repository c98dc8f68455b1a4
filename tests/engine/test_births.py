"""Who is read when: a lane that runs wakes nobody, one that owes an answer is heard at once."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from quintet.engine.profile.schema import Profile
from quintet.engine.storage.side_files import SideFile
from quintet.engine.supervisor.worker_launcher import Births


async def test_a_lane_that_runs_wakes_nobody_until_an_answer_is_due(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    heard: list[Any] = []
    stderr = SideFile(tmp_path / "stderr")
    births = Births(
        Profile(name="p", lanes=(), path="", text=""),
        tmp_path,
        stderr,
        lambda *_: None,
        heard.append,
        forks=False,
    )
    link: Any = SimpleNamespace(number=0, state="ready", open=True, waiting={}, wires=SimpleNamespace(sock=ours))
    births._heard[0] = link
    loop.add_reader(ours, heard.append, link)

    births.poll()
    assert heard == [link]
    assert not loop.remove_reader(ours)  # nobody waits for it

    link.waiting[1] = 2
    births.poll()
    assert heard == [link]
    assert loop.remove_reader(ours)  # somebody did

    for one in (ours, theirs):
        one.close()
    stderr.close()
