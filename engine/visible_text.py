"""Text from outside, made safe to show: the one door to every terminal and file that people read.

Names of lanes, classes and files, marks, faults and what programs wrote may hold anything. The log keeps them as they came;
whatever shows them (screen, command line, report, CSV) passes them through here, at its edge. Pure; standard library only.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from typing import Any

from quintet.engine.paths import readable

_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0")
"""Letters that Python calls printable and nobody sees."""
_NOT_PLAIN = re.compile(r"[^ -~\n]")
_SECOND = "\ue000"
"""Stands for the second column of a wide letter while lines are measured; no visible text holds it."""
_WIDE = ("W", "F")
_NO_WIDTH = ("Mn", "Me")


def visible(text: str) -> str:
    """The text as one line, with everything that is no visible letter written out: `\\x1b` for ESC, `\\n` for a line end.

    That is control characters (C0 and C1), signs that turn the direction of text, those without width, and line ends. Bytes
    of a path that are not UTF-8 become replacement signs. Letters of all languages, accents, emoji and spaces stay.
    """
    if text.isprintable() and (text.isascii() or _BLANK.isdisjoint(text)):
        return text
    return "".join(map(_written, readable(text)))


def visible_lines(text: str) -> str:
    """The same, with its line ends."""
    if text.isprintable() and text.isascii():
        return text
    return "\n".join(map(visible, text.split("\n")))


def visible_wrapped(text: str, room: int, **options: Any) -> list[str]:
    """The visible text in lines of at most so many columns; options are textwrap's."""
    full = "".join(letter + _SECOND * (width(letter) - 1) for letter in visible(text))
    return [line.replace(_SECOND, "") for line in textwrap.wrap(full, room, **options)]


def visible_json(text: str) -> str:
    """A JSON text in which such letters stand as JSON's own escapes: it holds the same values."""
    return _NOT_PLAIN.sub(lambda found: found[0] if visible(found[0]) == found[0] else _escaped(found[0]), text)


def width(text: str) -> int:
    """How many columns a visible text takes in a terminal: wide letters two, accents that stand alone none."""
    if text.isascii():
        return len(text)
    return sum(map(_width, text))


def _written(letter: str) -> str:
    plain = letter.isprintable() or unicodedata.category(letter) == "Zs"
    return letter if plain and letter not in _BLANK else ascii(letter)[1:-1]


def _escaped(letter: str) -> str:
    pairs = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{pairs[n] << 8 | pairs[n + 1]:04x}" for n in range(0, len(pairs), 2))


def _width(letter: str) -> int:
    if unicodedata.category(letter) in _NO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in _WIDE else 1
