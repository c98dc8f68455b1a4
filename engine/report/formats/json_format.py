"""The report as JSON: the keys of docs/report.md, schema 1. What has no value is null."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from quintet.engine.analysis import other_programs
from quintet.engine.analysis.blocks import RATE
from quintet.engine.analysis.contrasts import CellMean
from quintet.engine.analysis.paced import Paced
from quintet.engine.analysis.verdicts import Contrast
from quintet.engine.report.conditions import conditions, lane_facts
from quintet.engine.report.exclusions import excluded
from quintet.engine.report.finding import finding, is_simulated
from quintet.engine.report.findings import Findings, FreeCell
from quintet.engine.report.method import method
from quintet.engine.visible_text import visible_json

SCHEMA = 1


def data(
    found: Findings, name: str, bad: Sequence[tuple[int, int]] = (), unverified_bytes: int = 0,
    only: str | None = None,
) -> str:  # fmt: skip
    """The whole report as a JSON text; `only` narrows cells and contrasts to one outcome."""
    told = {
        "schema": SCHEMA,
        "session": _session(found, name, bad, unverified_bytes),
        "cells": [cell for cell in cells(found) if only in (None, cell["outcome"])],
        "contrasts": [one for one in contrasts(found) if only in (None, one["outcome"])],
    }
    return visible_json(json.dumps(told, ensure_ascii=False, indent=1, allow_nan=False))


def _session(found: Findings, name: str, bad: Sequence[tuple[int, int]], unverified_bytes: int) -> dict[str, Any]:
    session = found.session
    assert session.start is not None
    manifest = session.start.manifest
    wall_ns = session.start.wall_ns
    plan = found.last
    lamp = plan.lamps[found.outcome] if plan is not None else None
    return {
        "name": name,
        "finding": list(finding(found)),
        "outcome": found.outcome,
        "quintet": manifest.get("quintet") or None,
        "profile": manifest.get("profile_name"),
        "seed": manifest.get("seed"),
        "started": datetime.fromtimestamp(wall_ns / 1e9, timezone.utc).isoformat(timespec="seconds") if wall_ns else None,
        "seconds": round((session.last_ns - session.start.t_ns) / 1e9, 3),
        "images": sum(len(lane.rows) for lane in session.lanes),
        "ended": session.end.reason if session.end else None,
        "simulated": is_simulated(found),
        "plan": None if plan is None else {
            "kind": plan.kind, "switch": plan.run.plan.switch, "levels": list(plan.run.plan.levels),
            "rounds": plan.run.planned, "reached": plan.run.reached, "seed": plan.run.plan.seed,
        },
        "placebo": None if lamp is None else {
            "state": lamp.state, "pairs": lamp.pairs, "lanes": [found.names[lane] for lane in lamp.lanes],
        },
        "method": dict(method(found)),
        "conditions": dict(conditions(found)),
        "lanes": [{key: None if text == "—" else text for key, text in lane._asdict().items()} for lane in lane_facts(found)],
        "left_out": excluded(found, bad, unverified_bytes),
    }  # fmt: skip


# -- cells --------------------------------------------------------------------------------------------------------------


def cells(found: Findings) -> list[dict[str, Any]]:
    """Every cell for every outcome. Where two plans fill the same cell, the later one's stands."""
    made: dict[tuple[str, ...], dict[str, Any]] = {}
    for plan in found.plans:
        for its in plan.cells.values():
            for cell in its:
                row = _planned(found, cell)
                made[row["lane"], row["mode"], row["regime"], row["outcome"]] = row
    free = [_free(found, one, outcome) for one in found.free for outcome in found.outcomes]
    return [*made.values(), *free]


def _planned(found: Findings, cell: CellMean) -> dict[str, Any]:
    rate = cell.outcome == RATE
    return _cell(
        found, cell.lane, str(cell.level), cell.regime, cell.outcome, None if rate else cell.mean, cell.p50_ns, cell.p95_ns,
        cell.blocks, cell.images, cell.images_per_s, None if rate else (cell.low, cell.high), cell.lanes, cell.paced,
        cell.note,
    )  # fmt: skip


def _free(found: Findings, one: FreeCell, outcome: str) -> dict[str, Any]:
    """A cell outside plans: no blocks, so no interval; percentiles of the chosen outcome only."""
    cell = one.cell
    own = outcome == found.outcome
    return _cell(
        found, cell.lane, one.told, cell.regime, outcome, None if outcome == RATE else cell.means_ns[outcome],
        cell.p50_ns if own else None, cell.p95_ns if own else None, None, cell.images, cell.images_per_s, None,
        cell.setting.lanes, cell.paced,
    )  # fmt: skip


def _cell(
    found: Findings, lane: int, mode: str, regime: str, outcome: str, mean_ns: float | None, p50_ns: int | None,
    p95_ns: int | None, blocks: int | None, images: int, images_per_s: float | None,
    ends_ns: tuple[float | None, float | None] | None, active: Sequence[int], paced: Paced | None, note: str = "",
) -> dict[str, Any]:  # fmt: skip
    low_ns, high_ns = ends_ns or (None, None)
    return {
        "lane": found.names[lane], "mode": mode, "regime": regime, "outcome": outcome, "mean_ms": _ms(mean_ns),
        "low_ms": _ms(low_ns), "high_ms": _ms(high_ns), "p50_ms": _ms(p50_ns), "p95_ms": _ms(p95_ns), "blocks": blocks,
        "images": images, "images_per_s": images_per_s, "active": [found.names[number] for number in active],
        "late_pct": paced.late_pct if paced else None, "skipped_pct": paced.skipped_pct if paced else None,
        "note": note or None,
    }  # fmt: skip


def _ms(ns: float | None) -> float | None:
    return None if ns is None else ns / 1e6


# -- contrasts ----------------------------------------------------------------------------------------------------------


def contrasts(found: Findings) -> list[dict[str, Any]]:
    """Every contrast for every outcome, of plans, then of flips by hand."""
    made = []
    for plan in found.plans:
        used: dict[str, dict[int, float]] = {}
        for outcome in found.outcomes:
            for name, lanes in plan.contrasts(found.names, outcome).items():
                among, table = plan.company(name, outcome), plan.table(name, outcome)
                if name not in used:
                    used[name] = other_programs.of_table(found.session, table, None, found.rules) if table else {}
                made += [
                    _contrast(found, name, lane, outcome, one.change_pct, one, among or (lane,), used[name].get(lane))
                    for lane, one in lanes.items()
                ]
    for hand in found.hand:
        for outcome, rows in hand.rows.items():
            made += [
                _contrast(found, hand.name, row.lane, outcome, row.change_pct, row.contrast, hand.lanes, hand.others)
                for row in rows
            ]
    return made


def _contrast(
    found: Findings, table: str, lane: int, outcome: str, change_pct: float | None, one: Contrast | None,
    active: Sequence[int], used: float | None,
) -> dict[str, Any]:  # fmt: skip
    return {
        "table": table, "lane": found.names[lane], "outcome": outcome, "change_pct": change_pct,
        "low_pct": one.low_pct if one else None, "high_pct": one.high_pct if one else None,
        "rounds": one.rounds if one else 0, "verdict": one.verdict if one else None,
        "interval": one.interval if one else None, "active": [found.names[number] for number in active],
        "others_cores": used,
    }  # fmt: skip
