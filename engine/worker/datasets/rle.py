"""COCO's run-length masks to outlines, so that no package need be installed for the few data sets that hold them."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np


def counts(text: str) -> list[int]:
    """The runs of a compressed mask: six bits a letter, five of value and one that says more follow, from the third run on
    as differences to the last but one (COCO's maskApi.c, rleFrString).
    """
    runs: list[int] = []
    value = shift = 0
    for letter in text.encode("ascii"):
        bits = letter - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value = shift = 0
    return runs


def outlines(segmentation: dict[str, Any]) -> list[list[int]]:
    """Outer contours, x y x y ..., in pixels, of `{"size": [height, width], "counts": ...}`. Raises ValueError."""
    height, width = segmentation["size"]
    runs = segmentation["counts"]
    runs = counts(runs) if isinstance(runs, str) else runs
    if sum(runs) != height * width or min(runs) < 0:
        raise ValueError("its runs do not fill its size")
    mask = np.repeat(np.arange(len(runs)) % 2, runs).astype(np.uint8).reshape(width, height).T  # by columns, 0 first
    contours = cv2.findContours(np.ascontiguousarray(mask), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
    return [contour.ravel().tolist() for contour in contours]
