"""A short log, ways to hurt it, and what must hold of whatever is then read: nothing wrong, and nothing missing in silence."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import quintet
from quintet.engine.analysis.flip_table import cells
from quintet.engine.errors import BadInput
from quintet.engine.frames import Frames
from quintet.engine.journal.writer import Journal
from quintet.engine.protocol import events as ev
from quintet.engine.report.findings import findings
from quintet.engine.report.formats.text import text
from quintet.engine.storage import open_log
from tests.making import OFF, ON, SECOND, Maker, at, start

LANES = 3
T = TypeVar("T")
Rows = dict[tuple[str, int], tuple[Any, ...]]
"""By lane and seq: the numbers of an image, and (mode, regime, counts, block) of what it belongs to."""


def frames(identity: str = "aaaa", pid: int = 100, predict_ms: float = 10) -> list[ev.Frame]:
    """Nine seconds of three lanes: all on, all off (a planned block), one parked, all on; telemetry once a second."""
    told = start(LANES)
    made = Maker(LANES).ready(0.2)
    made.frames[0] = told._replace(manifest={**told.manifest, "session": identity})
    cell = {"regime": "together", "lanes": [0, 1, 2], "levels": {"mode": "withoutval"}}
    open_lanes = [0, 1, 2]
    for second in range(1, 10):
        if second == 1:
            made.gate_all(1)
        if second == 3:
            made.set_all(3, OFF)
            made.frames.append(ev.BlockStart(0, 0, cell, False, at(2.9), at(3.002), SECOND))
        if second == 6:
            made.frames.append(ev.BlockEnd(0, at(6), ""))
            made.gate(2, 6, open_gate=False)
            open_lanes.remove(2)
        if second == 8:
            made.gate(2, 8, open_gate=True)
            open_lanes.append(2)
            made.set_all(8, ON)
        for lane in open_lanes:
            made.images(lane, second + 0.01, second + 0.99, predict_ms + lane + second, cycle_ms=120)
        made.frames.append(_telemetry(second + 0.995, identity, pid, sorted(open_lanes)))
    return [*made.frames, ev.End(at(10.1), "asked", {"session": identity})]


def _telemetry(second: float, identity: str, pid: int, active: list[int]) -> ev.Telemetry:
    values = {"processes": [{"what": "supervisor", "lane": None, "pid": pid}], "session": identity, "active": active}
    return ev.Telemetry(at(second), at(second), values)


def write(path: Path, events: list[ev.Frame]) -> bytes:
    """A journal of these events with a check after every reading of telemetry."""
    journal = Journal(path)
    for event in events:
        journal.append(event)
        if isinstance(event, ev.Telemetry):
            journal.check()
    journal.close()
    return path.read_bytes()


class Read(NamedTuple):
    """What was read of a log: rows, cells' means by lane, mode and regime, and all that was said to be missing."""

    rows: Rows
    means: dict[tuple[int, str | None, str], list[float | None]]
    said: str
    report: str


def read(path: Path) -> Read | str:
    """Read it every way there is; a refusal is its sentence. Anything but BadInput is a defect and comes through."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        loaded = _or_sentence(quintet.load, path)
    log = _or_sentence(open_log.read, path)
    if isinstance(log, str) or isinstance(loaded, str):
        assert log == loaded
        return str(log)
    report = text(findings(log.session), path.name, log.bad, log.unverified_bytes)
    assert bool(warned) == bool(open_log.losses(log.session, log.bad))
    means: dict[tuple[int, str | None, str], list[float | None]] = {}
    for cell in cells(log.session):
        means.setdefault((cell.lane, cell.mode, cell.regime), []).append(cell.means_ns["predict"])
    return Read(rows_of(loaded), means, "\n".join(loaded.notes), report)


def _or_sentence(how: Callable[[Path], T], path: Path) -> T | str:
    try:
        return how(path)
    except BadInput as error:
        return str(error)


def rows_of(loaded: Frames) -> Rows:
    """Every image that was read."""
    columns = ["lane", "seq", "start_ns", "arm", "predict", "load", "score", "mode", "regime", "counts", "block"]
    plain = loaded.samples[columns].astype({"mode": "string", "regime": "string", "lane": "string"}).astype(object)
    plain = plain.where(plain.notna(), None)
    return {(row[0], row[1]): tuple(row[2:]) for row in plain.itertuples(index=False)}


def wrong(found: Read | str, truth: Read) -> str | None:
    """What is wrong with what was read of a hurt log, or None."""
    if isinstance(found, str):
        return None if found and "\n" not in found and found.endswith(".") else f"no sentence: {found!r}"
    said = bool(found.said)
    for key, row in found.rows.items():
        true = truth.rows.get(key)
        if true is None or row[:5] != true[:5]:
            if "no check yet" not in found.said:
                return f"{key} is {row} and was {true}"
            continue
        for name, value, right in zip(("mode", "regime", "counts", "block"), row[5:], true[5:], strict=True):
            if value not in (right, None, False):
                return f"{key}: {name} is {value} and was {right}"
    if found.rows != truth.rows and not said:
        return "rows are missing in silence"
    if found.report != truth.report and not said:
        return "the report differs in silence"
    return None
