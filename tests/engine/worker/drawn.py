"""Data sets drawn in odd sizes, models made over from the micro ones, and what `model.val` says of both."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from quintet.engine.worker.yolo.backend import TASKS, YoloBackend  # first, since it keeps Ultralytics offline and quiet
from quintet.profiles import micro
from quintet.profiles.micro import shapes

MICRO = Path(micro.__file__).parent
SEED = 4711
SIZES = (
    (301, 227),
    (333, 417),
    (97, 700),
    (480, 323),
    (640, 121),
    (192, 192),
    (53, 61),
    (250, 375),
    (31, 17),
    (299, 401),
)
"""Height and width of drawn pictures, in turn: scaled, many of them are no whole numbers."""
BOXES = {"precision": "precision", "recall": "recall", "map50": "mAP50", "map": "mAP50-95"}
PARTS = {
    "detect": [("box", "B")], "seg": [("box", "B"), ("mask", "M")], "pose": [("box", "B"), ("pose", "P")],
    "obb": [("obb", "B")],
}  # fmt: skip
THEIRS = {
    "cls": {"top1": "metrics/accuracy_top1", "top5": "metrics/accuracy_top5"},
    **{
        task: {
            f"{ours}_{end}": f"metrics/{theirs}({letter})" for end, letter in parts for ours, theirs in BOXES.items()
        }
        for task, parts in PARTS.items()
    },
}
"""What each value is called by us and by Ultralytics, per task."""
POSE = {"kpt_shape": [len(shapes.KEYPOINTS), 3], "flip_idx": list(shapes.FLIP_IDX)}
Drawn = tuple[Any, list[shapes.Shape]]


def further(*cases: Any) -> list[Any]:
    """Cases of a test that only `./check long equality` runs."""
    return [
        pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.long("equality"))
        for case in cases
    ]


def settings(task: str, validation: Path | str | None, **changed: Any) -> dict[str, Any]:
    return {
        "name": task, "task": task, "weights": str(MICRO / f"{task}.pt"), "weights_sha256": None, "imgsz": 192,
        "rect": False, "data": {"inference": None, "validation": None if validation is None else str(validation)},
        "device": "cpu", "conf": 0.25, "iou": 0.7, "max_det": 300, "half": False, "threads": 1, "keep_bytes": 1 << 30,
        **changed,
    }  # fmt: skip


def drawing(index: int) -> Drawn:
    """One drawing, stretched to an odd size: BGR, and its shapes in its pixels."""
    picture, found = shapes.draw(SEED, "val", index)
    height, width = SIZES[index % len(SIZES)]
    scale = np.array([width / picture.shape[1], height / picture.shape[0]])
    stretched = [shapes.Shape(shape.cls, shape.outline * scale, shape.keypoints * scale) for shape in found]
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), stretched


def draw_set(folder: Path, task: str, count: int = 20, names: Sequence[str] = shapes.NAMES) -> Path:
    """A labelled set in Ultralytics' layout; every seventh picture has no label, every eleventh an empty one."""
    for index in range(count):
        picture, found = drawing(index)
        if task == "cls":
            for split in ("train", "val"):
                write(folder / split / names[found[0].cls] / f"{index:03d}.jpg", picture)
            continue
        write(folder / "images" / "val" / f"{index:03d}.jpg", picture)
        lines = shapes.label_lines(found, *picture.shape[:2])[task] if index % 11 != 10 else []
        if index % 7 != 6:
            (folder / "labels" / "val").mkdir(parents=True, exist_ok=True)
            (folder / "labels" / "val" / f"{index:03d}.txt").write_text("".join(f"{line}\n" for line in lines))
    return folder if task == "cls" else write_yaml(folder, task, names)


def write(file: Path, picture: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(shapes.encode(picture))


def write_yaml(folder: Path, task: str, names: Sequence[str] = shapes.NAMES) -> Path:
    keys = {"path": str(folder), "train": "images/val", "val": "images/val", "names": dict(enumerate(names))}
    path = folder / "data.yaml"
    path.write_text(yaml.safe_dump(keys | (POSE if task == "pose" else {})))
    return path


def loaded(lane: dict[str, Any]) -> YoloBackend:
    backend = YoloBackend(0, lane)
    backend.load(lambda *step: None)
    return backend


def scored(backend: YoloBackend) -> dict[str, float]:
    """The values at full coverage, one picture a call."""
    for index in range(backend.images("validation")):
        backend.score(index, backend.predict(backend.read("validation", index)))
    return backend.accuracy()


def theirs(
    lane: dict[str, Any], data: Path | str, runs: Path, patch: pytest.MonkeyPatch, **more: Any
) -> dict[str, float]:
    """What `model.val(batch=1)` says of the lane's weights at the lane's settings; writes caches beside `data`."""
    from ultralytics import YOLO
    from ultralytics.data import utils

    patch.setattr(utils, "check_font", lambda *font: None)  # it may download one
    found = YOLO(lane["weights"]).val(
        data=str(data), rect=lane["rect"], batch=1, imgsz=lane["imgsz"], iou=lane["iou"], max_det=lane["max_det"],
        plots=False, workers=0, device="cpu", verbose=False, project=str(runs), **more,
    )  # fmt: skip
    return {ours: float(found.results_dict[name]) for ours, name in THEIRS[lane["task"]].items()}


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file, folder and link with its size and time of change; a link may lead nowhere, as another test's does."""
    seen = {path: path.stat(follow_symlinks=False) for path in [folder, *folder.rglob("*")]}
    return {str(path): (found.st_size, found.st_mtime_ns) for path, found in seen.items()}


def made_over(task: str, file: Path, names: Sequence[str], **train_args: Any) -> str:
    """The micro model of a task with another count of classes: the first few kept, or further ones like them added."""
    import torch

    checkpoint = torch.load(MICRO / f"{task}.pt", map_location="cpu", weights_only=False)
    model = checkpoint["model"]
    head, count = model.model[-1], len(names)
    rows = torch.arange(count) % len(shapes.NAMES)
    ends = [head.linear] if task == "cls" else [branch[-1] for branch in head.cv3]
    for end in ends:
        end.weight = torch.nn.Parameter(end.weight[rows].clone(), requires_grad=False)
        end.bias = torch.nn.Parameter(
            end.bias[rows] - 0.3 * (torch.arange(count) >= len(shapes.NAMES)), requires_grad=False
        )
        for side in ("out_features", "out_channels"):
            if hasattr(end, side):
                setattr(end, side, count)
    if task != "cls":
        head.nc, head.no = count, count + head.reg_max * 4
    model.names, model.yaml = dict(enumerate(names)), {**copy.deepcopy(model.yaml), "nc": count}
    checkpoint["train_args"] = model.args = {**checkpoint["train_args"], **train_args}
    torch.save(checkpoint, file)
    return str(file)


def untrained_26(file: Path, task: str, classes: int = 3) -> str:
    """A tiny YOLO26 with random weights; normalised on a few drawings and with spread scores, so that its heads choose."""
    import torch
    import ultralytics
    from ultralytics import YOLO

    kind = {"detect": "", "seg": "-seg", "pose": "-pose", "obb": "-obb"}[task]
    original = Path(ultralytics.__file__).parent / f"cfg/models/26/yolo26{kind}.yaml"
    scale = {"scales": {"n": [0.33, 0.0625, 1024]}, "nc": classes, **(POSE if task == "pose" else {})}
    design = file.with_name(f"yolo26n{kind}.yaml")
    design.write_text(yaml.safe_dump(yaml.safe_load(original.read_text()) | scale))
    torch.manual_seed(SEED)
    model = YOLO(str(design))
    network = model.model
    head = network.model[-1]
    for branches in (head.cv3, head.one2one_cv3):
        for branch in branches:
            torch.nn.init.normal_(branch[-1].weight, std=0.3)
            torch.nn.init.constant_(branch[-1].bias, -3)
    for branches in (head.cv2, head.one2one_cv2):
        for branch in branches:
            torch.nn.init.normal_(branch[-1].weight, std=0.05)
            torch.nn.init.constant_(branch[-1].bias, 1.5)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    drawn = np.stack([cv2.resize(drawing(index)[0], (192, 192)) for index in range(8)])
    with torch.no_grad():
        network.train()(torch.from_numpy(drawn).permute(0, 3, 1, 2) / 255)
    network.eval()
    model.save(str(file))
    return str(file)


def labels_by(weights: str, task: str, folder: Path, most: int = 4, **options: Any) -> None:
    """Give a set of pictures labels near what a model finds in them, so that values on an untrained one are not zero.

    At most so many a picture, the surest and others in equal steps.
    """
    from ultralytics import YOLO

    model = YOLO(weights)
    for file in sorted((folder / "images" / "val").glob("*.jpg")):
        asked = {"imgsz": 192, "conf": 0.01, **options}
        result = model.predict(str(file), rect=False, device="cpu", verbose=False, **asked)[0]
        boxes = result.obb if task == "obb" else result.boxes
        places = [place for place in range(len(boxes)) if _inside(boxes, place, result)]
        lines = [_label_line(task, result, place) for place in places[:: max(1, len(places) // most)][:most]]
        label = folder / "labels" / "val" / f"{file.stem}.txt"
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_text("".join(f"{line}\n" for line in lines))


def _inside(boxes: Any, place: int, result: Any) -> bool:
    height, width = result.orig_shape
    left, top, right, bottom = boxes.xyxy[place].tolist()
    return bool(0 < left < right - 3 < width - 4 and 0 < top < bottom - 3 < height - 4)


def _label_line(task: str, result: Any, place: int) -> str:
    """One found object as a label, moved a little, in fractions."""
    height, width = result.orig_shape
    numbers: list[float]
    if task == "obb":
        numbers = np.clip(result.obb.xyxyxyxyn[place].numpy().ravel() + 0.005, 0, 1).tolist()
    else:
        left, top, right, bottom = (result.boxes.xyxyn[place] + 0.005).clip(0, 1).tolist()
        numbers = [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]
        if task == "seg":
            numbers = [left, top, right, top, right, bottom, left, bottom]
    if task == "pose":
        points = result.keypoints.data[place].numpy() / [width, height, 1]
        points[:, 2] = 2
        numbers += np.clip(points, 0, [1, 1, 2]).ravel().tolist()
    number = int((result.obb if task == "obb" else result.boxes).cls[place])
    return f"{number} " + " ".join(f"{value:.6f}" for value in numbers)


def picture(path: Path, height: int = 24, width: int = 32) -> Path:
    """A grey picture file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, np.full((height, width, 3), 90, np.uint8))[1].tobytes())
    return path


assert set(THEIRS) == set(TASKS)
