"""What is not a fault but should be known: keys of a lane without effect, and classes that the data names differently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from quintet.engine.worker.datasets.pictures import YAML_SUFFIXES, DataSet


class Remark(NamedTuple):
    """A kind, for counting, and a sentence without its full stop."""

    kind: str
    text: str


def of_settings(settings: Mapping[str, Any], predictor: Any, *, rect: bool) -> list[Remark]:
    """The lane's keys that have no effect; `rect` says whether that key has one."""
    found = []
    if settings["half"] and not predictor.model.fp16:
        found.append(
            Remark("half_ignored", f"half = true has no effect: on {predictor.device} the model runs in float32")
        )
    if settings.get("rect") and not rect:
        kind = "cls models take" if settings["task"] == "cls" else "RT-DETR takes"
        found.append(
            Remark("rect_ignored", f"rect = true has no effect: {kind} square pictures only, in model.val as well")
        )
    return found


def of_names(data: DataSet, model_names: Mapping[int, str]) -> list[Remark]:
    """Whether a data YAML, whose labels are numbers, calls a class otherwise than the model; the first such class."""
    if data.label_files is None or data.source.suffix.lower() not in YAML_SUFFIXES or data.single_cls:
        return []
    names = {number: str(name) for number, name in data.meta["names"].items()}
    if names == {number: f"class_{number}" for number in names}:  # the data has a count only
        return []
    known = {_spelled(name) for name in model_names.values()}
    differing = [number for number in names if number in model_names and not _same(names[number], model_names[number])]
    if not differing:
        return []
    first = next((number for number in differing if _spelled(names[number]) in known), None)
    kind, how = ("names_differ", "with other names") if first is None else ("names_order", "in another order")
    first = differing[0] if first is None else first
    return [
        Remark(
            kind,
            f"the data names its classes {how} than the model: class {first} is {names[first]!r} here and "
            f"{model_names[first]!r} in the model; scores follow the numbers, as in model.val",
        )
    ]


def _same(one: str, other: str) -> bool:
    return _spelled(one) == _spelled(other)


def _spelled(name: str) -> str:
    return name.strip().casefold().replace("_", " ").replace("-", " ")
