"""What stands in a journal's `start`: everything a reader needs a year later to know what was run, on what."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec
import psutil

from quintet.engine.profile.schema import Profile
from quintet.engine.protocol.backends import facts
from quintet.engine.protocol.events import COLUMNS
from quintet.engine.supervisor.telemetry import gpu_names
from quintet.version import __version__

PACKAGES = ("torch", "torchvision", "ultralytics", "ultralytics-opencv-headless", "numpy", "opencv-python",
            "opencv-python-headless", "msgpack", "msgspec", "textual", "psutil")  # fmt: skip


def manifest(profile: Profile, other_sessions: list[str]) -> dict[str, Any]:
    """The manifest of a session; keys are explained in docs/journal.md."""
    return {
        "quintet": __version__,
        "profile": profile.text,
        "profile_name": profile.name,
        "seed": profile.seed,
        "columns": list(COLUMNS),
        "lanes": [
            {
                **msgspec.to_builtins(lane),
                "levels": lane.levels(),
                "weights_sha256_found": sha256(Path(lane.weights))
                if lane.weights and facts(lane.backend).has_models
                else None,
                "data_fingerprints": {
                    key: fingerprint(Path(path)) for key, path in msgspec.to_builtins(lane.data).items() if path
                },
            }
            for lane in profile.lanes
        ],
        "host": {
            "node": platform.node(),
            "system": platform.platform(),
            "machine": platform.machine(),
            "python": sys.version.split()[0],
            "cpus": os.cpu_count(),
            "cpu": cpu_model(),
            "memory_bytes": psutil.virtual_memory().total,
            "gpus": gpu_names(),
            "cpus_usable": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        },
        "versions": versions(),
        "other_sessions": other_sessions,
    }


def cpu_model() -> str | None:
    """The processor's name as the system tells it, or None."""
    try:
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() in ("model name", "Model", "cpu model") and value.strip():
                return value.strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or None


def versions() -> dict[str, str]:
    """Versions of the packages that matter, as installed beside quintet; a package that is not there is left out."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def sha256(path: Path) -> str | None:
    """The SHA-256 of a file's bytes, or None when it cannot be read."""
    try:
        with path.open("rb") as file:
            digest = hashlib.sha256()
            while piece := file.read(1 << 20):
                digest.update(piece)
            return digest.hexdigest()
    except OSError:
        return None


def fingerprint(path: Path) -> str | None:
    """Of a file its SHA-256; of a folder that of its files' relative names and sizes."""
    if not path.is_dir():
        return sha256(path)
    lines = sorted(f"{file.relative_to(path)} {file.stat().st_size}" for file in path.rglob("*") if file.is_file())
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
