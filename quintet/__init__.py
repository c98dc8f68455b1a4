"""quintet: a terminal monitor and live experiment bench for vision models that share one machine.

What a program may import from here, and what stays where it is between releases:

- `load(LOG)`: a log as pandas data frames, a `Frames`; damaged logs warn with `HurtJournal`
- `load_profile(NAME)`: a checked `Profile` of a shipped name or a .toml file; raises `BadInput` with one sentence
- `BadInput`: something given cannot be used
- `__version__`

Each is imported when it is first asked for: whatever only measures never imports pandas.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from quintet.version import __version__

if TYPE_CHECKING:
    from quintet.engine.errors import BadInput
    from quintet.engine.frames import Frames, HurtJournal, load
    from quintet.engine.profile.load import load as load_profile
    from quintet.engine.profile.schema import Profile

__all__ = ["BadInput", "Frames", "HurtJournal", "Profile", "__version__", "load", "load_profile"]

_HOMES = {
    "load": ("quintet.engine.frames", "load"),
    "Frames": ("quintet.engine.frames", "Frames"),
    "HurtJournal": ("quintet.engine.frames", "HurtJournal"),
    "load_profile": ("quintet.engine.profile.load", "load"),
    "Profile": ("quintet.engine.profile.schema", "Profile"),
    "BadInput": ("quintet.engine.errors", "BadInput"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'quintet' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(importlib.import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted(__all__)
