"""What the timed loop asks of a model. Two parts play it: yolo.py, and sleep.py for tests without torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from quintet.engine.protocol.events import Levels

Report = Callable[[str, str, int, int], None]
"""Called while loading with step (`model`, `ground_truth`, `warm_up`), state (`begun`, `going`, `done`), done, of."""


class LoadFault(Exception):
    """A lane cannot be loaded; its text is one sentence or two: what, where, the mend."""


class Unreadable(Exception):
    """A picture cannot be decoded, though it looked sound when the lane was loaded; its text says which and why."""


class Backend(Protocol):
    """One loaded model with its data sets, driven by one thread. Indices count from 0 within a data set."""

    spans: list[int]
    """Nanoseconds of pre, infer and post within the last predict; overwritten in place."""

    def load(self, report: Report) -> None:
        """Load model and data. Raises LoadFault."""

    def first_predict_done(self) -> None:
        """Called once after the first predict: what a first predict resets (thread counts) is set again here."""

    def refusal(self, levels: Levels) -> str | None:
        """One sentence when these levels cannot hold here (no labels, say), else None."""

    def apply(self, levels: Levels) -> None:
        """Make these levels hold from the next image on; what they no longer keep is freed before this returns."""

    def images(self, data: str) -> int:
        """How many images the data set `inference` or `validation` has."""

    def read(self, data: str, index: int) -> Any:
        """Read and decode one image: what predict takes. Raises Unreadable."""

    def leave_out(self, data: str, index: int) -> None:
        """The image cannot be read any more: it is not asked for again and no longer counts for full coverage."""

    def path(self, data: str, index: int) -> Any:
        """Where one image lies, for predict to decode."""

    def synchronize(self) -> None:
        """Wait for the device; does nothing on a CPU."""

    def predict(self, picture: Any) -> Any:
        """The whole public predict call for one image; its result."""

    def predict_many(self, pictures: list[Any]) -> list[Any]:
        """One public predict call for several images; their results in order."""

    def detections(self, result: Any) -> int:
        """How many objects the result holds (cls: 1)."""

    def score(self, index: int, result: Any, place: int = 0) -> None:
        """Score one result of the last predict: of validation image `index`, at `place` in its call."""

    def copy(self, result: Any, place: int = 0) -> Any:
        """What scoring one result of the last predict needs, copied, so that the next predict cannot change it."""

    def score_copy(self, index: int, copy: Any) -> None:
        """Score a copy as validation image `index`; called in another thread."""

    def keep(self, index: int, result: Any) -> None:
        """Keep this result in memory within the lane's bound."""

    def coverage(self) -> tuple[int, int]:
        """How many distinct images have been scored, and of how many."""

    def accuracy(self) -> dict[str, float]:
        """Accuracy over the distinct images scored so far, each by its latest scoring; fractions of one by name."""

    def held_bytes(self) -> int:
        """Bytes of results kept in memory."""

    def kept_short(self) -> int:
        """How many results are kept where the bound in bytes is below one pass over the data; 0 where it is not."""

    def info(self) -> dict[str, Any]:
        """For `ready`: device, dtype, threads, parameters, load times (`model_load_ns`, `ground_truth_load_ns`)."""
