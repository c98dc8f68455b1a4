"""The forms of the maps inside events: what every reader of a log relies on, checked once when an event is read.

Each struct names the keys that something reads, with their types and bounds. Other keys are kept as they are, so that a
log of a newer quintet stays readable; they too are plain values of a bounded size (`plain`).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Annotated, Any, TypeAlias, Union

import msgspec
from msgspec import Meta, Struct

from quintet.engine.protocol.plan_messages import MOST_LANES, LaneNumber, Word, told_plan

DEEPEST, MOST_VALUES, LONGEST_TEXT, LONGEST_KEY = 12, 200_000, 1 << 20, 512
"""Of one event: how deep its maps and lists nest, how many values they hold, how long a text and a key are."""

Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=256)]
Line: TypeAlias = Annotated[str, Meta(max_length=4096)]
Count: TypeAlias = Annotated[int, Meta(ge=0)]
Number: TypeAlias = Annotated[float, Meta(ge=-1e15, le=1e15)]
Small: TypeAlias = Annotated[dict[str, Any], Meta(max_length=1024)]
Notes: TypeAlias = Annotated[list[Any], Meta(max_length=1024)]
Names: TypeAlias = Annotated[list[Line], Meta(max_length=256)]
SomeLevels: TypeAlias = Annotated[dict[Word, Union[Word, int, float, None]], Meta(max_length=64)]


class _Lane(Struct):
    name: Name
    task: Name
    threads: Annotated[int, Meta(ge=1, le=65536)] = 1
    backend: Word | None = None
    levels: SomeLevels | None = None
    data: dict[str, Line | None] | None = None
    data_fingerprints: dict[str, Line | None] | None = None
    weights: Line | None = None
    weights_sha256_found: Line | None = None
    imgsz: int | None = None


class _Host(Struct):
    node: Line | None = None
    system: Line | None = None
    machine: Line | None = None
    python: Line | None = None
    cpu: Line | None = None
    cpus: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    cpus_usable: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    memory_bytes: Count | None = None
    gpus: Names | None = None


class _Manifest(Struct):
    lanes: Annotated[list[_Lane], Meta(min_length=1, max_length=MOST_LANES)]
    quintet: Word | None = None
    profile: str | None = None
    profile_name: Word | None = None
    session: Word | None = None
    seed: int | None = None
    host: _Host | None = None
    versions: Annotated[dict[str, Line], Meta(max_length=256)] | None = None
    other_sessions: Names | None = None


class _Info(Struct):
    device: Line | None = None
    dtype: Line | None = None
    threads: int | None = None
    parameters: int | None = None
    notes: Notes | None = None
    refusals: Annotated[dict[Line, Line], Meta(max_length=1024)] | None = None
    ground_truth: Small | None = None
    inference_set: Small | None = None
    validation_images: Count | None = None
    inference_images: Count | None = None


class _Machine(Struct):
    cpu_pct: Number | None = None
    memory_used_bytes: Number | None = None
    memory_available_bytes: Number | None = None
    load_1m: Number | None = None
    frequency_mhz: Number | None = None


class _Process(Struct):
    what: Word | None = None
    lane: int | None = None
    pid: int | None = None
    cpu_pct: Number | None = None
    rss_bytes: Count | None = None
    pss_bytes: Count | None = None


class _OfLane(Struct):
    lane: LaneNumber
    held_bytes: Count | None = None
    gc_collections: Count | None = None
    skipped: Count | None = None
    kept_short: Count | None = None
    notes: Notes | None = None


class _Screen(Struct):
    pid: int | None = None
    cpu_ns: Count | None = None
    bytes: Count | None = None
    frames: Count | None = None


class _Readings(Struct):
    machine: _Machine | None = None
    processes: Annotated[list[_Process], Meta(max_length=1024)] | None = None
    lanes: Annotated[list[_OfLane], Meta(max_length=MOST_LANES)] | None = None
    screens: Annotated[list[_Screen], Meta(max_length=1024)] | None = None
    gpus: Annotated[list[Small], Meta(max_length=256)] | None = None
    other_sessions: Names | None = None
    session: Word | None = None
    active: Annotated[list[LaneNumber], Meta(max_length=MOST_LANES)] | None = None
    journal_bytes: Count | None = None
    cost_ns: Count | None = None


_ASKED: dict[str, Any] = {"set": SomeLevels, "gate": bool, "pause": bool, "screen": Word}


def check_manifest(manifest: Mapping[str, Any]) -> None:
    """Raises ValueError for a manifest that no reader can use."""
    msgspec.convert(manifest, _Manifest)


def check_info(info: Mapping[str, Any]) -> None:
    """The same of what `ready` says."""
    msgspec.convert(info, _Info)


def check_readings(values: Mapping[str, Any], lanes: int) -> None:
    """The same of telemetry, in a session of so many lanes."""
    found = msgspec.convert(values, _Readings)
    named = [*(found.active or ()), *(one.lane for one in found.lanes or ())]
    if any(number >= lanes for number in named):
        raise ValueError("telemetry names a lane that does not exist")


def check_asked(what: Mapping[str, Any]) -> None:
    """The same of what a command asks. A key of a newer quintet is not looked into."""
    for key, value in what.items():
        if key in _ASKED:
            msgspec.convert(value, _ASKED[key])
        elif key == "plan":
            told_plan(what)


def check_levels(levels: Mapping[str, Any]) -> None:
    """The same of an arm's levels."""
    msgspec.convert(levels, SomeLevels)
    if "score" not in levels:
        raise ValueError("an arm holds every switch")


def plain(value: Any) -> None:
    """Raises ValueError unless a value is made of texts, numbers, maps and lists of a bounded size, without NaN."""
    left = MOST_VALUES
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for one in level for inner in _inside(one)]
        left -= len(level)
        if not level:
            return
        if left < 0:
            break
    raise ValueError("an event nests too deep or holds too many values")


def _inside(value: Any) -> tuple[Any, ...] | list[Any]:
    """The values that a value holds; its keys are looked at here."""
    kind = type(value)
    if kind is dict:
        if not all(isinstance(key, int) or (isinstance(key, str) and len(key) <= LONGEST_KEY) for key in value):
            raise ValueError("a key of a map is no text, or too long")
        return [*value.values()]
    if kind is list or kind is tuple:
        return value  # type: ignore[no-any-return]
    if kind is str:
        if len(value) > LONGEST_TEXT:
            raise ValueError("a text is too long")
    elif kind is float:
        if not isfinite(value):
            raise ValueError("a number is not finite")
    elif kind is int:
        if not -(2**63) <= value < 2**63:
            raise ValueError("a number is too large")
    elif not (value is None or kind is bool or kind is bytes):
        raise ValueError(f"a {kind.__name__} is not a plain value")
    return ()
