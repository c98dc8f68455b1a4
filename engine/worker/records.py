"""Rows of a lane on their way out of the timed loop: in batches of one arm, never kept for long."""

from __future__ import annotations

from typing import Protocol

from quintet.engine.protocol.events import MAX_ROWS, Frame, Samples

FLUSH_NS = 250_000_000


class Outlet(Protocol):
    """What the loop needs of its port."""

    closed: bool

    def send(self, frame: Frame) -> None:
        """Queue a frame; never blocks."""

    def orders(self, wait_ns: int | None = 0) -> list[Frame]:
        """Orders that have come; sleeps until one comes or wait_ns have passed, None: for ever."""


class Records:
    """Rows of one arm on their way out: at most 32, or a quarter of a second old."""

    def __init__(self, lane: int, outlet: Outlet) -> None:
        self._lane, self._outlet = lane, outlet
        self._rows: list[list[int]] = []
        self._arm = self._first_seq = self._began = 0

    def add(self, arm: int, seq: int, row: list[int], now: int, cycle_ns: int) -> None:
        """Keep a row; send the batch when it is full, or would be too old by the end of one more image."""
        if not self._rows:
            self._arm, self._first_seq, self._began = arm, seq, now
        self._rows.append(row)
        if len(self._rows) >= MAX_ROWS or now - self._began + cycle_ns >= FLUSH_NS:
            self.flush()

    def flush_before(self, wait_ns: int, now: int) -> None:
        """Send what would be too old after a wait."""
        if now - self._began + wait_ns >= FLUSH_NS:
            self.flush()

    def flush(self) -> None:
        """Send what there is. Called before the worker confirms, parks, waits or exits."""
        if self._rows:
            self._outlet.send(Samples(self._lane, self._arm, self._first_seq, self._rows))
            self._rows = []
