"""The colours by role. Every hex is an entry of the 256-colour table, so both depths look alike."""

from __future__ import annotations

from functools import cache

from rich.style import Style

GROUND, BAND, PANEL = "#1c1c1c", "#303030", "#262626"
BRIGHT, TEXT, DIM, FAINT, GRID = "#ffffff", "#d0d0d0", "#949494", "#4e4e4e", "#303030"
ON_TEXT, ON_BAR, OFF_TEXT, OFF_BAR = "#87afd7", "#5f87af", "#d7af5f", "#af875f"
ALERT = "#ff8787"

_ROLES: dict[str, tuple[str, bool]] = {
    "bright": (BRIGHT, True), "mean": (BRIGHT, False), "text": (TEXT, False), "dim": (DIM, False),
    "faint": (FAINT, False), "grid": (GRID, False), "on": (ON_TEXT, False), "off": (OFF_TEXT, False),
    "on bar": (ON_BAR, False), "off bar": (OFF_BAR, False), "alert": (ALERT, False), "alert bold": (ALERT, True),
    "panel": (TEXT, False), "panel bright": (BRIGHT, True), "panel dim": (DIM, False),
}  # fmt: skip
_GROUNDS = {"on body": ON_BAR, "off body": OFF_BAR, "on top": ON_BAR, "off top": OFF_BAR}


@cache
def style(role: str) -> Style:
    """The style of a role; `+band` and `+panel` after it change its ground, `+reverse` reverses it."""
    name, *more = role.split("+")
    if name in _GROUNDS:
        return Style(color=BRIGHT, bgcolor=_GROUNDS[name])
    colour, bold = _ROLES[name]
    ground = BAND if "band" in more else PANEL if name.startswith("panel") or "panel" in more else GROUND
    return Style(color=colour, bgcolor=ground, bold=bold, reverse="reverse" in more)
