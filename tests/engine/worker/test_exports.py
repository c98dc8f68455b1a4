"""Exports run like PyTorch weights do: ONNX for real; what has no runtime here is told in one sentence."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ultralytics import YOLO

from quintet.engine.protocol import switches
from quintet.engine.worker.backend import LoadFault
from quintet.engine.worker.yolo.model import there
from tests.engine.worker.drawn import THEIRS, further
from tests.engine.worker.test_scoring import IMAGES, MICRO, loaded, own_layout, run

pytestmark = pytest.mark.slow
LEVELS = switches.starting_levels(1)


def exported(task: str, folder: Path, *, dynamic: bool = False) -> str:
    shutil.copy(MICRO / f"{task}.pt", folder)
    model = YOLO(folder / f"{task}.pt")
    made = Path(model.export(format="onnx", imgsz=192, dynamic=dynamic, simplify=False, verbose=False))
    return str(made.rename(folder / f"{task}{'-dynamic' if dynamic else ''}.onnx"))


@pytest.mark.parametrize("task", ["cls", *further("seg", "pose")])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_an_onnx_export_scores_as_its_own_val_does(task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    onnx = exported(task, tmp_path)
    backend = loaded(task, weights=onnx)
    run(backend, list(range(IMAGES)), score=True)
    monkeypatch.chdir(tmp_path)
    found = YOLO(onnx, task=YOLO(tmp_path / f"{task}.pt").task).val(
        data=own_layout(task, tmp_path),
        imgsz=192,
        batch=1,
        rect=False,
        workers=0,
        plots=False,
        verbose=False,
        device="cpu",
    )
    values = backend.accuracy()
    assert backend.coverage() == (IMAGES, IMAGES)
    for ours, theirs in THEIRS[task].items():
        assert values[ours] == pytest.approx(found.results_dict[theirs], abs=1e-6), ours


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_an_onnx_export_has_the_lanes_threads_and_its_own_batch(tmp_path: Path) -> None:
    backend = loaded("detect", weights=exported("detect", tmp_path), threads=2)
    info = backend.info()
    assert (info["threads"], info["parameters"], info["dtype"], info["classes"]) == (2, None, "float32", 8)
    refusal = backend.refusal({**LEVELS, "batch": 4})
    assert refusal is not None
    assert "an export for 1 at a time" in refusal
    free = loaded("detect", weights=exported("detect", tmp_path, dynamic=True))
    assert free.refusal({**LEVELS, "batch": 4}) is None
    free.apply(LEVELS)
    assert len(free.predict_many([free.read("validation", index) for index in range(4)])) == 4


@pytest.mark.parametrize(
    ("name", "package"),
    [("detect.engine", "tensorrt"), ("detect_openvino_model", "openvino"), ("detect.v2_openvino_model", "openvino")],
)
def test_an_export_without_its_runtime_is_told_in_one_sentence(tmp_path: Path, name: str, package: str) -> None:
    if _installed(package):
        pytest.skip(f"{package} is installed here")
    path = tmp_path / name
    if path.suffix == ".engine":
        path.write_bytes(b"engine")
    else:
        path.mkdir()
        (path / "detect.xml").write_text("<net/>")
    with pytest.raises(LoadFault, match=f"needs {package}, which is not installed here"):
        loaded("detect", weights=str(path), device="cpu")


def _installed(package: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(package) is not None


def test_a_file_that_is_no_onnx_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_bytes(b"no model")
    with pytest.raises(LoadFault, match=r"x\.onnx is no Ultralytics model that can be loaded here"):
        loaded("detect", weights=str(tmp_path / "x.onnx"))


@pytest.mark.parametrize("device", ["cuda:9", "tpu", "cuda:x", "cpu:1"])
def test_a_device_that_is_not_there_names_those_that_are(device: str) -> None:
    with pytest.raises(
        LoadFault, match=r"device .* is not available, torch finds only .*: set device = \"auto\""
    ) as caught:
        loaded("detect", device=device)
    assert all(found in str(caught.value) for found in there())


def test_auto_takes_the_best_device(tmp_path: Path) -> None:
    assert loaded("detect", device="auto").info()["device"].split(":")[0] == there()[0].split(":")[0]
