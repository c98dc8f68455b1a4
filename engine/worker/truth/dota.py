"""DOTA's label text: eight pixel coordinates, a class name and a difficulty a line, after header lines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from quintet.engine.worker.backend import LoadFault
from quintet.engine.worker.images import DataSet, pictures_below
from quintet.engine.worker.truth.labels import orphans
from quintet.engine.worker.truth.tally import Tally

TASKS = ("obb", "detect")
HEADERS = ("imagesource:", "gsd:", "acquisition")


def spelled(name: str) -> str:
    """A class name as it is compared: DOTA writes `storage-tank`, Ultralytics `storage tank`."""
    return " ".join(name.casefold().replace("-", " ").replace("_", " ").split())


def numbers(names: Mapping[int, str]) -> dict[str, int]:
    """Class numbers by compared name."""
    return {spelled(name): number for number, name in names.items()}


def folder_of(path: Path) -> Path | None:
    """The folder itself or its child `val`, whichever holds `images` and `labelTxt`; None when neither does."""
    for folder in (path, path / "val"):
        if (folder / "images").is_dir() and (folder / "labelTxt").is_dir():
            return folder
    return None


def dota_set(path: Path, folder: Path, task: str, names: Mapping[int, str], *, single_cls: bool = False) -> DataSet:
    """The set of a folder with `images` and `labelTxt`; classes are told by the model's names. Raises LoadFault."""
    if task not in TASKS:
        raise LoadFault(f"{path} is a DOTA data set, which has no ground truth for {task}: give data of that task")
    files = pictures_below(folder / "images")
    label_files = tuple(str(folder / "labelTxt" / f"{Path(file).stem}.txt") for file in files)
    return DataSet(
        path, files, label_files=label_files, dota=numbers(names), single_cls=single_cls,
        meta={"names": dict(names), "nc": len(names), "channels": 3}, tally=orphans(label_files),
    )  # fmt: skip


def is_dota(text: str) -> bool:
    """Whether a label text is DOTA's and not Ultralytics' (a class number and an even count of fractions)."""
    for line in text.splitlines():
        words = line.split()
        if line.strip().lower().startswith(HEADERS):
            return True
        if words:
            return len(words) >= 9 and (len(words) == 10 or not _is_number(words[8]))
    return False


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def yolo_text(text: str, where: str, shape: tuple[int, int], data: DataSet, tally: Tally) -> str:
    """The same labels in Ultralytics' form, rounded as its `convert_dota_to_yolo_obb` does; shape is height, width.

    Lines that do not parse and classes that are not known are left out and counted.
    """
    height, width = shape
    by_name, otherwise = data.dota or {}, 0 if data.single_cls else None
    lines: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or line.strip().lower().startswith(HEADERS):
            continue
        if len(words) < 9 or not all(map(_is_number, words[:8])):
            tally.add("malformed", 1, f"{where} line {number} is not eight coordinates and a class; it is left out")
            continue
        name = " ".join(words[8:-1] if len(words) > 9 and words[-1].isdecimal() else words[8:])
        known = by_name.get(spelled(name), otherwise)
        if known is None:
            tally.add("unknown_class", 1, f"{where} line {number}: there is no class {name!r}; it is left out")
            continue
        fractions = (float(word) / (height if place % 2 else width) for place, word in enumerate(words[:8]))
        lines.append(f"{known} " + " ".join(f"{fraction:.6g}" for fraction in fractions))
    return "\n".join(lines)
