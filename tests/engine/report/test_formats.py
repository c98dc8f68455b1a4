"""JSON, Markdown and HTML hold what the text holds: keys exact, one file, nothing from elsewhere."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from quintet.engine.analysis.blocks import BLOCK_OUTCOMES, RATE
from quintet.engine.protocol import events as ev
from quintet.engine.report.finding import finding
from quintet.engine.report.findings import findings
from quintet.engine.report.formats.html import html
from quintet.engine.report.formats.json_format import contrasts, data
from quintet.engine.report.formats.markdown import markdown
from quintet.engine.session.session import Session
from tests.engine.report import made
from tests.making import NAMES, Maker, at
from tests.planned import folded

CELL = {"lane", "mode", "regime", "outcome", "mean_ms", "low_ms", "high_ms", "p50_ms", "p95_ms", "blocks", "images",
        "images_per_s", "active", "late_pct", "skipped_pct", "note"}  # fmt: skip
CONTRAST = {"table", "lane", "outcome", "change_pct", "low_pct", "high_pct", "rounds", "verdict", "interval", "active",
            "others_cores"}  # fmt: skip
STUDY_TABLES = {
    *(f"change_vs_inference.{cell}" for cell in (
        "validation_alone", "withoutval_alone", "validation_together", "withoutval_together", "inference_together")),
    "accuracy_off.alone", "accuracy_off.together", "interaction",
    *(f"together_vs_alone.{mode}" for mode in ("inference", "validation", "withoutval")),
}  # fmt: skip


def told(session: Session, only: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(data(findings(session), "log.msgpack", only=only))
    return found


@pytest.mark.parametrize(
    "session", [made.a_study(), made.one_switch(), made.by_hand(9), made.free(), Maker(1).session()]
)
def test_the_keys_are_exact(session: Session) -> None:
    found = told(session)
    assert list(found) == ["schema", "session", "cells", "contrasts"]
    assert found["schema"] == 1
    assert all(set(cell) == CELL for cell in found["cells"])
    assert all(set(one) == CONTRAST for one in found["contrasts"])
    assert found["session"]["finding"] == list(finding(findings(session)))


def test_a_study_has_every_cell_and_table_for_every_outcome() -> None:
    found = told(made.a_study())
    assert {one["table"] for one in found["contrasts"]} == STUDY_TABLES
    assert {one["outcome"] for one in found["contrasts"]} == set(BLOCK_OUTCOMES)
    assert len(found["contrasts"]) == len(STUDY_TABLES) * 5 * len(BLOCK_OUTCOMES)
    assert len({tuple(str(c[k]) for k in ("lane", "mode", "regime", "outcome")) for c in found["cells"]}) == 5 * 6 * 6
    one = next(o for o in found["contrasts"] if (o["table"], o["lane"], o["outcome"]) ==
               ("accuracy_off.together", "detect", "predict"))  # fmt: skip
    assert one["low_pct"] < one["change_pct"] < one["high_pct"]
    assert (one["verdict"], one["interval"], one["rounds"]) == ("slower", "planned", 12)
    rate = next(cell for cell in found["cells"] if cell["outcome"] == RATE)
    assert (rate["mean_ms"], rate["low_ms"]) == (None, None)
    assert rate["images_per_s"] == pytest.approx(12.5)


def test_a_matrix_has_a_row_for_every_effect() -> None:
    found = findings(made.rehearsed("matrix", 3))
    rows = {(row["table"], row["lane"]): row for row in contrasts(found) if row["outcome"] == "predict"}
    assert len(rows) == 25
    for one in found.plans[0].effects["predict"]:
        row = rows[f"mode.validation.withoutval.by_{NAMES[one.whose]}", NAMES[one.whom]]
        assert (row["change_pct"], row["low_pct"], row["high_pct"]) == (one.change_pct, one.low_pct, one.high_pct)
        assert (row["rounds"], row["interval"], row["verdict"]) == (one.pairs, "planned", None)


def test_an_outcome_that_is_asked_for_narrows_it() -> None:
    found = told(made.a_study(), "cycle")
    assert {one["outcome"] for one in (*found["cells"], *found["contrasts"])} == {"cycle"}


def test_a_level_of_another_switch_is_the_mode_as_text_and_what_has_no_value_is_null() -> None:
    found = told(made.one_switch())
    assert {cell["mode"] for cell in found["cells"]} == {"1", "4"}
    assert {one["table"] for one in found["contrasts"]} == {"batch.1.4.detect+seg"}
    few = told(made.an_ab(3))["contrasts"][0]
    assert [few[key] for key in ("low_pct", "high_pct", "verdict", "interval")] == [None] * 4
    assert told(made.haunted())["contrasts"][0]["verdict"] is None


def test_free_running_sessions_have_cells_and_exploratory_contrasts() -> None:
    found = told(made.by_hand(9))
    assert {(cell["mode"], cell["regime"], cell["blocks"]) for cell in found["cells"]} == {
        ("validation", "together", None), ("withoutval", "together", None),
    }  # fmt: skip
    assert {(one["table"], one["interval"]) for one in found["contrasts"]} == {("accuracy_off.together", "exploratory")}
    young = told(made.by_hand(2))["contrasts"][0]
    assert (young["rounds"], young["interval"], young["low_pct"]) == (2, None, None)
    assert young["change_pct"] == pytest.approx(20, abs=1)


def test_markdown_begins_with_the_finding_and_its_tables_have_one_width() -> None:
    found = findings(made.a_study())
    lines = markdown(found, "log.msgpack").splitlines()
    assert (lines[0], lines[2]) == finding(found)
    for before, line in pairwise(lines):
        if line.startswith("|") and before.startswith("|"):
            assert line.count("|") == before.count("|")
    assert any(line.startswith("| detect | +27.1 | +2") for line in lines)


def test_what_a_profile_or_a_fault_holds_stays_text() -> None:
    session = made.free()
    assert session.start is not None
    evil = "<script>alert(1)</script>|`"
    lanes = [{"name": evil if n == 0 else NAMES[n], "task": "cls"} for n in range(5)]
    frames = Maker().ready().gate_all(2).images_all(2, 12, 10).frames
    start = session.start._replace(manifest={**session.start.manifest, "lanes": lanes})
    found = findings(folded([start, *frames[1:], ev.Fault(1, at(13), "died", evil, "")]))
    page, mark = html(found, evil), markdown(found, evil)
    assert "<script" not in page
    assert "<script" not in mark
    assert all(line.count("|") - line.count("\\|") in (0, 10) for line in mark.splitlines() if line.startswith("| cls"))


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "br", "img", "link"):
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src", "xlink:href"):
                self.links.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass


@pytest.mark.parametrize("session", [made.a_study(), made.an_ab(3), made.by_hand(9), made.free(), Maker(1).session()])
def test_html_is_one_page_with_nothing_from_elsewhere(session: Session) -> None:
    found = findings(session)
    text = html(found, "log.msgpack")
    page = Page()
    page.feed(text)
    assert not re.search(r"https?://|//[a-z]", text)
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert "@import" not in text
    assert "@font-face" not in text
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)
    assert len(page.ids) == len(set(page.ids))
    assert page.open == []
    assert not re.search(r"#0[0-9]0[0-9]0[0-9]\b", text), "a stand-in colour is left"
    plain = text.replace("&#x27;", "'").replace("\N{NO-BREAK SPACE}", " ")
    assert plain.index(finding(found)[0]) < plain.index("Method") < plain.index("Conditions")


def test_names_in_any_script_and_with_dollars_are_drawn_as_they_are() -> None:
    frames = made.planned_ab()
    assert isinstance(frames[0], ev.Start)
    lanes = [{"name": name, "task": "cls"} for name in ("헬멧", "a$b$c", "$x^$", "_y", "%s")]
    page = html(findings(folded([frames[0]._replace(manifest={"lanes": lanes}), *frames[1:]])), "log.msgpack")
    assert page.count("헬멧") > 4
    assert page.count("a$b$c") > 4


def test_html_has_its_figures_and_says_which_it_cannot_have() -> None:
    page = html(findings(made.a_study()), "log.msgpack")
    for name in ("changes", "time", "spread"):
        assert f"id={name}-says" in page
    assert "this log has no telemetry" in page
    assert "accuracy off (withoutval)" in page


def test_html_draws_cpu_and_memory_where_there_is_telemetry() -> None:
    made_ = Maker(2).ready().gate_all(2).images_all(2, 12, 10)
    for second in range(3, 12):
        processes = [{"what": "worker", "lane": n, "cpu_pct": 40.0, "rss_bytes": 5 * 10**8} for n in range(2)]
        processes.append({"what": "supervisor", "lane": None, "cpu_pct": 1.0, "rss_bytes": 10**8})
        values = {"machine": {"cpu_pct": 50.0}, "processes": processes}
        made_.frames.append(ev.Telemetry(at(second), at(second), values))
    page = html(findings(made_.session()), "log.msgpack")
    assert "id=load-says" in page
    assert "has no telemetry" not in page


def test_only_html_imports_matplotlib() -> None:
    report = "quintet.engine.report"
    program = (
        f"import sys, quintet.cli.report, {report}.formats.text, {report}.formats.markdown, {report}.formats.json_format,"
        f"{report}.formats.html, {report}.fail_if; print({{'matplotlib', 'numpy', 'pandas'}} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
