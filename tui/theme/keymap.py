"""Keys that a person has changed: from a small file in the user's config folder, or the one QUINTET_KEYS names.

# keys.toml: the id of a command, and the key or keys (with commas) that call it
accuracy = "f2"
freeze = "p,space"
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import platformdirs
from textual.binding import Binding

from quintet.engine.errors import BadInput
from quintet.tui.theme import glyphs

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_labels: dict[str, str] = {}
"""What the key line and the help call a key that was changed."""
SIGNS = {
    "question_mark": "?", "left_square_bracket": "[", "right_square_bracket": "]", "plus": "+", "minus": "−",
    "left": "←", "right": "→", "pageup": "PgUp", "pagedown": "PgDn", "less_than_sign": "<", "greater_than_sign": ">",
    "equals_sign": "=", "underscore": "_",
}  # fmt: skip
ARROWS = {"←→": "<- ->", "↑↓": "up/down"}


def file() -> Path:
    """Where the keys of this user stand; the file need not exist."""
    named = os.environ.get("QUINTET_KEYS")
    return (
        Path(named).expanduser() if named else platformdirs.user_config_path("quintet", appauthor=False) / "keys.toml"
    )


def load(bindings: Iterable[Binding]) -> dict[str, str]:
    """Keys by command id, for Textual's keymap. Raises BadInput with one sentence; no file, no changes."""
    path = file()
    known = {binding.id: binding for binding in bindings if binding.id}
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if "QUINTET_KEYS" in os.environ:
            raise BadInput(f"QUINTET_KEYS names {path}, and there is no such file.") from None
        return {}
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read as TOML: {error}.") from error
    for name, keys in told.items():
        if name not in known:
            raise BadInput(f"{path}: there is no command {name!r}. They are: {', '.join(sorted(known))}.")
        if not isinstance(keys, str) or not keys.strip():
            raise BadInput(f'{path}: {name} needs a key between quotes, as in {name} = "f2".')
    _refuse_clashes(path, known, told)
    return dict(told)


def _refuse_clashes(path: Path, known: Mapping[str, Binding], told: Mapping[str, str]) -> None:
    """Two commands on one key: one of them could not be reached."""
    by_key: dict[str, str] = {}
    for name, binding in known.items():
        for key in told.get(name, binding.key).split(","):
            other = by_key.setdefault(key.strip(), name)
            if other != name and (name in told or other in told):
                raise BadInput(
                    f"{path}: {key.strip()} would call both {other} and {name}. Give one of them another key."
                )


def relabel(bindings: Iterable[Binding], keymap: Mapping[str, str]) -> None:
    """Let the key line and the help show changed keys."""
    _labels.clear()
    for binding in bindings:
        if binding.id is not None and binding.id in keymap:
            first = keymap[binding.id].split(",")[0].strip()
            _labels[_sign(binding.key.split(",")[0])] = _sign(first)


def _sign(key: str) -> str:
    return SIGNS.get(key, key)


def named(binding: Binding, keymap: Mapping[str, str]) -> str:
    """The keys of a command as a person reads them, `+ or =`."""
    told = keymap.get(binding.id or "", binding.key)
    return " or ".join(_sign(key.strip()) for key in told.split(","))


def labelled(keys: str) -> str:
    """How a key, or keys with blanks between them, are called now."""
    return " ".join(spelled(_labels.get(key.strip(), key)) if key.strip() else key for key in keys.split(" "))


def spelled(key: str) -> str:
    """A pair of arrows as this terminal can show it: in ASCII `<>` would be two other keys, and `^v` a third."""
    return ARROWS.get(key, key) if glyphs.current().plain else key
