"""The files a lane names, looked at before anything heavy starts: they are there, and the weights are of the lane's task.

A .pt file is a pickle, which is code, so nothing here unpickles.
"""

from __future__ import annotations

import pickletools
import zipfile
from pathlib import Path

from quintet.engine.profile import assets
from quintet.engine.profile.schema import Lane
from quintet.engine.protocol.backends import facts
from quintet.engine.weight_forms import EXPECTED, form_of

MODEL_CLASSES = {
    "ClassificationModel": "cls", "DetectionModel": "detect", "PoseModel": "pose", "SegmentationModel": "seg",
    "OBBModel": "obb", "RTDETRDetectionModel": "detect", "WorldModel": "detect", "YOLOEModel": "detect",
    "YOLOESegModel": "seg",
}  # fmt: skip


def wrong_in(lane: Lane, profile: str) -> list[str]:
    """What is wrong with a lane's switches and files, one sentence each; `profile` is how it was asked for."""
    try:
        start = str(lane.levels()["data"])
    except ValueError as error:
        return [f"{error}."]
    if not facts(lane.backend).has_models:
        return []
    wrong = _wrong_weights(lane, profile)
    for key in ("inference", "validation"):
        given = getattr(lane.data, key)
        if given and not Path(given).exists():
            wrong.append(_not_there(given, profile, f"there is no {given}. Check `data.{key}`."))
    if not getattr(lane.data, start) and not (start == "inference" and lane.data.validation):
        wrong.append(f"`data.{start}` is missing, and the lane starts on it. Add it, or set switches.")
    return wrong


def _not_there(given: str, profile: str, sentence: str) -> str:
    name = assets.name_of(Path(given))
    return sentence if name is None else f"{name} has not been fetched. Run `quintet check {profile} --fetch`."


def _wrong_weights(lane: Lane, profile: str) -> list[str]:
    if not lane.weights:
        return ["`weights` is missing. Give the path of a .pt file."]
    weights = Path(lane.weights)
    if not weights.exists():
        return [_not_there(lane.weights, profile, f"there are no weights at {weights}. Check `weights`.")]
    if form_of(weights) is None:
        return [f"{weights} cannot be loaded as weights. Give {EXPECTED}."]
    found = peek_task(weights) if weights.suffix == ".pt" else None
    if found is not None and found != lane.task:
        return [f"{weights.name} is a {found} model, the lane's task is {lane.task}. Change one of them."]
    return []


def peek_task(weights: Path) -> str | None:
    """The task of a .pt file by the model class its pickle names, without running the pickle; None when not told."""
    try:
        with zipfile.ZipFile(weights) as archive:
            inner = next((name for name in archive.namelist() if name.endswith("/data.pkl")), None)
            if inner is None:
                return None
            for code, argument, _ in pickletools.genops(archive.read(inner)):
                if code.name in ("GLOBAL", "STACK_GLOBAL", "SHORT_BINUNICODE", "BINUNICODE") and argument:
                    task = MODEL_CLASSES.get(str(argument).split()[-1])
                    if task:
                        return task
    except (zipfile.BadZipFile, OSError, ValueError, IndexError):
        return None
    return None
