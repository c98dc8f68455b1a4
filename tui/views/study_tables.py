"""A study on the screen: how far it is, the lanes small, and its tables filling cell by cell."""

from __future__ import annotations

from typing import NamedTuple

from quintet.engine.analysis.blocks import RATE
from quintet.engine.analysis.formatting import times
from quintet.engine.analysis.verdicts import Contrast
from quintet.tui.canvas.canvas import Canvas
from quintet.tui.canvas.text import DASH, change, figure, interval
from quintet.tui.canvas.titles import numbered, put_title
from quintet.tui.scene.flip_rows import how_sure, outcome_words
from quintet.tui.scene.layout import PAST_ROWS, STEP_NS, TABLE_ALONE_BELOW, spread
from quintet.tui.scene.plan_results import Study, missing_words
from quintet.tui.scene.scene import Layout, Scene
from quintet.tui.views.accuracy_off import draw_off, draw_off_short, off_height
from quintet.tui.views.compact_lanes import GUTTER
from quintet.tui.views.plan_progress import WIDE

WIDE_HEAD, LEAST_WIDE = 4, 4
"""Rows around a small lane's plot, and the fewest of the plot, in the long form."""
NARROW_HEAD, LEAST_NARROW = 2, 2
MOST_COLUMNS = 140
"""The tables grow no wider."""


class Column(NamedTuple):
    """One column of a table of changes."""

    words: str
    level: str
    """The role of its level's colour, or nothing."""
    table: str


class Group(NamedTuple):
    """A table of changes: its heading and a shorter one; groups of columns under a rule."""

    headings: tuple[str, ...]
    columns: tuple[tuple[str, tuple[Column, ...]], ...]


SHORT = {"inference": "infer.", "validation": "valid.", "withoutval": "without"}
VALIDATION, WITHOUTVAL = ("validation", "on"), ("withoutval", "off")
AGAINST_INFERENCE = Group(
    ("change against inference alone, %", "% vs inference alone"),
    tuple(
        (regime, tuple(Column(mode, role, f"change_vs_inference.{mode}_{regime}") for mode, role in (VALIDATION, WITHOUTVAL)))
        for regime in ("alone", "together")
    ),
)  # fmt: skip
AGAINST_ALONE = Group(
    ("together against alone, %", "% together vs alone"),
    (("together", tuple(
        Column(mode, role, f"together_vs_alone.{mode}") for mode, role in (("inference", ""), VALIDATION, WITHOUTVAL)
    )),),
)  # fmt: skip
HEAD_ROWS = 3


def study_layout(width: int, height: int, lanes: int, *, past: bool = False) -> Layout:
    """Lanes small and side by side, the rest for the tables; past: with the whole session's line.

    The lanes give way first: below 80 columns, or where rows are few, the tables stand alone.
    """
    around = 4 + (PAST_ROWS if past else 0)
    most = tables_height(lanes, width, wide=True)
    wide = width >= WIDE and height >= max(34, around + most + WIDE_HEAD + LEAST_WIDE)
    table = most if wide else tables_height(lanes, width, wide=False)
    first, head, least = (GUTTER, WIDE_HEAD, LEAST_WIDE) if wide else (1, NARROW_HEAD, LEAST_NARROW)
    room = height - around
    small = wide or (width >= TABLE_ALONE_BELOW and room - (table - 1) >= head + least)
    table = min(table, room - (head + least if small else 0))
    plot = 0
    if small:
        left = room - table - head - (4 if wide else 3) + past - (4 if wide and not past else 0)
        plot = max(least, min(16, left // 4 * 4) if wide else min(8, left))
    lane_width = max(10, (width - first) // lanes - 1)
    shown = min(lanes, max(1, (width - first) // (lane_width + 1)))
    needed = {"status": 1, "progress": 2, "table": table, "keys": 1, "lanes": plot + head if small else 0}
    needed |= {"past": PAST_ROWS} if past else {}
    return Layout(
        "side", lane_width, max(2, (lane_width - 2) // 2 * 2), plot, needed["lanes"], wide, range(shown),
        STEP_NS["side"], spread(needed, height, _wanted(wide=wide, small=small)), table_columns=width,
    )  # fmt: skip


def _wanted(*, wide: bool, small: bool) -> tuple[str, ...]:
    """Who gets a row that is left, in this order."""
    if wide:
        return ("gap0", "gap2", "gap1", "gap4", "open", "gap5", "events", "events")
    if small:
        return ("gap0", "gap2", "open", "gap4", "gap5", "events")
    return ("open", "gap0", "gap4", "gap1", "gap5", "events")


def tables_height(lanes: int, width: int, *, wide: bool) -> int:
    """Rows of both tables, a blank one between them."""
    return 3 + 2 * lanes + 1 + 2 + lanes if wide else 3 + lanes + 1 + off_height(lanes, width)


# -- tables -------------------------------------------------------------------------------------------------------------


class Places(NamedTuple):
    """Where a table's columns stand: the right edges of the first value and of the changes; the room for names."""

    first: int
    rights: list[int]
    names: int
    short: bool
    """The modes' words in short."""


def draw_study(scene: Scene, study: Study, where: Layout, width: int) -> Canvas:
    """The table of changes, then accuracy off against on where it has room."""
    canvas = Canvas(min(width, MOST_COLUMNS), where.parts["table"])
    group = AGAINST_INFERENCE if scene.page == "plan" else AGAINST_ALONE
    lanes = _shown(scene, canvas.height, wide=where.spacious)
    y = _changes(canvas, scene, study, group, lanes, wide=where.spacious)
    below = off_height(len(scene.session.lanes), canvas.width)
    if where.spacious:
        draw_off(canvas, scene, study, y + 1)
    elif canvas.height >= y + below:
        draw_off_short(canvas, scene, study, y + (canvas.height > y + below))
    elif y < canvas.height:
        number = len(scene.session.lanes)
        some = "" if len(lanes) == number else f"lanes {lanes[0] + 1}-{lanes[-1] + 1} of {number}; "
        canvas.put(1, canvas.height - 1, f"{some}accuracy off against on needs more rows", "dim")
    return canvas


def _shown(scene: Scene, height: int, *, wide: bool) -> range:
    """The lanes that have a row: all, or those about the chosen one."""
    lanes, rows = len(scene.session.lanes), max(1, height - HEAD_ROWS - 1)
    if wide or lanes + HEAD_ROWS <= height:
        return range(lanes)
    first = min(scene.chosen, default=0) // rows * rows
    return range(first, min(lanes, first + rows))


def _changes(canvas: Canvas, scene: Scene, study: Study, group: Group, lanes: range, *, wide: bool) -> int:
    """The table of changes from row 0 on; the row after it."""
    put_title(canvas, 0, group.headings, _details(scene, study, wide=wide))
    columns = [column for _, its in group.columns for column in its]
    firsts = [study.found.mean(number, "alone", "inference") for number in lanes]
    values = [_told(scene, mean.mean) if mean else DASH for mean in firsts]
    names = [scene.session.lanes[number].name for number in lanes]
    at = _places(canvas.width, names, values, len(columns), wide=wide)
    _headings(canvas, scene, group, at, wide=wide)
    y = HEAD_ROWS
    for number, name, mean, value in zip(lanes, names, firsts, values, strict=True):
        canvas.put(1, y, numbered(number, name, at.names), "mean")
        canvas.put_right(at.first, y, value, "text" if mean else "dim")
        if wide and mean is not None and mean.low is not None and mean.high is not None:
            canvas.put_right(at.first, y + 1, f"{_told(scene, mean.low)} .. {_told(scene, mean.high)}", "dim")
        for right, column in zip(at.rights, columns, strict=True):
            _cell(canvas, right - 2, y, study.found.contrast(column.table, number), wide=wide)
        y += 2 if wide else 1
    return y


def _details(scene: Scene, study: Study, *, wide: bool) -> list[str]:
    """What is measured, over how many rounds, how sure: the fullest form first."""
    full, mid, least = _round_words(study)
    sure, outcome = how_sure(study), outcome_words(scene.outcome)
    short, brief = outcome.partition(",")[0], sure.removesuffix(" yet")
    among = missing_words(scene.session, study)
    forms = [f"{short} · {rounds} · {brief}{among}" for rounds in (full, mid, least)]
    return [*([f"{outcome} · {full} · {sure}{among}"] if wide else []), *forms, f"{least} · {brief}{among}"]


def _round_words(study: Study) -> tuple[str, str, str]:
    """Over how many rounds the means are, in ever fewer words: cells that the round under way has visited have one more."""
    done, most = study.progress.round, study.rounds
    if not most:
        words = "no round" if study.progress.state == "over" else "first round"
        return words, words, words
    if most <= done:
        words = times(most, "round")
        return f"mean of {words}", words, words
    if not done:
        return "part of round 1", "part of round 1", "in round 1"
    return f"mean of {done} or {most} rounds", f"{done} or {most} rounds", f"{done}-{most} rounds"


def _places(width: int, names: list[str], values: list[str], columns: int, *, wide: bool) -> Places:
    """The first column grows with long names; then the modes' words are short, and names are cut last."""
    value = max(map(len, values), default=0)
    base = 23 if wide else 17
    wanted = max(base, max(map(len, names), default=0) + value + 1)
    steps = ((False, 17),) if wide else ((False, 13), (True, 10))
    short, step = next((found for found in steps if width - 2 - wanted >= found[1] * columns), steps[-1])
    first = max(base, min(wanted, width - 2 - step * columns))
    step = (width - 2 - first) // columns
    return Places(first, [first + step * (place + 1) for place in range(columns)], first - value - 1, short)


def _headings(canvas: Canvas, scene: Scene, group: Group, at: Places, *, wide: bool) -> None:
    """A rule over each regime's columns, then the modes."""
    unit = "ms" if scene.outcome != RATE else "images/s" if wide else "img/s"
    canvas.put_right(at.first, 2, f"inference {unit}", "text")
    place = 0
    for title, its in group.columns:
        last = at.rights[place + len(its) - 1]
        begin = at.first - 11 if title == "alone" else at.rights[place] - (8 if at.short else 11)
        _rule(canvas, begin, last, title)
        for column in its:
            mark = {"on": " ●", "off": " ○"}.get(column.level, "")
            words = SHORT.get(column.words, column.words) if at.short else column.words
            canvas.put_right(at.rights[place] - len(mark), 2, words, "dim")
            canvas.put_right(at.rights[place], 2, mark, column.level or "dim")
            place += 1
    if group.columns[0][0] != "alone":
        canvas.put_right(at.first, 1, "alone", "text")


def _rule(canvas: Canvas, left: int, right: int, title: str) -> None:
    words = f" {title} "
    canvas.put(left, 1, "─" * (right - left + 1), "faint")
    canvas.put(left + (right - left + 1 - len(words)) // 2, 1, words, "text")


def _told(scene: Scene, value: float) -> str:
    return figure(value) if scene.outcome == RATE else f"{value / 1e6:.2f}"


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
