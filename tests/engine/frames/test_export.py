"""Export: Parquet that DuckDB queries, CSV that any reader reads, a trace that keeps the format's rules; and nothing lost."""

from __future__ import annotations

import csv
import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import pyarrow.parquet
import pytest

import quintet
from quintet.engine.errors import BadInput
from quintet.engine.frames.export import checked, export
from quintet.engine.frames.schema import SCHEMA
from quintet.engine.protocol import events as ev
from tests.engine.frames.made import lively, told, written
from tests.making import OFF, Maker, at, row
from tests.test_cli import quintet as command

RULES = json.loads((Path(__file__).parents[2] / "data" / "trace_event_format.schema.json").read_text())


def nothing(_done: int, _of: int) -> None:
    """No progress."""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return written(tmp_path / "told.msgpack", told())


def test_duckdb_queries_the_parquet_files_and_agrees_with_load(log: Path, tmp_path: Path) -> None:
    ran = command("export", str(log), "--out", str(tmp_path / "out"))
    assert (ran.returncode, ran.stdout) == (0, f"{tmp_path / 'out'}\n"), ran.stderr
    assert "seg: 12 images were lost" in ran.stderr
    samples = quintet.load(log).samples
    expected = samples[samples.counts].groupby(["lane", "mode"], observed=True).predict.mean()
    query = f"SELECT lane, mode, avg(predict) FROM '{tmp_path}/out/samples.parquet' WHERE counts GROUP BY lane, mode"
    with duckdb.connect() as database:
        found = {(lane, mode): mean for lane, mode, mean in database.execute(query).fetchall()}
        joined = database.execute(
            f"SELECT b.levels, count(*) FROM '{tmp_path}/out/samples.parquet' s JOIN '{tmp_path}/out/blocks.parquet' b "
            "USING (block) WHERE b.counts GROUP BY b.levels ORDER BY b.levels"
        ).fetchall()
    assert found == pytest.approx(expected.to_dict())
    assert [levels for levels, _ in joined] == ['{"mode": "validation"}', '{"mode": "withoutval"}']
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        [*(f"{name}.parquet" for name in SCHEMA), "start.json"]
    )
    assert json.loads((tmp_path / "out" / "start.json").read_text())["end"] == "asked"


def test_csv_holds_every_row_and_column_as_text(log: Path, tmp_path: Path) -> None:
    export(quintet.load(log), "csv", tmp_path / "out", progress=nothing)
    samples = quintet.load(log).samples
    with (tmp_path / "out" / "samples.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(SCHEMA["samples"])
    assert len(rows) == len(samples)
    assert [float(row["predict"]) for row in rows] == samples.predict.tolist()
    assert {row["block"] for row in rows} == {"", "0", "1"}
    with (tmp_path / "out" / "marks.csv").open(newline="") as file:
        assert next(csv.DictReader(file))["text"] == "fan on ☂"


def trace(log: Path, out: Path) -> dict[str, Any]:
    export(quintet.load(log), "perfetto", out, progress=nothing)
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def broken_rules(events: list[dict[str, Any]]) -> list[str]:
    """What the format forbids beyond single events: slices of a track nest, async events pair, counters go forwards."""
    found = []
    stacks: dict[int, list[tuple[float, float]]] = {}
    last: dict[object, float] = {}
    begun: dict[tuple[str, str], float] = {}
    for event in events:
        kind, at_us = event["ph"], event.get("ts", 0.0)
        if kind == "X":
            stack = stacks.setdefault(event["tid"], [])
            if at_us < last.get(event["tid"], 0.0):
                found.append(f"{event} is not in order")
            last[event["tid"]] = at_us
            while stack and stack[-1][1] <= at_us + 1e-4:
                stack.pop()
            if stack and at_us + event["dur"] > stack[-1][1] + 1e-3:
                found.append(f"{event} does not lie within {stack[-1]}")
            stack.append((at_us, at_us + event["dur"]))
        elif kind == "C":
            if at_us < last.get(event["name"], 0.0):
                found.append(f"{event} goes back")
            last[event["name"]] = at_us
        elif kind == "b":
            begun[event["cat"], event["id"]] = at_us
        elif kind == "e" and begun.pop((event["cat"], event["id"]), at_us + 1) > at_us:
            found.append(f"{event} ends what never began")
    return [*found, *(f"{key} never ends" for key in begun)]


@pytest.mark.parametrize("frames", [told(), lively(3)])
def test_a_trace_keeps_the_formats_rules(tmp_path: Path, frames: list[ev.Frame]) -> None:
    found = trace(written(tmp_path / "log", frames), tmp_path / "out.json")
    jsonschema.Draft202012Validator(RULES).validate(found)
    assert broken_rules(found["traceEvents"]) == []


def test_the_checker_of_traces_finds_what_is_wrong() -> None:
    outer = {"ph": "X", "ts": 10.0, "dur": 5.0, "tid": 1, "name": "a"}
    assert broken_rules([outer, {**outer, "ts": 12.0}])
    assert broken_rules([{**outer, "ts": 12.0}, {**outer, "dur": 1.0}])
    assert broken_rules([{"ph": "e", "cat": "c", "id": "1", "ts": 1.0}])
    assert broken_rules([{"ph": "b", "cat": "c", "id": "1", "ts": 1.0}])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(RULES).validate({"traceEvents": [{"name": "a", "ph": "X", "pid": 1, "ts": 1}]})


def test_a_trace_tells_lanes_slices_arms_blocks_marks_and_counters(log: Path, tmp_path: Path) -> None:
    events = trace(log, tmp_path / "out.json")["traceEvents"]
    tracks = {event["args"]["name"]: event["tid"] for event in events if event["name"] == "thread_name"}
    assert list(tracks) == ["session", "cls", "detect", "pose", "seg", "obb"]
    images = len(quintet.load(log).samples)
    slices = [event for event in events if event["ph"] == "X"]
    assert {name: sum(event["name"] == name for event in slices) for name in ("load", "predict", "infer")} == {
        "load": images, "predict": images, "infer": images,
    }  # fmt: skip
    first = next(event for event in slices if event["name"] == "predict" and event["tid"] == tracks["seg"])
    assert (first["ts"], first["dur"], first["args"]["arm"]) == (2_000_000, 13_000, 0)
    names = [event["name"] for event in events if event["ph"] in "ib"]
    assert "arm 1: withoutval" in names
    assert "fan on ☂" in names
    assert any(name.startswith("block 2: together") and "void: detect did not answer" in name for name in names)
    counters = {event["name"]: event["args"]["value"] for event in events if event["ph"] == "C"}
    assert counters["machine CPU %"] == 80
    assert counters["detect CPU %"] == 95.5
    assert {"supervisor memory MB", "gpu 0 use %"} <= set(counters)


def test_a_batch_is_one_slice_with_its_scores_added_up(tmp_path: Path) -> None:
    made = Maker(1).ready().gate_all(2)
    rows = [row(at(2.1), 30, score_ms=2, load_ms=1) for _ in range(4)] + [row(at(2.2), 30, score_ms=2)]
    made.frames.append(ev.Samples(0, 0, 0, rows))
    events = trace(written(tmp_path / "log", made.frames), tmp_path / "out.json")["traceEvents"]
    found = [(event["name"], event["ts"], event["dur"]) for event in events if event["ph"] == "X" and event["dur"] > 1]
    assert found[:4] == [
        ("load", 2_096_000, 4000), ("predict", 2_100_000, 30_000), ("infer", 2_100_000.001, 29_999.998),
        ("score", 2_130_000, 8000),
    ]  # fmt: skip
    assert len([name for name, *_ in found if name == "predict"]) == 2


def test_nothing_is_overwritten_without_force_and_other_files_stay(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    (out / "samples.parquet").write_text("old")
    ran = command("export", str(log), "--out", str(out))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert (
        ran.stderr == f"quintet: {out} exists already. Give --out another path, or --force to replace what is there.\n"
    )
    assert command("export", str(log), "--out", str(out), "--force").returncode == 0
    assert (out / "mine.txt").read_text() == "mine"
    assert pyarrow.parquet.read_table(out / "samples.parquet").num_rows == len(quintet.load(log).samples)
    trace_path = tmp_path / "t.json"
    trace_path.write_text("mine")
    assert command("export", str(log), "--out", str(trace_path), "--format", "perfetto").returncode == 2
    assert trace_path.read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--format", "xml", "--out", "x"), "--format xml: there are parquet, csv, perfetto."),
        (("--out", "no/where"), "There is no folder"),
        (("--format", "perfetto", "--out", "."), "is a folder, and perfetto needs a file"),
        (("--format", "csv", "--out", "told.msgpack"), "is a file, and csv needs a folder"),
    ],
)
def test_what_cannot_be_exported_is_one_sentence(log: Path, tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    ran = command("export", str(log), *words, cwd=tmp_path)
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1), ran.stderr
    assert ran.stderr.startswith("quintet: ")
    assert says in ran.stderr


@pytest.mark.parametrize("form", ["parquet", "csv", "perfetto"])
def test_a_write_that_fails_leaves_nothing(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    out = tmp_path / "out"
    frames = quintet.load(log)
    monkeypatch.setattr(Path, "replace" if form == "perfetto" else "rename", full)
    checked(form, out, force=False)
    with pytest.raises(BadInput, match="cannot be written: No space left on device"):
        export(frames, form, out, progress=nothing)
    assert [path.name for path in tmp_path.iterdir()] == ["told.msgpack"]


def test_long_work_says_how_far_it_is(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told_of: list[tuple[int, int]] = []
    export(quintet.load(log), "perfetto", tmp_path / "t", progress=lambda done, of: told_of.append((done, of)))
    assert told_of == sorted(told_of)
    assert told_of[-1][0] == told_of[-1][1] > 0
    program = (
        "import sys; sys.argv[1:] = " + repr(["export", str(log), "--out", str(tmp_path / "p")]) + "\n"
        "from quintet.cli import logs, main; logs.PROGRESS_S = 0\nmain.main()"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "quintet: written 0 %" in ran.stderr
    assert ran.stdout == f"{tmp_path / 'p'}\n"


def test_the_levels_that_arms_tell_are_in_the_trace(tmp_path: Path) -> None:
    made = Maker(1).ready().gate_all(2).images(0, 2, 3, 10).set(0, 3, OFF)
    events = trace(written(tmp_path / "log", made.frames), tmp_path / "out.json")["traceEvents"]
    assert [event["args"]["score"] for event in events if event.get("cat") == "arm"] == ["inline", "off"]
