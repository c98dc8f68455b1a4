"""Accuracy off against on, of a study: alone, together and their interaction."""

from __future__ import annotations

from quintet.engine.analysis.formatting import change
from quintet.engine.analysis.other_programs import MARK, notable
from quintet.engine.analysis.verdicts import Contrast
from quintet.tui.canvas.canvas import Canvas
from quintet.tui.canvas.titles import numbered, put_title
from quintet.tui.scene.flip_rows import INTERVALS, Line, how_sure, outcome_words
from quintet.tui.scene.plan_results import Study, missing_words
from quintet.tui.scene.scene import Scene
from quintet.tui.views.flip_table import draw_interval, draw_verdict, is_resolved

HEADING = "accuracy off against on, %"
ROWS_LEFT, LEAST_STEP = 10, 9
"""Where lanes are columns: columns of the regimes' words, and the fewest of a lane."""
SIGNS = {"slower": "▲", "faster": "▼", "same": "="}
MOST_REACH, LEAST_REACH = 12, 6
"""Columns of an interval's axis on either side of zero."""
BESIDES = 48
"""Columns of the long form that are neither name nor axis."""


def draw_off(canvas: Canvas, scene: Scene, study: Study, y: int) -> None:
    """Alone, together and their interaction, each with its interval drawn and its verdict."""
    lanes, sure, outcome = scene.session.lanes, how_sure(study), outcome_words(scene.outcome)
    details = [f"{outcome} · {sure}{missing_words(scene.session, study)}"]
    if study.progress.state != "over" and sure == INTERVALS["live"]:
        details.insert(0, f"{details[0]}; the planned interval comes at round {study.progress.rounds}")
    put_title(canvas, y, [HEADING], details)
    longest = max((len(lane.name) for lane in lanes), default=0)
    right = max(17, min(longest + 7, canvas.width - BESIDES - 4 * LEAST_REACH))
    reach = min(MOST_REACH, (canvas.width - BESIDES - right) // 4)
    for row, lane in enumerate(lanes, y + 2):
        canvas.put(1, row, numbered(lane.number, lane.name, right - 7), "mean")
    for title in ("alone", "together"):
        zero = right + 2 + reach
        _head(canvas, y + 1, right, zero, reach, title)
        for row, lane in enumerate(lanes, y + 2):
            name = f"accuracy_off.{title}"
            marked = notable(study.found.others_of(name, lane.number))
            _row(canvas, row, right, zero, reach, study.found.contrast(name, lane.number), marked=marked)
        right = zero + reach + 2 + 19
    _interaction(canvas, scene, study, y + 1)


def _head(canvas: Canvas, y: int, right: int, zero: int, reach: int, title: str) -> None:
    tick = round(50 * reach / 60)
    canvas.put_right(right, y, title, "text")
    canvas.put(zero - tick, y, "−50", "dim")
    canvas.put(zero, y, "0", "dim")
    canvas.put(zero + tick - 2, y, "+50 %", "dim")


def _row(canvas: Canvas, y: int, right: int, zero: int, reach: int, contrast: Contrast | None, *, marked: bool) -> None:
    known = _known(contrast)
    line = Line("", change_pct=contrast.change_pct if contrast else None, contrast=known, settled=True)
    words = change(line.change_pct, known)
    canvas.put_right(right - 2 + (2 if "." in words else 0), y, words, "bright" if is_resolved(known) else "text")
    draw_interval(canvas, zero, y, line, reach / 60, reach)
    draw_verdict(canvas, zero + reach + 2, y, known, marked=marked)


def _known(contrast: Contrast | None) -> Contrast | None:
    return contrast if contrast is not None and contrast.interval is not None else None


def _interaction(canvas: Canvas, scene: Scene, study: Study, y: int) -> None:
    canvas.put_right(canvas.width - 2, y, "interaction", "text")
    for row, lane in enumerate(scene.session.lanes, y + 1):
        contrast = study.found.contrast("interaction", lane.number)
        canvas.put_right(canvas.width - 7, row, change(contrast.change_pct if contrast else None), "text")
        if contrast is not None and contrast.resolved_pct is not None:
            canvas.put_right(canvas.width - 2, row, f"±{max(1, round(contrast.resolved_pct))}", "dim")


def _in_a_row(width: int) -> int:
    """How many lanes stand side by side as columns."""
    return max(1, (width - ROWS_LEFT) // LEAST_STEP)


def off_height(lanes: int, width: int) -> int:
    """Rows of the short form."""
    return 1 + 3 * -(-lanes // _in_a_row(width))


def draw_off_short(canvas: Canvas, scene: Scene, study: Study, y: int) -> None:
    """Alone and together as two rows, lanes as columns; many lanes in rows of columns."""
    lanes, outcome = scene.session.lanes, outcome_words(scene.outcome).partition(",")[0]
    put_title(canvas, y, [HEADING], [f"{outcome} · {how_sure(study)}"])
    most = _in_a_row(canvas.width)
    step = (canvas.width - ROWS_LEFT) // max(1, min(most, len(lanes)))
    for first in range(0, len(lanes), most):
        top = y + 1 + 3 * (first // most)
        for row, regime in enumerate(("alone", "together"), top + 1):
            canvas.put(1, row, regime, "mean")
        for place, lane in enumerate(lanes[first : first + most]):
            right = 9 + step * (place + 1) - 2
            canvas.put_right(right, top, numbered(lane.number, lane.name, step - 1), "dim")
            for row, regime in enumerate(("alone", "together"), top + 1):
                contrast = study.found.contrast(f"accuracy_off.{regime}", lane.number)
                known = _known(contrast)
                sign = SIGNS.get(known.verdict or "", " ") if known else " "
                words = change(contrast.change_pct if contrast else None, known)
                canvas.put_right(right, row, f"{sign}{words}", "bright" if is_resolved(known) else "text")
                if notable(study.found.others_of(f"accuracy_off.{regime}", lane.number)):
                    canvas.put(right + 1, row, MARK, "alert")
