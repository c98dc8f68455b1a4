"""Families of models: which are scored, and which have layouts of their own.

Accuracy means `model.val`'s values. So a family is scored only where that has been measured
(`python -m tests.benchmarks.families`, docs/ground-truth.md); any other is timed with its own predictor untouched.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ultralytics import RTDETR, YOLO

EQUAL: dict[type, dict[str, tuple[str, ...]]] = {
    YOLO: {
        "classify": ("Classify",),
        "detect": ("Detect", "v10Detect"),
        "segment": ("Segment", "Segment26"),
        "pose": ("Pose", "Pose26"),
        "obb": ("OBB", "OBB26"),
    },
    RTDETR: {"detect": ("RTDETRDecoder",)},
}
"""Ultralytics' model class, its task, and the classes of heads whose values equal those of `model.val`."""


def stretches(model: Any) -> bool:
    """Whether both the family's predictor and its data loader stretch a picture to the square, with or without `rect`."""
    return isinstance(model, RTDETR)


def forget_anchors(model: Any) -> None:
    """Let an RT-DETR decoder compute its anchors anew. Call before the first predict.

    A checkpoint holds those of the last shape that ran, rounded to half precision. `model.val` computes them anew, since
    it counts FLOPs first; predict does not, and its boxes for that shape are off by the rounding.
    """
    if stretches(model) and not isinstance(model.model, (str, Path)):
        model.model.model[-1].shapes = []


def boxes_last(model: Any) -> bool:
    """Whether the output is (images, boxes, numbers) rather than (images, numbers, anchors); after the first predict."""
    return stretches(model) or bool(getattr(model.predictor.model, "end2end", False))


def head_of(model: Any) -> str:
    """The class of the network's last layer; for an export what its metadata say, empty where they do not."""
    network = model.model
    if isinstance(network, (str, Path)):
        return str((getattr(model.predictor.model, "metadata", None) or {}).get("head", ""))
    layers = getattr(network, "model", None)
    try:
        return type(layers[-1]).__name__  # type: ignore[index]
    except (TypeError, IndexError, KeyError):
        return type(network).__name__


def kind_of(model: Any) -> str:
    """A family in words: its network's class and its head's."""
    exported = isinstance(model.model, (str, Path))
    return f"{'an export' if exported else type(model.model).__name__} with the head {head_of(model)}"


def is_scored(model: Any) -> bool:
    """Whether this family's values have been shown to equal `model.val`'s; after the first predict."""
    heads = EQUAL.get(type(model), {}).get(model.task, ())
    head = head_of(model)
    if isinstance(model.model, (str, Path)):
        return bool(heads) and head in ("", *heads)  # exports of older releases do not name their head
    return head in heads and type(model.model) is model.task_map[model.task]["model"] and _is_theirs(model)


def _is_theirs(model: Any) -> bool:
    """Whether the head is Ultralytics' own, not another class of that name."""
    return type(model.model.model[-1]).__module__.startswith("ultralytics.nn.")
