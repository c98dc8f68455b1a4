"""The lines around lanes and table: status, what is still open, events, keys."""

from __future__ import annotations

from quintet.engine.analysis import other_programs
from quintet.engine.session.snapshot import RECENT_NS, View
from quintet.engine.visible_text import visible
from quintet.tui.canvas.canvas import Canvas, Row
from quintet.tui.canvas.text import cells_of, clock, shortened, size
from quintet.tui.scene.event_log import notes, stamp
from quintet.tui.scene.plan_results import Study
from quintet.tui.scene.scene import Looking, Scene
from quintet.tui.theme.keymap import labelled

SEPARATOR = (" · ", "faint")
NARROW = 100
MOST_BY_NUMBER = 9


def draw_status(scene: Scene, width: int) -> Canvas:
    """The first line: what runs, under what, for how long; at the right the clock and the journal's size.

    In a look back it is reversed, begins with the word, and says which moment the numbers are of.
    """
    canvas = Canvas(width, 1)
    seen, narrow = scene.view, width < NARROW
    if scene.looking is not None:
        left, told = _looking_back(scene, scene.looking, width, narrow=narrow)
        canvas.put_row(1, 0, left)
        _put_right_of(canvas, left, told, "")
        canvas.cells[0] = [(letter, f"{role}+reverse") for letter, role in canvas.cells[0]]
        return canvas
    when = clock(seen.age_ns)
    left = _what_runs(scene, width - len(when) - 5, narrow=narrow)
    canvas.put_row(1, 0, left)
    _put_right_of(canvas, left, _costs(scene, narrow=narrow), when)
    return canvas


def _what_runs(scene: Scene, room: int, *, narrow: bool) -> Row:
    """Profile, device, what runs and since when. Where room is short, the program's name gives way, then the device, then
    the profile; what failed is never left out."""
    states = [part for words, role in _state(scene, narrow=narrow) for part in (SEPARATOR, (words, role))]
    profile = (_profile(scene), "text")
    device: Row = [part for name in scene.view.devices[:1] for part in (SEPARATOR, (name, "text"))]
    named: Row = [("quintet", "bright"), ("  ", "text"), profile]
    forms: list[Row] = [[*named, *device, *states], [profile, *device, *states], [profile, *states], states[1:]]
    found = next((row for row in forms if _length(row) <= room), None)
    if found is None:
        spare = max(0, room - _length(states[2:]))
        found = [(shortened(states[1][0], spare), states[1][1]), *states[2:]]
    return found


def _length(row: Row) -> int:
    return sum(cells_of(words) for words, _ in row)


def _put_right_of(canvas: Canvas, left: Row, told: list[str], when: str) -> None:
    """The longest form that fits beside what stands at the left, and the clock before it."""
    room = canvas.width - 3 - _length(left) - len(when) - (6 if when else 2)
    right = next((words for words in told if len(words) <= room), "")
    canvas.put_right(canvas.width - 2, 0, right, "dim")
    canvas.put_right(canvas.width - 2 - (len(right) + 3 if right else 0), 0, when, "bright")


def _looking_back(scene: Scene, looking: Looking, width: int, *, narrow: bool) -> tuple[Row, list[str]]:
    """What stands at the left, and the forms of what stands at the right, the longest first; the log's name gives way."""
    seen, origin = scene.view, scene.session.origin_ns
    if looking.replay:
        ended = looking.edge_ns <= scene.now_ns
        pace = f"×{looking.speed:g} ▸" if looking.playing else "at its end" if ended else f"×{looking.speed:g} paused"
        of = f"{clock(seen.age_ns)} of {clock(looking.edge_ns - origin)}"
        state = "loading" if seen.loading else regime_words(seen, narrow=narrow) or "nothing runs"
        level = "" if narrow or seen.loading else f"{accuracy_words(scene, narrow=False)[0]}   "
        name = shortened(looking.replay, max(1, width - len(f"REPLAY   · {pace}  {of}") - 4))
        return [("REPLAY", "bright"), (f"  {name} · {pace}", "text")], [
            f"{of}   {level}{state}", f"{of}   {state}", of,
        ]  # fmt: skip
    behind = clock(looking.live_ns - scene.now_ns)
    going = "ended" if scene.session.end is not None else "still recording"
    left: Row = [("FROZEN", "bright"), (f"  at {clock(seen.age_ns)} · {behind} behind · {going}", "text")]
    live = f"live {clock(looking.live_ns - origin)}"
    costs = [words for words in _costs(scene, narrow=narrow) if not narrow]
    return left, [*(f"{live}   {words}" for words in costs), live]


def _costs(scene: Scene, *, narrow: bool) -> list[str]:
    """The journal's size, and what quintet itself takes: CPU of screen and supervisor, bytes to this terminal.

    The longest form first; what stands at the left has the right of way.
    """
    own, recorded = scene.own, f"rec {size(scene.journal_bytes)}"
    if own is None:
        return [recorded, size(scene.journal_bytes)]
    spent = f"{own.cpu_pct:.1f} %  {own.bytes_per_s / 1e3:.1f} KB/s"
    return [spent] if narrow else [f"{recorded}   monitor {spent}", f"monitor {spent}", spent]


def _profile(scene: Scene) -> str:
    return visible(str(scene.session.start.manifest.get("profile_name") or "?")) if scene.session.start else "starting"


def _state(scene: Scene, *, narrow: bool) -> Row:
    seen = scene.view
    found: Row = []
    if seen.ended is not None:
        found.append(("ended", "bright"))
    elif scene.orphaned:
        found.append(("✖ supervisor is gone", "alert bold"))
    elif seen.loading:
        found.append(("loading", "text"))
    elif scene.study is not None and scene.study.progress.state != "over":
        found.append((_plan_words(scene.study), "text"))
    else:
        found.append((regime_words(seen, narrow=narrow), "text"))
        found.append(accuracy_words(scene, narrow=narrow))
    troubled = [lane for lane in seen.lanes if lane.state in ("failed", "stuck")]
    if troubled:
        words = "failed" if any(lane.state == "failed" for lane in troubled) else "stuck"
        found.append((f"{len(troubled)} of {len(seen.lanes)} lanes {words}", "alert bold"))
    if other_programs.notable(used := others_cores(scene)):
        words = "others" if narrow else "other programs"
        found.append((f"{other_programs.MARK} {words} {used:.1f} cores", "alert"))
    return found


def regime_words(seen: View, *, narrow: bool) -> str:
    """The regime; where it names its lanes, since another has failed, how many they are."""
    short, named, _ = seen.regime.partition(" (")
    if not named:
        return seen.regime
    number = len(seen.regime_lanes)
    return f"{number} {short}" if narrow else f"{short}, {number} of {len(seen.lanes)} lanes"


def others_cores(scene: Scene) -> float | None:
    """The cores that other programs use: in the last ten seconds, or in a block of the table that is shown if more."""
    recent = other_programs.cores(scene.session, scene.now_ns - RECENT_NS, scene.now_ns)
    blocks = scene.study.found.others if scene.study is not None and scene.page != "flips" else {}
    known = [recent, *(used for its in blocks.values() for used in its.values())]
    return max((used for used in known if used is not None), default=None)


def _plan_words(study: Study) -> str:
    """`study`; `A/B score: inline, off · round 12`."""
    far, plan = study.progress, study.run.plan
    if far.kind != "ab":
        return far.kind
    at = "measuring rates" if far.state == "calibrating" else f"round {min(far.round + 1, far.rounds)} of {far.rounds}"
    at = "paused" if far.state == "paused" else at
    return f"A/B {plan.switch}: {', '.join(map(str, plan.levels))} · {at}"


def accuracy_words(scene: Scene, *, narrow: bool) -> tuple[str, str]:
    """`accuracy ● on for 0:20`, and its role."""
    seen: View = scene.view
    levels = {lane.on for lane in seen.lanes if lane.number in seen.regime_lanes}
    if len(levels) != 1:
        on = sum(1 for lane in seen.lanes if lane.number in seen.regime_lanes and lane.on)
        return f"{'' if narrow else 'accuracy '}on in {on} of {len(seen.regime_lanes)}", "text"
    level = levels.pop()
    words = "● on" if level else "○ off"
    since = clock(seen.since_ns)
    return f"{'' if narrow else 'accuracy '}{words} for {since}", "on" if level else "off"


def draw_events(scene: Scene, width: int, height: int) -> Canvas:
    """The newest notes."""
    canvas = Canvas(width, height)
    for y, note in enumerate(notes(scene.session, scene.now_ns)[:height]):
        when = stamp(scene.session, note)
        canvas.put(1, y, when, "dim")
        canvas.put(3 + len(when), y, shortened(note.text, width - len(when) - 4), note.role)
    return canvas


PLAN_KEYS = (
    ("1-{lanes}", "lane"), ("tab", "table"), ("o", "outcome"), ("space", "freeze"), ("←→", "back"), ("d", "detach"),
    ("x", "stop plan"), ("q", "quit"), ("m", "mark"), ("e", "log"),
)  # fmt: skip
KEYS = (
    ("1-{lanes}", "lane"), ("0", "all"), ("a", "accuracy"), ("t", "{regime}"), ("b", "A/B"), ("s", "switches"),
    ("space", "freeze"), ("←→", "back"), ("q", "quit"), ("o", "outcome"), ("tab", "table"), ("v", "view"), ("m", "mark"),
    ("d", "detach"), ("r", "restart"), ("e", "log"),
)  # fmt: skip
ENDED_KEYS = (
    ("1-{lanes}", "lane"), ("0", "all"), ("space", "freeze"), ("←→", "back"), ("q", "leave"), ("o", "outcome"),
    ("tab", "table"), ("v", "view"), ("e", "log"),
)  # fmt: skip
FROZEN_KEYS = (
    ("space", "back to live"), ("←→", "step"), ("[ ]", "mark, flip"), ("PgUp PgDn", "page"), ("+ −", "s/column"),
    ("1-{lanes}", "lane"), ("m", "mark"), ("v", "view"),
)  # fmt: skip
REPLAY_KEYS = (
    ("space", "{play}"), ("←→", "step"), ("[ ]", "mark, flip"), ("+ −", "speed"), ("q", "quit"),
    ("PgUp PgDn", "page"), ("1-{lanes}", "lane"), ("tab", "table"), ("v", "view"), ("y", "scale"),
)  # fmt: skip
"""In order of use: what does not fit is left out from the end."""


def draw_keys(scene: Scene, width: int, *, pages: str = "") -> Canvas:
    """The key line, always last. pages: what tab turns to, where it turns."""
    canvas = Canvas(width, 1)
    filled = {
        "lanes": max(1, min(9, len(scene.session.lanes))),
        "regime": "together" if scene.view.regime == "alone" else "alone",
        "play": "pause" if scene.looking is not None and scene.looking.playing else "play",
    }
    keys = _keys(scene)
    if pages:
        keys = (keys[0], ("tab", pages), *keys[1:])
    elif len(scene.tables) == 1:
        keys = tuple(one for one in keys if one[0] != "tab")
    row: Row = []
    last = _key("?", "help")
    room = width - 1 - sum(len(text) for text, _ in last)
    for key, words in keys:
        shown = _key(key.format(**filled), words.format(**filled))
        if sum(len(text) for text, _ in [*row, *shown]) > room:
            break
        row += shown
    row += last  # help is never left out
    canvas.put_row(1, 0, row)
    return canvas


def _keys(scene: Scene) -> tuple[tuple[str, str], ...]:
    """The keys of the moment. A failed lane brings its two forward; one lane has none to choose and no company."""
    if scene.looking is not None:
        return REPLAY_KEYS if scene.looking.replay else FROZEN_KEYS
    if scene.view.ended is not None or scene.orphaned:
        return ENDED_KEYS
    if scene.study is not None and scene.study.progress.state != "over":
        return PLAN_KEYS
    keys: tuple[tuple[str, str], ...] = KEYS
    if len(scene.session.lanes) > MOST_BY_NUMBER:
        keys = (("↑↓", "lane"), *KEYS[1:])
    if any(lane.state == "failed" for lane in scene.view.lanes):
        keys = (keys[0], ("r", "restart"), ("e", "log"), *(one for one in keys[1:] if one[0] not in "re"))
    return keys if len(scene.session.lanes) > 1 else tuple(one for one in keys if one[0] not in ("1-{lanes}", "0", "t"))


def _key(key: str, words: str) -> Row:
    return [(labelled(key), "bright"), (f" {words}  ", "dim")]
