"""COCO JSON: annotations become label text, exactly as Ultralytics' `convert_coco` writes it.

So the values equal those of `model.val` on the converted data set; crowds are left out by both. One file under several
image ids has the labels of all of them, as there. Two files under one id cannot be told apart, so both are left out.
"""

from __future__ import annotations

import json
import math
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ultralytics.data.converter import merge_multi_segment

from quintet.engine.worker.backend import LoadFault
from quintet.engine.worker.datasets.class_matching import category_classes
from quintet.engine.worker.datasets.pictures import DataSet, look_at, on_this_system, read_text
from quintet.engine.worker.datasets.problem_report import Tally
from quintet.engine.worker.datasets.rle import outlines

PARTS = ("images", "annotations", "categories")
PROBES = 50
"""So many of a JSON's pictures are looked for in each folder that may hold them."""
MOST_PIXELS = 100_000_000
"""A run-length mask of more is not decoded."""
Annotation = dict[str, Any]
Key = int | str


class Unusable(Exception):
    """One annotation that is left out: the count it falls under, and why."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(why)
        self.key = key


class Entry(NamedTuple):
    """One entry of a JSON's `images`: its id, the file it names, and the entry itself."""

    key: Key
    file: str
    told: Annotation


def pictures(path: Path, folder: Path | None = None) -> tuple[str, ...]:
    """The pictures that a COCO JSON names, each once, sorted; without their `folder` it is looked for. Raises LoadFault."""
    return tuple(sorted({entry.file for entry in _entries(path, _content(path)["images"], folder, Tally())}))


def coco_set(
    path: Path, task: str, names: Mapping[int, str], *, folder: Path | None = None, single_cls: bool = False
) -> DataSet:
    """The set of a COCO JSON; categories become the class numbers of `names`. Raises LoadFault.

    `folder` is where the pictures lie; without it the places are tried that COCO's own layout and common exports use.
    With `single_cls` every category is class 0.
    """
    content = _content(path)
    tally = Tally()
    entries = _entries(path, content["images"], folder, tally)
    categories = _categories(path, content["categories"])
    used = {key for one in content["annotations"] if (key := key_of(one.get("category_id"))) is not None}
    numbers = (
        dict.fromkeys(categories, 0) if single_cls else category_classes(categories, used, names, tally, path.name)
    )
    files = _without_ambiguous(entries, tally, path)
    by_id = _by_id(content["annotations"], {entry.key for entry in entries}, tally)
    rows: dict[str, dict[tuple[float, ...], None] | None] = dict.fromkeys(files)
    for entry in entries:
        if entry.file in rows and entry.key in by_id:
            so_far = rows[entry.file] or {}
            rows[entry.file] = so_far
            _add_rows(so_far, by_id.pop(entry.key), _size(entry.told, entry.file), task, numbers, tally, path)
    return DataSet(
        path, files, label_texts=tuple(_text(rows[file]) for file in files), meta=_meta(content, task, names),
        single_cls=single_cls, tally=tally,
    )  # fmt: skip


def _content(path: Path) -> dict[str, list[Annotation]]:
    try:
        content = json.loads(read_text(path))
    except (ValueError, RecursionError) as wrong:
        raise LoadFault(f"{path} is not JSON: {' '.join(str(wrong).split())}") from wrong
    if not isinstance(content, dict) or not all(
        isinstance(content.get(part), list) and all(isinstance(entry, dict) for entry in content[part])
        for part in PARTS
    ):
        raise LoadFault(f"{path} is not a COCO JSON: it needs the lists {', '.join(PARTS)}")
    if not content["images"]:
        raise LoadFault(f"{path} lists no pictures: its list `images` is empty")
    for part, needed in (("images", "file_name"), ("categories", "name")):
        for number, entry in enumerate(content[part]):
            if key_of(entry.get("id")) is None:
                raise LoadFault(
                    f"{path}: the id of {part}[{number}] must be a whole number or text: {entry.get('id')!r:.60}"
                )
            if not isinstance(entry.get(needed), str | int) or entry[needed] == "":
                raise LoadFault(f"{path}: {part}[{number}] has no {needed}: write its name as text")
    if not content["categories"]:
        raise LoadFault(f"{path} names no classes: its list `categories` is empty")
    return content


def key_of(value: Any) -> Key | None:
    """An id as it is compared: a whole number, also one written as 3.0 or "3", or a text; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and value == int(value) else None
    if isinstance(value, str):
        return int(value) if len(value) < 19 and value.isdecimal() and str(int(value)) == value else value or None
    return value if isinstance(value, int) else None


# Where the pictures are


def places(path: Path) -> list[Path]:
    """Folders in which a COCO JSON's pictures may be, the likeliest first.

    annotations/instances_val2017.json: val2017 and images/val2017 beside `annotations`; then a folder of the split, `images`
    or `data` near the JSON; then the JSON's own folder, and the one above, for names that hold folders.
    """
    split = path.stem.rpartition("_")[2]
    near, above = path.absolute().parent, path.absolute().parent.parent
    return [
        above / split, above / "images" / split, near / split, near / "images" / split, near / "images", near / "data",
        near, above / "images", above,
    ]  # fmt: skip


def _entries(path: Path, images: list[Annotation], folder: Path | None, tally: Tally) -> list[Entry]:
    """Every entry of `images` with its file, in the folder that holds most of the first fifty. Raises LoadFault."""
    named = [str(entry["file_name"]) for entry in images]

    def held(place: Path) -> int:
        return sum(Path(on_this_system(str(place / name))).is_file() for name in named[:PROBES])

    tried = [folder] if folder else places(path)
    best = max(tried, key=held)
    if not held(best):
        looked = ", ".join(str(place) for place in tried)
        raise LoadFault(
            f"the pictures of {path}, {named[0]} for one, are in none of {looked}: put them into one of these, or write a "
            f"data YAML with `annotations: {path.name}` and `val: FOLDER`"
        )
    entries = []
    for entry, name in zip(images, named, strict=True):
        file = on_this_system(str(best / name), tally)
        key = key_of(entry["id"])
        assert key is not None  # _content has looked
        entries.append(Entry(key, os.path.normpath(file), entry))
    return entries


def _without_ambiguous(entries: Sequence[Entry], tally: Tally, path: Path) -> tuple[str, ...]:
    """The files that are used, sorted: without those whose id is another file's too. Ids of one file are noted."""
    files: defaultdict[Key, dict[str, None]] = defaultdict(dict)
    ids: defaultdict[str, dict[Key, None]] = defaultdict(dict)
    for entry in entries:
        files[entry.key][entry.file] = None
        ids[entry.file][entry.key] = None
    ambiguous: dict[str, str] = {}
    for key, its in files.items():
        if len(its) > 1:
            for file in its:
                ambiguous[file] = f"{path.name} has image id {key} for {' and '.join(map(_name, [*its][:3]))}"
    for file, why in sorted(ambiguous.items()):
        tally.leave_out("ambiguous", file, f"{why}, so their labels cannot be told apart")
    for file, keys in ids.items():
        if len(keys) > 1 and file not in ambiguous:
            listed = " and ".join(map(str, [*keys][:3]))
            tally.note(
                "several_ids", f"{path.name} has {_name(file)} under the image ids {listed}: the labels of all count"
            )
    return tuple(sorted(file for file in ids if file not in ambiguous))


def _name(file: str) -> str:
    return Path(file).name


def _size(picture: Annotation, file: str) -> tuple[float, float]:
    """Width and height as the JSON gives them, as the converter uses them; else the picture's own."""
    width, height = picture.get("width"), picture.get("height")
    if isinstance(width, int | float) and isinstance(height, int | float) and width > 0 and height > 0:
        return width, height
    shape = look_at(file).shape
    return max(shape[1], 1), max(shape[0], 1)


def _categories(path: Path, categories: list[Annotation]) -> dict[Key, str]:
    """Category names by id. Raises LoadFault when one id has two names."""
    found: dict[Key, str] = {}
    for entry in categories:
        key, name = key_of(entry["id"]), str(entry["name"])
        assert key is not None  # _content has looked
        if found.setdefault(key, name) != name:
            raise LoadFault(f"{path} calls category {key} both {found[key]!r} and {name!r}: give each its own id")
    return found


def _meta(content: dict[str, list[Annotation]], task: str, names: Mapping[int, str]) -> dict[str, Any]:
    meta: dict[str, Any] = {"names": dict(names), "nc": len(names), "channels": 3}
    if task == "pose":
        counts = [len(words) for entry in content["categories"] if (words := _list(entry.get("keypoints")))]
        counts += [len(words) // 3 for entry in content["annotations"] if (words := _list(entry.get("keypoints")))]
        if not counts:
            raise LoadFault(
                "the COCO JSON has no keypoints, which pose needs: give person_keypoints_val2017.json or its like"
            )
        meta["kpt_shape"] = [counts[0], 3]
    return meta


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


# Annotations to label text


def _by_id(annotations: Iterable[Annotation], known: set[Key], tally: Tally) -> dict[Key, list[Annotation]]:
    found: defaultdict[Key, list[Annotation]] = defaultdict(list)
    for annotation in annotations:
        key = key_of(annotation.get("image_id"))
        if key is not None and key in known:
            found[key].append(annotation)
        else:
            why = f"annotation {annotation.get('id')!r:.40} is of image {annotation.get('image_id')!r:.60}, which is not listed"
            tally.add("label_without_picture", 1, why)
    return found


def _add_rows(
    rows: dict[tuple[float, ...], None], annotations: list[Annotation], size: tuple[float, float], task: str,
    numbers: Mapping[Key, int | None], tally: Tally, path: Path,
) -> None:  # fmt: skip
    """Add label rows to a picture's, each once; annotations that are left out are counted."""
    for annotation in annotations:
        try:
            row = _row(annotation, size, task, numbers)
        except Unusable as left_out:
            tally.add(left_out.key, 1, f"{path.name}, annotation {annotation.get('id')!r:.40}: {left_out}")
            tally.counts["labels_left_out"] += left_out.key in ("unknown_class", "malformed")
            continue
        except (KeyError, TypeError, ValueError, IndexError, OverflowError) as wrong:
            cannot = f"cannot be read ({type(wrong).__name__}: {wrong})"
            tally.add("malformed", 1, f"{path.name}, annotation {annotation.get('id')!r:.40} {cannot}")
            tally.counts["labels_left_out"] += 1
            continue
        if row in rows:
            tally.add("duplicate", 1, f"{path.name}, annotation {annotation.get('id')!r:.40} repeats another")
        rows[row] = None


def _text(rows: dict[tuple[float, ...], None] | None) -> str | None:
    """One picture's label text; None where the JSON has no annotation of it."""
    return None if rows is None else "\n".join(" ".join(f"{number:g}" for number in row) for row in rows)


def _row(
    annotation: Annotation, size: tuple[float, float], task: str, numbers: Mapping[Key, int | None]
) -> tuple[float, ...]:
    """Class, then a box, an outline or a box and keypoints, in fractions of the picture. Raises Unusable."""
    if annotation.get("iscrowd"):
        raise Unusable("crowd", "is a crowd, which is not scored")
    box = np.array(annotation["bbox"], dtype=np.float64)
    if box.shape != (4,) or not np.isfinite(box).all():
        raise Unusable("malformed", "has no bbox of four numbers")
    box[:2] += box[2:] / 2
    box[[0, 2]] /= size[0]
    box[[1, 3]] /= size[1]
    if box[2] <= 0 or box[3] <= 0:
        raise Unusable("flat", "has a box without area, which is not scored")
    key = key_of(annotation["category_id"])
    number = None if key is None else numbers.get(key)
    if number is None:
        raise Unusable("unknown_class", f"the model has no class for category {annotation['category_id']!r:.60}")
    row: list[float] = [number, *box.tolist()]
    if task == "pose":
        points = annotation.get("keypoints") or []
        if not any(points[2::3]):
            raise Unusable("no_keypoints", "has no labelled keypoint, so it is not scored")
        row += (np.array(points).reshape(-1, 3) / np.array([*size, 1])).reshape(-1).tolist()
    elif task in ("seg", "obb"):
        row = [number, *_outline(annotation.get("segmentation"), size, box.tolist())]
    return tuple(row)


def _outline(segmentation: Any, size: tuple[float, float], box: list[float]) -> list[float]:
    """One outline in fractions: several polygons joined, a run-length mask's contours; without any, the box."""
    if isinstance(segmentation, dict) and segmentation.get("size") == [size[1], size[0]]:
        if size[0] * size[1] > MOST_PIXELS:
            raise Unusable("malformed", f"has a mask of {size[0]:g}x{size[1]:g} pixels, too large to decode")
        segmentation = outlines(segmentation)
    polygons = [p for p in segmentation if _is_polygon(p)] if isinstance(segmentation, list) else []
    if not polygons:
        x, y, width, height = box
        left, top, right, bottom = x - width / 2, y - height / 2, x + width / 2, y + height / 2
        return [left, top, right, top, right, bottom, left, bottom]
    whole = (
        np.concatenate(merge_multi_segment(polygons), axis=0)
        if len(polygons) > 1
        else np.array(polygons[0]).reshape(-1, 2)
    )
    fractions: list[float] = (whole / np.array(size)).reshape(-1).tolist()
    return fractions


def _is_polygon(points: Any) -> bool:
    return (
        isinstance(points, list) and len(points) >= 6 and len(points) % 2 == 0
        and all(isinstance(number, int | float) for number in points)
    )  # fmt: skip
