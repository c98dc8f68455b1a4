"""Under what two logs were measured: what decides whether they may be compared, and what is only named. Pure.

Of what is only named, a key that a log does not record is never a difference: logs of older versions lack some. A switch
that a log does not know has its default level, since the version that wrote it ran so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from quintet.engine.analysis import other_programs
from quintet.engine.analysis.blocks import runs
from quintet.engine.protocol.events import Levels
from quintet.engine.protocol.switches import MODES, starting_levels
from quintet.engine.session.lane import Lane
from quintet.engine.session.session import Session
from quintet.engine.session.settings import stretches

PRESET = {"mode", *next(iter(MODES.values()))}
"""The switches that a mode sets: they make different cells, not different conditions."""
SETTINGS = ("conf", "iou", "max_det", "rect", "half", "keep_bytes")
"""Settings of a lane that are named where they differ."""
MACHINE = ("system", "machine", "cpu", "cpus", "cpus_usable", "memory_bytes", "gpus", "python")
WORDS = {
    "machine": "architecture",
    "cpus": "CPUs",
    "cpus_usable": "usable CPUs",
    "memory_bytes": "memory",
    "gpus": "GPUs",
}

Recorded: TypeAlias = "dict[str, dict[str, Any]]"
"""By lane, or `machine` and `versions`: what is recorded of it."""


def differences(a: Session, b: Session) -> list[str]:
    """What decides and is not the same, a sentence each; empty when two logs can be compared."""
    one, two = _deciding(a), _deciding(b)
    found = [
        f"{lane} is a lane of {'the first' if lane in one else 'the second'} log only"
        for lane in dict.fromkeys((*one, *two))
        if lane not in one or lane not in two
    ]
    return found + _unlike(one, two)


def noted(a: Session, b: Session) -> list[str]:
    """What else is recorded as a condition and is not the same: it may explain a change, and does not forbid to look."""
    found = _unlike(_beside(a), _beside(b))
    for name, session in (("a", a), ("b", b)):
        used = max(
            (most for run in runs(session) if (most := other_programs.of_run(session, run)) is not None), default=None
        )
        if used is not None and other_programs.notable(used):
            found.append(f"in {name} {other_programs.words(session, used)} in one of its blocks")
        if names := other_programs.sessions(session):
            found.append(f"beside {name} another quintet session ran ({', '.join(names)})")
    return found


def unrecorded(a: Session, b: Session) -> list[str]:
    """What only one of two logs records, in a line for the log that does not: `not recorded in a: cpu, memory`."""
    lines = []
    one, two = _beside(a), _beside(b)
    for name, its, other in (("a", one, two), ("b", two, one)):
        missing = dict.fromkeys(
            WORDS.get(what, what)
            for subject, told in other.items()
            for what in told
            if what not in its.get(subject, {}) and (subject in its or subject in ("machine", "versions"))
        )
        if missing:
            lines.append(f"not recorded in {name}: {', '.join(missing)}")
    return lines


def with_defaults(levels: Mapping[str, Any], threads: int) -> Levels:
    """The levels, with the default of every switch that a log does not know."""
    return {**starting_levels(threads), **levels}


def _unlike(one: Recorded, two: Recorded) -> list[str]:
    """What both record and is not the same."""
    return [
        f"{subject}: {WORDS.get(what, what)} {_short(what, first)} and {_short(what, two[subject][what])}"
        for subject, told in one.items()
        for what, first in told.items()
        if what in two.get(subject, {}) and _plain(what, first) != _plain(what, two[subject][what])
    ]


def _plain(what: str, value: Any) -> Any:
    """A value as it is compared: memory to a tenth of a gigabyte, since a kernel keeps a little of it back."""
    return round(value / 1e9, 1) if what == "memory_bytes" and value is not None else value


def _short(what: str, value: Any) -> str:
    if what == "memory_bytes" and value is not None:
        return f"{value / 1e9:.1f} GB"
    text = ", ".join(map(str, value)) or "none" if isinstance(value, (tuple, list)) else str(value)
    plain = what in (*MACHINE, *WORDS)
    return text if len(text) <= 24 or plain else f"{text[:12]}…"


def _deciding(session: Session) -> Recorded:
    """By lane: task, weights, data, image size, device, precision, and the levels of every switch that no mode sets."""
    found: Recorded = {}
    for lane, told in _lanes(session):
        info = lane.ready.info if lane.ready is not None else {}
        own: dict[str, Any] = {"task": lane.task, "weights": told.get("weights_sha256_found")}
        prints = told.get("data_fingerprints") or {}
        own |= {f"{name} data": prints.get(name) for name in ("inference", "validation")}
        own |= {"imgsz": told.get("imgsz"), "device": info.get("device"), "precision": info.get("dtype")}
        found[lane.name] = own | _levels(session, lane)
    return found


def _levels(session: Session, lane: Lane) -> dict[str, Any]:
    levels: dict[str, set[str]] = {}
    for stretch in stretches(session, session.last_ns):
        if lane.number in stretch.setting.lanes:
            for switch, level in with_defaults(stretch.setting.levels(lane.number), lane.threads).items():
                levels.setdefault(switch, set()).add(str(level))
    return {switch: tuple(sorted(its)) for switch, its in sorted(levels.items()) if switch not in PRESET}


def _beside(session: Session) -> Recorded:
    """The machine, the versions, and by lane the settings that do not decide."""
    manifest = session.start.manifest if session.start is not None else {}
    host, versions = (manifest.get(name) for name in ("host", "versions"))
    found: Recorded = {
        "machine": _taken(host or {}, {name: name for name in MACHINE}),
        "versions": {**_taken(manifest, {"quintet": "quintet"}), **(versions or {})},
    }
    for lane, told in _lanes(session):
        info = lane.ready.info if lane.ready is not None else {}
        own = _taken(told, {name: name for name in SETTINGS})
        found[lane.name] = own | _taken(info, {name: name for name in ("torch", "ultralytics", "parameters")})
    return found


def _lanes(session: Session) -> list[tuple[Lane, dict[str, Any]]]:
    manifest = session.start.manifest if session.start is not None else {}
    return list(zip(session.lanes, manifest.get("lanes", ()), strict=False))


def _taken(told: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """What is recorded under these names, as it is called here."""
    return {name: told[key] for key, name in names.items() if key in told}
