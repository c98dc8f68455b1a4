"""Every frame's columns in order, each with its type: what docs/frames.md explains, a test compares the two.

Types: `int` (whole, never missing), `Int` (whole, may be missing), `float` (missing: NaN), `bool`, `text`, `wall` (UTC,
nanoseconds) and `category`. No column is of Python objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from quintet.engine.protocol.events import FAULTS, OUTCOMES
from quintet.engine.protocol.switches import MODES, SWITCHES

TASKS = ("cls", "detect", "pose", "seg", "obb")
TIMES = ("wait", "load", "pre", "infer", "post", "predict", "score", "cpu", "delay", "value", "keep")
"""A row's columns in milliseconds."""
SAMPLES = {
    "lane": "category", "task": "category", "seq": "int", "arm": "int", "setting": "Int", "stretch": "Int",
    "mode": "category", "regime": "category", "block": "Int", "burn_in": "bool", "counts": "bool", "warm_up": "bool",
    "first_pass": "bool", "scored": "bool", "late": "bool", "t_s": "float", "wall": "wall", "start_ns": "int",
    "image": "int", **dict.fromkeys(TIMES, "float"), "cycle": "float", "batch": "int", "detections": "int",
}  # fmt: skip
STRETCHES = {
    "stretch": "int", "setting": "int", "regime": "category", "mode": "category", "lanes": "text", "begin_s": "float",
    "end_s": "float",
}  # fmt: skip
BLOCKS = {
    "block": "int", "round": "int", "regime": "category", "mode": "category", "lanes": "text", "levels": "text",
    "placebo": "bool", "requested_s": "float", "started_s": "float", "burn_in_ms": "float", "end_s": "float",
    "wall": "wall", "void": "text", "counts": "bool",
}  # fmt: skip
ARMS = {
    "lane": "category", "task": "category", "arm": "int", "from_seq": "int", "t_s": "float", "wall": "wall",
    "mode": "category",
    **{switch.name: switch.column for switch in SWITCHES},
}  # fmt: skip
METRICS = (
    "top1", "top5",
    *(f"{name}_{kind}" for kind in ("box", "mask", "pose", "obb") for name in ("precision", "recall", "map50", "map")),
)  # fmt: skip
VALUES = {
    "lane": "category", "task": "category", "arm": "int", "t_s": "float", "wall": "wall", "images": "int", "of": "int",
    "cost": "float", **dict.fromkeys(METRICS, "float"),
}  # fmt: skip
TELEMETRY = {
    "t_s": "float", "wall": "wall", "asked_s": "float", "what": "category", "lane": "category", "pid": "Int",
    "index": "Int", "cpu_pct": "float", "rss_bytes": "Int", "pss_bytes": "Int", "memory_used_bytes": "Int",
    "memory_available_bytes": "Int", "load_1m": "float", "frequency_mhz": "float", "held_bytes": "Int",
    "gc_collections": "Int", "skipped": "Int", "kept_short": "Int", "cpu": "float", "bytes": "Int", "frames": "Int",
    "utilisation_pct": "float", "clock_mhz": "float", "power_mw": "float", "throttle_reasons": "Int",
    "journal_bytes": "Int", "cost": "float",
}  # fmt: skip
MARKS = {"t_s": "float", "wall": "wall", "who": "text", "text": "text"}
COMMANDS = {
    "id": "int", "t_s": "float", "wall": "wall", "who": "text", "what": "category", "value": "text", "lane": "category",
    "outcome": "category", "answer_s": "float", "from_seq": "Int", "text": "text",
}  # fmt: skip
FAULT_COLUMNS = {
    "lane": "category", "t_s": "float", "wall": "wall", "kind": "category", "text": "text", "stderr": "text",
}  # fmt: skip
WORK = {
    "lane": "category", "t_s": "float", "wall": "wall", "from_seq": "int", "cpu": "float", "runq": "float", "slices": "Int",
    "voluntary": "Int", "involuntary": "Int",
}  # fmt: skip
SCHEMA = {
    "samples": SAMPLES, "stretches": STRETCHES, "blocks": BLOCKS, "arms": ARMS, "values": VALUES,
    "telemetry": TELEMETRY, "work": WORK, "marks": MARKS, "commands": COMMANDS, "faults": FAULT_COLUMNS,
}  # fmt: skip
CATEGORIES: dict[str, tuple[str, ...]] = {
    "task": TASKS, "mode": tuple(MODES), "kind": FAULTS, "outcome": OUTCOMES,
    "what": ("machine", "worker", "nursery", "supervisor", "screen", "gpu"),
    **{switch.name: tuple(map(str, switch.levels)) for switch in SWITCHES},
}  # fmt: skip
"""Categories that are the same in every log, so that frames of several logs fit; others come in order of appearance."""


def frame(name: str, columns: Mapping[str, Any], lanes: Sequence[str]) -> pd.DataFrame:
    """A frame of SCHEMA from lists or arrays, one a column, all of one length. Missing values are None.

    lanes: the lanes' names, the categories of every column `lane`.
    """
    typed = {column: _typed(column, kind, columns[column], lanes) for column, kind in SCHEMA[name].items()}
    found: pd.DataFrame = pd.DataFrame(typed, copy=False)
    return found


def _typed(column: str, kind: str, content: Any, lanes: Sequence[str]) -> Any:
    if kind == "category":
        return category(content, tuple(lanes) if column == "lane" else CATEGORIES.get(column, ()))
    if isinstance(content, np.ndarray):
        return content
    if kind == "text":
        return pd.array(content, dtype="string")
    if kind == "Int":
        return pd.array(content, dtype="Int64")
    if kind == "wall":
        return pd.DatetimeIndex(content)
    return np.array(content, dtype={"int": "int64", "float": "float64", "bool": "bool"}[kind])


def category(content: Any, known: tuple[str, ...]) -> Any:
    """Text as a category: the known ones, then others in order of appearance."""
    if isinstance(content, pd.Categorical):
        return content
    texts = [None if value is None else str(value) for value in content]
    every = tuple(dict.fromkeys((*known, *(text for text in texts if text is not None))))
    place = {text: number for number, text in enumerate(every)}
    return coded([-1 if text is None else place[text] for text in texts], every)


def coded(codes: Any, words: Sequence[str]) -> pd.Categorical[Any]:
    """A category from whole numbers: a word's place, or -1 where it is missing."""
    found: pd.Categorical[Any] = pd.Categorical.from_codes(
        np.asarray(codes, np.int64), pd.Index(list(words), dtype=str)
    )
    return found
