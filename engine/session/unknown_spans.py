"""When it is not known under what setting lanes ran, because bytes of the log were lost.

An arm or a gate may have been among them, of any lane. So from the last known moment on no image counts, until telemetry
has told which lanes are active and each of these has said its levels, or sent images of an arm that is known. Without
this, one flipped bit would put images of one setting into another's mean.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection
from dataclasses import dataclass, field


@dataclass
class Doubt:
    """Spans of doubt, (begin_ns, end_ns), in order and apart; the last one's end is None while it lasts."""

    spans: list[tuple[int, int | None]] = field(default_factory=list)
    active: set[int] | None = None
    """The active lanes, once telemetry has told them since the doubt began."""
    _sure: set[int] = field(default_factory=set)

    @property
    def lasts(self) -> bool:
        """Whether the setting is unknown now."""
        return bool(self.spans) and self.spans[-1][1] is None

    def begin(self, t_ns: int) -> None:
        """From t_ns on nothing is known; lanes confirmed since an earlier loss are unknown again."""
        self.active = None
        self._sure.clear()
        if self.lasts:
            return
        while self.spans and (self.spans[-1][1] or 0) > t_ns:  # one that it overlaps goes on
            t_ns = min(t_ns, self.spans.pop()[0])
        self.spans.append((t_ns, None))

    def told(self, active: Collection[int]) -> None:
        """Telemetry names the active lanes."""
        self.active = set(active)

    def sure(self, lane: int) -> None:
        """This lane's levels are known."""
        self._sure.add(lane)

    def opened(self, lane: int) -> None:
        """This lane is active from now on."""
        if self.active is not None:
            self.active.add(lane)

    def closed(self, lane: int) -> None:
        """This lane is parked, dead, or loading."""
        if self.active is not None:
            self.active.discard(lane)

    def end(self, t_ns: int) -> bool:
        """End it at t_ns if all is known; whether it ended."""
        if not self.lasts or self.active is None or not self.active <= self._sure:
            return False
        begin_ns = self.spans[-1][0]
        self.spans[-1] = (begin_ns, max(begin_ns, t_ns))
        return True

    def touches(self, begin_ns: int, end_ns: int) -> bool:
        """Whether anything from begin_ns to end_ns lies in a span."""
        place = bisect_left(self.spans, end_ns, key=lambda span: span[0]) - 1
        if place < 0:
            return False
        end = self.spans[place][1]
        return end is None or end > begin_ns
