"""Accuracy: the task's own Ultralytics validator, fed one image at a time from the raw output of the timed predict.

No second forward pass, no metric of our own, and the timed confidence stays free. Over a whole data set the values equal
`model.val(batch=1)` with the lane's `rect`; matching the timed `Results` instead is off by up to 0.05 (docs/method.md).
"""

from __future__ import annotations

import math
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import torch
from ultralytics.data.augment import LetterBox
from ultralytics.data.dataset import YOLODataset

from quintet.engine.worker.datasets.pictures import DataSet, Label, Picture
from quintet.engine.worker.yolo import families

SAME = ("imgsz", "iou", "max_det", "nms", "quantize", "half", "agnostic_nms", "single_cls")
"""Settings of the timed predict that the validator takes over; its confidence stays Ultralytics' own."""
NAMES = {"precision": "precision", "recall": "recall", "mAP50": "map50", "mAP50-95": "map"}
SUFFIXES = {"B": "box", "M": "mask", "P": "pose"}


def raw(output: Any) -> Any:
    """The prediction tensor inside a network's output.

    (images, numbers, anchors), (images, boxes, numbers) of heads that choose by themselves, or (images, classes).
    """
    return output if torch.is_tensor(output) else raw(output[0])


class Tap:
    """A forward hook that holds the network's last output and the shape of its input.

    Releases of Ultralytics up to 8.4.150 rewrite the boxes within it after inference, so it also holds a copy of those.
    `boxes_last` says that the output is (images, boxes, numbers), not (images, numbers, anchors).
    """

    def __init__(self, *, boxes_last: bool = False) -> None:
        self._rows: Any = (..., slice(4)) if boxes_last else (slice(None), slice(4))
        self.shape = (0, 0)
        """Height and width of the last input: what its pictures were padded to."""
        self._output: Any = None
        self._boxes: Any = None

    def __call__(self, module: Any, inputs: Any, output: Any) -> None:
        """The hook; called by torch within the timed inference, in every arm."""
        self._output, self._boxes, self.shape = output, raw(output)[self._rows].clone(), (*inputs[0].shape[2:],)

    def clear(self) -> None:
        """Let go of the last output, so that no more memory is held during a predict than without the hook."""
        self._output = self._boxes = None

    def output(self) -> Any:
        """The last output as it left the network. Call within inference mode; raises ValueError when there is none."""
        if self._output is None:
            raise ValueError("there is no output to score: score() belongs after a predict()")
        raw(self._output)[self._rows] = self._boxes
        return self._output


def one_of(output: Any, place: int) -> Any:
    """One image's part of a network's output, as if it had been predicted alone: every tensor's first axis cut."""
    if torch.is_tensor(output):
        return output[place : place + 1]
    if isinstance(output, dict):
        return {name: one_of(part, place) for name, part in output.items()}
    if isinstance(output, (list, tuple)):
        return type(output)(one_of(part, place) for part in output)
    return output


def copied(output: Any) -> Any:
    """A network's output with every tensor cloned."""
    if torch.is_tensor(output):
        return output.clone()
    if isinstance(output, dict):
        return {name: copied(part) for name, part in output.items()}
    if isinstance(output, (list, tuple)):
        return type(output)(copied(part) for part in output)
    return output


def scaled(height: int, width: int, side: int) -> tuple[int, int]:
    """Height and width to which Ultralytics' data loader scales a picture: the longer is `side`, both rounded up."""
    ratio = side / max(height, width)
    return min(math.ceil(height * ratio), side), min(math.ceil(width * ratio), side)


def rect_shape(sizes: Sequence[tuple[int, int]], side: int, stride: int) -> tuple[int, int]:
    """The (height, width) to which `val(rect=True)` pads a batch of pictures of these sizes: `BaseDataset.set_rectangle`.

    Half a stride more than the pictures need, rounded up to whole ones; square where some are wide and some high.
    """
    ratios = [height / width for height, width in sizes]
    low, high = min(ratios), max(ratios)
    shares = (high, 1.0) if high < 1 else (1.0, 1 / low) if low > 1 else (1.0, 1.0)
    height, width = (math.ceil(share * side / stride + 0.5) * stride for share in shares)
    return height, width


def loader_resize(side: int, rect_stride: int | None = None) -> Callable[[list[Picture]], list[Picture]]:
    """What replaces a predictor's `pre_transform`: the data loader's resize and padding to (side, side, 3).

    The predictor rounds to nearest where the loader rounds up, which alone moves a value by up to 0.04. With a stride it
    pads to `rect_shape` of the call's pictures instead.
    """
    square = LetterBox((side, side), scaleup=False)

    def resize(pictures: list[Picture]) -> list[Picture]:
        letterbox = square
        if rect_stride is not None:
            sizes = [(picture.shape[0], picture.shape[1]) for picture in pictures]
            letterbox = LetterBox(rect_shape(sizes, side, rect_stride), scaleup=False)
        padded = []
        for picture in pictures:
            height, width = scaled(picture.shape[0], picture.shape[1], side)
            if (height, width) != picture.shape[:2]:
                picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)  # noqa: PLW2901
            padded.append(letterbox(image=picture))
        return padded

    return resize


class LabelledPictures(YOLODataset):  # type: ignore[misc]
    """Ultralytics' data set over pictures and labels that are already known, so that it scans and writes nothing."""

    def __init__(self, files: tuple[str, ...], known: list[Label], **options: Any) -> None:
        self.padded = (0, 0)
        """Height and width to which the picture that is asked for next was padded."""
        self._files, self._known = list(files), known
        super().__init__(img_path="", augment=False, rect=False, batch_size=1, **options)

    def get_img_files(self, img_path: str) -> list[str]:
        """The known pictures."""
        return self._files

    def get_labels(self) -> list[Label]:
        """The known labels."""
        return self._known

    def get_image_and_label(self, index: int) -> Label:
        """One picture's label, to be laid out as the picture was."""
        return {**super().get_image_and_label(index), "rect_shape": self.padded}


class Scorer:
    """Scores the images of one validation set, each counted once, by its latest scoring.

    `model` is of a scored family and has predicted once, YOLO through `loader_resize`; `tap` is a hook on its network.
    `rect` says whether pictures are padded as `val(rect=True)` does; raises ValueError when data and model do not fit.
    """

    def __init__(self, model: Any, tap: Tap, data: DataSet, labels: list[Label], *, rect: bool = False) -> None:
        self._tap, self._labels, self._classify = tap, labels, model.task == "classify"
        self._stretched = families.stretches(model)
        self._order = _order(labels, rect=rect)
        self._statistics: dict[int, dict[str, Any]] = {}
        self._left_out: set[int] = set()
        predictor = model.predictor
        self._validator = _validator(model, data)
        self._side = int(self._validator.args.imgsz)
        if not self._classify:
            self._data = self._data_set(predictor, data)
            self._validator.dataloader = SimpleNamespace(dataset=self._data, sampler=range(len(self._data)))
        self._validator.init_metrics(predictor.model)

    def _data_set(self, predictor: Any, data: DataSet) -> LabelledPictures:
        validator = self._validator
        pictures = LabelledPictures(
            data.files, self._labels, imgsz=self._side, hyp=validator.args, stride=int(predictor.model.stride),
            single_cls=bool(validator.args.single_cls), task=validator.args.task, data=validator.data,
        )  # fmt: skip
        if len(validator.names) < validator.data["nc"]:  # as val: classes that the model lacks do not count
            pictures.update_labels(list(range(len(validator.names))))
        return pictures

    def update(self, index: int, result: Any, place: int = 0) -> None:
        """Score one result of the last predict, at `place` in its call, as image `index`; replaces its last scoring."""
        with torch.inference_mode():
            self._update(index, self._part(place), result.orig_shape, self._tap.shape)

    def copy(self, result: Any, place: int = 0) -> Any:
        """What `update_copy` needs of one result of the last predict, untouched by the next one."""
        with torch.inference_mode():
            return copied(self._part(place)), result.orig_shape, self._tap.shape

    def _part(self, place: int) -> Any:
        """What the validator needs of the last output for the image at `place` in its call."""
        output = self._tap.output()
        if self._stretched:
            output = raw(output)  # RT-DETR's further outputs begin with the axis of its layers, not of the images
        return output if len(raw(output)) == 1 else one_of(output, place)

    def update_copy(self, index: int, copy: Any) -> None:
        """As `update`, from a copy; may be called in another thread, one call at a time."""
        with torch.inference_mode():
            self._update(index, *copy)

    def _update(self, index: int, output: Any, shape: tuple[int, int], padded: tuple[int, int]) -> None:
        validator = self._validator
        predictions = validator.postprocess(output)
        if self._classify:
            truth = torch.tensor([self._labels[index]["cls"]])
            validator.update_metrics(predictions, {"cls": truth})
            self._statistics[index] = {"pred": validator.pred.pop(), "targets": validator.targets.pop()}
            return
        validator.update_metrics(predictions, self._truth(index, *shape, padded))
        stats = validator.metrics.stats
        self._statistics[index] = {name: stats[name].pop() for name in stats}

    def _truth(self, index: int, height: int, width: int, padded: tuple[int, int]) -> Any:
        """The image's labels as a batch of one. Its pixels play no part, so a black picture of its size stands in."""
        data, side = self._data, self._side
        size = (side, side) if self._stretched else scaled(height, width, side)
        black = np.broadcast_to(np.zeros(3, np.uint8), (*size, 3))
        data.padded = padded
        data.ims[index], data.im_hw0[index], data.im_hw[index] = black, (height, width), size
        batch = data.collate_fn([data[index]])
        data.ims[index] = None
        return self._validator.preprocess(batch)

    def leave_out(self, index: int) -> None:
        """An image will not be scored any more."""
        self._left_out.add(index)

    def coverage(self) -> tuple[int, int]:
        """How many distinct images have been scored, and of how many."""
        return len(self._statistics), len(self._labels) - len(self._left_out - self._statistics.keys())

    def accuracy(self) -> dict[str, float]:
        """Values over the distinct images scored so far, fractions of one; empty before the first. O(detections).

        cls: top1, top5. Others: precision, recall, map50, map (mAP50-95) with _box, _mask, _pose or _obb.
        """
        if not self._statistics:
            return {}
        # In val's order whatever the order of scoring, so that ties fall as they do there.
        rows = [self._statistics[index] for index in self._order if index in self._statistics]
        metrics = self._validator.metrics
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # means over no class, while no image had an object
            if self._classify:
                metrics.process([row["targets"] for row in rows], [row["pred"] for row in rows])
                return {"top1": float(metrics.top1), "top5": float(metrics.top5)}
            for name in metrics.stats:
                metrics.stats[name] = [row[name] for row in rows]
            metrics.process()
            metrics.clear_stats()
        return self._named(metrics.results_dict)

    def _named(self, results: dict[str, Any]) -> dict[str, float]:
        suffixes = {"B": "obb"} if self._validator.args.task == "obb" else SUFFIXES
        values: dict[str, float] = {}
        for key, value in results.items():  # such as metrics/mAP50-95(B)
            name, _, letter = key.removeprefix("metrics/").rstrip(")").partition("(")
            if name in NAMES:
                values[f"{NAMES[name]}_{suffixes[letter]}"] = float(value)
        return values


def _order(labels: list[Label], *, rect: bool) -> list[int]:
    """The order in which val goes through the images: theirs, or with `rect` by height to width, as numpy sorts that."""
    if not rect:
        return list(range(len(labels)))
    shapes = np.array([label["shape"] for label in labels])
    return [int(index) for index in (shapes[:, 0] / shapes[:, 1]).argsort()]


def _validator(model: Any, data: DataSet) -> Any:
    """The task's validator, set as `model.val(batch=1)` would set it for this model and its predict."""
    predictor = model.predictor
    same = {name: getattr(predictor.args, name) for name in SAME if hasattr(predictor.args, name)}
    options = {
        **model.overrides, **same, "task": model.task, "conf": None, "data": str(data.source), "split": "val",
        "mode": "val", "batch": 1, "rect": False, "workers": 0, "plots": False, "save_json": False, "save_txt": False,
        "verbose": False,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:  # its constructor makes a folder, which nothing uses
        validator = model.task_map[model.task]["validator"](args=options, save_dir=Path(folder) / "val")
    validator.training, validator.device = False, predictor.device
    validator.stride, validator.names = predictor.model.stride, model.names
    # No path under `val`: by one that looks like COCO's or LVIS's, init_metrics would install and write things.
    validator.data = {**data.meta, "val": ""}
    if hasattr(validator.args, "quantize"):
        validator.args.quantize = 16 if predictor.model.fp16 else None  # as it is, not as it was asked for
    return validator
