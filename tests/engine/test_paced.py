"""Lanes at a camera's pace: their rate has no verdict, and what was skipped or late is counted in every cell."""

from __future__ import annotations

import json

import pytest

from quintet.engine.analysis.blocks import RATE
from quintet.engine.analysis.contrasts import tables
from quintet.engine.analysis.paced import NOTE, Paced
from quintet.engine.plan import plan
from quintet.engine.protocol import events as ev
from quintet.engine.protocol import switches
from quintet.engine.protocol.events import FLAG_LATE, FLAG_WARM_UP, Frame
from quintet.engine.report.finding import finding
from quintet.engine.report.findings import findings
from quintet.engine.report.formats.json_format import data
from quintet.engine.report.formats.text import text
from quintet.engine.session.session import Session
from tests.engine.report.made import effects_ms
from tests.making import NAMES, OFF, ON, Maker, at
from tests.planned import folded, planned

CAMERA = switches.changed(ON, {"pace": 12.5})


def an_ab(home: ev.Levels = CAMERA) -> Session:
    """An A/B of accuracy in five lanes, each paced: every fifth image late, one in five of those due skipped."""
    frames: list[Frame] = []
    for frame in planned(plan.ab(NAMES, rounds=8), effects_ms(), home=home):
        if isinstance(frame, ev.Samples):
            rows = [
                [*row[:12], row[12] | FLAG_LATE * ((frame.first_seq + place) % 5 == 0), *row[13:]]
                for place, row in enumerate(frame.rows)
            ]
            frames.append(frame._replace(rows=rows))
        else:
            frames.append(frame)
    last = max(frame.t_ns for frame in frames if isinstance(frame, ev.BlockEnd))
    for second in range(int((last - at(0)) / 1e9) + 1):
        lanes = [{"lane": lane, "skipped": round(second * 12.5 / 4)} for lane in range(5)]
        frames.append(ev.Telemetry(at(second), at(second), {"lanes": lanes}))
    return folded(frames)


def test_the_rate_of_paced_lanes_has_no_verdict_but_predict_has() -> None:
    for outcome in (RATE, "cycle"):
        (table,) = tables(an_ab(), outcome)
        assert {(one.verdict, one.note) for one in table.lanes.values()} == {(None, NOTE)}
        assert all(one.change_pct is not None and one.interval == "planned" for one in table.lanes.values())
    (table,) = tables(an_ab(), "predict")
    assert table.lanes[1].verdict == "slower"
    (closed,) = tables(an_ab(home=ON), RATE)
    assert closed.lanes[1].verdict == "same"


def test_the_report_says_that_the_rate_is_the_cameras() -> None:
    found = findings(an_ab())
    report = text(found, "log")
    assert "— paced" in report
    assert "images come at the camera's rate, so there is no verdict on it" in " ".join(report.split())
    assert "every lane runs at its camera's rate, so no verdict" in finding(found)[1]
    assert max(map(len, report.splitlines())) <= 80


def test_late_and_skipped_images_are_counted_in_every_cell() -> None:
    told = json.loads(data(findings(an_ab()), "log"))
    cells = [one for one in told["cells"] if one["outcome"] == "predict"]
    assert len(cells) == 10
    for cell in cells:
        assert cell["late_pct"] == pytest.approx(20, abs=1.5)
        assert cell["skipped_pct"] == pytest.approx(20, abs=2.5)
    assert "late % skipped %" in " ".join(text(findings(an_ab()), "log").split())
    plain = json.loads(data(findings(an_ab(home=ON)), "log"))["cells"][0]
    assert (plain["late_pct"], plain["skipped_pct"]) == (None, None)
    assert "skipped %" not in text(findings(an_ab(home=ON)), "log")


def test_by_hand_a_paced_lane_is_counted_and_judged_the_same_way() -> None:
    made = Maker(1).ready().gate_all(2).set(0, 2, CAMERA)
    off = switches.changed(OFF, {"pace": 12.5})
    now = 2.0
    for number in range(27):
        if number:
            made.set(0, now, off if number % 2 else CAMERA)
        made.images(0, now + 0.1, now + 6, 12 + 2 * (number % 2), cycle_ms=80)
        now += 6
    session = made.session()
    found = findings(session)
    (row,) = found.hand[0].rows[RATE]
    assert row.contrast is not None
    assert (row.contrast.verdict, row.contrast.note) == (None, NOTE)
    cells = json.loads(data(found, "log"))["cells"]
    assert {cell["late_pct"] for cell in cells} == {0}
    assert {cell["skipped_pct"] for cell in cells} == {None}  # without telemetry nobody knows


def test_shares() -> None:
    assert Paced(80, 8, 20).late_pct == 10
    assert Paced(80, 8, 20).skipped_pct == 20
    assert Paced(0, 0, 0).late_pct is None
    assert Paced(0, 0, None).skipped_pct is None


def test_late_warm_up_images_are_not_counted() -> None:
    made = Maker(1).ready().gate_all(2).images(0, 2, 4, 10)
    rows = [
        [0, at(5), 0, 1, 1, 1, 1, 4, 0, 4, 1, 1, FLAG_LATE | FLAG_WARM_UP, 5],
        [0, at(5.1), 0, 1, 1, 1, 1, 4, 0, 4, 1, 1, FLAG_LATE, 5],
    ]
    made.frames.append(ev.Samples(0, 0, made.seq[0], rows))
    assert list(made.session().lanes[0].late_ns) == [at(5.1)]
