"""The supervisor's end of one worker: orders down, checked events up, and what is known of the process."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from quintet.engine.profile.interpreter import package_link
from quintet.engine.profile.schema import Lane, Profile
from quintet.engine.protocol.codec import encode
from quintet.engine.protocol.events import (
    COLUMNS,
    FROM_WORKER,
    MAX_ROWS,
    MOST,
    OUTCOMES,
    Answer,
    Arm,
    Fault,
    Frame,
    Gate,
    Levels,
    Ready,
    Samples,
    Telemetry,
)
from quintet.engine.protocol.orders import LaneOrder
from quintet.engine.protocol.stream import WORKER_FRAME_BYTES, BadFrame, FrameStream
from quintet.engine.storage.side_files import SideFile
from quintet.engine.supervisor.worker_process import Process, Wires, spawn, stderr_tail

READ_BYTES = 1 << 18
FAULT_LETTERS = 2000
"""A longer text of a fault is cut."""
SILENT_NS, SILENT_IMAGES = 10_000_000_000, 5


class Link:
    """One lane's worker. `state` goes from `loading` to `ready` to `gone`; `failed` stays true after a fault.

    A restart begins at `loading` again, with the levels that were in force and the next free arm and seq.
    """

    def __init__(
        self, number: int, lane: Lane, private: Path, stderr: SideFile, list_left_out: str | None = None
    ) -> None:
        """`list_left_out` is the file in which the worker lists the pictures that it leaves out."""
        self.number, self.lane, self.stderr = number, lane, stderr
        self.state = "gone"
        self.failed = False
        self.restart_asked = False
        self.open = False
        self.was_open = False
        """Whether its gate was open when it was last heard of, whatever became of its process."""
        self.waiting: dict[int, int] = {}
        """Command ids that were not answered yet, with their deadlines in nanoseconds."""
        self.next_arm = self.next_seq = 0
        self.cycle_ns = 0
        self.images = 0
        self.told: dict[str, Any] = {}
        self.refusals: dict[str, str] = {}
        """What its worker refuses, a sentence by `SWITCH=LEVEL`."""
        self.process: Process | None = None
        """None while a worker is not born yet."""
        self.wires: Wires | None = None
        self._list_left_out = list_left_out
        self._levels = lane.levels()
        self._private = private
        self._stream = FrameStream(FROM_WORKER, WORKER_FRAME_BYTES)

    @property
    def forkable(self) -> bool:
        """Whether this worker may be forked: it has the supervisor's interpreter and environment."""
        return not self.lane.env and self.lane.python is None

    @property
    def levels(self) -> Levels:
        """The levels in force, as last told."""
        return self._levels

    def wire(self, profile: Profile) -> Wires:
        """Begin a worker: make its socket and send it its lane, which it reads once it lives."""
        self.wires = Wires()
        self.state, self.failed, self.restart_asked, self.open = "loading", False, False, False
        self.process = None
        self.waiting.clear()
        self._stream = FrameStream(FROM_WORKER, WORKER_FRAME_BYTES)
        settings: dict[str, Any] = {
            **msgspec.to_builtins(self.lane),
            "seed": profile.seed,
            "keep_bytes": keep_bytes(profile),
            "list_left_out": self._list_left_out,
        }
        self.send(LaneOrder(self.number, settings, self._levels, self.next_arm, self.next_seq))
        return self.wires

    def spawn(self) -> None:
        """Start the wired worker as a plain process. Raises OSError."""
        assert self.wires is not None
        extra, python = dict(self.lane.env), self.lane.python
        if python is not None:
            extra["PYTHONPATH"] = str(package_link(self._private))
        self.process = spawn(self.number, self.wires, self._private, self.stderr, extra, python or sys.executable)

    def adopt(self, process: Process) -> None:
        """Attach the process that the fork server created."""
        self.process = process
        if self.wires is not None:
            self.wires.hand_over()

    def send(self, order: Frame) -> bool:
        """Send one order; false when the worker's socket takes none (it is gone, or has been deaf for very long)."""
        if self.wires is None or self.state == "gone":
            return False
        content = encode(order)
        try:
            return self.wires.sock.send(content) == len(content)
        except OSError:
            return False

    def command(self, order: Frame, command_id: int) -> bool:
        """Send an order that must be answered in time."""
        if not self.send(order):
            return False
        self.waiting[command_id] = time.monotonic_ns() + max(SILENT_NS, SILENT_IMAGES * self.cycle_ns)
        return True

    def receive(self) -> Iterator[Frame]:
        """The checked events that have come; what a worker tells of itself is kept in `told`.

        Raises BadFrame at a bad one, and EOFError when the worker has gone.
        """
        assert self.wires is not None
        try:
            content = self.wires.sock.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            raise EOFError from error
        if not content:
            raise EOFError
        for frame in self._stream.feed(content):
            if isinstance(frame, Telemetry):
                self.told = frame.values
            else:
                yield self._noted(self._checked(frame))

    def _checked(self, frame: Frame) -> Frame:
        """The frame, a fault's texts bounded. Raises BadFrame when it is not this lane's to say."""
        if frame.lane != self.number:  # type: ignore[attr-defined]
            raise BadFrame(f"an event of lane {frame.lane}")  # type: ignore[attr-defined]
        if isinstance(frame, Samples):
            if not 1 <= len(frame.rows) <= MAX_ROWS or min(map(len, frame.rows)) < len(COLUMNS):
                raise BadFrame("samples without the right rows")
            if max(map(max, frame.rows)) > MOST or min(map(min, frame.rows)) < -MOST:
                raise BadFrame("samples with a number that is too large")
            if frame.first_seq < self.next_seq:
                raise BadFrame(f"image {frame.first_seq} a second time")
        elif isinstance(frame, Answer) and frame.outcome not in OUTCOMES:
            raise BadFrame(f"an outcome {frame.outcome[:40]!r}")
        elif isinstance(frame, Fault):
            return frame._replace(text=frame.text[:FAULT_LETTERS], stderr=stderr_tail(self.stderr))
        return frame

    def _noted(self, frame: Frame) -> Frame:
        """Note what the supervisor must know of a checked event."""
        if isinstance(frame, Samples):
            self.next_seq = frame.first_seq + len(frame.rows)
            self.images += len(frame.rows)
            starts = {row[1] for row in frame.rows}
            if len(starts) > 1:
                self.cycle_ns = (max(starts) - min(starts)) // (len(starts) - 1)
            else:
                self.cycle_ns = sum(frame.rows[0][2:4]) + frame.rows[0][7] + frame.rows[0][8]
        elif isinstance(frame, Arm):
            self.next_arm, self._levels = frame.arm + 1, frame.levels
        elif isinstance(frame, Gate):
            self.open = self.was_open = frame.open
        elif isinstance(frame, Ready):
            self.state = "ready"
            refused = frame.info.get("refusals")
            self.refusals = refused if isinstance(refused, dict) else {}
        elif isinstance(frame, Answer):
            self.waiting.pop(frame.id, None)
        elif isinstance(frame, Fault):
            self.failed = True
        return frame

    def overdue(self, now_ns: int) -> list[int]:
        """Commands whose time to be answered is over; each is told once."""
        late = [command_id for command_id, deadline in self.waiting.items() if now_ns > deadline]
        for command_id in late:
            del self.waiting[command_id]
        return late

    def gone(self) -> int | None:
        """Reap the process and close its descriptors; its exit status, or None when it has none yet."""
        if self.process is None:
            return None
        status = self.process.poll()
        if status is not None:
            self._release()
        return status

    def give_up(self) -> None:
        """There is no process and will be none."""
        self.failed = True
        self._release()

    def _release(self) -> None:
        if self.state != "gone" and self.wires is not None:
            self.state, self.open = "gone", False
            self.wires.release()

    def end(self) -> None:
        """SIGTERM, then SIGKILL, then reap; for a worker that did not stop when asked."""
        if self.state == "gone":
            return
        if self.process is None:
            self._release()
            return
        for number, patience_s in ((signal.SIGTERM, 1.0), (signal.SIGKILL, 5.0)):
            if self.process.poll() is None:
                self.process.send_signal(number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(patience_s)
        self.gone()


def keep_bytes(profile: Profile) -> int:
    """The bound of kept results for one lane: the profile's, or a quarter of free memory over the lanes."""
    if profile.keep_bytes is not None:
        return profile.keep_bytes
    import psutil

    return int(psutil.virtual_memory().available // 4 // len(profile.lanes))
