"""What a report leaves out and why, and every lane's last accuracy with what it is over. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from quintet.engine.analysis.blocks import counted
from quintet.engine.analysis.formatting import listed, times
from quintet.engine.report.conditions import TIED, Fact
from quintet.engine.report.findings import MOST_HAND, Findings, Planned
from quintet.engine.session import data_notes
from quintet.engine.storage.open_log import losses


def excluded(found: Findings, bad: Sequence[tuple[int, int]], unverified_bytes: int) -> list[str]:
    """What was left out and why, a sentence each; faults first."""
    session = found.session
    faults = [*session.faults, *(fault for lane in session.lanes for fault in lane.faults)]
    lines = [f"fault ({fault.kind}): {fault.text}" for fault in faults]
    for lane in session.lanes:
        lines += [f"{lane.name}: {text}" for text in data_notes.warnings(lane)]
        lines += [f"{lane.name}, {note.data or 'settings'}: {note}" for note in data_notes.notes(lane)]
    for plan in found.plans:
        lines += _left_out_of(found, plan)
    warm = sum(lane.rows.warm_up for lane in session.lanes)
    if warm:
        lines.append(times(warm, "warm-up image"))
    lines += [
        f"{lane.name}: {max(lane.lost, lane.holes)} images were lost on the way"
        for lane in session.lanes
        if lane.lost or lane.holes
    ]
    lines += [f"{name} is queue time on this device: only with stages=on is it told" for name in found.untimed]
    if found.hand_left:
        lines.append(f"{times(found.hand_left, 'earlier comparison')} of flips by hand; the last {MOST_HAND} are here")
    lines += losses(session, list(bad))
    if unverified_bytes:
        lines.append(f"the last {unverified_bytes} bytes have no check yet; they were used")
    return lines


def _left_out_of(found: Findings, plan: Planned) -> list[str]:
    session, run = found.session, plan.run
    its = [session.blocks[place] for place in run.blocks]
    used = {visit.place for visit in counted(session, run)}
    why: Counter[str] = Counter()
    for place, block in zip(run.blocks, its, strict=True):
        if place not in used:
            why[_void(block.end.void if block.end else None)] += 1
    lines = [f"{plan.kind}: {number} of {len(its)} blocks: {reason}" for reason, number in why.items()]
    lines += _other_company(found, plan)
    missing = [found.names[lane] for lane in run.lanes if not _has(plan, lane)]
    if missing:
        are = "has" if len(missing) == 1 else "have"
        lines.append(f"{plan.kind}: {listed(missing)} {are} no block that counts")
    return lines


def _other_company(found: Findings, plan: Planned) -> list[str]:
    """Rounds that the tables of changes leave out, since other lanes ran together in them."""
    companies = {plan.company(name, found.outcome) for name in plan.tables.get(found.outcome, {})} - {()}
    rounds: dict[tuple[int, ...], set[int]] = {}
    for visit in counted(found.session, plan.run):
        if companies and len(visit.key[2]) > 1 and visit.key[2] not in companies:
            rounds.setdefault(visit.key[2], set()).add(visit.round)
    return [
        f"{plan.kind}: {times(len(its), 'round')} with {listed([found.names[lane] for lane in lanes])} together: in the means, "
        f"not in the changes"
        for lanes, its in rounds.items()
    ]


def _void(reason: str | None) -> str:
    """Why a block does not count."""
    if reason is None:
        return "not ended"
    return {"calibration": "calibration, before round 1", "": "a lane's setting changed within it"}.get(reason, reason)


def _has(plan: Planned, lane: int) -> bool:
    return plan.kind == "matrix" or any(cell.lane == lane for its in plan.cells.values() for cell in its)


def accuracy(found: Findings) -> list[Fact]:
    """Every lane's last accuracy with its coverage."""
    facts = []
    for lane in found.session.lanes:
        if lane.values:
            last = lane.values[-1]
            words = [f"{name}{TIED}{100 * value:.1f}{TIED}%" for name, value in last.values.items()]
            warned = "".join(f" — warning: {text}" for text in data_notes.warnings(lane, ("validation",)))
            facts.append(Fact(lane.name, ", ".join([*words, f"over {last.images} of {last.of} images"]) + warned))
    return facts
