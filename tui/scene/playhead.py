"""Which moment is shown: the live edge, a frozen one, or a replay's, which moves at its own speed. No timers, no screen."""

from __future__ import annotations

from collections.abc import Callable

from quintet.engine.session.session import Session
from quintet.tui.scene.scene import Looking

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)


class Playhead:
    """The moment that is shown. `clock` gives monotonic nanoseconds; a replay names its journal and its speed."""

    def __init__(self, clock: Callable[[], int], replay: str = "", speed: float = 1.0) -> None:
        self.replay, self.speed = replay, speed
        self._clock = clock
        self._at_ns: int | None = None
        """Where the cursor was put, or where play began; None at the live edge, and before a replay begins."""
        self._edge_ns = 0
        self._since_ns: int | None = clock() if replay else None
        """When play began, on the clock; None while it stands."""

    @property
    def live(self) -> bool:
        """Whether the live edge is shown."""
        return not self.replay and self._at_ns is None

    @property
    def playing(self) -> bool:
        """Whether the moment moves by itself in a replay."""
        return self._since_ns is not None

    def now_ns(self, session: Session) -> int:
        """The moment that is shown."""
        if self.live:
            return self._clock()
        begin = session.origin_ns if self._at_ns is None else self._at_ns
        if self._since_ns is not None:
            begin += round((self._clock() - self._since_ns) * self.speed)
        return min(begin, self.edge_ns(session))

    def edge_ns(self, session: Session) -> int:
        """The last moment that can be shown."""
        if self.replay:
            return session.end.t_ns if session.end is not None else session.last_ns
        return self._clock() if self._at_ns is None else self._edge_ns

    def looking(self, session: Session) -> Looking | None:
        """What a scene needs of a look back; None at the live edge."""
        if self.live:
            return None
        return Looking(self.edge_ns(session), self._latest_ns(session), self.replay, self.speed, self.playing)

    def _latest_ns(self, session: Session) -> int:
        """The time where the session lives; an ended one stands still."""
        return self._clock() if session.end is None else min(self._clock(), session.end.t_ns)

    def space(self, session: Session) -> None:
        """Live: freeze, or go back to the live edge. In a replay: stand, or play on; from its end, from its beginning."""
        if self.live:
            self.seek(self._clock(), session)
            return
        if not self.replay:
            self._at_ns = None
            return
        now = self.now_ns(session)
        self._at_ns = session.origin_ns if not self.playing and now >= self.edge_ns(session) else now
        self._since_ns = None if self.playing else self._clock()

    def seek(self, to_ns: int, session: Session) -> None:
        """Put the cursor somewhere in the session; freezes a live one, goes on playing where it plays."""
        if self.live:
            self._edge_ns = self._latest_ns(session)
        self._at_ns = max(session.origin_ns, min(to_ns, self._edge_ns if not self.replay else self.edge_ns(session)))
        if self.playing:
            self._since_ns = self._clock()

    def faster(self, by: int, session: Session) -> None:
        """The next speed up or down."""
        now = self.now_ns(session)
        if by > 0:
            self.speed = next((speed for speed in SPEEDS if speed > self.speed), SPEEDS[-1])
        else:
            self.speed = next((speed for speed in reversed(SPEEDS) if speed < self.speed), SPEEDS[0])
        self.seek(now, session)

    def rest(self, session: Session) -> bool:
        """Pause a replay at its end; return whether it is paused."""
        if self.playing and self.now_ns(session) >= self.edge_ns(session):
            self._at_ns, self._since_ns = self.edge_ns(session), None
        return not self.playing
