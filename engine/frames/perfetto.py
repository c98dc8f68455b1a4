"""A session as a trace in Chrome's Trace Event Format (JSON), which ui.perfetto.dev opens: a track a lane.

Slices are `load`, `predict` with `pre`, `infer` and `post` inside it, and `score`; one a call, so that a batch is one.
A row tells how long pre, infer and post took and not when: they are laid end to end from predict's beginning, where they
do begin. Times are microseconds from the session's start.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, TextIO

import numpy as np
import pandas as pd

from quintet.engine.frames.load import Frames
from quintet.engine.visible_text import visible_json

SESSION = 1
"""The process id of everything; a lane's track is its place + 1, the session's own 0."""
PIECE = 20_000
STEPS = ("pre", "infer", "post")


def write_trace(frames: Frames, out: TextIO, progress: Callable[[int, int], None]) -> None:
    """Write the whole trace; progress is told in images."""
    out.write('{"displayTimeUnit":"ms","otherData":')
    out.write(json.dumps({"profile": frames.start.get("profile_name"), "quintet": frames.start.get("quintet")}))
    out.write(',"traceEvents":[\n')
    first = True
    for event in _events(frames):
        out.write(("" if first else ",\n") + visible_json(json.dumps(event, ensure_ascii=False)))
        first = False
    done, every = 0, len(frames.samples)
    for lane, own in frames.samples.groupby("lane", observed=True, sort=False):
        track = _track(frames, lane)
        for piece in _calls(own):
            out.writelines(_slices(piece, track))
            done += len(piece)
            progress(min(done, every), every)
    progress(every, every)
    out.write("]}\n")


def _track(frames: Frames, lane: Any) -> int:
    known = list(frames.samples.lane.cat.categories)
    return known.index(lane) + 1 if lane in known else 0


def _us(seconds: Any) -> float:
    return round(float(seconds) * 1e6, 3)


def _events(frames: Frames) -> Iterator[dict[str, Any]]:
    """Everything but slices: names of tracks, arms, marks and faults, blocks and stretches, counters."""
    yield {"name": "process_name", "ph": "M", "pid": SESSION, "tid": 0, "args": {"name": "quintet"}}
    for track, name in enumerate(("session", *frames.samples.lane.cat.categories)):
        yield {"name": "thread_name", "ph": "M", "pid": SESSION, "tid": track, "args": {"name": name}}
        yield {"name": "thread_sort_index", "ph": "M", "pid": SESSION, "tid": track, "args": {"sort_index": track}}
    for arm in _records(frames.arms):
        levels = {key: value for key, value in arm.items() if key not in ("wall", "mode")}
        name = f"arm {arm['arm']}" + (f": {arm['mode']}" if "mode" in arm else "")
        yield _instant(name, "arm", _track(frames, arm.get("lane")), arm["t_s"], "t", levels)
    for mark in _records(frames.marks):
        yield _instant(mark["text"], "mark", 0, mark["t_s"], "g", {"who": mark["who"]})
    for fault in _records(frames.faults):
        track = _track(frames, fault.get("lane"))
        yield _instant(f"{fault['kind']}: {fault['text']}", "fault", track, fault["t_s"], "t", {})
    yield from _spans(frames)
    yield from _counters(frames)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dicts of plain values, without what is missing."""
    found: list[dict[str, Any]] = []
    for row in frame.to_dict("records"):
        plain = {str(key): value.item() if isinstance(value, np.generic) else value for key, value in row.items()}
        found.append({key: value for key, value in plain.items() if not pd.isna(value)})
    return found


def _instant(name: str, kind: str, track: int, t_s: float, scope: str, args: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "cat": kind,
        "ph": "i",
        "s": scope,
        "pid": SESSION,
        "tid": track,
        "ts": _us(t_s),
        "args": args,
    }


def _spans(frames: Frames) -> Iterator[dict[str, Any]]:
    """Blocks and stretches as async events, each with an id of its own."""
    for block in _records(frames.blocks):
        if "end_s" in block:
            void = f", void: {block['void']}" if block.get("void") else ""
            name = f"block {block['block']}: {block.get('regime', '')} {block.get('levels', '')}{void}"
            yield from _async(name, "block", f"b{block['block']}", block["started_s"], block["end_s"])
    for one in _records(frames.stretches):
        name = f"{one['regime']}, {one.get('mode', 'mixed')} (setting {one['setting']})"
        yield from _async(name, "stretch", f"s{one['stretch']}", one["begin_s"], one["end_s"])


def _async(name: str, kind: str, number: str, begin_s: Any, end_s: Any) -> Iterator[dict[str, Any]]:
    common = {"name": name, "cat": kind, "id": number, "pid": SESSION, "tid": 0}
    yield {**common, "ph": "b", "ts": _us(begin_s)}
    yield {**common, "ph": "e", "ts": _us(end_s)}


def _counters(frames: Frames) -> Iterator[dict[str, Any]]:
    """CPU and memory of the machine and of every process, and GPUs."""
    for told in _records(frames.telemetry):
        number = f" {told['index']}" if told["what"] == "gpu" else ""
        whose = f"{told.get('lane', told['what'])}{number}"
        memory = told.get("rss_bytes", told.get("memory_used_bytes"))
        for name, value in (
            ("CPU %", told.get("cpu_pct")),
            ("use %", told.get("utilisation_pct")),
            ("memory MB", None if memory is None else memory / 1e6),
        ):
            if value is not None:
                yield {"name": f"{whose} {name}", "ph": "C", "pid": SESSION, "ts": _us(told["t_s"]),
                       "args": {"value": round(float(value), 3)}}  # fmt: skip


def _calls(own: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """One row a call of predict, in pieces: rows of one batch share their start; their load and score add up."""
    number = (own.start_ns != own.start_ns.shift()).cumsum().to_numpy()
    if len(own) and number[-1] < len(own):
        sums = own[["load", "score", "detections"]].groupby(number).sum()
        own = own.groupby(number).first().assign(**{name: sums[name] for name in sums})
    for begin in range(0, len(own), PIECE):
        yield own.iloc[begin : begin + PIECE]


def _slices(calls: pd.DataFrame, track: int) -> Iterator[str]:
    """The JSON of one lane's slices in order of time, each after a comma. Nanoseconds as integers, so that they nest."""
    start = ((calls.t_s * 1e9).round()).astype("int64").to_numpy()
    ns = {name: (calls[name] * 1e6).round().astype("int64").to_numpy() for name in ("load", "predict", "score", *STEPS)}
    ended = start + ns["predict"] + ns["score"]
    before = np.concatenate(([start[0] - ns["load"][0]], ended[:-1])) if len(start) else start
    load_begin = np.minimum(start, np.maximum(start - ns["load"], before))
    tail = f',"pid":{SESSION},"tid":{track}'
    args = zip(calls.seq, calls.image, calls.arm, calls.batch, calls.detections, calls.warm_up, strict=True)
    for place, (seq, image, arm, batch, detections, warm_up) in enumerate(args):
        t0, predict = int(start[place]), int(ns["predict"][place])
        if load_begin[place] < t0:
            yield _slice("load", int(load_begin[place]), t0 - int(load_begin[place]), tail)
        told = f'"seq":{seq},"image":{image},"arm":{arm},"batch":{batch},"detections":{detections}'
        told += ',"warm_up":true' if warm_up else ""
        yield _slice("predict", t0, predict, f'{tail},"args":{{{told}}}')
        at, end = t0, t0 + predict
        for step in STEPS:
            took = min(int(ns[step][place]), end - at)
            if took > 0:
                yield _slice(step, at, took, tail)
            at += max(0, took)
        if ns["score"][place] > 0:
            yield _slice("score", end, int(ns["score"][place]), tail)


def _slice(name: str, begin_ns: int, took_ns: int, tail: str) -> str:
    return f',\n{{"name":"{name}","cat":"image","ph":"X","ts":{begin_ns / 1000:.3f},"dur":{took_ns / 1000:.3f}{tail}}}'
