"""Words of the command line as values: a profile that can be run, a time, a size; or one clear sentence."""

from __future__ import annotations

import re

from quintet.engine.errors import BadInput
from quintet.engine.profile.schema import Profile


def checked(name: str, sets: list[str] | None) -> Profile:
    """The checked profile, and a sentence when its lanes need a package that is not there."""
    from quintet.engine.profile import interpreter
    from quintet.engine.profile import load as profile_module

    loaded = profile_module.load(name, sets)
    interpreter.check(loaded)
    interpreter.check_packages(loaded)
    return loaded


def words(option: str, text: str | None) -> list[str] | None:
    """The words of `a,b`, each once; None where the option was not given. Raises BadInput."""
    if text is None:
        return None
    found = [word.strip() for word in text.split(",")]
    if not all(found) or len(set(found)) < len(found):
        raise BadInput(f"{option} {text!r}: give words joined by commas, each once and none empty.")
    return found


def seconds(option: str, text: str) -> float:
    """Seconds of `90`, `60s`, `5m` or `1.5h`. Raises BadInput."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d+)?)(s|m|h)?", text.strip())
    if not found or not float(found[1]):
        raise BadInput(f"{option} {text}: give a time above zero, as in 90s, 5m or 1.5h.")
    return float(found[1]) * {"s": 1, "m": 60, "h": 3600, None: 1}[found[2]]


def size_bytes(option: str, text: str) -> int:
    """Bytes of `200MB`, `64kB` or `1.5GB`. Raises BadInput."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d+)?)\s*(kB|MB|GB)", text.strip(), re.IGNORECASE)
    size = round(float(found[1]) * {"kb": 1e3, "mb": 1e6, "gb": 1e9}[found[2].lower()]) if found else 0
    if size < 50_000:
        raise BadInput(f"{option} {text}: give a size of at least 50kB, as in 200MB or 1.5GB.")
    return size
