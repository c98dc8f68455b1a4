"""Classes of whole pictures: a CSV `image,label`, or a folder a class."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ultralytics.nn.autobackend import check_class_names

from quintet.engine.worker.backend import LoadFault
from quintet.engine.worker.datasets.class_matching import by_name, some
from quintet.engine.worker.datasets.pictures import (
    YAML_SUFFIXES,
    DataSet,
    beside,
    is_picture,
    pictures_below,
    read_text,
    walk,
)
from quintet.engine.worker.datasets.problem_report import Tally

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
    raise LoadFault(f"{path} is not a data set for cls: give a CSV `image,label` or a folder with one folder a class")


def csv_pictures(path: Path) -> tuple[str, ...]:
    """The pictures that a CSV names, in its order. Raises LoadFault."""
    return tuple(row.file for row in _rows(path))


def _rows(path: Path, tally: Tally | None = None) -> list[Row]:
    lines = read_text(path, paths=True).splitlines()
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
        file = beside(path, words[columns[0]], reader.line_num, tally)
        rows.append(Row(reader.line_num, file, words[columns[1]]))
    if not rows:
        raise LoadFault(f"{path} names no pictures: write one `image,label` a line")
    return rows


def _read(reader: Any, path: Path) -> Iterator[list[str]]:
    """The cells of each line. Raises LoadFault for what is not a CSV."""
    try:
        yield from reader
    except csv.Error as wrong:
        raise LoadFault(
            f"{path} line {reader.line_num} is not a line of a CSV ({wrong}): write one `image,label` a line"
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


def _class_of(word: str, numbers: Mapping[str, int], names: Mapping[int, str]) -> int | None:
    """A class by name; failing that by ImageNet's code, or by number."""
    if word in numbers:
        return numbers[word]
    if word.isdecimal() and len(word) < 10 and int(word) in names:
        return int(word)
    return numbers.get(_without_codes([word])[0])


def _without_codes(words: Sequence[str]) -> list[str]:
    """The words with ImageNet's codes, such as n01440764, replaced by the names that Ultralytics gives them."""
    try:
        return [*check_class_names([*words]).values()]
    except (KeyError, AttributeError):
        return [*words]


def _csv_set(path: Path, names: Mapping[int, str]) -> DataSet:
    tally = Tally()
    numbers = by_name(names, str)
    classes: dict[str, int] = {}
    first: dict[str, Row] = {}
    used: dict[tuple[str, int], None] = {}
    for row in _rows(path, tally):
        number = classes.get(row.word)
        if number is None:
            number = _class_of(row.word, numbers, names)
            if number is None:
                known = f"its {len(names)} classes are {some([*names.values()])}"
                raise LoadFault(f"{path} line {row.line}: the model has no class {row.word!r}; {known}")
            classes[row.word] = number
        earlier = first.setdefault(row.file, row)
        if (row.file, number) in used:
            tally.add("duplicate", 1, f"{path.name} line {row.line} repeats line {earlier.line}: it is used once")
        elif earlier is not row:
            both = f"{earlier.word} (line {earlier.line}) and {row.word} (line {row.line})"
            tally.note("two_classes", f"{path.name} calls {row.file} {both}: each counts as a picture of its own")
        used[row.file, number] = None
    return DataSet(
        path,
        tuple(file for file, _ in used),
        tuple(number for _, number in used),
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
    _refuse_whole_set(path, {name for name, pictures in inside.items() if pictures})
    tally = Tally()
    numbers = _numbers([*inside], names, folder, tally)
    files: list[str] = []
    classes: list[int] = []
    for name, pictures in inside.items():
        number = numbers[name]
        if number is None:
            why = f"{folder / name}: the model has no class of this name, so its pictures are left out"
            for picture in pictures:
                tally.leave_out("unknown_class", picture, why)
        else:
            files += pictures
            classes += [number] * len(pictures)
    return DataSet(path, tuple(files), tuple(classes), model_classes=len(names), tally=tally)


def _refuse_whole_set(path: Path, folders: set[str]) -> None:
    """Raises LoadFault for the folder of a detection data set, whose folders are no classes."""
    yamls = [child for child in sorted(path.iterdir()) if child.suffix.lower() in YAML_SUFFIXES]
    if "images" in folders and (yamls or (path / "labels").is_dir() or (path / "labelTxt").is_dir()):
        raise LoadFault(
            f"{path} is a data set of boxes, not of classes for cls: give a folder with one folder a class, or a CSV "
            "`image,label`"
        )


def _numbers(folders: list[str], names: Mapping[int, str], where: Path, tally: Tally) -> dict[str, int | None]:
    """Each folder's class number, None for one that the model lacks."""
    words = _without_codes(folders)  # ImageNet's folders are called by codes
    numbers = by_name(names, str)
    if not numbers.keys().isdisjoint(words):
        return {folder: numbers.get(word) for folder, word in zip(folders, words, strict=True)}
    pairs = f"{folders[0]!r} is {names[0]!r}" if 0 in names else ""
    tally.note(
        "classes", f"no folder in {where} is named like a class of the model, so they are matched in order: {pairs}"
    )
    return {folder: number if number < len(names) else None for number, folder in enumerate(folders)}
