"""Data sets: which pictures there are, and the ground truth that belongs to them.

Read by our own few lines, because Ultralytics' checks run a data YAML's `download:` when a path is missing, and its
label scan writes a cache file and re-saves pictures in place. A measurement leaves the user's data as it is.
"""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import yaml
from PIL import Image
from ultralytics.data.utils import IMG_FORMATS, img2label_paths, verify_image_label
from ultralytics.nn.autobackend import check_class_names
from ultralytics.utils.patches import imread

from quintet.engine.worker.backend import LoadFault

Picture = npt.NDArray[np.uint8]
Label = dict[str, Any]
Going = Callable[[int, int], None]
"""Called with how many pictures are done, of how many."""

YAML_SUFFIXES = (".yaml", ".yml")
LEAST_SIDE = 10
"""Ultralytics leaves pictures with a shorter side out of its data sets."""


@dataclass(frozen=True)
class DataSet:
    """Pictures in a fixed order and where their labels are: `classes` for cls, `label_files` otherwise, or neither."""

    source: Path
    files: tuple[str, ...]
    classes: tuple[int, ...] | None = None
    label_files: tuple[str, ...] | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    """From the data YAML: `names` by class number, `nc`, and what pose needs."""

    @property
    def has_labels(self) -> bool:
        """Whether results on these pictures can be scored."""
        return self.classes is not None or self.label_files is not None


def inference_set(path: Path) -> DataSet:
    """The pictures of a folder, a data YAML, a CSV or a .txt list, without labels. Raises LoadFault."""
    _must_exist(path)
    if path.is_dir():
        return DataSet(path, _pictures_below(path))
    if path.suffix.lower() in YAML_SUFFIXES:
        return DataSet(path, _yaml_pictures(path, _yaml(path)))
    if path.suffix.lower() == ".csv":
        return DataSet(path, tuple(file for _, file, _ in _csv_rows(path)))
    if path.suffix.lower() == ".txt":
        return DataSet(path, _listed(path))
    raise LoadFault(f"{path} is no data set: give a folder of pictures, a data YAML, a CSV or a .txt list of pictures")


def validation_set(path: Path, task: str, names: Mapping[int, str]) -> DataSet:
    """The pictures of a validation set and where their labels are; `names` are the model's classes by number.

    cls: a CSV `file,class`, or a folder CLASS/picture (itself, or its child `val`). Other tasks: a data YAML. A plain
    folder of pictures is a set without labels. Raises LoadFault.
    """
    _must_exist(path)
    if task == "cls":
        if path.suffix.lower() == ".csv":
            return _csv_set(path, names)
        if path.is_dir():
            return _class_folders(path, names)
        raise LoadFault(f"{path} is no data set for cls: give a CSV `file,class` or a folder with one folder a class")
    if path.is_dir():
        return DataSet(path, _pictures_below(path))
    if path.suffix.lower() in YAML_SUFFIXES:
        return _yaml_set(path, task)
    raise LoadFault(f"{path} is no data set for {task}: give a data YAML, or a folder of pictures without labels")


def read_picture(file: str) -> Picture:
    """One picture, decoded as Ultralytics decodes it: BGR, uint8, (height, width, 3), turned as its EXIF says."""
    picture: Picture | None = imread(file)
    if picture is None:
        raise FileNotFoundError(f"{file} cannot be read as a picture: put it back, or take it out of the data set")
    return picture if picture.shape[2] == 3 else cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)


def read_labels(data: DataSet, task: str, going: Going) -> list[Label]:
    """The labels of a labelled data set in its pictures' order, all checked; nothing is written.

    cls: `im_file` and `cls`, a number. Other tasks: a dictionary as Ultralytics' YOLODataset holds it (cls (n, 1), bboxes
    (n, 4) as centre and size in fractions, segments, keypoints (n, points, 3)). Raises LoadFault.
    """
    wrong: list[str] = []
    labels: list[Label] = []
    for label, fault in _class_labels(data) if data.classes is not None else _box_labels(data, task):
        labels.append(label)
        if fault:
            wrong.append(f"{label['im_file']} {fault}")
        going(len(labels), len(data.files))
    if wrong:
        raise LoadFault(
            f"{len(wrong)} of {len(labels)} pictures of {data.source} cannot be used; the first: {wrong[0]}. "
            "Mend them or take them out"
        )
    return labels


def _must_exist(path: Path) -> None:
    if not path.exists():
        raise LoadFault(f"there is no data set at {path}: mend its path in the profile")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as wrong:
        raise LoadFault(f"{path} cannot be read as UTF-8 text: {wrong}") from wrong


def _is_picture(file: str) -> bool:
    return not file.startswith(".") and file.rpartition(".")[2].lower() in IMG_FORMATS


def _walk(folder: Path) -> Iterator[str]:
    """Every picture below a folder, through links too, each real folder once."""
    seen: set[str] = set()
    for top, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(top)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (os.path.join(top, name) for name in files if _is_picture(name))  # noqa: PTH118 (a path a picture)


def _pictures_below(folder: Path) -> tuple[str, ...]:
    files = tuple(sorted(_walk(folder)))
    if not files:
        raise LoadFault(f"there are no pictures in {folder}: put some there or name another folder")
    return files


def _all_there(files: Sequence[str], source: Path) -> None:
    missing = [file for file in files if not Path(file).is_file()]
    if missing:
        raise LoadFault(
            f"{source} names {len(missing)} pictures that are not there, the first {missing[0]}: "
            "put them there or mend the list"
        )


def _listed(path: Path) -> tuple[str, ...]:
    """The pictures of a .txt list, one a line, relative to the list."""
    lines = _text(path).splitlines()
    files = tuple(sorted(str(path.parent / line.strip()) for line in lines if _is_picture(Path(line.strip()).name)))
    if not files:
        raise LoadFault(f"{path} lists no pictures: write one path a line, relative to the list")
    _all_there(files, path)
    return files


# Classification


def _csv_rows(path: Path) -> list[tuple[int, str, str]]:
    """Line, file and class of every row of a CSV `file,class`."""
    rows: list[tuple[int, str, str]] = []
    reader = csv.reader(_text(path).splitlines())
    for cells in reader:
        words = [cell.strip() for cell in cells]
        if not any(words) or (not rows and [word.lower() for word in words[:2]] == ["file", "class"]):
            continue
        if len(words) < 2:
            raise LoadFault(f"{path} line {reader.line_num} has no class: write `file,class`")
        rows.append((reader.line_num, str(path.parent / words[0]), words[1]))
    if not rows:
        raise LoadFault(f"{path} names no pictures: write one `file,class` a line")
    _all_there([file for _, file, _ in rows], path)
    return rows


def _class_number(word: str, names: Mapping[int, str]) -> int | None:
    """A class by name or, failing that, by number; None when the model has no such class."""
    by_name = {name: number for number, name in names.items()}
    if word in by_name:
        return by_name[word]
    return int(word) if word.isdecimal() and int(word) in names else None


def _known(word: str, names: Mapping[int, str], where: str) -> int:
    number = _class_number(word, names)
    if number is None:
        some = ", ".join([*names.values()][:8]) + (", ..." if len(names) > 8 else "")
        raise LoadFault(f"{where}: the model has no class {word!r}; its {len(names)} classes are {some}")
    return number


def _csv_set(path: Path, names: Mapping[int, str]) -> DataSet:
    rows = _csv_rows(path)
    known: dict[str, int] = {}
    for line, _, word in rows:
        if word not in known:
            known[word] = _known(word, names, f"{path} line {line}")
    return DataSet(path, tuple(file for _, file, _ in rows), tuple(known[word] for _, _, word in rows))


def _class_folders(path: Path, names: Mapping[int, str]) -> DataSet:
    folder = path / "val" if (path / "val").is_dir() else path
    found = {child.name: sorted(_walk(child)) for child in sorted(folder.iterdir()) if child.is_dir()}
    found = {name: files for name, files in found.items() if files}
    if not found:
        return DataSet(path, _pictures_below(folder))
    words: dict[int, str] = check_class_names(list(found))  # ImageNet's folders are called by codes
    files: list[str] = []
    classes: list[int] = []
    for word, (name, inside) in zip(words.values(), found.items(), strict=True):
        number = _known(word, names, str(folder / name))
        files += inside
        classes += [number] * len(inside)
    return DataSet(path, tuple(files), tuple(classes))


def _class_labels(data: DataSet) -> Iterator[tuple[Label, str]]:
    for file, number in zip(data.files, data.classes or (), strict=True):
        yield {"im_file": file, "cls": number}, _picture_fault(file)


# Boxes, outlines, keypoints


def _yaml(path: Path) -> dict[str, Any]:
    try:
        raw = yaml.safe_load(_text(path))
    except yaml.YAMLError as wrong:
        raise LoadFault(f"{path} is not YAML: {' '.join(str(wrong).split())}") from wrong
    if not isinstance(raw, dict):
        raise LoadFault(f"{path} is no data YAML: it needs the keys val and names")
    return raw


def _yaml_root(path: Path, raw: Mapping[str, Any]) -> Path:
    root = path.parent / str(raw.get("path") or ".")
    if not root.is_dir():
        raise LoadFault(
            f"{path} says path: {raw['path']}, but there is no folder {root}: mend it; nothing is downloaded"
        )
    return root


def _yaml_pictures(path: Path, raw: Mapping[str, Any]) -> tuple[str, ...]:
    root = _yaml_root(path, raw)
    entries = raw.get("val")
    if not entries:
        raise LoadFault(f"{path} has no key val: name the folder of its validation pictures")
    files: list[str] = []
    for entry in entries if isinstance(entries, list) else [entries]:
        place = root / str(entry)
        if place.is_dir():
            files += _pictures_below(place)
        elif place.is_file() and place.suffix.lower() == ".txt":
            files += _listed(place)
        else:
            raise LoadFault(
                f"{path} says val: {entry}, but there is no folder or .txt list {place}: mend it; nothing is downloaded"
            )
    return tuple(sorted(files))


def _yaml_meta(path: Path, raw: Mapping[str, Any], task: str) -> dict[str, Any]:
    names, count = raw.get("names"), raw.get("nc")
    if names is None and isinstance(count, int):
        names = [f"class_{number}" for number in range(count)]
    if not names or not isinstance(names, list | dict):
        raise LoadFault(f"{path} has no key names: list the classes in the order of their numbers")
    pairs: Iterable[tuple[Any, Any]] = names.items() if isinstance(names, dict) else enumerate(names)
    by_number = {int(number): str(name) for number, name in pairs}
    if sorted(by_number) != list(range(len(by_number))) or (count is not None and count != len(by_number)):
        raise LoadFault(f"{path}: the numbers of names must run from 0 without a gap, and nc must be their count")
    shape = raw.get("kpt_shape")
    if task == "pose" and not (isinstance(shape, list) and len(shape) == 2 and shape[0] > 0 and shape[1] in (2, 3)):
        raise LoadFault(
            f"{path} needs kpt_shape for pose, for example [17, 3]: how many points, and 2 or 3 numbers each"
        )
    kept = {key: raw[key] for key in ("kpt_shape", "flip_idx", "kpt_oks_sigmas") if raw.get(key) is not None}
    return {"names": by_number, "nc": len(by_number), "channels": 3, **kept}


def _yaml_set(path: Path, task: str) -> DataSet:
    raw = _yaml(path)
    meta = _yaml_meta(path, raw, task)
    files = _yaml_pictures(path, raw)
    if raw.get("labels"):
        folder = _yaml_root(path, raw) / str(raw["labels"])
        label_files = tuple(str(folder / f"{Path(file).stem}.txt") for file in files)
        if len(set(label_files)) < len(files):
            raise LoadFault(f"{path}: pictures of one name would share a label in {folder}; give them different names")
    else:
        label_files = tuple(img2label_paths(files))
    if not any(Path(file).is_file() for file in label_files):
        raise LoadFault(
            f"none of the {len(files)} pictures of {path} has a label, {label_files[0]} for one: mend `labels`, "
            "or give the folder of pictures alone"
        )
    return DataSet(path, files, label_files=label_files, meta=meta)


def _box_labels(data: DataSet, task: str) -> Iterator[tuple[Label, str]]:
    with tempfile.TemporaryDirectory() as folder:
        # Ultralytics' check of a label opens its picture and re-saves a JPEG without an end mark, so it gets this one.
        stand_in = str(Path(folder) / "stand_in.png")
        cv2.imwrite(stand_in, np.zeros((32, 32, 3), np.uint8))
        for file, label_file in zip(data.files, data.label_files or (), strict=True):
            label, fault = _box_label(stand_in, label_file, data.meta, task)
            yield {**label, "im_file": file}, _picture_fault(file) or fault


def _box_label(stand_in: str, label_file: str, meta: Mapping[str, Any], task: str) -> tuple[Label, str]:
    points, numbers = meta.get("kpt_shape", (0, 0))
    checked = verify_image_label((stand_in, label_file, "", task == "pose", meta["nc"], points, numbers, False))
    file, rows, shape, segments, keypoints = checked[:5]
    if file is None:
        return {}, f"has a wrong label, {label_file}: {checked[-1].partition('label: ')[2]}"
    if task not in ("seg", "obb"):
        segments = []
    elif len(segments) != len(rows):
        return {}, f"has a wrong label, {label_file}: {task} needs outlines (class x1 y1 x2 y2 ...), not boxes"
    return {
        "shape": shape, "cls": rows[:, 0:1], "bboxes": rows[:, 1:], "segments": segments, "keypoints": keypoints,
        "normalized": True, "bbox_format": "xywh",
    }, ""  # fmt: skip


def _picture_fault(file: str) -> str:
    """Why a picture cannot be used, or nothing; reads its head only."""
    try:
        with Image.open(file) as picture:
            least = min(picture.size)
            picture.verify()
    except ImportError:  # Ultralytics' patch of Pillow seeks a HEIF plugin for whatever Pillow does not know
        return "is in no picture format that can be read here"
    except (OSError, SyntaxError, ValueError) as wrong:
        return f"is no readable picture ({wrong})"
    return f"is under {LEAST_SIDE} pixels" if least < LEAST_SIDE else ""
