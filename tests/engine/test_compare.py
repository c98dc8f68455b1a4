"""Comparing logs: the same cells beside each other, what may not be compared is refused by name."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import ttest_ind

from quintet.engine.analysis.conditions import differences, noted, unrecorded
from quintet.engine.analysis.log_comparison import compared, welch_half
from quintet.engine.journal.writer import Journal
from quintet.engine.plan import plan as plans
from quintet.engine.plan.simulated_machine import STEADY, Machine, services
from quintet.engine.plan.simulation import rehearse
from quintet.engine.protocol import events as ev
from quintet.engine.protocol.events import Frame
from tests.making import NAMES, OFF, Maker, start
from tests.planned import folded, planned
from tests.test_cli import quintet


def session_of(on_ms: float = 10, off_ms: float = 12, **told: Any) -> list[Frame]:
    """Ten seconds on and ten off in two lanes, by hand; `told` goes into the manifest of every lane."""
    made = Maker(2).ready().gate_all(2).images_all(2, 12, on_ms).set_all(12, OFF).images_all(12.1, 22, off_ms)
    return [with_lanes(told), *made.frames[1:]]


def with_lanes(told: dict[str, Any], lanes: int = 2) -> ev.Start:
    plain = start(lanes)
    described = [{**lane, "imgsz": 640, "weights_sha256_found": "abc", **told} for lane in plain.manifest["lanes"]]
    return plain._replace(manifest={**plain.manifest, "lanes": described})


def write(path: Path, frames: list[Frame]) -> Path:
    journal = Journal(path)
    for frame in frames:
        journal.append(frame)
    journal.close()
    return path


def test_the_same_cells_by_hand_stand_side_by_side_without_an_interval() -> None:
    rows = compared(folded(session_of()), folded(session_of(on_ms=15, off_ms=12)))
    assert [(row.lane, row.regime, row.level, row.low_pct) for row in rows] == [
        (lane, "together", mode, None) for mode in ("validation", "withoutval") for lane in NAMES[:2]
    ]
    assert [row.change_pct for row in rows] == pytest.approx([50, 100 * 5 / 11, 0, 0])


def test_a_cell_that_one_log_has_not_is_a_dash() -> None:
    only_on = Maker(2).ready().gate_all(2).images_all(2, 12, 10).frames
    rows = compared(folded([with_lanes({}), *only_on[1:]]), folded(session_of()))
    assert [(row.level, row.a_ns is None, row.change_pct is None) for row in rows[::2]] == [
        ("validation", False, False), ("withoutval", True, True),
    ]  # fmt: skip


def test_cells_match_by_lanes_names_and_not_by_their_numbers() -> None:
    frames = session_of()
    other = with_lanes({})
    lanes = other.manifest["lanes"]
    swapped = [other._replace(manifest={**other.manifest, "lanes": [lanes[1], lanes[0]]}), *frames[1:]]
    rows = {row.lane: row for row in compared(folded(frames), folded(swapped)) if row.level == "validation"}
    assert [rows["cls"].a_ns, rows["cls"].b_ns] == pytest.approx([10e6, 11e6])


def plan_session(factor: float, rounds: int = 6, seed: int = 1) -> list[Frame]:
    rng = random.Random(seed)
    plan = plans.ab(NAMES[:2], rounds=rounds, seed=seed)

    def predict(lane: int, regime: str, level: str, number: int) -> float:
        return factor * (10 + lane) * (1.2 if level == "withoutval" else 1.0) * rng.uniform(0.98, 1.02)

    return [with_lanes({}), *planned(plan, predict)[1:]]


def test_with_planned_blocks_the_change_has_an_interval_that_holds_the_truth() -> None:
    rows = compared(folded(plan_session(1.0)), folded(plan_session(1.1, seed=2)))
    assert {(row.lane, row.level) for row in rows} == {
        (lane, mode) for lane in NAMES[:2] for mode in ("validation", "withoutval")
    }
    for row in rows:
        assert row.low_pct is not None
        assert row.high_pct is not None
        assert row.low_pct < 10 < row.high_pct
        assert row.high_pct - row.low_pct < 6
    few = compared(folded(plan_session(1.0, rounds=3)), folded(plan_session(1.1, seed=2)))
    assert all(row.low_pct is None and row.change_pct is not None for row in few)


def test_the_interval_is_welchs() -> None:
    a, b = [1.0, 1.1, 1.2, 0.9, 1.05, 1.3], [2.0, 2.5, 1.5, 2.2, 1.8]
    low, high = ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert welch_half(a, b) == pytest.approx((high - low) / 2, rel=0.02)
    assert welch_half(a, b) >= (high - low) / 2
    assert welch_half([1.0, 1.0], [2.0, 2.0]) == 0


def test_what_differs_is_named() -> None:
    plain = folded(session_of())
    assert differences(plain, folded(session_of(on_ms=20))) == []
    other = folded(session_of(imgsz=320, weights_sha256_found="0123456789abcdef0123456789abcdef"))
    assert differences(plain, other) == [
        f"{lane}: {what}" for lane in NAMES[:2] for what in ("weights abc and 0123456789ab…", "imgsz 640 and 320")
    ]
    data = folded(session_of(data_fingerprints={"validation": "ff"}))
    assert differences(plain, data)[0] == "cls: validation data None and ff"
    batched = folded(
        [
            frame._replace(levels={**frame.levels, "batch": 4})
            if isinstance(frame, ev.Arm) and frame.lane == 1
            else frame
            for frame in session_of()
        ]
    )
    assert differences(plain, batched) == ["detect: batch 1 and 4"]
    on_gpu = folded(
        [
            frame._replace(info={"device": "cuda:0", "dtype": "float16"}) if isinstance(frame, ev.Ready) else frame
            for frame in session_of()
        ]
    )
    assert "cls: device cpu and cuda:0" in differences(plain, on_gpu)
    assert "cls: precision None and float16" in differences(plain, on_gpu)
    one_lane = folded([with_lanes({}, 1), *Maker(1).ready().gate_all(2).frames[1:]])
    assert "detect is a lane of the first log only" in differences(plain, one_lane)


def test_the_command_refuses_and_anyway_shows_what_differs(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one", session_of()), write(tmp_path / "two", session_of(on_ms=15, imgsz=320))
    ran = quintet("compare", str(one), str(two))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.splitlines()[1:] == ["  cls: imgsz 640 and 320", "  detect: imgsz 640 and 320"]
    assert "--anyway compares them" in ran.stderr
    ran = quintet("compare", str(one), str(two), "--anyway")
    assert ran.returncode == 0
    assert "differs: cls: imgsz 640 and 320" in ran.stdout
    assert "cls       together   validation      10.00    15.00     +50.0         — too few" in ran.stdout
    assert max(map(len, ran.stdout.splitlines())) <= 80
    same = write(tmp_path / "three", session_of())
    ran = quintet("compare", str(one), str(same), str(same), "--outcome", "cycle")
    assert ran.returncode == 0
    assert ran.stdout.count("cycle, ms per image, change from a to b") == 2
    for words, says in (((), "needs two logs"), ((str(same), "--outcome", "images_per_s"), "The rate is 1000 / cycle")):
        ran = quintet("compare", str(one), *words)
        assert (ran.returncode, says in ran.stderr, ran.stderr.count("\n")) == (2, True, 1), ran.stderr


def test_settings_match_by_lanes_names_when_only_one_lane_was_flipped() -> None:
    def one_flipped(lane: int) -> list[Frame]:
        return Maker(2).ready().gate_all(2).set(lane, 2.001, OFF).images_all(2.1, 12, 10).frames

    other = with_lanes({})
    lanes = other.manifest["lanes"]
    swapped = other._replace(manifest={**other.manifest, "lanes": [lanes[1], lanes[0]]})
    rows = compared(folded([other, *one_flipped(0)[1:]]), folded([swapped, *one_flipped(1)[1:]]))
    assert [(row.lane, row.level) for row in rows] == [("cls", "mixed"), ("detect", "mixed")]
    assert all(row.change_pct is not None for row in rows)


@pytest.mark.parametrize("form", ["text", "md", "json", "html"])
def test_the_four_formats_say_the_same(tmp_path: Path, form: str) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        plan = plans.ab(NAMES, rounds=12, seed=seed)
        journal = Journal(tmp_path / f"{name}.msgpack")
        for frame in rehearse(plan, Machine(services(NAMES), seed=seed, noise=STEADY)):
            journal.append(frame)
        journal.close()
    done = subprocess.run(
        [sys.executable, "-m", "quintet", "compare", str(tmp_path / "a.msgpack"), str(tmp_path / "b.msgpack"),
         "--format", form], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "detect" in done.stdout
    if form == "json":
        told = json.loads(done.stdout)
        assert told["schema"] == 1
        assert {row["lane"] for row in told["rows"]} == set(NAMES)
        assert all(row["low_pct"] < row["change_pct"] < row["high_pct"] for row in told["rows"])
    else:
        assert done.stdout.count(" .. ") == 10
    assert "http" not in done.stdout.replace("http-equiv", "")


def on(host: dict[str, Any] | None = None, versions: dict[str, str] | None = None, **told: Any) -> list[Frame]:
    """The session by hand on a machine, with versions."""
    first, *rest = session_of(**told)
    assert isinstance(first, ev.Start)
    manifest = {**first.manifest, "host": host or {}, "versions": versions or {}}
    return [first._replace(manifest=manifest), *rest]


LAPTOP = {"machine": "x86_64", "cpu": "Ryzen 7", "cpus": 16, "memory_bytes": 33_500_000_000}


def test_other_machines_and_versions_are_named_and_do_not_refuse() -> None:
    a = folded(on(LAPTOP, {"torch": "2.4.0", "ultralytics": "8.3.0"}, conf=0.25))
    board = {**LAPTOP, "machine": "aarch64", "cpu": "Cortex-A78AE", "cpus": 8, "memory_bytes": 33_480_000_000}
    b = folded(on(board, {"torch": "2.5.1", "ultralytics": "8.3.0"}, conf=0.5))
    assert differences(a, b) == []
    assert noted(a, b) == [
        "machine: architecture x86_64 and aarch64", "machine: cpu Ryzen 7 and Cortex-A78AE", "machine: CPUs 16 and 8",
        "versions: torch 2.4.0 and 2.5.1", "cls: conf 0.25 and 0.5", "detect: conf 0.25 and 0.5",
    ]  # fmt: skip
    assert noted(a, a) == []


def test_what_an_old_log_does_not_record_is_never_a_difference() -> None:
    old, new = folded(on({"machine": "x86_64", "cpus": 16})), folded(on(LAPTOP, {"torch": "2.4.0"}))
    assert noted(old, new) == noted(new, old) == []
    assert unrecorded(old, new) == ["not recorded in a: cpu, memory, torch"]
    assert unrecorded(new, old) == ["not recorded in b: cpu, memory, torch"]
    assert unrecorded(old, old) == []


def test_a_switch_that_an_old_log_does_not_know_has_its_default_level() -> None:
    frames = session_of()
    older = [
        frame._replace(levels={name: level for name, level in frame.levels.items() if name not in ("think", "screen")})
        if isinstance(frame, ev.Arm)
        else frame
        for frame in frames
    ]
    assert differences(folded(older), folded(frames)) == []
    rows = compared(folded(older), folded(frames))
    assert len(rows) == 4
    assert all(row.change_pct == 0 for row in rows)


def test_other_programs_and_sessions_stand_above_the_table(tmp_path: Path) -> None:
    first, *rest = session_of()
    assert isinstance(first, ev.Start)
    busy = [first._replace(manifest={**first.manifest, "other_sessions": ["theirs"]}), *rest]
    assert noted(folded(session_of()), folded(busy)) == ["beside b another quintet session ran (theirs)"]
    a, b = write(tmp_path / "a.msgpack", on(LAPTOP)), write(tmp_path / "b.msgpack", on({**LAPTOP, "cpus": 8}))
    shown = quintet("compare", str(a), str(b))
    assert shown.returncode == 0, shown.stderr
    assert "also differs: machine: CPUs 16 and 8" in shown.stdout
    told = json.loads(quintet("compare", "--format", "json", str(a), str(b)).stdout)
    assert (told["differs"], told["noted"]) == ([], ["machine: CPUs 16 and 8"])


def test_a_round_with_a_placebo_counts_once() -> None:
    def session(factor: float) -> list[Frame]:
        plan = plans.ab(NAMES[:2], rounds=2)
        return planned(plan, lambda lane, regime, level, number: 10.0 if number == 0 else 40.0 * factor)

    rows = compared(folded(session(1)), folded(session(1)))
    assert [row.a_ns for row in rows] == pytest.approx([20e6] * 4)  # geometric over two rounds, not over three visits
