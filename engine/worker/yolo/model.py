"""A lane's weights and device: checked before they are opened, loaded, and asked what they are.

PyTorch weights, and the exports that Ultralytics runs: ONNX, TensorRT, OpenVINO, where their runtimes are installed.
"""

from __future__ import annotations

import contextlib
import hashlib
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from ultralytics import YOLO
from ultralytics.utils.checks import check_yolov5u_filename

from quintet.engine.weight_forms import EXPECTED, OPENVINO, form_of
from quintet.engine.worker.backend import LoadFault

UNREADABLE = (
    OSError, EOFError, RuntimeError, pickle.UnpicklingError, AttributeError, ImportError, KeyError, TypeError, ValueError,
)  # fmt: skip
"""What Ultralytics, torch and the runtimes raise for a file that is no model."""
RUNTIMES = {".onnx": "onnxruntime", ".engine": "tensorrt", OPENVINO: "openvino"}
"""The package that runs an export, by its form."""
OURS = {"classify": "cls", "segment": "seg"}
NOT_OURS = ("depth", "semantic")
"""Ultralytics' tasks that quintet does not have."""


def load(settings: dict[str, Any], task: str) -> YOLO:
    """The model of a checked lane; `task` in Ultralytics' words. Raises LoadFault, a pinned file before it is opened."""
    path = Path(settings["weights"])
    _check(path, settings.get("weights_sha256"))
    try:
        model = YOLO(str(path), task=None if path.suffix == ".pt" else task)
    except UNREADABLE as wrong:
        raise _unreadable(path, wrong) from wrong
    if model.task != task:
        found, asked = (OURS.get(word, word) for word in (model.task, task))
        if model.task in NOT_OURS:
            raise LoadFault(f"{path} is a model for {found}, a task that quintet does not have: give other weights")
        raise LoadFault(f"{path} is a model for {found}, not {asked}: change `task` or `weights` of {settings['name']}")
    return model


def first_predict(model: YOLO, picture: Any, arguments: dict[str, Any], settings: dict[str, Any]) -> None:
    """The predict that builds the predictor, and loads an export. Raises LoadFault when the export cannot be run."""
    path = Path(settings["weights"])
    if path.suffix == ".pt":
        model.predict(picture, **arguments)
        return
    package = RUNTIMES[form_of(path) or ""]
    try:
        bound = _bound_threads(int(settings["threads"])) if package == "onnxruntime" else contextlib.nullcontext()
        with bound:
            model.predict(picture, **arguments)
    except ImportError as wrong:
        raise LoadFault(f"{path} needs {package}, which is not installed here: pip install {package}") from wrong
    except UNREADABLE as wrong:
        raise _unreadable(path, wrong) from wrong
    task = getattr(model.predictor.model, "task", None)
    if task is not None and task != model.task:
        raise LoadFault(
            f"{path} is an export for {OURS.get(task, task)}: change `task` or `weights` of {settings['name']}"
        )


@contextlib.contextmanager
def _bound_threads(threads: int) -> Iterator[None]:
    """ONNX Runtime takes every core unless it is told otherwise, and Ultralytics does not tell it."""
    import onnxruntime

    session = onnxruntime.InferenceSession

    def bounded(model: Any, sess_options: Any = None, *others: Any, **named: Any) -> Any:
        options = sess_options or onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        return session(model, options, *others, **named)

    onnxruntime.InferenceSession = bounded
    try:
        yield
    finally:
        onnxruntime.InferenceSession = session


def _unreadable(path: Path, wrong: Exception) -> LoadFault:
    said = str(wrong).partition("\n")[0].replace("ERROR ❌️ ", "").replace(f"{path} ", "it ")
    return LoadFault(f"{path} is no Ultralytics model that can be loaded here ({said}): give another file")


def largest_batch(predictor: Any) -> int | None:
    """How many images an export takes in one call; None for any number."""
    network = predictor.model
    if getattr(network, "format", "pt") == "pt" or getattr(network, "dynamic", False):
        return None
    return int(getattr(network, "batch", None) or 1)


def threads(predictor: Any) -> int:
    """How many threads the network has on the CPU, read back."""
    session = getattr(getattr(predictor.model, "backend", predictor.model), "session", None)
    return int(session.get_session_options().intra_op_num_threads if session is not None else torch.get_num_threads())


def parameters(model: YOLO) -> int | None:
    """How many parameters the network has; None for an export, which does not say."""
    if not isinstance(model.model, torch.nn.Module):
        return None
    return sum(int(parameter.numel()) for parameter in model.model.parameters())


def keypoint_shape(predictor: Any) -> list[int]:
    """Points, and numbers a point, of a pose model."""
    network = predictor.model
    shape = getattr(network, "kpt_shape", None)
    return list(shape if shape is not None else network.model.model[-1].kpt_shape)


def _check(path: Path, sha256: str | None) -> None:
    """Before anything is unpickled: a .pt file is code."""
    if not path.exists():
        raise LoadFault(f"there are no weights at {path}: put them there or change `weights`; nothing is downloaded")
    if form_of(path) is None:
        raise LoadFault(f"{path} cannot be loaded as weights: give {EXPECTED}")
    opened = check_yolov5u_filename(str(path).strip().replace("'", ""), verbose=False) if path.suffix == ".pt" else ""
    if opened not in ("", str(path)):
        raise LoadFault(
            f"Ultralytics would open or download {opened} instead of {path}: rename it, without apostrophes"
        )
    if not sha256:
        return
    if not path.is_file():
        raise LoadFault(f"{path} is a folder, which `weights_sha256` cannot pin: remove that key")
    found = _sha256(path)
    if found != sha256.lower():
        raise LoadFault(
            f"{path} is not the file that `weights_sha256` pins, so it was not opened: get the right one, or change the key to "
            f"{found}"
        )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as content:
        while piece := content.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def there() -> list[str]:
    """The devices that torch can use here, the best first."""
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return [*(f"cuda:{number}" for number in range(torch.cuda.device_count())), *mps, "cpu"]


def device(wanted: str) -> str:
    """The device to ask Ultralytics for; `auto` is the first that is there. Raises LoadFault."""
    found = there()
    if wanted == "auto":
        return found[0]
    if (f"{wanted}:0" if wanted == "cuda" else wanted) not in found:
        finds = "only the CPU" if found == ["cpu"] else f"only {', '.join(found)}"
        choices = ", ".join(f'"{one}"' for one in ["auto", *found[:-1]])
        raise LoadFault(
            f'device "{wanted}" is not available, torch finds {finds}: set device = {choices} or "{found[-1]}"'
        )
    return wanted
