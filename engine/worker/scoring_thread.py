"""Scoring in a thread of its own: the study's remedy, made a switch so that its price can be seen.

At most four images wait. A full queue makes the loop wait before its next image, never inside a timed span.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

DEPTH = 4


class Handover:
    """A thread that scores what is handed over, in order. `score` is called in the thread with index and copy."""

    def __init__(self, score: Callable[[int, Any], None]) -> None:
        self.lock = threading.Lock()
        """Held while an image is scored: whoever reads the scores takes it."""
        self._score = score
        self._queue: queue.Queue[tuple[int, Any] | None] = queue.Queue()
        self._room = threading.Semaphore(DEPTH)
        self._failed: BaseException | None = None
        self._thread: threading.Thread | None = None

    def wait_for_room(self) -> None:
        """Wait until one more may be handed over. Raises what scoring raised."""
        self._room.acquire()
        self._room.release()
        if self._failed is not None:
            raise self._failed

    def hand_over(self, index: int, copy: Any) -> None:
        """Hand one image's copy over; the thread starts with the first."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="scoring", daemon=True)
            self._thread.start()
        self._room.acquire()
        self._queue.put((index, copy))

    def finish(self) -> None:
        """Wait until all that was handed over is scored, and end the thread. Raises what scoring raised."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None
        if self._failed is not None:
            raise self._failed

    def _run(self) -> None:
        while (handed := self._queue.get()) is not None:
            try:
                with self.lock:
                    self._score(*handed)
            except BaseException as error:  # the thread's edge: the loop raises it
                self._failed = error
            finally:
                self._room.release()
