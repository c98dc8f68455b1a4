"""How far a plan is at a moment: round, block, cell, time left. Pure; from what the journal tells and nothing else."""

from __future__ import annotations

from typing import NamedTuple

from quintet.engine.analysis.blocks import Run, cells_in_round, runs
from quintet.engine.protocol.plan_messages import BlockCell, PlanDescription
from quintet.engine.session.session import Block, Session


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
    cell: BlockCell | None
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
    plan = run.plan
    its = [session.blocks[place] for place in run.blocks]
    ours = [block for block in its if block.start.round >= 0]
    cut = not plan.over and session.end is not None and session.end.t_ns <= now_ns
    current = ours[-1] if ours and not cut and not _ended(ours[-1], now_ns) else None
    number = ours[-1].start.round if ours else 0
    state = "over" if cut else plan.state
    finished = sum(1 for block in ours if block.start.round == number and _ended(block, now_ns) and block.counts)
    blocks = _visits(plan, number)
    rounds = run.planned if plan.rounds else 0
    over = state == "over"
    whole = current is None and (finished >= blocks or run.reached)
    start, cell = (current.start, current.cell) if current else (None, None)
    measured = _measured_ns(plan, cell)
    return Progress(
        plan.kind, "over" if over else "calibrating" if state == "calibrating" else _state(session, run, now_ns),
        "session" if cut else plan.reason, number + whole, rounds, finished + 1 if current else 0,
        0 if whole else finished, blocks, cell,
        min(measured, max(0, now_ns - start.started_ns - start.burn_in_ns)) if start else 0, measured,
        0 if over else _left_ns(plan, ours, rounds, now_ns),
        plan.buys,
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


def _visits(plan: PlanDescription, number: int) -> int:
    """How many blocks a round has, its placebo with them."""
    return cells_in_round(plan) + (number % plan.placebo_every == 0)


def _measured_ns(plan: PlanDescription, cell: BlockCell | None) -> int:
    if cell is None:
        return 0
    lanes = set(cell.lanes)
    fits = [one for one in plan.regimes if lanes <= set(one.lanes) and (len(lanes) > 1) == (len(one.lanes) > 1)]
    span_ns = fits[0].span_ns if fits else None
    return span_ns[1] if span_ns else 0


def _left_ns(plan: PlanDescription, ours: list[Block], rounds: int, now_ns: int) -> int:
    """About how long until the planned end: whole rounds at the plan's own length, what is done of this one left out."""
    whole = plan.round_ns
    if not rounds:
        return int((plan.minutes or 0) * 60e9)
    number = ours[-1].start.round if ours else 0
    began = next((block.start.requested_ns for block in ours if block.start.round == number), now_ns)
    return max(0, (rounds - number) * whole - min(now_ns - began, whole))
