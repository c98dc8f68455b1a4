"""Which form a validation set has: a data YAML, COCO JSON, DOTA's folders, classes' folders, a CSV, or plain pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ultralytics.data.utils import img2label_paths

from quintet.engine.worker.backend import LoadFault
from quintet.engine.worker.images import (
    YAML_SUFFIXES,
    DataSet,
    listed,
    must_exist,
    pictures_below,
    read_text,
    read_yaml,
)
from quintet.engine.worker.truth import classes, coco, dota
from quintet.engine.worker.truth.labels import orphans
from quintet.engine.worker.truth.tally import Tally


def validation_set(path: Path, task: str, names: Mapping[int, str], *, single_cls: bool = False) -> DataSet:
    """The pictures of a validation set and where their labels are. Raises LoadFault; nothing is written or downloaded.

    `names` are the model's classes by number; with `single_cls` it has been trained on all as one. cls: a CSV
    `image,label`, or a folder CLASS/picture (itself, or its child `val`). Other tasks: a data YAML, a COCO JSON, or a
    folder with DOTA's `images` and `labelTxt`. A plain folder of pictures is a set without labels.
    """
    must_exist(path)
    if task == "cls":
        return classes.class_set(path, names)
    if path.is_dir():
        folder = dota.folder_of(path)
        if folder is not None:
            return dota.dota_set(path, folder, task, names, single_cls=single_cls)
        return DataSet(path, pictures_below(path))
    if path.suffix.lower() == ".json":
        return coco.coco_set(path, task, names, single_cls=single_cls)
    if path.suffix.lower() in YAML_SUFFIXES:
        return replace(_yaml_set(path, task, names, single_cls=single_cls), model_classes=len(names))
    raise LoadFault(
        f"{path} is no data set for {task}: give a data YAML, a COCO JSON, a folder with DOTA's images and labelTxt, or a "
        "folder of pictures without labels"
    )


def yaml_pictures(path: Path, raw: Mapping[str, Any]) -> tuple[str, ...]:
    """The validation pictures of a data YAML, sorted as Ultralytics sorts them. Raises LoadFault."""
    files: list[str] = []
    for place in _entries(path, raw):
        files += pictures_below(place) if place.is_dir() else listed(place)
    return tuple(sorted(files))


def _root(path: Path, raw: Mapping[str, Any]) -> Path:
    root = path.parent / str(raw.get("path") or ".")
    if not root.is_dir():
        raise LoadFault(
            f"{path} says path: {raw['path']}, but there is no folder {root}: mend it; nothing is downloaded"
        )
    return root


def _entries(path: Path, raw: Mapping[str, Any]) -> list[Path]:
    """The folders and .txt lists under the key val."""
    root = _root(path, raw)
    entries = raw.get("val") or raw.get("validation")
    if not entries:
        raise LoadFault(f"{path} has no key val: name the folder of its validation pictures")
    places: list[Path] = []
    for entry in entries if isinstance(entries, list) else [entries]:
        place = root / str(entry)
        if not place.exists() and str(entry).startswith("../"):
            place = root / str(entry)[3:]  # Ultralytics takes Roboflow's `../valid/images` so
        if not place.is_dir() and not (place.is_file() and place.suffix.lower() == ".txt"):
            raise LoadFault(
                f"{path} says val: {entry}, but there is no folder or .txt list {place}: mend it; nothing is downloaded"
            )
        places.append(place)
    return places


def _names(path: Path, raw: Mapping[str, Any]) -> dict[int, str]:
    names, count = raw.get("names"), raw.get("nc")
    if names is None and isinstance(count, int):
        names = [f"class_{number}" for number in range(count)]
    if not names or not isinstance(names, list | dict):
        raise LoadFault(f"{path} has no key names: list the classes in the order of their numbers")
    pairs: Iterable[tuple[Any, Any]] = names.items() if isinstance(names, dict) else enumerate(names)
    wrong = LoadFault(f"{path}: the numbers of names must run from 0 without a gap, and nc must be their count")
    try:
        by_number = {int(number): str(name) for number, name in pairs}
        fits = count is None or int(count) == len(by_number)
    except (TypeError, ValueError):
        raise wrong from None
    if sorted(by_number) != list(range(len(by_number))) or not fits:
        raise wrong
    return by_number


def _meta(path: Path, raw: Mapping[str, Any], task: str) -> dict[str, Any]:
    names = _names(path, raw)
    shape = raw.get("kpt_shape")
    if not _is_shape(shape) and (task == "pose" or shape is not None):
        raise LoadFault(
            f"{path} needs kpt_shape for pose, for example [17, 3]: how many points, and 2 or 3 numbers each"
        )
    kept = {key: raw[key] for key in ("kpt_shape", "flip_idx", "kpt_oks_sigmas") if raw.get(key) is not None}
    return {"names": names, "nc": len(names), "channels": 3, **kept}


def _is_shape(shape: Any) -> bool:
    return (
        isinstance(shape, list) and len(shape) == 2 and all(isinstance(number, int) for number in shape)
        and shape[0] > 0 and shape[1] in (2, 3)
    )  # fmt: skip


def _yaml_set(path: Path, task: str, names: Mapping[int, str], *, single_cls: bool) -> DataSet:
    raw = read_yaml(path)
    if raw.get("annotations"):
        return _with_json(path, raw, task, names, single_cls=single_cls)
    meta = _meta(path, raw, task)
    files = yaml_pictures(path, raw)
    label_files = _label_files(path, raw, files)
    if not any(Path(file).is_file() for file in label_files):
        raise LoadFault(
            f"none of the {len(files)} pictures of {path} has a label, {label_files[0]} for one: mend `labels`, "
            "or give the folder of pictures alone"
        )
    whole = all(place.is_dir() for place in _entries(path, raw))  # a list may name a part of a folder only
    return DataSet(
        path, files, label_files=label_files, meta=meta, single_cls=single_cls,
        dota=dota.numbers(meta["names"]) if task in dota.TASKS and _are_dota(label_files) else None,
        tally=orphans(label_files) if whole else Tally(),
    )  # fmt: skip


def _label_files(path: Path, raw: Mapping[str, Any], files: Sequence[str]) -> tuple[str, ...]:
    """Where each picture's label is: in the folder `labels` says, else where Ultralytics looks."""
    if not raw.get("labels"):
        return tuple(img2label_paths(list(files)))
    folder = _root(path, raw) / str(raw["labels"])
    label_files = tuple(str(folder / f"{Path(file).stem}.txt") for file in files)
    if len(set(label_files)) < len(files):
        raise LoadFault(f"{path}: pictures of one name would share a label in {folder}; give them different names")
    return label_files


def _are_dota(label_files: Iterable[str]) -> bool:
    """By the first label that is not empty."""
    for file in label_files:
        if Path(file).is_file():
            try:
                text = read_text(Path(file))
            except LoadFault:
                continue
            if text.strip():
                return dota.is_dota(text)
    return False


def _with_json(path: Path, raw: Mapping[str, Any], task: str, names: Mapping[int, str], *, single_cls: bool) -> DataSet:
    """A data YAML whose key `annotations` names a COCO JSON, and `val` the folder of its pictures, if given."""
    annotations = _root(path, raw) / str(raw["annotations"])
    must_exist(annotations)
    folder = _entries(path, raw)[0] if raw.get("val") else None
    own = _names(path, raw) if raw.get("names") else names
    return coco.coco_set(annotations, task, own, folder=folder, single_cls=single_cls)
