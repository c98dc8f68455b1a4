"""Data sets as other people write them: duplicate ids, links, names in any bytes, damaged files, numbers without bound."""

from __future__ import annotations

import json
import os
import tracemalloc
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from PIL import Image

import quintet.engine.worker.yolo.backend  # noqa: F401  first, since it keeps Ultralytics offline and quiet
from quintet.engine.worker.backend import LoadFault
from quintet.engine.worker.datasets.coco import key_of
from quintet.engine.worker.datasets.labels import Truth, read_labels
from quintet.engine.worker.datasets.pictures import usable
from quintet.engine.worker.datasets.sources import inference_set, validation_set
from tests.engine.worker.drawn import picture
from tests.engine.worker.test_truth import GOOD, box, coco, counts, examples, truth, yolo

MODEL = dict(enumerate(("arrow", "kite", "egg")))


def cls_of(found: Truth) -> dict[str, list[float]]:
    return {Path(label["im_file"]).name: np.ravel(label["cls"]).tolist() for label in found.labels}


def entry(number: Any, name: str) -> dict[str, Any]:
    return {"id": number, "file_name": name, "width": 32, "height": 24}


# Ids in a COCO JSON


def test_a_file_under_two_image_ids_has_the_labels_of_both(tmp_path: Path) -> None:
    boxes = [box(9, 5), box(4, 6, bbox=[0, 0, 8, 6]), box(9, 6), box(9, 7)]
    path = coco(tmp_path, boxes, images=[entry(5, "5.jpg"), entry(6, "./5.jpg"), entry(7, "7.jpg")])

    found = truth(path)

    assert cls_of(found) == {"5.jpg": [1, 2], "7.jpg": [1]}
    assert counts(found) == {"pictures": 2, "labels": 3, "duplicate": 1}
    assert "5.jpg under the image ids 5 and 6: the labels of all count" in examples(found)[0]


def test_two_files_under_one_image_id_are_both_left_out(tmp_path: Path) -> None:
    picture(tmp_path / "val2017/6.jpg")
    path = coco(tmp_path, [box(9, 5), box(4, 7)], images=[entry(5, "5.jpg"), entry(5, "6.jpg"), entry(7, "7.jpg")])

    found = truth(path)

    assert cls_of(found) == {"7.jpg": [2]}
    assert counts(found) == {"pictures": 1, "labels": 1, "left_out": 2, "ambiguous": 2}
    assert "has image id 5 for 5.jpg and 6.jpg" in examples(found)[0]


def test_an_entry_that_is_there_twice_is_one_picture(tmp_path: Path) -> None:
    path = coco(tmp_path, [box(9, 5)], images=[entry(5, "5.jpg"), entry(5, "5.jpg")])

    assert counts(truth(path)) == {"pictures": 1, "labels": 1}
    assert len(inference_set(path).files) == 1


def test_a_category_id_with_two_names_is_refused(tmp_path: Path) -> None:
    path = coco(tmp_path, [box()], categories=[{"id": 9, "name": "kite"}, {"id": 9, "name": "egg"}])

    with pytest.raises(LoadFault, match="calls category 9 both 'kite' and 'egg'"):
        truth(path)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (3, 3),
        (3.0, 3),
        ("3", 3),
        ("a", "a"),
        ("03", "03"),
        (True, None),
        (1.5, None),
        (None, None),
        ({}, None),
        ("", None),
    ],
)
def test_ids_are_whole_numbers_or_text(written: Any, meant: Any) -> None:
    assert key_of(written) == meant


def test_float_ids_are_read(tmp_path: Path) -> None:
    path = coco(
        tmp_path,
        [box(9, 5) | {"category_id": 9.0}, box(4, 7) | {"image_id": "7"}],
        images=[entry(5.0, "5.jpg"), entry(7.0, "7.jpg")],
    )

    assert cls_of(truth(path)) == {"5.jpg": [1], "7.jpg": [2]}


def test_an_id_that_is_none_is_named(tmp_path: Path) -> None:
    path = coco(tmp_path, [box()], images=[entry({"a": 1}, "5.jpg")])

    with pytest.raises(
        LoadFault, match=r"val2017\.json: the id of images\[0\] must be a whole number or text: \{'a': 1\}"
    ):
        truth(path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"image_id": {"a": 1}}, {"image_id": [1]}, {"category_id": {}}, {"category_id": [9]}, {"bbox": {"x": 1}},
        {"bbox": [float("nan"), 1, 2, 2]}, {"bbox": [1, 1, float("inf"), 2]}, {"bbox": [[1], 1, 2, 2]},
    ],
)  # fmt: skip
def test_an_annotation_of_nested_or_endless_values_is_left_out_alone(tmp_path: Path, wrong: dict[str, Any]) -> None:
    found = truth(coco(tmp_path, [{**box(9, 5), **wrong}, box(4, 5)]))

    assert cls_of(found)["5.jpg"] == [2]
    left_out = [key for key in ("label_without_picture", "unknown_class", "malformed") if key in counts(found)]
    assert len(left_out) == 1


def test_a_mask_of_more_pixels_than_any_picture_is_not_decoded(tmp_path: Path) -> None:
    side = 100_000
    mask = {"size": [side, side], "counts": [0, side * side]}
    huge = {**entry(5, "5.jpg"), "width": side, "height": side}
    path = coco(tmp_path, [box(9, 5, segmentation=mask), box(4, 7)], images=[huge, entry(7, "7.jpg")])

    tracemalloc.start()
    found = truth(path, "seg")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert counts(found)["malformed"] == 1
    assert "too large to decode" in examples(found)[0]
    assert most < 100_000_000


# Classes in a COCO JSON


def categories(*names: str, first: int = 0) -> list[dict[str, Any]]:
    return [{"id": number, "name": name, "supercategory": names[0]} for number, name in enumerate(names, first)]


def test_roboflows_unused_root_category_is_no_class(tmp_path: Path) -> None:
    path = coco(tmp_path, [box(1, 5), box(3, 7)], categories=categories("shapes-x7", "o-arrow", "o-kite", "o-egg"))

    found = truth(path)

    assert cls_of(found) == {"5.jpg": [0], "7.jpg": [2]}
    assert "without the unused category 'shapes-x7': 'o-arrow' is 'arrow', 'o-egg' is 'egg'" in examples(found)[0]


@pytest.mark.parametrize(
    ("names", "used"),
    [
        (("a", "b", "c", "d"), 0),  # the root is used
        (("a", "b"), 1),  # fewer than classes: which ones would they be?
        (("a", "b", "c", "d", "e"), 1),
    ],
)
def test_categories_that_do_not_fit_the_classes_are_refused(tmp_path: Path, names: tuple[str, ...], used: int) -> None:
    path = coco(tmp_path, [box(used, 5)], categories=categories(*names))

    with pytest.raises(
        LoadFault, match=rf"has {len(names)} categories .*the model has 3 classes .*write a data YAML with"
    ):
        truth(path)


def test_the_data_yaml_that_the_refusal_asks_for_works(tmp_path: Path) -> None:
    coco(tmp_path, [box(2, 5), box(1, 7)], categories=categories("a", "b", "c", "d"))
    path = tmp_path / "data.yaml"
    path.write_text(
        yaml.safe_dump(
            {"annotations": "annotations/instances_val2017.json", "val": "val2017", "names": ["b", "c", "d"]}
        )
    )

    assert cls_of(truth(path)) == {"5.jpg": [1], "7.jpg": [0]}


def test_names_that_fit_in_part_say_which_do_not(tmp_path: Path) -> None:
    path = coco(tmp_path, [box(1, 5), box(2, 7)], categories=categories("arrow", "kite", "drone"))

    found = truth(path)

    assert cls_of(found) == {"5.jpg": [1], "7.jpg": []}
    assert "1 of the 2 categories in use are not classes of the model: drone" in " ".join(examples(found))
    assert counts(found)["labels_left_out"] == 1


def test_an_unused_category_of_another_name_is_nothing_to_speak_of(tmp_path: Path) -> None:
    found = truth(coco(tmp_path, [box(1, 5), box(0, 7)], categories=categories("arrow", "kite", "drone")))

    assert cls_of(found) == {"5.jpg": [1], "7.jpg": [0]}
    assert examples(found) == []


# Links


def link(folder: Path, target: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.symlink_to(target, target_is_directory=True)


def test_the_labels_of_a_linked_folder_are_beside_what_it_leads_to(tmp_path: Path) -> None:
    yolo(tmp_path / "store", {"a": GOOD, "b": "0 0.5 0.5 0.2 0.2\n"})
    link(tmp_path / "set/images/val", tmp_path / "store/images/val")
    (tmp_path / "set/labels/val").mkdir(parents=True)
    (tmp_path / "set/labels/val/a.txt").write_text("0 0.1 0.1 0.1 0.1\n" * 2)
    path = tmp_path / "set/data.yaml"
    path.write_text(yaml.safe_dump({"val": "images/val", "names": ["arrow", "kite"]}))

    found = truth(path)

    assert cls_of(found) == {"a.jpg": [1], "b.jpg": [0]}
    assert examples(found) == []


def test_labels_beside_the_link_are_a_second_try_and_noted(tmp_path: Path) -> None:
    for name in "ab":
        picture(tmp_path / f"store/{name}.jpg")
    link(tmp_path / "set/images/val", tmp_path / "store")
    (tmp_path / "set/labels/val").mkdir(parents=True)
    (tmp_path / "set/labels/val/a.txt").write_text(GOOD)
    path = tmp_path / "set/data.yaml"
    path.write_text(yaml.safe_dump({"val": "images/val", "names": ["arrow", "kite"]}))

    found = truth(path)

    assert cls_of(found) == {"a.jpg": [1], "b.jpg": []}
    assert "model.val looks where it leads" in examples(found)[0]


# Names in any bytes


def test_file_names_that_are_not_utf8_are_used(tmp_path: Path) -> None:
    korean = os.fsdecode("가".encode("cp949"))
    path = yolo(tmp_path, {f"a{korean}": GOOD, f"b{korean}": "7 0.5 0.5 0.1 0.1\n"})
    Path(tmp_path / f"images/val/c{korean}.jpg").write_bytes(b"nothing")

    found = truth(path)

    assert [os.fsencode(Path(file).name) for file in found.data.files] == [b"a\xb0\xa1.jpg"]
    assert counts(found) == {"pictures": 1, "labels": 1, "left_out": 2, "corrupt": 1, "unknown_class": 1}


@pytest.mark.parametrize("form", ["list.txt", "classes.csv"])
def test_lists_may_name_them_too(tmp_path: Path, form: str) -> None:
    name = b"\xb0\xa1.png"
    picture(tmp_path / "a.png").rename(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    (tmp_path / form).write_bytes(name + (b",kite\n" if form.endswith("csv") else b"\n"))

    assert [os.fsencode(Path(file).name) for file in usable(inference_set(tmp_path / form)).files] == [name]


# Damaged pictures


def save(path: Path, array: Any) -> bytes:
    Image.fromarray(array).save(path)
    return path.read_bytes()


@pytest.mark.parametrize("suffix", ["bmp", "tif", "jp2", "webp", "png"])
def test_torn_pictures_of_every_format_are_left_out(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (64, 48, 3), np.uint8)
    whole, torn = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    content = save(whole, noise)
    torn.write_bytes(content[: len(content) // 2])

    found = usable(inference_set(tmp_path))

    assert found.files == (str(whole),)
    assert (found.tally.counts["corrupt"], found.tally.counts["left_out"]) == (1, 1)


def test_a_picture_of_floats_is_left_out(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    save(tmp_path / "b.tif", np.ones((32, 32), np.float32))

    found = usable(inference_set(tmp_path))

    assert found.files == (str(tmp_path / "a.png"),)
    assert "b.tif cannot be decoded" in found.tally.first()


def test_pictures_of_sixteen_bits_and_four_channels_are_used(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.tif"), np.full((32, 32), 700, np.uint16))
    cv2.imwrite(str(tmp_path / "b.png"), np.full((32, 32, 4), 7, np.uint8))

    assert len(usable(inference_set(tmp_path)).files) == 2


# Numbers and texts without bound in a data YAML


def data_yaml(folder: Path, text: str) -> Path:
    path = yolo(folder, {"a": GOOD, "b": GOOD})
    path.write_text(text)
    return path


def test_a_count_of_classes_is_bounded_by_the_models(tmp_path: Path) -> None:
    path = data_yaml(tmp_path, "val: images/val\nnc: 2000000000\n")

    tracemalloc.start()
    found = truth(path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert len(found.data.meta["names"]) == 3
    assert found.data.meta["nc"] == 2_000_000_000
    assert most < 20_000_000


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, after in ("ab", "bc", "cd", "de", "ef", "fg", "gh")
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BOMB + "val: images/val\nnames: {0: *h}\n", "`names` must be text"),
        (BOMB + "val: images/val\nnames: *h\n", "`names` must be text"),
        (BOMB + "val: *h\nnames: [a, b]\n", "`val` must be text"),
        (BOMB + "val: {x: *h}\nnames: [a, b]\n", "`val` must be text"),
        (BOMB + "path: *h\nval: images/val\nnames: [a, b]\n", "`path` must be text"),
        (BOMB + "labels: *h\nval: images/val\nnames: [a, b]\n", "`labels` must be text"),
        (BOMB + "annotations: *h\nnames: [a, b]\n", "`annotations` must be text"),
        ("val: images/val\nnames: [a, b]\nnc: 1.5\n", "nc must be a whole number"),
        ("val: images/val\nnc: -1\n", "nc must be a whole number above 0"),
        ("val: images/val\nnc: .inf\n", "nc must be a whole number"),
        ("val: images/val\nnames: {0: a, 99999999999999999999: b}\n", "must run from 0 without a gap"),
    ],
)
def test_a_yaml_of_endless_values_is_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    path = data_yaml(tmp_path, text)

    with pytest.raises(LoadFault, match=rf"data\.yaml.*{says}") as fault:
        truth(path)
    assert len(str(fault.value)) < 1000


def test_keypoints_that_do_not_fit_their_shape_are_refused(tmp_path: Path) -> None:
    text = "val: images/val\nnames: [a, b]\nkpt_shape: [2, 3]\nkpt_oks_sigmas: [0.1, 0.2, 0.3]\n"

    with pytest.raises(LoadFault, match="`kpt_oks_sigmas` must be a list of one number for each point"):
        validation_set(data_yaml(tmp_path, text), "pose", MODEL)


# Forms that are nearly right


def test_imagenet_codes_in_a_csv_are_read_as_in_folders(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "classes.csv").write_text("file,class\na.png,n01440764\n")

    assert cls_of(truth(tmp_path / "classes.csv", "cls", {0: "goldfish", 1: "tench"})) == {"a.png": [1]}


def test_mmrotates_folder_of_labels_is_dotas(tmp_path: Path) -> None:
    picture(tmp_path / "set/images/P1.png")
    (tmp_path / "set/annfiles").mkdir()
    (tmp_path / "set/annfiles/P1.txt").write_text("8 6 24 6 24 18 8 18 kite 0\n")

    assert cls_of(truth(tmp_path / "set", "obb")) == {"P1.png": [1]}


@pytest.mark.parametrize("slash", ["\\", "/"])
def test_windows_paths_in_json_csv_and_lists_are_turned(tmp_path: Path, slash: str) -> None:
    for name in ("5.jpg", "7.jpg"):
        picture(tmp_path / "val2017/night" / name)
    images = [entry(n, f"night{slash}{n}.jpg") for n in (5, 7)]
    found = truth(coco(tmp_path, [box(9, 5), box(4, 7)], images=images))
    (tmp_path / "val2017/classes.csv").write_text(f"night{slash}5.jpg,kite\n")
    (tmp_path / "val2017/list.txt").write_text(f"night{slash}5.jpg\n")

    assert cls_of(found) == {"5.jpg": [1], "7.jpg": [2]}
    assert [note["kind"] for note in found.tally.notes()] == (["backslashes"] if slash == "\\" else [])
    assert cls_of(truth(tmp_path / "val2017/classes.csv", "cls")) == {"5.jpg": [1]}
    assert len(usable(inference_set(tmp_path / "val2017/list.txt")).files) == 1


def no_labels(path: Path, task: str = "detect") -> str:
    found = validation_set(path, task, MODEL)
    assert not found.has_labels
    return found.tally.first()


def test_the_folder_of_a_whole_set_names_its_yaml(tmp_path: Path) -> None:
    yolo(tmp_path / "set", {"a": GOOD})

    assert no_labels(tmp_path / "set") == (
        f"{tmp_path}/set holds a whole data set: to use its labels, give its data YAML, {tmp_path}/set/data.yaml"
    )


def test_the_pictures_of_a_set_say_that_labels_are_beside_them(tmp_path: Path) -> None:
    yolo(tmp_path / "set", {"a": GOOD})

    assert "give a data YAML with `val: val` and the `names`" in no_labels(tmp_path / "set/images/val")


def test_folders_a_class_are_no_labels_for_boxes(tmp_path: Path) -> None:
    picture(tmp_path / "set/kite/a.png")

    assert "one folder a class, which are labels for cls only" in no_labels(tmp_path / "set")


def test_a_set_of_boxes_is_no_set_of_classes(tmp_path: Path) -> None:
    yolo(tmp_path / "set", {"a": GOOD})

    with pytest.raises(LoadFault, match="set is a data set of boxes, not of classes for cls"):
        validation_set(tmp_path / "set", "cls", MODEL)


def test_a_folder_of_pictures_alone_needs_no_word(tmp_path: Path) -> None:
    picture(tmp_path / "pictures/a.png")

    assert no_labels(tmp_path / "pictures") == ""


def test_a_list_that_names_a_picture_twice_uses_it_twice_and_says_so(tmp_path: Path) -> None:
    path = yolo(tmp_path, {"a": GOOD, "b": GOOD}, val="some.txt")
    (tmp_path / "some.txt").write_text("images/val/a.jpg\nimages/val/b.jpg\nimages/val/a.jpg\n")

    found = truth(path)

    assert counts(found)["pictures"] == 3
    assert "a.jpg more than once" in examples(found)[0]


def test_every_picture_left_out_is_listed_with_its_reason(tmp_path: Path) -> None:
    labels: dict[str, str | None] = {**dict.fromkeys("abcd", GOOD), "e": "9 0.5 0.5 0.1 0.1\n" * 3}
    path = yolo(tmp_path, labels)
    for name in "bc":
        (tmp_path / f"images/val/{name}.jpg").write_bytes(b"nothing")

    found = read_labels(validation_set(path, "detect", MODEL), "detect", lambda done, of: None)

    assert [(one.kind, Path(one.file).name) for one in found.tally.left_out] == [
        ("corrupt", "b.jpg"), ("corrupt", "c.jpg"), ("unknown_class", "e.jpg"),
    ]  # fmt: skip
    assert counts(found)["left_out"] == 3
    json.dumps(found.tally.notes())
