"""Files that Ultralytics publishes, asked for by name: `ultralytics:yolo11n.pt`, `ultralytics:coco8.yaml`.

They lie in the user's data folder and get there only by `quintet check --fetch`: a run never opens a connection.
"""

from __future__ import annotations

import re
from pathlib import Path

import platformdirs

PREFIX = "ultralytics:"
_WEIGHTS = re.compile(r"[A-Za-z0-9._-]+\.pt")
_DATA = re.compile(r"[A-Za-z0-9_-]+(\.yaml)?")


def folder() -> Path:
    """Where fetched files lie: `weights/` and `datasets/` below it. Not made here."""
    return platformdirs.user_data_path("quintet", appauthor=False) / "ultralytics"


def path_of(given: str) -> Path:
    """Where a named file lies once it is fetched. A name that can be none stays a path that is not there."""
    name = given.removeprefix(PREFIX)
    if _WEIGHTS.fullmatch(name):
        return folder() / "weights" / name
    return folder() / "datasets" / (name if _DATA.fullmatch(name) else "no-such-name")


def name_of(path: Path) -> str | None:
    """The name under which a path is asked for, or None for a path that is the user's own."""
    if path.parent in (folder() / "weights", folder() / "datasets"):
        return f"{PREFIX}{path.name}"
    return None
