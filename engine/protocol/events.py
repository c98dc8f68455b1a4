"""What crosses a wire and lies in a journal: the kinds, their fields in order, and the codec.

One place, so that a worker, the supervisor, a screen and a reader years later agree. A frame is a msgpack array
`[kind, field, ...]`. Readers ignore fields past those they know; new fields go to the end (never to `check`).

History of the format
1  first: start, step, ready, arm, gate, samples, value, telemetry, command, answer, mark, stall, lost, fault, clock,
   check, end; then block_start and block_end, which a reader without them skips; in 0.2.0 work, and the columns value and
   keep at the end of a row
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias, Union

FORMAT = 1

COLUMNS = (
    "image", "start", "wait", "load", "pre", "infer", "post", "predict", "score", "cpu", "batch", "detections",
    "flags", "delay", "value", "keep",
)  # fmt: skip
"""One row of integers an image; times in nanoseconds, `start` on the monotonic clock."""
FIRST_COLUMNS = 14
"""So many columns had the rows of quintet 0.1.0: up to `delay`."""
WHOLE_MOST = 2**63 - 1
"""The largest whole number that every reader of msgpack takes."""
MOST = 2**62
"""No time or count is larger; hurt bytes or a lying worker may say so."""
MAX_ROWS = 32
"""At most this many rows in one `samples`."""
FLAG_WARM_UP, FLAG_FIRST_PASS, FLAG_SCORED, FLAG_LATE = 1, 2, 4, 8

LOST = "lost_bytes"
"""Pseudo-event that a reader emits where it skipped bytes, `[LOST, from, to]`; it is never in a file."""
FAULTS = ("load", "start_timeout", "died", "stuck", "protocol", "nursery", "disk", "internal")
"""The documented kinds of faults. A log of a newer quintet may hold others: they are shown, and tell nothing of a lane."""
OUTCOMES = ("done", "same", "refused", "silent")
ENDS = ("asked", "time", "plan", "linger", "signal", "fault", "size")


def ends_lane(kind: str) -> bool:
    """Whether a fault of this kind ends its lane until it is restarted; one of an unknown kind says nothing of it."""
    return kind in FAULTS and kind != "stuck"


Levels: TypeAlias = dict[str, Union[str, int, float, None]]
"""A level for every switch by name; None only for `mode`, when the levels are no preset's."""


class Start(NamedTuple):
    """Always first. The manifest's keys stand in docs/journal.md."""

    format: int
    t_ns: int
    wall_ns: int
    manifest: dict[str, Any]


class Step(NamedTuple):
    """Loading: step `model`, `ground_truth` or `warm_up`; state `begun`, `going` or `done`."""

    lane: int
    t_ns: int
    step: str
    state: str
    done: int
    of: int


class Ready(NamedTuple):
    """Loaded and warm, waiting at the gate for the common start."""

    lane: int
    t_ns: int
    pid: int
    info: dict[str, Any]


class Arm(NamedTuple):
    """The levels in force in a worker from image `from_seq` on, changed at t_ns."""

    lane: int
    arm: int
    from_seq: int
    t_ns: int
    levels: Levels


class Gate(NamedTuple):
    """Active (open) or parked from image `from_seq` on."""

    lane: int
    open: bool
    from_seq: int
    t_ns: int


class Samples(NamedTuple):
    """Rows of consecutive images of one arm; columns as COLUMNS."""

    lane: int
    arm: int
    first_seq: int
    rows: list[list[int]]


class Value(NamedTuple):
    """Accuracy over `images` distinct images of `of`; fractions of one."""

    lane: int
    arm: int
    t_ns: int
    images: int
    of: int
    cost_ns: int
    values: dict[str, float]


class Work(NamedTuple):
    """What a lane's process has had of the cores since it began, all threads, read between two images: CPU time, time in
    which it could run and had no core, slices, switches by its own will and against it. None where the system does not say.
    """

    lane: int
    t_ns: int
    from_seq: int
    cpu_ns: int
    runq_ns: int | None
    slices: int | None
    voluntary: int
    involuntary: int


class BlockStart(NamedTuple):
    """A planned block is under way: every lane has acknowledged its part by started_ns, the latest of their from-times.

    cell: map of `regime` (`together`, `alone` or names), `lanes` (the active ones) and `levels` (what was asked of
    them: `{"mode": "validation"}`). The measured part begins at started_ns + burn_in_ns.
    """

    block: int
    round: int
    cell: dict[str, Any]
    placebo: bool
    requested_ns: int
    started_ns: int
    burn_in_ns: int


class BlockEnd(NamedTuple):
    """A planned block is over; void says why it does not count, and is empty when it does."""

    block: int
    t_ns: int
    void: str


class Telemetry(NamedTuple):
    """The machine once a second, asked at asked_ns; from a worker, what it alone knows of itself. Keys: docs/journal.md."""

    t_ns: int
    asked_ns: int
    values: dict[str, Any]


class Command(NamedTuple):
    """Something asked: `what` is a map of one key.

    Of lanes: `set` (levels), `gate` (open), `restart` or `stop`. Of the session: `plan` (a plan's description, told when
    it begins, when its lengths are fixed and when it is over: plans.describe), `pause` (true or false), `stop_plan`, or
    `screen` (`on` or `off`).
    """

    id: int
    t_ns: int
    who: str
    what: dict[str, Any]
    lanes: list[int]


class Answer(NamedTuple):
    """A lane's answer to a command; outcome is one of OUTCOMES."""

    id: int
    lane: int
    t_ns: int
    from_seq: int
    outcome: str
    text: str


class Mark(NamedTuple):
    """A note by a person."""

    t_ns: int
    who: str
    text: str


class Stall(NamedTuple):
    """A worker's socket took no bytes for blocked_ns, up to t_ns."""

    lane: int
    t_ns: int
    blocked_ns: int


class Lost(NamedTuple):
    """A worker dropped its oldest records; count is of images."""

    lane: int
    t_ns: int
    count: int  # type: ignore[assignment]  # the journal's name for it; nobody counts in this tuple


class Fault(NamedTuple):
    """Something broke; lane is None for the session itself; kind is one of FAULTS; stderr is the tail of its file."""

    lane: int | None
    t_ns: int
    kind: str
    text: str
    stderr: str


class Clock(NamedTuple):
    """Wall time beside the monotonic clock, once a minute."""

    t_ns: int
    wall_ns: int


class Check(NamedTuple):
    """The CRC-32 of the `length` bytes that begin at `offset` and end where this event begins."""

    offset: int
    length: int
    crc32: int


class End(NamedTuple):
    """Always last in a whole journal; reason is one of ENDS."""

    t_ns: int
    reason: str
    counts: dict[str, Any]


JOURNAL: dict[str, type] = {
    "start": Start, "step": Step, "ready": Ready, "arm": Arm, "gate": Gate, "samples": Samples, "value": Value,
    "block_start": BlockStart, "block_end": BlockEnd,
    "telemetry": Telemetry, "command": Command, "answer": Answer, "mark": Mark, "stall": Stall, "lost": Lost,
    "work": Work, "fault": Fault, "clock": Clock, "check": Check, "end": End,
}  # fmt: skip
_OF_WORKERS = (
    "step",
    "ready",
    "arm",
    "gate",
    "samples",
    "value",
    "telemetry",
    "answer",
    "stall",
    "lost",
    "work",
    "fault",
)
FROM_WORKER = {kind: JOURNAL[kind] for kind in _OF_WORKERS}
Frame: TypeAlias = tuple[Any, ...]
"""Any of the named tuples above."""
