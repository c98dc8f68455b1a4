"""Whose switch slows whom: the matrix of a plan of that kind, drawn. Main effects only, and it says so."""

from __future__ import annotations

from quintet.engine.spill import Effect
from quintet.tui.part import Canvas
from quintet.tui.results import outcome_words
from quintet.tui.scene import Layout, Scene
from quintet.tui.studied import Study
from quintet.tui.words import DASH, signed

STEP, FIRST = 17, 14


def draw_matrix(scene: Scene, study: Study, where: Layout, width: int) -> Canvas:
    """A row for each lane that is slowed, a column for each lane whose switch is flipped; intervals beneath."""
    lanes, told = scene.session.lanes, study.run.told
    canvas = Canvas(width, 3 + (2 if where.spacious else 1) * len(lanes))
    a, b = told["levels"]
    canvas.put(1, 0, f"whose {told['switch']} slows whom, %", "bright")
    kind = "95 % planned" if study.run.reached else "no interval before its end"
    canvas.put(
        29 + len(str(told["switch"])),
        0,
        f"{b} against {a} · {outcome_words(scene.outcome).partition(',')[0]} · {kind} · main effects",
        "dim",
    )
    step = min(STEP, (width - FIRST - 1) // max(1, len(lanes)))
    canvas.put(1, 2, "of lane", "dim")
    canvas.put(FIRST, 1, "by flipping", "dim")
    by_pair = {(effect.whom, effect.whose): effect for effect in study.found.effects}
    for column, lane in enumerate(lanes):
        canvas.put_right(FIRST + step * (column + 1) - 3, 2, lane.name[: step - 2], "dim")
    y = 3
    for whom in lanes:
        canvas.put(1, y, whom.name[:11], "mean")
        for column, whose in enumerate(lanes):
            _cell(
                canvas,
                FIRST + step * (column + 1) - 3,
                y,
                by_pair.get((whom.number, whose.number)),
                wide=where.spacious,
            )
        y += 2 if where.spacious else 1
    return canvas


def _cell(canvas: Canvas, right: int, y: int, effect: Effect | None, *, wide: bool) -> None:
    if effect is None:
        canvas.put_right(right, y, DASH, "dim")
        return
    low, high = effect.low_pct, effect.high_pct
    settled = low is not None and high is not None and not low <= 0 <= high
    canvas.put_right(right, y, signed(effect.change_pct, 1), "bright" if settled else "text")
    if wide and low is not None and high is not None:
        canvas.put_right(right, y + 1, f"{signed(low, 1)} .. {signed(high, 1)}", "dim")
