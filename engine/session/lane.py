"""One lane as its events tell it: what a Session holds of each, and what it was before a restart."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from quintet.engine.protocol import events as ev
from quintet.engine.session.image_columns import Rows


class StepState(NamedTuple):
    """How far one loading step is."""

    state: str
    done: int
    of: int
    begun_ns: int
    t_ns: int


class Gap(NamedTuple):
    """A time without an image."""

    begin_ns: int
    end_ns: int


class KeptShort(NamedTuple):
    """Since when a lane keeps fewer results than one pass has images, and how many."""

    t_ns: int
    results: int


@dataclass
class Lane:
    """One lane as its events tell it."""

    number: int
    name: str
    task: str
    threads: int = 1
    steps: dict[str, StepState] = field(default_factory=dict)
    ready: ev.Ready | None = None
    arms: list[ev.Arm] = field(default_factory=list)
    gates: list[ev.Gate] = field(default_factory=list)
    values: list[ev.Value] = field(default_factory=list)
    works: list[ev.Work] = field(default_factory=list)
    faults: list[ev.Fault] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    lost: int = 0
    open: bool = False
    failed_ns: int | None = None
    stuck_ns: int | None = None
    kept_short: KeptShort | None = None
    run_notes: list[Any] = field(default_factory=list)
    """What its worker noted of its data after it was ready, as the log has it; data_notes.py reads it."""
    lives: list[Life] = field(default_factory=list)
    """What it was before each restart and each end of being stuck, oldest first."""
    next_seq: int = 0
    holes: int = 0
    """Images whose rows never came, by their sequence numbers."""
    rows: Rows = field(default_factory=Rows)
    late_ns: array[int] = field(default_factory=lambda: array("q"))
    """When each timed image began that was late under `pace`, in order."""
    skipped: list[tuple[int, int]] = field(default_factory=list)
    """(when, how many images were skipped under `pace` so far in this life), whenever the count changed."""
    backend: str = ""
    """`yolo`, `sleep` or `simulated`; empty where the log does not say."""

    def life(self, until_ns: int) -> Life:
        """What it is until a moment at which that is wiped out."""
        return Life(until_ns, dict(self.steps), self.ready, self.failed_ns, self.stuck_ns)


class Life(NamedTuple):
    """Lane state before a restart, or before it recovered from being stuck, and when: for looking back."""

    until_ns: int
    steps: dict[str, StepState]
    ready: ev.Ready | None
    failed_ns: int | None
    stuck_ns: int | None


def as_it_was(lane: Lane, t_ns: int) -> Lane:
    """The lane with the life it had at a moment: a restart wipes its steps and faults, and a look back needs them."""
    life = next((life for life in lane.lives if t_ns < life.until_ns), None)
    if life is None:
        return lane
    return replace(lane, steps=life.steps, ready=life.ready, failed_ns=life.failed_ns, stuck_ns=life.stuck_ns)
