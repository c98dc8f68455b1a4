"""A profile is a TOML file that says which lanes to run; here it becomes a checked, frozen value, or one clear sentence.

Everything that can be found wrong without torch is found here, before anything heavy starts.
"""

from __future__ import annotations

import os
import pickletools
import re
import sys
import zipfile
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from quintet.engine import switches
from quintet.engine.events import Levels

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(os.path.abspath(__file__)).parent.parent / "profiles"  # noqa: PTH100  resolve() would follow the package's links
MOST_LANES = 16
_MODEL_CLASSES = {
    "ClassificationModel": "cls", "DetectionModel": "detect", "PoseModel": "pose", "SegmentationModel": "seg",
    "OBBModel": "obb",
}  # fmt: skip


Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
WORDS = {
    "object": "a table", "array": "a list", "int": "a whole number", "float": "a number", "str": "text",
    "bool": "true or false",
}  # fmt: skip
"""What TOML's users call what the checker calls otherwise."""
CHOICES = {"task": ("cls", "detect", "pose", "seg", "obb"), "backend": ("yolo", "sleep")}


class BadInput(Exception):
    """Something the user gave cannot be used; the text is one sentence: what, where, the mend."""


class Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Paths of a lane's two data sets; None where it has none."""

    inference: str | None = None
    validation: str | None = None


class Lane(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One lane's settings. Paths are absolute once the profile is loaded."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,24}$")]
    task: Literal["cls", "detect", "pose", "seg", "obb"]
    weights: str = ""
    weights_sha256: str | None = None
    data: Data = Data()
    imgsz: Annotated[int, msgspec.Meta(ge=32, le=8192)] = 640
    rect: bool = False
    """Whether pictures are padded as `model.val(rect=True)` does, each to its own shape; cls has none."""
    device: str = "auto"
    conf: Fraction = 0.25
    iou: Fraction = 0.7
    max_det: Annotated[int, msgspec.Meta(ge=1)] = 300
    half: bool = False
    threads: Annotated[int, msgspec.Meta(ge=1, le=256)] = 1
    python: str | None = None
    env: dict[str, str] = {}
    backend: Literal["yolo", "sleep"] = "yolo"
    switches: dict[str, str | int | float] = {}

    def levels(self) -> Levels:
        """The levels at the start. Raises ValueError with one sentence."""
        fixed = {**switches.starting_levels(self.threads), "half": "yes" if self.half else "no"}
        return switches.changed(fixed, self.switches)


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """A whole profile; `text` is the file verbatim, `path` where it was read."""

    name: str
    lanes: tuple[Lane, ...]
    path: str
    text: str
    seed: int = 0
    keep_bytes: int | None = None


def names() -> list[str]:
    """The profiles that ship with quintet."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def find(name: str) -> Path:
    """The file of a shipped profile's name or of a path. Raises BadInput."""
    shipped = FOLDER / f"{name}.toml"
    if "/" not in name and shipped.is_file():
        return shipped
    path = Path(name).expanduser()
    if path.is_file():
        return path.absolute()
    if path.suffix == ".toml" or "/" in name:
        raise BadInput(f"There is no profile at {name}. Check the path, or use one that ships: {', '.join(names())}.")
    raise BadInput(
        f"There is no profile {name!r}. Use one that ships ({', '.join(names())}) or a path to a .toml file."
    )


def load(name: str, sets: list[str] | None = None) -> Profile:
    """Read, check and resolve a profile, with `--set` changes applied. Raises BadInput."""
    path = find(name)
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {error}.") from error
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{path} is not valid TOML: {error}.") from error
    profile = _profile(path, text, document)
    for text_of_set in sets or []:
        profile = _with_set(profile, text_of_set)
    for lane in profile.lanes:
        _check_lane(path, lane)
    return profile


def _profile(path: Path, text: str, document: dict[str, Any]) -> Profile:
    known = ("name", "seed", "keep_bytes", "defaults", "lane")
    for key in document:
        if key not in known:
            raise BadInput(f"{path.name} has an unknown key `{key}`. Known are {', '.join(known)}.")
    tables = document.get("lane", [])
    if not isinstance(tables, list) or not 1 <= len(tables) <= MOST_LANES:
        raise BadInput(f"{path.name} must have 1 to {MOST_LANES} tables [[lane]].")
    lanes = tuple(_lane(path, place, table, document.get("defaults", {})) for place, table in enumerate(tables, 1))
    twice = {lane.name for lane in lanes if sum(lane.name == other.name for other in lanes) > 1}
    if twice:
        raise BadInput(f"{path.name} names two lanes {twice.pop()!r}. Give each its own name.")
    shell = {"name": path.stem, "seed": 0, "keep_bytes": None, **document}
    for key, kind in (("name", str), ("seed", int)):
        if not isinstance(shell[key], kind):
            raise BadInput(f"{path.name}: `{key}` must be {'text' if kind is str else 'a whole number'}.")
    return Profile(
        name=shell["name"], seed=shell["seed"], keep_bytes=shell["keep_bytes"], lanes=lanes, path=str(path), text=text
    )


def _lane(path: Path, place: int, table: Any, defaults: Any) -> Lane:
    if not isinstance(table, dict) or not isinstance(defaults, dict):
        raise BadInput(f"{path.name}: lane {place} and [defaults] must be tables.")
    merged = {**defaults, **table}
    for key in ("data", "switches", "env"):
        if isinstance(defaults.get(key), dict) and isinstance(table.get(key), dict):
            merged[key] = {**defaults[key], **table[key]}
    called = merged.get("name", f"number {place}")
    for key in merged:
        if key not in Lane.__struct_fields__:
            allowed = ", ".join(Lane.__struct_fields__)
            raise BadInput(f"{path.name}, lane {called}: unknown key `{key}`. Allowed are {allowed}.")
    try:
        lane = msgspec.convert(merged, Lane)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        key = where.rstrip("`")
        raise BadInput(f"{path.name}, lane {called}{f', `{key}`' if key else ''}: {_plainly(what, key)}.") from error
    if lane.name == "all":
        raise BadInput(f"{path.name}: no lane may be called `all`, which means every lane. Give it another name.")
    return msgspec.structs.replace(
        lane,
        weights=_resolved(path, lane.weights) or "",
        data=Data(_resolved(path, lane.data.inference), _resolved(path, lane.data.validation)),
        python=_resolved(path, lane.python),
    )


def _plainly(what: str, key: str) -> str:
    """A checker's message in a TOML user's words, with the choices where there are some."""
    if "matching regex" in what:
        return "a name is 1 to 24 letters, digits, - or _"
    said = re.sub(r"`(\w+)( \| null)?`", lambda match: WORDS.get(match[1], match[1]), what).replace("`", "")
    return f"{said}; choose one of {', '.join(CHOICES[key])}" if key in CHOICES else said


def _resolved(path: Path, given: str | None) -> str | None:
    return str((path.parent / Path(given).expanduser()).absolute()) if given else None


def _with_set(profile: Profile, text: str) -> Profile:
    target, equals, level = text.partition("=")
    name, dot, switch = target.rpartition(".")
    if not equals or not dot:
        raise BadInput(f"--set {text} is not LANE.SWITCH=LEVEL, as in --set all.score=off.")
    known = [lane.name for lane in profile.lanes]
    if name != "all" and name not in known:
        raise BadInput(f"--set {text}: there is no lane {name!r}. The lanes are {', '.join(known)}, or all.")
    lanes = tuple(
        msgspec.structs.replace(lane, switches={**lane.switches, switch: level}) if name in ("all", lane.name) else lane
        for lane in profile.lanes
    )
    return msgspec.structs.replace(profile, lanes=lanes)


def _check_lane(path: Path, lane: Lane) -> None:
    where = f"{path.name}, lane {lane.name}"
    try:
        levels = lane.levels()
    except ValueError as error:
        raise BadInput(f"{where}: {error}.") from error
    if lane.backend == "sleep":
        return
    if not lane.weights:
        raise BadInput(f"{where}: `weights` is missing. Give the path of a .pt file.")
    weights = Path(lane.weights)
    if not weights.is_file():
        raise BadInput(f"{where}: there are no weights at {weights}. Check `weights`.")
    found = peek_task(weights)
    if found is not None and found != lane.task:
        raise BadInput(
            f"{where}: {weights.name} is a {found} model, the lane's task is {lane.task}. Change one of them."
        )
    for key in ("inference", "validation"):
        given = getattr(lane.data, key)
        if given and not Path(given).exists():
            raise BadInput(f"{where}: there is no {given}. Check `data.{key}`.")
    if not getattr(lane.data, str(levels["data"])):
        raise BadInput(
            f"{where}: `data.{levels['data']}` is missing, and the lane starts on it. Add it, or set switches."
        )


def peek_task(weights: Path) -> str | None:
    """The task of a .pt file by the model class its pickle names, without running the pickle; None when not told."""
    try:
        with zipfile.ZipFile(weights) as archive:
            inner = next((name for name in archive.namelist() if name.endswith("/data.pkl")), None)
            if inner is None:
                return None
            for code, argument, _ in pickletools.genops(archive.read(inner)):
                if code.name in ("GLOBAL", "STACK_GLOBAL", "SHORT_BINUNICODE", "BINUNICODE") and argument:
                    task = _MODEL_CLASSES.get(str(argument).split()[-1])
                    if task:
                        return task
    except (zipfile.BadZipFile, OSError, ValueError, IndexError):
        return None
    return None
