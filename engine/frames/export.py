"""Export: frames to Parquet or CSV files, or a Perfetto trace. A draft first, then renamed; nothing is overwritten unasked."""

from __future__ import annotations

import importlib.util
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from quintet.engine.errors import BadInput
from quintet.engine.frames.load import Frames
from quintet.engine.frames.perfetto import write_trace
from quintet.engine.frames.schema import SCHEMA
from quintet.engine.storage.atomic_write import draft_of, refuse_special, umask
from quintet.engine.visible_text import visible, visible_json

FORMATS = ("parquet", "csv", "perfetto")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for a formula when a cell begins with it, or drops before it looks."""
Progress: TypeAlias = Callable[[int, int], None]
"""Told how much is done, and of how much."""


def checked(form: str, out: Path, *, force: bool) -> None:
    """Refuse what cannot be exported, before a long log is read. Raises BadInput."""
    if form not in FORMATS:
        raise BadInput(f"--format {form}: there are {', '.join(FORMATS)}.")
    if out.exists() and out.is_dir() == (form == "perfetto"):
        wanted = "a folder, and perfetto needs a file" if out.is_dir() else f"a file, and {form} needs a folder"
        raise BadInput(f"{out} is {wanted}.")
    if out.exists() and not force and (form == "perfetto" or any(out.iterdir())):
        raise BadInput(f"{out} exists already. Give --out another path, or --force to replace what is there.")
    if not out.absolute().parent.is_dir():
        raise BadInput(
            f"There is no folder {out.absolute().parent} for the export. Make it, or give --out another path."
        )
    if form == "perfetto":
        refuse_special(out)
    elif importlib.util.find_spec("pyarrow") is None:
        raise BadInput("Parquet and CSV are written by pyarrow, which is missing. Install it with: pip install pyarrow")


def export(frames: Frames, form: str, out: Path, *, progress: Progress) -> None:
    """Write frames to a folder (parquet, csv: a file each, and start.json) or to a file (perfetto).

    Files of these names are replaced, others in the folder are left alone: see `checked`. Raises BadInput when `out`
    cannot be written; then nothing of it is left.
    """
    try:
        if form == "perfetto":
            _file(frames, out, progress)
        else:
            _folder(frames, form, out, progress)
    except OSError as error:
        raise BadInput(f"{out} cannot be written: {error.strerror or error}.") from error


def _file(frames: Frames, out: Path, progress: Progress) -> None:
    with draft_of(out) as file:
        write_trace(frames, file, progress)


def _folder(frames: Frames, form: str, out: Path, progress: Progress) -> None:
    draft = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.absolute().parent))
    try:
        for place, name in enumerate(SCHEMA):
            progress(place, len(SCHEMA))
            _write(getattr(frames, name), form, draft / f"{name}.{form}")
        told = json.dumps({**frames.start, "notes": frames.notes}, indent=1, ensure_ascii=False, default=str)
        (draft / "start.json").write_text(visible_json(told), encoding="utf-8")
        draft.chmod(0o777 & ~umask())
        if not out.exists():
            draft.rename(out)
        else:
            for file in sorted(draft.iterdir()):
                file.replace(out / file.name)
        progress(len(SCHEMA), len(SCHEMA))
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _write(frame: Any, form: str, path: Path) -> None:
    import pyarrow
    import pyarrow.csv
    import pyarrow.parquet

    table = pyarrow.Table.from_pandas(frame, preserve_index=False)
    if form == "parquet":
        with path.open("wb") as file:  # pyarrow itself opens no path that is not UTF-8
            pyarrow.parquet.write_table(table, file)
        return
    columns = [_shown(column) for column in table.columns]
    with path.open("wb") as file:
        pyarrow.csv.write_csv(pyarrow.table(columns, names=table.column_names), file)


def _shown(column: Any) -> Any:
    """A column as CSV has it: text made visible, each different one once."""
    import pyarrow

    text = any(is_text(column.type) for is_text in (pyarrow.types.is_string, pyarrow.types.is_large_string))
    if not text and not pyarrow.types.is_dictionary(column.type):
        return column
    coded = column.dictionary_encode() if text else column
    chunks = [
        pyarrow.array(map(_cell, chunk.dictionary.to_pylist()), pyarrow.string()).take(chunk.indices)
        for chunk in coded.chunks
    ]
    return pyarrow.chunked_array(chunks, pyarrow.string())


def _cell(value: Any) -> str | None:
    """A cell's text: visible, in one line, and nothing that a spreadsheet would carry out."""
    if value is None:
        return None
    text = str(value)
    return ("'" if text.startswith(FORMULA) else "") + visible(text)
