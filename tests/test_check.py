"""`quintet check`: what is well is told, and every fault in one go."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from quintet.engine.journal.reader import read
from quintet.engine.profile.load import FOLDER
from quintet.engine.session import data_notes
from quintet.engine.session.session import Session
from tests.running import PATIENCE_S, Headless, wait_until

MICRO = FOLDER / "micro"


def check(*words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "quintet", "check", *words], capture_output=True, text=True, timeout=180, check=False
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_micro_is_well() -> None:
    status, said = check("micro")
    assert status == 0, said
    assert said.count("✓") == 5
    assert "ok: all 5 lanes load and run" in said
    assert "32 pictures for inference, 64 for validation" in said


TEN = f"""
colour = "red"
[[lane]]
name = "a"
task = "cls"
weights = "{MICRO}/cls.pt"
imgsz = 5
hue = 1
[[lane]]
name = "b"
task = "detect"
weights = "{MICRO}/seg.pt"
data.validation = "{MICRO}/detect.yaml"
[[lane]]
name = "c"
task = "seg"
weights = "nowhere.pt"
data.validation = "nowhere.yaml"
[[lane]]
name = "d"
task = "detect"
weights = "{MICRO}/detect.pt"
data.validation = "{MICRO}/detect.yaml"
switches.score = "loud"
[[lane]]
name = "e"
task = "detect"
weights = "{MICRO}/detect.pt"
weights_sha256 = "{"0" * 64}"
imgsz = 192
data.validation = "{MICRO}/detect.yaml"
[[lane]]
name = "f"
task = "cls"
weights = "{MICRO}/cls.pt"
imgsz = 192
data.validation = "classes.csv"
[[lane]]
name = "g"
task = "pose"
weights = "{MICRO}/pose.pt"
imgsz = 192
device = "cuda:7"
data.validation = "{MICRO}/pose.yaml"
[[lane]]
name = "h"
task = "obb"
weights = "{MICRO}/obb.pt"
imgsz = 192
device = "cpu"
data.validation = "{MICRO}/obb.yaml"
"""


@pytest.mark.slow
def test_an_interrupted_check_calls_nothing_well(tmp_path: Path) -> None:
    profile = tmp_path / "slow.toml"
    lane = '[[lane]]\nname = "a"\ntask = "cls"\nbackend = "sleep"\n'
    profile.write_text(f'name = "slow"\n{lane}env.QUINTET_SLEEP_HOLD = "{tmp_path}/never"\n')
    process = subprocess.Popen(
        [sys.executable, "-m", "quintet", "check", str(profile)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: bool(psutil.Process(process.pid).children()), "its worker")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "· a (cls): not loaded" in out
    assert out.endswith("interrupted: not all lanes were seen\n")


def test_ten_different_faults_are_told_in_one_go(tmp_path: Path) -> None:
    shutil.copy(next((MICRO / "val").iterdir()), tmp_path / "one.png")
    (tmp_path / "classes.csv").write_text("file,class\none.png,unicorn\n")
    (tmp_path / "ten.toml").write_text(TEN)
    status, said = check(str(tmp_path / "ten.toml"))
    assert status == 2
    for words in (
        "unknown key `colour`", "`imgsz` is 5", "unknown key `hue`", "seg.pt is a seg model", "no weights at",
        "nowhere.yaml",
        "score has no level 'loud'", "is not the file that `weights_sha256` pins", "unicorn",
        'device "cuda:7" is not available',
    ):  # fmt: skip
        assert words in said, said
    assert said.count("    ✗") == 7
    assert "✓ h" in said
    assert "10 faults" in said


def others(folder: Path, data: str, **keys: str) -> Path:
    """A profile of one detect lane on the CPU; `data` is its data keys as TOML."""
    path = folder / "mine.toml"
    more = "".join(f"{key} = {value}\n" for key, value in keys.items())
    lane = f'name = "a"\ntask = "detect"\nimgsz = 64\ndevice = "cpu"\nweights = "{MICRO}/detect.pt"\n'
    path.write_text(f"[[lane]]\n{lane}{data}\n{more}")
    return path


def some_pictures(folder: Path, names: list[str]) -> None:
    """Micro pictures and their labels in Ultralytics' layout, under these names."""
    for sub in ("images/val", "labels/val"):
        (folder / sub).mkdir(parents=True)
    for number, name in enumerate(names):
        shutil.copy(MICRO / f"val/{number:06d}.jpg", folder / f"images/val/{name}.jpg")
        shutil.copy(MICRO / f"labels/detect/{number:06d}.txt", folder / f"labels/val/{name}.txt")


@pytest.mark.slow
def test_a_set_whose_classes_do_not_fit_is_a_warning_and_every_file_is_listed(tmp_path: Path) -> None:
    some_pictures(tmp_path, [f"p{number}" for number in range(12)])
    (tmp_path / "data.yaml").write_text("val: images/val\nnames: [arrow, kite, egg, house, cross, star]\n")

    status, said = check(str(others(tmp_path, 'data.validation = "data.yaml"')), "--list")

    assert status == 1, said
    left_out = [line for line in said.splitlines() if line.startswith("    left out")]
    assert f"⚠ {len(left_out)} of the 12 validation pictures are left out" in said
    assert 1 <= len(left_out) < 12
    assert all("unknown class" in line and "/images/val/p" in line for line in left_out)
    assert "✓ a (detect)" in said
    assert "\n1 warning, " in said


@pytest.mark.slow
def test_a_lane_with_pictures_for_inference_only_is_ok(tmp_path: Path) -> None:
    profile = others(tmp_path, f'data.inference = "{MICRO}/val"', switches='{ mode = "inference" }')

    status, said = check(str(profile))

    assert status == 0, said
    assert "64 pictures for inference, 0 for validation" in said


@pytest.mark.slow
def test_names_in_any_bytes_are_checked_and_run(tmp_path: Path) -> None:
    """Korean file names out of a zip file: the pictures are used, one broken one is named with replacement signs."""
    korean = os.fsdecode("가".encode("cp949"))
    some_pictures(tmp_path, [f"p{number}{korean}" for number in range(4)])
    Path(tmp_path / f"images/val/{korean}.jpg").write_bytes(b"nothing")
    (tmp_path / "data.yaml").write_text("val: images/val\nnames: [arrow, kite, egg, house, cross, star, bolt, fish]\n")
    profile = others(tmp_path, 'data.validation = "data.yaml"\ndata.inference = "images/val"')

    status, said = check(str(profile), "--list")
    assert status == 1, said
    assert said.count("left out  validation, corrupt") == said.count("left out  inference, corrupt") == 1
    assert "\N{REPLACEMENT CHARACTER}" in said

    run = Headless(profile, tmp_path, "--for", "1s", "--set", "all.source=path")
    assert run.end() == 0
    (lane,) = run.session().lanes
    assert lane.values[-1].images == lane.values[-1].of == 4
    assert [note.kind for note in data_notes.notes(lane)] == ["corrupt", "corrupt"]


@pytest.mark.slow
def test_a_set_in_a_folder_whose_name_is_not_utf8_runs_too(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode("가".encode("cp949"))
    some_pictures(folder, ["a", "b", "c"])
    (folder / "data.yaml").write_text("val: images/val\nnames: [arrow, kite, egg, house, cross, star, bolt, fish]\n")
    profile = others(folder, 'data.validation = "data.yaml"')

    run = Headless(profile, folder, "--for", "1s")

    assert run.end() == 0, run.errors.read_text()
    (lane,) = run.session().lanes
    assert lane.values[-1].images == 3


@pytest.mark.slow
def test_a_study_on_the_readmes_five_lines_has_every_cell(tmp_path: Path) -> None:
    """Only `data.validation`: the mode inference uses its pictures, which is said, and no block is refused."""
    some_pictures(tmp_path, [f"p{number}" for number in range(8)])
    (tmp_path / "data.yaml").write_text("val: images/val\nnames: [arrow, kite, egg, house, cross, star, bolt, fish]\n")
    profile = others(tmp_path, 'data.validation = "data.yaml"', switches='{ mode = "inference" }')

    run = Headless(profile, tmp_path, "--for", "1s")

    assert run.end() == 0
    (lane,) = run.session().lanes
    assert lane.ready is not None
    assert lane.ready.info["refusals"] == {
        "score=inline": "accuracy needs labels, which a has for its validation data only: switch data as well",
        "score=thread": "accuracy needs labels, which a has for its validation data only: switch data as well",
    }
    assert len(lane.rows) > 0
    assert "the mode inference uses the pictures of data.validation" in run.errors.read_text()


def test_a_plan_whose_lanes_lack_data_is_refused_before_anything_starts(tmp_path: Path) -> None:
    profile = others(tmp_path, f'data.inference = "{MICRO}/val"', switches='{ mode = "inference" }')

    done = subprocess.run(
        [sys.executable, "-m", "quintet", "study", str(profile), "--headless"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr == (
        "quintet: mine: a has no `data.validation`, which validation and withoutval need. Add it to the profile, "
        "or leave a out with --lanes.\n"
    )


def test_a_plan_that_a_lane_would_refuse_does_not_begin(tmp_path: Path) -> None:
    profile = tmp_path / "one.toml"
    profile.write_text('[[lane]]\nname = "a"\ntask = "detect"\nbackend = "sleep"\n')
    log = tmp_path / "log.msgpack"
    words = [
        "ab",
        str(profile),
        "--switch",
        "data",
        "--levels",
        "inference,validation",
        "--headless",
        "--log",
        str(log),
    ]

    done = subprocess.run([sys.executable, "-m", "quintet", *words], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "a cannot be set to data inference: data inference has no labels: score stays off on it" in done.stderr
    session = Session()
    session.fold(read(log))
    assert session.blocks == []
