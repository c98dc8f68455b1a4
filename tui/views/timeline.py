"""The whole session on one line, for looking back: its arms, the window that the lanes show, marks and faults."""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

from quintet.engine.session.session import Session
from quintet.engine.session.settings import Stretch, stretches
from quintet.engine.session.snapshot import is_on
from quintet.tui.canvas.canvas import Canvas
from quintet.tui.canvas.text import cells_of, clock, shortened
from quintet.tui.scene.layout import Layout
from quintet.tui.scene.scene import Scene, page_of

LEFT = 8
TOGETHER_NS = 500_000_000
"""Changes closer than this are one moment: lanes confirm a flip one after another."""


class Moment(NamedTuple):
    """A time worth jumping to."""

    t_ns: int
    words: str


def moments(session: Session) -> list[Moment]:
    """Marks, flips, edges of blocks, faults and the end, in order; changes of one flip are one moment."""
    changes: list[Moment] = []
    for stretch in stretches(session):
        if changes and stretch.begin_ns - changes[-1].t_ns < TOGETHER_NS:
            changes.pop()
        changes.append(Moment(stretch.begin_ns, "flip"))
    found = [Moment(mark.t_ns, "mark") for mark in session.marks]
    for block in session.blocks:
        found.append(Moment(block.start.started_ns, "block"))
        if block.end is not None:
            found.append(Moment(block.end.t_ns, "block"))
    faults = [*session.faults, *(fault for lane in session.lanes for fault in lane.faults)]
    found += [Moment(fault.t_ns, "fault") for fault in faults]
    return sorted([*changes, *found])


def next_moment(session: Session, now_ns: int, by: int) -> Moment | None:
    """The next (by = 1) or previous (by = -1) moment from a time on."""
    known = moments(session)
    times = [moment.t_ns for moment in known]
    if by > 0:
        place = bisect_right(times, now_ns)
        return known[place] if place < len(known) else None
    earlier = [moment for moment in known if moment.t_ns < now_ns]
    return earlier[-1] if earlier else None


def line_span(width: int) -> tuple[int, int]:
    """The first column of the session's line, and how many it has."""
    return LEFT, max(1, width - 2 * LEFT)


def time_at(scene: Scene, width: int, x: int) -> int:
    """The time under a column of the session's line."""
    left, columns = line_span(width)
    begin, end = scene.session.origin_ns, scene.edge_ns
    return begin + (end - begin) * max(0, min(columns - 1, x - left)) // max(1, columns - 1)


def draw_past(scene: Scene, where: Layout, width: int) -> Canvas:
    """Bracket, line, bracket, marks."""
    canvas = Canvas(width, 4)
    session, end = scene.session, scene.edge_ns
    left, columns = line_span(width)
    whole = max(1, end - session.origin_ns)

    def place(t_ns: int) -> int:
        return left + max(0, min(columns - 1, (t_ns - session.origin_ns) * (columns - 1) // whole))

    if width >= 100:
        canvas.put(1, 0, "session", "dim")
    canvas.put(1, 1, clock(0), "dim")
    canvas.put_right(width - 2, 1, clock(whole), "dim")
    _draw_line(canvas, session, left, columns, end)
    scale, _ = page_of(scene, where)
    first, last = place(scale.begin_ns), place(min(end, scale.begin_ns + scale.columns * scale.step_ns))
    cursor = place(scene.now_ns)
    for y, corners in ((0, "┌┐┬"), (2, "└┘┴")):
        canvas.put(first, y, corners[0] + "─" * max(0, last - first - 1) + corners[1], "session")
        canvas.put(cursor, y, corners[2], "session")
    canvas.put(cursor, 1, "┃", "cursor")
    _draw_marks(canvas, session, place, end)
    return canvas


def _draw_line(canvas: Canvas, session: Session, left: int, columns: int, end_ns: int) -> None:
    known = stretches(session, end_ns)
    begins = [stretch.begin_ns for stretch in known]
    whole = end_ns - session.origin_ns
    for x in range(columns):
        middle = session.origin_ns + whole * (2 * x + 1) // (2 * columns)
        at = bisect_right(begins, middle) - 1
        letter, role = _level(known[at], middle) if at >= 0 else ("·", "faint")
        canvas.put(left + x, 1, letter, role)


def _level(stretch: Stretch, t_ns: int) -> tuple[str, str]:
    """The line's sign in a stretch: accuracy on, off, on in some lanes, or a gap between stretches."""
    if stretch.end_ns is not None and t_ns >= stretch.end_ns:
        return "·", "faint"
    levels = {is_on(stretch.setting.levels(lane)) for lane in stretch.setting.lanes}
    if len(levels) == 2:
        return "╍", "text"
    return ("━", "on") if levels.pop() else ("╌", "off")


def _draw_marks(canvas: Canvas, session: Session, place: object, end_ns: int) -> None:
    """Marks with as much of their text as fits before the next, faults with their lane."""
    assert callable(place)
    told = [(mark.t_ns, "▴", mark.text, "text") for mark in session.marks]
    for lane in session.lanes:
        told += [(fault.t_ns, "✖", lane.name, "alert") for fault in lane.faults]
    told += [(fault.t_ns, "✖", fault.kind, "alert") for fault in session.faults]
    shown = sorted(one for one in told if one[0] <= end_ns)
    for at, (t_ns, sign, words, role) in enumerate(shown):
        x = place(t_ns)
        after = place(shown[at + 1][0]) if at + 1 < len(shown) else canvas.width - 1
        canvas.put(x, 3, sign, "bright" if role == "text" else role)
        room = after - x - 3
        canvas.put(x + 2, 3, shortened(words, room) if room > 3 or cells_of(words) <= room else "", "dim")
