"""One sentence below the table: what is still open, or what to do."""

from __future__ import annotations

from quintet.engine.analysis.blocks import whole_rounds
from quintet.engine.analysis.formatting import count, listed, times
from quintet.engine.analysis.plan_progress import Progress
from quintet.engine.analysis.statistics import LIVE_FROM, MEANS_ONLY
from quintet.engine.analysis.verdicts import NOT_YET, UNSETTLED
from quintet.engine.session.session import Session
from quintet.tui.canvas.canvas import Canvas, Row
from quintet.tui.canvas.text import about, clock
from quintet.tui.canvas.titles import whole
from quintet.tui.scene.flip_rows import FlipTable, flip_table
from quintet.tui.scene.plan_results import Study
from quintet.tui.scene.scene import Scene
from quintet.tui.views.status import accuracy_words
from quintet.tui.views.timeline import next_moment

OPEN = (NOT_YET, UNSETTLED)


def draw_open(scene: Scene, width: int, *, pages: str = "") -> Canvas:
    """One sentence on what is still open, or what to do; in a look back what comes next."""
    canvas = Canvas(width, 1)
    if scene.looking is None:
        canvas.put(1, 0, whole(open_sentence(scene), width - 2), "dim")
        return canvas
    words, role = ("loading", "text") if scene.view.loading else accuracy_words(scene, narrow=False)
    after = next_moment(scene.session, scene.now_ns, 1)
    origin = scene.session.origin_ns
    row: Row = [(f"at {clock(scene.view.age_ns)}  ", "dim"), (words.partition(" for ")[0], role)]
    more = [f"   {pages}: press tab"] if pages else []
    if after is not None and after.t_ns <= scene.edge_ns:
        more.insert(0, f"   next {after.words} {clock(after.t_ns - origin)}")
    while more and sum(map(len, more)) + sum(len(text) for text, _ in row) > width - 2:
        more.pop(0)
    canvas.put_row(1, 0, [*row, *((text, "dim") for text in more)])
    return canvas


def open_sentence(scene: Scene) -> str:
    """What the person would ask next."""
    seen = scene.view
    if seen.ended is not None or scene.orphaned or seen.loading:
        return _about_the_session(scene)
    failed = [lane.name for lane in seen.lanes if lane.state == "failed"]
    if failed and scene.looking is None:
        return f"{listed(failed)} failed: r tries again, e shows its log."
    if scene.study is not None and scene.page != "flips":
        return plan_sentence(scene.session, scene.study)
    if scene.comparison is None:
        return "Means leave out each change's burn-in: 1 s and 5 images."
    if any(not row.settled for row in scene.comparison.rows):
        return "This stretch is still short: its change is dim until it is a block long."
    told = hand_sentence(flip_table(scene))
    return told or "One flip is no proof: press b for an interval. predict is without scoring, images/s with it."


def _about_the_session(scene: Scene) -> str:
    seen = scene.view
    if seen.ended is not None:
        return "The session has ended and its journal is whole. q leaves."
    if scene.orphaned:
        return "The supervisor is gone and its workers with it; the journal holds all but the last moment. q leaves."
    failed = [lane.name for lane in seen.lanes if lane.state == "failed"]
    left = len(seen.lanes) - len(failed)
    words = {
        0: "no lane is left to start: r tries again, e shows a lane's log.",
        1: "one lane starts when it is warm.",
    }.get(left, f"{count(left)} lanes start together when the last of them is warm.")
    stays = f" {listed(failed)} stay{'s' * (len(failed) == 1)} out." if failed else ""
    return words[0].upper() + words[1:] + stays


def hand_sentence(table: FlipTable) -> str:
    """How well the least known lane of an open table is known; nothing without intervals."""
    open_ = [
        (line.contrast.resolved_pct, line.name)
        for line in table.lines
        if line.contrast is not None and line.contrast.verdict in OPEN and line.contrast.resolved_pct is not None
    ]
    if not open_:
        return ""
    worst, name = max(open_)
    return f"{name} is known to within {worst:.0f} %. From flips by hand: b asks the same with a plan, and faster."


def plan_sentence(session: Session, study: Study) -> str:
    """What is still open in a plan's table, and about how long until it is known."""
    far = study.progress
    if far.state == "calibrating":
        return far.buys
    if far.state == "paused":
        return "The plan is paused; its lanes run on. x, then p goes on."
    if far.kind == "matrix":
        if study.run.reached:
            return "Main effects only: the joint effect of two switches is not estimated."
        return "It ended before its planned end, so there are no intervals." if far.state == "over" else _left(far)
    return _open_contrasts(session, study, [lane.name for lane in session.lanes])


def _open_contrasts(session: Session, study: Study, names: list[str]) -> str:
    far = study.progress
    contrasts = [
        (one, names[lane])
        for name, table in study.found.tables.items()
        if name.startswith("accuracy_off") or far.kind != "study"
        for lane, one in table.lanes.items()
    ]
    if all(one.interval is None for one, _ in contrasts):
        return _means_only(session, study)
    unsure = [
        (one.resolved_pct or 0.0, name, one.more_rounds, one.verdict) for one, name in contrasts if one.verdict in OPEN
    ]
    if not unsure:
        return "" if far.state == "over" else _left(far)
    worst, name, more, word = max(unsure, key=lambda one: one[0])
    rest = (
        "a change near 2 % may stay open"
        if more is None
        else f"within 2 % takes about {more} more round{'s' * (more != 1)}"
    )
    return f"{word}: the least known ({name}) is known to within {worst:.1f} %; {rest}."


def _means_only(session: Session, study: Study) -> str:
    """Why there is no interval, and when there will be one."""
    far = study.progress
    if far.state == "over":
        known = whole_rounds(session, study.run)
        needed = MEANS_ONLY if study.run.reached else LIVE_FROM
        if not known:
            return f"No round is whole; intervals need {needed} rounds."
        return f"{times(known, 'round')} {'is' if known == 1 else 'are'} too few for intervals: {needed} are needed."
    if not 0 < far.rounds < LIVE_FROM:
        return f"Means only so far: intervals come from round {LIVE_FROM} on. {_left(far)}"
    if far.rounds < MEANS_ONLY:
        return f"Means only: a plan of {times(far.rounds, 'round')} has no intervals. {_left(far)}"
    return f"Means only so far: intervals come at the end of round {far.rounds}. {_left(far)}"


def _left(far: Progress) -> str:
    words = about(far.left_ns)
    return f"{words[0].upper()}{words[1:]} left."
