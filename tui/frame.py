"""One frame: which parts a scene has at a terminal's size, and what stands in them."""

from __future__ import annotations

from quintet.tui.lanes import draw_lanes
from quintet.tui.matrix import draw_matrix
from quintet.tui.part import Canvas
from quintet.tui.scene import Scene, layout
from quintet.tui.sentences import draw_open
from quintet.tui.status import draw_events, draw_keys, draw_status
from quintet.tui.study import draw_progress, draw_small_lanes, draw_study, study_layout
from quintet.tui.tables import draw_flips

EVENTS = 2


def draw(scene: Scene, width: int, height: int, first_chosen: int) -> dict[str, Canvas]:
    """Every part's canvas by its name; a part that is left out has no rows."""
    by_part = {"status": draw_status(scene, width), "keys": draw_keys(scene, width)}
    if scene.study is not None and scene.page.startswith("plan") and scene.study.progress.kind in ("study", "matrix"):
        where = study_layout(width, height, len(scene.session.lanes))
        table = draw_study if scene.study.progress.kind == "study" else draw_matrix
        by_part |= {
            "progress": draw_progress(scene, scene.study, width), "lanes": draw_small_lanes(scene, where, width),
            "table": table(scene, scene.study, where, width), "gap0": Canvas(width, 1), "gap2": Canvas(width, 1),
        }  # fmt: skip
    else:
        where = layout(width, height, len(scene.session.lanes), first_chosen)
        by_part |= {"lanes": draw_lanes(scene, where, width), "table": draw_flips(scene, where, width)}
    if where.spacious:
        by_part |= {f"gap{n}": Canvas(width, 1) for n in (1, 2, 3, 4)}
        by_part["open"] = draw_open(scene, width)
        used = sum(canvas.height for canvas in by_part.values())
        by_part["events"] = draw_events(scene, width, min(EVENTS, max(0, height - used)))
    return by_part
