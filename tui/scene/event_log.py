"""What happened, in words, newest first: told from the journal's events and nothing else."""

from __future__ import annotations

from typing import NamedTuple

from quintet.engine.analysis.formatting import count
from quintet.engine.plan.simulated_machine import ASSUMED
from quintet.engine.session.data_notes import warnings
from quintet.engine.session.session import Asked, Session
from quintet.tui.canvas.text import clock


class Note(NamedTuple):
    """One thing that happened, at a time of the session."""

    t_ns: int
    text: str
    role: str


def notes(session: Session, now_ns: int) -> list[Note]:
    """Everything worth telling up to now, newest first."""
    found = [note for asked in session.asked.values() if (note := _asked(session, asked, now_ns)) is not None]
    found += _neighbours(session)
    found += _refused_clients(session)
    if session.simulated:
        found.append(Note(session.origin_ns, ASSUMED, "alert"))
    if session.begun_ns is not None:
        ready = sum(1 for lane in session.lanes if lane.gates)
        found.append(
            Note(session.begun_ns, f"{count(ready)} lanes started together" if ready > 1 else "one lane started", "dim")
        )
    found += _plans(session)
    for lane in session.lanes:
        own = f"{lane.name}: "
        found += [Note(fault.t_ns, own + fault.text.removeprefix(own), "alert") for fault in lane.faults]
        if lane.ready is not None:
            found += [Note(lane.ready.t_ns, own + text, "alert") for text in warnings(lane)]
        if lane.kept_short is not None:
            text = (
                f"{lane.name} keeps {lane.kept_short.results} results: keep_bytes is less than one pass over its data"
            )
            found.append(Note(lane.kept_short.t_ns, text, "alert"))
        found += [
            Note(gap.end_ns, f"{lane.name}: no image for {(gap.end_ns - gap.begin_ns) / 1e9:.1f} s", "dim")
            for gap in lane.gaps
        ]
    found += [Note(fault.t_ns, fault.text, "alert") for fault in session.faults]
    found += [Note(mark.t_ns, f"note: {mark.text}", "text") for mark in session.marks]
    if session.end is not None:
        found.append(
            Note(session.end.t_ns, f"the session ended: {ENDS.get(session.end.reason, session.end.reason)}", "text")
        )
    return sorted((note for note in found if note.t_ns <= now_ns), key=lambda note: -note.t_ns)


ENDS = {
    "asked": "it was asked to", "plan": "its plan is done", "time": "its time was over", "linger": "no screen came back",
    "signal": "a signal told it to", "size": "its journal is as long as it may be", "fault": "nothing was left to run",
}  # fmt: skip


def lanes_in_words(session: Session, lanes: list[int]) -> str:
    """`all lanes`, `detect`, `cls and obb`."""
    if len(lanes) == len(session.lanes) and len(lanes) > 1:
        return "all lanes"
    names = [session.lanes[number].name for number in lanes]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _neighbours(session: Session) -> list[Note]:
    """Other quintet sessions, each from when it was first seen."""
    found: list[Note] = []
    known: set[str] = set()
    at_start = session.start.manifest.get("other_sessions") if session.start else None
    told = [(session.origin_ns, at_start), *((one.t_ns, one.values.get("other_sessions")) for one in session.telemetry)]
    for t_ns, names in told:
        for name in names or ():
            if name not in known:
                known.add(name)
                text = f"another quintet session ({name}) is running: each slows the other and changes its numbers"
                found.append(Note(t_ns, text, "alert"))
    return found


def _refused_clients(session: Session) -> list[Note]:
    """Clients of the control socket that were refused or cut off; each time that their count had grown."""
    found: list[Note] = []
    known = 0
    for event in session.telemetry:
        count_now, last = event.values.get("refused_clients"), event.values.get("refused_last")
        if isinstance(count_now, int) and count_now > known:
            known = count_now
            found.append(Note(event.t_ns, f"a client was refused ({count_now} so far), {last}", "alert"))
    return found


def _asked(session: Session, asked: Asked, now_ns: int) -> Note | None:
    command = asked.command
    answers = {lane: answer for lane, answer in asked.answers.items() if answer.t_ns <= now_ns}
    if command.who == "plan" or not command.lanes:
        return None  # a plan's own commands are its progress
    if "set" in command.what:
        told = f"{levels_in_words(command.what['set'])} in {lanes_in_words(session, command.lanes)}"
    elif "gate" in command.what and command.who != "start" and command.what["gate"]:
        joins = command.who == "supervisor"  # a restarted lane is let in beside those that run
        told = f"{lanes_in_words(session, command.lanes)} runs again" if joins else _regime(session, command.lanes)
    else:
        return None
    refused = [answer for answer in answers.values() if answer.outcome == "refused"]
    if refused:
        return Note(command.t_ns, f"refused: {refused[0].text}", "alert")
    if len(answers) < len(command.lanes):
        return Note(command.t_ns, f"asked: {told}", "dim")
    if command.who == "supervisor":
        return Note(command.t_ns, told, "text")
    last = max(answer.t_ns for answer in answers.values())
    return Note(command.t_ns, f"{told}, within {max(1, round((last - command.t_ns) / 1e6))} ms", "text")


def levels_in_words(levels: dict[str, object]) -> str:
    """`accuracy off`, `keep results`."""
    if levels.get("mode") in ("validation", "withoutval"):
        return f"accuracy {'on' if levels['mode'] == 'validation' else 'off'}"
    return ", ".join(f"{name} {level}" for name, level in levels.items())


def _regime(session: Session, lanes: list[int]) -> str:
    others = sum(1 for lane in session.lanes if lane.failed_ns is None) - len(lanes)
    if len(lanes) == 1 and others:
        waits = "one waits" if others == 1 else f"{count(others)} wait"
        return f"{session.lanes[lanes[0]].name} alone; the other {waits} at the gate"
    return f"{lanes_in_words(session, lanes)} together"


def _plans(session: Session) -> list[Note]:
    """A plan's beginning and end, and the blocks that do not count."""
    found = []
    for t_ns, plan in session.plans:
        name = {"ab": "A/B"}.get(plan.kind, plan.kind)
        if plan.over:
            words = {
                "planned": "ran to its planned end",
                "stopped": "was stopped",
                "lanes": "has no lane left to measure",
            }
            found.append(Note(t_ns, f"{name} {words.get(plan.reason, 'is over')}", "text"))
        elif plan.state == "fixed":
            found.append(Note(t_ns, f"{name} begins: {plan.buys}", "text"))
    found += [
        Note(block.end.t_ns, f"block {block.start.block} does not count: {block.end.void}", "alert")
        for block in session.blocks
        if block.end is not None and block.end.void not in ("", "calibration", "paused", "stopped")
    ]
    return found


def stamp(session: Session, note: Note) -> str:
    """The note's time of the session."""
    return clock(note.t_ns - session.origin_ns)
