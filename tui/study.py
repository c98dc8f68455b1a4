"""A study on the screen: how far it is, the lanes small, and its tables filling cell by cell."""

from __future__ import annotations

from typing import NamedTuple

from quintet.engine.contrasts import CellMean
from quintet.engine.progress import Progress
from quintet.engine.session import Session
from quintet.engine.verdicts import Contrast
from quintet.engine.wording import count
from quintet.tui import spark
from quintet.tui.layout import PAST_ROWS, STEP_NS, spread
from quintet.tui.part import Canvas, Row
from quintet.tui.results import INTERVALS, Line, outcome_words
from quintet.tui.scene import Layout, Scene, level_words, page_of
from quintet.tui.studied import Study
from quintet.tui.tables import draw_interval, draw_verdict, is_resolved
from quintet.tui.words import DASH, about, change, figure, interval, milliseconds

WIDE = 100
GUTTER = 5


class Column(NamedTuple):
    """One column of a table of changes."""

    words: str
    level: str
    """The role of its level's colour, or nothing."""
    table: str


class Group(NamedTuple):
    """A table of changes: its heading, the cell that stands first in its own unit, groups of columns under a rule."""

    heading: str
    first: str
    columns: tuple[tuple[str, tuple[Column, ...]], ...]


VALIDATION, WITHOUTVAL = ("validation", "on"), ("withoutval", "off")
AGAINST_INFERENCE = Group(
    "change against inference alone, %", "inference",
    tuple(
        (regime, tuple(Column(mode, role, f"change_vs_inference.{mode}_{regime}") for mode, role in (VALIDATION, WITHOUTVAL)))
        for regime in ("alone", "together")
    ),
)  # fmt: skip
AGAINST_ALONE = Group(
    "together against alone, %", "inference",
    (("", tuple(
        Column(mode, role, f"together_vs_alone.{mode}") for mode, role in (("inference", ""), VALIDATION, WITHOUTVAL)
    )), ("together", (Column("inference", "", "change_vs_inference.inference_together"),))),
)  # fmt: skip


def study_layout(width: int, height: int, lanes: int, *, past: bool = False) -> Layout:
    """Lanes small and side by side, the rest for the tables; past: with the whole session's line."""
    wide = width >= WIDE and height >= 34
    table = tables_height(lanes, wide=wide)
    needed = {"status": 1, "progress": 2, "table": table, "keys": 1} | ({"past": PAST_ROWS} if past else {})
    first, head = (GUTTER, 4) if wide else (1, 2)
    lane_width = max(10, (width - first) // lanes - 1)
    shown = min(lanes, max(1, (width - first) // (lane_width + 1)))
    blanks = (4 if wide else 3) - past
    room = height - sum(needed.values()) - head - blanks - (4 if wide and not past else 0)
    plot = max(2, min(16 if wide else 8, room))
    needed["lanes"] = plot + head
    wanted = (
        ("gap0", "gap2", "gap1", "gap4", "open", "gap5", "events", "events")
        if wide
        else ("gap0", "gap2", "open", "gap4")
    )
    return Layout(
        "side", lane_width, max(2, (lane_width - 2) // 2 * 2), plot, plot + head, wide, range(shown), STEP_NS["side"],
        spread(needed, height, wanted), table_columns=width,
    )  # fmt: skip


def tables_height(lanes: int, *, wide: bool) -> int:
    """Rows of both tables."""
    return 3 + 2 * lanes + 1 + 2 + lanes if wide else 3 + lanes + 1 + 4


# -- how far it is ------------------------------------------------------------------------------------------------------


def draw_progress(scene: Scene, study: Study, width: int) -> Canvas:
    """Two lines: round, time left and placebo; the block under way."""
    canvas, far = Canvas(width, 2), study.progress
    wide = width >= WIDE
    head = _round_words(far)
    canvas.put(1, 0, head, "bright")
    placebo = _placebo(study)
    left = "" if far.state == "over" else f"{about(far.left_ns)} left" if far.state != "paused" else "paused"
    if wide:
        canvas.put_right(width - 2, 0, placebo[0], placebo[1])
        canvas.put_right(width - 2 - len(placebo[0]) - 4, 0, left, "text")
        room = width - 2 - len(placebo[0]) - 4 - len(left) - 3
    else:
        canvas.put_right(width - 2, 0, left, "text")
        room = width - 2 - len(left) - 2
    begin = max(len(head) + 4, 18)
    bar = min(48, room - begin)
    done = round(bar * _share(far))
    canvas.put(begin, 0, "━" * done, "text")
    canvas.put(begin + done, 0, "─" * (bar - done), "faint")
    canvas.put_row(1, 1, _block_words(scene.session, far, wide=wide))
    if not wide:
        canvas.put_right(width - 2, 1, placebo[0], placebo[1])
    return canvas


def _round_words(far: Progress) -> str:
    if far.state == "over":
        return f"{far.kind} over: {far.round} of {far.rounds} rounds" if far.reason != "planned" else f"{far.kind} done"
    if far.state == "calibrating":
        return "measuring rates"
    return f"round {min(far.round + 1, far.rounds)} of {far.rounds}"


def _share(far: Progress) -> float:
    if far.state == "over":
        return far.round / far.rounds if far.rounds else 1.0
    within = max(0, far.block - 1) / far.blocks if far.blocks else 0.0
    return min(1.0, (far.round + within) / far.rounds) if far.rounds else 0.0


def _block_words(session: Session, far: Progress, *, wide: bool) -> Row:
    if far.cell is None:
        told = {"calibrating": far.buys, "over": _over_words(far), "paused": "paused: x goes on or stops"}
        return [(told.get(far.state, "between two blocks"), "dim")]
    level = next(iter(far.cell["levels"].values()))
    names = [session.lanes[number].name for number in far.cell["lanes"]]
    what = f"{'mixed' if isinstance(level, list) else level} {far.cell['regime']}"
    what += f": {names[0]}" if far.cell["regime"] == "alone" else ""
    row: Row = [(f"{f'block {far.block} of {far.blocks}':17}", "dim"), (f"{what}   ", "text")]
    row.append((f"{far.elapsed_ns / 1e9:.1f} of {far.measured_ns / 1e9:.1f} s", "dim"))
    waiting = sum(1 for lane in session.lanes if lane.ready is not None and lane.failed_ns is None) - len(names)
    if wide and waiting > 0:
        words = "one lane waits" if waiting == 1 else f"{count(waiting)} lanes wait"
        row.append((f"   the other {words} at the gate", "dim"))
    return row


def _over_words(far: Progress) -> str:
    ends = {
        "planned": "it ran to its planned end",
        "stopped": "it was stopped early",
        "lanes": "no lane was left to measure",
    }
    return ends.get(far.reason, far.reason)


def _placebo(study: Study) -> tuple[str, str]:
    """The lamp in words, and its role."""
    lamp, over = study.found.lamp, study.progress.state == "over"
    if lamp.state is None:
        return (f"placebo ○ too few ({lamp.pairs})" if over else "placebo ○ from round 8"), "dim"
    if lamp.state == "off":
        return f"placebo ● quiet, {lamp.pairs} pairs", "text"
    if lamp.state == "warns":
        return "placebo ✖ moves", "alert"
    return "placebo ✖ moved: no verdicts", "alert bold"


# -- lanes, small -------------------------------------------------------------------------------------------------------


def draw_small_lanes(scene: Scene, where: Layout, width: int) -> Canvas:
    """Name, state and mean over a low plot."""
    canvas = Canvas(width, where.lanes_height)
    scale, drawn = page_of(scene, where)
    first = GUTTER if where.spacious else 1
    for place, number in enumerate(where.lanes):
        lane, x = scene.view.lanes[number], first + place * (where.lane_width + 1)
        words, role = level_words(lane)
        mean = milliseconds(lane.mean_ns)
        canvas.put(x, 0, str(number + 1), "dim")
        top = 2 if where.spacious else 1
        if where.spacious:
            canvas.put(x + 2, 0, lane.name[: where.lane_width - len(words) - 3], "bright")
            canvas.put_right(x + where.lane_width - 1, 0, words, role)
            canvas.put(x, 1, mean, "bright" if lane.mean_ns else "dim")
            canvas.put(x + len(mean) + 1, 1, "ms", "dim")
            if lane.p95_ns:
                canvas.put_right(x + where.lane_width - 1, 1, f"p95 {milliseconds(lane.p95_ns)}", "dim")
            spark.draw_grid(canvas, x, top, where.plot, where.lane_width) if where.plot >= 8 else None
        else:
            canvas.put(x + 2, 0, lane.name[: where.lane_width - 8], "bright")
            canvas.put_right(x + where.lane_width - 1, 0, mean, "mean" if lane.mean_ns else "dim")
        spark.draw_bars(canvas, x, top, where.plot, drawn[number], scale)
        spark.draw_arms(canvas, x, top + where.plot, drawn[number])
        if where.spacious:
            spark.draw_times(canvas, x, top + where.plot + 1, scale, scene.session.origin_ns)
    if where.spacious:
        canvas.put_right(3, 1, "ms", "dim")
        canvas.put_right(3, 2, f"{scale.top_ms:g}", "dim")
        canvas.put_right(3, 2 + where.plot // 2, f"{scale.top_ms / 2:g}", "dim")
    return canvas


# -- tables -------------------------------------------------------------------------------------------------------------


def draw_study(scene: Scene, study: Study, where: Layout, width: int) -> Canvas:
    """The table of changes, then accuracy off against on."""
    canvas = Canvas(width, tables_height(len(scene.session.lanes), wide=where.spacious))
    group = AGAINST_INFERENCE if scene.page == "plan" else AGAINST_ALONE
    y = _changes(canvas, scene, study, group, wide=where.spacious)
    if where.spacious:
        _accuracy_off(canvas, scene, study, y + 1)
    else:
        _accuracy_off_narrow(canvas, scene, study, y + 1)
    return canvas


def how_sure(study: Study) -> str:
    """The kind of interval, or why there is none."""
    kinds = {one.interval for table in study.found.tables.values() for one in table.lanes.values() if one.interval}
    return INTERVALS[kinds.pop()] if len(kinds) == 1 else "no interval yet"


def _changes(canvas: Canvas, scene: Scene, study: Study, group: Group, *, wide: bool) -> int:
    """The table of changes from row 0 on; the row after it."""
    rounds = f"mean of {study.rounds} round{'s' * (study.rounds != 1)}" if study.rounds else "first round"
    sure = how_sure(study) if wide else how_sure(study).removesuffix(" yet")
    canvas.put(1, 0, group.heading, "bright")
    outcome = outcome_words(scene.outcome) if wide else outcome_words(scene.outcome).partition(",")[0]
    canvas.put(len(group.heading) + 4, 0, f"{outcome} · {rounds} · {sure}", "dim")
    columns = [(title, column) for title, its in group.columns for column in its]
    first, step = (
        (23, (canvas.width - 1 - 24) // len(columns)) if wide else (17, (canvas.width - 1 - 18) // len(columns))
    )
    rights = [first + step * (place + 1) for place in range(len(columns))]
    unit = "images/s" if scene.outcome == "images_per_s" else "ms"
    canvas.put_right(first, 2, f"{group.first} {unit}" if wide else group.first, "dim")
    place = 0
    for title, its in group.columns:
        if title and len(its) > 1:
            _rule(canvas, rights[place] - 11, rights[place + len(its) - 1], title)
        elif title:
            canvas.put_right(rights[place], 1, title, "text")
        for column in its:
            mark = {"on": " ●", "off": " ○"}.get(column.level, "")
            canvas.put_right(rights[place] - len(mark), 2, column.words, "dim")
            canvas.put_right(rights[place], 2, mark, column.level or "dim")
            place += 1
    y = 3
    for lane in scene.session.lanes:
        canvas.put(1, y, lane.name[:12], "mean")
        _first(canvas, scene, first, y, study.found.mean(lane.number, "alone", "inference"), wide=wide)
        for right, (_, column) in zip(rights, columns, strict=True):
            _cell(canvas, right - 2, y, study.found.contrast(column.table, lane.number), wide=wide)
        y += 2 if wide else 1
    return y


def _rule(canvas: Canvas, left: int, right: int, title: str) -> None:
    words = f" {title} "
    canvas.put(left, 1, "─" * (right - left + 1), "faint")
    canvas.put(left + (right - left + 1 - len(words)) // 2, 1, words, "text")


def _first(canvas: Canvas, scene: Scene, right: int, y: int, mean: CellMean | None, *, wide: bool) -> None:
    rate = scene.outcome == "images_per_s"

    def told(value: float) -> str:
        return figure(value) if rate else f"{value / 1e6:.2f}"

    canvas.put_right(right, y, DASH if mean is None else told(mean.mean), "text" if mean else "dim")
    if wide and mean is not None and mean.low is not None and mean.high is not None:
        canvas.put_right(right, y + 1, f"{told(mean.low)} .. {told(mean.high)}", "dim")


def _cell(canvas: Canvas, right: int, y: int, contrast: Contrast | None, *, wide: bool) -> None:
    """The change with its units digit at `right`, the interval beneath; bold once an interval leaves zero out."""
    if contrast is None:
        canvas.put_right(right, y, DASH, "dim")
        return
    words = change(contrast.change_pct, contrast)
    known = contrast.low_pct is not None and contrast.high_pct is not None
    leaves_zero = known and not (contrast.low_pct or 0) <= 0 <= (contrast.high_pct or 0)
    canvas.put_right(right + (2 if "." in words else 0), y, words, "bright" if leaves_zero else "text")
    if wide and known:
        under = interval(contrast)
        canvas.put_right(right + (2 if "." in under else 0), y + 1, under, "dim")


def _accuracy_off(canvas: Canvas, scene: Scene, study: Study, y: int) -> None:
    """Alone, together and their interaction, each with its interval drawn and its verdict."""
    canvas.put(1, y, "accuracy off against on, %", "bright")
    rest = ""
    if study.progress.state != "over" and how_sure(study) == INTERVALS["live"]:
        rest = f"; the planned interval comes at round {study.progress.rounds}"
    canvas.put(31, y, f"{outcome_words(scene.outcome)} · {how_sure(study)}{rest}", "dim")
    for right, zero, verdict, title in ((17, 31, 45, "alone"), (64, 78, 94, "together")):
        canvas.put_right(right, y + 1, title, "text")
        canvas.put_right(zero - 8, y + 1, "−50", "dim")
        canvas.put(zero, y + 1, "0", "dim")
        canvas.put(zero + 8, y + 1, "+50 %", "dim")
        for row, lane in enumerate(scene.session.lanes, y + 2):
            contrast = study.found.contrast(f"accuracy_off.{title}", lane.number)
            canvas.put(1, row, lane.name[:10], "mean")
            known = contrast if contrast is not None and contrast.interval is not None else None
            line = Line(lane.name, change_pct=contrast.change_pct if contrast else None, contrast=known, settled=True)
            words = change(line.change_pct, known)
            canvas.put_right(
                right - 2 + (2 if "." in words else 0), row, words, "bright" if is_resolved(known) else "text"
            )
            draw_interval(canvas, zero, row, line, 0.2, 12)
            draw_verdict(canvas, verdict, row, known)
    canvas.put_right(canvas.width - 2, y + 1, "interaction", "text")
    for row, lane in enumerate(scene.session.lanes, y + 2):
        contrast = study.found.contrast("interaction", lane.number)
        canvas.put_right(canvas.width - 7, row, change(contrast.change_pct if contrast else None), "text")
        if contrast is not None and contrast.resolved_pct is not None:
            canvas.put_right(canvas.width - 2, row, f"±{max(1, round(contrast.resolved_pct))}", "dim")


def _accuracy_off_narrow(canvas: Canvas, scene: Scene, study: Study, y: int) -> None:
    """Alone and together as two rows, lanes as columns."""
    lanes = scene.session.lanes
    canvas.put(1, y, "accuracy off against on, %", "bright")
    canvas.put(31, y, f"{outcome_words(scene.outcome).partition(',')[0]} · {how_sure(study)}", "dim")
    step = max(9, (canvas.width - 10) // max(1, len(lanes)))
    for place, lane in enumerate(lanes):
        right = 9 + step * (place + 1) - 2
        canvas.put_right(right, y + 1, lane.name[: step - 1], "dim")
        for row, regime in enumerate(("alone", "together"), y + 2):
            contrast = study.found.contrast(f"accuracy_off.{regime}", lane.number)
            known = contrast if contrast is not None and contrast.interval is not None else None
            sign = {"slower": "▲", "faster": "▼", "same": "="}.get(known.verdict or "", " ") if known else " "
            words = change(contrast.change_pct if contrast else None, known)
            canvas.put_right(right, row, f"{sign}{words}", "bright" if is_resolved(known) else "text")
    for row, regime in enumerate(("alone", "together"), y + 2):
        canvas.put(1, row, regime, "mean")
