"""Other people's forms score exactly as `model.val` scores the same data in Ultralytics' own form."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quintet.engine.worker.backend import Unreadable
from quintet.profiles.micro import shapes
from tests.engine.worker.drawn import draw_set, drawing, loaded, scored, settings, theirs

COUNT = 8


def merged(content: dict[str, Any]) -> None:
    """Every file under two image ids, its annotations shared out between them."""
    for image in [*content["images"]]:
        content["images"].append({**image, "id": image["id"] + 1000})
    for number, annotation in enumerate(content["annotations"]):
        annotation["image_id"] += 1000 * (number % 2)


def roboflow(content: dict[str, Any]) -> None:
    """An unused root category 0, and names that are not the model's."""
    names = [{"id": one["id"] + 1, "name": f"obj-{one['name']}"} for one in content["categories"]]
    content["categories"] = [{"id": 0, "name": "shapes-x7Qd"}, *names]
    for annotation in content["annotations"]:
        annotation["category_id"] += 1


def floats(content: dict[str, Any]) -> None:
    """Ids as pandas writes them."""
    for image in content["images"]:
        image["id"] = float(image["id"])
    for annotation in content["annotations"]:
        annotation["image_id"] = float(annotation["image_id"])


def as_json(data: Path) -> dict[str, Any]:
    """The drawn set as a COCO JSON, from the numbers of its label files."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for index in range(COUNT):
        height, width = drawing(index)[0].shape[:2]
        images.append({"id": index, "file_name": f"{index:03d}.jpg", "width": width, "height": height})
        label = data / f"labels/val/{index:03d}.txt"
        for line in label.read_text().splitlines() if label.exists() else ():
            number, x, y, wide, high = map(float, line.split())
            box = [(x - wide / 2) * width, (y - high / 2) * height, wide * width, high * height]
            annotations.append({"id": len(annotations), "image_id": index, "category_id": int(number), "bbox": box})
    names = [{"id": number, "name": name} for number, name in enumerate(shapes.NAMES)]
    return {"images": images, "annotations": annotations, "categories": names}


@pytest.mark.slow
@pytest.mark.parametrize("changed", [merged, roboflow, floats])
def test_a_coco_json_scores_as_its_labels_in_val(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: Callable[[dict[str, Any]], None]
) -> None:
    data = draw_set(tmp_path / "data", "detect", COUNT)
    content = as_json(data.parent)
    changed(content)
    path = tmp_path / "data/annotations/instances_val.json"
    path.parent.mkdir()
    path.write_text(json.dumps(content))

    ours = scored(loaded(settings("detect", path)))

    assert ours == pytest.approx(theirs(settings("detect", data), data, tmp_path / "runs", monkeypatch), abs=1e-6)
    assert ours["map50_box"] > 0.3


@pytest.mark.slow
def test_a_linked_folder_scores_as_in_val(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The labels beside the link are others: val resolves the link first, and so do we."""
    data = draw_set(tmp_path / "data", "detect", COUNT)
    shutil.move(tmp_path / "data/images", tmp_path / "store/images")
    shutil.move(tmp_path / "data/labels", tmp_path / "store/labels")
    (tmp_path / "data/images").mkdir()
    (tmp_path / "data/images/val").symlink_to(tmp_path / "store/images/val", target_is_directory=True)
    (tmp_path / "data/labels/val").mkdir(parents=True)
    for label in (tmp_path / "store/labels/val").iterdir():
        (tmp_path / "data/labels/val" / label.name).write_text("0 0.5 0.5 0.9 0.9\n")
    lane = settings("detect", data)

    ours = scored(loaded(lane))

    assert ours == pytest.approx(theirs(lane, data, tmp_path / "runs", monkeypatch), abs=1e-6)
    assert ours["map50_box"] > 0.3


@pytest.mark.slow
def test_a_picture_that_vanishes_in_the_run_leaves_full_coverage_of_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = draw_set(tmp_path / "data", "detect", COUNT)
    lane = settings("detect", data)
    backend = loaded(lane)
    (tmp_path / "data/images/val/003.jpg").unlink()

    with pytest.raises(Unreadable, match=r"003\.jpg is gone"):
        backend.read("validation", 3)
    backend.leave_out("validation", 3)
    for index in (0, 1, 2, 4, 5, 6, 7):
        backend.score(index, backend.predict(backend.read("validation", index)))

    assert backend.coverage() == (COUNT - 1, COUNT - 1)
    assert backend.accuracy() == pytest.approx(theirs(lane, data, tmp_path / "runs", monkeypatch), abs=1e-6)
