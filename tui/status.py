"""The lines around lanes and table: status, what is still open, events, keys."""

from __future__ import annotations

from quintet.engine.view import View
from quintet.tui.notes import notes, stamp
from quintet.tui.part import Canvas, Row
from quintet.tui.scene import Scene
from quintet.tui.studied import Study
from quintet.tui.words import clock, size

SEPARATOR = (" · ", "faint")
NARROW = 100


def draw_status(scene: Scene, width: int) -> Canvas:
    """The first line: what runs, under what, for how long; at the right the clock and the journal's size."""
    canvas = Canvas(width, 1)
    seen = scene.view
    left: Row = [("FROZEN" if scene.frozen else "quintet", "bright"), ("  ", "text"), (_profile(scene), "text")]
    for device in seen.devices[:1]:
        left += [SEPARATOR, (device, "text")]
    for words, role in _state(scene, narrow=width < NARROW):
        left += [SEPARATOR, (words, role)]
    canvas.put_row(1, 0, left)
    room = width - 3 - sum(len(words) for words, _ in left) - len(clock(seen.age_ns)) - 6
    right = next((words for words in _costs(scene, narrow=width < NARROW) if len(words) <= room), "")
    canvas.put_right(width - 2, 0, right, "dim")
    canvas.put_right(width - 2 - len(right) - 3, 0, clock(seen.age_ns), "bright")
    if scene.frozen:
        canvas.cells[0] = [(letter, f"{role}+reverse") for letter, role in canvas.cells[0]]
    return canvas


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
    return str(scene.session.start.manifest["profile_name"]) if scene.session.start else "starting"


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
        found.append((seen.regime, "text"))
        found.append(_accuracy(scene, narrow=narrow))
    troubled = [lane for lane in seen.lanes if lane.state in ("failed", "stuck")]
    if troubled:
        words = "failed" if any(lane.state == "failed" for lane in troubled) else "stuck"
        found.append((f"{len(troubled)} of {len(seen.lanes)} lanes {words}", "alert bold"))
    return found


def _plan_words(study: Study) -> str:
    """`study`; `A/B score: inline, off · round 12`."""
    far, told = study.progress, study.run.told
    if far.kind != "ab":
        return far.kind
    at = "measuring rates" if far.state == "calibrating" else f"round {min(far.round + 1, far.rounds)} of {far.rounds}"
    at = "paused" if far.state == "paused" else at
    return f"A/B {told['switch']}: {', '.join(map(str, told['levels']))} · {at}"


def _accuracy(scene: Scene, *, narrow: bool) -> tuple[str, str]:
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
        canvas.put(3 + len(when), y, note.text[: width - len(when) - 4], note.role)
    return canvas


PLAN_KEYS = (
    ("1-{lanes}", "lane"), ("tab", "table"), ("o", "outcome"), ("space", "{freeze}"), ("d", "detach"), ("x", "stop plan"),
    ("?", "help"), ("q", "quit"), ("m", "mark"), ("e", "log"),
)  # fmt: skip
KEYS = (
    ("1-{lanes}", "lane"), ("0", "all"), ("a", "accuracy"), ("t", "{regime}"), ("b", "A/B"), ("s", "switches"),
    ("space", "{freeze}"), ("?", "help"), ("q", "quit"), ("o", "outcome"), ("tab", "table"), ("m", "mark"), ("d", "detach"),
    ("r", "restart"), ("e", "log"),
)  # fmt: skip
"""In order of use: what does not fit is left out from the end."""


def draw_keys(scene: Scene, width: int) -> Canvas:
    """The key line, always last."""
    canvas = Canvas(width, 1)
    filled = {
        "lanes": max(1, min(9, len(scene.session.lanes))),
        "regime": "together" if scene.view.regime == "alone" else "alone",
        "freeze": "go on" if scene.frozen else "freeze",
    }
    row: Row = []
    planned = scene.study is not None and scene.study.progress.state != "over"
    for key, words in PLAN_KEYS if planned else KEYS:
        shown = [(key.format(**filled), "bright"), (f" {words.format(**filled)}  ", "dim")]
        if sum(len(text) for text, _ in [*row, *shown]) >= width:
            break
        row += shown
    canvas.put_row(1, 0, row)
    return canvas
