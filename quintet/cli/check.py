"""`quintet check`: a doctor. It looks at a profile and this machine, loads every lane once, and tells all it found.

The lanes are loaded by a session like any other, on a journal that is thrown away, so what is well here is well in a run.
"""

from __future__ import annotations

import asyncio
import locale
import os
import platform
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import msgpack
import msgspec
import psutil

from quintet.cli.fetch import fetch_missing
from quintet.engine.analysis.formatting import times
from quintet.engine.errors import BadInput
from quintet.engine.profile import interpreter
from quintet.engine.profile import load as profiles
from quintet.engine.profile.load import Found
from quintet.engine.profile.schema import Lane, Profile
from quintet.engine.protocol.backends import facts
from quintet.engine.session import data_notes
from quintet.engine.session.lane import Lane as LaneSeen
from quintet.engine.session.session import Session
from quintet.engine.storage import live_sessions, locations
from quintet.engine.storage.follower import SessionFollower
from quintet.engine.supervisor import manifest
from quintet.engine.visible_text import visible
from quintet.version import __version__

MB = 1_000_000
PROGRESS_S = 5.0
RUN_S = 1.0
"""How long the lanes run after their warm-up: enough for a first mean."""


def check(name: str, sets: list[str], start_timeout_s: float, *, fetching: bool, listing: bool = False) -> int:
    """Look at everything, print it. Raises BadInput for no such profile.

    With `listing` every picture that is left out is named. The exit status is 2 when there is a fault, 1 with a warning.
    """
    began = time.monotonic()
    profile, faults = profiles.examine(name, sets)
    if fetching:
        fetch_missing(profile)
        profile, faults = profiles.examine(name, sets)
    print(_head(profile, whole=not any(fault.lane for fault in faults)))
    print(visible(f"profile   {profile.path}"))
    print(visible(f"machine   {machine()}"))
    print(visible(f"terminal  {terminal()}"))
    for fault in faults:
        if fault.lane is None or all(lane.name != fault.lane for lane in profile.lanes):
            print(f"✗ {visible(fault.text)}")
    faults += _needs(profile)
    sound = tuple(lane for lane in profile.lanes if all(fault.lane not in (lane.name, "") for fault in faults))
    loaded = _loaded(msgspec.structs.replace(profile, lanes=sound), start_timeout_s) if sound else Loaded(Session(), {})
    seen = loaded.session
    wrong, warned = len(faults), 0
    for lane in profile.lanes:
        its = [fault.text for fault in faults if fault.lane == lane.name]
        told = next((one for one in seen.lanes if one.name == lane.name), None)
        if told is not None:
            its += [fault.text for fault in told.faults]
            wrong += len(told.faults)
            warned += len(data_notes.warnings(told))
        _print_lane(lane, told, [text.removeprefix(f"{Path(profile.path).name}, lane {lane.name}: ") for text in its])
        if listing and told is not None:
            _print_left_out(loaded.left_out.get(told.number, []))
    for broken in seen.faults:
        wrong += 1
        print(f"✗ {visible(broken.text)}")
    if seen.end is not None and seen.end.reason == "signal":
        print("interrupted: not all lanes were seen")
        return 1
    return _verdict(wrong, warned, len(profile.lanes), time.monotonic() - began)


def _verdict(wrong: int, warned: int, lanes: int, took_s: float) -> int:
    counts = [times(wrong, "fault")] if wrong else []
    counts += [times(warned, "warning")] if warned else []
    ok = "ok: loads and runs" if lanes == 1 else f"ok: all {lanes} lanes load and run"
    print(f"{', '.join(counts) or ok}, {took_s:.1f} s")
    return 2 if wrong else 1 if warned else 0


def _head(profile: Profile, *, whole: bool) -> str:
    lanes = "1 lane" if len(profile.lanes) == 1 else f"{len(profile.lanes)} lanes"
    lanes += "" if whole else " that can be read"
    found = manifest.versions()
    versions = [
        f"{name} {found[name]}" for name in ("torch", "ultralytics", "ultralytics-opencv-headless") if name in found
    ]
    told = [f"quintet {__version__}", f"Python {platform.python_version()}", *versions]
    return f"{profile.name}: {lanes} · {' · '.join(told)}"


def machine() -> str:
    """CPUs, memory, disk and other sessions, in one line."""
    memory, disk = psutil.virtual_memory(), shutil.disk_usage(locations.log_folder())
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    others = live_sessions.sessions()
    told = [
        f"{usable} of {os.cpu_count()} CPUs usable",
        f"{memory.available / 1e9:.1f} of {memory.total / 1e9:.1f} GB memory free",
        f"{disk.free / 1e9:.0f} GB free for logs",
        f"load {psutil.getloadavg()[0]:.1f}",
    ]
    if others:
        told.append(
            f"another quintet session ({others[0].name}) is running: each slows the other and changes its numbers"
        )
    return ", ".join(told)


def terminal() -> str:
    """What the screen would find here."""
    if not sys.stdout.isatty():
        return "none here; --headless works without"
    columns, rows = os.get_terminal_size(sys.stdout.fileno())
    coding = locale.getpreferredencoding(False)
    size = f"{columns}x{rows}" if columns and rows else "size not known (`stty cols 120 rows 40` sets it)"
    return f"{size}, TERM {os.environ.get('TERM', 'unset')}, {coding}"


def _needs(profile: Profile) -> list[Found]:
    """What lanes need to be run: their own interpreters, and the packages of this one."""
    faults = []
    for lane in profile.lanes:
        try:
            interpreter.check(msgspec.structs.replace(profile, lanes=(lane,)))
        except BadInput as error:
            faults.append(Found(lane.name, str(error)))
    try:
        interpreter.check_packages(profile)
    except BadInput as error:
        print(f"✗ {error}")
        faults.append(Found("", str(error)))
    return faults


class Loaded(NamedTuple):
    """What a short session wrote into its log, and the pictures that each lane left out: rows as `write_left_out`'s."""

    session: Session
    left_out: dict[int, list[Any]]


def _loaded(profile: Profile, start_timeout_s: float) -> Loaded:
    """A short session of these lanes."""
    from quintet.engine.supervisor.supervisor import Options, Supervisor

    with tempfile.TemporaryDirectory(prefix="quintet-check-") as made:
        folder = Path(made)
        journal = folder / f"check-{profile.name}.msgpack"
        private = locations.private_folder(journal)
        supervisor = Supervisor(profile, journal, private, Options(RUN_S, start_timeout_s, left_out_folder=folder))
        asyncio.run(_with_progress(supervisor.run(), len(profile.lanes)))
        with SessionFollower(journal, Session) as follower:
            follower.poll(None)
        files = {number: folder / str(number) for number in range(len(profile.lanes))}
        return Loaded(
            follower.session, {n: msgpack.unpackb(file.read_bytes()) for n, file in files.items() if file.exists()}
        )


def _print_left_out(rows: list[Any]) -> None:
    """Every picture that was left out, a line each."""
    for data, kind, file, why in rows:
        its, reason = os.fsdecode(file), os.fsdecode(why)
        text = reason.removeprefix(f"{its} ")
        print(
            visible(f"    left out  {data}, {kind.replace('_', ' ')}: {its} {'' if text == reason else text}").rstrip()
        )
        if text == reason:
            print(visible(f"              {reason}"))


async def _with_progress(run: Any, lanes: int) -> None:
    running = asyncio.ensure_future(run)
    began = time.monotonic()
    while True:
        done, _ = await asyncio.wait((running,), timeout=PROGRESS_S)
        if done:
            await running
            return
        print(f"loading {lanes} lanes, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


def _print_lane(lane: Lane, told: LaneSeen | None, faults: list[str]) -> None:
    kind = "" if lane.name == lane.task else f" ({lane.task})"
    well = told is not None and told.ready is not None
    print(f"{'✗' if faults else '✓' if well else '·'} {lane.name}{kind}{'' if faults or well else ': not loaded'}")
    for fault in faults:
        print(f"    ✗ {visible(fault)}")
    if told is None or told.ready is None:
        return
    info = told.ready.info
    first, last = told.rows.span(0, 1 << 62)
    mean = told.rows.mean_ns("predict", first, last)
    if facts(lane.backend).has_models:
        print(visible(f"    weights   {_weights(lane)}, {_parameters(info)}{info['classes']} classes"))
    device = f"{info.get('device', '?')}, {info.get('dtype', '?')}, {lane.imgsz} px, threads {info.get('threads', '?')}"
    print(visible(f"    device    {device}, {info['rss_bytes'] / MB:.0f} MB"))
    print(visible(f"    data      {_data(info)}"))
    for warning in data_notes.warnings(told):
        print(visible(f"    ⚠ {warning}"))
    for note in data_notes.notes(told):
        print(visible(f"              {note}"))
    times = f"model {info['model_load_ns'] / 1e9:.1f} s, ground truth {info['ground_truth_load_ns'] / 1e9:.1f} s"
    speed = "" if mean is None else f", then {mean / 1e6:.1f} ms an image with all lanes running"
    print(f"    took      {times}, {told.rows.warm_up} images of warm-up{speed}")


def _weights(lane: Lane) -> str:
    path = Path(lane.weights)
    digest = manifest.sha256(path) if path.is_file() else None
    if digest is None:
        return path.name
    pinned = f"SHA-256 {digest[:16]}… as pinned" if lane.weights_sha256 else f'not pinned (weights_sha256 = "{digest}")'
    return f"{path.name}, {pinned}"


def _parameters(info: dict[str, Any]) -> str:
    return f"{info['parameters'] / 1e6:.2f} M parameters, " if info["parameters"] else ""


def _data(info: dict[str, Any]) -> str:
    """Counts of pictures and labels."""
    found = info.get("inference_set") or {}
    told = [
        f"{info.get('inference_images', 0)} pictures for inference{_counts(found)}",
        f"{info.get('validation_images', 0)} for validation{_counts(info.get('ground_truth') or {})}",
    ]
    return ", ".join(told)


def _counts(found: dict[str, Any]) -> str:
    its = {key: count for key, count in found.items() if isinstance(count, int) and count and key != "pictures"}
    words = ", ".join(f"{count} {key.replace('_', ' ')}" for key, count in its.items())
    return f" with {words}" if words else ""
