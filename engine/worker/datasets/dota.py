"""DOTA's label text: eight pixel coordinates, a class name and a difficulty a line, after header lines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from quintet.engine.worker.backend import LoadFault
from quintet.engine.worker.datasets.class_matching import by_name, some
from quintet.engine.worker.datasets.pictures import DataSet, pictures_below
from quintet.engine.worker.datasets.problem_report import Tally, orphans

TASKS = ("obb", "detect")
HEADERS = ("imagesource:", "gsd:", "acquisition")
LABEL_FOLDERS = ("labelTxt", "annfiles")
"""How DOTA calls the folder of its label text, and mmrotate."""


def spelled(name: str) -> str:
    """A class name as it is compared: DOTA writes `storage-tank`, Ultralytics `storage tank`."""
    return " ".join(name.casefold().replace("-", " ").replace("_", " ").split())


def numbers(names: Mapping[int, str]) -> dict[str, int]:
    """Class numbers by compared name; the first number counts where two names are compared as one."""
    return by_name(names, spelled)


def folder_of(path: Path) -> tuple[Path, Path] | None:
    """The folders of pictures and of label text, in the folder itself or its child `val`; None without both."""
    for folder in (path, path / "val"):
        for name in LABEL_FOLDERS:
            if (folder / "images").is_dir() and (folder / name).is_dir():
                return folder / "images", folder / name
    return None


def dota_set(
    path: Path, folders: tuple[Path, Path], task: str, names: Mapping[int, str], *, single_cls: bool = False
) -> DataSet:
    """The set of `folder_of`'s two folders; classes are matched by the model's names. Raises LoadFault."""
    if task not in TASKS:
        raise LoadFault(f"{path} is a DOTA data set, which has no ground truth for {task}: give data of that task")
    pictures, labels = folders
    files = pictures_below(pictures)
    label_files = tuple(str(labels / f"{Path(file).stem}.txt") for file in files)
    if len(set(label_files)) < len(files):
        raise LoadFault(f"{path}: pictures of one name would share a label in {labels}; give them different names")
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
            tally.counts["labels_left_out"] += 1
            continue
        name = " ".join(words[8:-1] if len(words) > 9 and words[-1].isdecimal() else words[8:])
        known = by_name.get(spelled(name), otherwise)
        if known is None:
            known_ones = some([*(data.meta.get("names") or {}).values()])
            why = f"class {name!r} is none of the data set's ({known_ones}); it is left out"
            tally.add("unknown_class", 1, f"{where} line {number}: {why}")
            tally.counts["labels_left_out"] += 1
            continue
        fractions = (float(word) / (height if place % 2 else width) for place, word in enumerate(words[:8]))
        lines.append(f"{known} " + " ".join(f"{fraction:.6g}" for fraction in fractions))
    return "\n".join(lines)
