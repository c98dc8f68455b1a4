"""The finding in two sentences that may be quoted: what is known, how sure it is, and nothing else. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from quintet.engine.analysis import other_programs, paced
from quintet.engine.analysis.blocks import RATE, whole_rounds
from quintet.engine.analysis.contrasts import Table
from quintet.engine.analysis.flip_table import ACCURACY
from quintet.engine.analysis.formatting import count, decimals, interval, listed, signed, times
from quintet.engine.analysis.interference import Effect
from quintet.engine.analysis.statistics import LIVE_FROM, MEANS_ONLY
from quintet.engine.analysis.verdicts import (
    DRIFTING,
    LESS,
    MORE,
    NOT_YET,
    PLACEBO,
    SAME,
    SLOWER,
    UNSETTLED,
    VERDICTS,
    Contrast,
)
from quintet.engine.report.findings import Findings, FreeCell, Hand, Planned

OUTCOME_WORDS = {
    "infer": "inference time per image", "predict": "time of predict per image",
    "scored": "time of predict and scoring per image", "request": "time of load and predict per image",
    "cycle": "time from image to image", RATE: "images per second",
}  # fmt: skip

KINDS = {"study": "study", "ab": "A/B", "matrix": "matrix", "observe": "observation of the monitor"}


def finding(found: Findings) -> tuple[str, str]:
    """Two sentences."""
    first, second = _finding(found)
    return (f"Simulated: {first[0].lower()}{first[1:]}" if is_simulated(found) else first), second


def is_simulated(found: Findings) -> bool:
    """Whether the machine is the simulated one."""
    return found.session.simulated


def _finding(found: Findings) -> tuple[str, str]:
    plan = found.last
    if plan is not None:
        return _of_plan(found, plan)
    if found.hand:
        return _of_hand(found, found.hand[-1])
    return _of_nothing(found)


# -- a plan -------------------------------------------------------------------------------------------------------------


def _of_plan(found: Findings, plan: Planned) -> tuple[str, str]:
    main = main_tables(plan, found.outcome)
    if plan.kind == "matrix":
        return _of_matrix(found, plan)
    if not main:
        return f"The {KINDS[plan.kind]} has no round with all cells of a table, so nothing is compared.", _why_over(
            plan
        )
    if plan.lamps[found.outcome].state == "on":
        return _unsteady(found, plan)
    its = [table for name in main if (table := plan.table(name, found.outcome))]
    if all(one.interval is None for table in its for one in table.lanes.values()):
        return _too_few(found, plan)
    first = f"{_when(found, plan, main[0])}, {clause(its[0].lanes, found.names, found.outcome, found.rules.margin_pct)}"
    for name, table in zip(main[1:], its[1:], strict=True):
        told = clause(table.lanes, found.names, found.outcome, found.rules.margin_pct)
        first += f"; {regime_of(name)}, {told}"
    sure = f"{OUTCOME_WORDS[found.outcome]}; {_how_sure(plan, its)}{_beside_it(found, its)}"
    return _with(first, sure), _beside(found, plan, main[0])


def _beside_it(found: Findings, tables: Sequence[Table]) -> str:
    """What else used the machine in the blocks of these tables, where it is worth a word."""
    used = [
        cores for table in tables for cores in other_programs.of_table(found.session, table, None, found.rules).values()
    ]
    return _disturbed(found, max(used, default=None))


def _disturbed(found: Findings, cores: float | None) -> str:
    told = (
        f"; {other_programs.words(found.session, cores)}" if cores is not None and other_programs.notable(cores) else ""
    )
    names = other_programs.sessions(found.session)
    if names:
        told += f"; {listed(names)} ran at the same time"
    return told


def _with(told: str, sure: str) -> str:
    """A sentence that ends with what it is of and how sure it is, in the brackets that it ends with or in its own."""
    return f"{told[:-1]}; {sure})." if told.endswith(")") else f"{told} ({sure})."


def main_tables(plan: Planned, outcome: str) -> list[str]:
    """The table that the finding is of, and accuracy off alone beside accuracy off together."""
    there = plan.tables.get(outcome, {})
    both: list[str] = [name for name in ("accuracy_off.together", "accuracy_off.alone") if name in there]
    if both or plan.kind != "study":
        return both or list(there)[:1]
    wanted = (
        "together_vs_alone.validation", "together_vs_alone.inference", "together_vs_alone.withoutval",
        "change_vs_inference.validation_alone", *there,
    )  # fmt: skip
    return [name for name in wanted if name in there][:1]


def regime_of(name: str) -> str:
    """The last part of a table's name."""
    return name.rpartition(".")[2]


def _when(found: Findings, plan: Planned, name: str) -> str:
    head, _, last = name.partition(".")
    if head == "together_vs_alone":
        return f"Together instead of alone, in {last}"
    if head == "change_vs_inference":
        mode, _, regime = last.partition("_")
        return f"In {mode} {regime} instead of inference alone"
    if head == "interaction":
        return "With accuracy computation off together instead of alone"
    table = plan.table(name, found.outcome)
    among = table.among if table else ()
    where = "each lane alone" if len(plan.run.lanes) > 1 else f"{_named(found, plan.run.lanes)} alone"
    if among:
        where = (
            f"all {count(len(among))} together"
            if len(among) == len(found.names)
            else f"{_named(found, among)} together"
        )
    if head == "accuracy_off":
        return f"With accuracy computation off and {where}"
    a, b = plan.run.plan.pair
    return f"With {plan.run.plan.switch} {b} instead of {a} and {where}"


def _named(found: Findings, lanes: Sequence[int]) -> str:
    return listed([found.names[lane] for lane in lanes])


def _how_sure(plan: Planned, its: Sequence[object]) -> str:
    contrasts = [
        one for table in plan.tables.values() for its_ in table.values() if its_ in its for one in its_.lanes.values()
    ]
    kinds = {one.interval for one in contrasts if one.interval}
    rounds = max((one.rounds for one in contrasts), default=0)
    of = "" if plan.run.reached else f" of {plan.run.planned}"
    ended = "" if plan.run.reached else f", the plan {_state(plan)}"
    return f"95 % {' and '.join(sorted(kinds))} intervals, {rounds}{of} rounds{ended}"


def _state(plan: Planned) -> str:
    its = plan.run.plan
    ends = {"stopped": "was stopped early", "lanes": "ended for want of lanes"}
    return ends.get(its.reason, "is over" if its.over else "has not ended")


def _unsteady(found: Findings, plan: Planned) -> tuple[str, str]:
    lamp = plan.lamps[found.outcome]
    return (
        f"There is no verdict: the placebo moved in {_named(found, lamp.lanes)}, so this machine was not steady enough to "
        f"tell a change from its own unrest{_disturbed(found, other_programs.of_run(found.session, plan.run))}.",
        f"The tables hold what was measured in {plan.run.planned} rounds, and none of it is a finding.",
    )


def _too_few(found: Findings, plan: Planned) -> tuple[str, str]:
    rounds = whole_rounds(found.session, plan.run)
    needed = MEANS_ONLY if plan.run.reached else LIVE_FROM
    said = f"{rounds} whole round{'s' * (rounds != 1)} of {plan.run.planned}"
    beside = _disturbed(found, other_programs.of_run(found.session, plan.run))
    first = f"The {KINDS[plan.kind]} has {said}, too few for an interval: there are means only, and no verdict{beside}."
    minutes = LIVE_FROM * plan.run.plan.round_ns / 60e9
    return (
        first,
        f"Intervals need {needed} rounds at least; 8 rounds of this plan take about {max(1, -(-minutes // 1)):.0f} min.",
    )


def _why_over(plan: Planned) -> str:
    return f"The plan {_state(plan)}." if not plan.run.reached else "It ran to its planned end."


def _beside(found: Findings, plan: Planned, name: str) -> str:
    """The same for throughput (for images/s: for predict), and what the placebo says while it only warns."""
    beside = found.beside()
    table = plan.table(name, beside)
    lamp = plan.lamps[found.outcome]
    words = "In images per second" if beside == RATE else f"In {OUTCOME_WORDS[beside]}"
    where = f", {regime_of(name)}," if name.startswith("accuracy_off") else ","
    told = f"{words}{where} {clause(table.lanes, found.names, beside, found.rules.margin_pct)}" if table else ""
    if lamp.state == "warns":
        told += f"; the placebo moves in {_named(found, lamp.lanes)}, so none of this is sure yet"
    return f"{told}." if told else "Images per second were not measured."


# -- flips by hand, and nothing -----------------------------------------------------------------------------------------


def _of_hand(found: Findings, hand: Hand) -> tuple[str, str]:
    change = hand.change
    name = "accuracy computation off" if hand.accuracy else f"{change.switch} {change.b} instead of {change.a}"
    contrasts = {row.lane: row.contrast for row in hand.rows[found.outcome] if row.contrast is not None}
    where = f"{hand.where}, {hand.regime}"
    if all(one.interval is None for one in contrasts.values()):
        return (
            f"Switches were flipped by hand only ({name}: {where}), in {times(hand.triples, 'triple')} of stretches that are "
            f"long enough: too few for an interval.",
            f"From {LIVE_FROM} triples (A B A or B A B) on there is one; `quintet ab`, or b on the screen, gets there faster.",
        )
    told = clause(contrasts, found.names, found.outcome, found.rules.margin_pct)
    sure = (
        f"{OUTCOME_WORDS[found.outcome]}; 95 % exploratory intervals, {times(hand.triples, 'triple')} of flips by hand"
    )
    sure += _disturbed(found, hand.others)
    rates = {row.lane: row.contrast for row in hand.rows.get(found.beside(), ()) if row.contrast is not None}
    words = "In images per second" if found.beside() == RATE else f"In {OUTCOME_WORDS[found.beside()]}"
    second = f"{words}, {clause(rates, found.names, found.beside(), found.rules.margin_pct)}."
    return _with(f"With {name} ({where}), {told}", sure), second


def _of_nothing(found: Findings) -> tuple[str, str]:
    if not found.free:
        faults = [fault for lane in found.session.lanes for fault in lane.faults]
        return "No image was measured past a burn-in, so there is nothing to tell.", faults[0].text if faults else (
            "The session ended before its lanes had run for long enough."
        )
    if len(found.free) == 1:
        return _of_one(found, found.free[0])
    last = found.free[-1]
    settings = len({one.cell.setting for one in found.free})
    means = sorted((mean, one.cell.lane) for one in found.free if (mean := one.cell.means_ns[found.rules.outcome]))
    what = (
        f"{last.cell.regime} in {last.mode}"
        if settings == 1
        else f"in {count(settings)} settings that no single flip joins"
    )
    first = f"Nothing was compared: the lanes ran {what}."
    if not means:
        return first, "Their means stand below."
    (low, fast), (high, slow) = means[0], means[-1]
    return first, (
        f"An image took {low / 1e6:.2f} ms ({found.names[fast]}) to {high / 1e6:.2f} ms ({found.names[slow]}) in the mean "
        f"({OUTCOME_WORDS[found.rules.outcome]}); means alone, without an interval."
    )


def _of_one(found: Findings, one: FreeCell) -> tuple[str, str]:
    """One lane in one setting: a mean, and what would give it an interval."""
    mean, name = one.cell.means_ns[found.rules.outcome], found.names[one.cell.lane]
    told = f"{name} ran {one.cell.regime} in {one.told}"
    if mean is None:
        return f"{told}: too few images for a mean of {found.rules.outcome}.", "Run it for longer."
    sure = f"mean of {one.cell.images}; no interval without a plan{_disturbed(found, None)}"
    first = f"{told}: {mean / 1e6:.2f} ms an image ({sure})."
    return (
        first,
        f"It is the {OUTCOME_WORDS[found.rules.outcome]}; `quintet ab` compares two settings with an interval.",
    )


# -- one table in words -------------------------------------------------------------------------------------------------


def clause(lanes: Mapping[int, Contrast], names: Sequence[str], outcome: str, margin_pct: float) -> str:
    """What a table's verdicts say: `detect and seg are 27 to 35 % slower (intervals within +24 .. +39) and ...`."""
    if lanes and all(one.note == PLACEBO for one in lanes.values()):
        return "there is no verdict, since the placebo moved"
    parts = []
    for verdict in VERDICTS:
        its = {lane: one for lane, one in lanes.items() if one.verdict == verdict}
        if its:
            parts.append(_moved(its, names, len(lanes), outcome, margin_pct))
    drifting = [lane for lane, one in lanes.items() if one.note == DRIFTING]
    camera = [lane for lane, one in lanes.items() if one.note == paced.NOTE]
    few = [lane for lane, one in lanes.items() if one.verdict is None and one.note not in (DRIFTING, paced.NOTE)]
    for its_, one, many in (
        (drifting, "drifts from round to round", "drift from round to round"),
        (few, "has too few rounds", "have too few rounds"),
        (camera, "runs at its camera's rate", "run at their cameras' rate"),
    ):
        if its_:
            who, plural = _who(its_, names, len(lanes))
            parts.append(f"{who} {many if plural else one}, so no verdict")
    return listed(parts)


def _who(lanes: Sequence[int], names: Sequence[str], among: int) -> tuple[str, bool]:
    """The lanes by name, `every lane` where it is all of several; whether a plural follows."""
    if len(lanes) == among > 2:
        return "every lane", False
    return listed([names[lane] for lane in lanes]), len(lanes) > 1


def _moved(
    its: Mapping[int, Contrast], names: Sequence[str], among: int, outcome: str, margin_pct: float
) -> str:  # fmt: skip
    """Lanes of one verdict."""
    who, several = _who(list(its), names, among)
    verdict = next(iter(its.values())).verdict
    if verdict == SAME:
        return f"{who} stay{'s' * (not several)} within {margin_pct:g} %"
    digits = min(decimals(one) for one in its.values())
    sure = f"({within(list(its.values()), digits)})"
    if verdict in (NOT_YET, UNSETTLED):
        return f"{who} {'are' if several else 'is'} not settled {sure}"
    sizes = sorted(abs(one.change_pct or 0.0) for one in its.values())
    low, high = f"{sizes[0]:.{digits}f}", f"{sizes[-1]:.{digits}f}"
    size = f"{low} %" if low == high else f"{low} to {high} %"
    if verdict in (MORE, LESS):
        return f"{who} change{'s' * (not several)} {size} {verdict} {sure}"
    if outcome == RATE:
        return f"{who} {'lose' if verdict == SLOWER else 'gain'}{'s' * (not several)} {size} {sure}"
    return f"{who} {'are' if several else 'is'} {size} {verdict} {sure}"


def within(contrasts: Sequence[Contrast], digits: int) -> str:
    """One lane's interval, or the range that holds all of theirs."""
    if len(contrasts) == 1:
        return interval(contrasts[0])
    low = min(one.low_pct for one in contrasts if one.low_pct is not None)
    high = max(one.high_pct for one in contrasts if one.high_pct is not None)
    return f"intervals within {signed(low, digits)} .. {signed(high, digits)}"


def _of_matrix(found: Findings, plan: Planned) -> tuple[str, str]:
    """The largest effect of a lane on another, and of one on itself."""
    known = [one for one in plan.effects.get(found.outcome, ()) if one.low_pct is not None and one.high_pct is not None]
    switch, (a, b) = plan.run.plan.switch, plan.run.plan.pair
    doing = "turning accuracy off" if (switch, a, b) == ("mode", *ACCURACY) else f"{switch} {b} instead of {a}"
    if not known:
        return f"The matrix ({doing}) has no intervals: they come at its planned end.", _why_over(plan)
    spilt = [one for one in known if one.whose != one.whom]
    selves = [one for one in known if one.whose == one.whom]
    sentences = []
    for its, of_others in ((spilt, True), (selves, False)):
        if its:
            most = max(its, key=lambda one: abs(one.change_pct))
            sentences.append(_largest(found, most, doing, of_others=of_others))
    pairs = max(one.pairs for one in known)
    how = f"{found.outcome}; 95 % planned intervals, unadjusted, {pairs} pairs; main effects only: the joint effect of two "
    how += f"switches is not estimated{_disturbed(found, other_programs.of_run(found.session, plan.run))}"
    told_first = "; ".join(sentences)
    return f"{told_first[0].upper()}{told_first[1:]}.", f"({how}.)"


def _largest(found: Findings, most: Effect, doing: str, *, of_others: bool) -> str:
    """`turning accuracy off in cls slows detect most, +27.2 % (+26.1 .. +28.3)`."""
    whose, whom = found.names[most.whose], found.names[most.whom]
    slower = (most.change_pct > 0) != (found.outcome == RATE)
    effect = "slows" if slower else "speeds up"
    said = f"{doing} in {whose} {effect} {whom} most" if of_others else f"of a lane on itself the largest is {whose}'s"
    interval = f"{signed(most.low_pct or 0, 1)} .. {signed(most.high_pct or 0, 1)}"
    return f"{said}, {signed(most.change_pct, 1)} % ({interval})"
