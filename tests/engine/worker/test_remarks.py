"""What has no effect is said, and so is a data set whose classes are called otherwise than the model's. Real models."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from quintet.profiles.micro.shapes import NAMES
from tests.engine.worker.drawn import draw_set, loaded, settings
from tests.engine.worker.test_scoring import loaded as micro

pytestmark = pytest.mark.slow


def test_half_on_a_cpu_and_rect_of_a_classifier_have_no_effect() -> None:
    assert [tuple(remark) for remark in micro("cls", half=True, rect=True)._remarks] == [
        ("half_ignored", "half = true has no effect: on cpu the model runs in float32"),
        ("rect_ignored", "rect = true has no effect: cls models take square pictures only, in model.val as well"),
    ]
    assert micro("detect", rect=True)._remarks == []


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (list(NAMES), None),
        ([name.upper().replace("_", " ") for name in NAMES], None),
        (list(NAMES[:3]), None),
        ([NAMES[1], NAMES[0], *NAMES[2:]], f"in another order than the model: class 0 is {NAMES[1]!r} here"),
        ([*NAMES[:2], "anvil", *NAMES[3:]], "with other names than the model: class 2 is 'anvil' here"),
        ([NAMES[4], NAMES[2]], f"in another order than the model: class 0 is {NAMES[4]!r} here"),
    ],
)  # fmt: skip
def test_classes_that_the_data_calls_otherwise(names: list[str], says: str | None, tmp_path: Path) -> None:
    data = draw_set(tmp_path / "data", "detect", 8)
    keys = yaml.safe_load(data.read_text())
    data.write_text(yaml.safe_dump({**keys, "names": dict(enumerate(names))}))
    for label in (tmp_path / "data/labels/val").iterdir():
        label.write_text("0 0.5 0.5 0.2 0.2\n")

    remarks = loaded(settings("detect", data))._remarks

    if says is None:
        assert remarks == []
        return
    assert len(remarks) == 1
    assert remarks[0].kind == ("names_order" if "order" in says else "names_differ")
    assert says in remarks[0].text
    assert remarks[0].text.endswith("scores follow the numbers, as in model.val")
