"""Pictures: where they are, which of them can be used, and reading them. Ground truth is `truth`'s.

Read by our own few lines, because Ultralytics' checks run a data YAML's `download:` when a path is missing, and its
label scan writes a cache file and re-saves pictures in place. A measurement leaves the user's data as it is.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import yaml
from PIL import Image, ImageOps
from ultralytics.data.utils import IMG_FORMATS, exif_size
from ultralytics.utils.patches import imread

from quintet.engine.worker.backend import LoadFault, Unreadable
from quintet.engine.worker.datasets.problem_report import Tally

Picture = npt.NDArray[np.uint8]
Label = dict[str, Any]
Going = Callable[[int, int], None]
"""Called with how many pictures are done, of how many."""

YAML_SUFFIXES = (".yaml", ".yml")
MOST_YAML_BYTES = 16 << 20
LEAST_SIDE = 10
"""Ultralytics leaves pictures with a shorter side out of its data sets."""
BROKEN = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, EOFError, RuntimeError, struct.error,
    Image.DecompressionBombError,
)  # fmt: skip
"""What Pillow raises of broken pictures."""
WHOLE = ("jpeg", "jpg", "png", "webp")
"""Formats in which a torn file shows without decoding it: by its end mark, its checksums, its length."""


@dataclass(frozen=True)
class DataSet:
    """Pictures in a fixed order and where their labels are; without any of the three forms of labels it has none."""

    source: Path
    files: tuple[str, ...]
    classes: tuple[int, ...] | None = None
    """For cls: each picture's class."""
    label_files: tuple[str, ...] | None = None
    """Each picture's label file in Ultralytics' form, or in DOTA's when there is `dota`."""
    label_texts: tuple[str | None, ...] | None = None
    """Each picture's label in Ultralytics' form, converted from another; None where there was nothing."""
    dota: Mapping[str, int] | None = None
    """Class numbers by DOTA's name, spelled as `truth.dota.spelled` does."""
    meta: Mapping[str, Any] = field(default_factory=dict)
    """`names` by class number, `nc`, and what pose needs."""
    model_classes: int = 0
    """How many classes the model has; labels of more than these do not count. 0: not known."""
    single_cls: bool = False
    """Whether every label counts as class 0, as in a model trained so."""
    tally: Tally = field(default_factory=Tally)
    """What was found while listing."""

    @property
    def has_labels(self) -> bool:
        """Whether results on these pictures can be scored."""
        return any(labels is not None for labels in (self.classes, self.label_files, self.label_texts))


class Seen(NamedTuple):
    """One look at a picture file: height and width as decoded, or which count it falls under and why."""

    shape: tuple[int, int]
    key: str = ""
    """`missing` or `corrupt`: it cannot be used; `torn`: it can; else empty."""
    why: str = ""

    @property
    def usable(self) -> bool:
        """Whether the picture is one that `model.val` would use."""
        return self.key in ("", "torn")


def usable(data: DataSet) -> DataSet:
    """The data set without the pictures that cannot be used, all counted in its tally. Raises LoadFault when none is left.

    For sets without labels; `truth.labels.read_labels` does it for the others.
    """
    tally = data.tally.copy()
    kept = tuple(file for file in data.files if counted(look_at(file), file, tally).usable)
    tally.counts["pictures"] = len(kept)
    if not kept:
        raise nothing_left(data, tally)
    return replace(data, files=kept, tally=tally)


def counted(seen: Seen, file: str, tally: Tally) -> Seen:
    """The same look at a picture, counted."""
    if seen.key and seen.usable:
        tally.add(seen.key, 1, f"{file} {seen.why}")
    elif seen.key:
        tally.leave_out(seen.key, file, f"{file} {seen.why}")
    return seen


def nothing_left(data: DataSet, tally: Tally) -> LoadFault:
    """The fault of a data set of which nothing can be used."""
    first = tally.first() or "it lists nothing"
    listed = len(data.files) + sum(one.kind == "ambiguous" for one in tally.left_out)
    return LoadFault(
        f"none of the {listed} pictures of {data.source} can be used; the first: {first}. Fix them or name other data"
    )


def read_picture(file: str) -> Picture:
    """One picture, decoded as Ultralytics decodes it: BGR, uint8, (height, width, 3), turned as its EXIF says.

    Raises Unreadable when that fails: the file is gone, was changed since it was looked at, or is damaged inside.
    """
    try:
        picture: Picture | None = imread(file)
    except (cv2.error, *BROKEN) as wrong:
        raise Unreadable(f"{file} cannot be decoded ({wrong})") from wrong
    if picture is None:
        raise Unreadable(f"{file} {'cannot be decoded' if Path(file).is_file() else 'is gone'}")
    if picture.dtype != np.uint8 or picture.shape[2] not in (1, 3):
        raise Unreadable(f"{file} has {picture.shape[2]} channels of {picture.dtype}, not 3 of uint8")
    return picture if picture.shape[2] == 3 else cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)


def look_at(file: str) -> Seen:
    """Whether Ultralytics can use a picture: its `check_image`, which writes, and that it decodes.

    Reads the head only where the format shows a torn file without decoding it; others are decoded whole.
    """
    nowhere = (0, 0)
    if not Path(file).is_file():
        return Seen(nowhere, "missing", "does not exist")
    try:
        with Image.open(file) as picture:
            picture.verify()
            width, height = exif_size(picture)
            form = str(picture.format).lower()
    except ImportError:  # Ultralytics' patch of Pillow seeks a HEIF plugin for whatever Pillow does not know
        return Seen(nowhere, "corrupt", "is not in a picture format that can be read here")
    except BROKEN as wrong:
        return Seen(nowhere, "corrupt", f"is not a readable picture ({wrong})")
    shape = (int(height), int(width))
    unfit = _unfit(shape, form)
    if unfit:
        return Seen(shape, "corrupt", unfit)
    if form in ("jpg", "jpeg"):
        return _end_of_jpeg(file, shape)
    return Seen(shape) if form in WHOLE and not _cut_webp(file, form) else _decoded(file, shape)


def _unfit(shape: tuple[int, int], form: str) -> str:
    """Why Ultralytics does not take a sound picture; empty when it does."""
    if min(shape) < LEAST_SIDE:
        return f"is under {LEAST_SIDE} pixels"
    known = form in IMG_FORMATS | {"jpeg2000"}
    return "" if known else f"is in the format {form.upper()}, which Ultralytics does not read"


def _cut_webp(file: str, form: str) -> bool:
    """Whether a WebP is shorter than its head says."""
    if form != "webp":
        return False
    with Path(file).open("rb") as content:
        head = content.read(12)
        return content.seek(0, os.SEEK_END) < int.from_bytes(head[4:8], "little") + 8


def _decoded(file: str, shape: tuple[int, int]) -> Seen:
    """Whether a picture decodes to what a model takes."""
    try:
        read_picture(file)
    except Unreadable as wrong:
        return Seen(shape, "corrupt", str(wrong).removeprefix(f"{file} "))
    return Seen(shape)


def _end_of_jpeg(file: str, shape: tuple[int, int]) -> Seen:
    """Ultralytics re-saves a JPEG that does not end in its end mark, if Pillow can load it, and else leaves it out."""
    with Path(file).open("rb") as content:
        content.seek(-2, os.SEEK_END)
        if content.read() == b"\xff\xd9":
            return Seen(shape)
    try:
        with Image.open(file) as picture:
            ImageOps.exif_transpose(picture)
    except BROKEN as wrong:
        return Seen(shape, "corrupt", f"is a torn JPEG ({wrong})")
    if imread(file) is None:
        return Seen(shape, "corrupt", "is a torn JPEG")
    return Seen(shape, "torn", "has no JPEG end mark; it is used as it is, where model.val would save it again")


def must_exist(path: Path) -> None:
    """Raises LoadFault when there is nothing at the path."""
    if not path.exists():
        raise LoadFault(f"there is no data set at {path}: fix its path in the profile; nothing is downloaded")


def read_text(path: Path, *, paths: bool = False) -> str:
    """A file's text, UTF-8 with or without a byte-order mark; with `paths` other bytes stay, as in a path. Raises LoadFault."""
    try:
        text = path.read_text(encoding="utf-8-sig", errors="surrogateescape" if paths else "strict")
    except (OSError, UnicodeDecodeError) as wrong:
        raise LoadFault(f"{path} cannot be read as UTF-8 text: {wrong}") from wrong
    if "\0" in text:
        raise LoadFault(f"{path} cannot be read as UTF-8 text: it holds a NUL; save it as UTF-8")
    return text


def read_yaml(path: Path) -> dict[str, Any]:
    """A data YAML as it is; nothing in it is run. Raises LoadFault."""
    if path.stat().st_size > MOST_YAML_BYTES:
        raise LoadFault(f"{path} is over {MOST_YAML_BYTES >> 20} MiB, which is too long for a data YAML")
    try:
        raw = yaml.safe_load(read_text(path))
    except (yaml.YAMLError, ValueError, RecursionError) as wrong:
        raise LoadFault(f"{path} is not YAML: {' '.join(str(wrong).split())}") from wrong
    if not isinstance(raw, dict):
        raise LoadFault(f"{path} is not a data YAML: it needs the keys val and names")
    return raw


def is_picture(name: str) -> bool:
    """Whether a file of this name is taken for a picture."""
    return not name.startswith(".") and name.rpartition(".")[2].lower() in IMG_FORMATS


def walk(folder: Path) -> Iterator[str]:
    """Every picture below a folder, through links too, each real folder once."""
    seen: set[str] = set()
    for top, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(top)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (os.path.join(top, name) for name in files if is_picture(name))  # noqa: PTH118 (a path a picture)


def pictures_below(folder: Path) -> tuple[str, ...]:
    """Every picture below a folder, sorted. Raises LoadFault when there is none."""
    files = tuple(sorted(walk(folder)))
    if not files:
        raise LoadFault(f"there are no pictures in {folder}: put some there or name another folder")
    return files


def on_this_system(file: str, tally: Tally | None = None) -> str:
    """The path, its Windows backslashes turned where only that names a file."""
    if "\\" not in file or os.path.lexists(file):
        return file
    turned = file.replace("\\", "/")
    if not os.path.lexists(turned):
        return file
    if tally is not None:
        tally.note("backslashes", f"{file} is read as {turned}")
    return turned


def beside(path: Path, word: str, line: int, tally: Tally | None = None) -> str:
    """The file that a line of a list or a CSV names, relative to it. Raises LoadFault for an address on the net."""
    if "://" in word:
        raise LoadFault(f"{path} line {line} names {word}: nothing is downloaded; save the picture and write its path")
    return on_this_system(str(path.parent / word), tally)


def listed(path: Path, tally: Tally | None = None) -> tuple[str, ...]:
    """The pictures of a .txt list, one a line, relative to the list, sorted. Raises LoadFault.

    One that is listed twice is used twice, as in val, and noted.
    """
    lines = [line.strip() for line in read_text(path, paths=True).splitlines()]
    named = [beside(path, line, number, tally) for number, line in enumerate(lines, 1)]
    files = tuple(sorted(file for file in named if is_picture(Path(file).name)))
    if not files:
        raise LoadFault(f"{path} lists no pictures: write one path a line, relative to the list")
    again = [file for file, next_one in pairwise(files) if file == next_one]
    if again and tally is not None:
        tally.note(
            "listed_again",
            f"{path.name} lists {again[0]} more than once: it is used each time, as in model.val",
            len(again),
        )
    return files
