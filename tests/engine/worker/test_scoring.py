"""The values equal `model.val(rect=False, batch=1)`, and no switch changes what is timed. Real models, real data."""

from __future__ import annotations

import gc
import hashlib
import random
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml

from quintet.engine.protocol.events import Levels
from quintet.engine.worker.backend import LoadFault
from quintet.engine.worker.scoring_thread import Handover
from quintet.engine.worker.yolo.backend import YoloBackend
from quintet.engine.worker.yolo.kept_results import KeptResults, result_bytes
from quintet.profiles import micro
from tests.engine.worker.drawn import THEIRS, further

MICRO = Path(micro.__file__).parent
IMAGES = 64
VALIDATION: Levels = {"data": "validation", "score": "inline", "keep": "results"}
WITHOUT: Levels = {"data": "validation", "score": "off", "keep": "off"}
INFERENCE: Levels = {"data": "inference", "score": "off", "keep": "off"}

pytestmark = pytest.mark.slow


def settings(task: str, **changed: Any) -> dict[str, Any]:
    validation = "classes.csv" if task == "cls" else f"{task}.yaml"
    return {
        "name": task, "task": task, "weights": str(MICRO / f"{task}.pt"), "weights_sha256": None, "imgsz": 192,
        "data": {"inference": str(MICRO / "inference"), "validation": str(MICRO / validation)}, "device": "cpu",
        "conf": 0.25, "iou": 0.7, "max_det": 300, "half": False, "threads": 1, "keep_bytes": 1 << 30, **changed,
    }  # fmt: skip


def loaded(task: str, **changed: Any) -> YoloBackend:
    backend = YoloBackend(0, settings(task, **changed))
    backend.load(lambda *step: None)
    return backend


def run(backend: YoloBackend, indices: list[int], data: str = "validation", *, score: bool = False) -> list[Any]:
    results = []
    for index in indices:
        results.append(backend.predict(backend.read(data, index)))
        if score:
            backend.score(index, results[-1])
    return results


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*.*") if path.is_file()}


def own_layout(task: str, folder: Path) -> str:
    """The micro validation set as `model.val` wants it."""
    if task == "cls":
        for row in (MICRO / "classes.csv").read_text().splitlines()[1:]:
            file, name = row.split(",")
            for split in ("train", "val"):
                (folder / split / name).mkdir(parents=True, exist_ok=True)
                shutil.copy(MICRO / file, folder / split / name)
        return str(folder)
    shutil.copytree(MICRO / "val", folder / "images" / "val")
    shutil.copytree(MICRO / "labels" / task, folder / "labels" / "val")
    keys = yaml.safe_load((MICRO / f"{task}.yaml").read_text())
    keys.pop("labels")
    (folder / "data.yaml").write_text(
        yaml.safe_dump(keys | {"path": str(folder), "train": "images/val", "val": "images/val"})
    )
    return str(folder / "data.yaml")


def reference(task: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """What Ultralytics itself says of the weights."""
    from ultralytics import YOLO
    from ultralytics.data import utils

    monkeypatch.setattr(utils, "check_font", lambda *font: None)  # it may download one
    found = YOLO(str(MICRO / f"{task}.pt")).val(
        data=own_layout(task, folder / "data"), rect=False, batch=1, imgsz=192, iou=0.7, max_det=300, plots=False,
        workers=0, device="cpu", verbose=False, project=str(folder / "runs"),
    )  # fmt: skip
    return {ours: float(found.results_dict[theirs]) for ours, theirs in THEIRS[task].items()}


@pytest.fixture(scope="module")
def detect() -> YoloBackend:
    return loaded("detect")


@pytest.fixture(autouse=True)
def back(request: pytest.FixtureRequest) -> Iterator[None]:
    """The shared backend leaves each test in `validation` with nothing kept."""
    yield
    if "detect" in request.fixturenames:
        backend: YoloBackend = request.getfixturevalue("detect")
        backend.apply(WITHOUT)


@pytest.mark.parametrize("task", list(THEIRS))
def test_values_equal_model_val(task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = reference(task, tmp_path, monkeypatch)
    backend = loaded(task)
    order = list(range(IMAGES))

    run(backend, order, score=True)
    first = backend.accuracy()
    random.Random(5).shuffle(order)
    run(backend, order, score=True)
    second = backend.accuracy()

    assert first == pytest.approx(expected, abs=1e-6)
    assert second == pytest.approx(expected, abs=1e-6)
    assert backend.coverage() == (IMAGES, IMAGES)
    assert all(type(value) is float for value in first.values())
    assert max(expected.values()) > 0.2  # else equality would say nothing
    assert backend._predictor.args.conf == 0.25


@pytest.mark.parametrize("task", ["cls", "obb", *further("seg")])
def test_batches_and_paths_score_as_single_arrays_do(task: str) -> None:
    one_by_one = loaded(task)
    run(one_by_one, list(range(IMAGES)), score=True)
    in_batches, by_path = loaded(task), loaded(task)
    predictor = in_batches._predictor
    for begin in range(0, IMAGES, 4):
        indices = range(begin, begin + 4)
        results = in_batches.predict_many([in_batches.read("validation", index) for index in indices])
        for place, index in enumerate(indices):
            in_batches.score(index, results[place], place)
    for index in range(IMAGES):
        by_path.score(index, by_path.predict(by_path.path("validation", index)))
    expected = one_by_one.accuracy()
    assert by_path.accuracy() == pytest.approx(expected, abs=1e-6)
    assert in_batches.accuracy() == pytest.approx(expected, abs=1e-3)  # batched convolutions round otherwise
    assert in_batches._model.predictor is predictor
    assert in_batches.coverage() == (IMAGES, IMAGES)


@pytest.mark.parametrize("task", ["cls", "detect", *further("seg")])
def test_scoring_in_a_thread_gives_the_same_values(task: str) -> None:
    inline, threaded = loaded(task), loaded(task)
    run(inline, list(range(IMAGES)), score=True)
    handover = Handover(threaded.score_copy)
    for index in range(IMAGES):
        handover.wait_for_room()
        result = threaded.predict(threaded.read("validation", index))
        handover.hand_over(index, threaded.copy(result))
    handover.finish()
    assert threaded.accuracy() == inline.accuracy()
    assert threaded.coverage() == (IMAGES, IMAGES)


def test_an_image_counts_once_by_its_latest_scoring() -> None:
    backend = loaded("detect")
    assert backend.accuracy() == {}
    run(backend, list(range(10)), score=True)
    right = backend.accuracy()

    wrong_result = run(backend, [30])[0]
    backend.score(0, wrong_result)
    wrong = backend.accuracy()
    run(backend, [0, 0, 0], score=True)

    assert wrong != right
    assert backend.accuracy() == right
    assert backend.accuracy() == right  # asking clears nothing
    assert backend.coverage() == (10, IMAGES)


def test_pictures_without_objects_give_plain_numbers(tmp_path: Path) -> None:
    for name in ("000000", "000001"):
        shutil.copy(MICRO / "val" / f"{name}.jpg", tmp_path)
    (tmp_path / "labels").mkdir()
    shutil.copy(MICRO / "labels/detect/000001.txt", tmp_path / "labels")
    keys = yaml.safe_load((MICRO / "detect.yaml").read_text()) | {"val": ".", "labels": "labels"}
    (tmp_path / "data.yaml").write_text(yaml.safe_dump(keys))
    backend = loaded("detect", data={"inference": None, "validation": str(tmp_path / "data.yaml")})

    run(backend, [0], score=True)
    without = backend.accuracy()
    run(backend, [1], score=True)

    assert set(without.values()) == {0.0}
    assert backend.accuracy()["map50_box"] > 0.2


def test_switches_never_change_the_timed_work(detect: YoloBackend) -> None:
    predictor = detect._predictor
    parts = [getattr(predictor, name) for name in ("pre_transform", "preprocess", "inference", "postprocess")]
    for levels in (VALIDATION, WITHOUT, INFERENCE, VALIDATION):
        detect.apply(levels)
        run(detect, [0, 1], str(levels["data"]))
        assert detect._model.predictor is predictor
        assert [
            getattr(predictor, name) for name in ("pre_transform", "preprocess", "inference", "postprocess")
        ] == parts
        assert list(predictor.model._forward_hooks.values()) == [detect._tap]
        assert detect._tap._output is not None


def test_lanes_without_labels_do_the_same_timed_work() -> None:
    backend = loaded("detect", data={"inference": str(MICRO / "inference"), "validation": None})

    run(backend, [0], "inference")

    assert backend._predictor.pre_transform.__qualname__.startswith("loader_resize")
    assert list(backend._predictor.model._forward_hooks.values()) == [backend._tap]
    assert backend._tap._output is not None
    assert backend.coverage() == (0, 0)


def test_spans_are_three_by_six_reads_of_the_clock() -> None:
    ticks = count(0, 7)
    backend = YoloBackend(0, settings("detect"), lambda: next(ticks))
    backend.load(lambda *step: None)
    spans = backend.spans
    spans[:] = [0, 0, 0]

    before = next(ticks)
    run(backend, [0])

    assert next(ticks) - before == 7 * 7
    assert backend.spans is spans
    assert spans == [7, 7, 7]


def test_loading_reports_its_steps() -> None:
    steps: list[tuple[str, str, int, int]] = []
    ticks = count(0, 200_000_000)  # a fifth of a second a read
    YoloBackend(0, settings("detect"), lambda: next(ticks)).load(lambda *step: steps.append(step))

    assert steps[:3] == [("model", "begun", 0, 1), ("model", "done", 1, 1), ("ground_truth", "begun", 0, 0)]
    assert steps[-1] == ("ground_truth", "done", IMAGES, IMAGES)
    going = [done for step, state, done, _ in steps if (step, state) == ("ground_truth", "going")]
    assert 1 < len(going) < IMAGES
    assert going == sorted(going)


def test_kept_results_are_bounded_by_one_pass_and_by_bytes(detect: YoloBackend) -> None:
    detect.apply({**INFERENCE, "keep": "results"})
    results = run(detect, [0, 1], "inference")
    for index in range(40):
        detect.keep(index, results[index % 2])
    sizes = [result_bytes(result) for result in results]

    assert len(detect.kept) == detect.images("inference") == 32
    assert detect.kept.size_bytes == 16 * sum(sizes)
    assert sizes[0] >= results[0].orig_img.nbytes

    few = KeptResults(2 * sizes[0])
    for _ in range(5):
        few.add(results[0], 64)
    assert (len(few), few.size_bytes) == (2, 2 * sizes[0])
    none = KeptResults(10)
    none.add(results[0], 64)
    assert (len(none), none.size_bytes) == (0, 0)


def test_masks_count_among_the_bytes() -> None:
    backend = loaded("seg")
    result = next(result for result in run(backend, list(range(8))) if result.masks is not None)

    assert result_bytes(result) >= result.orig_img.nbytes + result.masks.data.nbytes + result.boxes.data.nbytes


def test_switching_keep_off_frees_at_once(detect: YoloBackend) -> None:
    detect.apply(VALIDATION)
    result = run(detect, [0])[0]
    detect.keep(0, result)
    run(detect, [1])  # the predictor itself holds its last result
    alive = weakref.ref(result)
    del result
    gc.disable()
    try:
        assert alive() is not None
        detect.apply({**VALIDATION, "keep": "off"})
        assert alive() is None
    finally:
        gc.enable()
    assert detect.kept.size_bytes == 0


def test_levels_that_cannot_hold_are_refused(detect: YoloBackend) -> None:
    plain = loaded("detect", data={"inference": None, "validation": str(MICRO / "val")})

    assert detect.refusal(VALIDATION) is None
    assert detect.refusal(INFERENCE) is None
    assert "switch data as well" in str(detect.refusal({**INFERENCE, "score": "inline"}))
    assert plain.refusal(WITHOUT) is None
    assert "detect has none" in str(plain.refusal(VALIDATION))
    assert "give data.validation with labels" in str(plain.refusal(VALIDATION))
    assert plain.refusal(INFERENCE) is None  # on the validation pictures
    with pytest.raises(LoadFault, match="detect has none"):
        plain.apply(VALIDATION)


def test_info_is_read_back(detect: YoloBackend) -> None:
    info = detect.info()

    assert (info["device"], info["dtype"], info["threads"], info["classes"]) == ("cpu", "float32", 1, 8)
    assert (info["validation_images"], info["inference_images"]) == (IMAGES, 32)
    assert info["parameters"] > 100_000
    assert info["model_load_ns"] > 0
    assert info["ground_truth_load_ns"] > 0
    assert detect.detections(run(detect, [0])[0]) >= 1
    detect.synchronize()


def test_half_precision_asked_of_a_cpu_is_read_back_and_changes_nothing() -> None:
    backend = loaded("detect", half=True)
    run(backend, [0, 1], score=True)

    backend.first_predict_done()  # raises when a call has built a new predictor

    assert backend.info()["dtype"] == "float32"
    assert backend.coverage() == (2, IMAGES)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"weights": "/nowhere/a.pt"}, "no weights at /nowhere/a.pt.*nothing is downloaded"),
        ({"weights": str(MICRO / "detect.yaml")}, "cannot be loaded as weights"),
        ({"weights_sha256": "00" * 32}, "it was not opened"),
        ({"weights": str(MICRO / "seg.pt")}, "is a model for seg, not detect"),
        ({"imgsz": 200}, "write 224"),
        ({"device": "cuda:99"}, 'device "cuda:99" is not available'),
        ({"data": {"inference": None, "validation": "/nowhere"}}, "no data set at /nowhere"),
    ],
)
def test_what_cannot_be_loaded_is_named(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(LoadFault, match=says):
        loaded("detect", **changed)


def test_pinned_weights_are_opened_and_broken_ones_named(tmp_path: Path) -> None:
    digest = hashlib.sha256((MICRO / "detect.pt").read_bytes()).hexdigest()
    assert loaded("detect", weights_sha256=digest.upper()).images("validation") == IMAGES

    (tmp_path / "broken.pt").write_bytes(b"no weights")
    with pytest.raises(LoadFault, match=r"broken\.pt is no Ultralytics model"):
        loaded("detect", weights=str(tmp_path / "broken.pt"))


def test_nothing_is_written_or_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    before = listing(MICRO)

    for task in ("cls", "detect"):
        backend = loaded(task)
        run(backend, [0, 1], score=True)
        backend.accuracy()

    assert listing(MICRO) == before
    assert [*tmp_path.rglob("*")] == [temporary]
    assert capfd.readouterr().out == ""
