"""Listing logs: what a log's ends tell, also when they are hurt."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from quintet.engine.journal.writer import Journal
from quintet.engine.protocol import events as ev
from quintet.engine.storage.log_summary import glance
from tests.hurting import frames, write
from tests.making import Maker, at
from tests.test_cli import quintet


def test_a_whole_log_tells_its_lanes_length_and_end(tmp_path: Path) -> None:
    content = write(tmp_path / "log", frames())
    found = glance(tmp_path / "log")
    assert found is not None
    assert found._replace(path=Path(), length_s=None) == (
        Path(), len(content), ("cls", "detect", "pose"), 0.0, None, "asked",
    )  # fmt: skip
    assert found.length_s == pytest.approx(10.1)


def test_a_cut_log_has_no_end_and_a_damaged_one_says_so(tmp_path: Path) -> None:
    content = write(tmp_path / "log", frames())
    (tmp_path / "log").write_bytes(content[:-60])
    cut = glance(tmp_path / "log")
    assert cut is not None
    assert cut.ended == "no end"
    assert cut.length_s == pytest.approx(9.995)
    hurt = bytearray(content)
    hurt[20] ^= 1
    (tmp_path / "log").write_bytes(hurt)
    damaged = glance(tmp_path / "log")
    assert damaged is not None
    assert damaged.ended == "damaged"
    hurt = bytearray(content)
    hurt[-40] ^= 1
    (tmp_path / "log").write_bytes(hurt)
    found = glance(tmp_path / "log")
    assert found is not None
    assert found.ended == "no end"
    (tmp_path / "log").write_bytes(b"text")
    assert glance(tmp_path / "log") is None


def test_a_long_log_is_not_read_whole(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "log")
    made = Maker(1).ready().gate_all(2).images(0, 2, 400, 10)
    for frame in [*made.frames, ev.End(at(401), "time", {})]:
        journal.append(frame)
    journal.close()
    assert (tmp_path / "log").stat().st_size > 3 * 2**18
    with (tmp_path / "log").open("r+b") as file:
        file.seek(400_000)
        file.write(bytes(1000))  # nobody looks there
    found = glance(tmp_path / "log")
    assert found is not None
    assert (found.ended, found.length_s) == ("time", 401)


def test_ls_lists_past_logs_the_newest_last(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    for name, second in (("old", 10), ("new", 20)):
        write(folder / f"{name}.msgpack", frames())
        os.utime(folder / f"{name}.msgpack", (second, second))
    (folder / "notes.msgpack").write_text("mine")
    ran = quintet("ls", cwd=tmp_path)
    assert ran.returncode == 0
    assert ran.stderr == "no session is live\n"
    path = folder / "new.msgpack"
    assert ran.stdout.splitlines() == [
        f"old  asked 0.2 min  0.0 MB  cls,detect,pose  {folder / 'old.msgpack'}",
        f"new  asked 0.2 min  0.0 MB  cls,detect,pose  {path}",
    ]
