"""Under what a report's numbers hold: method, conditions, and what was left out and why. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any, NamedTuple

from quintet.engine import data_notes
from quintet.engine.blocks import Run, counted
from quintet.engine.logs import losses
from quintet.engine.plans import LIVE_FROM
from quintet.engine.report.findings import Findings, Planned
from quintet.engine.report.sentences import OUTCOME_WORDS, is_simulated, main_tables
from quintet.engine.simulated import ASSUMED
from quintet.engine.stretches import RULES, Rules
from quintet.engine.verdicts import Lamp
from quintet.engine.wording import DASH, listed, times

HASH_LETTERS = 8
TIED = "\N{NO-BREAK SPACE}"


def tied(text: str) -> str:
    """The same with numbers tied to their units, and the ends of an interval to one another."""
    return text.replace(" %", f"{TIED}%").replace(" .. ", f"{TIED}..{TIED}")


class Fact(NamedTuple):
    """A label and what is so."""

    label: str
    text: str


class LaneFacts(NamedTuple):
    """One lane's conditions, in words; a dash where the log does not tell."""

    name: str
    task: str
    weights: str
    imgsz: str
    device: str
    dtype: str
    threads: str
    data: str


def head(found: Findings) -> list[str]:
    """What session this is: version, profile, length, how it ended."""
    session = found.session
    assert session.start is not None
    manifest = session.start.manifest
    images = sum(len(lane.rows) for lane in session.lanes)
    return [
        f"quintet {manifest.get('quintet') or '?'} · {manifest.get('profile_name', '?')} · {len(session.lanes)} lanes · "
        f"{(session.last_ns - session.start.t_ns) / 1e9:.0f} s · {images} timed images",
        f"ended: {session.end.reason if session.end else 'no end event: cut off, or still running'}",
    ]


# -- method -------------------------------------------------------------------------------------------------------------


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
    else:
        facts.append(Fact("cells", f"means of all images of a setting, {_burn_in(rules)} after each change left out"))
        facts.append(
            Fact(
                "intervals",
                f"flips by hand: 95 % exploratory, from {LIVE_FROM} pairs of stretches on; before that a dash",
            )
        )
    if found.hand or (plan is not None and plan.kind != "matrix"):
        margin = f"{rules.margin_pct:g} %"
        facts.append(
            Fact(
                "verdicts",
                f"slower, faster: the interval leaves 0 out and the change is beyond {margin}; same: the whole interval is "
                f"inside {margin}; else not yet. {_family(plan)}",
            )
        )
    other = other_rules(rules)
    return [*facts, Fact("rules", f"read with other rules: {other}")] if other else facts


def _plan(found: Findings, plan: Planned) -> str:
    told = plan.run.told
    rounds = {c.round for c in counted(found.session, plan.run) if c.round >= 0}
    done = f"{len(rounds)} of {plan.run.planned} rounds"
    ends = {"planned": "ran to its planned end", "stopped": "stopped early", "lanes": "ended for want of lanes"}
    end = ends.get(str(told.get("reason")), "not over")
    levels = ", ".join(map(str, told["levels"]))
    return f"{plan.kind}, {told['switch']}: {levels}; {done}, {end}; order from seed {told['seed']}"


def _blocks(found: Findings, run: Run) -> str:
    """How long a block of each regime is: `together 4.0 s after 1.0 s burn-in; cls alone 6.2 s after ...`."""
    lengths: dict[tuple[str, float, float], list[str]] = {}
    for regime in run.told["regimes"]:
        if "measured_ns" in regime:
            burn_in_ns = found.rules.planned_burn_in_ns
            burn_in = regime["burn_in_ns"] if burn_in_ns is None else burn_in_ns
            its = lengths.setdefault((str(regime["name"]), regime["measured_ns"] / 1e9, burn_in / 1e9), [])
            its += [found.names[lane] for lane in regime["lanes"]] if len(regime["lanes"]) == 1 else []
    alone = sum(1 for name, _, _ in lengths if name == "alone")
    return "; ".join(
        f"{f'{listed(lanes)} ' if alone > 1 and lanes else ''}{name} {long:.1f} s after {burn:.1f} s burn-in"
        for (name, long, burn), lanes in lengths.items()
    ) or "not fixed"  # fmt: skip


def _seen(found: Findings, plan: Planned) -> str:
    """The smallest change that the planned rounds can tell, over the lanes of the finding's table; empty without one."""
    name = next(iter(main_tables(plan, found.outcome)), "")
    table = plan.table(name, found.outcome) if name else None
    sizes = sorted(
        (one.smallest_pct, found.names[lane])
        for lane, one in (table.lanes.items() if table else ())
        if one.smallest_pct is not None
    )
    if not sizes:
        return ""
    (low, least), (high, most) = sizes[0], sizes[-1]
    size = f"{low:.1f} % ({least})" if least == most else f"{low:.1f} % ({least}) to {high:.1f} % ({most})"
    rounds = times(plan.run.planned, "round")
    return f"a true change of {size} would be told from 0 in four of five sessions of {rounds}: {name}"


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
    return "Holm's levels over a table's lanes decide." if reached else "Judged at 5 % divided by a table's lanes."


def placebo(found: Findings, lamp: Lamp) -> str:
    """The lamp in words."""
    names = listed([found.names[lane] for lane in lamp.lanes])
    return {
        None: f"not judged: {times(lamp.pairs, 'pair')}, 8 are needed",
        "off": f"quiet: {lamp.pairs} second visits of one cell differ from the first by nothing that stands out",
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


# -- conditions ---------------------------------------------------------------------------------------------------------


def conditions(found: Findings) -> list[Fact]:
    """The machine and the software. Never the host's name, nor a path that may hold the user's."""
    assert found.session.start is not None
    manifest = found.session.start.manifest
    facts = [Fact("profile", f"{manifest.get('profile_name', '?')}, seed {manifest.get('seed', '?')}")]
    if is_simulated(found):
        return [Fact("machine", ASSUMED), *facts]
    facts.append(Fact("lanes", _alike(lane_facts(found))))
    host = _map(manifest.get("host"))
    if host:
        usable = f" ({host['cpus_usable']} usable)" if host.get("cpus_usable") != host.get("cpus") else ""
        facts.append(Fact("machine", f"{host.get('system', '?')}, {host.get('cpus', '?')} CPUs{usable}, "
                                     f"Python {host.get('python', '?')}"))  # fmt: skip
    versions = _map(manifest.get("versions"))
    if versions:
        facts.append(Fact("versions", ", ".join(f"{name} {version}" for name, version in versions.items())))
    others = manifest.get("other_sessions") or []
    facts.append(
        Fact("others", f"{', '.join(map(str, others))} ran too: sessions slow each other" if others else "none seen")
    )
    busy = _busy(found)
    if busy:
        facts.append(Fact("load", busy))
    screens = max((len(t.values.get("screens") or []) for t in found.session.telemetry), default=0)
    facts.append(Fact("screens", f"{screens} at most" if screens else "none"))
    return facts


def _busy(found: Findings) -> str:
    """How busy the machine was in the mean, and how much of it was quintet's; empty without telemetry."""
    told = [one.values for one in found.session.telemetry if _map(one.values.get("machine")).get("cpu_pct") is not None]
    cpus = _map(found.session.start.manifest.get("host")).get("cpus") if found.session.start else None
    if not told or not cpus:
        return ""
    whole = sum(values["machine"]["cpu_pct"] for values in told) / len(told) / 100 * cpus
    own = (
        sum(_map(one).get("cpu_pct") or 0 for values in told for one in values.get("processes") or ()) / len(told) / 100
    )
    return f"{whole:.1f} of {cpus} CPUs busy in the mean, {own:.1f} with quintet's processes"


def _alike(lanes: Sequence[LaneFacts]) -> str:
    """Device, type, threads and image size of all lanes: `cpu, float32, threads 1, 192 px`."""
    found = []
    for form, name in (("{}", "device"), ("{}", "dtype"), ("threads {}", "threads"), ("{} px", "imgsz")):
        known = dict.fromkeys(str(getattr(lane, name)) for lane in lanes if getattr(lane, name) != DASH)
        found += [form.format("/".join(known))] if known else []
    return ", ".join(found) or DASH


def lane_facts(found: Findings) -> list[LaneFacts]:
    """Every lane's conditions."""
    assert found.session.start is not None
    told = found.session.start.manifest["lanes"]
    rows = []
    for lane, its in zip(found.session.lanes, told, strict=True):
        info = lane.ready.info if lane.ready else {}
        hashes = _map(its.get("data_fingerprints"))
        data = [_file(path, hashes.get(key)) for key, path in _map(its.get("data")).items() if path]
        imgsz = None if is_simulated(found) else its.get("imgsz")
        size, device, dtype, threads = map(_word, (imgsz, info.get("device"), info.get("dtype"), info.get("threads")))
        weights = _file(its.get("weights"), its.get("weights_sha256_found"), "\n")
        shown = "\n".join(dict.fromkeys(data)) or DASH
        rows.append(LaneFacts(lane.name, lane.task, weights, size, device, dtype, threads, shown))
    return rows


def _file(path: Any, sha256: Any, between: str = " ") -> str:
    """A file's name and the first letters of its SHA-256."""
    if not path:
        return DASH
    return f"{PurePath(str(path)).name}{between}{str(sha256)[:HASH_LETTERS] if sha256 else ''}".rstrip()


def _word(value: Any) -> str:
    return DASH if value is None else str(value)


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


# -- what is left out ---------------------------------------------------------------------------------------------------


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
    missing = [found.names[lane] for lane in run.lanes if not _has(plan, lane)]
    if missing:
        are = "has" if len(missing) == 1 else "have"
        lines.append(f"{plan.kind}: {listed(missing)} {are} no block that counts")
    return lines


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
            warned = "".join(f" — warning: {text}" for text in data_notes.warnings(lane) if "validation" in text)
            facts.append(Fact(lane.name, ", ".join([*words, f"over {last.images} of {last.of} images"]) + warned))
    return facts
