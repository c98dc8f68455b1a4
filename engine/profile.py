"""A profile is a TOML file that says which lanes to run; here it becomes a checked, frozen value, or one clear sentence.

Everything that can be found wrong without torch is found here, before anything heavy starts.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_type_hints

import msgspec

from quintet.engine import named, switches
from quintet.engine.events import Levels
from quintet.engine.lane_files import wrong_in

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(os.path.abspath(__file__)).parent.parent / "profiles"  # noqa: PTH100  resolve() would follow the package's links
MOST_LANES = 16


Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
WORDS = {
    "object": "a table", "array": "a list", "int": "a whole number", "float": "a number", "str": "text",
    "bool": "true or false",
}  # fmt: skip
"""What TOML's users call what the checker calls otherwise."""
CHOICES = {"task": ("cls", "detect", "pose", "seg", "obb"), "backend": ("yolo", "sleep", "simulated")}


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
    backend: Literal["yolo", "sleep", "simulated"] = "yolo"
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


class Found(NamedTuple):
    """Something wrong in a profile: one sentence, and the lane it is about, None for the whole."""

    lane: str | None
    text: str


def load(name: str, sets: list[str] | None = None) -> Profile:
    """Read, check and resolve a profile, with `--set` changes applied. Raises BadInput with the first fault."""
    profile, faults = examine(name, sets)
    if faults:
        more = len(faults) - 1
        others = f" {more} more {'fault' if more == 1 else 'faults'}: `quintet check {name}` lists them all."
        raise BadInput(faults[0].text + (others if more else ""))
    return profile


def examine(name: str, sets: list[str] | None = None) -> tuple[Profile, list[Found]]:
    """A profile with the lanes that can be read, and all that is wrong with it, in the file's order.

    Raises BadInput when there is no such profile or it is no TOML, or for a wrong `--set`.
    """
    path = find(name)
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {error}.") from error
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{path} is not valid TOML: {error}.") from error
    profile, faults = _profile(path, text, document)
    for text_of_set in sets or []:
        profile = _with_set(profile, text_of_set)
    for lane in profile.lanes:
        faults += [Found(lane.name, f"{path.name}, lane {lane.name}: {wrong}") for wrong in wrong_in(lane, name)]
    return profile, faults


KNOWN = {"name": str, "seed": int, "keep_bytes": int, "defaults": dict, "lane": list}
"""A profile's own keys."""


def _profile(path: Path, text: str, document: dict[str, Any]) -> tuple[Profile, list[Found]]:
    faults = [
        Found(None, f"{path.name} has an unknown key `{key}`. Known are {', '.join(KNOWN)}.")
        for key in document
        if key not in KNOWN
    ]
    for key in ("name", "seed", "keep_bytes"):
        value = document.get(key)
        if value is not None and (type(value) is not KNOWN[key] or (isinstance(value, int) and value < 0)):
            kind = "text" if key == "name" else "a whole number, 0 or more"
            faults.append(Found(None, f"{path.name}: `{key}` is {value!r}, it must be {kind}."))
            document = {**document, key: None}
    tables = document.get("lane", [])
    if not isinstance(tables, list) or not 1 <= len(tables) <= MOST_LANES:
        faults.append(Found(None, f"{path.name} must have 1 to {MOST_LANES} tables [[lane]]."))
        tables = []
    lanes: list[Lane] = []
    for place, table in enumerate(tables, 1):
        lane, wrong = _lane(path, place, table, document.get("defaults", {}))
        if lane is not None and any(lane.name == other.name for other in lanes):
            wrong.append(Found(lane.name, f"{path.name} names two lanes {lane.name!r}. Give each its own name."))
            lane = None
        faults += wrong
        lanes += [lane] if lane is not None else []
    profile = Profile(
        name=document.get("name") or path.stem, seed=document.get("seed") or 0, keep_bytes=document.get("keep_bytes"),
        lanes=tuple(lanes), path=str(path), text=text,
    )  # fmt: skip
    return profile, faults


def _lane(path: Path, place: int, table: Any, defaults: Any) -> tuple[Lane | None, list[Found]]:
    """A lane when all its keys can be read, and what is wrong with them."""
    if not isinstance(table, dict) or not isinstance(defaults, dict):
        return None, [Found(None, f"{path.name}: lane {place} and [defaults] must be tables.")]
    merged = {**defaults, **table}
    for key in ("data", "switches", "env"):
        if isinstance(defaults.get(key), dict) and isinstance(table.get(key), dict):
            merged[key] = {**defaults[key], **table[key]}
    called = str(merged.get("name", f"number {place}"))
    texts = _wrong_keys(merged)
    if called == "all":
        texts.append(": no lane may be called `all`, which means every lane. Give it another name.")
    if texts:
        return None, [Found(called, f"{path.name}, lane {called}{text}") for text in texts]
    lane = msgspec.convert(merged, Lane)
    return msgspec.structs.replace(
        lane,
        weights=_resolved(path, lane.weights) or "",
        data=Data(_resolved(path, lane.data.inference), _resolved(path, lane.data.validation)),
        python=_resolved(path, lane.python),
    ), []


def _wrong_keys(merged: dict[str, Any]) -> list[str]:
    """What is wrong with a lane's keys, each by itself, so that one mistake does not hide the next."""
    types = get_type_hints(Lane, include_extras=True)
    wrong = []
    for key, value in merged.items():
        if key not in types:
            wrong.append(f": unknown key `{key}`. Allowed are {', '.join(types)}.")
            continue
        try:
            msgspec.convert(value, types[key])
        except msgspec.ValidationError as error:
            what, _, inner = str(error).partition(" - at `$")
            whole = key + inner.rstrip("`").replace("[...]", "")
            wrong.append(f": `{whole}` is {_told(value)}; {_plainly(what, key)}.")
    missing = [key for key in ("name", "task") if key not in merged]
    return wrong + [f": `{key}` is missing. Add it to the lane." for key in missing]


def _told(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _plainly(what: str, key: str) -> str:
    """A checker's message in a TOML user's words, with the choices where there are some."""
    if "matching regex" in what:
        return "a name is 1 to 24 letters, digits, - or _"
    if key in CHOICES:
        return f"choose one of {', '.join(CHOICES[key])}"
    said = re.sub(r"`(\w+)( \| null)?`", lambda match: WORDS.get(match[1], match[1]), what).replace("`", "")
    return said[:1].lower() + said[1:]


def _resolved(path: Path, given: str | None) -> str | None:
    if given and given.startswith(named.PREFIX):
        return str(named.path_of(given))
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
