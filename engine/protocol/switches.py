"""The switches: experimental factors that a worker changes at an image's edge, and the presets the study names.

One table for everyone: the worker that applies a level, the supervisor that refuses a wrong one, the screen that
explains it. Standard library only, since workers read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from quintet.engine.protocol.events import Levels

Level: TypeAlias = "str | int | float | None"


class Switch(NamedTuple):
    """One factor: its levels (the first is the default), what it changes, and whether it changes while running.

    With `number` a level may also be any number from the first to the second, in the unit of the third.
    """

    name: str
    levels: tuple[str | int | float, ...]
    says: str
    live: bool = True
    number: tuple[float, float, str] | None = None
    study: str = ""
    """Which sentence of the study it tests."""
    column: str = "category"
    """What a column of its levels is in data frames: `category`, `Int` or `float`."""
    steps: tuple[str | int | float, ...] = ()
    """With `number`, the levels that the screen's arrows step through."""

    @property
    def offered(self) -> tuple[str | int | float, ...]:
        """The levels that the screen offers."""
        return self.steps or self.levels

    @property
    def told(self) -> str:
        """Its levels in words."""
        words = ", ".join(map(str, self.levels))
        return (
            words if self.number is None else f"{words}, or {self.number[0]:g} to {self.number[1]:g} {self.number[2]}"
        )


SWITCHES = (
    Switch(
        "score", ("off", "inline", "thread"), "accuracy computation", study='accuracy computation acts as a "buffer"'
    ),
    Switch("keep", ("off", "results"), "results kept in memory", study="results kept in memory make it slower"),
    Switch("data", ("inference", "validation"), "which images", study="the two measurements used other data sets"),
    Switch(
        "source", ("array", "path"), "decoding in the timed span", study="reading a picture may lie in the timed span"
    ),
    Switch("sync", ("each", "none"), "device sync around each image", study="synchronisation costs, and hides work"),
    Switch(
        "stages", ("off", "on"), "time pre, infer, post apart", study="post-processing on the CPU is the bottleneck"
    ),
    Switch("batch", (1, 2, 4, 8), "images per predict", study="processing in batches would help", column="Int"),
    Switch(
        "pace",
        ("closed",),
        "closed loop or steady camera",
        number=(0.1, 1000, "images/s"),
        steps=("closed", 5, 10, 15, 30, 60),
        study="a steady load instead of as fast as it goes",
    ),
    Switch(
        "think",
        (0,),
        "a pure wait instead of scoring",
        number=(0, 60_000, "ms"),
        column="float",
        steps=(0, 5, 10, 20, 50, 100),
        study='is it the pause or the work that "buffers"?',
    ),
    Switch("screen", ("on", "off"), "screens read and paint", study="measuring disturbs what is measured"),
    Switch("half", ("no",), "fixed at start", live=False),
    Switch("threads", (1, 2, 3, 4, 6, 8, 12, 16), "fixed at start", live=False, column="Int"),
)
BY_NAME = {switch.name: switch for switch in SWITCHES}

MODES: dict[str, Levels] = {
    "inference": {"data": "inference", "score": "off", "keep": "off"},
    "validation": {"data": "validation", "score": "inline", "keep": "results"},
    "withoutval": {"data": "validation", "score": "off", "keep": "off"},
}
"""The study's columns. "Accuracy off" always means validation to withoutval."""
START_MODE = "validation"


def mode_of(levels: Mapping[str, object]) -> str | None:
    """The mode whose preset these levels are, or None when they are no preset's."""
    for mode, preset in MODES.items():
        if all(levels.get(name) == level for name, level in preset.items()):
            return mode
    return None


def starting_levels(threads: int) -> Levels:
    """A level for every switch at the start of a run: `validation`, everything else at its default."""
    levels: Levels = {switch.name: switch.levels[0] for switch in SWITCHES}
    return {"mode": START_MODE, **levels, **MODES[START_MODE], "threads": threads}


def changed(levels: Levels, asked: Mapping[str, object]) -> Levels:
    """The levels after a change; `mode` sets its three switches and is read back from the result.

    Raises ValueError with one sentence when a switch or a level is unknown, or the switch is fixed at start.
    """
    wanted: Levels = {}
    for name, level in asked.items():
        wanted.update(_preset(level) if name == "mode" else {name: _level(name, level)})
    after = {**levels, **wanted}
    return {**after, "mode": mode_of(after)}


def choices() -> dict[str, tuple[str | int | float, ...]]:
    """The levels of `mode` and of every switch that changes while running; of one that takes numbers, those with names."""
    return {"mode": tuple(MODES), **{one.name: one.levels for one in BY_NAME.values() if one.live}}


def _preset(mode: object) -> Levels:
    if not isinstance(mode, str) or mode not in MODES:
        raise ValueError(f"mode has no level {mode!r}; its levels are {', '.join(MODES)}")
    return MODES[mode]


def live(name: str) -> Switch:
    """The switch of a name. Raises ValueError with one sentence when there is none, or it is fixed at start."""
    switch = BY_NAME.get(name)
    if switch is None:
        raise ValueError(f"there is no switch {name!r}; the switches are mode, {', '.join(BY_NAME)}")
    if not switch.live:
        raise ValueError(f"{name} is fixed at start; write it into the profile")
    return switch


def _level(name: str, level: object) -> str | int | float:
    switch = live(name)
    for known in switch.levels:
        if level == known or str(level) == str(known):
            return known
    if switch.number is not None:
        low, high, _ = switch.number
        try:
            number = float(level)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            number = -1.0
        if low <= number <= high:
            return int(number) if number.is_integer() else number
    raise ValueError(f"{name} has no level {level!r}; its levels are {switch.told}")
