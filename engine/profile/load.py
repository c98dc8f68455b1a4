"""A profile is a TOML file that says which lanes to run; here it becomes a checked, frozen value, or one clear sentence.

Everything that can be found wrong without torch is found here, before anything heavy starts.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

import msgspec

from quintet.engine.errors import BadInput
from quintet.engine.paths import ABSENT, expanded, no_file
from quintet.engine.profile import assets
from quintet.engine.profile.lane_check import wrong_in
from quintet.engine.profile.schema import (
    MOST_LANES,
    Data,
    Lane,
    Profile,
    ProfileName,
    Whole,
)
from quintet.engine.protocol import switches
from quintet.engine.protocol.backends import BACKENDS
from quintet.engine.visible_text import visible

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(os.path.abspath(__file__)).parents[2] / "profiles"  # noqa: PTH100  resolve() would follow the package's links
NAMES = {
    "{1,24}": "a name is 1 to 24 letters, digits, - or _",
    "{64}": "a SHA-256 is 64 digits from 0 to 9 and a to f, as sha256sum prints it",
    "{0,63}": "a name is 1 to 64 letters, digits, -, _ or . and does not begin with - or ., because logs are named after it",
}
"""What a part of a pattern means."""
WORDS = {
    "object": "a table", "array": "a list", "int": "a whole number", "float": "a number", "str": "text",
    "bool": "true or false",
}  # fmt: skip
"""What TOML's users call what the checker calls otherwise."""
CHOICES = {"task": ("cls", "detect", "pose", "seg", "obb"), "backend": tuple(BACKENDS)}


def names() -> list[str]:
    """The profiles that ship with quintet."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def find(name: str) -> Path:
    """The file of a shipped profile's name or of a path. Raises BadInput."""
    shipped = FOLDER / f"{name}.toml"
    if "/" not in name and no_file(shipped) is None:
        return shipped
    path, ships = expanded(name), ", ".join(names())
    wrong = no_file(path)
    if wrong is None:
        return path.absolute()
    if wrong != ABSENT and name:
        raise BadInput(f"{name} {wrong}. A profile is a .toml file, or one that ships: {ships}.")
    if path.suffix == ".toml" or "/" in name:
        raise BadInput(f"There is no profile at {name}. Check the path, or use one that ships: {ships}.")
    raise BadInput(f"There is no profile {name!r}. Use one that ships ({ships}) or a path to a .toml file.")


class Found(NamedTuple):
    """Something wrong in a profile: one sentence, and the lane it is about, None for the whole."""

    lane: str | None
    text: str


def load(name: str, sets: list[str] | None = None) -> Profile:
    """Read, check and resolve a profile, with `--set` changes applied. Raises BadInput with the first fault."""
    profile, faults = examine(name, sets)
    if faults:
        more = len(faults) - 1
        command = shlex.join(["quintet", "check", name, *(word for one in sets or [] for word in ("--set", one))])
        others = f" {more} more {'fault' if more == 1 else 'faults'}: `{command}` lists them all."
        raise BadInput(faults[0].text + (others if more else ""))
    return profile


def examine(name: str, sets: list[str] | None = None) -> tuple[Profile, list[Found]]:
    """A profile with the lanes that can be read, and all that is wrong with it, in the file's order.

    Raises BadInput when there is no such profile or it is no TOML, or for a wrong `--set`.
    """
    path = find(name)
    try:
        text = path.read_text(encoding="utf-8-sig")  # Notepad begins a file with a byte-order mark
        document = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {error}.") from error
    except (ValueError, RecursionError) as error:  # a TOMLDecodeError is a ValueError; so is a number of 5000 digits
        raise BadInput(f"{path} is not valid TOML: {error}.") from error
    profile, faults = _profile(path, text, document)
    for text_of_set in sets or []:
        profile = _with_set(profile, text_of_set, {fault.lane for fault in faults})
    for lane in profile.lanes:
        faults += [Found(lane.name, f"{path.name}, lane {lane.name}: {wrong}") for wrong in wrong_in(lane, name)]
    return profile, [Found(fault.lane, visible(fault.text)) for fault in faults]


HEAD: dict[str, Any] = {"name": ProfileName, "seed": Whole, "keep_bytes": Whole}
KNOWN = (*HEAD, "defaults", "lane")
"""A profile's own keys."""


def _profile(path: Path, text: str, document: dict[str, Any]) -> tuple[Profile, list[Found]]:
    faults = [
        Found(None, f"{path.name} has an unknown key `{key}`. Known are {', '.join(KNOWN)}.")
        for key in document
        if key not in KNOWN
    ]
    head = {key: value for key, value in document.items() if key in HEAD}
    for key, value in list(head.items()):
        wrong_value = _wrong_value(key, value, HEAD[key])
        if wrong_value:
            faults.append(Found(None, f"{path.name}: {wrong_value}"))
            del head[key]
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
        name=head.get("name") or _name_of(path), seed=head.get("seed", 0), keep_bytes=head.get("keep_bytes"),
        lanes=tuple(lanes), path=str(path), text=text,
    )  # fmt: skip
    return profile, faults


def _name_of(path: Path) -> str:
    """What a profile without a name is called: its file's name, as far as a profile may be called so."""
    return re.sub(r"[^A-Za-z0-9_.]+", "-", path.stem).strip("-.")[:64] or "profile"


def _lane(path: Path, place: int, table: Any, defaults: Any) -> tuple[Lane | None, list[Found]]:
    """A lane when all its keys can be read, and what is wrong with them."""
    if not isinstance(table, dict) or not isinstance(defaults, dict):
        return None, [Found(None, f"{path.name}: lane {place} and [defaults] must be tables.")]
    merged = {**defaults, **table}
    for key in ("data", "switches", "env"):
        if isinstance(defaults.get(key), dict) and isinstance(table.get(key), dict):
            merged[key] = {**defaults[key], **table[key]}
    called = merged.get("name", f"number {place}")
    called = called if isinstance(called, str) and called.isprintable() and len(called) <= 40 else _told(called)
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
        wrong_value = _wrong_value(key, value, types[key]) or (_wrong_env(value) if key == "env" else "")
        wrong += [f": {wrong_value}"] if wrong_value else []
    missing = [key for key in ("name", "task") if key not in merged]
    return wrong + [f": `{key}` is missing. Add it to the lane." for key in missing]


def _wrong_value(key: str, value: Any, kind: Any) -> str:
    """A sentence on a key's value that is not of its kind; empty where it is."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        what, _, inner = str(error).partition(" - at `$")
        whole = key + inner.rstrip("`").replace("[...]", "")
        return f"`{whole}` is {_told(value)}; {_plainly(what, key)}."
    return ""


def _wrong_env(env: dict[str, str]) -> str:
    """A sentence on the first variable that no process can be given; empty where all can be."""
    for name, value in env.items():
        if not name or "=" in name or "\0" in name + value:
            return (
                f"`env` has {name!r}; a variable's name is not empty and has no =, and neither it nor its value a NUL."
            )
        try:
            os.fsencode(name + value)
        except UnicodeEncodeError:
            return f"`env` has {name!r} with letters that this locale cannot write. Use a UTF-8 locale, as in LC_ALL=C.UTF-8."
    return ""


def _told(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:
        return "a number of very many digits"
    return text if len(text) <= 40 else f"{text[:37]}..."


def _plainly(what: str, key: str) -> str:
    """A checker's message in a TOML user's words, with the choices where there are some."""
    for part, words in NAMES.items():
        if "matching regex" in what and part in what:
            return words
    if key in CHOICES:
        return f"choose one of {', '.join(CHOICES[key])}"
    said = re.sub(r"`(\w+)( \| null)?`", lambda match: WORDS.get(match[1], match[1]), what).replace("`", "")
    return said[:1].lower() + said[1:]


def _resolved(path: Path, given: str | None) -> str | None:
    if given and given.startswith(assets.PREFIX):
        return str(assets.path_of(given))
    return str((path.parent / expanded(given)).absolute()) if given else None


def _with_set(profile: Profile, text: str, broken: set[str | None]) -> Profile:
    """The profile with one `--set`; lanes already reported as invalid are skipped."""
    target, equals, level = text.partition("=")
    name, dot, switch = target.rpartition(".")
    if not equals or not dot:
        raise BadInput(f"--set {text} is not LANE.SWITCH=LEVEL, as in --set all.score=off.")
    known = [lane.name for lane in profile.lanes]
    if name != "all" and name not in known and name not in broken:
        raise BadInput(f"--set {text}: there is no lane {name!r}. The lanes are {', '.join(known)}, or all.")
    try:
        switches.changed(switches.starting_levels(1), {switch: level})
    except ValueError as error:
        raise BadInput(f"--set {text}: {error}.") from error
    lanes = tuple(
        msgspec.structs.replace(lane, switches={**lane.switches, switch: level}) if name in ("all", lane.name) else lane
        for lane in profile.lanes
    )
    return msgspec.structs.replace(profile, lanes=lanes)
