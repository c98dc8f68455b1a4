"""The report in plain text, 80 columns: means per cell, and what flips by hand changed."""

from __future__ import annotations

from pathlib import Path

from quintet.engine.logs import losses
from quintet.engine.session import Session
from quintet.engine.stretches import RULES, Rules
from quintet.engine.tables import Cell, Comparison, cells, comparison, flipped, heading

DASH = "—"


def milliseconds(ns: float | None, width: int = 8) -> str:
    """Nanoseconds as milliseconds with two decimals, or a dash, right-aligned."""
    return f"{DASH if ns is None else f'{ns / 1e6:.2f}':>{width}}"


def percent(change: float | None, width: int = 7) -> str:
    """A change in percent with its sign (zero without), or a dash, right-aligned."""
    if change is None:
        return f"{DASH:>{width}}"
    text = f"{abs(change):.1f}"
    sign = "" if text == "0.0" else "+" if change > 0 else "−"
    return f"{sign + text:>{width}}"


def text_report(
    session: Session, path: Path, bad: list[tuple[int, int]], unverified_bytes: int, rules: Rules = RULES
) -> str:
    """The whole report; `bad` and unverified_bytes are what the journal's reader found."""
    lines = [*_head(session, path, bad, unverified_bytes), *_other_rules(rules), "", *_cells(session, rules)]
    for pair in flipped(session, session.last_ns, rules):
        found = comparison(session, *pair, rules.outcome, session.last_ns, rules)
        lines += ["", *_flip(session, found, rules.outcome)]
    return "\n".join(lines)


def _other_rules(rules: Rules) -> list[str]:
    """A line that names the rules that are not the usual ones."""
    told = [
        f"{name.removesuffix('_ns').replace('_', ' ')} {value / 1e9:g} s" if name.endswith("_ns") else
        f"{name.replace('_', ' ')} {value}"
        for name, value in rules._asdict().items()
        if value != getattr(RULES, name) and name != "planned_burn_in_ns"
    ]  # fmt: skip
    return [f"read with other rules: {', '.join(told)}"] if told else []


def _head(session: Session, path: Path, bad: list[tuple[int, int]], unverified_bytes: int) -> list[str]:
    assert session.start is not None
    manifest = session.start.manifest
    length = (session.last_ns - session.start.t_ns) / 1e9
    images = sum(len(lane.rows) for lane in session.lanes)
    ended = session.end.reason if session.end else "no end event: cut off, or still running"
    lines = [
        f"{path.name}",
        f"quintet {manifest.get('quintet', '?')} · {manifest.get('profile_name', '?')} · {len(session.lanes)} lanes · "
        f"{length:.0f} s · {images} timed images",
        f"ended: {ended}",
    ]
    faults = [*session.faults, *(fault for lane in session.lanes for fault in lane.faults)]
    lines += [f"fault ({fault.kind}): {fault.text}" for fault in faults]
    lines += [
        f"{lane.name}: {max(lane.lost, lane.holes)} images were lost on the way"
        for lane in session.lanes
        if lane.lost or lane.holes
    ]
    lines += losses(session, bad)
    if unverified_bytes:
        lines.append(f"the last {unverified_bytes} bytes have no check yet")
    return lines


def _cells(session: Session, rules: Rules) -> list[str]:
    lines, tail = ["Mean milliseconds per image, burn-in left out", ""], f"p{rules.tail_percent}"
    lines.append(
        f"{'lane':10}{'regime':10}{'mode':12}{rules.outcome:>8}{'p50':>8}{tail:>8}{'cycle':>8}{'img/s':>7}{'images':>8}"
    )
    found = cells(session, None, tuple(dict.fromkeys((rules.outcome, "cycle"))), rules)
    for cell in found:
        rate = DASH if cell.images_per_s is None else f"{cell.images_per_s:.1f}"
        lines.append(
            f"{session.lanes[cell.lane].name:10.10}{cell.regime:10.10}{_mode(cell):12.12}"
            f"{milliseconds(cell.means_ns[rules.outcome])}{milliseconds(cell.p50_ns)}{milliseconds(cell.tail_ns)}"
            f"{milliseconds(cell.means_ns['cycle'])}{rate:>7}{cell.images:>8}"
        )
    if not found:
        lines.append(
            f"no lane ran for longer than its burn-in ({rules.burn_in_ns / 1e9:g} s and {rules.burn_in_images} images)"
        )
    lines += ["", *_values(session)]
    return lines


def _mode(cell: Cell) -> str:
    """The mode that all active lanes share; `custom` where they share levels that are no mode's, else `mixed`."""
    levels = {levels for _, levels in cell.setting.active}
    return cell.mode or ("custom" if len(levels) == 1 else "mixed")


def _values(session: Session) -> list[str]:
    lines = []
    for lane in session.lanes:
        if lane.values:
            last = lane.values[-1]
            words = [f"{name} {100 * value:.1f} %" for name, value in last.values.items()]
            told = [*words, f"({last.images}/{last.of})"]
            lines += [
                f"{'' if place else lane.name:10.9}" + "".join(f"{word:23}" for word in told[place : place + 3])
                for place in range(0, len(told), 3)
            ]
    return ["Accuracy, last value", "", *lines] if lines else []


def _flip(session: Session, found: Comparison, outcome: str) -> list[str]:
    name, where = heading(session, found)
    change = found.difference
    a, b = ("on", "off") if name.startswith("accuracy") else (str(change.a), str(change.b))
    lines = [
        f"{name} · {where}",
        f"{found.regime} · {outcome}, ms per image · flips by hand, no interval",
        "",
        f"{'lane':10}{a:>12}{b:>12}{'change %':>10}{'95 % interval':>16}{'images/s %':>12}",
    ]
    lines += [
        f"{session.lanes[row.lane].name:10.10}{milliseconds(row.a_ns, 12)}{milliseconds(row.b_ns, 12)}"
        f"{percent(row.change_pct, 10)}{DASH:>16}{percent(row.rate_pct, 12)}"
        for row in found.rows
    ]
    return lines
