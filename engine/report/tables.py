"""A report's tables as rows of words: every format draws the same ones. A cell may hold two lines. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from quintet.engine.analysis import other_programs, paced
from quintet.engine.analysis.blocks import RATE
from quintet.engine.analysis.contrasts import CellMean, Table
from quintet.engine.analysis.formatting import DASH, NARROW_POINTS, change, figure, interval, signed, times
from quintet.engine.analysis.interference import Effect
from quintet.engine.analysis.paced import Paced
from quintet.engine.analysis.verdicts import TOO_FEW, Contrast
from quintet.engine.report.conditions import lane_facts
from quintet.engine.report.findings import Findings, Hand, HandRow, Planned
from quintet.engine.visible_text import visible

LEFT, RIGHT = "left", "right"


GEOMETRIC = "; a change is the geometric mean of its rounds, so not quite the ratio of the means"


class Column(NamedTuple):
    """A heading, and to which side its cells stand."""

    words: str
    side: str = RIGHT


class Sheet(NamedTuple):
    """One table: title, what it is of, columns, rows of cells."""

    title: str
    note: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    every_outcome: bool = False
    """Whether it is a plan's table once more, for every outcome: it stands last."""


def sheets(found: Findings) -> list[Sheet]:
    """All tables of results, in order."""
    made: list[Sheet] = []
    for plan in found.plans:
        made += {"study": _of_study, "matrix": _of_matrix}.get(plan.kind, _of_ab)(found, plan)
    if found.free:
        made += _free_cells(found)
    return [*made, *(hand_sheet(found, hand) for hand in found.hand)]


def lanes_sheet(found: Findings) -> Sheet:
    """What each lane is."""
    columns = (Column("lane", LEFT), Column("task", LEFT), Column("weights\nSHA-256", LEFT), Column("imgsz"),
               Column("device", LEFT), Column("dtype", LEFT), Column("threads"), Column("data\nSHA-256", LEFT))  # fmt: skip
    rows = tuple((visible(row.name), visible(row.task), *row[2:]) for row in lane_facts(found))
    return Sheet("Lanes", "", columns, rows)


# -- a study ------------------------------------------------------------------------------------------------------------

AGAINST_INFERENCE = (
    ("validation\nalone", "change_vs_inference.validation_alone"),
    ("withoutval\nalone", "change_vs_inference.withoutval_alone"),
    ("validation\ntogether", "change_vs_inference.validation_together"),
    ("withoutval\ntogether", "change_vs_inference.withoutval_together"),
)
AGAINST_ALONE = tuple((mode, f"together_vs_alone.{mode}") for mode in ("inference", "validation", "withoutval"))


def _of_study(found: Findings, plan: Planned) -> list[Sheet]:
    made = _cells(found, plan, "1 ")
    made += changes(found, plan, "2 Change against inference alone, %", AGAINST_INFERENCE, "inference\nalone")
    for number, name, words in (
        ("3a", "accuracy_off.alone", "Accuracy off against on, alone"),
        ("3b", "accuracy_off.together", "Accuracy off against on, together"),
    ):
        made += side_by_side(found, plan, name, f"{number} {words}")
    made += changes(found, plan, "4 Together against alone, %", AGAINST_ALONE)
    made += side_by_side(found, plan, "interaction", "5 Interaction: accuracy off together against alone")
    return made + every_outcome(found, plan, "6 The same for every outcome, %")


def _of_matrix(found: Findings, plan: Planned) -> list[Sheet]:
    """Table 7: a row for each lane that is slowed, a column for each lane whose switch is flipped."""
    made = []
    switch, (a, b) = plan.run.plan.switch, plan.run.plan.pair
    for outcome in dict.fromkeys((found.outcome, found.beside())):
        by_pair = {(one.whom, one.whose): one for one in plan.effects.get(outcome, ())}
        columns = (Column("of lane", LEFT), *(Column(f"by\n{found.shown_names[lane]}") for lane in plan.run.lanes))
        rows = tuple(
            (found.shown_names[whom], *(_effect(by_pair.get((whom, whose))) for whose in plan.run.lanes))
            for whom in plan.run.lanes
        )
        note = (
            f"{_words(outcome)}; 95 % planned intervals, unadjusted; main effects only: the joint effect of two switches is "
            f"not estimated{_among(found, plan.incomplete('', outcome), '; together: ')}"
        )
        made.append(Sheet(f"7 Whose {switch} slows whom: {b} against {a}, %", note, columns, rows))
    return made


def _effect(effect: Effect | None) -> str:
    """The change, and its interval in a second line."""
    if effect is None or effect.low_pct is None or effect.high_pct is None:
        return DASH
    digits = int(effect.high_pct - effect.low_pct < NARROW_POINTS)
    change_pct, low, high = (signed(one, digits) for one in (effect.change_pct, effect.low_pct, effect.high_pct))
    return f"{change_pct}\n{low} .. {high}"


def _of_ab(found: Findings, plan: Planned) -> list[Sheet]:
    made: list[Sheet] = []
    for name in plan.tables.get(found.outcome, {}):
        made += side_by_side(found, plan, name, _title(name, plan))
    return [*made, *_cells(found, plan, ""), *every_outcome(found, plan, "The same for every outcome, %")]


def _title(name: str, plan: Planned) -> str:
    regime = name.rpartition(".")[2]
    if name.startswith("accuracy_off"):
        return f"Accuracy off against on, {regime}"
    a, b = plan.run.plan.pair
    return f"{plan.run.plan.switch}: {b} against {a}, {regime}"


def _among(found: Findings, lanes: Sequence[int], before: str, after: str = "") -> str:
    """The lanes by name, where there are any to name."""
    return f"{before}{', '.join(found.shown_names[lane] for lane in lanes)}{after}" if lanes else ""


def _cells(found: Findings, plan: Planned, number: str) -> list[Sheet]:
    """Table 1, a sheet a regime: latency and throughput of every cell."""
    its = plan.cells.get(found.outcome, ())
    made = []
    switch = plan.run.plan.switch
    columns: tuple[Column, ...] = (
               Column("lane", LEFT), Column(switch, LEFT), Column(_unit(found.outcome)), Column("95 % interval"),
               Column("p50"), Column("p95"), Column("images/s"), Column("blocks"), Column("images"))  # fmt: skip
    for regime in dict.fromkeys(cell.regime for cell in its):
        rows = tuple(_cell_row(found, cell) for cell in its if cell.regime == regime)
        words = "images/s" if found.outcome == RATE else "milliseconds per image"
        timed = "cycle" if found.outcome == RATE else found.outcome
        note = (
            f"{found.outcome}; arithmetic mean over rounds of block means (of both visits where a placebo made two), interval "
            f"of this session; p50 and p95 of {timed} in ms, over images"
        )
        made.append(Sheet(f"{number}Mean {words}, {regime}", note, columns, rows))
        made += _by_camera(
            found, [(cell.lane, str(cell.level), cell.paced) for cell in its if cell.regime == regime], regime
        )
    return made


def _by_camera(found: Findings, cells: Sequence[tuple[int, str, Paced | None]], where: str) -> list[Sheet]:
    """What a camera's pace made of the cells that followed one: late and skipped images in percent."""
    rows = tuple(
        (found.shown_names[lane], visible(mode), _share(one.late_pct), _share(one.skipped_pct), str(one.images))
        for lane, mode, one in cells
        if one is not None
    )
    columns = (Column("lane", LEFT), Column("mode", LEFT), Column("late %"), Column("skipped %"), Column("images"))
    note = "late: of the images taken; skipped: of the images due; images/s is the camera's rate less what was skipped"
    return [Sheet(f"Images at the camera's pace, {where}", note, columns, rows)] if rows else []


def _share(percent: float | None) -> str:
    return DASH if percent is None else f"{percent:.1f}"


def _words(outcome: str) -> str:
    return "images/s" if outcome == RATE else outcome


def _unit(outcome: str) -> str:
    return "mean" if outcome == RATE else "mean ms"


def _cell_row(found: Findings, cell: CellMean) -> tuple[str, ...]:
    known = cell.low is not None and cell.high is not None
    low, high = amount(cell.low, found.outcome), amount(cell.high, found.outcome)
    return (
        found.shown_names[cell.lane], visible(str(cell.level)), amount(cell.mean, found.outcome),
        f"{low} .. {high}" if known else reason(cell.note), milliseconds(cell.p50_ns), milliseconds(cell.p95_ns),
        DASH if cell.images_per_s is None else f"{cell.images_per_s:.1f}", str(cell.blocks), str(cell.images),
    )  # fmt: skip


def milliseconds(ns: float | None) -> str:
    """Two decimals, as the study prints; or a dash."""
    return DASH if ns is None else f"{ns / 1e6:.2f}"


def amount(value: float | None, outcome: str) -> str:
    """A mean in its outcome's unit."""
    return figure(value) if outcome == RATE else milliseconds(value)


def changes(
    found: Findings, plan: Planned, title: str, wanted: Sequence[tuple[str, str]], first: str = ""
) -> list[Sheet]:
    """A sheet for the chosen outcome, then one for throughput (for images/s: for predict)."""
    return [
        sheet
        for outcome in (found.outcome, found.beside())
        for sheet in _changes(found, plan, title, wanted, first, outcome)
    ]


def _changes(
    found: Findings, plan: Planned, title: str, wanted: Sequence[tuple[str, str]], first: str, outcome: str
) -> list[Sheet]:
    """Several tables side by side, each cell a change over its interval; `first` heads the means they are held against."""
    there = [(words, table) for words, name in wanted if (table := plan.table(name, outcome))]
    if not there:
        return []
    lanes = plan.run.lanes
    rows = []
    for lane in lanes:
        cells = tuple(stacked(table.lanes.get(lane)) for _, table in there)
        rows.append((found.shown_names[lane], *((_first(plan, lane, outcome),) if first else ()), *cells))
    unit = f"{first} {'images/s' if outcome == RATE else 'ms'}"
    heads = (*((Column(unit),) if first else ()), *(Column(words) for words, _ in there))
    note = f"{how_sure([table for _, table in there])}{GEOMETRIC if first else ''}"
    missing = next((its for _, name in wanted if (its := plan.incomplete(name, outcome))), ())
    note += _among(found, missing, "; together: ")
    return [Sheet(f"{title}: {_words(outcome)}", note, (Column("lane", LEFT), *heads), tuple(rows))]


def _first(plan: Planned, lane: int, outcome: str) -> str:
    for cell in plan.cells.get(outcome, ()):
        if (cell.lane, cell.regime, cell.level) == (lane, "alone", "inference"):
            known = cell.low is not None and cell.high is not None
            between = f"{amount(cell.low, outcome)} .. {amount(cell.high, outcome)}" if known else reason(cell.note)
            return f"{amount(cell.mean, outcome)}\n{between}"
    return DASH


def stacked(contrast: Contrast | None) -> str:
    """The change, and its interval beneath."""
    if contrast is None:
        return DASH
    return f"{change(contrast.change_pct, contrast)}\n{interval(contrast)}"


def how_sure(tables: Sequence[Table]) -> str:
    """Kind of interval and rounds: `95 % planned intervals, 24 rounds`."""
    contrasts = [one for table in tables for one in table.lanes.values()]
    kinds = sorted({one.interval for one in contrasts if one.interval})
    rounds = max((one.rounds for one in contrasts), default=0)
    words = f"95 % {' and '.join(kinds)} intervals" if kinds else "no interval yet"
    return f"{words}, {rounds} round{'s' * (rounds != 1)}"


def side_by_side(found: Findings, plan: Planned, name: str, title: str) -> list[Sheet]:
    """One table for the chosen outcome, and beside it throughput (beside images/s: predict)."""
    tables = [plan.table(name, outcome) for outcome in (found.outcome, found.beside())]
    main = tables[0]
    if main is None:
        return []
    columns: tuple[Column, ...] = (Column("lane", LEFT),)
    for outcome in (found.outcome, found.beside()):
        words = "images/s" if outcome == RATE else outcome
        columns += (Column(f"{words} %"), Column("95 % interval"), Column("verdict", LEFT))
    used = other_programs.of_table(found.session, main, None, found.rules)
    rows = []
    for lane in plan.run.lanes:
        told = [part for t in tables for part in _told(t.lanes.get(lane) if t else None, used.get(lane))]
        rows.append((found.shown_names[lane], *told))
    note = f"{how_sure([table for table in tables if table])}{GEOMETRIC}{legend(found, used.values())}"
    if any(one.note == paced.NOTE for table in tables if table for one in table.lanes.values()):
        note += "; paced: images come at the camera's rate, so there is no verdict on it"
    company = _among(found, plan.incomplete(name, found.outcome), " (", ")")
    return [Sheet(f"{title}{company}, %", note, columns, tuple(rows))]


def _told(contrast: Contrast | None, used: float | None) -> tuple[str, str, str]:
    if contrast is None:
        return DASH, DASH, DASH
    words = verdict(contrast).replace(" together", "\ntogether")  # two such columns have no room in 80
    return change(contrast.change_pct, contrast), interval(contrast), _marked(words, used)


def _marked(words: str, used: float | None) -> str:
    """The verdict with a mark where other programs used much of the machine."""
    return f"{words} {other_programs.MARK}" if other_programs.notable(used) else words


def legend(found: Findings, used: Iterable[float | None]) -> str:
    """What the mark means; empty where nothing is marked."""
    most = max((one for one in used if one is not None), default=None)
    if most is None or not other_programs.notable(most):
        return ""
    return f"; {other_programs.MARK} {other_programs.words(found.session, most)} in its blocks"


def verdict(contrast: Contrast) -> str:
    """The verdict in a word, or a dash with its reason."""
    if contrast.verdict is not None:
        return contrast.verdict
    return reason(contrast.note)


def reason(note: str) -> str:
    """A dash with why there is no number or no verdict: `— too few`."""
    return f"{DASH} {'too few' if note == TOO_FEW else note}".rstrip()


def every_outcome(found: Findings, plan: Planned, title: str) -> list[Sheet]:
    """Every table for every outcome, compactly: change and half the width of its interval."""
    names = dict.fromkeys(name for its in plan.tables.values() for name in its)
    names.pop("change_vs_inference.inference_together", None)  # together_vs_alone.inference is the same
    made = []
    outcomes = [outcome for outcome in found.outcomes if plan.tables.get(outcome)]
    columns = (Column("lane", LEFT), *(Column("images/s" if o == RATE else o) for o in outcomes))
    for name in names:
        rows = tuple(
            (
                found.shown_names[lane],
                *(short(t.lanes.get(lane) if (t := plan.table(name, o)) else None) for o in outcomes),
            )
            for lane in plan.run.lanes
        )
        company = next((its for o in outcomes if (its := plan.incomplete(name, o))), ())
        heading = f"{title}: {name}{_among(found, company, ' (', ')')}"
        made.append(Sheet(heading, "", columns, rows, every_outcome=True))
    if made:
        made[0] = made[0]._replace(note="± is half the width of the 95 % interval")
    return made


def short(contrast: Contrast | None) -> str:
    """`+27 ±3`, or a change with a dash."""
    if contrast is None or contrast.change_pct is None:
        return DASH
    words = change(contrast.change_pct, contrast)
    if contrast.resolved_pct is None:
        return f"{words} {DASH}"
    digits = 1 if "." in words else 0
    return f"{words} ±{max(contrast.resolved_pct, 0.1 if digits else 1):.{digits}f}"


# -- by hand ------------------------------------------------------------------------------------------------------------


def _free_cells(found: Findings) -> list[Sheet]:
    timed, tail = found.rules.outcome, f"p{found.rules.tail_percent}"
    heads = tuple(dict.fromkeys((timed, "cycle")))
    columns = (Column("lane", LEFT), Column("regime", LEFT), Column("mode", LEFT), Column(heads[0]), Column("p50"),
               Column(tail), *(Column(one) for one in heads[1:]), Column("images/s"), Column("images"))  # fmt: skip
    regimes = short_regimes([one.cell.regime for one in found.free])
    rows = tuple(
        (found.shown_names[one.cell.lane], visible(regimes[one.cell.regime]), visible(one.mode),
         milliseconds(one.cell.means_ns[heads[0]]), milliseconds(one.cell.p50_ns), milliseconds(one.cell.tail_ns),
         *(milliseconds(one.cell.means_ns[head]) for head in heads[1:]),
         DASH if one.cell.images_per_s is None else f"{one.cell.images_per_s:.1f}", str(one.cell.images))
        for one in found.free
    )  # fmt: skip
    notes = dict.fromkeys(f"{one.mode}: {one.told}" for one in found.free if one.mode != one.told)
    notes |= dict.fromkeys(f"{short}: {full}" for full, short in regimes.items() if short != full)
    note = "; ".join(("burn-in left out", *notes))
    camera = _by_camera(found, [(one.cell.lane, one.mode, one.cell.paced) for one in found.free], "by setting")
    return [Sheet("Mean milliseconds per image", note, columns, rows), *camera]


def short_regimes(regimes: Iterable[str]) -> dict[str, str]:
    """Regimes by their full names, those that name their lanes in brackets numbered: `together 2`, `together 3`."""
    found: dict[str, str] = {}
    for regime in dict.fromkeys(regimes):
        short, named, _ = regime.partition(" (")
        found[regime] = f"{short} {2 + sum(one.startswith(f'{short} ') for one in found.values())}" if named else regime
    return found


def hand_sheet(found: Findings, hand: Hand) -> Sheet:
    """A comparison by hand: latency and throughput side by side."""
    latency, rate = found.outcome, found.beside()
    a, b = visible(hand.a), visible(hand.b)
    columns = (Column("lane", LEFT), Column(a), Column(b), Column("change %"), Column("95 % interval"),
               Column("verdict", LEFT), Column("images/s %" if rate == RATE else f"{rate} %"),
               Column("95 % interval"))  # fmt: skip
    beside = {row.lane: row for row in hand.rows.get(rate, ())}
    rows = tuple(_hand_row(found, row, beside.get(row.lane), hand.others) for row in hand.rows.get(latency, ()))
    known = any(row.contrast and row.contrast.interval for row in hand.rows.get(latency, ()))
    sure = "95 % exploratory" if known else "no interval yet: the change is of the two means"
    triples = f"{times(hand.triples, 'triple')} of stretches"
    words = "images/s" if latency == RATE else f"{latency}, ms per image"
    note = f"{hand.regime} · {words} · flips by hand, {sure}, {triples}{legend(found, [hand.others])}"
    return Sheet(f"{hand.title} · {hand.where}", note, columns, rows)


def _hand_row(found: Findings, row: HandRow, rate: HandRow | None, used: float | None) -> tuple[str, ...]:
    known = row.contrast if row.contrast is not None and row.contrast.interval is not None else None
    beside = rate.contrast if rate is not None and rate.contrast is not None and rate.contrast.interval else None
    return (
        found.shown_names[row.lane], amount(row.a, found.outcome), amount(row.b, found.outcome),
        change(row.change_pct, known), interval(known), _marked(verdict(known) if known else DASH, used),
        change(rate.change_pct if rate else None, beside), interval(beside),
    )  # fmt: skip
