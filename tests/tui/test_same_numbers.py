"""The last screen of a plan and the report of its log show the same numbers, cell by cell."""

from __future__ import annotations

import re

import pytest

from quintet.engine.analysis.blocks import RATE
from quintet.engine.analysis.formatting import change, figure
from quintet.engine.report.findings import findings
from quintet.engine.report.tables import Sheet, sheets
from quintet.engine.session.session import Session
from quintet.tui.scene.scene import Scene, layout, scene
from quintet.tui.views.flip_table import draw_flips
from quintet.tui.views.study_tables import draw_study, study_layout
from tests.engine.report import made

BETWEEN = re.compile(r"[−+]?[\d.]+ \.\. [−+]?[\d.]+")


def last(session: Session, outcome: str, turned: int = 0) -> Scene:
    return scene(
        session, session.last_ns, frozenset(range(5)), frozen=False, journal_bytes=0, outcome=outcome, turned=turned
    )


def sheet(session: Session, title: str, outcome: str) -> Sheet:
    return next(one for one in sheets(findings(session, outcome=outcome)) if one.title.startswith(title))


def study_page(session: Session, outcome: str, turned: int) -> list[str]:
    it = last(session, outcome, turned)
    assert it.study is not None
    where = study_layout(160, 50, 5)
    return draw_study(it, it.study, where, 160).text()


@pytest.mark.parametrize("outcome", ["predict", "cycle", RATE])
@pytest.mark.parametrize("page", [(0, "2 Change against inference alone"), (1, "4 Together against alone")])
def test_a_studys_changes(outcome: str, page: tuple[int, str]) -> None:
    turned, title = page
    session = made.rehearsed("study")
    lines = study_page(session, outcome, turned)
    report = sheet(session, title, outcome)
    assert len(report.rows) == 5
    for place, row in enumerate(report.rows):
        upper, under = lines[3 + 2 * place].split(), BETWEEN.findall(lines[4 + 2 * place])
        assert upper[0] == row[0]
        told = [cell.split("\n") for cell in row[1:]]
        if turned == 0:  # inference alone, then the four changes
            assert (upper[1:], under) == ([one[0] for one in told], [one[1] for one in told])
        else:  # the screen begins with inference alone
            assert (upper[2:], under[1:]) == ([one[0] for one in told], [one[1] for one in told])


@pytest.mark.parametrize("outcome", ["predict", RATE])
def test_a_studys_accuracy_off_and_interaction(outcome: str) -> None:
    session = made.rehearsed("study")
    lines = study_page(session, outcome, 0)[-5:]
    found = findings(session, outcome=outcome)
    alone, together = (sheet(session, title, outcome) for title in ("3a", "3b"))
    for lane, (line, one, other) in enumerate(zip(lines, alone.rows, together.rows, strict=True)):
        words = line.split()
        assert words[:2] == list(one[:2])
        verdicts = re.findall(r"▲ slower|▼ faster|= same|not yet|unsettled|drifting|placebo", line)
        assert [v.lstrip("▲▼= ") for v in verdicts] == [one[3].lstrip("— "), other[3].lstrip("— ")]
        assert other[1] in words[2:]
        contrast = found.plans[0].tables[outcome]["interaction"].lanes[lane]
        assert words[-2:] == [change(contrast.change_pct), f"±{max(1, round(contrast.resolved_pct or 0))}"]


@pytest.mark.parametrize("outcome", ["predict", "scored", RATE])
def test_an_abs_table(outcome: str) -> None:
    session = made.rehearsed("ab", 12)
    lines = draw_flips(last(session, outcome), layout(120, 40, 5, 0), 120).text()
    report, found = sheet(session, "Accuracy off", outcome), findings(session, outcome=outcome)
    assert "95 % planned · 12 of 12 rounds" in lines[0]
    for lane, (line, row) in enumerate(zip(lines[2:], report.rows, strict=True)):
        words = line.split()
        means = [cell.mean for cell in found.plans[0].cells[outcome] if cell.lane == lane]
        assert words[:3] == [row[0], *(figure(mean if outcome == RATE else mean / 1e6) for mean in means)]
        assert words[3] == row[1]
        assert BETWEEN.findall(line)[0] == row[2]
        assert row[3].lstrip("— ") in line
        rate = found.plans[0].tables[RATE]["accuracy_off.together"].lanes[lane]
        assert words[-1] == change(rate.change_pct)


def test_flips_by_hand() -> None:
    session = made.by_hand(9)
    lines = draw_flips(last(session, "predict"), layout(120, 40, 5, 0), 120).text()
    for line, row in zip(lines[2:], sheet(session, "accuracy off against on", "predict").rows, strict=True):
        assert line.split()[3] == row[3]
        assert BETWEEN.findall(line)[0] == row[4]
        assert row[5] in line
