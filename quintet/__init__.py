"""quintet: a terminal monitor and live experiment bench for vision models that share one machine.

`quintet.load(LOG)` gives a session's journal as data frames; it is imported when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quintet.engine.frames import load

from quintet.version import __version__

__all__ = ["__version__", "load"]


def __getattr__(name: str) -> Any:
    if name == "load":  # pandas stays out of everything that only measures
        return importlib.import_module("quintet.engine.frames").load
    raise AttributeError(f"module 'quintet' has no attribute {name!r}")
