"""Drawn pictures with exact labels for five tasks, so that quintet ships real data of its own.

Everything follows from (seed, split, index): the same numpy and OpenCV draw the same picture. One main shape lies near the
middle, a few small ones around it; strokes and discs of no class lie behind them. A shape's colour hints at its class.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
Picture = npt.NDArray[np.uint8]

SEED, TRAIN_COUNT, VAL_COUNT, INFERENCE_COUNT = 7, 1500, 64, 32
NAMES = ("arrow", "kite", "egg", "house", "cross", "star", "bolt", "fish")
KEYPOINTS = ("head", "tail", "left", "right", "centre")
FLIP_IDX = (0, 1, 3, 2, 4)
SPLITS = ("train", "val", "inference")
SIZES = {  # height, width
    "train": ((320, 320), (240, 320), (320, 240), (256, 320), (320, 288)),
    "val": ((320, 320), (240, 320), (320, 240), (256, 320), (320, 288), (301, 227), (333, 417)),
    "inference": ((480, 640), (427, 640), (640, 480), (500, 375), (360, 640)),
}
HUE_STEP, HUE_SIGMA = 22.5, 7.0  # OpenCV hues run from 0 to 180

_POLYGONS: dict[str, list[tuple[float, float]]] = {  # head towards +x
    "arrow": [(1, 0), (0.1, 1), (0.1, 0.4), (-1, 0.4), (-1, -0.4), (0.1, -0.4), (0.1, -1)],
    "kite": [(1, 0), (-0.3, 1), (-1, 0), (-0.3, -1)],
    "house": [(1, 0), (0.3, 1), (-1, 1), (-1, -1), (0.3, -1)],
    "cross": [(1, 0.3), (0.4, 0.3), (0.4, 1), (-0.1, 1), (-0.1, 0.3), (-1, 0.3),
              (-1, -0.3), (-0.1, -0.3), (-0.1, -1), (0.4, -1), (0.4, -0.3), (1, -0.3)],
    "bolt": [(1, 0), (0.1, 0.95), (0.05, 0.2), (-1, 0.8), (-0.35, -0.2), (-0.1, 0.1), (-0.05, -0.95), (0.25, -0.2)],
}  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """One drawn object: class number, outline (k, 2) and keypoints (5, 2), both in pixels."""

    cls: int
    outline: Points
    keypoints: Points


def outline(name: str) -> Points:
    """The outline of a shape in the unit square [-1, 1] x [-1, 1], head towards +x; shape (k, 2)."""
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    if name == "egg":
        return np.stack([np.cos(turn), np.sin(turn) * (1 - 0.3 * np.cos(turn)) / 1.06], axis=1)
    if name == "star":
        corner = np.arange(10)
        reach = np.where(corner % 2 == 0, 1.0, 0.4)
        return np.stack([reach * np.cos(corner * np.pi / 5), reach * np.sin(corner * np.pi / 5)], axis=1)
    if name == "fish":
        arc = np.linspace(-2.3, 2.3, 28)
        body = np.stack([0.25 + 0.75 * np.cos(arc), 0.8 * np.sin(arc)], axis=1)
        return np.concatenate([body, np.array([(-1, 1), (-0.7, 0), (-1, -1)])])
    return np.array(_POLYGONS[name], dtype=float)


_OUTLINES = [outline(name) for name in NAMES]


def draw(seed: int, split: str, index: int) -> tuple[Picture, list[Shape]]:
    """Draw one picture: BGR uint8 (height, width, 3), and its shapes, the main one first."""
    rng = np.random.default_rng([seed, SPLITS.index(split), index])
    sizes = SIZES[split]
    height, width = sizes[int(rng.integers(len(sizes)))]
    scale = min(height, width) / 300
    picture = _ground(rng, height, width, scale)
    taken = np.zeros((height, width), np.uint8)
    shapes: list[Shape] = []
    for place in range(int(rng.integers(2, 6))):
        shape, mask, half_length = _place(rng, height, width, scale, taken, main=place == 0)
        if shape is None:
            continue
        taken |= cv2.dilate(mask, np.ones((5, 5), np.uint8))
        picture = _paint(rng, picture, shape, mask, half_length)
        shapes.append(shape)
    noise = rng.normal(0, rng.uniform(2, 9), picture.shape)
    return np.asarray(np.clip(picture + noise, 0, 255), dtype=np.uint8), shapes


def _ground(rng: np.random.Generator, height: int, width: int, scale: float) -> Picture:
    ends = rng.integers(40, 215, (2, 3)).astype(float)
    grey = ends.mean(axis=1, keepdims=True)
    ends = grey + 0.3 * (ends - grey)
    angle = rng.uniform(0, 2 * np.pi)
    ramp = np.linspace(0, 1, width)[None, :] * np.cos(angle) + np.linspace(0, 1, height)[:, None] * np.sin(angle)
    ramp = ((ramp - ramp.min()) / (np.ptp(ramp) + 1e-9))[..., None]
    coarse = rng.normal(0, 18, (height // 20, width // 20, 3)).astype(np.float32)
    cloud = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    picture = np.clip(ends[0] * (1 - ramp) + ends[1] * ramp + cloud, 0, 255).astype(np.uint8)
    for _ in range(int(rng.integers(3, 9))):
        a, b = rng.integers(0, [width, height], (2, 2)).tolist()
        cv2.line(picture, a, b, rng.integers(0, 255, 3).tolist(), int(rng.integers(1, 4)), cv2.LINE_AA)
    for _ in range(int(rng.integers(0, 5))):
        centre = rng.integers(0, [width, height]).tolist()
        thick = int(rng.choice([-1, 2, 3]))
        radius = int(rng.uniform(6, 20) * scale)
        cv2.circle(picture, centre, radius, rng.integers(0, 255, 3).tolist(), thick, cv2.LINE_AA)
    return np.asarray(picture, dtype=np.uint8)


def _place(
    rng: np.random.Generator, height: int, width: int, scale: float, taken: Picture, *, main: bool
) -> tuple[Shape | None, Picture, float]:
    """Find room for one shape; None when forty tries found none. Returns shape, mask (height, width), half length."""
    near, far = (0.38, 0.62) if main else (0.1, 0.9)
    for _ in range(40):
        cls = int(rng.integers(len(NAMES)))
        half = rng.uniform(62, 90) * scale if main else rng.uniform(26, 46) * scale
        extent = np.array([half, half * rng.uniform(0.48, 0.64)])
        turn = rng.uniform(0, 2 * np.pi)
        rotate = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        centre = rng.uniform(near, far, 2) * [width, height]
        unit = _OUTLINES[cls]
        points = (unit * extent) @ rotate.T + centre
        if points.min() < 1 or (points > [width - 2, height - 2]).any():
            continue
        mask = np.zeros((height, width), np.uint8)
        cv2.fillPoly(mask, [np.round(points).astype(np.int32)], (1,))
        if (mask & taken).any():
            continue
        widest = unit[[unit[:, 1].argmin(), unit[:, 1].argmax()]]
        marks = np.concatenate([[(1, 0), (-1, 0)], widest, [(0, 0)]])
        return Shape(cls, points, (marks * extent) @ rotate.T + centre), mask, half
    return None, taken, 0.0


def _paint(rng: np.random.Generator, picture: Picture, shape: Shape, mask: Picture, half: float) -> Picture:
    behind = picture[mask > 0].mean(axis=0)
    while True:
        hue = (shape.cls * HUE_STEP + rng.normal(0, HUE_SIGMA)) % 180
        pixel = np.array([[[hue, rng.integers(120, 256), rng.integers(90, 246)]]]).astype(np.uint8)
        colour = cv2.cvtColor(pixel, cv2.COLOR_HSV2BGR)[0, 0].astype(int)
        if np.abs(colour - behind).max() >= 40:
            break
    layer = picture.copy()
    cv2.fillPoly(layer, [np.round(shape.outline * 16).astype(np.int32)], colour.tolist(), cv2.LINE_AA, 4)
    opacity = rng.uniform(0.75, 1.0)
    blended = cv2.addWeighted(layer, opacity, picture, 1 - opacity, 0)
    head, centre = shape.keypoints[0], shape.keypoints[4]
    eye = np.round((centre + 0.5 * (head - centre)) * 16).astype(int).tolist()
    shade = (255, 255, 255) if colour.mean() < 128 else (0, 0, 0)
    cv2.circle(blended, eye, int(max(2.0, 0.11 * half) * 16), shade, -1, cv2.LINE_AA, 4)
    return np.asarray(blended, dtype=np.uint8)


def label_lines(shapes: list[Shape], height: int, width: int) -> dict[str, list[str]]:
    """Ultralytics label lines (class, then numbers as fractions of the picture) for detect, seg, pose and obb."""
    extent = np.array([width, height], dtype=float)
    lines: dict[str, list[str]] = {"detect": [], "seg": [], "pose": [], "obb": []}
    for shape in shapes:
        points = shape.outline / extent
        low, high = points.min(axis=0), points.max(axis=0)
        box = np.concatenate([(low + high) / 2, high - low])
        corners = cv2.boxPoints(cv2.minAreaRect(shape.outline.astype(np.float32))) / extent
        marks = np.concatenate([shape.keypoints / extent, np.full((5, 1), 2.0)], axis=1)
        for task, numbers in (
            ("detect", box),
            ("seg", points),
            ("pose", np.concatenate([box, marks.ravel()])),
            ("obb", np.clip(corners, 0, 1)),
        ):
            lines[task].append(f"{shape.cls} " + " ".join(f"{x:.6f}" for x in np.ravel(numbers)))
    return lines


def write_dataset(root: Path, seed: int, split: str, count: int) -> None:
    """Write `count` pictures of a split in Ultralytics' own layout, one folder a task, below root.

    root/TASK/images/SPLIT/000000.jpg with root/TASK/labels/SPLIT/000000.txt, and root/cls/SPLIT/CLASS/000000.jpg.
    """
    for index in range(count):
        picture, shapes = draw(seed, split, index)
        height, width = picture.shape[:2]
        code = encode(picture)
        for task, lines in label_lines(shapes, height, width).items():
            _write(root / task / "images" / split / f"{index:06d}.jpg", code)
            _write(root / task / "labels" / split / f"{index:06d}.txt", ("\n".join(lines) + "\n").encode())
        _write(root / "cls" / split / NAMES[shapes[0].cls] / f"{index:06d}.jpg", code)


def encode(picture: Picture, quality: int = 88) -> bytes:
    """The picture as JPEG bytes."""
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
