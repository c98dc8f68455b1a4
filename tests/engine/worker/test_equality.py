"""The values equal `model.val(batch=1)` on anyone's data and models, with rect and without. Real models, drawn data."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from quintet.profiles.micro.shapes import NAMES
from tests.engine.worker.drawn import (
    POSE,
    THEIRS,
    draw_set,
    drawing,
    further,
    labels_by,
    listing,
    loaded,
    made_over,
    scored,
    settings,
    theirs,
    untrained_26,
    write,
    write_yaml,
)

pytestmark = pytest.mark.slow
CASES = [(task, rect) for task in THEIRS for rect in (False, True)]


def check_equal(
    lane: dict[str, Any], data: Path, tmp_path: Path, patch: pytest.MonkeyPatch, **more: Any
) -> dict[str, float]:
    """Ours first, which must leave the data as they are; then theirs, which does not."""
    before = listing(tmp_path)
    backend = loaded(lane)
    ours = scored(backend)
    assert listing(tmp_path) == before
    expected = theirs(lane, data, tmp_path / "runs", patch, **more)
    assert ours == pytest.approx(expected, abs=1e-6)
    assert backend.coverage()[0] == backend.coverage()[1] > 0
    assert max(expected.values()) > 0.1  # else equality would say nothing
    return ours


@pytest.mark.parametrize(("task", "rect"), CASES)
def test_odd_sizes_and_backgrounds(task: str, rect: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = draw_set(tmp_path / "data", task)

    check_equal(settings(task, data, rect=rect), data, tmp_path, monkeypatch)


def test_rect_pads_each_picture_to_its_own_shape(tmp_path: Path) -> None:
    wide, high, square = ((drawing(index)[0], None) for index in (2, 4, 5))
    backend = loaded(settings("detect", draw_set(tmp_path, "detect"), rect=True))

    seen = [(backend.predict(drawn), backend._tap.shape)[1] for drawn, _ in (wide, high, square)]
    backend.predict_many([drawn for drawn, _ in (wide, high)])

    assert seen == [(64, 224), (224, 64), (224, 224)]
    assert backend._tap.shape == (224, 224)


def test_rect_in_a_thread_and_out_of_order(tmp_path: Path) -> None:
    data = draw_set(tmp_path, "seg", 10)
    inline, copied = (loaded(settings("seg", data, rect=True)) for _ in range(2))
    expected = scored(inline)
    copies = {}
    for index in reversed(range(10)):
        copies[index] = copied.copy(copied.predict(copied.read("validation", index)))

    for index, copy in copies.items():
        copied.score_copy(index, copy)

    assert copied.accuracy() == expected


@pytest.mark.parametrize("rect", [False, True])
def test_other_settings(rect: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = draw_set(tmp_path / "data", "detect")
    lane = settings("detect", data, rect=rect, imgsz=224, iou=0.45, max_det=5, conf=0.6)

    check_equal(lane, data, tmp_path, monkeypatch)


@pytest.mark.parametrize("count", [3, *further(11)])
@pytest.mark.parametrize("task", ["detect", *further("cls", "seg", "pose", "obb")])
def test_other_counts_of_classes(task: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer classes in the model than in the data, and more."""
    names = [*NAMES, "anvil", "boot", "cup"][:count]
    data = draw_set(tmp_path / "data", task)
    lane = settings(task, data, weights=made_over(task, tmp_path / "other.pt", names))

    check_equal(lane, data, tmp_path, monkeypatch)

    found = loaded(lane).info()["ground_truth"]
    assert (found["unknown_class"] > 0) == (count < len(NAMES))


@pytest.mark.parametrize("task", ["cls", "detect"])
def test_names_that_differ(task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = draw_set(tmp_path / "data", task, names=[f"{number}_{name}" for number, name in enumerate(NAMES)])

    check_equal(settings(task, data), data, tmp_path, monkeypatch)


def test_some_class_folders_that_the_model_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = draw_set(tmp_path / "data", "cls")
    for split in ("train", "val"):
        shutil.copytree(data / split / "kite", data / split / "unheard_of")

    check_equal(settings("cls", data), data, tmp_path, monkeypatch)


def test_a_model_trained_on_all_classes_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = draw_set(tmp_path / "data", "detect")
    weights = made_over("detect", tmp_path / "one.pt", ["item"], single_cls=True)
    lane = settings("detect", data, weights=weights)

    check_equal(lane, data, tmp_path, monkeypatch)

    assert loaded(lane).info()["ground_truth"]["unknown_class"] == 0


@pytest.mark.parametrize(
    ("task", "nms", "rect"),
    [
        ("detect", None, False), ("seg", False, False),
        *further(("detect", False, False), ("detect", False, True), ("pose", False, True), ("obb", False, False)),
    ],
)  # fmt: skip
def test_heads_with_and_without_nms(
    task: str, nms: Any, rect: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Family 26 has both heads; `nms=False` asks Ultralytics for the end-to-end one."""
    from ultralytics import YOLO
    from ultralytics.utils import DEFAULT_CFG_DICT

    if "nms" not in DEFAULT_CFG_DICT:
        pytest.skip("this release chooses the head by itself")
    weights = untrained_26(tmp_path / "tiny26.pt", task)
    data = draw_set(tmp_path / "data", task, 10, names=NAMES[:3])
    shutil.rmtree(tmp_path / "data/labels")
    labels_by(weights, task, tmp_path / "data", nms=nms)
    made = YOLO.__init__

    def asked(self: Any, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        self.overrides["nms"] = nms

    monkeypatch.setattr(YOLO, "__init__", asked)  # as a lane key `nms` would
    lane = settings(task, data, weights=weights, rect=rect)

    check_equal(lane, data, tmp_path, monkeypatch)

    assert bool(loaded(lane)._predictor.model.end2end) is (nms is False)


def test_odd_kinds_of_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Turned by EXIF, grey, with alpha, 16 bit, and as TIFF, BMP and WebP."""
    data = draw_set(tmp_path / "data", "detect", 8)
    pictures = tmp_path / "data/images/val"
    drawn: list[Any] = [cv2.imread(str(pictures / f"{index:03d}.jpg")) for index in range(8)]
    for index in range(1, 7):
        (pictures / f"{index:03d}.jpg").unlink()
    turned = Image.fromarray(np.ascontiguousarray(cv2.rotate(drawn[0], cv2.ROTATE_90_COUNTERCLOCKWISE)[..., ::-1]))
    exif = Image.Exif()
    exif[274] = 6
    turned.save(pictures / "000.jpg", exif=exif, quality=95)
    cv2.imwrite(str(pictures / "001.png"), cv2.cvtColor(drawn[1], cv2.COLOR_BGR2GRAY))
    cv2.imwrite(str(pictures / "002.png"), cv2.cvtColor(drawn[2], cv2.COLOR_BGR2BGRA))
    cv2.imwrite(str(pictures / "003.png"), drawn[3].astype(np.uint16) * 257)
    cv2.imwrite(str(pictures / "004.TIFF"), drawn[4])
    cv2.imwrite(str(pictures / "005.bmp"), drawn[5])
    cv2.imwrite(str(pictures / "006.webp"), drawn[6])

    check_equal(settings("detect", data), data, tmp_path, monkeypatch)
    shutil.rmtree(tmp_path / "runs")
    (tmp_path / "data/labels/val.cache").unlink()
    check_equal(settings("detect", data, rect=True), data, tmp_path, monkeypatch)


def test_keypoints_without_visibility_and_own_sigmas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = draw_set(tmp_path / "data", "pose")
    data.write_text(data.read_text() + "kpt_oks_sigmas: [0.1, 0.2, 0.3, 0.1, 0.2]\n")

    with_own = check_equal(settings("pose", data), data, tmp_path, monkeypatch)
    plain = scored(loaded(settings("pose", write_yaml(tmp_path / "data", "pose"))))

    assert with_own["map_pose"] != plain["map_pose"]
    assert POSE["kpt_shape"] == [5, 3]


def test_several_folders_and_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = draw_set(tmp_path / "data", "detect", 12)
    for index in range(12, 16):
        write(tmp_path / "data/images/more/deep" / f"{index}.jpg", drawing(index)[0])
    (tmp_path / "data/few.txt").write_text("./images/val/001.jpg\n./images/val/003.jpg\n./images/more/deep/13.jpg\n")
    text = data.read_text()

    data.write_text(text.replace("val: images/val", "val: [images/val, images/more]"))
    check_equal(settings("detect", data), data, tmp_path, monkeypatch)
    data.write_text(text.replace("val: images/val", "val: few.txt"))
    check_equal(settings("detect", data), data, tmp_path, monkeypatch)
