"""The recipe of the five micro models: draw, train, scrub, score.

Run it as `python -m quintet.profiles.micro.train OUT`. Kept so that anybody can make the weights again and see what they
are. The models are Ultralytics' own family 11, rewritten to a scale below n (depth 0.33, width 0.125), trained from
nothing on drawn shapes.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("YOLO_OFFLINE", "1")
os.environ.setdefault("YOLO_AUTOINSTALL", "0")

import torch
import ultralytics
import yaml
from ultralytics import YOLO

from quintet.profiles.micro import shapes
from quintet.profiles.micro.shapes import SEED, TRAIN_COUNT, VAL_COUNT

IMGSZ = 192
SCALE = [0.33, 0.125, 1024]  # depth, width, max channels


@dataclass(frozen=True)
class Recipe:
    """One model: its Ultralytics YAML, epochs, mosaic, and the model whose weights it starts from."""

    yaml: str
    epochs: int
    mosaic: float = 0.5
    start: str = ""


RECIPES = {
    "cls": Recipe("yolo11-cls.yaml", epochs=24),
    "detect": Recipe("yolo11.yaml", epochs=20),
    "seg": Recipe("yolo11-seg.yaml", epochs=8, start="detect"),
    "pose": Recipe("yolo11-pose.yaml", epochs=14, mosaic=0.0, start="detect"),
    "obb": Recipe("yolo11-obb.yaml", epochs=8, start="detect"),
}


def data_for(task: str, root: Path) -> str:
    """Where Ultralytics finds the drawn data of a task: a folder for cls, else a data YAML written here."""
    if task == "cls":
        return str(root / "cls")
    data: dict[str, Any] = {
        "path": str(root / task), "train": "images/train", "val": "images/val", "names": dict(enumerate(shapes.NAMES)),
    }  # fmt: skip
    if task == "pose":
        data |= {"kpt_shape": [len(shapes.KEYPOINTS), 3], "flip_idx": list(shapes.FLIP_IDX)}
    path = root / f"{task}.yaml"
    path.write_text(yaml.safe_dump(data))
    return str(path)


def train(task: str, root: Path, out: Path) -> Path:
    """Train one task's model; returns the file with its scrubbed weights."""
    recipe = RECIPES[task]
    folder = next((Path(ultralytics.__file__).parent / "cfg/models/11").glob(recipe.yaml))
    design = yaml.safe_load(folder.read_text()) | {"scales": {"n": SCALE}}
    design_path = root / recipe.yaml.replace("yolo11", "yolo11n")
    design_path.write_text(yaml.safe_dump(design))
    rate = 0.002
    pretrained: str | bool = str(out / f"{recipe.start}.pt") if recipe.start else False
    options: dict[str, Any] = {
        "data": data_for(task, root), "epochs": recipe.epochs, "imgsz": IMGSZ, "batch": 16, "nbs": 16, "workers": 0,
        "cache": "ram", "val": False, "plots": False, "optimizer": "AdamW", "lr0": rate, "lrf": 0.02, "cos_lr": True,
        "warmup_epochs": 1, "warmup_bias_lr": rate, "device": "cpu", "project": str(root / "runs"), "name": task,
        "exist_ok": True, "seed": SEED, "amp": False, "patience": 0, "fliplr": 0.5, "flipud": 0.5, "scale": 0.4,
        "hsv_h": 0.004, "hsv_s": 0.3, "hsv_v": 0.3, "pretrained": pretrained,
    }  # fmt: skip
    if task == "cls":
        options |= {"auto_augment": None, "erasing": 0.0}
    else:
        options |= {
            "mosaic": recipe.mosaic,
            "close_mosaic": max(1, recipe.epochs // 4),
            "translate": 0.1,
            "degrees": 0.0,
        }
    model = YOLO(str(design_path))
    model.train(**options)
    return scrub(root / "runs" / task / "weights" / "last.pt", out / f"{task}.pt", model.task, str(root))


def scrub(source: Path, target: Path, task: str, secret: str) -> Path:
    """Keep the fp16 model and the few settings a user needs; drop the optimizer and the training machine's folders."""
    checkpoint = torch.load(source, map_location="cpu", weights_only=False)
    model = checkpoint["model"].half()
    kept_args = {"imgsz": IMGSZ, "task": task}
    model.args, model.task = kept_args, task
    model.yaml.pop("yaml_file", None)
    model.pt_path = target.name
    for parameter in model.parameters():
        parameter.requires_grad = False
    buffer = io.BytesIO()
    kept = {"model": model, "train_args": kept_args, "version": ultralytics.__version__}
    torch.save({**kept, "license": "AGPL-3.0-or-later", "epoch": -1}, buffer)
    content = buffer.getvalue()
    if secret.encode() in content:
        raise SystemExit(f"{target.name} still holds a folder of this machine: {secret}")
    target.write_bytes(content)
    return target


def score(task: str, root: Path, weights: Path) -> dict[str, float]:
    """What the saved file scores by `model.val(rect=False, batch=1)` on the validation pictures."""
    values = YOLO(str(weights)).val(
        data=data_for(task, root), imgsz=IMGSZ, rect=False, batch=1, plots=False, workers=0, device="cpu",
        project=str(root / "runs"), name=f"val-{task}",
    )  # fmt: skip
    return {key: round(float(value), 4) for key, value in values.results_dict.items()}


def main() -> None:
    """Train what is asked for and print what it scores, one JSON line a model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder for the five .pt files")
    parser.add_argument("--tasks", nargs="+", default=list(RECIPES), choices=list(RECIPES))
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(asked.threads)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        shapes.write_dataset(root, SEED, "train", TRAIN_COUNT)
        shapes.write_dataset(root, SEED, "val", VAL_COUNT)
        for task in asked.tasks:
            weights = train(task, root, asked.out.resolve())
            sha = hashlib.sha256(weights.read_bytes()).hexdigest()
            print(json.dumps({"task": task, "sha256": sha, **score(task, root, weights)}), flush=True)


if __name__ == "__main__":
    main()
