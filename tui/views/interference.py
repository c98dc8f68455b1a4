"""Whose switch slows whom: the matrix of a plan of that kind, drawn. Main effects only, and it says so."""

from __future__ import annotations

from quintet.engine.analysis.interference import Effect
from quintet.tui.canvas.canvas import Canvas
from quintet.tui.canvas.text import DASH, signed
from quintet.tui.canvas.titles import numbered, put_title
from quintet.tui.scene.flip_rows import outcome_words
from quintet.tui.scene.plan_results import Study, missing_words
from quintet.tui.scene.scene import Layout, Scene
from quintet.tui.views.study_tables import MOST_COLUMNS

STEP, FIRST, LEAST_STEP = 17, 14, 8
"""Columns of a lane that is flipped, columns before the first, and the fewest of a lane."""
HEAD_ROWS = 3


def draw_matrix(scene: Scene, study: Study, where: Layout, width: int) -> Canvas:
    """A row for each lane that is slowed, a column for each lane whose switch is flipped; intervals beneath."""
    lanes, tall = scene.session.lanes, 2 if where.spacious else 1
    canvas = Canvas(min(width, MOST_COLUMNS), where.parts["table"])
    put_title(canvas, 0, *_title(scene, study))
    longest = max((len(lane.name) for lane in lanes), default=0)
    first = max(FIRST, min(longest + 3, canvas.width - 1 - STEP * len(lanes)))
    step = max(LEAST_STEP, min(STEP, (canvas.width - first - 1) // max(1, len(lanes))))
    columns, rows = (canvas.width - first - 1) // step, (canvas.height - HEAD_ROWS) // tall
    across, down = _about(scene, columns), _about(scene, rows)
    only = "" if where.spacious else " · main effects only"
    some = "" if len(across) == len(down) == len(lanes) else f" · of {len(lanes)} lanes those about the chosen"
    canvas.put(1, 2, "of lane", "dim")
    canvas.put(first, 1, f"by flipping{only}{some}", "dim")
    by_pair = {(effect.whom, effect.whose): effect for effect in study.found.effects}
    rights = [first + step * (place + 1) - 3 for place in range(len(across))]
    for right, number in zip(rights, across, strict=True):
        canvas.put_right(right, 2, numbered(number, lanes[number].name, step - 2), "dim")
    for place, whom in enumerate(down):
        y = HEAD_ROWS + tall * place
        canvas.put(1, y, numbered(whom, lanes[whom].name, first - 3), "mean")
        for right, whose in zip(rights, across, strict=True):
            _cell(canvas, right, y, by_pair.get((whom, whose)), wide=where.spacious)
    return canvas


def _title(scene: Scene, study: Study) -> tuple[list[str], list[str]]:
    """The heading, and what is said of it, the fullest form first."""
    switch, (a, b) = study.run.plan.switch, study.run.plan.pair
    outcome = outcome_words(scene.outcome).partition(",")[0]
    kind, short = (
        ("95 % planned", "95 % planned") if study.run.reached else ("no interval before its end", "no interval")
    )
    if study.progress.state == "over":
        kind = short
    among = missing_words(scene.session, study)
    return [f"whose {switch} slows whom, %"], [
        f"{b} against {a} · {outcome} · {kind}{among} · main effects",
        f"{b} against {a} · {outcome} · {kind}{among}",
        f"{b} against {a} · {outcome} · {short}",
        f"{b} against {a} · {short}",
        f"{outcome} · {short}",
    ]


def _about(scene: Scene, room: int) -> range:
    """The lanes that are shown where not all have room: those about the chosen one."""
    lanes, room = len(scene.session.lanes), max(1, room)
    first = 0 if lanes <= room else min(scene.chosen, default=0) // room * room
    return range(first, min(lanes, first + room))


def _cell(canvas: Canvas, right: int, y: int, effect: Effect | None, *, wide: bool) -> None:
    if effect is None:
        canvas.put_right(right, y, DASH, "dim")
        return
    low, high = effect.low_pct, effect.high_pct
    settled = low is not None and high is not None and not low <= 0 <= high
    canvas.put_right(right, y, signed(effect.change_pct, 1), "bright" if settled else "text")
    if wide and low is not None and high is not None:
        canvas.put_right(right, y + 1, f"{signed(low, 1)} .. {signed(high, 1)}", "dim")
