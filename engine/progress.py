"""How far a plan is at a moment: round, block, cell, time left. Pure; from what the journal tells and nothing else."""

from __future__ import annotations

from typing import Any, NamedTuple

from quintet.engine.blocks import Run, cells_in_round, runs
from quintet.engine.session import Block, Session


class Progress(NamedTuple):
    """A plan at a moment. state: `calibrating`, `running`, `paused`, or `over`."""

    kind: str
    state: str
    reason: str
    """Why it is over: `planned`, `stopped`, `lanes`, or `session` where the session ended first."""
    round: int
    """Rounds that are done."""
    rounds: int
    block: int
    """The block under way in its round, from 1; 0 between blocks."""
    finished: int
    """Blocks of the round under way that are done; one that was broken off is not."""
    blocks: int
    cell: dict[str, Any] | None
    elapsed_ns: int
    """Of the block's measured part."""
    measured_ns: int
    left_ns: int
    buys: str


def progress(session: Session, now_ns: int) -> Progress | None:
    """The last plan begun by now_ns, or None."""
    found = runs(session, now_ns)
    if not found:
        return None
    run = found[-1]
    told = run.told
    its = [session.blocks[place] for place in run.blocks]
    ours = [block for block in its if block.start.round >= 0]
    cut = told.get("state") != "over" and session.end is not None and session.end.t_ns <= now_ns
    current = ours[-1] if ours and not cut and not _ended(ours[-1], now_ns) else None
    number = ours[-1].start.round if ours else 0
    state = "over" if cut else str(told.get("state", "fixed"))
    finished = sum(1 for block in ours if block.start.round == number and _ended(block, now_ns) and block.counts)
    blocks = _visits(told, number)
    rounds = run.planned if told.get("rounds") else 0
    over = state == "over"
    whole = current is None and (finished >= blocks or told.get("reason") == "planned")
    start = current.start if current else None
    measured = _measured_ns(told, start.cell if start else None)
    return Progress(
        str(told["kind"]), "over" if over else "calibrating" if state == "calibrating" else _state(session, run, now_ns),
        "session" if cut else str(told.get("reason", "")), number + whole, rounds, finished + 1 if current else 0,
        0 if whole else finished, blocks, start.cell if start else None,
        min(measured, max(0, now_ns - start.started_ns - start.burn_in_ns)) if start else 0, measured,
        0 if over else _left_ns(told, ours, rounds, now_ns),
        str(told.get("buys", "")),
    )  # fmt: skip


def _ended(block: Block, now_ns: int) -> bool:
    return block.end is not None and block.end.t_ns <= now_ns


def _state(session: Session, run: Run, now_ns: int) -> str:
    pauses = [
        asked.command.what["pause"]
        for asked in session.asked.values()
        if "pause" in asked.command.what and run.begun_ns <= asked.command.t_ns <= now_ns
    ]
    return "paused" if pauses and pauses[-1] else "running"


def _visits(told: dict[str, Any], number: int) -> int:
    """How many blocks a round has, its placebo with them."""
    return cells_in_round(told) + (number % int(told["placebo_every"]) == 0)


def _measured_ns(told: dict[str, Any], cell: dict[str, Any] | None) -> int:
    if cell is None:
        return 0
    lanes = set(cell["lanes"])
    fits = [
        one for one in told["regimes"] if lanes <= set(one["lanes"]) and (len(lanes) > 1) == (len(one["lanes"]) > 1)
    ]
    return int(fits[0].get("measured_ns", 0)) if fits else 0


def _left_ns(told: dict[str, Any], ours: list[Block], rounds: int, now_ns: int) -> int:
    """About how long until the planned end: whole rounds at the plan's own length, what is done of this one left out."""
    whole = int(told["round_ns"])
    if not rounds:
        return int(float(told.get("minutes") or 0) * 60e9)
    number = ours[-1].start.round if ours else 0
    began = next((block.start.requested_ns for block in ours if block.start.round == number), now_ns)
    return max(0, (rounds - number) * whole - min(now_ns - began, whole))
