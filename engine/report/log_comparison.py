"""Two logs side by side: what differs between them, then the same cells and the change, in the report's four formats."""

from __future__ import annotations

from typing import Any, NamedTuple

from quintet.engine.analysis.formatting import DASH, signed
from quintet.engine.analysis.log_comparison import Row
from quintet.engine.report.formats import html as pages
from quintet.engine.report.formats import markdown as marked
from quintet.engine.report.formats import text as plain
from quintet.engine.report.tables import LEFT, Column, Sheet, reason, short_regimes
from quintet.engine.storage.open_log import Log
from quintet.engine.visible_text import visible


class Differing(NamedTuple):
    """What two logs were measured under that is not the same: what decides, what is only named, what one does not record."""

    decides: list[str]
    noted: list[str]
    unrecorded: list[str]


def text(a: Log, b: Log, differ: Differing, rows: list[Row], outcome: str) -> str:
    """Plain, 80 columns."""
    lines = [*told(a, b, differ), "", _note(rows, outcome), ""]
    lines.append(f"{'lane':10}{'regime':11}{'level':13}{'a':>9}{'b':>9}{'change %':>10}{'95 % interval':>18}")
    regimes = short_regimes([row.regime for row in rows])
    for row in rows:
        cell = ((row.lane, 9), (regimes[row.regime], 10), (row.level, 12))
        named = " ".join(plain.fitted(visible(words), room) for words, room in cell)
        lines.append(
            f"{named} {_milliseconds(row.a_ns):>8} {_milliseconds(row.b_ns):>8}"
            f"{_percent(row.change_pct):>10}{_interval(row):>18}"
        )
    lines += [f"{short}: {full}" for full, short in regimes.items() if short != full]
    return "\n".join(map(visible, lines if rows else [*lines, "neither log has an image that counts"]))


def markdown(a: Log, b: Log, differ: Differing, rows: list[Row], outcome: str) -> str:
    """A list of what differs, and the table."""
    facts = "\n".join(f"- {marked.inert_line(line)}" for line in told(a, b, differ))
    return f"{facts}\n\n{marked.table(_sheet(rows, outcome))}"


def html(a: Log, b: Log, differ: Differing, rows: list[Row], outcome: str) -> str:
    """One page with nothing from elsewhere."""
    facts = "".join(f"<li>{pages.inert(line)}</li>" for line in told(a, b, differ))
    body = f"<h1>quintet compare</h1><ul>{facts}</ul>{pages.table(_sheet(rows, outcome))}"
    return pages.page(f"{a.path.name}, {b.path.name}", body)


def data(a: Log, b: Log, differ: Differing, rows: list[Row], outcome: str) -> dict[str, Any]:
    """What has no value is None; times are milliseconds."""
    return {
        "schema": 1, "a": a.path.name, "b": b.path.name, "outcome": outcome, "differs": differ.decides, "noted": differ.noted,
        "not_recorded": differ.unrecorded,
        "losses": {"a": list(a.losses), "b": list(b.losses)},
        "rows": [
            {
                "lane": row.lane, "regime": row.regime, "level": row.level, "a_ms": _ms(row.a_ns), "b_ms": _ms(row.b_ns),
                "change_pct": row.change_pct, "low_pct": row.low_pct, "high_pct": row.high_pct,
                "note": row.note or None,
            }
            for row in rows
        ],
    }  # fmt: skip


def told(a: Log, b: Log, differ: Differing) -> list[str]:
    """The logs' names, the conditions that differ, and what is missing of either."""
    lines = [f"a  {a.path.name}", f"b  {b.path.name}", *(f"differs: {one}" for one in differ.decides)]
    lines += [*(f"also differs: {one}" for one in differ.noted), *differ.unrecorded]
    return [*lines, *(f"{name}: {loss}" for name, log in (("a", a), ("b", b)) for loss in log.losses)]


def _note(rows: list[Row], outcome: str) -> str:
    known = any(row.low_pct is not None for row in rows)
    how = "interval of rounds within each session" if known else "no interval"
    return f"{outcome}, ms per image, change from a to b; {how}"


def _sheet(rows: list[Row], outcome: str) -> Sheet:
    columns = (Column("lane", LEFT), Column("regime", LEFT), Column("level", LEFT), Column("a"), Column("b"),
               Column("change %"), Column("95 % interval"))  # fmt: skip
    cells = tuple(
        (
            visible(row.lane), visible(row.regime), visible(row.level), _milliseconds(row.a_ns), _milliseconds(row.b_ns),
            _percent(row.change_pct), _interval(row),
        )
        for row in rows
    )  # fmt: skip
    return Sheet("The same cells side by side", _note(rows, outcome), columns, cells)


def _ms(ns: float | None) -> float | None:
    return None if ns is None else ns / 1e6


def _milliseconds(ns: float | None) -> str:
    return DASH if ns is None else f"{ns / 1e6:.2f}"


def _percent(change_pct: float | None) -> str:
    return DASH if change_pct is None else signed(change_pct, 1)


def _interval(row: Row) -> str:
    if row.low_pct is None or row.high_pct is None:
        return reason(row.note)
    return f"{signed(row.low_pct, 1)} .. {signed(row.high_pct, 1)}"
