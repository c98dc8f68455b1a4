"""Which form a validation set has: a data YAML, COCO JSON, DOTA's folders, classes' folders, a CSV, or plain pictures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from ultralytics.data.utils import img2label_paths

from quintet.engine.worker.backend import LoadFault
from quintet.engine.worker.datasets import classification, coco, dota
from quintet.engine.worker.datasets.pictures import (
    YAML_SUFFIXES,
    DataSet,
    listed,
    must_exist,
    pictures_below,
    read_text,
    read_yaml,
)
from quintet.engine.worker.datasets.problem_report import Tally, orphans

MOST_LETTERS = 4096
MOST_POINTS = 10_000


def inference_set(path: Path) -> DataSet:
    """The pictures of a folder, a data YAML, a CSV, a COCO JSON or a .txt list, without labels. Raises LoadFault.

    They are listed, not looked at: `pictures.usable` does that.
    """
    must_exist(path)
    suffix = path.suffix.lower()
    if path.is_dir():
        return DataSet(path, pictures_below(path))
    if suffix in YAML_SUFFIXES:
        return DataSet(path, yaml_pictures(path, read_yaml(path)))
    if suffix == ".csv":
        return DataSet(path, classification.csv_pictures(path))
    if suffix == ".json":
        return DataSet(path, coco.pictures(path))
    if suffix == ".txt":
        return DataSet(path, listed(path))
    raise LoadFault(
        f"{path} is not a data set: give a folder of pictures, a data YAML, a COCO JSON, a CSV or a .txt list of pictures"
    )


def validation_set(path: Path, task: str, names: Mapping[int, str], *, single_cls: bool = False) -> DataSet:
    """The pictures of a validation set and where their labels are. Raises LoadFault; nothing is written or downloaded.

    `names` are the model's classes by number; with `single_cls` it has been trained on all as one. cls: a CSV
    `image,label`, or a folder CLASS/picture (itself, or its child `val`). Other tasks: a data YAML, a COCO JSON, or a
    folder with DOTA's `images` and `labelTxt`. A plain folder of pictures is a set without labels.
    """
    must_exist(path)
    if task == "cls":
        return classification.class_set(path, names)
    if path.is_dir():
        folders = dota.folder_of(path)
        if folders is not None:
            return dota.dota_set(path, folders, task, names, single_cls=single_cls)
        return _plain_folder(path, task)
    if path.suffix.lower() == ".json":
        return coco.coco_set(path, task, names, single_cls=single_cls)
    if path.suffix.lower() in YAML_SUFFIXES:
        return replace(_yaml_set(path, task, names, single_cls=single_cls), model_classes=len(names))
    raise LoadFault(
        f"{path} is not a data set for {task}: give a data YAML, a COCO JSON, a folder with DOTA's images and labelTxt, or a "
        "folder of pictures without labels"
    )


def _plain_folder(path: Path, task: str) -> DataSet:
    """Pictures without labels; what looks like labels beside or below them is noted with the form to give instead."""
    data = DataSet(path, pictures_below(path))
    why = _unread_labels(path, data.files, task)
    if why:
        data.tally.note("no_labels", why)
    return data


def _unread_labels(path: Path, files: Sequence[str], task: str) -> str:
    """Why a folder that was given as it is has no labels though some are near; empty when none are."""
    yamls = [*islice((one for one in sorted(path.iterdir()) if one.suffix.lower() in YAML_SUFFIXES), 2)]
    if yamls:
        return f"{path} holds a whole data set: to use its labels, give its data YAML, {yamls[0]}"
    if any(Path(file).is_file() for file in islice(img2label_paths([*files]), 100)):
        return (
            f"{path} has pictures whose labels are where Ultralytics looks for them: to use them, give a data YAML with "
            f"`val: {path.name}` and the `names` of the classes"
        )
    parents = {Path(file).parent for file in files}
    if path not in parents and all(one.parent in (path, path / "val") for one in parents):
        return f"{path} holds one folder a class, which are labels for cls only: give data with labels for {task}"
    return ""


def yaml_pictures(path: Path, raw: Mapping[str, Any]) -> tuple[str, ...]:
    """The validation pictures of a data YAML, sorted as Ultralytics sorts them. Raises LoadFault."""
    if raw.get("annotations"):
        folder = _entries(path, raw)[0] if raw.get("val") else None
        return coco.pictures(_annotations(path, raw), folder)
    return _pictures(_entries(path, raw), Tally())


def _pictures(places: Iterable[Path], tally: Tally) -> tuple[str, ...]:
    files: list[str] = []
    for place in places:
        files += pictures_below(place) if place.is_dir() else listed(place, tally)
    return tuple(sorted(files))


def _text(path: Path, raw: Mapping[str, Any], key: str, value: Any = None) -> str:
    """A key's value as text. Raises LoadFault for a list or a map, which aliases can make endless."""
    value = raw.get(key) if value is None else value
    if not isinstance(value, str | int | float) or len(str(value)) > MOST_LETTERS:
        raise LoadFault(f"{path}: `{key}` must be text of at most {MOST_LETTERS} letters")
    return str(value)


def _root(path: Path, raw: Mapping[str, Any]) -> Path:
    root = path.parent / _text(path, raw, "path", raw.get("path") or ".")
    if not root.is_dir():
        raise LoadFault(f"{path} has path: {raw['path']}, but there is no folder {root}: fix it; nothing is downloaded")
    return root


def _entries(path: Path, raw: Mapping[str, Any]) -> list[Path]:
    """The folders and .txt lists under the key val, as they are named; Ultralytics resolves their links."""
    root = _root(path, raw)
    entries = raw.get("val") or raw.get("validation")
    if not entries:
        raise LoadFault(f"{path} has no key val: name the folder of its validation pictures")
    places: list[Path] = []
    for entry in entries if isinstance(entries, list) else [entries]:
        named = _text(path, raw, "val", entry)
        place = root / named
        if not place.exists() and named.startswith("../"):
            place = root / named[3:]  # Ultralytics takes Roboflow's `../valid/images` so
        if not place.is_dir() and not (place.is_file() and place.suffix.lower() == ".txt"):
            raise LoadFault(
                f"{path} has val: {named}, but there is no folder or .txt list {place}: fix it; nothing is downloaded"
            )
        places.append(place)
    return places


def _names(path: Path, raw: Mapping[str, Any], classes_of_model: int) -> tuple[dict[int, str], int]:
    """Class names by number, and how many classes there are. Raises LoadFault.

    Without `names` they are called class_0 and so on, only as many as the model has: `nc` is a stranger's number.
    """
    names, count = raw.get("names"), raw.get("nc")
    whole = count if count is None or isinstance(count, int) else _whole(count)
    if count is not None and (whole is None or whole < 1):
        raise LoadFault(f"{path}: nc must be a whole number above 0")
    if names is None and whole is not None:
        return {number: f"class_{number}" for number in range(min(whole, classes_of_model))}, whole
    if not names or not isinstance(names, list | dict):
        raise LoadFault(f"{path} has no key names: list the classes in the order of their numbers")
    pairs: Iterable[tuple[Any, Any]] = names.items() if isinstance(names, dict) else enumerate(names)
    wrong = LoadFault(f"{path}: the numbers of names must run from 0 without a gap, and nc must be their count")
    try:
        by_number = {int(number): _text(path, raw, "names", name) for number, name in pairs}
    except (TypeError, ValueError, OverflowError):
        raise wrong from None
    if sorted(by_number) != list(range(len(by_number))) or whole not in (None, len(by_number)):
        raise wrong
    return {number: by_number[number] for number in sorted(by_number)}, len(by_number)


def _whole(value: Any) -> int | None:
    """The whole number that `nc` means, as Ultralytics takes `'10'` and 10.0; None for anything else."""
    try:
        number = float(value) if isinstance(value, str | float) and len(str(value)) < 20 else math.nan
    except ValueError:
        return None
    return int(number) if math.isfinite(number) and number == int(number) else None


def _meta(path: Path, raw: Mapping[str, Any], task: str, classes_of_model: int) -> dict[str, Any]:
    names, count = _names(path, raw, classes_of_model)
    shape = raw.get("kpt_shape")
    if not _is_shape(shape) and (task == "pose" or shape is not None):
        raise LoadFault(
            f"{path} needs kpt_shape for pose, for example [17, 3]: how many points, and 2 or 3 numbers each"
        )
    kept = {key: raw[key] for key in ("kpt_shape", "flip_idx", "kpt_oks_sigmas") if raw.get(key) is not None}
    for key in ("flip_idx", "kpt_oks_sigmas"):
        if key in kept and not (_is_numbers(kept[key]) and shape and len(kept[key]) == shape[0]):
            raise LoadFault(f"{path}: `{key}` must be a list of one number for each point of kpt_shape")
    return {"names": names, "nc": count, "channels": 3, **kept}


def _is_shape(shape: Any) -> bool:
    return (
        isinstance(shape, list) and len(shape) == 2 and all(isinstance(number, int) for number in shape)
        and 0 < shape[0] <= MOST_POINTS and shape[1] in (2, 3)
    )  # fmt: skip


def _is_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(number, int | float) for number in value)


def _yaml_set(path: Path, task: str, names: Mapping[int, str], *, single_cls: bool) -> DataSet:
    raw = read_yaml(path)
    if raw.get("annotations"):
        return _with_json(path, raw, task, names, single_cls=single_cls)
    meta = _meta(path, raw, task, len(names))
    named, tally = _entries(path, raw), Tally()
    places, files, label_files = _as_val(path, raw, named, tally)
    if all(place.is_dir() for place in places):  # a list may name a part of a folder only
        orphans(label_files, tally)
    return DataSet(
        path, files, label_files=label_files, meta=meta, single_cls=single_cls,
        dota=dota.numbers(meta["names"]) if task in dota.TASKS and _are_dota(label_files) else None, tally=tally,
    )  # fmt: skip


def _as_val(
    path: Path, raw: Mapping[str, Any], named: Sequence[Path], tally: Tally
) -> tuple[list[Path], tuple[str, ...], tuple[str, ...]]:
    """The places under `val`, their pictures and label files. Raises LoadFault when there is no label at all.

    As Ultralytics: the links of the places are resolved first, and labels are looked for beside what they lead to. Only
    when none is there, beside the places as they are named.
    """
    tried = [[place.resolve() for place in named], [place.absolute() for place in named]]
    for again, places in enumerate(tried):
        files = _pictures(places, tally)
        label_files = _label_files(path, raw, files)
        if any(Path(file).is_file() for file in label_files):
            if again:
                why = f"labels are beside {named[0]}; model.val looks where it leads, in {tried[0][0]}, and finds none"
                tally.note("labels_beside_link", why)
            return places, files, label_files
        if places == tried[-1]:
            break
    raise LoadFault(
        f"none of the {len(files)} pictures of {path} has a label, {label_files[0]} for one: fix `labels`, "
        "or give the folder of pictures alone"
    )


def _label_files(path: Path, raw: Mapping[str, Any], files: Sequence[str]) -> tuple[str, ...]:
    """Where each picture's label is: in the folder `labels` says, else where Ultralytics looks."""
    if not raw.get("labels"):
        return tuple(img2label_paths(list(files)))
    folder = _root(path, raw) / _text(path, raw, "labels")
    label_files = tuple(str(folder / f"{Path(file).stem}.txt") for file in files)
    if len(set(label_files)) < len(set(files)):
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


def _annotations(path: Path, raw: Mapping[str, Any]) -> Path:
    annotations = _root(path, raw) / _text(path, raw, "annotations")
    must_exist(annotations)
    return annotations


def _with_json(path: Path, raw: Mapping[str, Any], task: str, names: Mapping[int, str], *, single_cls: bool) -> DataSet:
    """A data YAML whose key `annotations` names a COCO JSON, and `val` the folder of its pictures, if given."""
    folder = _entries(path, raw)[0] if raw.get("val") else None
    own = _names(path, raw, len(names))[0] if raw.get("names") else names
    return coco.coco_set(_annotations(path, raw), task, own, folder=folder, single_cls=single_cls)
