"""Pictures and Ultralytics' own forms of labels: what cannot be used is counted and named, and nothing is written."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

import quintet.engine.worker.yolo.backend  # noqa: F401  first, since it keeps Ultralytics offline and quiet
from quintet.engine.worker.backend import LoadFault, Unreadable
from quintet.engine.worker.datasets.labels import read_labels
from quintet.engine.worker.datasets.pictures import read_picture
from quintet.engine.worker.datasets.sources import inference_set, validation_set
from quintet.profiles import micro

MICRO = Path(micro.__file__).parent
NAMES = dict(enumerate(("arrow", "kite", "egg")))


def silent(done: int, of: int) -> None:
    """A `going` that hears nothing."""


def picture(path: Path, height: int = 24, width: int = 32) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((height, width, 3), 90, np.uint8))
    return path


def data_yaml(folder: Path, **changed: object) -> Path:
    keys = {"path": ".", "val": "images/val", "names": ["arrow", "kite"]} | changed
    path = folder / "data.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in keys.items() if value is not None}))
    return path


def boxes(folder: Path, text: str = "1 0.5 0.5 0.2 0.2\n", changed: dict[str, object] | None = None) -> Path:
    """A data set of one labelled picture in Ultralytics' own layout."""
    picture(folder / "images/val/a.jpg")
    (folder / "labels/val").mkdir(parents=True, exist_ok=True)
    (folder / "labels/val/a.txt").write_text(text)
    return data_yaml(folder, **(changed or {}))


def listing(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_folder_of_pictures_has_no_labels(tmp_path: Path) -> None:
    picture(tmp_path / "b.JPG")
    picture(tmp_path / "deeper" / "a.png")
    picture(tmp_path / ".hidden" / "c.png")
    (tmp_path / "notes.md").write_text("no picture")

    data = inference_set(tmp_path)

    assert data.files == (str(tmp_path / "b.JPG"), str(tmp_path / "deeper" / "a.png"))
    assert not data.has_labels


def test_linked_folders_are_followed_but_never_in_circles(tmp_path: Path) -> None:
    picture(tmp_path / "elsewhere" / "a.png")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "data")

    assert inference_set(tmp_path / "data").files == (str(tmp_path / "data" / "link" / "a.png"),)


def test_pictures_are_read_as_bgr_with_three_channels(tmp_path: Path) -> None:
    grey = tmp_path / "grey.png"
    cv2.imwrite(str(grey), np.full((4, 6), 7, np.uint8))

    assert read_picture(str(picture(tmp_path / "a.png"))).shape == (24, 32, 3)
    assert read_picture(str(grey)).shape == (4, 6, 3)
    with pytest.raises(Unreadable, match=r"gone\.png is gone"):
        read_picture(str(tmp_path / "gone.png"))


@pytest.mark.parametrize("task", ["detect", "seg", "pose", "obb"])
def test_the_micro_labels_are_read_whole(task: str) -> None:
    data = validation_set(MICRO / f"{task}.yaml", task, {})
    seen: list[tuple[int, int]] = []

    labels = read_labels(data, task, lambda done, of: seen.append((done, of))).labels

    assert [label["im_file"] for label in labels] == [str(MICRO.resolve() / "val" / f"{n:06d}.jpg") for n in range(64)]
    assert sum(len(label["cls"]) for label in labels) == sum(
        len((MICRO / "labels" / task / f"{n:06d}.txt").read_text().splitlines()) for n in range(64)
    )
    assert seen[-1] == (64, 64)
    assert labels[0]["bboxes"].shape == (len(labels[0]["cls"]), 4)
    assert bool(labels[0]["segments"]) == (task in ("seg", "obb"))


def test_labels_lie_where_ultralytics_looks_for_them(tmp_path: Path) -> None:
    data = validation_set(boxes(tmp_path), "detect", {})

    assert data.label_files == (str(tmp_path / "labels/val/a.txt"),)
    assert read_labels(data, "detect", silent).labels[0]["cls"].tolist() == [[1.0]]


def test_a_list_of_pictures_is_relative_to_itself(tmp_path: Path) -> None:
    path = boxes(tmp_path, changed={"val": "lists/val.txt"})
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "val.txt").write_text("\ufeff../images/val/a.jpg\n", encoding="utf-8")

    assert len(validation_set(path, "detect", {}).files) == 1


def test_a_list_of_addresses_downloads_nothing_and_says_so(tmp_path: Path) -> None:
    for address in ("http://x.org/y.png", "https://x.org/y.png?raw=1"):
        (tmp_path / "list.txt").write_text(f"a.png\n{address}\n")
        with pytest.raises(
            LoadFault, match=r"list\.txt line 2 names https?://x\.org/y\.png.*: nothing is downloaded; save"
        ):
            inference_set(tmp_path / "list.txt")


def test_a_missing_path_downloads_nothing(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    path = data_yaml(tmp_path, path="not_here", download=f"from pathlib import Path\nPath({str(trap)!r}).touch()")

    with pytest.raises(LoadFault, match=r"not_here.*nothing is downloaded"):
        validation_set(path, "detect", {})
    with pytest.raises(LoadFault, match=r"images/val.*nothing is downloaded"):
        validation_set(data_yaml(tmp_path, download=f"bash touch {trap}"), "detect", {})
    assert not trap.exists()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"names": None}, "no key names"),
        ({"nc": 3}, "nc must be their count"),
        ({"names": {0: "a", 2: "b"}}, "without a gap"),
        ({"val": None}, "no key val"),
        ({"val": "images/other"}, r"images/other, but there is no folder"),
        ({"labels": "elsewhere"}, "none of the 1 pictures .* has a label"),
    ],
)
def test_a_wrong_data_yaml_is_named(tmp_path: Path, changed: dict[str, object], says: str) -> None:
    path = boxes(tmp_path, changed=changed)

    with pytest.raises(LoadFault, match=says) as fault:
        validation_set(path, "detect", {})
    assert str(path) in str(fault.value)


def test_what_is_no_yaml_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text("names: [a, b\nval: {")

    with pytest.raises(LoadFault, match="is not YAML") as fault:
        validation_set(tmp_path / "data.yaml", "detect", {})
    assert "\n" not in str(fault.value)


def test_what_is_no_text_is_named(tmp_path: Path) -> None:
    for name in ("data.yaml", "classes.csv", "list.txt"):
        (tmp_path / name).write_bytes(b"\xff\xfe\x00file")

        with pytest.raises(LoadFault, match=f"{name} cannot be read as UTF-8 text"):
            inference_set(tmp_path / name)


def test_pose_needs_the_shape_of_its_keypoints(tmp_path: Path) -> None:
    with pytest.raises(LoadFault, match="needs kpt_shape"):
        validation_set(boxes(tmp_path), "pose", {})


def test_reading_writes_nothing(tmp_path: Path) -> None:
    path = boxes(tmp_path)
    picture(tmp_path / "classes/val/kite/a.png")
    before = listing(tmp_path)

    read_labels(validation_set(path, "detect", {}), "detect", silent)
    read_labels(validation_set(tmp_path / "classes", "cls", NAMES), "cls", silent)

    assert listing(tmp_path) == before


@pytest.mark.parametrize("root", [".", "val"])
def test_a_folder_a_class(tmp_path: Path, root: str) -> None:
    picture(tmp_path / root / "kite" / "a.png")
    picture(tmp_path / root / "arrow" / "b.png")

    data = validation_set(tmp_path, "cls", NAMES)

    assert data.classes == (0, 1)
    assert [Path(file).name for file in data.files] == ["b.png", "a.png"]


@pytest.mark.parametrize("task", ["cls", "detect"])
def test_what_is_not_there_or_empty_is_named(tmp_path: Path, task: str) -> None:
    (tmp_path / "empty").mkdir()
    for path, says in ((tmp_path / "gone", "no data set at .*gone"), (tmp_path / "empty", "no pictures in .*empty")):
        with pytest.raises(LoadFault, match=says):
            validation_set(path, task, NAMES)
        with pytest.raises(LoadFault, match=says):
            inference_set(path)
