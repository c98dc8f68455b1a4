"""One Ultralytics model as the timed loop's backend. Only this module and what it calls import torch and ultralytics.

The timed call is the public `model.predict`. Whatever scoring needs (the hook, the loader's resize) and whatever measures
the stages is put in place once, at load, with labels or without, so that no switch ever changes the timed work.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("YOLO_OFFLINE", "1")
os.environ.setdefault("YOLO_AUTOINSTALL", "0")
os.environ.setdefault("YOLO_VERBOSE", "0")

import numpy as np
import torch
import torchvision  # noqa: F401  where it is loaded Ultralytics' NMS uses it, and every lane shall use the same
import ultralytics
from ultralytics.utils import DEFAULT_CFG_DICT, LOGGER

from quintet.engine.protocol.events import Levels
from quintet.engine.worker.backend import LoadFault, Report
from quintet.engine.worker.datasets.labels import read_labels
from quintet.engine.worker.datasets.pictures import DataSet, Picture, read_picture, usable
from quintet.engine.worker.datasets.problem_report import PICTURE_KEYS, Tally, write_left_out
from quintet.engine.worker.datasets.sources import inference_set, validation_set
from quintet.engine.worker.yolo import families, model, remarks
from quintet.engine.worker.yolo.kept_results import KeptResults
from quintet.engine.worker.yolo.scoring import Scorer, Tap, loader_resize

TASKS = {"cls": "classify", "detect": "detect", "pose": "pose", "seg": "segment", "obb": "obb"}
"""quintet's names of the tasks to Ultralytics' own."""
STAGES = ("preprocess", "inference", "postprocess")
REPORT_NS = 500_000_000


class YoloBackend:
    """One model and its data sets. `settings` are a checked lane's, paths absolute; `clock` returns nanoseconds."""

    def __init__(self, lane: int, settings: dict[str, Any], clock: Callable[[], int] = time.monotonic_ns) -> None:
        self.spans = [0, 0, 0]
        self.kept = KeptResults(int(settings["keep_bytes"]))
        self._name = str(settings.get("name") or f"lane {lane + 1}")
        self._settings, self._clock = settings, clock
        self._task = str(settings["task"])
        self._sets: dict[str, DataSet | None] = {"inference": None, "validation": None}
        self._data = "inference"
        self._borrowed = False
        """Whether the inference pictures are the validation set's."""
        self._tap = Tap()
        self._scorer: Scorer | None = None
        self._model: Any = None
        self._predictor: Any = None
        self._arguments: dict[str, Any] = {}
        self._largest_batch: int | None = None
        self._rect = bool(settings.get("rect"))
        self._scored_family = False
        self._remarks: list[remarks.Remark] = []
        """What is not a fault and should be known: a kind and a sentence each."""
        self._wait: Callable[[], Any] | None = None
        self._stage_wait: Callable[[], Any] | None = None
        """The device's synchronisation after each stage, while `stages` is on."""
        self._model_load_ns = self._ground_truth_load_ns = 0

    def load(self, report: Report) -> None:
        """Load the model, set it up by one predict, then the data sets and their labels. Raises LoadFault."""
        _quiet()
        began = self._clock()
        report("model", "begun", 0, 1)
        self._model = model.load(self._settings, TASKS[self._task])
        families.forget_anchors(self._model)
        self._set_up()
        self._instrument()
        self.first_predict_done()
        self._model_load_ns = self._clock() - began
        report("model", "done", 1, 1)
        began = self._clock()
        report("ground_truth", "begun", 0, 0)
        images = self._load_data(report)
        self._ground_truth_load_ns = self._clock() - began
        report("ground_truth", "done", images, images)

    def _set_up(self) -> None:
        """The first predict, which builds the predictor; the arguments never change afterwards, or it is built anew."""
        settings, side = self._settings, int(self._settings["imgsz"])
        self._rect = self._rect and self._task != "cls" and not families.stretches(self._model)
        half = {"quantize": 16} if "quantize" in DEFAULT_CFG_DICT else {"half": True}
        self._arguments = {
            "imgsz": side, "conf": settings["conf"], "iou": settings["iou"], "max_det": settings["max_det"],
            "rect": self._rect, "verbose": False, "device": model.device(str(settings["device"])),
            **(half if settings["half"] else {}),
        }  # fmt: skip
        model.first_predict(self._model, np.zeros((side, side, 3), np.uint8), self._arguments, settings)
        self._predictor = self._model.predictor
        self._scored_family = families.is_scored(self._model)
        self._remarks = remarks.of_settings(settings, self._predictor, rect=self._rect)
        if [*self._predictor.imgsz] != [side, side]:
            fits = self._predictor.imgsz[0]
            raise LoadFault(f"imgsz {side} of {self._name} does not fit the model: write {fits}")
        self._largest_batch = model.largest_batch(self._predictor)
        if getattr(self._predictor.model, "channels", 3) != 3:
            raise LoadFault(f"{settings['weights']} does not take colour pictures: give a model with 3 channels")
        if self._rect and self._predictor.model.format != "pt" and not getattr(self._predictor.model, "dynamic", False):
            raise LoadFault(f"{settings['weights']} takes one shape only: take `rect` of {self._name} out")

    def _instrument(self) -> None:
        """Clock the predictor's three stages; of a scored family, tap the output and letterbox as the data loader does."""
        predictor = self._predictor
        if self._scored_family and self._task != "cls" and not families.stretches(self._model):
            stride = int(predictor.model.stride) if self._rect else None
            predictor.pre_transform = loader_resize(int(self._settings["imgsz"]), stride)
        for place, stage in enumerate(STAGES):
            setattr(predictor, stage, self._clocked(place, getattr(predictor, stage)))
        if self._scored_family:
            self._tap = Tap(boxes_last=families.boxes_last(self._model))
            predictor.model.register_forward_hook(self._tap)
        device = predictor.device
        if device.type == "cuda":
            self._wait = lambda: torch.cuda.synchronize(device)
        elif device.type == "mps":
            self._wait = torch.mps.synchronize

    def _clocked(self, place: int, step: Callable[..., Any]) -> Callable[..., Any]:
        spans, clock = self.spans, self._clock

        def clocked(*args: Any, **kwargs: Any) -> Any:
            began = clock()
            outcome = step(*args, **kwargs)
            if self._stage_wait is not None:
                self._stage_wait()
            spans[place] = clock() - began
            return outcome

        return clocked

    def _load_data(self, report: Report) -> int:
        """List both data sets and read the labels; returns how many pictures have some."""
        paths = self._settings["data"]
        if paths["inference"] is not None:
            self._sets["inference"] = usable(inference_set(Path(paths["inference"])))
        labelled = self._load_validation(Path(paths["validation"]), report) if paths["validation"] is not None else 0
        if self._sets["inference"] is None:
            self._sets["inference"], self._borrowed = self._sets["validation"], True
        if self._settings.get("list_left_out"):
            its = {data: one.tally.left_out for data, one in self._sets.items() if one and not self._is_borrowed(data)}
            write_left_out(Path(self._settings["list_left_out"]), its)
        return labelled

    def _load_validation(self, path: Path, report: Report) -> int:
        single = bool(getattr(self._predictor.args, "single_cls", False))
        data = validation_set(path, self._task, self._model.names, single_cls=single)
        if not data.has_labels:
            self._sets["validation"] = usable(data)
            return 0
        self._check_keypoints(data)
        self._remarks += remarks.of_names(data, self._model.names)
        said = self._clock()

        def going(done: int, of: int) -> None:
            nonlocal said
            if self._clock() - said >= REPORT_NS:
                said = self._clock()
                report("ground_truth", "going", done, of)

        data, labels, _ = read_labels(data, self._task, going)
        self._sets["validation"] = data
        if not self._scored_family:
            return len(labels)
        try:
            self._scorer = Scorer(self._model, self._tap, data, labels, rect=self._rect)
        except ValueError as wrong:
            raise LoadFault(f"{data.source} does not fit {self._settings['weights']}: {wrong}") from wrong
        return len(labels)

    def _is_borrowed(self, data: str) -> bool:
        return data == "inference" and self._borrowed

    def _found(self, data: str) -> Tally | None:
        """What was found in a data set and left out of it; None where it has none of its own."""
        pictures = self._sets[data]
        return pictures.tally if pictures and not self._is_borrowed(data) else None

    def _notes(self) -> list[dict[str, Any]]:
        """What was left out, guessed or matched, worst first in each data set: `data`, `kind`, `count`, `example`."""
        notes = [{"data": "", "kind": kind, "count": 1, "example": text} for kind, text in self._remarks]
        for data in ("validation", "inference"):
            found = self._found(data)
            notes += [_shortened(note, self._sets[data]) for note in found.notes(data)] if found else []
        if self._borrowed and self._sets["inference"]:
            text = "no data.inference is given: the mode inference uses the pictures of data.validation"
            notes.append({"data": "inference", "kind": "validation_pictures", "count": 1, "example": text})
        return notes

    def _check_keypoints(self, data: DataSet) -> None:
        if self._task == "pose":
            shape = model.keypoint_shape(self._predictor)
            if shape != data.meta["kpt_shape"]:
                raise LoadFault(
                    f"{data.source} says kpt_shape {data.meta['kpt_shape']}, but the model of {self._name} has {shape}: "
                    "give the data that belong to it"
                )

    def first_predict_done(self) -> None:
        """Set the thread count, which Ultralytics changes when it builds a predictor. Raises LoadFault.

        Also checks that the predictor is still the instrumented one.
        """
        if self._model.predictor is not self._predictor:
            raise LoadFault(f"Ultralytics {ultralytics.__version__} builds a predictor a call: install another release")
        torch.set_num_threads(int(self._settings["threads"]))

    def refusal(self, levels: Levels) -> str | None:
        """One sentence when these levels cannot hold here, else None."""
        data = str(levels["data"])
        if self._sets.get(data) is None:
            return f"{self._name} has no {data} data: add data.{data} to its profile"
        batch = int(str(levels.get("batch", 1)))
        if self._largest_batch is not None and batch > self._largest_batch:
            return (
                f"{self._name}'s weights are an export for {self._largest_batch} at a time: batch {batch} needs another"
            )
        return None if levels["score"] == "off" else self._unscored(data, batch)

    def _unscored(self, data: str, batch: int) -> str | None:
        """One sentence when results on this data, in calls of this many, cannot be scored as `model.val` does."""
        if not self._scored_family:
            return (
                f"{self._name} can be timed but not scored, because {families.kind_of(self._model)} has not been shown to "
                'score as in model.val: set switches = { mode = "withoutval" } or { mode = "inference" }'
            )
        if self._rect and batch > 1:
            return (
                f"with rect, {self._name} can be scored only one image at a time, since the images of a batch are padded "
                f"alike: set batch = 1 instead of {batch}, or score = off"
            )
        if data == "validation" and self._scorer is not None:
            return None
        if self._scorer is not None:
            return f"accuracy needs labels, which {self._name} has for its validation data only: switch data as well"
        truth = self._found("validation")
        why = next((one["example"] for one in truth.notes() if one["kind"] == "no_labels"), "") if truth else ""
        wish = why or "give data.validation with labels in its profile"
        return f"accuracy needs labels, and {self._name} has none: {wish}"

    def apply(self, levels: Levels) -> None:
        """Make these levels hold; frees the kept results when none are to be kept. Raises LoadFault as `refusal`."""
        refusal = self.refusal(levels)
        if refusal:
            raise LoadFault(refusal)
        self._data = str(levels["data"])
        self._stage_wait = self._wait if levels.get("stages") == "on" else None
        if levels["keep"] == "off":
            self.kept.clear()

    def images(self, data: str) -> int:
        """How many images the data set has; 0 where there is none."""
        pictures = self._sets[data]
        return len(pictures.files) if pictures else 0

    def read(self, data: str, index: int) -> Picture:
        """Decode one picture: BGR, uint8, (height, width, 3). Raises Unreadable."""
        return read_picture(self.path(data, index))

    def leave_out(self, data: str, index: int) -> None:
        """A validation picture that cannot be read any more does not count for full coverage, unless it was scored."""
        if data == "validation" and self._scorer is not None:
            self._scorer.leave_out(index)

    def path(self, data: str, index: int) -> str:
        """Where one picture lies. Raises FileNotFoundError."""
        pictures = self._sets[data]
        if pictures is None:
            raise FileNotFoundError(f"{self._name} has no {data} data: add data.{data} to its profile")
        return pictures.files[index]

    def synchronize(self) -> None:
        """Wait for the device; does nothing on a CPU."""
        if self._wait is not None:
            self._wait()

    def predict(self, picture: Any) -> Any:
        """The public predict call for one picture (BGR, uint8); its Results."""
        self._tap.clear()
        return self._model.predict(picture, **self._arguments)[0]

    def predict_many(self, pictures: list[Any]) -> list[Any]:
        """One public predict call for several pictures; their Results in order."""
        self._tap.clear()
        results: list[Any] = self._model.predict(pictures, **self._arguments, batch=len(pictures))
        return results

    def detections(self, result: Any) -> int:
        """How many objects the result holds; cls: 1."""
        if self._task == "cls":
            return 1
        return len(result.obb if self._task == "obb" else result.boxes)

    def score(self, index: int, result: Any, place: int = 0) -> None:
        """Score a result of the last predict: validation image `index`, at `place` in its call. Raises ValueError."""
        if self._scorer is None:
            raise ValueError(f"accuracy needs labels, and {self._name} has none")
        self._scorer.update(index, result, place)

    def copy(self, result: Any, place: int = 0) -> Any:
        """The raw output of one image and its size, copied. Raises ValueError without labels."""
        if self._scorer is None:
            raise ValueError(f"accuracy needs labels, and {self._name} has none")
        return self._scorer.copy(result, place)

    def score_copy(self, index: int, copy: Any) -> None:
        """Score a copy as validation image `index`; called in another thread."""
        if self._scorer is not None:
            self._scorer.update_copy(index, copy)

    def keep(self, index: int, result: Any) -> None:
        """Keep the result whole, as the study did, within one pass of the data set and `keep_bytes`."""
        self.kept.add(result, self.images(self._data))

    def coverage(self) -> tuple[int, int]:
        """How many distinct images have been scored, and of how many."""
        return self._scorer.coverage() if self._scorer else (0, self.images("validation"))

    def accuracy(self) -> dict[str, float]:
        """Accuracy over the distinct images scored so far; empty before the first."""
        return self._scorer.accuracy() if self._scorer else {}

    def held_bytes(self) -> int:
        """Bytes of results kept in memory."""
        return self.kept.size_bytes

    def kept_short(self) -> int:
        """How many results are kept where `keep_bytes` is below one pass; 0 where it is not, or not known yet."""
        return self.kept.short

    def info(self) -> dict[str, Any]:
        """What this worker found and was given, for `ready`; threads and dtype are read back, not repeated."""
        network = self._predictor.model
        truth, pictures = self._found("validation"), self._found("inference")
        return {
            "device": str(self._predictor.device),
            "dtype": "float16" if network.fp16 else "float32",
            "threads": model.threads(self._predictor),
            "parameters": model.parameters(self._model),
            "model_load_ns": self._model_load_ns,
            "ground_truth_load_ns": self._ground_truth_load_ns,
            "classes": len(self._model.names),
            "validation_images": self.images("validation"),
            "inference_images": self.images("inference"),
            "ground_truth": truth.as_map() if truth else None,
            "inference_set": pictures.as_map(PICTURE_KEYS) if pictures else None,
            "notes": self._notes(),
            "ultralytics": ultralytics.__version__,
            "torch": str(torch.__version__),
        }


def _shortened(note: dict[str, Any], data: DataSet | None) -> dict[str, Any]:
    """The note with paths relative to the folder of the data set, or the data set itself: shorter, and nobody's home."""
    text = note["example"]
    if data is not None:
        top = data.source if data.source.is_dir() else data.source.parent
        for folder in dict.fromkeys((top, top.resolve())):
            text = text.replace(f"{folder}/", "")
    return {**note, "example": text}


def _quiet() -> None:
    """Ultralytics' own lines go to stderr, errors only; by itself it writes to stdout."""
    LOGGER.setLevel(logging.ERROR)
    for out in LOGGER.handlers:
        if isinstance(out, logging.StreamHandler):
            out.setStream(sys.stderr)
