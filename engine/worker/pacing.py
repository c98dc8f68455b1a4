"""When the next image is due: at once (closed loop), at a camera's fixed times, or after a pure wait.

Kept apart from the loop because it is arithmetic on times and nothing else.
"""

from __future__ import annotations

from quintet.engine.protocol.events import Levels


class Pacing:
    """Under `pace` images are due at fixed times from the arm's first; missed ones are skipped and counted."""

    def __init__(self) -> None:
        self.skipped = 0
        self._period_ns = self._think_ns = 0
        self._due_ns: int | None = None

    def apply(self, levels: Levels) -> None:
        """A new arm: its own period, wait, and first due time."""
        pace, think = levels["pace"], levels["think"]
        self._period_ns = 0 if pace == "closed" else round(1e9 / float(str(pace)))
        self._think_ns = round(float(str(think)) * 1e6)
        self._due_ns = None

    def wait_ns(self, now_ns: int, ended_ns: int) -> int:
        """How long to wait before the next image; 0 or less: take it now. ended_ns is when the last one ended, or 0."""
        ready_ns = ended_ns + self._think_ns if self._think_ns and ended_ns else now_ns
        if not self._period_ns:
            return ready_ns - now_ns
        if self._due_ns is None:
            self._due_ns = max(now_ns, ready_ns)
        missed = (max(now_ns, ready_ns) - self._due_ns) // self._period_ns
        if missed > 0:
            self._due_ns += missed * self._period_ns
            self.skipped += missed
        return max(self._due_ns, ready_ns) - now_ns

    def taken(self, start_ns: int, images: int) -> int:
        """An image began at start_ns: how late it was, 0 without a pace. The next is due a period later for each image."""
        if self._due_ns is None:
            return 0
        delay_ns = max(0, start_ns - self._due_ns)
        self._due_ns += self._period_ns * images
        return delay_ns
