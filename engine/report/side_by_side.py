"""Two logs side by side in plain text, 80 columns: what differs between them, then the same cells and the change."""

from __future__ import annotations

from quintet.engine.compare import Row
from quintet.engine.logs import Log
from quintet.engine.wording import DASH, signed


def side_by_side(a: Log, b: Log, differ: list[str], rows: list[Row], outcome: str) -> str:
    """The table, with the conditions that differ above it, and what is missing of either log."""
    lines = [f"a  {a.path.name}", f"b  {b.path.name}"]
    lines += [f"differs: {one}" for one in differ]
    lines += [f"{name}: {loss}" for name, log in (("a", a), ("b", b)) for loss in log.losses]
    interval = any(row.low_pct is not None for row in rows)
    told = "interval of blocks within each session" if interval else "no interval under 5 blocks"
    lines += ["", f"{outcome}, ms per image, change from a to b; {told}", ""]
    lines.append(f"{'lane':10}{'regime':11}{'level':13}{'a':>9}{'b':>9}{'change %':>10}{'95 % interval':>18}")
    lines += [
        f"{row.lane:9.9} {row.regime:10.10} {row.level:12.12} {_milliseconds(row.a_ns)} {_milliseconds(row.b_ns)}"
        f"{_percent(row.change_pct)}{_interval(row):>18}"
        for row in rows
    ]
    return "\n".join(lines if rows else [*lines, "neither log has an image that counts"])


def _milliseconds(ns: float | None) -> str:
    return f"{DASH if ns is None else f'{ns / 1e6:.2f}':>8}"


def _percent(change_pct: float | None) -> str:
    return f"{DASH if change_pct is None else signed(change_pct, 1):>10}"


def _interval(row: Row) -> str:
    if row.low_pct is None or row.high_pct is None:
        return DASH
    return f"{signed(row.low_pct, 1)} .. {signed(row.high_pct, 1)}"
