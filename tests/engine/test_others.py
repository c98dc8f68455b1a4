"""What other programs and other sessions used of the machine: as the mean over a block, and beside what it may have moved."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from quintet.engine.analysis import other_programs
from quintet.engine.analysis.blocks import runs
from quintet.engine.analysis.contrasts import tables
from quintet.engine.analysis.verdicts import Contrast
from quintet.engine.plan import plan as plans
from quintet.engine.protocol import events as ev
from quintet.engine.protocol.events import Frame
from quintet.engine.report.finding import finding
from quintet.engine.report.findings import findings
from quintet.engine.report.formats.json_format import data
from quintet.engine.report.formats.text import text
from quintet.engine.session.session import Session
from quintet.engine.storage.live_sessions import Entry
from quintet.engine.supervisor.other_sessions import EVERY_NS, Neighbours
from quintet.tui.canvas.canvas import Canvas
from quintet.tui.scene.plan_results import Studied
from quintet.tui.views.flip_table import draw_flips, draw_verdict
from quintet.tui.views.status import draw_status
from tests.engine.report.made import effects_ms
from tests.making import NAMES, Maker, at
from tests.planned import folded, planned
from tests.tui.test_draw import seen

OWN_CORES = 0.8


def with_telemetry(frames: list[Frame], used: Callable[[float], float], names: Sequence[str] = ()) -> Session:
    """The session with a reading a second of a machine of two cores; used: other programs' cores at a second."""
    first = frames[0]
    assert isinstance(first, ev.Start)
    plain = folded(frames)
    told = [first._replace(manifest={**first.manifest, "host": {"cpus": 2}}), *frames[1:]]
    for second in range(1, int((plain.last_ns - plain.origin_ns) / 1e9) + 1):
        values: dict[str, Any] = {
            "machine": {"cpu_pct": 100 * (used(second) + OWN_CORES) / 2},
            "processes": [{"what": "worker", "lane": 0, "pid": 7, "cpu_pct": 60.0}],
            "screens": [{"pid": 9, "cpu_ns": 200_000_000 * second, "bytes": 0, "frames": 0}],
        }
        if second % 60 == 1 and names:
            values["other_sessions"] = list(names)
        told.append(ev.Telemetry(at(second), at(second), values))
    return folded(told)


def an_ab(used: Callable[[float], float], names: Sequence[str] = ()) -> Session:
    return with_telemetry(planned(plans.ab(NAMES, rounds=8), effects_ms()), used, names)


def test_others_cores_are_what_is_busy_less_this_sessions_processes_and_screens() -> None:
    session = an_ab(lambda second: 1.1 if second > 20 else 0.0)
    assert other_programs.cores(session, at(5), at(15)) == pytest.approx(0, abs=1e-9)
    assert other_programs.cores(session, at(25), at(29.5)) == pytest.approx(1.1)
    assert other_programs.cores(session, at(15), at(25)) == pytest.approx(0.55)


def test_what_is_not_known_is_none() -> None:
    assert other_programs.cores(folded(planned(plans.ab(NAMES, rounds=1), effects_ms())), at(1), at(5)) is None
    session = an_ab(lambda _: 0.5)
    assert other_programs.cores(session, at(-30), at(-20)) is None
    assert other_programs.cores(session, at(5), at(5)) is None


def test_the_second_in_which_a_process_came_is_not_known() -> None:
    session = an_ab(lambda _: 0.0)
    for event in session.telemetry[9:]:  # its first reading is 0, whatever it used
        event.values["processes"].append({"what": "worker", "lane": 1, "pid": 8, "cpu_pct": 0.0})
    session.telemetry[9].values["machine"]["cpu_pct"] = 90.0
    assert other_programs.cores(session, at(8), at(12)) == pytest.approx(0, abs=1e-9)


def test_what_others_used_stands_in_the_finding_beside_the_verdict_and_in_the_json() -> None:
    session = an_ab(lambda second: 1.1 if 20 < second < 40 else 0.0)
    (table,) = tables(session)
    assert other_programs.of_table(session, table)[0] == pytest.approx(1.1)
    found = findings(session)
    assert "other programs used up to 1.1 of 2 cores" in finding(found)[0]
    report = text(found, "log")
    rows = report[report.index("Accuracy off against on") :].split("\n\n")[0]
    assert "! other programs used up to 1.1 of 2 cores in its blocks" in " ".join(rows.split())
    assert any(line.startswith("detect") and "slower !" in line for line in rows.splitlines())
    told = json.loads(data(found, "log"))["contrasts"]
    assert {round(one["others_cores"], 2) for one in told} == {1.1}


def test_a_quiet_machine_is_not_mentioned() -> None:
    session = an_ab(lambda _: 0.15)
    report = text(findings(session), "log")
    assert "other programs used" not in report
    assert "slower !" not in report
    (contrast, *_) = json.loads(data(findings(session), "log"))["contrasts"]
    assert contrast["others_cores"] == pytest.approx(0.15)
    bare = folded(planned(plans.ab(NAMES, rounds=8), effects_ms()))
    assert json.loads(data(findings(bare), "log"))["contrasts"][0]["others_cores"] is None


def test_the_screen_names_them_on_its_status_line_and_beside_the_verdict() -> None:
    session = an_ab(lambda second: 1.1 if 20 < second < 40 else 0.0)
    end = (session.last_ns - session.origin_ns) / 1e9
    it = seen(session, end)
    plan = it._replace(page="plan", study=Studied().at(session, session.last_ns, "predict"))
    for width, words in ((120, "! other programs 1.1 cores"), (80, "! others 1.1 cores")):
        assert words in draw_status(plan, width).text()[0]
    assert "! other" not in draw_status(it._replace(page="flips"), 120).text()[0]  # the last ten seconds were quiet
    from quintet.tui.scene.layout import layout

    assert any("▲ slower !" in line for line in draw_flips(plan, layout(120, 40, 5, 0), 120).text())
    assert "! other programs 1.1 cores" in draw_status(seen(session, 35), 120).text()[0]


def test_a_verdict_keeps_its_words_before_the_mark() -> None:
    canvas = Canvas(30, 1)
    contrast = Contrast(8, 3.0, 2.5, 3.5, "planned", "slower", "", 0.5, None, 1.0)
    draw_verdict(canvas, 1, 0, contrast, marked=True)
    assert canvas.text()[0].split() == ["▲", "slower", "!"]


def test_flips_by_hand_are_marked_too() -> None:
    made = Maker().ready().gate_all(2).images_all(2, 22, 10)
    from tests.making import OFF

    made.set_all(22, OFF).images_all(22.1, 42, 12)
    session = with_telemetry(made.frames, lambda second: 0.7)
    found = findings(session)
    assert found.hand[0].others == pytest.approx(0.7)
    report = " ".join(text(found, "log").split())
    assert "! other programs used up to 0.7 of 2 cores in its blocks" in report


def test_other_sessions_are_asked_for_once_a_minute_and_at_the_end() -> None:
    live = [Entry("mine", __import__("os").getpid(), 0.0, "", "", 0.0), Entry("yours", 1, 0.0, "", "", 0.0)]
    asked: list[int] = []

    def listed() -> list[Entry]:
        asked.append(1)
        return live

    neighbours = Neighbours(listed)
    assert neighbours.told(5) == {"other_sessions": ["yours"]}
    assert [neighbours.told(5 + n * EVERY_NS // 4) for n in range(1, 4)] == [{}, {}, {}]
    assert neighbours.told(5 + EVERY_NS) == {"other_sessions": ["yours"]}
    neighbours.due()
    assert neighbours.told(6 + EVERY_NS) == {"other_sessions": ["yours"]}
    assert len(asked) == 3


def test_a_session_that_began_later_is_in_the_report() -> None:
    session = an_ab(lambda _: 0.0, names=("yours-20260101-120000",))
    assert other_programs.sessions(session) == ["yours-20260101-120000"]
    report = " ".join(text(findings(session), "log").split())
    assert "yours-20260101-120000 ran too: each session slows the other" in report
    assert "yours-20260101-120000 ran at the same time" in finding(findings(session))[0]
    assert runs(session)


def test_the_report_says_how_often_it_was_asked() -> None:
    quiet = an_ab(lambda _: 0.0)
    assert "the log does not tell of later ones" in " ".join(text(findings(quiet), "log").split())
    quiet.telemetry[0].values["other_sessions"] = []
    assert "once a minute and at the end" in " ".join(text(findings(quiet), "log").split())


def test_figures_that_are_no_numbers_are_no_figures() -> None:
    session = an_ab(lambda second: float("nan") if second < 30 else 0.5)
    assert session.left_out == {"telemetry": 29}
    assert other_programs.cores(session, at(5), at(15)) is None
    assert other_programs.cores(session, at(45), at(55)) == pytest.approx(0.5)
    json.loads(data(findings(session), "log"))


def test_a_finding_without_a_verdict_names_them_too() -> None:
    few = with_telemetry(planned(plans.ab(NAMES, rounds=3), effects_ms()), lambda _: 1.9)
    assert finding(findings(few))[0].endswith("and no verdict; other programs used up to 1.9 of 2 cores.")
