"""Label text, checked by Ultralytics' own check of it, so that what it would leave out is left out; nothing is written."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from ultralytics.data.utils import verify_image_label

from quintet.engine.worker.backend import LoadFault
from quintet.engine.worker.datasets.pictures import DataSet, Going, Label, counted, look_at, nothing_left
from quintet.engine.worker.datasets.problem_report import Tally

MOST, LEAST = 1.01, -0.01
"""Ultralytics takes coordinates in fractions of a picture within these bounds."""
FAULTS = {
    "malformed": "is not a label of its task",
    "unknown_class": "has a class that the data set does not name",
    "outside": "is outside its picture",
}


class Truth(NamedTuple):
    """What can be used of a labelled set: its pictures, their labels in the same order, and the counts of all."""

    data: DataSet
    labels: list[Label]
    tally: Tally


def read_labels(data: DataSet, task: str, going: Going) -> Truth:
    """The usable part of a labelled set, in its pictures' order. Raises LoadFault when nothing can be used.

    A label for cls holds `im_file`, `shape` (height, width) and `cls`, a number. For other tasks it is a dictionary as
    Ultralytics' YOLODataset holds it: shape, cls (n, 1), bboxes (n, 4) as centre and size in fractions, segments,
    keypoints (n, points, 3).
    """
    tally = data.tally.copy()
    labels: list[Label] = []
    with tempfile.TemporaryDirectory() as folder:
        check = _Check(data, task, tally, Path(folder))
        for place, file in enumerate(data.files):
            seen = counted(look_at(file), file, tally)
            label = check.label(place, file, seen.shape) if seen.usable else None
            if label is not None:
                labels.append(label)
            going(place + 1, len(data.files))
    if not labels:
        raise nothing_left(data, tally)
    if task in ("seg", "obb"):
        _only_outlines(data, labels, task)
    _count(data, labels, tally)
    kept = replace(
        data, files=tuple(label["im_file"] for label in labels), label_texts=None, classes=None, label_files=None,
        tally=tally,
    )  # fmt: skip
    return Truth(kept, labels, tally)


def _count(data: DataSet, labels: Iterable[Label], tally: Tally) -> None:
    """Count what is used. Labels of classes that the model lacks are not, as in `model.val`. Raises LoadFault without any."""
    for label in labels:
        numbers = np.atleast_1d(label["cls"])
        objects = len(numbers)
        if data.model_classes and not data.single_cls and data.classes is None:
            lacking = int((numbers >= data.model_classes).sum())
            note = f"{label['im_file']} has a label of a class that the model lacks, which is left out"
            tally.add("unknown_class", lacking, note)
            tally.counts["labels_left_out"] += lacking
            objects -= lacking
        tally.counts["pictures"] += 1
        tally.counts["labels"] += objects
        tally.counts["background"] += not objects
    if not tally.counts["labels"]:
        first = tally.first() or "all label files are empty"
        raise LoadFault(
            f"no label of {data.source} can be used; the first: {first}. Fix them, or give the folder of pictures alone"
        )


def _only_outlines(data: DataSet, labels: Iterable[Label], task: str) -> None:
    """As Ultralytics: one label without an outline, and a set for seg or obb is refused."""
    for label in labels:
        if len(label["segments"]) != len(label["cls"]):
            raise LoadFault(
                f"{data.source}: {task} needs outlines (class x1 y1 x2 y2 ...), but the label of {label['im_file']} has "
                "boxes: give the data that belong to the task"
            )


@dataclass(frozen=True)
class _Check:
    """Checks one label after another; `folder` is a temporary one of ours."""

    data: DataSet
    task: str
    tally: Tally
    folder: Path

    def __post_init__(self) -> None:
        # Ultralytics' check of a label opens its picture and re-saves a JPEG without an end mark, so it gets this one.
        cv2.imwrite(str(self.folder / "stand_in.png"), np.zeros((32, 32, 3), np.uint8))

    def label(self, place: int, file: str, shape: tuple[int, int]) -> Label | None:
        """The label of picture `place`, or None when it takes its picture out of the set; counts either way."""
        if self.data.classes is not None:
            return {"im_file": file, "shape": shape, "cls": self.data.classes[place]}
        return self._checked(self._label_file(place, shape), file, shape)

    def _label_file(self, place: int, shape: tuple[int, int]) -> Path:
        """A label file in Ultralytics' form, there or not."""
        if self.data.label_texts is not None:
            return self._written(self.data.label_texts[place])
        file = Path((self.data.label_files or ())[place])
        if self.data.dota is None or not file.is_file():
            return file
        from quintet.engine.worker.datasets.dota import yolo_text

        try:
            text = file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):
            return file
        return self._written(yolo_text(text, str(file), shape, self.data, self.tally))

    def _written(self, text: str | None) -> Path:
        file = self.folder / "label.txt"
        if text is None:
            return self.folder / "none.txt"
        file.unlink(missing_ok=True)  # ext4 flushes a file that is cut and written again: 2 ms each, measured
        file.write_text(text, encoding="utf-8")
        return file

    def _checked(self, label_file: Path, file: str, shape: tuple[int, int]) -> Label | None:
        meta, pose = self.data.meta, self.task == "pose"
        points, numbers = meta.get("kpt_shape", (0, 0))
        single = self.data.single_cls
        found, rows, _, segments, keypoints, missing, _, empty, _, said = verify_image_label(
            (str(self.folder / "stand_in.png"), str(label_file), "", pose, meta["nc"], points, numbers, single)
        )
        named = label_file if label_file.parent != self.folder else f"the label of {file}"
        if found is None:
            self._refused(file, label_file, str(named), said.partition("label: ")[2])
            return None
        self.tally.add("picture_without_label", missing, f"{file} has no label")
        self.tally.add("empty_label", empty, f"{named} is empty")
        twice = re.search(r"(\d+) duplicate labels", said)
        self.tally.add("duplicate", int(twice[1]) if twice else 0, f"{named} repeats a label")
        return {
            "im_file": file, "shape": shape, "cls": rows[:, 0:1], "bboxes": rows[:, 1:],
            "segments": segments if self.task in ("seg", "obb") else [], "keypoints": keypoints, "normalized": True,
            "bbox_format": "xywh",
        }  # fmt: skip

    def _refused(self, file: str, label_file: Path, named: str, why: str) -> None:
        """Leave a picture out for its label: the lines that are wrong count, one at least."""
        try:
            text = label_file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):
            text = ""
        wrong = faults(text, self.data.meta, self.task, single_cls=self.data.single_cls)
        reasons = [(key, f"{named} line {line} {FAULTS[key]}, so its picture is left out") for line, key in wrong]
        reasons = reasons or [("malformed", f"{named} cannot be used ({why}), so its picture is left out")]
        for key, reason in reasons:
            self.tally.add(key, 1, reason)
        self.tally.leave_out(reasons[0][0], file, reasons[0][1], counting=False)


def faults(text: str, meta: Mapping[str, Any], task: str, *, single_cls: bool = False) -> list[tuple[int, str]]:
    """Lines of a label text, counted from 1, that are `malformed`, `unknown_class` or `outside`."""
    found: list[tuple[int, str]] = []
    for line, content in enumerate(text.splitlines(), 1):
        words = content.split()
        key = _line_fault(words, meta, task, single_cls=single_cls) if words else ""
        if key:
            found.append((line, key))
    return found


def _line_fault(words: list[str], meta: Mapping[str, Any], task: str, *, single_cls: bool) -> str:
    points, numbers = meta.get("kpt_shape", (0, 0))
    try:
        row = np.array(words, dtype=np.float64)
    except ValueError:
        return "malformed"
    wide = len(row) == 5 + points * numbers if task == "pose" else len(row) == 5 or (len(row) >= 7 and len(row) % 2)
    if not wide or not np.isfinite(row).all() or row[0] % 1 or row[0] < 0:
        return "malformed"
    if not single_cls and row[0] >= meta["nc"]:
        return "unknown_class"
    placed = row[1:] if task != "pose" else np.concatenate([row[1:5], *_points(row[5:], numbers)])
    return "outside" if (placed > MOST).any() or (placed < LEAST).any() else ""


def _points(row: Any, numbers: int) -> list[Any]:
    """The x and y of a pose label's keypoints, without their visibility."""
    return [row[axis::numbers] for axis in range(2)] if numbers else []
