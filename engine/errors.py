"""What is said to a person who gave something that cannot be used."""

from __future__ import annotations

from quintet.engine.paths import readable


def visible(text: str) -> str:
    """The text with what would steer a terminal written out, `\\x1b` for ESC; line ends stay."""
    return "".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in readable(text))


class BadInput(Exception):
    """Something the user gave cannot be used; the text is one sentence: what, where, the mend."""

    def __str__(self) -> str:
        return visible(super().__str__())
