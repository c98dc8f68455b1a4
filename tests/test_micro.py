"""The embedded default is what its page says: whole, small, and nothing of the machine that trained it."""

from __future__ import annotations

import hashlib
import re
import zipfile
from pathlib import Path

import pytest

from quintet.engine.profile.load import FOLDER, load
from quintet.engine.session.snapshot import METRICS

MICRO = FOLDER / "micro"


def test_every_file_has_its_checksum() -> None:
    lines = (MICRO / "SHA256SUMS").read_text().splitlines()
    listed = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    for name, digest in listed.items():
        assert hashlib.sha256((MICRO / name).read_bytes()).hexdigest() == digest, name
    suffixes = {".jpg", ".txt", ".csv", ".yaml", ".pt"}
    assert {path.relative_to(MICRO).as_posix() for path in MICRO.rglob("*") if path.suffix in suffixes} == set(listed)
    for lane in load("micro").lanes:
        assert lane.weights_sha256 == listed[Path(lane.weights).name]


def test_it_is_small() -> None:
    assert sum(path.stat().st_size for path in MICRO.glob("*.pt")) <= 10_000_000
    assert sum(path.stat().st_size for path in MICRO.rglob("*.jpg")) <= 5_000_000
    assert len(list((MICRO / "val").glob("*.jpg"))) == 64
    assert len(list((MICRO / "inference").glob("*.jpg"))) == 32


@pytest.mark.parametrize("task", METRICS)
def test_weights_hold_no_folder_and_no_optimizer(task: str) -> None:
    content = (MICRO / f"{task}.pt").read_bytes()
    for words in (b"/home/", b"/root/", b"/tmp/", b"/Users/", b"optimizer", b"\\Users\\"):
        assert words not in content
    with zipfile.ZipFile(MICRO / f"{task}.pt") as archive:
        pickle = next(name for name in archive.namelist() if name.endswith("data.pkl"))
        assert b"HalfStorage" in archive.read(pickle)


def test_the_page_names_all_models_and_its_commands_exist() -> None:
    page = (MICRO / "README.md").read_text()
    rows = re.findall(r"^\| (\w+) \| .* \| ([\d.]+) M \| .* \| ([\d.]+) \|$", page, re.MULTILINE)
    assert {task for task, _, _ in rows} == set(METRICS)
    for task, millions, _ in rows:
        size = (MICRO / f"{task}.pt").stat().st_size
        assert (
            2 * float(millions) * 1e6 < size < 2.4 * float(millions) * 1e6
        )  # two bytes each, and the archive around them
    commands = re.findall(r"^python -m quintet\.profiles\.micro\.(\w+)", page, re.MULTILINE)
    assert commands == ["train", "draw"]
    assert all((MICRO / f"{name}.py").exists() for name in commands)
