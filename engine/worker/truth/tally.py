"""What was found in a data set and what was left out of it, counted, with the first of each kind named."""

from __future__ import annotations

from collections import Counter
from typing import Any

MOST_NOTES, NOTES_A_KEY = 5, 2

PICTURE_KEYS = ("pictures", "left_out", "missing", "corrupt", "torn")
"""Pictures used and left out; of the latter `missing` are not there and `corrupt` cannot be read. `torn` JPEGs have no end
mark or something behind it; they are used as they are."""
KEYS = (
    *PICTURE_KEYS,
    "labels", "background", "picture_without_label", "empty_label", "label_without_picture",
    "malformed", "outside", "unknown_class", "duplicate", "crowd", "flat", "no_keypoints",
)  # fmt: skip
"""Keys of `ground_truth` in `ready`'s info; docs/journal.md says what each counts."""
_WORST_FIRST = (
    "missing", "corrupt", "malformed", "unknown_class", "outside", "flat", "label_without_picture", "torn", "duplicate",
    "mapping", "two_classes", "no_keypoints", "crowd", "picture_without_label", "empty_label",
)  # fmt: skip
"""The order in which notes are shown; `mapping`, how classes were told, and `two_classes` of one picture are no counts."""


class Tally:
    """Counts by key, and short sentences on the first of each."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._notes: dict[str, list[str]] = {}

    def add(self, key: str, count: int = 1, note: str = "") -> None:
        """Count something; the first two notes of a key are kept."""
        self.counts[key] += count
        if note and count:
            self.note(key, note)

    def note(self, key: str, text: str) -> None:
        """Keep a sentence without counting."""
        kept = self._notes.setdefault(key, [])
        if len(kept) < NOTES_A_KEY:
            kept.append(" ".join(text.split())[:300])

    def notes(self) -> list[str]:
        """At most five sentences, the worst first, one of each kind before a second of any."""
        order = [*_WORST_FIRST, *(key for key in self._notes if key not in _WORST_FIRST)]
        kept = [self._notes[key] for key in order if key in self._notes]
        firsts, seconds = [texts[0] for texts in kept], [text for texts in kept for text in texts[1:]]
        return (firsts + seconds)[:MOST_NOTES]

    def copy(self) -> Tally:
        """Another with the same counts and notes, to count on in."""
        other = Tally()
        other.counts.update(self.counts)
        other._notes = {key: [*texts] for key, texts in self._notes.items()}
        return other

    def as_map(self, keys: tuple[str, ...] = KEYS) -> dict[str, Any]:
        """Every key with its count, zeros too, and `notes`: what stands in the journal."""
        return {**{key: self.counts[key] for key in keys}, "notes": self.notes()}
