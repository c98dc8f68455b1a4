"""Classes of whole pictures: a CSV `image,label`, or a folder a class."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ultralytics.nn.autobackend import check_class_names

from quintet.engine.worker.backend import LoadFault
from quintet.engine.worker.images import DataSet, beside, is_picture, pictures_below, read_text, walk
from quintet.engine.worker.truth.tally import Tally

VAL_FOLDERS = ("val", "validation", "valid", "test")
"""Where Ultralytics looks for the validation pictures of a folder, in this order."""
FILE_WORDS = ("file", "filename", "file_name", "image", "image_name", "image_path", "img", "path", "filepath")
CLASS_WORDS = ("class", "label", "class_name", "category", "target", "class_id", "label_id")


class Row(NamedTuple):
    """One picture of a CSV: the line it stands in, its path, and its class as written."""

    line: int
    file: str
    word: str


def class_set(path: Path, names: Mapping[int, str]) -> DataSet:
    """A labelled set for cls; `names` are the model's classes by number. Raises LoadFault."""
    if path.suffix.lower() == ".csv":
        return _csv_set(path, names)
    if path.is_dir():
        return _class_folders(path, names)
    raise LoadFault(f"{path} is no data set for cls: give a CSV `image,label` or a folder with one folder a class")


def csv_pictures(path: Path) -> tuple[str, ...]:
    """The pictures that a CSV names, in its order. Raises LoadFault."""
    return tuple(row.file for row in _rows(path))


def _rows(path: Path) -> list[Row]:
    lines = read_text(path).splitlines()
    first = next((line for line in lines if line.strip()), "")
    reader = csv.reader(lines, delimiter=max(",;\t", key=first.count))
    rows: list[Row] = []
    columns: tuple[int, int] | None = None
    for cells in _read(reader, path):
        words = [cell.strip() for cell in cells]
        if not any(words):
            continue
        if columns is None:
            columns = _columns(words, path.parent)
            if not _names_a_picture(words[columns[0]], path.parent):
                continue
        if len(words) <= max(columns) or not words[columns[1]]:
            raise LoadFault(f"{path} line {reader.line_num} has no class: write `image,label`")
        file = beside(path, words[columns[0]], reader.line_num)
        rows.append(Row(reader.line_num, file, words[columns[1]]))
    if not rows:
        raise LoadFault(f"{path} names no pictures: write one `image,label` a line")
    return rows


def _read(reader: Any, path: Path) -> Iterator[list[str]]:
    """The cells of each line. Raises LoadFault for what is no CSV."""
    try:
        yield from reader
    except csv.Error as wrong:
        raise LoadFault(
            f"{path} line {reader.line_num} is no line of a CSV ({wrong}): write one `image,label` a line; a quote may be open"
        ) from wrong


def _names_a_picture(word: str, folder: Path) -> bool:
    return is_picture(Path(word).name) or (folder / word).is_file()


def _columns(words: list[str], folder: Path) -> tuple[int, int]:
    """Where a picture's path and its class stand, by the words of a header; else the first two columns."""
    lower = [word.lower() for word in words]
    file = next((place for place, word in enumerate(lower) if word in FILE_WORDS), None)
    label = next((place for place, word in enumerate(lower) if word in CLASS_WORDS), None)
    if file is None or label is None or _names_a_picture(words[file], folder):
        return 0, 1
    return file, label


def _known(word: str, names: Mapping[int, str], where: str) -> int:
    """A class by name or, failing that, by number. Raises LoadFault."""
    by_name = {name: number for number, name in names.items()}
    if word in by_name:
        return by_name[word]
    if word.isdecimal() and int(word) in names:
        return int(word)
    some = ", ".join([*names.values()][:8]) + (", ..." if len(names) > 8 else "")
    raise LoadFault(f"{where}: the model has no class {word!r}; its {len(names)} classes are {some}")


def _csv_set(path: Path, names: Mapping[int, str]) -> DataSet:
    rows = _rows(path)
    known: dict[str, int] = {}
    for row in rows:
        if row.word not in known:
            known[row.word] = _known(row.word, names, f"{path} line {row.line}")
    tally, told = Tally(), dict[str, Row]()
    for row in rows:
        first = told.setdefault(row.file, row)
        if known[row.word] != known[first.word]:
            both = f"{first.word} (line {first.line}) and {row.word} (line {row.line})"
            tally.note("two_classes", f"{path} calls {row.file} {both}: each counts as a picture of its own")
    return DataSet(
        path,
        tuple(row.file for row in rows),
        tuple(known[row.word] for row in rows),
        model_classes=len(names),
        tally=tally,
    )


def _class_folders(path: Path, names: Mapping[int, str]) -> DataSet:
    """As Ultralytics' ClassificationDataset: folders by the model's names, else numbered in order."""
    folder = next((path / name for name in VAL_FOLDERS if (path / name).is_dir()), path)
    if folder == path and (path / "train").is_dir():
        raise LoadFault(
            f"{path} has a folder train but none of {', '.join(VAL_FOLDERS)}: name the folder to validate on"
        )
    found = sorted(child for child in folder.iterdir() if child.is_dir())
    inside = {child.name: sorted(walk(child)) for child in found}
    if not any(inside.values()):
        return DataSet(path, pictures_below(folder))
    tally = Tally()
    numbers = _numbers([*inside], names, folder, tally)
    files: list[str] = []
    classes: list[int] = []
    for name, pictures in inside.items():
        number = numbers[name]
        if number is None:
            note = f"{folder / name}: the model has no class of this name, so its pictures are left out"
            tally.add("unknown_class", len(pictures), note)
            tally.add("left_out", len(pictures))
        else:
            files += pictures
            classes += [number] * len(pictures)
    return DataSet(path, tuple(files), tuple(classes), model_classes=len(names), tally=tally)


def _numbers(folders: list[str], names: Mapping[int, str], where: Path, tally: Tally) -> dict[str, int | None]:
    """Each folder's class number, None for one that the model lacks."""
    try:
        words = [*check_class_names([*folders]).values()]  # ImageNet's folders are called by codes
    except (KeyError, AttributeError):
        words = folders
    by_name = {name: number for number, name in names.items()}
    if not by_name.keys().isdisjoint(words):
        return {folder: by_name.get(word) for folder, word in zip(folders, words, strict=True)}
    tally.note("mapping", f"no folder in {where} is called as a class of the model, so they are numbered in order")
    return {folder: number if number < len(names) else None for number, folder in enumerate(folders)}
