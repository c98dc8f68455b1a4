"""What each form of ground truth becomes, what is counted of it, and what is said when nothing can be used. No models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

import quintet.engine.worker.yolo.backend  # noqa: F401  first, since it keeps Ultralytics offline and quiet
from quintet.engine.worker.backend import LoadFault
from quintet.engine.worker.datasets import rle
from quintet.engine.worker.datasets.labels import Truth, read_labels
from quintet.engine.worker.datasets.pictures import usable
from quintet.engine.worker.datasets.problem_report import KEYS, Tally
from quintet.engine.worker.datasets.sources import inference_set, validation_set
from tests.engine.worker.drawn import listing, picture

NAMES = dict(enumerate(("arrow", "kite", "egg")))
GOOD = "1 0.5 0.5 0.2 0.2\n"


def truth(path: Path, task: str = "detect", names: dict[int, str] | None = None) -> Truth:
    """The usable part; checks that reading it changed nothing beside it."""
    before = listing(path.parent)
    found = read_labels(validation_set(path, task, NAMES if names is None else names), task, lambda done, of: None)
    assert listing(path.parent) == before
    return found


def counts(found: Truth) -> dict[str, int]:
    return {key: number for key, number in found.tally.as_map().items() if number}


def examples(found: Truth) -> list[str]:
    return [note["example"] for note in found.tally.notes()]


def yolo(folder: Path, labels: dict[str, str | None], **keys: object) -> Path:
    """A set in Ultralytics' layout: a grey picture a name, and its label's text, None for no file."""
    for name, text in labels.items():
        picture(folder / "images/val" / f"{name}.jpg")
        (folder / "labels/val").mkdir(parents=True, exist_ok=True)
        if text is not None:
            (folder / "labels/val" / f"{name}.txt").write_text(text)
    path = folder / "data.yaml"
    path.write_text(yaml.safe_dump({"val": "images/val", "names": ["arrow", "kite"], **keys}))
    return path


# Ultralytics' own form


@pytest.mark.parametrize(
    ("text", "task", "key", "says"),
    [
        ("7 0.5 0.5 0.2 0.2\n", "detect", "unknown_class", "line 1 has a class that the data set does not name"),
        (GOOD + "1 0.5 0.5 0.2\n", "detect", "malformed", "line 2 is not a label"),
        ("one two\n", "detect", "malformed", "line 1 is not a label"),
        ("1.5 0.5 0.5 0.2 0.2\n", "detect", "malformed", "line 1 is not a label"),
        ("nan 0.5 0.5 0.2 0.2\n", "detect", "malformed", "line 1 is not a label"),
        (GOOD + "1 0.1 0.1 0.2 0.1 0.2 0.2\n", "detect", "malformed", "labels mix"),
        ("1 5 5 2 2\n", "detect", "outside", "line 1 is outside"),
        ("1 0.5 0.5 -0.5 0.2\n", "detect", "outside", "line 1 is outside"),
        ("1 0.5 0.5 0.2 0.2 0.5 0.5 2\n", "pose", "malformed", "line 1 is not a label"),
        ("1 0.5 0.5 0.2 0.2 0.5 1.5 2 0 0 0\n", "pose", "outside", "line 1 is outside"),
    ],
)
def test_a_label_that_cannot_be_used_takes_its_picture_out(
    tmp_path: Path, text: str, task: str, key: str, says: str
) -> None:
    good = GOOD if task != "pose" else "1 0.5 0.5 0.2 0.2 0.5 0.5 2 0.4 0.4 1\n"

    found = truth(yolo(tmp_path, {"a": good, "b": text}, kpt_shape=[2, 3]), task)

    assert counts(found) == {"pictures": 1, "labels": 1, "left_out": 1, key: 1}
    assert [Path(file).name for file in found.data.files] == ["a.jpg"]
    assert f"{tmp_path}/labels/val/b.txt" in examples(found)[0]
    assert says in examples(found)[0]


def test_pictures_without_objects_stay(tmp_path: Path) -> None:
    found = truth(yolo(tmp_path, {"a": GOOD, "b": None, "c": "", "d": "\n\n"}))

    assert counts(found) == {"pictures": 4, "labels": 1, "background": 3, "picture_without_label": 1, "empty_label": 2}


def test_labels_without_a_picture_and_said_twice(tmp_path: Path) -> None:
    path = yolo(tmp_path, {"a": GOOD * 3})
    for name in ("b", "c", "classes"):
        (tmp_path / f"labels/val/{name}.txt").write_text(GOOD)

    assert counts(truth(path)) == {"pictures": 1, "labels": 1, "duplicate": 2, "label_without_picture": 2}


def test_classes_that_the_model_lacks_are_counted_and_their_pictures_stay(tmp_path: Path) -> None:
    found = truth(yolo(tmp_path, {"a": GOOD + "0 0.5 0.5 0.1 0.1\n", "b": GOOD}), names={0: "arrow"})

    assert counts(found) == {"pictures": 2, "labels": 1, "background": 1, "unknown_class": 2, "labels_left_out": 2}


def test_pictures_that_cannot_be_used(tmp_path: Path) -> None:
    path = yolo(tmp_path, dict.fromkeys("abcde", GOOD))
    pictures = tmp_path / "images/val"
    (pictures / "b.jpg").write_bytes(b"no picture")
    picture(pictures / "c.jpg", height=9)
    torn = cv2.imencode(".png", np.full((24, 32, 3), 90, np.uint8))[1].tobytes()[:-20]
    (pictures / "d.jpg").write_bytes(torn)
    (pictures / "e.jpg").write_bytes((pictures / "e.jpg").read_bytes() + b"\0\0")

    found = truth(path)

    assert counts(found) == {"pictures": 2, "labels": 2, "left_out": 3, "corrupt": 3, "torn": 1}
    notes = examples(found)
    assert notes[0] == f"{pictures}/b.jpg is not in a picture format that can be read here"
    assert any("it is used as it is, where model.val would save it again" in note for note in notes)
    assert found.labels[0]["shape"] == (24, 32)


def test_a_list_may_name_what_is_not_there(tmp_path: Path) -> None:
    path = yolo(tmp_path, {"a": GOOD}, val="some.txt")
    (tmp_path / "some.txt").write_text("images/val/a.jpg\nimages/val/gone.jpg\n")

    found = truth(path)

    assert counts(found) == {"pictures": 1, "labels": 1, "left_out": 1, "missing": 1}
    assert examples(found) == [f"{tmp_path}/images/val/gone.jpg does not exist"]


@pytest.mark.parametrize(
    ("labels", "task", "says"),
    [
        ({"a": "7 0.5 0.5 0.2 0.2\n"}, "detect", r"none of the 1 pictures of .*data\.yaml can be used.*a\.txt line 1"),
        ({"a": "", "b": None}, "detect", r"no label of .*data\.yaml can be used.*or give the folder of pictures alone"),
        ({"a": GOOD}, "seg", r"data\.yaml: seg needs outlines .*a\.jpg has boxes"),
        ({"a": GOOD}, "obb", "obb needs outlines"),
    ],
)
def test_when_nothing_can_be_used_it_is_said(
    tmp_path: Path, labels: dict[str, str | None], task: str, says: str
) -> None:
    with pytest.raises(LoadFault, match=says):
        truth(yolo(tmp_path, labels), task)


def test_roboflows_paths_are_found(tmp_path: Path) -> None:
    path = yolo(tmp_path, {"a": GOOD}, val="../images/val")
    path.write_text(path.read_text().replace("val:", "validation:"))

    assert counts(truth(path)) == {"pictures": 1, "labels": 1}


def test_there_is_one_note_a_kind_and_the_worst_come_first() -> None:
    tally = Tally()
    for number in range(9):
        tally.add("picture_without_label", 1, f"without {number}")
        tally.add("corrupt", 1, f"corrupt\n{number}")
    for key in ("missing", "outside", "crowd"):
        tally.add(key, 1, key)
    tally.add("torn", 0, "nothing torn")

    assert [(note["kind"], note["count"], note["example"]) for note in tally.notes()] == [
        ("missing", 1, "missing"), ("corrupt", 9, "corrupt 0"), ("outside", 1, "outside"), ("crowd", 1, "crowd"),
        ("picture_without_label", 9, "without 0"),
    ]  # fmt: skip
    assert {*tally.as_map()} == {*KEYS}
    assert (tally.as_map()["corrupt"], tally.as_map()["torn"]) == (9, 0)


# COCO JSON


def coco(folder: Path, annotations: list[dict[str, Any]], place: str = "val2017", **changed: Any) -> Path:
    """Two grey pictures of 32 x 24, and a JSON with COCO-like gaps in its ids."""
    images = [{"id": n, "file_name": f"{n}.jpg", "width": 32, "height": 24} for n in (7, 5)]
    for image in images:
        picture(folder / place / str(image["file_name"]))
    categories = [{"id": 9, "name": "Kite"}, {"id": 4, "name": "egg"}]
    content = {"images": images, "annotations": annotations, "categories": categories, **changed}
    path = folder / "annotations/instances_val2017.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def box(category: int = 9, image: int = 5, **more: Any) -> dict[str, Any]:
    return {"id": 1, "image_id": image, "category_id": category, "bbox": [8, 6, 16, 12], "iscrowd": 0, **more}


def test_categories_are_told_by_name(tmp_path: Path) -> None:
    found = truth(coco(tmp_path, [box(9), box(4, bbox=[0, 0, 8, 6])]))

    assert [Path(file).name for file in found.data.files] == ["5.jpg", "7.jpg"]
    assert found.labels[0]["cls"].tolist() == [[1.0], [2.0]]
    assert found.labels[0]["bboxes"].tolist() == [[0.5, 0.5, 0.5, 0.5], [0.125, 0.125, 0.25, 0.25]]
    assert counts(found) == {"pictures": 2, "labels": 2, "background": 1, "picture_without_label": 1}
    assert inference_set(coco(tmp_path, [])).files == found.data.files


def test_categories_of_other_names_are_told_by_their_order(tmp_path: Path) -> None:
    found = truth(coco(tmp_path, [box(9), box(4, bbox=[0, 0, 8, 6])]), names={0: "drone", 1: "ball"})

    assert found.labels[0]["cls"].tolist() == [[1.0], [0.0]]
    assert "matched in the order of their ids: 'egg' is 'drone', 'Kite' is 'ball'" in examples(found)[0]


def test_cocos_own_ids_become_its_80_classes(tmp_path: Path) -> None:
    from ultralytics.data.converter import coco91_to_coco80_class

    ids = [place for place, number in enumerate(coco91_to_coco80_class(), 1) if number is not None]
    path = coco(tmp_path, [box(90), box(13, bbox=[0, 0, 8, 6])], categories=[{"id": n, "name": f"n{n}"} for n in ids])

    found = truth(path, names={n: f"another {n}" for n in range(80)})

    assert found.labels[0]["cls"].tolist() == [[79.0], [11.0]]


def test_annotations_that_do_not_count(tmp_path: Path) -> None:
    wrong = [
        box(iscrowd=1), box(bbox=[1, 1, 0, 5]), box(4, bbox=[1, 1]), {"image_id": 5}, box(image=99), box(77), box(), box(),
        box(bbox="wide"),
    ]  # fmt: skip
    found = truth(coco(tmp_path, wrong))

    assert counts(found) == {
        "pictures": 2, "labels": 1, "background": 1, "picture_without_label": 1, "crowd": 1, "flat": 1, "malformed": 3,
        "label_without_picture": 1, "unknown_class": 1, "duplicate": 1, "labels_left_out": 4,
    }  # fmt: skip


def test_a_box_outside_its_picture_takes_it_out(tmp_path: Path) -> None:
    found = truth(coco(tmp_path, [box(), box(image=7, bbox=[30, 20, 40, 40])]))

    assert counts(found) == {"pictures": 1, "labels": 1, "left_out": 1, "outside": 1}
    assert "the label of" in examples(found)[0]
    assert "7.jpg line 1 is outside its picture" in examples(found)[0]


def test_a_picture_that_is_not_there_is_counted(tmp_path: Path) -> None:
    path = coco(tmp_path, [box()])
    (tmp_path / "val2017/7.jpg").unlink()

    assert counts(truth(path)) == {"pictures": 1, "labels": 1, "left_out": 1, "missing": 1}


def test_outlines_masks_and_boxes(tmp_path: Path) -> None:
    polygon = [8, 6, 24, 6, 24, 18]
    mask = {"size": [24, 32], "counts": [24 * 4 + 2, 5, 19, 5, 24 * 32 - 24 * 4 - 31]}
    path = coco(
        tmp_path,
        [box(segmentation=[polygon]), box(4, segmentation=mask), box(4, 7), box(image=7, segmentation=[[1, 2]])],
    )

    found = truth(path, "seg")

    triangle, column = found.labels[0]["segments"]
    assert triangle.tolist() == [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75]]
    assert column[0, 1] == np.float32(0.0833333)  # six digits, as Ultralytics' converter writes
    assert column * [32, 24] == pytest.approx(np.array([[4, 2], [4, 6], [5, 6], [5, 2]]), abs=1e-5)
    assert found.labels[1]["segments"][0].tolist() == [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]]


def test_compressed_masks() -> None:
    """The text is faster-coco-eval 1.8.0's of this mask."""
    mask = np.zeros((9, 13), np.uint8)
    mask[2:7, 3:9] = mask[0, 12] = 1
    mask[5, 5] = 0

    runs = rle.counts("m05400NMN340000i0L[O")

    assert (mask == np.repeat(np.arange(len(runs)) % 2, runs).reshape(13, 9).T).all()
    assert rle.outlines({"size": [9, 13], "counts": "m05400NMN340000i0L[O"}) == [
        contour.ravel().tolist() for contour in cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
    ]
    with pytest.raises(ValueError, match="do not fill"):
        rle.outlines({"size": [9, 13], "counts": [5, 5]})


def test_keypoints_and_their_count(tmp_path: Path) -> None:
    points = [8, 6, 2, 16, 12, 1]
    path = coco(tmp_path, [box(keypoints=points), box(keypoints=[0] * 6), box(image=7)])

    found = truth(path, "pose")

    assert found.data.meta["kpt_shape"] == [2, 3]
    assert found.labels[0]["keypoints"].tolist() == [[[0.25, 0.25, 2.0], [0.5, 0.5, 1.0]]]
    assert counts(found)["no_keypoints"] == 2
    with pytest.raises(LoadFault, match="has no keypoints"):
        truth(coco(tmp_path, [box()]), "pose")


@pytest.mark.parametrize("place", ["val2017", "images/val2017", "images", "annotations", "annotations/val2017", "."])
def test_the_pictures_of_a_json_are_found(tmp_path: Path, place: str) -> None:
    assert len(truth(coco(tmp_path / "set", [box()], place)).labels) == 2


def test_a_data_yaml_may_say_where_a_json_and_its_pictures_are(tmp_path: Path) -> None:
    coco(tmp_path, [box(), box(4, bbox=[0, 0, 8, 6])], "elsewhere")
    keys = {"annotations": "annotations/instances_val2017.json", "val": "elsewhere", "names": ["egg", "kite"]}
    (tmp_path / "data.yaml").write_text(yaml.safe_dump(keys))

    assert truth(tmp_path / "data.yaml").labels[0]["cls"].tolist() == [[1.0], [0.0]]


def test_where_a_jsons_pictures_were_looked_for_is_said(tmp_path: Path) -> None:
    path = coco(tmp_path, [box()], "elsewhere")

    with pytest.raises(
        LoadFault, match=r"7\.jpg for one, are in none of .*/val2017, .*/images/val2017,.*annotations: inst"
    ):
        truth(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", r"val\.json is not JSON"),
        ("[]", r"val\.json is not a COCO JSON: it needs the lists images, annotations, categories"),
        ('{"images": [], "annotations": [], "categories": []}', "lists no pictures"),
        (
            '{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [], "categories": [{"id": 1}]}',
            r"categories\[0\] has no name",
        ),
    ],
)
def test_what_is_no_coco_json_is_named(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "val.json").write_text(text)

    with pytest.raises(LoadFault, match=says) as fault:
        truth(tmp_path / "val.json")
    assert "\n" not in str(fault.value)


# DOTA


def dota(folder: Path, text: str) -> Path:
    picture(folder / "images/P1.png")
    picture(folder / "images/P2.png")
    (folder / "labelTxt").mkdir()
    (folder / "labelTxt/P1.txt").write_text(text)
    return folder


DOTA_NAMES = {0: "storage tank", 1: "plane"}
LINE = "8 6 24 6 24 18 8 18 {} 1\n"


def test_dotas_lines(tmp_path: Path) -> None:
    head = "imagesource:GoogleEarth\ngsd:0.146\n\n"
    text = (
        head
        + LINE.format("storage-tank")
        + LINE.format("plane").replace(" 1\n", "\n")
        + LINE.format("ufo")
        + "8 6 24\n"
    )

    found = truth(dota(tmp_path / "set", text), "obb", DOTA_NAMES)

    assert counts(found) == {
        "pictures": 2, "labels": 2, "background": 1, "picture_without_label": 1, "unknown_class": 1, "malformed": 1,
        "labels_left_out": 2,
    }  # fmt: skip
    assert found.labels[0]["cls"].tolist() == [[0.0], [1.0]]
    assert found.labels[0]["segments"][0].tolist() == [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]]
    assert any("P1.txt line 6: class 'ufo' is none of the data set's" in note for note in examples(found))
    assert any("P1.txt line 7 is not eight coordinates" in note for note in examples(found))


def test_the_child_val_of_a_dota_set_and_a_wrong_task(tmp_path: Path) -> None:
    dota(tmp_path / "set/val", LINE.format("plane"))

    assert counts(truth(tmp_path / "set", "obb", DOTA_NAMES))["labels"] == 1
    with pytest.raises(LoadFault, match="is a DOTA data set, which has no ground truth for pose"):
        truth(tmp_path / "set", "pose", DOTA_NAMES)


def test_dota_text_of_no_known_class_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        LoadFault, match=r"no label of .*set can be used; the first: .*P1\.txt line 1: class 'ufo' is none"
    ):
        truth(dota(tmp_path / "set", LINE.format("ufo")), "obb", DOTA_NAMES)


# Classes of whole pictures


@pytest.mark.parametrize(
    "text",
    [
        "file,class\na.png,kite\nb.png,2\n",
        "image,label\na.png,1\nb.png,2\n",
        "\ufeffa.png,kite\n\nb.png, egg\n",
        "ImageId;Category\r\na.png;kite\r\nb.png;egg\r\n",
        "id,label,filename\n1,kite,a.png\n2,egg,b.png\n",
        "a.png\tkite\nb.png\tegg\n",
    ],
)
def test_a_csv_of_any_two_columns(tmp_path: Path, text: str) -> None:
    files = picture(tmp_path / "a.png"), picture(tmp_path / "b.png")
    (tmp_path / "classes.csv").write_text(text, encoding="utf-8")

    found = truth(tmp_path / "classes.csv", "cls")

    assert found.data.files == tuple(map(str, files))
    assert [label["cls"] for label in found.labels] == [1, 2]
    assert counts(found) == {"pictures": 2, "labels": 2}
    assert usable(inference_set(tmp_path / "classes.csv")).files == found.data.files


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("file,class\na.png,fish\n", r"classes\.csv line 2: the model has no class 'fish'.*arrow, kite, egg"),
        ("a.png,3\n", "no class '3'"),
        ("a.png\n", "line 1 has no class"),
        ("a.png,\n", "line 1 has no class"),
        ("file,class\n", "names no pictures"),
        (f'a.png,kite\na.png,"{"x" * 140_000}\n', r"classes\.csv line 2 is not a line of a CSV \(field larger"),
        (
            "a.png,kite\nhttps://x.org/b.png,egg\n",
            r"classes\.csv line 2 names https://x\.org/b\.png: nothing is downloaded",
        ),
        ("gone.png,kite\n", r"none of the 1 pictures of .*classes\.csv can be used.*gone\.png does not exist"),
    ],
)
def test_a_wrong_csv_is_named(tmp_path: Path, text: str, says: str) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "classes.csv").write_text(text)

    with pytest.raises(LoadFault, match=says):
        truth(tmp_path / "classes.csv", "cls")


def test_a_csv_that_gives_a_picture_two_classes_says_so(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "classes.csv").write_text("a.png,kite\na.png,egg\na.png,kite\n")

    found = truth(tmp_path / "classes.csv", "cls")
    assert counts(found) == {"pictures": 2, "labels": 2, "duplicate": 1}
    two, repeats = examples(found)
    assert repeats == "classes.csv line 3 repeats line 1: it is used once"
    assert two.endswith("a.png kite (line 1) and egg (line 2): each counts as a picture of its own")


def test_a_csv_may_name_what_is_not_there(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "classes.csv").write_text("a.png,kite\ngone.png,egg\n")

    assert counts(truth(tmp_path / "classes.csv", "cls")) == {"pictures": 1, "labels": 1, "left_out": 1, "missing": 1}


@pytest.mark.parametrize("root", [".", "val", "validation", "valid", "test"])
def test_a_folder_a_class(tmp_path: Path, root: str) -> None:
    picture(tmp_path / "set" / root / "kite" / "a.png")
    picture(tmp_path / "set" / root / "arrow" / "b.png")
    picture(tmp_path / "set" / root / "boat" / "c.png")

    found = truth(tmp_path / "set", "cls")

    assert [(Path(label["im_file"]).name, label["cls"]) for label in found.labels] == [("b.png", 0), ("a.png", 1)]
    assert counts(found) == {"pictures": 2, "labels": 2, "left_out": 1, "unknown_class": 1}
    assert "boat: the model has no class of this name" in examples(found)[0]


def test_folders_of_no_known_class_are_numbered_in_order(tmp_path: Path) -> None:
    for name in ("1", "10", "2", "3"):
        picture(tmp_path / "set" / name / "a.png")

    found = truth(tmp_path / "set", "cls")

    assert [(Path(label["im_file"]).parent.name, label["cls"]) for label in found.labels] == [
        ("1", 0),
        ("10", 1),
        ("2", 2),
    ]
    assert "matched in order: '1' is 'arrow'" in " ".join(examples(found))


def test_a_folder_that_is_for_training_only_is_named(tmp_path: Path) -> None:
    picture(tmp_path / "train/kite/a.png")

    with pytest.raises(LoadFault, match="has a folder train but none of val, validation, valid, test"):
        truth(tmp_path, "cls")


def test_a_folder_without_pictures_in_folders_has_no_labels(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")

    assert not validation_set(tmp_path, "cls", NAMES).has_labels
