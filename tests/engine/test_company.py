"""A lane that dies during a plan: cells and tables of other company are other cells and tables, and say so."""

from __future__ import annotations

import json

import pytest

from quintet.engine.analysis.blocks import runs, whole_rounds
from quintet.engine.analysis.contrasts import cell_means, tables
from quintet.engine.analysis.log_comparison import compared
from quintet.engine.plan import plan
from quintet.engine.report.findings import findings
from quintet.engine.report.formats.json_format import data
from quintet.engine.report.formats.text import text
from quintet.engine.session.session import Session
from quintet.engine.session.settings import regime_of, stretches
from quintet.tui.scene.flip_rows import flip_table
from quintet.tui.scene.plan_results import Studied
from quintet.tui.views.status import draw_status
from tests.engine.report.made import effects_ms
from tests.making import NAMES, Maker, at
from tests.planned import folded, planned
from tests.tui.test_draw import seen

LEFT = "together (cls, detect, pose, seg)"
FOUR = list(NAMES[:4])


def an_ab(rounds: int = 12, died_in: int = 3, over: str = "planned") -> Session:
    """An A/B in five lanes of which obb dies; before that it takes the others half of their speed."""
    alone = effects_ms()

    def predict_ms(lane: int, regime: str, mode: str, number: int) -> float:
        return alone(lane, regime, mode, number) * (2 if number < died_in else 1)

    return folded(planned(plan.ab(NAMES, rounds=rounds), predict_ms, over=over, died={4: died_in}))


def test_cells_of_other_company_are_other_cells() -> None:
    session = an_ab()
    cells = [cell for cell in cell_means(session, runs(session)[0]) if cell.lane == 0 and cell.level == "validation"]
    assert [cell.regime for cell in cells] == ["together", LEFT]
    assert [cell.mean / 1e6 for cell in cells] == pytest.approx([40, 20], rel=0.02)
    assert [len(cell.lanes) for cell in cells] == [5, 4]


def test_the_json_names_the_active_lanes_of_cells_and_contrasts() -> None:
    told = json.loads(data(findings(an_ab()), "log"))
    cells = [one for one in told["cells"] if one["outcome"] == "predict" and one["lane"] == "cls"]
    assert {one["regime"]: one["active"] for one in cells} == {"together": list(NAMES), LEFT: FOUR}
    assert all(one["active"] == FOUR for one in told["contrasts"])
    assert {one["table"] for one in told["contrasts"]} == {"accuracy_off.together"}  # the name that --fail-if knows


def test_headings_and_what_is_left_out_name_the_company() -> None:
    report = text(findings(an_ab()), "log")
    assert "Accuracy off against on, together (cls, detect, pose, seg), %" in report
    assert "Mean milliseconds per image, together\n" in report
    assert f"Mean milliseconds per image, {LEFT}\n" in report
    lines = " ".join(report.split())
    assert "3 rounds with cls, detect, pose, seg and obb together: in the means, not in the changes" in lines
    assert max(map(len, report.splitlines())) <= 80


def test_what_can_be_seen_counts_only_rounds_that_came_or_can_still_come() -> None:
    def rounds_seen(session: Session) -> str:
        report = " ".join(text(findings(session), "log").split())
        return report.partition("of five sessions of ")[2].partition(":")[0]

    assert rounds_seen(an_ab()) == "9 rounds"
    assert rounds_seen(an_ab(rounds=16, died_in=12, over="")) == "12 rounds"  # five together can come no more
    whole = folded(planned(plan.ab(NAMES, rounds=16), effects_ms(), over="", blocks=22))
    assert rounds_seen(whole) == "16 rounds"


def test_the_screens_heading_and_means_are_of_the_tables_company() -> None:
    session = an_ab()
    it = seen(session, (session.last_ns - session.origin_ns) / 1e9)
    table = flip_table(it._replace(page="plan", study=Studied().at(session, session.last_ns, "predict")))
    assert "together · without obb · " in table.method
    assert (table.lines[0].a or 0) / 1e6 == pytest.approx(20, rel=0.02)
    assert (table.lines[4].a, table.lines[4].change_pct) == (None, None)  # obb's means are of other company
    for width, words in ((120, "together, 4 of 5 lanes"), (80, "4 together")):
        assert words in draw_status(it, width).text()[0]


def test_by_hand_the_regime_names_who_is_left() -> None:
    made = Maker().ready().gate_all(2).images_all(2, 12, 20)
    from quintet.engine.protocol import events as ev

    made.frames.append(ev.Fault(4, at(12), "died", "obb: its process was ended by signal 9.", ""))
    for lane in range(4):
        made.images(lane, 12, 22, 10)
    session = made.session()
    settings = [stretch.setting for stretch in stretches(session) if len(stretch.setting.lanes) > 1]
    assert list(dict.fromkeys(regime_of(session, one) for one in settings if len(one.lanes) > 3)) == ["together", LEFT]
    assert regime_of(session, settings[-1], at(11)) != "together"
    report = text(findings(session), "log")
    assert f"together 2: {LEFT}" in " ".join(report.split())
    cells = json.loads(data(findings(session), "log"))["cells"]
    assert {one["regime"]: len(one["active"]) for one in cells if len(one["active"]) > 3} == {"together": 5, LEFT: 4}


def test_compared_logs_keep_companies_apart() -> None:
    rows = compared(an_ab(), an_ab())
    assert {row.regime for row in rows if row.lane == "cls"} == {"together", LEFT}
    assert all(row.change_pct == pytest.approx(0, abs=1) for row in rows)


def test_a_round_is_whole_when_every_cell_was_visited() -> None:
    study = plan.study(NAMES, rounds=2)
    early = folded(planned(study, effects_ms(), over="stopped", blocks=2))
    assert whole_rounds(early, runs(early)[0]) == 0
    from quintet.engine.report.finding import finding

    told = " ".join(finding(findings(early)))
    assert "1 whole round" not in told
    assert " rounds whole, stopped early" in " ".join(text(findings(early), "log").split())
    first = len(plan.visits(plan.fixed(study, [80e6] * 6), 0))
    for blocks, rounds in ((first - 1, 0), (first, 1), (first + 1, 1)):
        session = folded(planned(study, effects_ms(), over="stopped", blocks=blocks))
        placebo_last = session.blocks[-1].start.placebo
        assert whole_rounds(session, runs(session)[0]) == rounds + (blocks == first - 1 and placebo_last)


def test_rows_of_a_matrix_that_are_alike_are_visits_of_their_own() -> None:
    session = folded(planned(plan.matrix(NAMES[:2], rounds=2), effects_ms()))
    assert whole_rounds(session, runs(session)[0]) == 2


def test_a_lane_that_died_does_not_keep_later_rounds_from_being_whole() -> None:
    session = folded(planned(plan.study(NAMES, rounds=4), effects_ms(), died={4: 2}))
    assert whole_rounds(session, runs(session)[0]) == 4


def test_tables_of_the_smaller_company_have_no_round_of_the_larger() -> None:
    (table,) = tables(an_ab())
    assert table.among == (0, 1, 2, 3)
    assert {len(found) for found in table.differences.values()} == {9}
