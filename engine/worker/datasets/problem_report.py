"""What was found in a data set and what was left out of it: counts, one example of each kind, the files left out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgpack

PICTURE_KEYS = ("pictures", "left_out", "missing", "corrupt", "torn")
"""Pictures used and left out; of the latter `missing` do not exist and `corrupt` cannot be read. `torn` JPEGs have no end
mark or something behind it; they are used as they are."""
KEYS = (
    *PICTURE_KEYS,
    "labels", "labels_left_out", "background", "picture_without_label", "empty_label", "label_without_picture",
    "malformed", "outside", "unknown_class", "duplicate", "crowd", "flat", "no_keypoints", "ambiguous",
)  # fmt: skip
"""Keys of `ground_truth` in `ready`'s info; docs/journal.md says what each counts."""
_WORST_FIRST = (
    "missing", "corrupt", "malformed", "unknown_class", "ambiguous", "outside", "flat", "classes", "no_labels",
    "labels_beside_link", "several_ids", "two_classes", "label_without_picture", "torn", "duplicate", "listed_again",
    "backslashes", "no_keypoints", "crowd", "picture_without_label", "empty_label",
)  # fmt: skip
"""The order in which notes are shown. Kinds that count nothing here, such as `classes`, say what was guessed or matched."""
EXAMPLE_LETTERS = 300
NO_LABELS = ("classes.txt",)
"""What labelling tools put beside labels."""


class LeftOut(NamedTuple):
    """A picture that is not used: the kind of the reason, its path, and the reason."""

    kind: str
    file: str
    why: str


class Tally:
    """Counts by kind, one example of each, and every picture that was left out."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.left_out: list[LeftOut] = []
        self._noted: Counter[str] = Counter()
        self._examples: dict[str, str] = {}

    def add(self, kind: str, count: int = 1, example: str = "") -> None:
        """Count something; the first example of a kind is kept."""
        self.counts[kind] += count
        if example and count:
            self.note(kind, example, count)

    def note(self, kind: str, example: str, count: int = 1) -> None:
        """Keep an example without counting it in `counts`: for what was guessed or matched."""
        self._noted[kind] += count
        self._examples.setdefault(kind, " ".join(example.split())[:EXAMPLE_LETTERS])

    def leave_out(self, kind: str, file: str, why: str, *, counting: bool = True) -> None:
        """Leave one picture out. With `counting` it counts as one of its kind; else its kind was counted before."""
        self.counts["left_out"] += 1
        self.left_out.append(LeftOut(kind, file, why))
        if counting:
            self.add(kind, 1, why)

    def first(self) -> str:
        """The worst example; empty when there is none."""
        return next(iter(self._examples[kind] for kind in self._kinds()), "")

    def notes(self, data: str = "validation") -> list[dict[str, Any]]:
        """For `ready`'s info: `data`, `kind`, `count` and `example` of each kind, the worst first."""
        return [
            {"data": data, "kind": kind, "count": self._noted[kind], "example": self._examples[kind]}
            for kind in self._kinds()
        ]

    def _kinds(self) -> list[str]:
        return [
            *(kind for kind in _WORST_FIRST if kind in self._examples),
            *(kind for kind in self._examples if kind not in _WORST_FIRST),
        ]

    def copy(self) -> Tally:
        """Another with the same contents, to count on in."""
        other = Tally()
        other.counts.update(self.counts)
        other.left_out = [*self.left_out]
        other._noted.update(self._noted)
        other._examples = dict(self._examples)
        return other

    def as_map(self, keys: tuple[str, ...] = KEYS) -> dict[str, int]:
        """Every kind with its count, zeros too: what stands in the log."""
        return {key: self.counts[key] for key in keys}


def write_left_out(path: Path, pictures: dict[str, list[LeftOut]]) -> None:
    """Write the pictures left out of each data set as msgpack rows: data set, kind, path in its bytes, reason."""
    rows = [
        (data, one.kind, os.fsencode(one.file), os.fsencode(one.why)) for data, its in pictures.items() for one in its
    ]
    path.write_bytes(msgpack.packb(rows))


def orphans(label_files: Sequence[str], tally: Tally | None = None) -> Tally:
    """A tally of the label files beside these that belong to no picture, or the given one with them counted."""
    tally = Tally() if tally is None else tally
    known = set(label_files)
    for folder in sorted({Path(file).parent for file in label_files}):
        for file in sorted(folder.glob("*.txt")):
            if str(file) not in known and file.name not in NO_LABELS:
                tally.add("label_without_picture", 1, f"{file} belongs to no picture")
    return tally
