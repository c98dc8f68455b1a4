"""What kind of terminal this is, decided once, before Textual is imported: colours, signs, light or dark, near or far.

Nothing is asked over the line and TERM is never changed: the environment says it, or the person does.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import struct
import sys
import termios
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import NamedTuple

from quintet.engine.errors import BadInput

COLOURS = ("auto", "256", "16", "none")
THEMES = ("dark", "light")
GLYPHS = ("auto", "unicode", "ascii")
FAR_PAINT_S, NEAR_PAINT_S = 2.0, 1.0
GUESSED = {"COLUMNS": 80, "LINES": 24}
"""The size of a terminal that does not say its size."""
MOST_CHARACTERS = 1000


class Kind(NamedTuple):
    """A kind of terminal: colours `256`, `16` or `none`, theme `dark` or `light`, and whether it speaks UTF-8."""

    colours: str
    theme: str
    utf8: bool


def is_far() -> bool:
    """Whether the screen is painted over ssh: then half as often."""
    return any(name in os.environ for name in ("SSH_CONNECTION", "SSH_TTY"))


def paint_s() -> float:
    """Seconds from one frame to the next."""
    return FAR_PAINT_S if is_far() else NEAR_PAINT_S


def refuse_dumb() -> None:
    """Raises BadInput where the cursor cannot be moved."""
    term = os.environ.get("TERM", "")
    if term in ("", "dumb", "unknown"):
        raise BadInput(
            f"TERM is {term or 'not set'}: the screen needs a terminal whose cursor can be moved. Use --headless."
        )


def kind(environ: Mapping[str, str], colours: str | None = None, theme: str | None = None) -> Kind:
    """What the environment and the person say; raises BadInput for a word that is none."""
    return Kind(
        _colours(environ, _word("colors", colours, environ, COLOURS)),
        _word("theme", theme, environ, THEMES),
        {"unicode": True, "ascii": False}.get(_word("glyphs", None, environ, GLYPHS), is_utf8(environ)),
    )


def _word(name: str, told: str | None, environ: Mapping[str, str], known: tuple[str, ...]) -> str:
    variable = f"QUINTET_{name.upper()}"
    word = told or environ.get(variable) or known[0]
    if word not in known:
        source = f"--{name}" if told else variable
        raise BadInput(f"{source} {word}: it is {', '.join(known[:-1])} or {known[-1]}.")
    return word


COLOURLESS = ("vt52", "vt100", "vt102", "vt220", "vt320")
"""Terminals of one colour that are still met. terminfo knows them all, but curses reads it once a process only."""


MANY = ("xterm-kitty", "xterm-ghostty", "alacritty", "foot", "wezterm", "iterm2", "contour")
"""Terminals of 256 colours and more whose TERM does not say so; COLORTERM does, but ssh leaves it behind."""


def _colours(environ: Mapping[str, str], asked: str) -> str:
    """What was asked for; else none with NO_COLOR, 256 where TERM or COLORTERM say so, 16 but for terminals of one colour."""
    if asked != "auto":
        return asked
    if environ.get("NO_COLOR"):
        return "none"
    term = environ.get("TERM", "")
    if "256color" in term or "direct" in term or environ.get("COLORTERM") in ("truecolor", "24bit"):
        return "256"
    if term.startswith(MANY):
        return "256"
    return "none" if term.startswith(COLOURLESS) or term.endswith(("-m", "-mono")) else "16"


COERCED = ("C.UTF-8", "C.utf8", "UTF-8")


def is_utf8(environ: Mapping[str, str], at_start: Mapping[str, str] | None = None) -> bool:
    """Whether the locale is UTF-8. One that is not set at all counts as UTF-8; `LANG=C` does not.

    Python sets LC_CTYPE itself in the C locale (PEP 538), so that one counts only if the process was started with it.
    """
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        value = environ.get(name)
        if not value:
            continue
        if name == "LC_CTYPE" and value in COERCED and environ.get("LANG") in ("C", "POSIX"):
            started = _environ_at_start() if at_start is None else at_start
            if not started.get("LC_CTYPE"):
                continue
        return "UTF-8" in value.upper() or "UTF8" in value.upper()
    return True


def _environ_at_start() -> dict[str, str]:
    """The environment this process was started with, where the system tells it."""
    found = {}
    with contextlib.suppress(OSError):
        for pair in Path("/proc/self/environ").read_bytes().decode(errors="replace").split("\0"):
            name, _, value = pair.partition("=")
            found[name] = value
    return found


def settled_size(descriptor: int, environ: MutableMapping[str, str] = os.environ) -> tuple[int, int]:
    """Columns and rows of this terminal; one that says 0x0 is given a size: COLUMNS and LINES, else 80x24.

    `docker exec -t` makes such terminals, and sets their size later if ever. COLUMNS and LINES are taken out of the
    environment, since what a shell exported once is not what the terminal is now.
    """
    told = os.get_terminal_size(descriptor)
    named = [environ.pop(name, "") for name in GUESSED]
    if told.columns and told.lines:
        return told.columns, told.lines
    columns, rows = (
        said or (int(name) if name.isdecimal() and 0 < int(name[:9]) <= MOST_CHARACTERS else guess)
        for said, name, guess in zip(told, named, GUESSED.values(), strict=True)
    )
    try:
        fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    except OSError:
        environ.update(COLUMNS=str(columns), LINES=str(rows))  # the next best: Textual reads them
    print(
        f"quintet: this terminal does not say its size, so {columns}x{rows} is used. "
        "`stty cols 120 rows 40` sets another one.",
        file=sys.stderr,
    )
    return columns, rows


def hung_up(descriptor: int = 0) -> bool:
    """Whether the terminal behind this descriptor is gone: then a signal has ended this process, unless it ignores that."""
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(event & (select.POLLHUP | select.POLLNVAL) for _, event in poll.poll(0))


def prepare(colours: str | None = None, theme: str | None = None) -> Kind:
    """Choose palette and signs, and tell Textual, which must not be imported yet. Raises BadInput."""
    found = kind(os.environ, colours, theme)
    os.environ["TEXTUAL_COLOR_SYSTEM"] = {"256": "256", "16": "standard", "none": "standard"}[found.colours]
    os.environ.pop("NO_COLOR", None)
    if found.colours == "none":
        os.environ["NO_COLOR"] = "1"  # Textual's own widgets leave colour out, too
    use(found)
    return found


def use(found: Kind) -> None:
    """Choose palette and signs of a kind of terminal."""
    from quintet.tui.theme import glyphs, palette

    by_kind = {"16": palette.SIXTEEN, "none": palette.NONE}
    palette.choose(by_kind.get(found.colours, palette.LIGHT if found.theme == "light" else palette.DARK))
    signs = glyphs.NO_COLOUR if found.colours == "none" else glyphs.UNICODE
    glyphs.choose(signs if found.utf8 else glyphs.ASCII)
