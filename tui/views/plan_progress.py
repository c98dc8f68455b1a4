"""How far a study or a matrix is, in two lines: round, time left and placebo; the block under way."""

from __future__ import annotations

from collections.abc import Sequence

from quintet.engine.analysis.formatting import count
from quintet.engine.analysis.plan_progress import Progress
from quintet.engine.analysis.statistics import LIVE_FROM
from quintet.engine.protocol.plan_messages import PlanDescription
from quintet.engine.session.session import Session
from quintet.tui.canvas.canvas import Canvas, Row
from quintet.tui.canvas.text import about, shortened
from quintet.tui.canvas.titles import cut
from quintet.tui.scene.plan_results import Study
from quintet.tui.scene.scene import Scene

WIDE = 100
ENDS = {
    "planned": "it ran to its planned end",
    "stopped": "it was stopped early",
    "lanes": "no lane was left to measure",
    "session": "the session ended before its planned end",
    "gone": "the supervisor is gone",
}
BETWEEN = 2
"""Blank columns that always stand between the block and the placebo."""


def draw_progress(scene: Scene, study: Study, width: int) -> Canvas:
    """Two lines: round, time left and placebo; the block under way."""
    canvas, far = Canvas(width, 2), _as_seen(scene, study.progress)
    wide = width >= WIDE
    head = _round_words(far)
    canvas.put(1, 0, head, "bright")
    placebo = _placebo(study, far, wide=wide)
    left = "" if far.state == "over" else f"{about(far.left_ns)} left" if far.state != "paused" else "paused"
    room = width - 2
    if wide:
        canvas.put_right(room, 0, placebo[0], placebo[2])
        room -= len(placebo[0]) + 4
    canvas.put_right(room, 0, left, "text")
    room -= len(left) + (3 if wide else 2)
    begin = max(len(head) + 4, 18)
    bar = max(0, min(48, room - begin))
    done = round(bar * _share(far))
    canvas.put(begin, 0, "━" * done, "text")
    canvas.put(begin + done, 0, "─" * (bar - done), "faint")
    row, beside = _fitting(
        _block_forms(scene.session, study.run.plan, far, wide=wide), ("",) if wide else placebo[:2], width - 2
    )
    canvas.put_row(1, 1, row)
    canvas.put_right(width - 2, 1, beside, placebo[2])
    return canvas


def _as_seen(scene: Scene, far: Progress) -> Progress:
    """A plan whose supervisor is gone is over, though nothing says so."""
    if scene.orphaned and far.state != "over":
        return far._replace(state="over", reason="gone", block=0, cell=None)
    return far


def _round_words(far: Progress) -> str:
    if far.state == "over":
        return f"{far.kind} over: {far.round} of {far.rounds} rounds" if far.reason != "planned" else f"{far.kind} done"
    if far.state == "calibrating":
        return "measuring rates"
    return f"round {min(far.round + 1, far.rounds)} of {far.rounds}"


def _share(far: Progress) -> float:
    """The part of the plan that is done, by blocks that are done: a pause takes none of it back."""
    if not far.rounds:
        return 0.0
    within = far.finished / far.blocks if far.blocks else 0.0
    return min(1.0, (far.round + within) / far.rounds)


def _fitting(forms: Sequence[Row], besides: Sequence[str], room: int) -> tuple[Row, str]:
    """The fullest form of the block, and of the words beside it, that leave a gap: the block's seconds give way first.

    What does not fit even so ends in an ellipsis.
    """
    pairs = [(row, besides[0]) for row in forms[:-1] or forms] + [(row, besides[-1]) for row in forms]
    for row, beside in pairs:
        if _length(row) + (len(beside) + BETWEEN if beside else 0) <= room:
            return row, beside
    words, beside = "".join(text for text, _ in forms[-1]), besides[-1]
    shorten = shortened if len(forms) == 1 else cut  # a lane's name ends what is cut
    return [(shorten(words, room - len(beside) - BETWEEN), forms[-1][-1][1])], beside


def _length(row: Row) -> int:
    return sum(len(text) for text, _ in row)


def _block_forms(session: Session, plan: PlanDescription, far: Progress, *, wide: bool) -> list[Row]:
    """The block under way in words, the fullest form first: seconds give way first, then which block it is."""
    if far.cell is None:
        states = {
            "calibrating": far.buys,
            "over": ENDS.get(far.reason, far.reason),
            "paused": "paused: x goes on or stops",
        }
        return [[(states.get(far.state, "between two blocks"), "dim")]]
    level, regime = far.cell.level, far.cell.regime
    names = [session.lanes[number].name for number in far.cell.lanes]
    whole = map(set, plan.whole_regimes)
    missing = "" if set(far.cell.lanes) in whole else f" ({len(names)} of {len(plan.lanes)})"
    what = f"{'mixed' if isinstance(level, tuple) else level} {regime}{missing}"
    what += f": {names[0]}" if regime == "alone" else ""
    block = f"block {far.block} of {far.blocks}"
    elapsed = f"{far.elapsed_ns / 1e9:.1f} of {far.measured_ns / 1e9:.1f} s"
    full: Row = [(f"{block:17}", "dim"), (f"{what}   ", "text"), (elapsed, "dim")]
    waiting = sum(1 for lane in session.lanes if lane.ready is not None and lane.failed_ns is None) - len(names)
    words = "one lane waits" if waiting == 1 else f"{count(waiting)} lanes wait"
    gate: Row = [(f"   the other {words} at the gate", "dim")] if wide and waiting > 0 else []
    return [
        [*full, *gate],
        full,
        [(f"{block}  ", "dim"), (f"{what}  ", "text"), (elapsed, "dim")],
        [(f"{block}  ", "dim"), (what, "text")],
        [(what, "text")],
    ]


def _placebo(study: Study, far: Progress, *, wide: bool) -> tuple[str, str, str]:
    """The lamp in words, in fewer words, and its role."""
    lamp, over = study.found.lamp, far.state == "over"
    if lamp.state is None:
        few = f"too few ({lamp.pairs})" if over else f"from round {LIVE_FROM}"
        if not over and 0 < far.rounds < LIVE_FROM:
            few = "too few rounds" if wide else "too few"
        return f"placebo ○ {few}", "placebo ○", "dim"
    if lamp.state == "off":
        return f"placebo ● quiet, {lamp.pairs} pairs", "placebo ● quiet", "text"
    if lamp.state == "warns":
        return "placebo ✖ moves", "placebo ✖ moves", "alert"
    return "placebo ✖ moved: no verdicts", "placebo ✖ moved", "alert bold"
