"""A data set is only read: no `download:` runs, nothing is fetched, split, copied or cached, whatever is missing."""

from __future__ import annotations

import ast
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import quintet.engine
import quintet.engine.worker.yolo.backend  # first, since it keeps Ultralytics offline and quiet
from quintet.engine.worker.backend import LoadFault
from tests.engine.worker.drawn import draw_set, listing, loaded, picture, scored, settings

NEVER = ("check_det_dataset", "check_cls_dataset", "check_file", "check_font", "safe_download", "download",
         "split_classify_dataset", "save_dataset_cache_file")  # fmt: skip
"""Ultralytics' functions that run, fetch or write."""


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every one of them raises wherever a module of Ultralytics holds it, and so does the network."""

    def never(*args: Any, **kwargs: Any) -> None:
        pytest.fail("Ultralytics was asked to run, fetch or write something")

    for name, module in list(sys.modules.items()):
        if name.startswith("ultralytics"):
            for function in NEVER:
                if callable(getattr(module, function, None)):
                    monkeypatch.setattr(module, function, never)
    monkeypatch.setattr(socket.socket, "connect", never)


def downloads(trap: Path) -> dict[str, str]:
    return {
        "python": f"import pathlib\npathlib.Path({str(trap)!r}).touch()",
        "url": "http://127.0.0.1:9/data.zip",
        "shell": f"bash -c touch$IFS{trap}",
    }


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize("how", ["python", "url", "shell"])
@pytest.mark.parametrize("role", ["validation", "inference"])
@pytest.mark.parametrize("missing", [{"path": "gone"}, {"val": "gone"}, {"annotations": "gone.json", "val": None}])
def test_a_missing_path_downloads_nothing(tmp_path: Path, how: str, role: str, missing: dict[str, Any]) -> None:
    data = draw_set(tmp_path / "set", "detect", 2)
    keys = {**yaml.safe_load(data.read_text()), "download": downloads(tmp_path / "trap")[how], **missing}
    data.write_text(yaml.safe_dump(keys))
    before = listing(tmp_path)

    with pytest.raises(LoadFault, match=r"gone|no key val"):
        loaded(settings("detect", None, data={"inference": None, "validation": None, role: str(data)}))

    assert listing(tmp_path) == before


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize("how", ["python", "url", "shell"])
def test_a_download_is_not_run_of_a_whole_set_either(tmp_path: Path, how: str) -> None:
    data = draw_set(tmp_path / "set", "detect", 2)
    data.write_text(data.read_text() + yaml.safe_dump({"download": downloads(tmp_path / "trap")[how]}))
    before = listing(tmp_path)

    scored(loaded(settings("detect", data)))

    assert listing(tmp_path) == before


@pytest.mark.usefixtures("guarded")
def test_yaml_makes_no_objects(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    (tmp_path / "data.yaml").write_text(f"val: !!python/object/apply:pathlib.Path.touch [{trap}]\nnames: [a]\n")

    with pytest.raises(LoadFault, match=r"data\.yaml is not YAML"):
        loaded(settings("detect", tmp_path / "data.yaml"))

    assert not trap.exists()


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize("folders", [["kite", "egg"], ["val/kite", "val/egg"]])
def test_a_class_folder_without_train_is_not_split(tmp_path: Path, folders: list[str]) -> None:
    for folder in folders:
        for name in range(3):
            picture(tmp_path / "set" / folder / f"{name}.jpg")
    before = listing(tmp_path)

    backend = loaded(settings("cls", tmp_path / "set"))
    scored(backend)

    assert listing(tmp_path) == before
    assert backend.coverage() == (6, 6)


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize("name", ["imagenet", "coco8.yaml", "set.zip"])
@pytest.mark.parametrize("task", ["cls", "detect"])
def test_names_that_ultralytics_would_fetch(tmp_path: Path, task: str, name: str) -> None:
    with pytest.raises(LoadFault, match=r"there is no data set at .*nothing is downloaded"):
        loaded(settings(task, tmp_path / name))

    assert list(tmp_path.iterdir()) == []


def test_the_engine_never_names_them() -> None:
    folder = Path(quintet.engine.__file__).parent
    nodes = [node for file in folder.rglob("*.py") for node in ast.walk(ast.parse(file.read_text()))]
    named = {getattr(node, part) for node in nodes for part in ("id", "attr", "name") if hasattr(node, part)}

    assert "verify_image_label" in named
    assert not named & set(NEVER)
