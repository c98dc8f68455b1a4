"""quintet.load: what the frames say is what the journal says, and an image counts where the tables count it."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import quintet
from quintet.engine.analysis.flip_table import cells
from quintet.engine.errors import BadInput
from quintet.engine.frames import schema as columns
from quintet.engine.journal.writer import Journal
from quintet.engine.protocol import events as ev
from quintet.engine.session.session import folded
from quintet.engine.session.settings import Rules
from tests.engine.frames.made import WALL, lively, told, written
from tests.making import SECOND, Maker, arrays, at, row

DOCS = Path(__file__).parents[3] / "docs" / "frames.md"
TYPES = {
    "int": "int64", "Int": "Int64", "float": "float64", "bool": "bool", "text": "string", "wall": "datetime64[ns, UTC]",
    "category": "category",
}  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return written(tmp_path / "told.msgpack", told())


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("rules", [Rules(), Rules(burn_in_ns=2 * SECOND, burn_in_images=40), Rules(0, 0)])
def test_images_count_where_the_tables_count_them(tmp_path: Path, seed: int, rules: Rules) -> None:
    frames = lively(seed)
    found = quintet.load(written(tmp_path / "a", frames), rules=rules).samples
    expected = cells(folded(arrays(frames)), rules=rules)
    grouped = found[found.counts].groupby(["setting", "lane"], observed=True)
    assert len(expected) == grouped.ngroups
    assert len(expected) > 8
    means = {(cell.setting, cell.lane): cell for cell in expected}
    settings = dict.fromkeys(cell.setting for cell in expected)
    for number, setting in zip(found[found.counts].setting.drop_duplicates().sort_values(), settings, strict=True):
        for lane in setting.lanes:
            cell = means.get((setting, lane))
            if cell is None:
                continue
            its = grouped.get_group((number, ("cls", "detect", "pose", "seg", "obb")[lane]))
            assert len(its) == cell.images
            assert its.predict.mean() * 1e6 == pytest.approx(cell.means_ns["predict"])
            assert its.cycle.mean() * 1e6 == pytest.approx(cell.means_ns["cycle"] or np.nan, nan_ok=True)
            assert set(its["regime"]) == {cell.regime}
            assert list(its["mode"].dropna().unique()) == ([cell.mode] if cell.mode else [])


def test_every_row_is_there_with_its_own_numbers(tmp_path: Path) -> None:
    numbers = [
        7,
        at(3),
        35,
        1_500_000,
        2_000_000,
        3_000_000,
        4_000_000,
        9_500_000,
        250_000,
        8_000_000,
        2,
        5,
        14,
        60_000,
    ]
    frames = [*Maker(1).ready().gate_all(2).frames, ev.Samples(0, 0, 30, [numbers])]
    (found,) = quintet.load(written(tmp_path / "a", frames)).samples.to_dict("records")
    assert {name: found[name] for name in ("lane", "task", "seq", "arm", "image", "batch", "detections", "start_ns")} == {
        "lane": "cls", "task": "cls", "seq": 30, "arm": 0, "image": 7, "batch": 2, "detections": 5, "start_ns": at(3),
    }  # fmt: skip
    times = {
        "wait": 35e-6,
        "load": 1.5,
        "pre": 2,
        "infer": 3,
        "post": 4,
        "predict": 9.5,
        "score": 0.25,
        "cpu": 8,
        "delay": 0.06,
        "value": math.nan,
        "keep": math.nan,
    }
    assert {name: found[name] for name in times} == pytest.approx(times, nan_ok=True)  # a row of quintet 0.1.0
    assert (found["warm_up"], found["first_pass"], found["scored"], found["late"]) == (False, True, True, True)
    assert found["t_s"] == 3


def test_warm_up_parked_and_straddling_images_belong_to_no_setting(tmp_path: Path) -> None:
    found = quintet.load(written(tmp_path / "a", lively())).samples
    assert found[found.warm_up].setting.isna().all()
    assert found.warm_up.sum() == 20
    made = Maker(1).ready().gate_all(2).images(0, 2, 4.005, 10)
    made.frames.append(ev.Samples(0, 0, made.seq[0], [row(at(4.005), 10)]))
    made.gate(0, 4.01, open_gate=False)
    made.frames.append(ev.Samples(0, 0, made.seq[0] + 1, [row(at(5), 10)]))
    last = quintet.load(written(tmp_path / "b", made.frames)).samples.tail(3)
    assert last.setting.tolist() == [0, pd.NA, pd.NA]


def test_columns_have_the_types_that_are_promised_also_when_there_is_nothing(tmp_path: Path, path: Path) -> None:
    empty = written(tmp_path / "empty", [Maker().frames[0]])
    for log in (path, empty):
        loaded = quintet.load(log)
        for name, schema in columns.SCHEMA.items():
            frame = getattr(loaded, name)
            assert list(frame.columns) == list(schema)
            assert {column: str(frame[column].dtype) for column in frame} == {
                column: TYPES[kind] for column, kind in schema.items()
            }, name
    assert len(quintet.load(empty).samples) == 0


def test_the_documentation_names_every_column_in_order() -> None:
    documented = {
        heading: re.findall(r"^\| (\w+) \|", text, re.MULTILINE)[1:]
        for heading, text in re.findall(r"^## ([a-z]+)\n(.*?)(?=^## |\Z)", DOCS.read_text(), re.MULTILINE | re.DOTALL)
    }
    assert documented == {name: list(schema) for name, schema in columns.SCHEMA.items()}


def test_blocks_are_told_and_void_ones_have_no_images(path: Path) -> None:
    loaded = quintet.load(path)
    assert loaded.blocks[["block", "mode", "void", "counts"]].values.tolist() == [
        [0, "validation", "", True], [1, "withoutval", "", True], [2, "withoutval", "detect did not answer", False],
    ]  # fmt: skip
    samples = loaded.samples
    in_blocks = samples.groupby("block").t_s.agg(["min", "max"])
    assert in_blocks.index.tolist() == [0, 1]
    assert in_blocks["min"].tolist() == pytest.approx([3, 13.1])
    assert in_blocks["max"].max() < 20
    assert samples.block.isna().any()
    longer = quintet.load(path, burn_in_s=3)
    assert longer.samples.groupby("block").t_s.min().tolist() == pytest.approx([5, 15.1])


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"burn_in_s": float("nan")}, "burn_in_s nan: give a number from 0 to 1000000."),
        ({"burn_in_s": float("inf")}, "burn_in_s inf: give a number from 0 to 1000000."),
        ({"burn_in_s": -1}, "burn_in_s -1: give a number from 0 to 1000000."),
        ({"burn_in_s": "x"}, "burn_in_s 'x': give a number from 0 to 1000000."),
        ({"burn_in_images": 1.5}, "burn_in_images 1.5: give a whole number from 0 to 1000000."),
        ({"burn_in_images": True}, "burn_in_images True: give a whole number from 0 to 1000000."),
        ({"burn_in_images": 10**30}, "give a whole number from 0 to 1000000."),
    ],
)
def test_a_burn_in_that_is_none_gets_one_sentence(path: Path, asked: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput) as caught:
        quintet.load(path, **asked)
    assert str(caught.value).endswith(says)


def test_telemetry_is_a_row_for_each_of_what_it_tells(path: Path) -> None:
    found = quintet.load(path).telemetry.set_index("what")
    assert found.index.tolist() == ["machine", "worker", "supervisor", "screen", "gpu"]
    assert (found.loc["machine", "cpu_pct"], found.loc["machine", "cost"]) == (80, 0.5)
    assert (found.loc["worker", "lane"], found.loc["worker", "held_bytes"], found.loc["worker", "cpu_pct"]) == (
        "detect",
        77,
        95.5,
    )
    assert pd.isna(found.loc["worker", "pss_bytes"])
    assert (found.loc["screen", "cpu"], found.loc["gpu", "power_mw"], found.loc["gpu", "index"]) == (5, 1500, 0)


def test_commands_values_marks_and_faults_are_told(path: Path) -> None:
    loaded = quintet.load(path)
    asked = loaded.commands[["what", "lane", "outcome"]].astype("string").fillna("-")
    assert asked.values.tolist() == [["set", "cls", "-"], ["set", "detect", "done"], ["plan", "-", "-"]]
    assert loaded.commands["value"][0] == '{"mode": "withoutval"}'
    assert loaded.commands.answer_s[1] == pytest.approx(12.1)
    assert loaded.values[["lane", "map50_box", "cost"]].values.tolist() == [["detect", 0.62, 3.0]]
    assert loaded.marks.text.tolist() == ["fan on ☂"]
    assert loaded.faults.kind.tolist() == ["nursery", "died"]
    assert loaded.faults.lane.isna().tolist() == [True, False]
    assert loaded.start["profile_name"] == "made"
    assert loaded.start["end"] == "asked"
    assert loaded.notes == ("seg: 12 images were lost on the way",)
    assert loaded.arms.query("lane == 'seg'")["score"].tolist() == ["inline", "off"]


def test_wall_time_follows_the_clock_events(tmp_path: Path) -> None:
    frames = lively()
    clock = frames[-1]
    assert isinstance(clock, ev.Clock)
    found = quintet.load(written(tmp_path / "a", frames)).samples
    drift = (found.wall - pd.Timestamp(WALL, tz="UTC")).dt.total_seconds() - found.t_s
    expected = 0.5 * found.t_s / ((clock.t_ns - at(0)) / SECOND)  # the wall gained half a second up to the clock event
    assert np.allclose(drift, expected, atol=1e-6)


def test_several_logs_are_one_frame_with_their_sessions(tmp_path: Path, path: Path) -> None:
    other = written(tmp_path / "other.msgpack", lively())
    both = quintet.load([path, other])
    assert both.samples.session.cat.categories.tolist() == ["told", "other"]
    assert len(both.samples) == len(quintet.load(path).samples) + len(quintet.load(other).samples)
    assert set(both.start) == {"told", "other"}
    for name, schema in columns.SCHEMA.items():
        assert {c: str(getattr(both, name)[c].dtype) for c in schema} == {c: TYPES[kind] for c, kind in schema.items()}
    assert quintet.load(path, path).samples.session.cat.categories.tolist() == ["told", "told#2"]


def test_a_session_is_found_by_its_name(tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs").mkdir()
    path.rename(tmp_path / "logs" / "told.msgpack")
    assert len(quintet.load("told").marks) == 1
    with pytest.raises(BadInput, match=r"^nothing cannot be read: .* no session of that name"):
        quintet.load("nothing")


def test_a_journal_that_is_still_written_is_read_as_far_as_it_is(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "live")
    counts = []
    frames = Maker(1).ready().gate_all(2).images(0, 2, 6, 10).frames
    for place, frame in enumerate(frames):
        journal.append(frame)
        if place % 4 == 0:
            journal.check()
        counts.append(len(quintet.load(tmp_path / "live").samples))
    assert counts == sorted(counts)
    assert counts[-1] == 200
    journal.close()


def test_fields_and_columns_of_a_newer_version_are_ignored(tmp_path: Path) -> None:
    made = Maker(1).ready().gate_all(2).images(0, 2, 4, 10)
    plain = quintet.load(written(tmp_path / "a", made.frames)).samples
    wide = [
        frame._replace(rows=[[*own, 99] for own in frame.rows]) if isinstance(frame, ev.Samples) else frame
        for frame in made.frames
    ]
    pd.testing.assert_frame_equal(quintet.load(written(tmp_path / "b", wide)).samples, plain)


def test_importing_quintet_stays_light() -> None:
    program = "import quintet, sys; assert 'pandas' not in sys.modules; quintet.load; assert 'pandas' in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
    with pytest.raises(AttributeError, match="lode"):
        _ = quintet.lode
