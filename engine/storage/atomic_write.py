"""Atomic writes: write a temporary file in the same folder, then rename it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from quintet.engine.errors import BadInput
from quintet.engine.journal.format import NoJournal
from quintet.engine.journal.reader import Reader


def refuse_special(out: Path) -> None:
    """Refuse to replace what is no plain file, or is a log. Raises BadInput."""
    if not out.exists():
        return
    if not out.is_file():
        raise BadInput(f"{out} is no plain file, so it is not replaced. Give another path, or redirect the output.")
    try:
        Reader(out).close()
    except NoJournal:
        return
    raise BadInput(f"{out} is a log, and a log is never overwritten. Give another path.")


@contextmanager
def draft_of(out: Path) -> Iterator[TextIO]:
    """A text file to write; it becomes `out` at the end, and is gone when something went wrong. Raises OSError."""
    descriptor, name = tempfile.mkstemp(prefix=f".{out.name}-", dir=out.absolute().parent)
    draft = Path(name)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123  a descriptor has no path
            yield file
        draft.chmod(0o666 & ~umask())  # mkstemp's own is for its owner only
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)


def umask() -> int:
    """What is taken from the permissions of new files."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
