"""How a report's numbers were made: plan, blocks, estimator, intervals, verdicts, placebo. Pure."""

from __future__ import annotations

from quintet.engine.analysis import statistics
from quintet.engine.analysis.blocks import Run, whole_rounds
from quintet.engine.analysis.contrasts import Table, visits
from quintet.engine.analysis.formatting import listed, times
from quintet.engine.analysis.statistics import LIVE_FROM
from quintet.engine.analysis.verdicts import Lamp
from quintet.engine.report.conditions import Fact
from quintet.engine.report.finding import OUTCOME_WORDS, main_tables
from quintet.engine.report.findings import Findings, Planned
from quintet.engine.report.rule_changes import changed_since
from quintet.engine.session.image_columns import PERCENTILE_FLOORS
from quintet.engine.session.settings import RULES, Rules

MEANS = (
    "a cell's is arithmetic over rounds, each round once (the mean of both visits where a placebo made two); a change is "
    "geometric, so it is not quite the ratio of two means; images/s of a block is 1 / its mean cycle"
)
_FLOORS = ", ".join(f"p{percent} from {floor}" for percent, floor in PERCENTILE_FLOORS.items() if floor > 1)
PERCENTILES = f"nearest rank, no interpolation; {_FLOORS} images on, below that a dash"


def method(found: Findings) -> list[Fact]:
    """How the numbers were made."""
    plan, rules = found.last, found.rules
    facts = [Fact("outcome", f"{found.outcome}: {OUTCOME_WORDS[found.outcome]}")]
    if plan is not None:
        facts += [Fact("plan", _plan(found, plan)), Fact("blocks", _blocks(found, plan.run))]
        facts.append(Fact("estimator", _estimator(plan)))
        facts.append(Fact("intervals", _intervals(plan)))
        if seen := _seen(found, plan):
            facts.append(Fact("can see", seen))
        facts.append(Fact("placebo", placebo(found, plan.lamps[found.outcome])))
        if plan.kind != "matrix":
            facts.append(Fact("means", MEANS))
    else:
        facts.append(Fact("cells", f"means of all images of a setting, {_burn_in(rules)} after each change left out"))
        facts.append(
            Fact(
                "intervals",
                f"flips by hand: 95 % exploratory, from {LIVE_FROM} triples of stretches on; before that a dash",
            )
        )
    facts.append(Fact("percentile", PERCENTILES))
    if found.hand or (plan is not None and plan.kind != "matrix"):
        margin = f"{rules.margin_pct:g} %"
        facts.append(
            Fact(
                "verdicts",
                f"slower, faster: the interval leaves 0 out and the change is beyond {margin}; same: the whole interval is "
                f"inside {margin}; else not yet, or unsettled once it is over. {_family(plan)}",
            )
        )
    assert found.session.start is not None
    version = str(found.session.start.manifest.get("quintet") or "")
    if changed := changed_since(version):
        facts.append(Fact("new rules", f"the log is of quintet {version}; since then {'; '.join(changed)}"))
    other = other_rules(rules)
    return [*facts, Fact("rules", f"read with other rules: {other}")] if other else facts


def _plan(found: Findings, plan: Planned) -> str:
    its = plan.run.plan
    done = f"{whole_rounds(found.session, plan.run)} of {plan.run.planned} rounds whole"
    ends = {"planned": "ran to its planned end", "stopped": "stopped early", "lanes": "ended for want of lanes"}
    end = ends.get(its.reason, "not over")
    levels = ", ".join(map(str, its.levels))
    return f"{plan.kind}, {its.switch}: {levels}; {done}, {end}; order from seed {its.seed}"


def _blocks(found: Findings, run: Run) -> str:
    """How long a block of each regime is: `together 4.0 s after 1.0 s burn-in; cls alone 6.2 s after ...`."""
    lengths: dict[tuple[str, float, float], list[str]] = {}
    for regime in run.plan.regimes:
        if regime.span_ns is not None:
            own_ns, measured_ns = regime.span_ns
            burn_in_ns = found.rules.planned_burn_in_ns
            burn_in = own_ns if burn_in_ns is None else burn_in_ns
            its = lengths.setdefault((regime.name, measured_ns / 1e9, burn_in / 1e9), [])
            its += [found.names[lane] for lane in regime.lanes] if len(regime.lanes) == 1 else []
    alone = sum(1 for name, _, _ in lengths if name == "alone")
    return "; ".join(
        f"{f'{listed(lanes)} ' if alone > 1 and lanes else ''}{name} {long:.1f} s after {burn:.1f} s burn-in"
        for (name, long, burn), lanes in lengths.items()
    ) or "not fixed"  # fmt: skip


def _seen(found: Findings, plan: Planned) -> str:
    """The smallest change that the planned rounds can tell, over the lanes of the finding's table; empty without one."""
    name = next(iter(main_tables(plan, found.outcome)), "")
    table = plan.table(name, found.outcome) if name else None
    if table is None:
        return ""
    known = {
        lane: _rounds_to_come(found, table, lane) for lane, one in table.lanes.items() if one.smallest_pct is not None
    }
    sizes = sorted(
        (
            statistics.percent(statistics.smallest_effect(statistics.moments(table.differences[lane]).sd, rounds)),
            found.names[lane],
        )
        for lane, rounds in known.items()
    )
    if not sizes:
        return ""
    (low, least), (high, most) = sizes[0], sizes[-1]
    size = f"{low:.1f} % ({least})" if least == most else f"{low:.1f} % ({least}) to {high:.1f} % ({most})"
    rounds = times(max(known.values()), "round")
    return f"a true change of {size} would be told from 0 in four of five sessions of {rounds}: {name}"


def _rounds_to_come(found: Findings, table: Table, lane: int) -> int:
    """The rounds that a lane's contrast has, and those that may still come to it."""
    session, run = found.session, table.run
    used = visits(session, table, lane)
    ours = [session.blocks[place] for place in run.blocks if session.blocks[place].start.round >= 0]
    over = run.plan.over or session.end is not None or not ours
    joint = [block.cell.lanes for block in ours if len(block.cell.lanes) > 1]
    gone = any(session.lanes[one].failed_ns is not None for one in (*table.among, lane))
    if over or gone or (table.among and joint and joint[-1] != table.among):
        return len(used)
    last = ours[-1].start.round
    return len(used) + run.planned - last - 1 + (last not in used)


def _estimator(plan: Planned) -> str:
    if plan.kind == "matrix":
        return (
            "least squares on log(block mean of a row / of its complement), a pair's blocks in one round, as a change in "
            "percent"
        )
    return "mean over rounds of log(block mean B / block mean A), as a change in percent"


def _intervals(plan: Planned) -> str:
    if plan.kind == "matrix":
        known = any(one.interval for its in plan.effects.values() for one in its)
        return (
            "95 %, planned: Student's t over pairs, one effect at a time, not adjusted" if known else
            "none: they come at its planned end"
        )  # fmt: skip
    kinds = {c.interval for its in plan.tables.values() for t in its.values() for c in t.lanes.values() if c.interval}
    if "planned" in kinds:
        return "95 %, planned: Student's t over rounds, one contrast at a time, not adjusted"
    if "live" in kinds:
        return "95 %, live: a confidence sequence over rounds, valid whenever one looks; not adjusted"
    return "none: too few rounds"


def _family(plan: Planned | None) -> str:
    reached = plan is not None and plan.run.reached
    return "Holm's levels over all tables decide." if reached else "Judged at 5 % divided by all contrasts."


def placebo(found: Findings, lamp: Lamp) -> str:
    """The lamp in words."""
    names = listed([found.names[lane] for lane in lamp.lanes])
    return {
        None: f"not judged: {times(lamp.pairs, 'pair')}, 8 are needed",
        "off": f"{times(lamp.pairs, 'repeat visit')} to an unchanged cell: no difference found",
        "warns": f"moves in {names} ({times(lamp.pairs, 'pair')}); judged at the planned end",
        "on": f"moved in {names} ({times(lamp.pairs, 'pair')}): no verdicts",
    }[lamp.state]


def _burn_in(rules: Rules) -> str:
    return f"{rules.burn_in_ns / 1e9:g} s and {rules.burn_in_images} images"


def other_rules(rules: Rules) -> str:
    """The rules that are not the usual ones; the outcome is told elsewhere."""
    return ", ".join(
        f"{name.removesuffix('_ns').replace('_', ' ')} {value / 1e9:g} s" if name.endswith("_ns") else
        f"{name.replace('_', ' ')} {value}"
        for name, value in rules._asdict().items()
        if value != getattr(RULES, name) and name not in ("planned_burn_in_ns", "outcome")
    )  # fmt: skip
