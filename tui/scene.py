"""Everything one frame is drawn from, taken once: so all parts of a frame show the same moment."""

from __future__ import annotations

from typing import NamedTuple

from quintet.engine.blocks import RATE
from quintet.engine.session import Session
from quintet.engine.stretches import RULES
from quintet.engine.tables import Comparison, latest_comparison
from quintet.engine.view import Column, LaneView, View, columns, page_begin_ns, scale_top, view
from quintet.tui.spark import Scale
from quintet.tui.studied import Studied, Study, pages

SIDE_BY_SIDE_COLUMNS = 100
MOST_SIDE_BY_SIDE = 5
STEP_NS = {"side": 2_000_000_000, "rows": 1_000_000_000}


class Own(NamedTuple):
    """What quintet itself takes: CPU of this screen and the supervisor in percent of a core, bytes to the terminal."""

    cpu_pct: float
    bytes_per_s: float


class Scene(NamedTuple):
    """A session at a moment, and how it is looked at."""

    session: Session
    now_ns: int
    view: View
    comparison: Comparison | None
    chosen: frozenset[int]
    frozen: bool
    journal_bytes: int
    orphaned: bool = False
    """The supervisor is gone and the journal has no end."""
    own: Own | None = None
    outcome: str = "predict"
    study: Study | None = None
    """The last plan, with what it has found."""
    page: str = "flips"
    """Which table is shown: `flips`, `plan`, or a study's `plan 2`."""


class Layout(NamedTuple):
    """Where things stand at a terminal's size. Rows of the screen; plot is the height of one lane's plot."""

    kind: str
    """`side` (lanes side by side) or `rows`."""
    lane_width: int
    plot_columns: int
    plot: int
    lanes_height: int
    spacious: bool
    """Blank rows between parts, and room for what is still open and for events."""
    lanes: range
    """The lanes that are shown."""


def scene(
    session: Session,
    now_ns: int,
    chosen: frozenset[int],
    *,
    frozen: bool,
    journal_bytes: int,
    orphaned: bool = False,
    own: Own | None = None,
    outcome: str = "predict",
    studied: Studied | None = None,
    turned: int = 0,
) -> Scene:
    """Take everything a frame needs. `studied` remembers a plan's results; turned: how often `tab` was pressed."""
    timed = "cycle" if outcome == RATE else outcome
    seen = view(session, now_ns, RULES._replace(outcome=timed))
    moment = session.origin_ns + seen.age_ns
    study = (studied or Studied()).at(session, moment, outcome)
    known = pages(session, study, moment)
    page = known[turned % len(known)]
    compared = latest_comparison(session, timed, moment) if page == "flips" else None
    return Scene(
        session, moment, seen, compared, chosen, frozen, journal_bytes, orphaned, own, outcome, study, page
    )  # fmt: skip


def layout(width: int, height: int, lanes: int, first_chosen: int) -> Layout:
    """The layout for a terminal of this size with so many lanes."""
    spacious = height >= 30
    table = lanes + 2 if spacious else lanes + 1
    if width >= SIDE_BY_SIDE_COLUMNS and lanes <= MOST_SIDE_BY_SIDE and height >= 28:
        lane_width = (width - 5) // lanes - 1
        around = 2 + 5 + 2 + 1 + table + 1 + 1 + 1 + 2 + 1 + 1  # status, heads, strip, table, open, events, keys
        plot = max(4, (height - around) // 4 * 4)
        return Layout("side", lane_width, (lane_width - 2) // 2 * 2, plot, 5 + plot + 2, True, range(lanes))
    room = height - 2 - table - (6 if spacious else 0)  # all but status, keys, table and what is around it
    shown = max(1, min(lanes, (room - 1) // 3))
    plot = max(2, min(4, (room - 1) // shown - 1))
    page = first_chosen // shown * shown
    columns_of_plot = (width - 30) // 2 * 2
    return Layout(
        "rows", width, columns_of_plot, plot, shown * (plot + 1) + 1, spacious, range(page, min(lanes, page + shown))
    )


def page_of(scene: Scene, where: Layout) -> tuple[Scale, dict[int, list[Column]]]:
    """The page's scale and every lane's columns on it.

    The scale changes only when the page steps: it is taken from the half that stays, and while the first page is
    written from all of it. One column alone does not stretch it.
    """
    step = STEP_NS[where.kind]
    origin = scene.session.origin_ns
    timed = "cycle" if scene.outcome == RATE else scene.outcome
    begin = page_begin_ns(origin, scene.now_ns, step, where.plot_columns)
    drawn = {
        lane.number: columns(lane, begin, step, where.plot_columns, scene.now_ns, timed) for lane in scene.session.lanes
    }
    largest = 0.0
    for its in drawn.values():
        known = its if begin == origin else its[: where.plot_columns // 2]
        means = sorted(column.mean_ns for column in known if column.mean_ns is not None)
        if means:
            largest = max(largest, means[-2] if len(means) > 2 else means[-1])
    return Scale(scale_top(largest / 1e6), begin, step, where.plot_columns), drawn


def level_words(lane: LaneView) -> tuple[str, str]:
    """What stands at the right of a lane's head, and its role."""
    if lane.state in ("failed", "stuck"):
        return f"✖ {lane.state}", "alert"
    if lane.state == "ready":
        return "✓ ready", "text"
    if lane.state in ("loading", "parked"):
        return lane.state, "dim"
    word = "on" if lane.on else "off"
    if lane.asked is not None and lane.asked != word:
        return f"{word}→{lane.asked}", "dim"
    return f"{'●' if lane.on else '○'} {word}", word
