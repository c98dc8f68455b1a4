"""What the command line prints: nothing of it steers a terminal, whoever wrote it.

Paths are for scripts too: where no terminal reads them they keep their very bytes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, TextIO, cast

from quintet.engine.visible_text import visible_lines


class Visible:
    """A stream that passes what is written to it through `visible_lines`; everything else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write it, made visible."""
        self.stream.write(visible_lines(text))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Write them all."""
        self.write("".join(lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def guard() -> None:
    """Let everything that is printed from now on be visible text."""
    sys.stdout, sys.stderr = cast(TextIO, Visible(sys.stdout)), cast(TextIO, Visible(sys.stderr))


def print_path(path: Path | str) -> None:
    """Print a path on a line of its own at once: for a script as it is, on a terminal as visible text."""
    out = sys.stdout
    if isinstance(out, Visible) and not out.isatty():
        out = out.stream
    print(path, file=out, flush=True)
