"""The colours by role, in one table a kind of terminal, chosen once at start.

Every hex is an entry of the 256-colour table, so both depths look alike. Sixteen colours have a table of their own: Rich's
reduction turns the blue of *on* and the amber of *off* into one grey. Two hues mean the two levels of the switch under
study, a third means trouble; blue and amber differ for every common kind of colour blindness, in lightness too.
"""

from __future__ import annotations

from typing import NamedTuple

from rich.style import Style
from textual.theme import Theme


class Palette(NamedTuple):
    """The colours of one kind of terminal; "" is the terminal's own, and `dim` may be an attribute instead."""

    name: str
    ground: str
    band: str
    panel: str
    bright: str
    text: str
    dim: str
    faint: str
    grid: str
    on_text: str
    on_bar: str
    off_text: str
    off_bar: str
    alert: str
    dark: bool = True
    ansi: bool = False
    """Only the terminal's own colours: Textual must not turn them into others."""
    colourless: bool = False


DARK = Palette(
    "dark", "#1c1c1c", "#303030", "#262626", "#ffffff", "#d0d0d0", "#949494", "#4e4e4e", "#303030",
    "#87afd7", "#5f87af", "#d7af5f", "#af875f", "#ff8787",
)  # fmt: skip
LIGHT = Palette(
    "light", "#ffffff", "#dadada", "#eeeeee", "#000000", "#303030", "#626262", "#bcbcbc", "#dadada",
    "#005f87", "#5f87af", "#875f00", "#af875f", "#af0000", dark=False,
)  # fmt: skip
SIXTEEN = Palette(
    "16 colours", "", "", "", "", "", "", "bright_black", "bright_black",
    "bright_blue", "bright_blue", "yellow", "yellow", "bright_red", ansi=True,
)  # fmt: skip
NONE = Palette("no colour", "", "", "", "", "", "", "", "", "", "", "", "", "", ansi=True, colourless=True)

_current = DARK
_styles: dict[str, Style] = {}


def current() -> Palette:
    """The table in use."""
    return _current


def choose(palette: Palette) -> None:
    """Use this table from now on."""
    global _current  # noqa: PLW0603
    _current = palette
    _styles.clear()


def style(role: str) -> Style:
    """The style of a role; `+band` and `+panel` after it change its ground, `+reverse` reverses it."""
    found = _styles.get(role)
    if found is None:
        found = _styles[role] = _made(_current, role)
    return found


def variables() -> dict[str, str]:
    """The style sheet's colours."""
    palette = _current
    own = "ansi_default"
    return {
        "q-ground": palette.ground or own, "q-panel": palette.panel or own, "q-text": palette.text or own,
        "q-bright": palette.bright or own, "q-dim": palette.dim or own,
        "q-veil": "transparent" if palette.ansi else f"{palette.ground} 60%",
    }  # fmt: skip


_FRONTS: dict[str, tuple[str, bool]] = {
    "bright": ("bright", True), "mean": ("bright", False), "text": ("text", False), "dim": ("dim", False),
    "faint": ("faint", False), "grid": ("grid", False), "on": ("on_text", False), "off": ("off_text", False),
    "on bar": ("on_bar", False), "off bar": ("off_bar", False), "alert": ("alert", False), "alert bold": ("alert", True),
    "panel": ("text", False), "panel bright": ("bright", True), "panel dim": ("dim", False),
    "cursor": ("bright", True), "cursor bar": ("bright", True), "session": ("bright", False),
    "on top": ("bright", False), "off top": ("bright", False),
}  # fmt: skip
"""The colour of a role's letters, and whether they are bold."""
_BODIES = {
    "on body": "on_bar",
    "off body": "off_bar",
    "cursor body": "bright",
}
"""The ground of a role whose cells are bars."""
_DIM_WITHOUT_COLOUR = ("dim", "faint", "grid", "panel dim", "off bar", "off body")


def _made(palette: Palette, role: str) -> Style:
    name, *more = role.split("+")
    reverse = "reverse" in more
    if name in _BODIES:
        return _body(palette, name)
    colour, bold = _FRONTS[name]
    ground = palette.band if "band" in more else palette.panel if name.startswith("panel") or "panel" in more else ""
    dim = palette.colourless and name in _DIM_WITHOUT_COLOUR and not reverse
    front = palette.text if reverse else getattr(palette, colour)  # a reversed line is of two colours only
    return Style(
        color=front or None, bgcolor=(ground or palette.ground) or None, bold=bold or None, dim=dim or None,
        reverse=reverse or None,
    )  # fmt: skip


def _body(palette: Palette, name: str) -> Style:
    """Bars are a coloured ground; without colour they are reversed, and the cursor's is plain between them."""
    if palette.colourless:
        if name == "cursor body":
            return Style(bold=True)
        return Style(reverse=True, dim=name == "off body")
    if palette.ansi and name == "cursor body":
        return Style(reverse=True)
    return Style(color=palette.bright or None, bgcolor=getattr(palette, _BODIES[name]), bold=palette.ansi or None)


def worn() -> Theme | None:
    """Textual's theme of the palette in use; None where the terminal's own sixteen colours are."""
    now = current()
    if now.ansi:
        return None
    return Theme(
        name="quintet", primary=now.on_text, secondary=now.off_text, accent=now.on_text, warning=now.off_text,
        error=now.alert, success=now.on_text, foreground=now.text, background=now.ground, surface=now.panel,
        panel=now.band, dark=now.dark, variables=variables(),
    )  # fmt: skip
