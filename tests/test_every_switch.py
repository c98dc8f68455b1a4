"""Every switch, one after the other, on five real models: each arm names its first image, each row its arm."""

from __future__ import annotations

import asyncio
import os
from itertools import pairwise
from pathlib import Path

import pytest

from quintet.engine.control.client import Client
from quintet.engine.journal.reader import read
from quintet.engine.profile.load import FOLDER
from quintet.engine.protocol import events as ev
from quintet.engine.protocol.control_messages import Hello, Reply
from quintet.engine.protocol.events import COLUMNS, FLAG_SCORED, FLAG_WARM_UP
from quintet.engine.session.session import Session
from quintet.tui.scene.event_log import notes
from tests.running import Headless

pytestmark = pytest.mark.long("soaks")

FLIPS: tuple[tuple[str, object], ...] = (
    ("mode", "withoutval"), ("mode", "inference"), ("mode", "validation"), ("score", "thread"), ("score", "off"),
    ("keep", "off"), ("keep", "results"), ("data", "inference"), ("data", "validation"), ("source", "path"),
    ("source", "array"), ("sync", "none"), ("sync", "each"), ("stages", "on"), ("stages", "off"), ("batch", 4),
    ("batch", 1), ("pace", 5), ("pace", "closed"), ("think", 20), ("think", 0), ("screen", "off"), ("screen", "on"),
)  # fmt: skip
KEEP_BYTES = 5_000_000


def flip(state: Path, switch: str, level: object) -> Reply:
    async def ask() -> Reply:
        client = Client(lambda: None)
        socket = next((state / "quintet" / "sessions").glob("*/control"))
        await client.open(socket, Hello(ev.FORMAT, os.getpid(), "test", 0, 0, False))
        reply = await client.ask("set", {"lanes": [0, 1, 2, 3, 4], "levels": {switch: level}})
        await client.close()
        return reply

    return asyncio.run(ask())


def had(session: Session, lane: int, images: int) -> bool:
    """Whether a lane's arm in force has so many rows."""
    its = session.lanes[lane]
    return sum(arm == its.arms[-1].arm for arm in its.rows.arm[-images:]) == images


def test_each_switch_in_turn_while_five_models_run(tmp_path: Path, own_state: Path) -> None:
    micro = (FOLDER / "micro.toml").read_text().replace('"micro/', f'"{FOLDER}/micro/')
    (tmp_path / "mine.toml").write_text(f"keep_bytes = {KEEP_BYTES}\n{micro}")
    run = Headless(tmp_path / "mine.toml", tmp_path)
    run.wait_running()
    for place, (switch, level) in enumerate(FLIPS, 1):
        assert flip(own_state, switch, level).outcome == "done"
        run.wait_for(
            lambda s, arms=place + 1: all(len(lane.arms) == arms and had(s, lane.number, 4) for lane in s.lanes),  # type: ignore[misc]
            f"{switch} {level} in every lane",
        )
    run.process.terminate()
    assert run.end() == 0
    for lane in range(5):
        _rows_name_their_arms(run.journal, lane)
    told = [told for event in run.session().telemetry for told in event.values["lanes"]]
    assert 0 < max(one["held_bytes"] for one in told) <= KEEP_BYTES
    assert all(lane.kept_short is not None and 10 < lane.kept_short.results < 64 for lane in run.session().lanes)
    assert any("keep_bytes is less than one pass" in note.text for note in notes(run.session(), run.session().last_ns))


def _rows_name_their_arms(journal: Path, lane: int) -> None:
    arms: dict[int, ev.Arm] = {}
    rows: list[tuple[int, int, list[int]]] = []
    for array in read(journal):
        if array[0] == "arm" and array[1] == lane:
            arms[array[2]] = ev.Arm(*array[1:6])
        if array[0] == "samples" and array[1] == lane:
            assert array[2] in arms, "an arm is told before its rows"
            rows += [(array[2], array[3] + place, row) for place, row in enumerate(array[4])]
    assert [seq for _, seq, _ in rows] == list(range(len(rows)))
    assert sorted(arms) == list(range(len(FLIPS) + 1))
    for before, after in pairwise(arms[number] for number in sorted(arms)):
        assert {seq for arm, seq, _ in rows if arm == before.arm} == set(range(before.from_seq, after.from_seq))
    for arm, _, row in rows:
        by_name, levels = dict(zip(COLUMNS, row, strict=True)), arms[arm].levels
        assert bool(by_name["flags"] & FLAG_SCORED) == (levels["score"] != "off")
        assert by_name["batch"] == levels["batch"]
        assert (by_name["load"] == 0) == (levels["source"] == "path")
        assert by_name["start"] + 1 > arms[arm].t_ns or by_name["flags"] & FLAG_WARM_UP
