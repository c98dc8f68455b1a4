"""Models of any family with random weights that still find different things in different pictures.

Normalised on a few drawings, and with spread scores and boxes, so that heads have something to choose from.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from tests.engine.worker.drawn import SEED, drawing


def untrained(design: Mapping[str, Any], file: Path, *, side: int, names: Any = None, **more: Any) -> str:
    """The weights of a model of an Ultralytics design, whose keys `more` changes; `file` is called as the design is.

    Saved beside it under another name, because Ultralytics takes another file for one that is called `yolov3.pt`.
    `names="list"` keeps the classes' names as a list.
    """
    import torch
    from ultralytics import RTDETR, YOLO

    torch.manual_seed(SEED)
    file.parent.mkdir(parents=True, exist_ok=True)
    written = file.with_suffix(".yaml")
    written.write_text(
        yaml.safe_dump({**copy.deepcopy(dict(design)), **more}, sort_keys=False)
    )  # the first scale is taken
    decoder = design["head"][-1][2] == "RTDETRDecoder"
    model = RTDETR(str(written)) if decoder else YOLO(str(written))
    network: Any = model.model
    with torch.no_grad():
        spread(network.model[-1])
        normalise(network, side)
    if names == "list":
        network.names = list(network.names.values())
    saved = file.with_name("weights.pt")
    model.save(str(saved))
    return str(saved)


def spread(head: Any) -> None:
    """Scores from near none to near one, and small boxes of several sizes."""
    import torch
    from torch.nn import init

    bins = getattr(head, "reg_max", 1)
    for name, branches in head.named_children():
        if name.endswith(("cv2", "cv3")):
            for branch in branches:
                if name.endswith("cv3"):
                    few = (
                        len(branch[-1].bias) < 20
                    )  # of many classes fewer find something, so that max_det does not cut
                    init.normal_(branch[-1].weight, std=0.3 if few else 0.15)
                    init.constant_(branch[-1].bias, -3 if few else -6)
                else:
                    init.normal_(branch[-1].weight, std=0.05 if bins == 1 else 0.2)
                    branch[-1].bias.copy_(torch.full((4,), 1.5) if bins == 1 else -0.5 * torch.arange(bins).repeat(4))
        elif name in ("enc_score_head", "dec_score_head"):
            for layer in branches if name.startswith("dec") else [branches]:
                init.normal_(layer.weight, std=0.2)
                init.constant_(layer.bias, -2)
        elif name in ("enc_bbox_head", "dec_bbox_head"):
            for layers in branches if name.startswith("dec") else [branches]:
                init.normal_(layers.layers[-1].weight, std=0.1)
        elif name == "linear":
            init.normal_(branches.weight, std=0.3)


def normalise(network: Any, side: int) -> None:
    """Give every batch normalisation the statistics of a few drawings."""
    import torch

    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    drawn = np.stack([cv2.resize(drawing(index)[0], (side, side)) for index in range(8)])
    network.train()(torch.from_numpy(drawn).permute(0, 3, 1, 2) / 255)
    network.eval()
