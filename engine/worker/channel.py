"""A worker's end of its socket. It never blocks near the timed span: what the socket does not take is kept, then dropped.

Kept records go out at the next image's edge. Past a bound the oldest samples are dropped and counted (`lost`); a socket
that took nothing for a while is reported (`stall`) when it takes bytes again.
"""

from __future__ import annotations

import select
import socket
from collections import deque
from collections.abc import Callable

from quintet.engine.protocol.codec import decode, encode, unpacker
from quintet.engine.protocol.events import Frame, Lost, Samples, Stall
from quintet.engine.protocol.orders import TO_WORKER

STALL_NS = 50_000_000
BOUND_BYTES = 4 << 20


class Port:
    """Frames out and orders in over one connected socket. `closed` is true once the supervisor has gone."""

    def __init__(self, sock: socket.socket, clock: Callable[[], int], bound_bytes: int = BOUND_BYTES) -> None:
        sock.setblocking(False)
        self.closed = False
        self.lane = 0
        self._sock, self._clock, self._bound_bytes = sock, clock, bound_bytes
        self._queue: deque[tuple[bytes, int]] = deque()  # bytes, images in it (0: must not be dropped)
        self._queued_bytes = self._sent_of_first = self._lost = 0
        self._blocked_since: int | None = None
        self._unpacker = unpacker(orders=True)

    def send(self, frame: Frame) -> None:
        """Queue one frame and hand the socket what it takes now."""
        content = encode(frame)
        self._queue.append((content, len(frame.rows) if isinstance(frame, Samples) else 0))
        self._queued_bytes += len(content)
        self._pump()
        if self._queued_bytes > self._bound_bytes:
            self._drop_oldest()

    def orders(self, wait_ns: int | None = 0) -> list[Frame]:
        """The orders that have come. Sleeps until there is one, wait_ns have passed (None: for ever), or all is over."""
        end = None if wait_ns is None else self._clock() + wait_ns
        while True:
            taken = self._receive()
            left_ns = None if end is None else end - self._clock()
            if taken or self.closed or wait_ns == 0 or (left_ns is not None and left_ns <= 0):
                if self._queue:
                    self._pump()
                return taken
            select.select(
                [self._sock], [self._sock] if self._queue else [], [], None if left_ns is None else left_ns / 1e9
            )
            self._pump()

    def drain(self, seconds: float) -> None:
        """Send everything queued, waiting at most this long; for the last words before an exit."""
        end = self._clock() + int(seconds * 1e9)
        while self._queue and not self.closed and (left := end - self._clock()) > 0:
            select.select([], [self._sock], [], left / 1e9)
            self._pump()

    def _receive(self) -> list[Frame]:
        try:
            while content := self._sock.recv(65536):
                self._unpacker.feed(content)
            self.closed = True
        except BlockingIOError:
            pass
        except OSError:
            self.closed = True
        return [frame for array in self._unpacker if (frame := decode(array, TO_WORKER)) is not None]

    def _pump(self) -> None:
        while self._queue:
            content = self._queue[0][0]
            try:
                self._sent_of_first += self._sock.send(memoryview(content)[self._sent_of_first :])
            except BlockingIOError:
                self._blocked_since = self._blocked_since or self._clock()
                return
            except OSError:
                self.closed = True
                self._queue.clear()
                return
            if self._sent_of_first == len(content):
                self._queue.popleft()
                self._queued_bytes -= len(content)
                self._sent_of_first = 0
        self._report()

    def _report(self) -> None:
        """The queue is empty: say how long it was not, and what was dropped."""
        now = self._clock()
        since, lost = self._blocked_since, self._lost
        self._blocked_since, self._lost = None, 0
        if since is not None and now - since >= STALL_NS:
            self.send(Stall(self.lane, now, now - since))
        if lost:
            self.send(Lost(self.lane, now, lost))

    def _drop_oldest(self) -> None:
        kept: deque[tuple[bytes, int]] = deque()
        for place, (content, images) in enumerate(self._queue):
            partly_sent = place == 0 and self._sent_of_first
            if images and not partly_sent and self._queued_bytes > self._bound_bytes // 2:
                self._queued_bytes -= len(content)
                self._lost += images
            else:
                kept.append((content, images))
        self._queue = kept
