"""What a session looks like at one moment: constants that a screen draws from, nothing it could change.

Everything here is a function of (session, now_ns), so a replay at that moment shows what was shown live.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import NamedTuple

from quintet.engine.protocol.events import Arm, Levels, Value
from quintet.engine.session.data_notes import labels_left_out, pictures_left_out
from quintet.engine.session.image_columns import percentile
from quintet.engine.session.lane import Lane, as_it_was
from quintet.engine.session.session import Session
from quintet.engine.session.settings import RULES, Rules, difference, regime_of, setting_of, stretches

RECENT_NS = 10_000_000_000
STRETCHES_BACK = 60
"""Among so many stretches the one with accuracy the other way is looked for: a frame asks for it in every lane."""
P95_IMAGES = 1000
"""The p95 is over the last so many images of the setting in force."""
METRICS = {
    "cls": ("top1", "top1"), "detect": ("map50_box", "mAP50"), "seg": ("map50_mask", "mAP50"),
    "pose": ("map50_pose", "mAP50"), "obb": ("map50_obb", "mAP50"),
}  # fmt: skip
STEPS = (("model", "model"), ("ground_truth", "ground truth"), ("warm_up", "warm-up"))


class AccuracyView(NamedTuple):
    """The accuracy of a lane: a fraction of one over `images` of `of`; held: not being computed now.

    warned: more than 5 % of the data set is left out; `of` is then all pictures that it lists.
    """

    metric: str
    value: float
    images: int
    of: int
    held: bool
    warned: bool = False


class StepView(NamedTuple):
    """One loading step: state `done`, `now`, `to come` or `failed`, and its time or progress as text."""

    words: str
    state: str
    text: str


class LaneView(NamedTuple):
    """One lane at a moment. state: loading, ready, running, parked, failed, stuck or ended."""

    number: int
    name: str
    state: str
    on: bool | None
    """Whether accuracy is computed; None before the first arm."""
    asked: str | None
    """What was asked of the lane and not answered yet: `on`, `off`, or another level."""
    mean_ns: float | None
    p95_ns: int | None
    rate_hz: float | None
    other_ns: float | None
    """The mean with accuracy the other way, of a window as long as mean_ns has: at the end of the last stretch of which
    nothing else differs. None where no such stretch is as long."""
    accuracy: AccuracyView | None
    steps: tuple[StepView, ...]
    trouble: str


class View(NamedTuple):
    """A whole session at a moment, times in nanoseconds since its start."""

    age_ns: int
    loading: bool
    lanes: tuple[LaneView, ...]
    regime: str
    regime_lanes: tuple[int, ...]
    since_ns: int
    """How long accuracy has been as it is in all active lanes."""
    devices: tuple[str, ...]
    ended: str | None


def view(session: Session, now_ns: int, rules: Rules = RULES) -> View:
    """The session at a moment, its means of the rules' outcome; an ended one stands still at its end."""
    if session.end is not None:
        now_ns = min(now_ns, session.end.t_ns)
    known = stretches(session, now_ns)
    last = known[-1] if known else None
    setting = last.setting if last else setting_of({})
    lanes = [as_it_was(lane, now_ns) for lane in session.lanes]
    ready = [lane for lane in lanes if lane.ready is not None and lane.ready.t_ns <= now_ns]
    return View(
        age_ns=now_ns - session.origin_ns,
        loading=session.begun_ns is None or session.begun_ns > now_ns,
        lanes=tuple(lane_view(session, lane, now_ns, last.begin_ns if last else 0, rules) for lane in lanes),
        regime=regime_of(session, setting, now_ns) if setting.active else "",
        regime_lanes=setting.lanes,
        since_ns=now_ns - max((_accuracy_since(session.lanes[n], now_ns) for n in setting.lanes), default=now_ns),
        devices=tuple(sorted({str(lane.ready.info.get("device", "?")) for lane in ready if lane.ready})),
        ended=session.end.reason if session.end and session.end.t_ns <= now_ns else None,
    )


def arm_at(lane: Lane, now_ns: int) -> Arm | None:
    """The arm in force in a lane at a moment."""
    return next((arm for arm in reversed(lane.arms) if arm.t_ns <= now_ns), None)


def is_on(levels: Levels) -> bool:
    """Whether accuracy is computed under these levels."""
    return levels["score"] != "off"


def _accuracy_since(lane: Lane, now_ns: int) -> int:
    """When accuracy in this lane became what it is."""
    since, level = 0, None
    for arm in lane.arms:
        if arm.t_ns <= now_ns and is_on(arm.levels) != level:
            since, level = arm.t_ns, is_on(arm.levels)
    return max(since, lane.gates[0].t_ns if lane.gates else 0)


def lane_view(session: Session, lane: Lane, now_ns: int, setting_ns: int, rules: Rules = RULES) -> LaneView:
    """One lane at a moment; setting_ns is when the setting in force began: no fact mixes two settings."""
    arm = arm_at(lane, now_ns)
    state = _state(session, lane, now_ns)
    mean = p95 = rate = None
    if arm is not None and state in ("running", "stuck", "ended"):
        mean, p95, rate = _recent(lane, max(setting_ns, arm.t_ns), now_ns, rules.outcome)
    failed = state == "failed"
    fault = next((fault for fault in reversed(lane.faults) if fault.t_ns <= now_ns), None)
    return LaneView(
        lane.number, lane.name, state, None if arm is None else is_on(arm.levels), _asked(session, lane, now_ns),
        mean, p95, rate, None if arm is None else _other(session, lane, max(setting_ns, arm.t_ns), now_ns, rules),
        None if state in ("loading", "ready") else _accuracy(lane, arm, now_ns),
        _steps(lane, failed=failed, now_ns=now_ns), fault.text if fault is not None and state in ("failed", "stuck") else "",
    )  # fmt: skip


def _state(session: Session, lane: Lane, now_ns: int) -> str:
    if lane.failed_ns is not None and lane.failed_ns <= now_ns:
        return "failed"
    gate = next((gate for gate in reversed(lane.gates) if gate.t_ns <= now_ns), None)
    if session.end is not None and session.end.t_ns <= now_ns:
        return "parked" if gate is not None and not gate.open else "ended"
    if lane.stuck_ns is not None and lane.stuck_ns <= now_ns:
        return "stuck"
    if lane.ready is None or lane.ready.t_ns > now_ns:
        return "loading"
    if gate is None or gate.t_ns < lane.ready.t_ns:
        return "ready"
    return "running" if gate.open else "parked"


def _recent(lane: Lane, since_ns: int, now_ns: int, outcome: str) -> tuple[float | None, int | None, float | None]:
    """Mean over the last ten seconds, p95 over the last images, images per second; nothing from before since_ns."""
    rows = lane.rows
    first, last = rows.span(max(now_ns - RECENT_NS, since_ns), now_ns)
    cycle = rows.mean_ns("cycle", first, last)
    begin = max(bisect_left(rows.start_ns, since_ns, hi=last), last - P95_IMAGES)
    return (
        rows.mean_ns(outcome, first, last),
        percentile(rows.each_ns(outcome, begin, last), 95),
        1e9 / cycle if cycle else None,
    )


def _asked(session: Session, lane: Lane, now_ns: int) -> str | None:
    """The level of the last command that this lane has not answered."""
    for asked in reversed(session.asked.values()):
        levels = asked.command.what.get("set")
        if levels is None or lane.number not in asked.command.lanes or asked.command.t_ns > now_ns:
            continue
        answer = asked.answers.get(lane.number)
        if answer is not None and answer.t_ns <= now_ns:
            return None
        if "mode" in levels:
            return "on" if levels["mode"] == "validation" else "off"
        return ", ".join(f"{name} {level}" for name, level in levels.items())
    return None


def _other(session: Session, lane: Lane, since_ns: int, now_ns: int, rules: Rules) -> float | None:
    """A lane's mean the other way: same lanes, same levels but for accuracy, and a window as long as that of its own mean.

    A stretch that is shorter by up to a tenth still counts: blocks of a plan differ by what lanes take to acknowledge.
    """
    known = stretches(session, now_ns)
    window_ns = min(RECENT_NS, now_ns - since_ns)
    if not known or lane.number not in known[-1].setting.lanes or window_ns < rules.burn_in_ns:
        return None
    now = known[-1].setting
    on = is_on(now.levels(lane.number))
    for stretch in known[-2 : -2 - STRETCHES_BACK : -1]:
        change = difference(stretch.setting, now)
        if change is None or lane.number not in change.lanes or is_on(stretch.setting.levels(lane.number)) == on:
            continue
        end_ns = now_ns if stretch.end_ns is None else stretch.end_ns
        if 10 * (end_ns - stretch.begin_ns) >= 9 * window_ns:
            begin_ns = max(stretch.begin_ns, end_ns - window_ns)
            return lane.rows.mean_ns(rules.outcome, *lane.rows.span(begin_ns, end_ns))
    return None


def _accuracy(lane: Lane, arm: Arm | None, now_ns: int) -> AccuracyView | None:
    key, words = METRICS.get(lane.task, ("", ""))
    last: Value | None = next((value for value in reversed(lane.values) if value.t_ns <= now_ns), None)
    if last is None or arm is None or key not in last.values:
        return None
    share = pictures_left_out(lane)
    warned = share.warns or labels_left_out(lane).warns
    of = share.of if share.warns else last.of
    return AccuracyView(words, last.values[key], last.images, of, not is_on(arm.levels), warned)


def _steps(lane: Lane, *, failed: bool, now_ns: int) -> tuple[StepView, ...]:
    found = []
    for key, words in STEPS:
        step = lane.steps.get(key)
        if step is None or step.begun_ns > now_ns:
            found.append(StepView(words, "to come", ""))
        elif step.state == "done":
            text = str(step.of) if key == "warm_up" else f"{(step.t_ns - step.begun_ns) / 1e9:.1f} s"
            found.append(StepView(words, "done", text))
        elif failed:
            found.append(StepView(words, "failed", "failed"))
        else:
            elapsed = f"{max(0, now_ns - step.begun_ns) / 1e9:.1f} s"
            found.append(StepView(words, "now", f"{step.done} of {step.of}" if step.of > 1 else elapsed))
    ready = lane.ready is not None and lane.ready.t_ns <= now_ns
    first = min((step.begun_ns for step in lane.steps.values()), default=0)
    text = f"{(lane.ready.t_ns - first) / 1e9:.1f} s" if ready and lane.ready else ""
    return (*found, StepView("ready", "done" if ready else "to come", text))


class Column(NamedTuple):
    """One column of time of one lane: the mean under one arm, or a gap (None); arm is -1 in a gap."""

    mean_ns: float | None
    on: bool
    arm: int


def page_begin_ns(origin_ns: int, now_ns: int, step_ns: int, count: int) -> int:
    """Where the page begins: it is written full, then steps left by half."""
    column = max(0, now_ns - origin_ns) // step_ns
    half = count // 2
    return origin_ns + max(0, -(-(column + 1 - count) // half)) * half * step_ns


def columns(lane: Lane, begin_ns: int, step_ns: int, count: int, now_ns: int, outcome: str = "predict") -> list[Column]:
    """The columns of a page up to now. A column never mixes arms: it shows the one with most of its images.

    The newest column is left out while it has no image: that is not a gap yet.
    """
    rows = lane.rows
    arms = {arm.arm: is_on(arm.levels) for arm in lane.arms}
    known = bisect_right(rows.start_ns, now_ns)
    written = min(count, (now_ns - begin_ns) // step_ns + 1)
    found = []
    first = bisect_left(rows.start_ns, begin_ns, hi=known)
    for place in range(written):
        last = bisect_left(rows.start_ns, begin_ns + (place + 1) * step_ns, lo=first, hi=known)
        if last == first:
            found.append(Column(None, False, -1))
            continue
        begin, end = first, last
        edge = bisect_left(rows.arm, rows.arm[last - 1], lo=first, hi=last)
        if edge > first:
            begin, end = (edge, last) if last - edge >= edge - first else (first, edge)
        arm = rows.arm[end - 1]
        mean = rows.mean_ns(outcome, begin, end)
        found.append(Column(mean, arms.get(arm, False), arm))
        first = last
    if found and found[-1].mean_ns is None and written == (now_ns - begin_ns) // step_ns + 1:
        found.pop()
    return found


def scale_top(largest_ms: float) -> int:
    """The top of the scale: 4, 8, 20, 40, 80, 200 and so on, with room above the largest mean."""
    top, steps = 4, (2.0, 2.5, 2.0)
    place = 0
    while top < largest_ms * 1.1:
        top = round(top * steps[place % 3])
        place += 1
    return top
