"""Reports of the logs that quintet 0.1.0 wrote: every number is as quintet 0.1.0 reported it, but for named rules.

tests/data/reports-0.1.0.json holds the numbers of its JSON reports of two committed logs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from quintet.engine.journal.reader import read
from quintet.engine.report.findings import findings
from quintet.engine.report.formats.json_format import cells, contrasts
from quintet.engine.report.method import method
from quintet.engine.report.rule_changes import changed_since
from quintet.engine.session.session import folded

ROOT = Path(__file__).parents[3]
LOGS = {"study": ROOT / "docs/data/study.msgpack", "replay": ROOT / "tests/data/replay.msgpack"}
WAS = json.loads((ROOT / "tests/data/reports-0.1.0.json").read_text())
CELL = ("mean_ms", "low_ms", "high_ms", "p50_ms", "p95_ms", "blocks", "images", "images_per_s")
CONTRAST = ("change_pct", "low_pct", "high_pct", "rounds", "verdict")
ROUNDS, BATCHES, RATES, TRIPLES = (
    "a cell's mean is over rounds", "are over batches of neighbouring rounds", "is the mean of its blocks' rates",
    "flips by hand are compared in triples",
)  # fmt: skip
RULES = {
    ("study", "mean_ms"): ROUNDS, ("study", "low_ms"): BATCHES, ("study", "high_ms"): BATCHES,
    ("study", "images_per_s"): RATES, ("replay", "rounds"): TRIPLES,
}  # fmt: skip
"""Which number of which log may differ, and the words of the rule that changed it. Each does: none is here in vain."""


def compact(rows: list[dict[str, Any]], key: tuple[str, ...], fields: tuple[str, ...]) -> dict[str, list[Any]]:
    return {"/".join(row[one] for one in key): [row[field] for field in fields] for row in rows}


def differing(was: dict[str, list[Any]], now: dict[str, list[Any]], fields: tuple[str, ...]) -> set[str]:
    """The fields in which any row differs; the rows must be the same."""
    assert set(was) == set(now)
    return {
        field
        for key, values in was.items()
        for field, old, new in zip(fields, values, now[key], strict=True)
        if new != (pytest.approx(old, rel=1e-8) if isinstance(old, float) else old)
    }


@pytest.mark.parametrize("name", LOGS)
def test_numbers_differ_only_where_a_named_rule_changed_them(name: str) -> None:
    found = findings(folded(read(LOGS[name])))
    fields = differing(WAS[name]["cells"], compact(cells(found), ("lane", "mode", "regime", "outcome"), CELL), CELL)
    fields |= differing(
        WAS[name]["contrasts"], compact(contrasts(found), ("table", "lane", "outcome"), CONTRAST), CONTRAST
    )
    assert fields == {field for log, field in RULES if log == name}

    named = changed_since("0.1.0")
    (told,) = [fact.text for fact in method(found) if fact.label == "new rules"]
    for (log, _), words in RULES.items():
        if log == name:
            assert any(words in rule for rule in named)
            assert words in told
