"""COCO JSON and DOTA give what `model.val` gives on the same data in Ultralytics' form, and so do faulty data sets."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import pytest
import yaml

from quintet.profiles.micro.shapes import KEYPOINTS, NAMES, label_lines
from tests.engine.worker.drawn import (
    draw_set,
    drawing,
    further,
    listing,
    loaded,
    made_over,
    picture,
    scored,
    settings,
    theirs,
    write,
    write_yaml,
)

pytestmark = pytest.mark.slow
COUNT = 16
DOTA = (
    "plane",
    "ship",
    "storage tank",
    "baseball diamond",
    "tennis court",
    "basketball court",
    "ground track field",
    "harbor",
)
"""Ultralytics' names of DOTA's first classes; DOTA's own have hyphens."""


def annotation(shape: Any, number: int, image: int, *, crowd: bool = False) -> dict[str, Any]:
    points = shape.outline
    left, top = points.min(axis=0).tolist()
    right, bottom = points.max(axis=0).tolist()
    half = len(points) // 2
    polygons = (
        [points[: half + 1].ravel().tolist(), points[half:].ravel().tolist()] if half > 3 else [points.ravel().tolist()]
    )
    return {
        "id": number, "image_id": image, "category_id": shape.cls + 1, "bbox": [left, top, right - left, bottom - top],
        "segmentation": polygons, "iscrowd": int(crowd), "area": 1.0,
        "keypoints": [x for point in shape.keypoints.tolist() for x in (*point, 2 * (number % 9 != 8))],
    }  # fmt: skip


def coco_json(folder: Path, stem: str = "instances_val2017", pictures: str = "val2017") -> Path:
    """Drawings with a crowd, a flat box, a repeated annotation and a picture without any, as COCO lays them out."""
    images, annotations = [], []
    for index in range(COUNT):
        drawn, found = drawing(index)
        write(folder / pictures / f"{index:012d}.jpg", drawn)
        height, width = drawn.shape[:2]
        images.append({"id": 100 - index, "file_name": f"{index:012d}.jpg", "height": height, "width": width})
        for place, shape in enumerate(found if index != 3 else []):
            annotations.append(annotation(shape, 10 * index + place, 100 - index, crowd=(index, place) == (1, 0)))
    annotations += [{**annotations[0], "id": 901}, {**annotations[4], "id": 902, "bbox": [3, 4, 0, 9]}]
    categories = [{"id": n + 1, "name": name, "keypoints": list(KEYPOINTS)} for n, name in enumerate(NAMES)]
    path = folder / "annotations" / f"{stem}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return path


@pytest.mark.parametrize(
    ("task", "stem", "rect"),
    [("detect", "instances_val2017", False), ("pose", "person_keypoints_val2017", False),
     *further(("detect", "instances_val2017", True), ("seg", "instances_val2017", False))],
)  # fmt: skip
def test_coco_json_scores_as_ultralytics_conversion_of_it(
    task: str, stem: str, rect: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ultralytics.data.converter import convert_coco

    path = coco_json(tmp_path / "coco", stem)
    before = listing(tmp_path)

    lane = settings(task, path, rect=rect)
    backend = loaded(lane)
    ours = scored(backend)

    assert listing(tmp_path) == before
    convert_coco(
        str(path.parent), str(tmp_path / "converted"), use_segments=task == "seg", use_keypoints=task == "pose",
        cls91to80=False,
    )  # fmt: skip
    labels = next((tmp_path / "converted/labels").iterdir())
    shutil.copytree(labels, tmp_path / "own/labels/val")
    shutil.copytree(tmp_path / "coco/val2017", tmp_path / "own/images/val")
    expected = theirs(lane, write_yaml(tmp_path / "own", task), tmp_path / "runs", monkeypatch)
    assert ours == pytest.approx(expected, abs=1e-6)
    assert max(expected.values()) > 0.2
    found = backend.info()["ground_truth"]
    assert (found["pictures"], found["crowd"], found["flat"], found["duplicate"]) == (COUNT, 1, 1, 1)
    assert found["picture_without_label"] == 1
    assert (found["no_keypoints"] > 0) == (task == "pose")
    assert found["labels"] == sum(len(file.read_text().splitlines()) for file in labels.iterdir())


@pytest.mark.parametrize("rect", [True, *further(False)])
def test_dota_scores_as_ultralytics_conversion_of_it(
    rect: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ultralytics.data.converter import convert_dota_to_yolo_obb

    theirs_folder, ours_folder = tmp_path / "theirs", tmp_path / "ours"
    for index in range(COUNT):
        drawn, found = drawing(index)
        for place in (ours_folder / "images", theirs_folder / "images/val", theirs_folder / "images/train"):
            place.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(place / f"P{index:04d}.png"), drawn)
        height, width = drawn.shape[:2]
        lines = ["imagesource:drawn", "gsd:0.5"]
        for line in label_lines(found, height, width)["obb"]:
            number, *corners = line.split()
            pixels = [float(x) * (height if n % 2 else width) for n, x in enumerate(corners)]
            lines.append(" ".join(f"{x:.1f}" for x in pixels) + f" {DOTA[int(number)].replace(' ', '-')} {index % 2}")
        for place in (
            ours_folder / "labelTxt",
            theirs_folder / "labels/val_original",
            theirs_folder / "labels/train_original",
        ):
            place.mkdir(parents=True, exist_ok=True)
            if index != 5:
                (place / f"P{index:04d}.txt").write_text("\n".join(lines if index != 6 else lines[:2]) + "\n")
    weights = made_over("obb", tmp_path / "dota.pt", DOTA)
    lane = settings("obb", ours_folder, weights=weights, rect=rect)
    before = listing(ours_folder)

    backend = loaded(lane)
    ours = scored(backend)

    assert listing(ours_folder) == before
    convert_dota_to_yolo_obb(str(theirs_folder))
    expected = theirs(lane, write_yaml(theirs_folder, "obb", DOTA), tmp_path / "runs", monkeypatch)
    assert ours == pytest.approx(expected, abs=1e-6)
    assert max(expected.values()) > 0.2
    found_out = backend.info()["ground_truth"]
    assert (found_out["pictures"], found_out["background"], found_out["unknown_class"]) == (COUNT, 2, 0)

    keys = {"path": str(ours_folder), "val": "images", "labels": "labelTxt", "names": list(DOTA)}
    (tmp_path / "dota.yaml").write_text(yaml.safe_dump(keys))
    assert scored(loaded({**lane, "data": {"inference": None, "validation": str(tmp_path / "dota.yaml")}})) == ours


def spoil(folder: Path, task: str) -> None:
    """Every fault that `model.val` passes over."""
    pictures, labels = folder / "images/val", folder / "labels/val"

    def say(index: int, change: str) -> None:
        file = labels / f"{index:03d}.txt"
        file.write_text(file.read_text() + change)

    line = (labels / "001.txt").read_text().splitlines()[0]
    number, *rest = line.split()
    say(0, "what is this\n")
    say(1, f"8 {' '.join(rest)}\n")
    say(2, f"{number} {' '.join(str(float(x) + 0.8) if n < 8 else x for n, x in enumerate(rest))}\n")
    say(3, f"{(labels / '003.txt').read_text().splitlines()[0]}\n")
    say(4, f"{number}.5 {' '.join(rest)}\n")
    (labels / "005.txt").write_bytes(b"\xff\xfe\x00\x01")
    (pictures / "007.jpg").write_bytes((pictures / "007.jpg").read_bytes()[:-400])
    (pictures / "008.jpg").write_bytes(b"no picture at all")
    (pictures / "009.jpg").write_bytes(b"")
    picture(pictures / "small.png", height=9)
    (labels / "small.txt").write_text(line + "\n")
    (labels / "orphan.txt").write_text(line + "\n")
    (labels / "classes.txt").write_text("\n".join(NAMES))


@pytest.mark.parametrize(
    ("task", "rect"),
    [("detect", False), ("detect", True), ("seg", False), ("pose", False), ("obb", False),
     *further(("seg", True), ("pose", True), ("obb", True))],
)  # fmt: skip
def test_a_faulty_set_scores_what_val_leaves_in(
    task: str, rect: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = draw_set(tmp_path / "data", task, 24)
    spoil(tmp_path / "data", task)
    before = listing(tmp_path)

    lane = settings(task, data, rect=rect)
    backend = loaded(lane)
    ours = scored(backend)

    assert listing(tmp_path) == before
    found = backend.info()["ground_truth"]
    expected = theirs(lane, data, tmp_path / "runs", monkeypatch)
    assert ours == pytest.approx(expected, abs=1e-6)
    assert max(expected.values()) > 0.2
    assert {key: found[key] for key in ("pictures", "left_out", "corrupt", "malformed", "unknown_class", "outside")} == {
        "pictures": 16, "left_out": 9, "corrupt": 4, "malformed": 3, "unknown_class": 1, "outside": 1,
    }  # fmt: skip
    assert {key: found[key] for key in ("missing", "torn", "duplicate", "label_without_picture", "empty_label")} == {
        "missing": 0, "torn": 0, "duplicate": 1, "label_without_picture": 1, "empty_label": 2,
    }  # fmt: skip
    assert found["background"] == found["empty_label"] + found["picture_without_label"] == 5
    notes = {note["kind"]: note["count"] for note in backend.info()["notes"]}
    assert {key: notes[key] for key in ("corrupt", "malformed", "unknown_class", "outside", "label_without_picture")} == {
        "corrupt": 4, "malformed": 3, "unknown_class": 1, "outside": 1, "label_without_picture": 1,
    }  # fmt: skip
    assert backend.images("validation") == found["pictures"] == backend.coverage()[1]


def test_faulty_class_folders_score_what_val_leaves_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = draw_set(tmp_path / "data", "cls")
    first, second = sorted((data / "val").rglob("*.jpg"))[:2]
    first.write_bytes(first.read_bytes()[:-300])
    second.write_bytes(b"nothing")
    (data / "val/arrow/notes.md").write_text("no picture")
    before = listing(tmp_path)

    lane = settings("cls", data)
    backend = loaded(lane)
    ours = scored(backend)

    assert listing(tmp_path) == before
    assert ours == pytest.approx(theirs(lane, data, tmp_path / "runs", monkeypatch), abs=1e-6)
    found = backend.info()["ground_truth"]
    assert (found["corrupt"], found["left_out"], found["pictures"], found["labels"]) == (2, 2, 18, 18)


def test_faulty_pictures_of_an_inference_set_are_left_out(tmp_path: Path) -> None:
    draw_set(tmp_path / "data", "detect", 4)
    (tmp_path / "data/images/val/002.jpg").write_bytes(b"nothing")
    (tmp_path / "list.txt").write_text("".join(f"data/images/val/{n:03d}.jpg\n" for n in range(6)))

    backend = loaded(settings("detect", None, data={"inference": str(tmp_path / "list.txt"), "validation": None}))

    info = backend.info()
    assert info["ground_truth"] is None
    found = info["inference_set"]
    assert (found["pictures"], found["corrupt"], found["missing"], found["left_out"]) == (3, 1, 2, 3)
    assert backend.images("inference") == info["inference_images"] == 3
    assert [Path(backend.path("inference", index)).name for index in range(3)] == ["000.jpg", "001.jpg", "003.jpg"]
    assert any(note["example"] == "data/images/val/004.jpg does not exist" for note in info["notes"])
