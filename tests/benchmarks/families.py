"""Which families of models score as `model.val` does? Every design that Ultralytics ships, with random weights.

    python -m tests.benchmarks.families [NAME ...]        a part of a case's name, as in rtdetr

Each case in a process of its own, two at a time: the smallest scale is built, draws its own labels, is scored by quintet
(predict, then score) and by `model.val(rect=False, batch=1)`, and the largest difference of any value is the gap.
Prints a Markdown table; docs/ground-truth.md holds it. Eight minutes of CPU time.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from contextlib import redirect_stderr
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

SIDE, PICTURES, LABELS = 128, 8, 24
EQUAL_TO, LEAST_MATCHED = 1e-6, 50
AT_ONCE = 2
ROW = ("family", "task", "head", "matched", "gap", "outcome")


class Case(NamedTuple):
    """One design and what is changed in it or asked of it: `nc`, `names`, `rect`, `nms`, `onnx`."""

    design: str
    more: Mapping[str, Any] = MappingProxyType({})

    @property
    def classes(self) -> int:
        """How many classes the model has; for cls more than top-5 takes."""
        return int(self.more.get("nc", 12 if "-cls" in self.design else 5))

    @property
    def name(self) -> str:
        """Its row's name."""
        return ", ".join([self.design, *(f"{key}={value}" for key, value in self.more.items())])


SHAPES = (
    Case("yolo11", {"nc": 1}), Case("yolo11", {"nc": 80}), Case("yolo11", {"names": "list"}), Case("yolo11", {"rect": True}),
    Case("yolo11", {"onnx": True}), Case("yolo26", {"onnx": True}), Case("yolov8-rtdetr", {"nc": 1}),
    Case("yolov8-rtdetr", {"nc": 80}), Case("yolov8-rtdetr", {"names": "list"}), Case("yolov8-rtdetr", {"rect": True}),
    Case("yolov8-rtdetr", {"onnx": True}),
)  # fmt: skip
"""Further shapes that users have."""


def designs() -> dict[str, Path]:
    """Every model YAML of the installed Ultralytics by its name."""
    import ultralytics

    found = sorted((Path(ultralytics.__file__).parent / "cfg/models").rglob("*.yaml"))
    return {path.stem: path for path in found}


def cases() -> list[Case]:
    """One a design, and the other head of those that have two: `nms=False` asks for the end-to-end one."""
    every = []
    for design in designs():
        every.append(Case(design))
        if design.startswith(("yolov10", "yolo26")) and not design.endswith(("-cls", "-sem", "-depth")):
            every.append(Case(design, {"nms": False}))
    return [*every, *SHAPES]


def measured(case: Case, folder: Path) -> dict[str, Any]:
    """One row of the table."""
    import yaml

    from quintet.engine.worker.yolo.backend import TASKS
    from tests.engine.worker.untrained import untrained

    design = yaml.safe_load(designs()[case.design].read_text())
    row: dict[str, Any] = {"family": case.name, "head": design["head"][-1][2], "task": "", "matched": "", "gap": ""}
    for _, _, _, arguments in design["backbone"]:
        arguments[:] = [None if argument == "DEFAULT" else argument for argument in arguments]  # torchvision's download
    words = {"SemanticSegment": "semantic", "Depth": "depth"}
    if row["head"] in words:
        return {**row, "task": words[row["head"]], "outcome": f"not tried: quintet has no task {words[row['head']]}"}
    changed: dict[str, Any] = {"kpt_shape": [5, 3]} if "kpt_shape" in design else {}
    if "-world" not in case.design:  # whose placeholder of class texts is for 80
        changed["nc"] = case.classes
    weights = untrained(design, folder / f"{case.design}.pt", side=SIDE, names=case.more.get("names"), **changed)
    from ultralytics import YOLO

    asked = YOLO(weights).task
    row["task"] = next(ours for ours, theirs in TASKS.items() if theirs == asked)
    if case.more.get("onnx"):
        weights = str(YOLO(weights).export(format="onnx", imgsz=SIDE, simplify=False, verbose=False, device="cpu"))
    return {**row, **compared(case, row["task"], weights, folder)}


def compared(case: Case, task: str, weights: str, folder: Path) -> dict[str, Any]:
    """What quintet and Ultralytics say of these weights, or the refusal."""
    import pytest

    from quintet.engine.protocol import switches
    from tests.engine.worker.drawn import draw_set, loaded, scored, settings, theirs

    with pytest.MonkeyPatch.context() as patch:
        if "nms" in case.more:
            ask_for_nms(case.more["nms"], patch)
        drawn = draw_set(folder / "any", task, PICTURES)
        lane = settings(task, drawn, weights=weights, imgsz=SIDE, rect=case.more.get("rect", False))
        backend = loaded(lane)
        refusal = backend.refusal(switches.starting_levels(1))
        backend.predict(backend.read("validation", 0))
        if refusal is not None:
            return {"outcome": f"refused: {refusal}"}
        data = labelled(task, weights, case.classes, folder / "data")
        lane["data"]["validation"] = str(data)
        backend = loaded(lane)
        ours = scored(backend)
        expected = theirs(lane, data, folder / "runs", patch)
    gap, count = max(abs(ours[key] - expected[key]) for key in expected), matched(backend)
    outcome = "equal" if gap <= EQUAL_TO else "NOT EQUAL"
    if count < LEAST_MATCHED and task != "cls":
        outcome += f", but fewer than {LEAST_MATCHED} matched boxes show little"
    if set(expected.values()) <= {0.0, 1.0}:
        outcome += ", but values of 0 and 1 show nothing"
    return {"matched": count, "gap": gap, "outcome": outcome}


def ask_for_nms(nms: bool, patch: Any) -> None:
    """Every model loaded from here on is asked for its head with or without NMS."""
    from ultralytics import YOLO

    made = YOLO.__init__

    def asked(self: Any, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        self.overrides["nms"] = nms

    patch.setattr(YOLO, "__init__", asked)


def labelled(task: str, weights: str, classes: int, folder: Path) -> Path:
    """Drawn pictures of odd sizes with what the model finds in them as labels."""
    from tests.engine.worker.drawn import draw_set, labels_by

    names = [str(number) for number in range(max(classes, 8))]
    if task != "cls":
        count = PICTURES if classes < 20 else 2 * PICTURES  # of many classes fewer boxes match
        data = draw_set(folder, task, count, names)
        shutil.rmtree(folder / "labels")
        labels_by(weights, task, folder, LABELS, imgsz=SIDE, conf=0.01)
        return data
    from ultralytics import YOLO

    drawn = sorted((draw_set(folder / "drawn", task, 6 * PICTURES, names) / "val").rglob("*.jpg"))
    model = YOLO(weights)
    for place, file in enumerate(drawn):
        found = model.predict(str(file), imgsz=SIDE, verbose=False, device="cpu")[0].probs.top1
        number = found if place % 2 else (found + place) % classes
        for split in ("train", "val"):
            (folder / "set" / split / str(number)).mkdir(parents=True, exist_ok=True)
            shutil.copy(file, folder / "set" / split / str(number))
    return folder / "set"


def matched(backend: Any) -> int:
    """Boxes that match a label at an IoU of 0.5; for cls the pictures whose first class is right."""
    rows = backend._scorer._statistics.values()
    if backend._task == "cls":
        return sum(int(row["pred"][0, 0] == row["targets"][0]) for row in rows)
    return sum(int(row["tp"][:, 0].sum()) for row in rows)


def in_a_process(name: str) -> dict[str, Any]:
    """The row of a case that a process of its own measures; what Ultralytics prints goes nowhere."""
    case = next(case for case in cases() if case.name == name)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("w") as out, redirect_stderr(out):
            return measured(case, Path(folder))
    except Exception as wrong:  # a case that cannot be built is a row that says so
        said = f"{type(wrong).__name__}: {wrong}".splitlines()[0][:200]
        return {"family": case.name, "outcome": f"not tried: {said}"}


def line(row: dict[str, Any]) -> str:
    """A row in Markdown."""
    cells = [f"{row[key]:.1e}" if key == "gap" and row.get(key) else str(row.get(key, "")) for key in ROW]
    return f"| {' | '.join(cells)} |"


def main(words: list[str]) -> None:
    """Measure the cases whose names hold one of the words, all without."""
    import torch

    import tests.engine.worker.untrained  # noqa: F401  once, before the processes fork

    torch.set_num_threads(1)
    chosen = [case.name for case in cases() if not words or any(word in case.name for word in words)]
    rows = []
    with multiprocessing.get_context("fork").Pool(AT_ONCE, maxtasksperchild=1) as pool:
        for row in pool.imap(in_a_process, chosen, chunksize=1):
            rows.append(line(row))
            print(rows[-1], file=sys.stderr, flush=True)
    print("\n".join([f"| {' | '.join(ROW)} |", f"|{'---|' * len(ROW)}", *rows]))


if __name__ == "__main__":
    main(sys.argv[1:])
