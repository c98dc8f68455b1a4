"""What this screen costs: its own CPU, bytes to the terminal and frames, told to the supervisor once a second."""

from __future__ import annotations

import time
from typing import Any

from quintet.engine.protocol.control_messages import Beat
from quintet.engine.session.session import Session
from quintet.tui.scene.scene import Own


class Cost:
    """Counts from its making. `watch` a Textual driver to see the bytes that go to the terminal."""

    def __init__(self) -> None:
        self.frames = 0
        self._bytes = 0
        self._last = (time.monotonic(), time.process_time(), 0)
        self._own: Own | None = None

    def watch(self, driver: Any) -> None:
        """Count what this driver writes."""
        write = driver.write

        def counted(data: str) -> None:
            self._bytes += len(data.encode())
            write(data)

        driver.write = counted

    def beat(self) -> Beat:
        """Totals so far."""
        return Beat(time.process_time_ns(), self._bytes, self.frames)

    def own(self, session: Session) -> Own | None:
        """Rates since it was last asked, two seconds ago or more, with the supervisor's CPU from its telemetry."""
        now, cpu = time.monotonic(), time.process_time()
        then, cpu_then, bytes_then = self._last
        if now - then >= 2:
            self._last = (now, cpu, self._bytes)
            percent = 100 * (cpu - cpu_then) / (now - then) + supervisor_cpu_pct(session)
            self._own = Own(percent, (self._bytes - bytes_then) / (now - then))
        return self._own


def supervisor_cpu_pct(session: Session) -> float:
    """The supervisor's CPU in its last telemetry, in percent of a core."""
    if not session.telemetry:
        return 0.0
    processes = session.telemetry[-1].values.get("processes") or ()
    return sum(float(told.get("cpu_pct") or 0) for told in processes if told.get("what") == "supervisor")
