"""What a lane's data sets lack and how they were matched: the notes of `ready`'s info, and what to say of them.

Everything that shows them reads them here: `check`, the run's output, the screen, the report. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from quintet.engine.session.lane import Lane

WARN_SHARE = 0.05
"""Above this share of pictures, or of labels, left out, accuracy is shown with a warning."""
HEADS = {
    "missing": ("missing picture", "missing pictures"),
    "corrupt": ("corrupt picture", "corrupt pictures"),
    "unreadable": ("picture that became unreadable during the run", "pictures that became unreadable during the run"),
    "malformed": ("label that cannot be read", "labels that cannot be read"),
    "unknown_class": ("label or picture of an unknown class", "labels or pictures of an unknown class"),
    "ambiguous": ("picture whose image id is another's too", "pictures whose image id is another's too"),
    "outside": ("label outside its picture", "labels outside their pictures"),
    "flat": ("box without area", "boxes without area"),
    "label_without_picture": ("label without a picture", "labels without a picture"),
    "torn": ("JPEG without an end mark", "JPEGs without an end mark"),
    "duplicate": ("repeated label", "repeated labels"),
    "two_classes": ("picture with two classes", "pictures with two classes"),
    "several_ids": ("picture with several image ids", "pictures with several image ids"),
    "listed_again": ("picture listed again", "pictures listed again"),
    "backslashes": ("path with backslashes", "paths with backslashes"),
    "no_keypoints": ("object without a keypoint", "objects without a keypoint"),
    "crowd": ("crowd", "crowds"),
    "picture_without_label": ("picture without a label", "pictures without a label"),
    "empty_label": ("empty label", "empty labels"),
}
"""What a count of each kind is of; a kind that is not here, such as `classes`, has one note whose example says all."""
BAD = ("missing", "corrupt", "unreadable", "malformed", "unknown_class", "ambiguous", "outside")
"""Kinds that take pictures or labels out of what is scored."""


class Note(NamedTuple):
    """One kind of thing found in one of a lane's data sets; `data` is empty for a lane's own settings."""

    data: str
    kind: str
    count: int  # type: ignore[assignment]  # the log's name for it; nobody counts in this tuple
    example: str

    def __str__(self) -> str:
        """`2 missing pictures: images/a.jpg does not exist`."""
        heads = HEADS.get(self.kind)
        if heads is None:
            return self.example
        return f"{self.count} {heads[self.count != 1]}{': ' if self.count == 1 else ', the first: '}{self.example}"


def notes(lane: Lane) -> list[Note]:
    """A lane's notes, from before the run and from within it; logs of older quintets have sentences only."""
    info = lane.ready.info if lane.ready is not None else {}
    found = [note for one in info.get("notes") or () if (note := _note(one)) is not None]
    for key, data in (("ground_truth", "validation"), ("inference_set", "inference")):
        old = _list((info.get(key) or {}).get("notes"))
        found += [Note(data, "", 1, text) for text in old if isinstance(text, str)]
    return [*found, *(note for one in lane.run_notes for note in [_note(one)] if note is not None)]


def _note(value: Any) -> Note | None:
    told = _map(value)
    count, texts = told.get("count"), [told.get(key) for key in ("data", "kind", "example")]
    if not isinstance(count, int) or count < 1 or not all(isinstance(text, str) for text in texts):
        return None
    return Note(str(texts[0]), str(texts[1]), count, str(texts[2]))


class Share(NamedTuple):
    """How many of all are left out."""

    left_out: int
    of: int

    @property
    def warns(self) -> bool:
        """Whether accuracy needs a warning for it."""
        return self.left_out > WARN_SHARE * self.of

    def words(self, what: str) -> str:
        """`39 of the 40 pictures are left out`."""
        return f"{self.left_out} of the {self.of} {what} {'is' if self.left_out == 1 else 'are'} left out"


def pictures_left_out(lane: Lane, data: str = "validation") -> Share:
    """Pictures that the data set lists and that are not used, missing ones too."""
    info = lane.ready.info if lane.ready is not None else {}
    truth = info.get("ground_truth" if data == "validation" else "inference_set") or {}
    used, left_out = _count(truth, "pictures"), _count(truth, "left_out")
    later = sum(note.count for note in notes(lane) if note.kind == "unreadable" and note.data == data)
    return Share(left_out + later, used + left_out)


def labels_left_out(lane: Lane) -> Share:
    """Labels that are not used, of pictures that are."""
    truth = (lane.ready.info.get("ground_truth") if lane.ready is not None else None) or {}
    left_out = _count(truth, "labels_left_out")
    return Share(left_out, left_out + _count(truth, "labels"))


def warnings(lane: Lane, sets: Sequence[str] = ("validation", "inference")) -> list[str]:
    """One sentence for each of these data sets of which more than 5 % is left out; they go wherever its accuracy goes."""
    found = []
    for data in sets:
        share = pictures_left_out(lane, data)
        if share.warns:
            its = [note for note in notes(lane) if note.kind in BAD and note.data == data]
            why = f": {its[0]}" if its else ""
            found.append(share.words(f"{data} pictures") + why)
    share = labels_left_out(lane)
    if share.warns and "validation" in sets:
        its = [note for note in notes(lane) if note.kind in ("unknown_class", "malformed")]
        why = f": {its[0]}" if its else ""
        found.append(share.words("validation labels") + why)
    return found


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _count(value: Mapping[str, Any], key: str) -> int:
    found = value.get(key)
    return found if isinstance(found, int) else 0
