"""Everything one frame is drawn from, taken once: so all parts of a frame show the same moment."""

from __future__ import annotations

import math
from typing import NamedTuple

from quintet.engine.analysis.blocks import RATE
from quintet.engine.analysis.flip_table import Comparison, latest_comparison
from quintet.engine.session.session import Session
from quintet.engine.session.settings import RULES
from quintet.engine.session.snapshot import Column, LaneView, View, columns, page_begin_ns, scale_top, view
from quintet.tui.canvas.plot import Scale
from quintet.tui.canvas.text import clock
from quintet.tui.scene.layout import PLAIN, Layout, Look, layout
from quintet.tui.scene.plan_results import Studied, Study, pages

__all__ = ["Layout", "Look", "Looking", "Own", "Scene", "layout", "level_words", "page_of", "scene"]


class Own(NamedTuple):
    """What quintet itself takes: CPU of this screen and the supervisor in percent of a core, bytes to the terminal."""

    cpu_pct: float
    bytes_per_s: float


class Looking(NamedTuple):
    """A look back: up to which moment bars are drawn, what the time is where the session lives, and a replay's pace."""

    edge_ns: int
    live_ns: int
    replay: str = ""
    """The journal's file name in a replay."""
    speed: float = 1.0
    playing: bool = False


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
    look: Look = Look()
    looking: Looking | None = None
    """None while the live edge is shown."""
    tables: tuple[str, ...] = ("flips",)
    """What `tab` turns through."""

    @property
    def edge_ns(self) -> int:
        """The moment up to which bars are drawn; numbers are those known at now_ns."""
        return self.now_ns if self.looking is None else max(self.now_ns, self.looking.edge_ns)

    @property
    def cursor(self) -> bool:
        """Whether the shown moment lies before the last bar, and a column marks it."""
        return self.now_ns < self.edge_ns

    @property
    def known_at(self) -> str:
        """`2:47` while the cursor stands before the last bar, for headings; empty where all is known."""
        return clock(self.now_ns - self.session.origin_ns) if self.cursor else ""


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
    look: Look = PLAIN,
    looking: Looking | None = None,
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
        session,
        moment,
        seen,
        compared,
        chosen,
        frozen,
        journal_bytes,
        orphaned,
        own,
        outcome,
        study,
        page,
        look,
        looking,
        known,
    )


def page_of(scene: Scene, where: Layout) -> tuple[Scale, dict[int, list[Column]]]:
    """The page's scale and every lane's columns on it.

    The scale changes only when the page steps: it is taken from the half that stays, and while the first page is
    written from all of it. One column alone does not stretch it. A look back shows what came after it, on a quarter of
    the page at least.
    """
    step, count = where.step_ns, where.plot_columns
    origin, edge = scene.session.origin_ns, scene.edge_ns
    timed = "cycle" if scene.outcome == RATE else scene.outcome
    begin = page_begin_ns(origin, min(edge, scene.now_ns + count // 4 * step), step, count)
    drawn = {lane.number: columns(lane, begin, step, count, edge, timed) for lane in scene.session.lanes}
    bounds = [_bounds(its if begin == origin else its[: count // 2]) for its in drawn.values()]
    smallest = min((low for low, _ in bounds if low), default=0.0)
    shared = Scale(scale_top(max((high for _, high in bounds), default=0.0)), begin, step, count)
    if scene.look.scale == "own":
        shared = shared._replace(own=tuple(scale_top(high) for _, high in bounds))
    if scene.look.scale == "log":
        shared = shared._replace(low_ms=log_floor(shared.top_ms, smallest))
    return shared, drawn


def _bounds(known: list[Column]) -> tuple[float, float]:
    """The smallest and the largest mean in milliseconds, the largest but for one column; 0 where there is none."""
    means = sorted(column.mean_ns / 1e6 for column in known if column.mean_ns is not None)
    if not means:
        return 0.0, 0.0
    return means[0], means[-2] if len(means) > 2 else means[-1]


def log_floor(top_ms: float, smallest_ms: float) -> float:
    """The foot of a logarithmic scale: its quarters are a factor of 2, 4 or 10 apart, and the smallest mean stands out."""
    wanted = smallest_ms * 0.8 if smallest_ms else top_ms / 16
    factor = next((factor for factor in (2, 4) if top_ms / factor**4 <= wanted), 10)
    return top_ms / math.pow(factor, 4)


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
        return f"{word if lane.asked in ('on', 'off') else ''}→{lane.asked}", "dim"
    return f"{'●' if lane.on else '○'} {word}", word
