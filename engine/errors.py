"""What is said to a person who gave something that cannot be used."""

from __future__ import annotations

from quintet.engine.visible_text import visible


class BadInput(Exception):
    """Something the user gave cannot be used. The text is one sentence: what, where, how to fix it.

    Further arguments are shown beneath it, a line each.
    """

    def __str__(self) -> str:
        return "\n  ".join(visible(str(told)) for told in self.args)
