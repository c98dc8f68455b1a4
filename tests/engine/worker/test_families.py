"""RT-DETR scores as `model.val` does; a family that has not been shown to is timed and not scored. Real models."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import ultralytics
import yaml
from ultralytics.nn.modules import head as heads
from ultralytics.nn.tasks import DetectionModel

from quintet.engine.worker.backend import LoadFault
from quintet.engine.worker.scoring_thread import Handover
from quintet.engine.worker.yolo import families
from quintet.engine.worker.yolo import model as weights
from quintet.engine.worker.yolo.backend import YoloBackend
from quintet.engine.worker.yolo.scoring import Tap
from tests.engine.worker.drawn import draw_set, labels_by, loaded, scored, settings
from tests.engine.worker.test_equality import check_equal
from tests.engine.worker.test_scoring import INFERENCE, MICRO, VALIDATION, WITHOUT
from tests.engine.worker.test_scoring import loaded as micro
from tests.engine.worker.untrained import untrained

pytestmark = pytest.mark.slow
SIDE, COUNT = 128, 8
SMALL = ["nc", 64, 100, 4, 4, 2, 128]
"""The decoder's classes, width, queries, points, heads, layers and inner width: a quarter of RT-DETR's and less."""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A small RT-DETR, last run at the size it is used at, as a trained one; and pictures that it labelled itself."""
    folder = tmp_path_factory.mktemp("rtdetr")
    design = yaml.safe_load((Path(ultralytics.__file__).parent / "cfg/models/v8/yolov8-rtdetr.yaml").read_text())
    design["head"][-1][-1] = SMALL
    file = untrained(design, folder / "yolov8-rtdetr.pt", side=SIDE, nc=5, scales={"n": [0.33, 0.125, 512]})
    data = draw_set(folder / "data", "detect", COUNT)
    shutil.rmtree(folder / "data/labels")
    labels_by(file, "detect", folder / "data", 12, imgsz=SIDE)
    return file, data


def lane(drawn: tuple[str, Path], **changed: Any) -> dict[str, Any]:
    return settings("detect", drawn[1], weights=drawn[0], imgsz=SIDE, **changed)


@pytest.mark.parametrize("changed", [{}, {"rect": True}, {"max_det": 7, "conf": 0.6}])
def test_rtdetr_equals_val_on_pictures_that_are_not_square(
    drawn: tuple[str, Path], changed: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = Path(shutil.copytree(drawn[1].parent, tmp_path / "data")) / "data.yaml"
    keys = yaml.safe_load(data.read_text())
    data.write_text(yaml.safe_dump(keys | {"path": str(data.parent)}))

    values = check_equal(lane((drawn[0], data), **changed), data, tmp_path, monkeypatch)

    assert values["map_box"] > 0.05


def test_rtdetr_in_batches_and_in_a_thread(drawn: tuple[str, Path]) -> None:
    one_by_one, in_batches, in_a_thread = (loaded(lane(drawn)) for _ in range(3))
    expected = scored(one_by_one)
    for begin in range(0, COUNT, 4):
        results = in_batches.predict_many([in_batches.read("validation", begin + place) for place in range(4)])
        assert torch.equal(in_batches.copy(results[2], 2)[0], in_batches._tap._output[0][2:3])
        for place in range(4):
            in_batches.score(begin + place, results[place], place)
    handover = Handover(in_a_thread.score_copy)
    for index in reversed(range(COUNT)):
        handover.wait_for_room()
        handover.hand_over(index, in_a_thread.copy(in_a_thread.predict(in_a_thread.read("validation", index))))
    handover.finish()

    assert in_a_thread.accuracy() == expected
    assert in_batches.accuracy() == pytest.approx(expected, abs=1e-3)  # batched convolutions round otherwise
    assert in_batches.coverage() == (COUNT, COUNT)


def test_rtdetr_finds_the_boxes_that_its_own_predict_finds(drawn: tuple[str, Path]) -> None:
    backend = loaded(lane(drawn, conf=0.1))
    plain = ultralytics.RTDETR(drawn[0])
    plain.model.model[-1].shapes = []  # else this predict takes the file's anchors, rounded to half precision
    pictures = [backend.read("validation", index) for index in range(COUNT)]

    found = [backend.predict(picture).boxes.data for picture in pictures]

    for picture, boxes in zip(pictures, found, strict=True):
        theirs = plain.predict(picture, imgsz=SIDE, conf=0.1, iou=0.7, rect=False, device="cpu", verbose=False)[0]
        assert torch.equal(boxes, theirs.boxes.data)
        assert len(boxes) > 5


def test_the_tap_keeps_the_boxes_wherever_they_are() -> None:
    for last, shape in ((False, (1, 9, 30)), (True, (1, 30, 9))):
        tap, output = Tap(boxes_last=last), torch.rand(shape)
        before = output.clone()
        tap(None, [torch.zeros(1, 3, 8, 8)], output)
        (output[..., :4] if last else output[:, :4]).mul_(128)  # as releases up to 8.4.150 do in their validator

        assert torch.equal(tap.output(), before)


class OtherHead(heads.Detect):  # type: ignore[misc]
    """A head that Ultralytics does not have."""


class OtherNetwork(DetectionModel):  # type: ignore[misc]
    """A network that Ultralytics does not have."""


SAME_NAME = type("Detect", (heads.Detect,), {"__module__": "somebody.elses"})


@pytest.mark.parametrize("kind", [OtherHead, SAME_NAME, OtherNetwork])
@pytest.mark.parametrize("rect", [False, True])
def test_an_unknown_family_is_timed_and_not_scored(kind: type, rect: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = of_kind(kind, monkeypatch, rect=rect)

    refusal = backend.refusal(VALIDATION)

    network, head = type(backend._model.model).__name__, type(backend._model.model.model[-1]).__name__
    assert kind.__name__ in (network, head)
    assert f"detect can be timed but not scored, because {network} with the head {head} has not" in str(refusal)
    assert backend._scorer is None  # a validator that does not know the family might not even be built
    assert 'set switches = { mode = "withoutval" } or { mode = "inference" }' in str(refusal)
    with pytest.raises(LoadFault, match="can be timed but not scored"):
        backend.apply(VALIDATION)
    for levels in (WITHOUT, INFERENCE):
        assert backend.refusal(levels) is None
        backend.apply(levels)
        data = str(levels["data"])
        assert backend.images(data) > 0
        assert backend.detections(backend.predict(backend.read(data, 0))) > 0
        assert len(backend.predict_many([backend.read(data, index) for index in range(2)])) == 2


def test_the_predictor_of_an_unknown_family_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = of_kind(OtherHead, monkeypatch)._predictor

    assert predictor.pre_transform.__func__ is type(predictor).pre_transform
    assert not predictor.model._forward_hooks


def of_kind(kind: type, monkeypatch: pytest.MonkeyPatch, **changed: Any) -> YoloBackend:
    """The micro detect model with a head or a network of another class."""
    load = weights.load

    def other(*asked: Any) -> Any:
        model = load(*asked)
        part = model.model if kind is OtherNetwork else model.model.model[-1]
        part.__class__ = kind
        return model

    monkeypatch.setattr(weights, "load", other)
    return micro("detect", **changed)


def test_an_export_of_an_unknown_head_is_not_scored(tmp_path: Path) -> None:
    (tmp_path / "detect.onnx").touch()
    model = ultralytics.YOLO(tmp_path / "detect.onnx", task="detect")
    for metadata, scored_family in (({"head": "Detect"}, True), ({}, True), ({"head": "WorldDetect"}, False)):
        model.predictor = SimpleNamespace(model=SimpleNamespace(metadata=metadata))
        assert families.is_scored(model) is scored_family


def test_rect_scores_one_picture_at_a_time_only() -> None:
    backend = micro("detect", rect=True)

    assert backend.refusal({**VALIDATION, "batch": 1}) is None
    assert backend.refusal({**WITHOUT, "batch": 2}) is None
    assert "with rect, detect can be scored only one image at a time" in str(
        backend.refusal({**VALIDATION, "batch": 2})
    )
    for free in (micro("detect"), micro("cls", rect=True)):
        assert free.refusal({**VALIDATION, "batch": 2}) is None


def test_rect_changes_nothing_for_rtdetr(drawn: tuple[str, Path]) -> None:
    backend = loaded(lane(drawn, rect=True))

    assert backend.refusal({**VALIDATION, "batch": 2}) is None
    assert [remark.kind for remark in backend._remarks if remark.kind.startswith("rect")] == ["rect_ignored"]


@pytest.mark.parametrize("name", ["yolov5s.pt", "yolov3-tiny.pt", "o'brien/detect.pt"])
def test_a_file_that_is_replaced_by_another_is_not_opened(name: str, tmp_path: Path) -> None:
    """Ultralytics takes `yolov5su.pt` for `yolov5s.pt`, here or from the net, and leaves apostrophes away."""
    if "u" in str(tmp_path) and "yolo" in name:
        pytest.skip("a path with this letter is taken as it is")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    shutil.copy(MICRO / "detect.pt", tmp_path / name)

    with pytest.raises(LoadFault, match=r"would open or download .* instead of .*: rename it"):
        micro("detect", weights=str(tmp_path / name))


def test_a_task_that_quintet_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "YOLO", lambda *asked, **named: SimpleNamespace(task="semantic"))

    with pytest.raises(LoadFault, match="a model for semantic, a task that quintet does not have: give other weights"):
        micro("detect")
