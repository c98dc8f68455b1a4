"""COCO JSON: annotations become label text, exactly as Ultralytics' `convert_coco` writes it.

So the values equal those of `model.val` on the converted data set; crowds are left out by both.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ultralytics.data.converter import coco91_to_coco80_class, merge_multi_segment

from quintet.engine.worker.backend import LoadFault
from quintet.engine.worker.images import DataSet, look_at, read_text
from quintet.engine.worker.truth.rle import outlines
from quintet.engine.worker.truth.tally import Tally

PARTS = ("images", "annotations", "categories")
PROBES = 50
"""So many of a JSON's pictures are looked for in each folder that may hold them."""
Annotation = dict[str, Any]


class Unusable(Exception):
    """One annotation that is left out: the count it falls under, and why."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(why)
        self.key = key


def pictures(path: Path, folder: Path | None = None) -> tuple[str, ...]:
    """The pictures that a COCO JSON names, sorted; `folder` is where they lie, else it is found. Raises LoadFault."""
    return tuple(sorted(_files(path, _content(path)["images"], folder).values()))


def coco_set(
    path: Path, task: str, names: Mapping[int, str], *, folder: Path | None = None, single_cls: bool = False
) -> DataSet:
    """The set of a COCO JSON; categories become the class numbers of `names`. Raises LoadFault.

    `folder` is where the pictures lie; without it the places are tried that COCO's own layout and common exports use.
    With `single_cls` every category is class 0.
    """
    content = _content(path)
    tally = Tally()
    files = _files(path, content["images"], folder)
    numbers = _numbers(content["categories"], names, tally)
    if single_cls:
        numbers = dict.fromkeys(numbers, 0)
    by_picture = _by_picture(content["annotations"], files, tally)
    lines: dict[str, str | None] = dict.fromkeys(files.values())
    for picture in content["images"]:
        file = files[picture["id"]]
        if picture["id"] in by_picture:
            lines[file] = _text(by_picture[picture["id"]], _size(picture, file), task, numbers, tally, path)
    order = sorted(lines)
    return DataSet(
        path, tuple(order), label_texts=tuple(lines[file] for file in order), meta=_meta(content, task, names),
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
        raise LoadFault(f"{path} is no COCO JSON: it needs the lists {', '.join(PARTS)}")
    if not content["images"] or not all(_has_id(entry) and entry.get("file_name") for entry in content["images"]):
        raise LoadFault(f"{path} names no pictures: its images need id and file_name")
    if not content["categories"] or not all(_has_id(entry) and "name" in entry for entry in content["categories"]):
        raise LoadFault(f"{path} names no classes: its categories need id and name")
    return content


def _has_id(entry: Annotation) -> bool:
    return isinstance(entry.get("id"), int | str)


# Where the pictures lie


def places(path: Path) -> list[Path]:
    """Folders in which a COCO JSON's pictures may lie, the likeliest first.

    annotations/instances_val2017.json: val2017 and images/val2017 beside `annotations`; then a folder of the split, `images`
    or `data` near the JSON; then the JSON's own folder, and the one above, for names that hold folders.
    """
    split = path.stem.rpartition("_")[2]
    near, above = path.absolute().parent, path.absolute().parent.parent
    return [
        above / split, above / "images" / split, near / split, near / "images" / split, near / "images", near / "data",
        near, above / "images", above,
    ]  # fmt: skip


def _files(path: Path, images: list[Annotation], folder: Path | None) -> dict[Any, str]:
    """Each picture's path by its id, in the folder that holds most of the first fifty."""
    named = [str(entry["file_name"]) for entry in images]

    def held(place: Path) -> int:
        return sum((place / name).is_file() for name in named[:PROBES])

    tried = [folder] if folder else places(path)
    best = max(tried, key=held)
    if not held(best):
        looked = ", ".join(str(place) for place in tried)
        raise LoadFault(
            f"the pictures of {path}, {named[0]} for one, are in none of {looked}: put them into one of these, or write a "
            f"data YAML with `annotations: {path.name}` and `val: FOLDER`"
        )
    return {entry["id"]: str(best / name) for entry, name in zip(images, named, strict=True)}


def _size(picture: Annotation, file: str) -> tuple[float, float]:
    """Width and height as the JSON says them, as the converter does; else the picture's own."""
    width, height = picture.get("width"), picture.get("height")
    if isinstance(width, int | float) and isinstance(height, int | float) and width > 0 and height > 0:
        return width, height
    shape = look_at(file).shape
    return max(shape[1], 1), max(shape[0], 1)


# Which class a category is


def _numbers(categories: list[Annotation], names: Mapping[int, str], tally: Tally) -> dict[Any, int | None]:
    """Class numbers by category id; None for a class that `names` lacks.

    By name when all are known; else COCO's own 91 ids to 80 classes; else those that are known by name; else in order.
    """
    by_name = {name.casefold().strip(): number for number, name in names.items()}
    named = {entry["id"]: by_name.get(str(entry["name"]).casefold().strip()) for entry in categories}
    if all(number is not None for number in named.values()):
        return named
    coco = {place: number for place, number in enumerate(coco91_to_coco80_class(), 1) if number is not None}
    if named.keys() == coco.keys() and len(names) == len(coco):
        tally.note("mapping", "the categories have COCO's own ids, so they are numbered as its 80 classes")
        return {**coco}
    if any(number is not None for number in named.values()):
        return named
    tally.note("mapping", "no category is called as a class of the model, so they are numbered in order of their ids")
    order = sorted(named, key=lambda key: (isinstance(key, str), key))
    return {key: number if number < len(names) else None for number, key in enumerate(order)}


def _meta(content: dict[str, list[Annotation]], task: str, names: Mapping[int, str]) -> dict[str, Any]:
    meta: dict[str, Any] = {"names": dict(names), "nc": len(names), "channels": 3}
    if task == "pose":
        counts = [len(entry["keypoints"]) for entry in content["categories"] if entry.get("keypoints")]
        counts += [len(entry["keypoints"]) // 3 for entry in content["annotations"] if entry.get("keypoints")]
        if not counts:
            raise LoadFault(
                "the COCO JSON has no keypoints, which pose needs: give person_keypoints_val2017.json or its like"
            )
        meta["kpt_shape"] = [counts[0], 3]
    return meta


# Annotations to label text


def _by_picture(annotations: list[Annotation], files: Mapping[Any, str], tally: Tally) -> dict[Any, list[Annotation]]:
    found: defaultdict[Any, list[Annotation]] = defaultdict(list)
    for annotation in annotations:
        picture = annotation.get("image_id")
        if picture in files:
            found[picture].append(annotation)
        else:
            tally.add(
                "label_without_picture", 1, f"an annotation is of picture {picture!r}, which the JSON does not name"
            )
    return found


def _text(
    annotations: list[Annotation], size: tuple[float, float], task: str, numbers: Mapping[Any, int | None], tally: Tally,
    path: Path,
) -> str:  # fmt: skip
    """One picture's label text; annotations that are left out are counted."""
    rows: dict[tuple[float, ...], None] = {}
    used = 0
    for annotation in annotations:
        try:
            rows[_row(annotation, size, task, numbers)] = None
            used += 1
        except Unusable as left_out:
            tally.add(left_out.key, 1, f"{path.name}, annotation {annotation.get('id')}: {left_out}")
        except (KeyError, TypeError, ValueError, IndexError) as wrong:
            note = f"{path.name}, annotation {annotation.get('id')} does not read as COCO's ({type(wrong).__name__}: {wrong})"
            tally.add("malformed", 1, note)
    tally.add("duplicate", used - len(rows))
    return "\n".join(" ".join(f"{number:g}" for number in row) for row in rows)


def _row(
    annotation: Annotation, size: tuple[float, float], task: str, numbers: Mapping[Any, int | None]
) -> tuple[float, ...]:
    """Class, then a box, an outline or a box and keypoints, in fractions of the picture. Raises Unusable."""
    if annotation.get("iscrowd"):
        raise Unusable("crowd", "is a crowd, which is not scored")
    box = np.array(annotation["bbox"], dtype=np.float64)
    box[:2] += box[2:] / 2
    box[[0, 2]] /= size[0]
    box[[1, 3]] /= size[1]
    if box[2] <= 0 or box[3] <= 0:
        raise Unusable("flat", "has a box without area, which is not scored")
    number = numbers.get(annotation["category_id"])
    if number is None:
        raise Unusable("unknown_class", f"the model has no class for category {annotation['category_id']}")
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
