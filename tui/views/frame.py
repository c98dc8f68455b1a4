"""One whole frame: every part's canvas, from a scene and a layout. What a screen shows is this and nothing else."""

from __future__ import annotations

from quintet.tui.canvas.canvas import Canvas
from quintet.tui.canvas.text import shortened
from quintet.tui.scene.event_log import notes, stamp
from quintet.tui.scene.layout import SMALLEST, layout
from quintet.tui.scene.scene import Layout, Scene
from quintet.tui.views.compact_lanes import draw_small_lanes
from quintet.tui.views.flip_table import draw_flips
from quintet.tui.views.hint import draw_open
from quintet.tui.views.interference import draw_matrix
from quintet.tui.views.lanes import GUTTER, digits_words, draw_lanes
from quintet.tui.views.plan_progress import draw_progress
from quintet.tui.views.status import draw_events, draw_keys, draw_status
from quintet.tui.views.study_tables import draw_study, study_layout
from quintet.tui.views.timeline import draw_past


def is_of_study(scene: Scene) -> bool:
    """Whether a study's or a matrix's page is shown, which has a layout of its own."""
    study = scene.study
    return study is not None and scene.page.startswith("plan") and study.progress.kind in ("study", "matrix")


def arranged(scene: Scene, width: int, height: int) -> Layout:
    """Where the parts of this scene stand at a terminal's size."""
    lanes, past = len(scene.session.lanes), scene.looking is not None
    if is_of_study(scene):
        return study_layout(width, height, lanes, past=past)
    return layout(width, height, lanes, min(scene.chosen, default=0), scene.look, past=past)


def draw(scene: Scene, where: Layout, width: int) -> dict[str, Canvas]:
    """Every shown part's canvas by its name."""
    rows = where.parts
    turns = ("lanes" if rows["table"] and scene.page == "flips" else "table") if where.pages else ""
    drawn = {name: Canvas(width, rows[name]) for name in rows if name.startswith(("gap", "fill")) and rows[name]}
    drawn["status"] = draw_status(scene, width)
    drawn["keys"] = draw_keys(scene, width, pages=turns)
    if rows["past"]:
        drawn["past"] = draw_past(scene, where, width)
    if rows["open"]:
        drawn["open"] = draw_open(scene, width, pages=turns)
    if rows["events"]:
        drawn["events"] = draw_events(scene, width, rows["events"])
    if is_of_study(scene):
        return drawn | _study(scene, where, width)
    if rows["lanes"]:
        drawn["lanes"] = draw_lanes(scene, where, width)
        if where.kind == "side" and rows["gap1"] and not scene.view.loading:
            drawn["gap1"].put(GUTTER + 1, rows["gap1"] - 1, digits_words(scene), "dim")
    if rows["table"]:
        drawn["table"] = _table(scene, where, width)
    return drawn


def _study(scene: Scene, where: Layout, width: int) -> dict[str, Canvas]:
    """How far it is, the lanes small, and its tables."""
    assert scene.study is not None
    draw_table = draw_study if scene.study.progress.kind == "study" else draw_matrix
    table = draw_table(scene, scene.study, where, width)
    whole = Canvas(width, where.parts["table"])
    whole.paste(0, 0, table)
    return {
        "progress": draw_progress(scene, scene.study, width), "lanes": draw_small_lanes(scene, where, width),
        "table": whole,
    }  # fmt: skip


def _table(scene: Scene, where: Layout, width: int) -> Canvas:
    """The table, and beside it what happened where the screen is wide enough."""
    if where.table_columns >= width:
        return draw_flips(scene, where, width)
    canvas = Canvas(width, where.parts["table"])
    canvas.paste(0, 0, draw_flips(scene, where, where.table_columns))
    left = where.table_columns + 7
    canvas.put(left, 0, "events", "bright")
    for y, note in enumerate(notes(scene.session, scene.now_ns)[: canvas.height - 2], 2):
        when = stamp(scene.session, note)
        canvas.put(left, y, when, "dim")
        canvas.put(left + len(when) + 2, y, shortened(note.text, width - left - len(when) - 3), note.role)
    return canvas


def too_small(width: int, height: int) -> dict[str, Canvas]:
    """One sentence."""
    canvas = Canvas(width, height)
    words = f"{width}x{height} is too small: {SMALLEST[0]}x{SMALLEST[1]} is needed."
    canvas.put(max(0, (width - len(words)) // 2), height // 2, words, "bright")
    return {"fill": canvas}
