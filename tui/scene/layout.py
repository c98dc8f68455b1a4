"""Where the parts stand at a terminal's size, and how one chose to look: every row is given away here, and here only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

SIDE_BY_SIDE_COLUMNS, SIDE_BY_SIDE_ROWS = 100, 28
MOST_SIDE_BY_SIDE = 5
TABLE_ALONE_BELOW = 80
EVENTS_BESIDE_COLUMNS = 156
"""From here on events stand beside the table; it may grow to 140 columns."""
SPACIOUS_ROWS = 30
FEWEST = 3
"""Where the table leaves fewer lanes than this, lanes and table are shown in turn."""
SMALLEST = (60, 20)
PAST_ROWS = 4
"""The whole session on one line with the window's bracket above and below, and the marks."""
BIG_ROWS = 5
"""Rows of a lane in rows with big digits: a plot of four and the strip."""
STEP_NS = {"side": 2_000_000_000, "rows": 1_000_000_000}
STEPS_S = (1, 2, 5, 10, 30, 60, 120, 300)
PARTS = (
    "status", "gap1", "progress", "gap0", "lanes", "gap2", "past", "gap3", "table", "gap4", "open", "gap5", "events",
    "fill", "keys",
)  # fmt: skip
"""From top to bottom; they never change places."""


class Look(NamedTuple):
    """How one chose to look: lanes `auto`matic or in `rows`, the scale, nanoseconds a column (None: as the view has it)."""

    view: str = "auto"
    scale: str = "shared"
    """`shared` by all lanes, `log`arithmic, or each its `own`."""
    step_ns: int | None = None
    page: str = ""
    """`lanes` or `table`, where both do not fit; empty: what suits the size."""


PLAIN = Look()


class Layout(NamedTuple):
    """Rows and columns of the screen; plot is the height of one lane's plot."""

    kind: str
    """`side` (lanes side by side) or `rows`."""
    lane_width: int
    plot_columns: int
    plot: int
    lanes_height: int
    spacious: bool
    """Blank rows between parts, and the table in its long form."""
    lanes: range
    """The lanes that are shown."""
    step_ns: int
    parts: dict[str, int]
    """The rows of every part that is shown."""
    facts: int = 27
    """Columns before the plot in rows."""
    big: bool = False
    """Big digits in rows."""
    pages: bool = False
    """Lanes and table do not fit together: tab turns."""
    table_columns: int = 0
    """The table's width; events stand at its right when the screen is wider."""


def layout(width: int, height: int, lanes: int, first_chosen: int, look: Look = PLAIN, *, past: bool = False) -> Layout:
    """The layout for a terminal of this size with so many lanes; past: with the whole session's line."""
    fits = width >= SIDE_BY_SIDE_COLUMNS and height >= SIDE_BY_SIDE_ROWS
    if look.view != "rows" and fits and lanes <= MOST_SIDE_BY_SIDE:
        return _side(width, height, lanes, look, past=past)
    spacious = height >= SPACIOUS_ROWS
    pages = (
        width < TABLE_ALONE_BELOW or (past and not spacious) or height - 2 - (lanes + 1) < 3 * min(lanes, FEWEST) + 1
    )
    page = (look.page or ("table" if width < TABLE_ALONE_BELOW else "lanes")) if pages else ""
    needed = {"status": 1, "keys": 1}
    if past:
        needed["past"] = PAST_ROWS
    if page != "lanes":
        needed["table"] = lanes + 2 if spacious else lanes + 1
    room = height - sum(needed.values())
    big = not pages and spacious and width >= SIDE_BY_SIDE_COLUMNS and room >= BIG_ROWS * lanes + 1
    shown, plot = (lanes, BIG_ROWS - 1) if big else _plots(room, lanes, blanks=2 if page else 5 if spacious else 0)
    lanes_height = 0 if page == "table" else shown * (plot + 1) + 1
    needed["lanes"] = lanes_height
    first = min(first_chosen // shown * shown, lanes - shown)
    facts = 29 if big else 27
    return Layout(
        "rows", width, (width - facts - 3) // 2 * 2, plot, lanes_height, spacious, range(first, min(lanes, first + shown)),
        look.step_ns or STEP_NS["rows"], spread(needed, height, _wanted(past=past, page=page)), facts, big, pages, width,
    )  # fmt: skip


def _side(width: int, height: int, lanes: int, look: Look, *, past: bool) -> Layout:
    table = lanes + 2
    beside = width >= EVENTS_BESIDE_COLUMNS
    around = table + (17 if past or not beside else 14)
    lane_width = (width - 5) // lanes - 1
    plot = max(4, (height - around) // 4 * 4)
    needed = {"status": 1, "lanes": 5 + plot + 2, "table": table, "keys": 1} | ({"past": PAST_ROWS} if past else {})
    wanted = [part for part in _wanted(past=past, page="") if not (beside and part == "events")]
    return Layout(
        "side", lane_width, (lane_width - 2) // 2 * 2, plot, 5 + plot + 2, True, range(lanes),
        look.step_ns or STEP_NS["side"], spread(needed, height, wanted),
        table_columns=min(140, width - 36) if beside else width,
    )  # fmt: skip


def _plots(room: int, lanes: int, blanks: int) -> tuple[int, int]:
    """How many lanes are shown in rows, and the height of their plots; blank rows only where all lanes fit beside them."""
    if (room - blanks - 1) // 3 >= lanes:
        room -= blanks
    shown = max(1, min(lanes, (room - 1) // 3))
    return shown, max(2, min(4, (room - 1) // shown - 1))


def _wanted(*, past: bool, page: str) -> Sequence[str]:
    """Who gets a row that is left, in this order; what then is left goes to events, up to six, and below them."""
    if page == "lanes":
        return ("open", "gap4", "gap1", "gap2", "gap3", "events")
    if page == "table":
        return ("gap4", "open", "gap1", "gap5", "events", "fill")
    if past:
        return ("gap3", "gap1", "gap2", "fill", "open", "gap5", "events")
    return ("gap1", "gap2", "gap4", "fill", "events", "open", "gap5", "events")


def spread(needed: dict[str, int], height: int, wanted: Sequence[str]) -> dict[str, int]:
    """Give every row of the screen to a part."""
    parts = dict.fromkeys(PARTS, 0) | needed
    left = height - sum(needed.values())
    for part in wanted[: max(0, left)]:
        parts[part] += 1
    left = max(0, left - len(wanted))
    if "events" in wanted:
        more = min(left, max(0, 6 - parts["events"]))
        parts["events"] += more
        left -= more
    parts["fill"] += left
    return parts
