"""A lane that sleeps seeded times instead of running a model, so that all above it is tested with real processes.

It needs no torch and is ready in a tenth of a second. A lane's `env` steers it: QUINTET_SLEEP_MS (mean of predict),
QUINTET_SLEEP_SPREAD (its standard deviation, as a share of the mean), QUINTET_SLEEP_OFF_MS (the mean while nothing is
scored), QUINTET_SLEEP_SCORE_MS, QUINTET_SLEEP_LOAD_MS, QUINTET_SLEEP_IMAGES, and for the bad moments
QUINTET_SLEEP_FAIL=STEP (a load fault), QUINTET_SLEEP_DIE=N (exit at image N), QUINTET_SLEEP_HANG=N (never come back from
image N) and QUINTET_SLEEP_UNREADABLE=N (picture N cannot be decoded). QUINTET_SLEEP_SPINS_PER_S=N makes it work instead of
sleep: N turns of an empty loop for each second of predict. QUINTET_SLEEP_HOLD=FILE keeps the lane loading until FILE exists.
QUINTET_SLEEP_STDERR_MB=N makes it write so much to stderr at image 40.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import Any

from quintet.engine.protocol.events import Levels
from quintet.engine.worker.backend import LoadFault, Report, Unreadable

MEAN_MS = {"cls": 4.0, "detect": 8.0, "pose": 7.0, "seg": 11.0, "obb": 9.0}
METRICS = {
    "cls": ("top1", "top5"), "detect": ("map50_box", "map_box"), "pose": ("map50_pose", "map_pose"),
    "seg": ("map50_mask", "map_mask"), "obb": ("map50_obb", "map_obb"),
}  # fmt: skip


WRITES_AT = 40


def _number(name: str, default: float) -> float:
    return float(os.environ.get(f"QUINTET_SLEEP_{name}", default))


def _write_much() -> None:
    """As many megabytes to stderr as QUINTET_SLEEP_STDERR_MB says, in numbered lines of a hundred bytes."""
    for number in range(0, int(_number("STDERR_MB", 0) * 10_000), 100):
        lines = "".join(f"{line:099}\n" for line in range(number, number + 100)).encode()
        written = 0
        while written < len(lines):
            written += os.write(2, lines[written:])


def _hold() -> None:
    """Wait for the file that QUINTET_SLEEP_HOLD names, if any."""
    file = os.environ.get("QUINTET_SLEEP_HOLD")
    while file and not Path(file).exists():
        time.sleep(0.01)


class SleepBackend:
    """Plays the Backend of backend.py: gaussian sleeps, and accuracy from a seeded coin an image."""

    def __init__(self, lane: int, settings: dict[str, Any]) -> None:
        self.spans = [0, 0, 0]
        self._task = str(settings["task"])
        self._random = random.Random(int(settings["seed"]) * 1000 + lane)
        self._mean_s = self._on_s = _number("MS", MEAN_MS[self._task]) / 1000
        self._off_s = _number("OFF_MS", self._on_s * 1000) / 1000
        self._score_s = _number("SCORE_MS", 2.0) / 1000
        self._spread = _number("SPREAD", 0.05)
        self._images = int(_number("IMAGES", 64))
        self._threads = int(settings["threads"])
        self._hits = [self._random.random() < 0.7 for _ in range(self._images)]
        self._scored: set[int] = set()
        self._kept: list[bytes] = []
        self._count = 0
        self._left_out = 0
        self._spins_a_second = _number("SPINS_PER_S", 0)
        self._load_ns: dict[str, int] = {}

    def load(self, report: Report) -> None:
        """Sleep through the two loading steps; raises LoadFault when told to."""
        for step in ("model", "ground_truth"):
            began = time.monotonic_ns()
            report(step, "begun", 0, 1)
            _hold()
            time.sleep(_number("LOAD_MS", 10) / 1000)
            if os.environ.get("QUINTET_SLEEP_FAIL") == step:
                raise LoadFault(f"The sleep backend was told to fail at {step}. Unset QUINTET_SLEEP_FAIL.")
            report(step, "done", 1, 1)
            self._load_ns[f"{step}_load_ns"] = time.monotonic_ns() - began

    def first_predict_done(self) -> None:
        """Nothing is reset by a sleep."""

    def refusal(self, levels: Levels) -> str | None:
        """Scoring needs labels, and only `validation` has them."""
        if levels["score"] != "off" and levels["data"] == "inference":
            return "data inference has no labels: score stays off on it"
        return None

    def apply(self, levels: Levels) -> None:
        """Free kept results when they are no longer kept; without scoring, sleep as long as was told for that."""
        self._mean_s = self._off_s if levels["score"] == "off" else self._on_s
        if levels["keep"] == "off":
            self._kept.clear()

    def images(self, data: str) -> int:
        """As many as QUINTET_SLEEP_IMAGES says, in both data sets."""
        return self._images

    def read(self, data: str, index: int) -> int:
        """The picture is its index. Raises Unreadable for the one that was told to be."""
        if index == int(_number("UNREADABLE", -1)):
            raise Unreadable(f"{index}.jpg cannot be decoded")
        return index

    def leave_out(self, data: str, index: int) -> None:
        """One less to score."""
        self._left_out += data == "validation"

    def path(self, data: str, index: int) -> int:
        """The path, too, is the index."""
        return index

    def synchronize(self) -> None:
        """No device."""

    def predict(self, picture: int) -> int:
        """Sleep a seeded time; the three spans are 5, 90 and 5 % of it."""
        self._count += 1
        if self._count == int(_number("DIE", -1)):
            os._exit(3)
        if self._count == int(_number("HANG", -1)):
            time.sleep(3600)
        if self._count == WRITES_AT:
            _write_much()
        sleep_s = max(0.0, self._random.gauss(self._mean_s, self._mean_s * self._spread))
        if self._spins_a_second:
            for _ in range(int(sleep_s * self._spins_a_second)):
                pass
        else:
            time.sleep(sleep_s)
        sleep_ns = int(sleep_s * 1e9)
        self.spans[:] = (sleep_ns // 20, sleep_ns * 9 // 10, sleep_ns // 20)
        return picture

    def predict_many(self, pictures: list[int]) -> list[int]:
        """Sleep once for each."""
        return [self.predict(picture) for picture in pictures]

    def detections(self, result: int) -> int:
        """One an image."""
        return 1

    def score(self, index: int, result: int, place: int = 0) -> None:
        """Sleep, and remember the image."""
        time.sleep(self._score_s)
        self._scored.add(index)

    def copy(self, result: int, place: int = 0) -> int:
        """The result is its index."""
        return result

    def score_copy(self, index: int, copy: int) -> None:
        """As score."""
        self.score(index, copy)

    def keep(self, index: int, result: int) -> None:
        """Keep a kilobyte, one pass at most."""
        self._kept.append(bytes(1024))
        del self._kept[: -self._images]

    def coverage(self) -> tuple[int, int]:
        """Distinct images scored, of all."""
        return len(self._scored), self._images - self._left_out

    def accuracy(self) -> dict[str, float]:
        """The share of hits among the scored images, under the task's metric names."""
        share = sum(self._hits[i] for i in self._scored) / max(1, len(self._scored))
        first, second = METRICS[self._task]
        return {first: share, second: min(1.0, share + 0.2) if self._task == "cls" else share * 0.6}

    def held_bytes(self) -> int:
        """A kilobyte a kept result."""
        return 1024 * len(self._kept)

    def kept_short(self) -> int:
        """Nothing is bounded here."""
        return 0

    def info(self) -> dict[str, Any]:
        """What a model would say of itself."""
        return {"device": "sleep", "dtype": "none", "threads": self._threads, "parameters": 0, **self._load_ns}
