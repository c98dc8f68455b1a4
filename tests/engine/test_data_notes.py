"""Notes on data: what is read of them from a log, when more than 5 % is left out, and that every place shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from quintet.cli.sessions import data_lines
from quintet.engine.protocol import events as ev
from quintet.engine.report import findings
from quintet.engine.report.formats import html, markdown
from quintet.engine.report.formats import text as text_report
from quintet.engine.session import data_notes
from quintet.engine.session.lane import Lane
from quintet.engine.session.session import Session
from quintet.tui.scene.event_log import notes as events_of
from quintet.tui.scene.scene import layout, scene
from quintet.tui.views.lanes import draw_lanes
from tests.making import ON, Maker, at
from tests.running import Headless

MISSING = {"data": "validation", "kind": "missing", "count": 39, "example": "images/a.jpg does not exist"}


def info(used: int, left_out: int, *notes: Any, labels: int = 100, labels_left_out: int = 0) -> dict[str, Any]:
    truth = {"pictures": used, "left_out": left_out, "labels": labels, "labels_left_out": labels_left_out}
    return {"device": "cpu", "ground_truth": truth, "inference_set": None, "notes": [*notes]}


def lane(told: Any) -> Lane:
    return Lane(0, "a", "detect", ready=ev.Ready(0, 0, 1, told))


def session(told: dict[str, Any], images: int = 1, of: int = 1) -> Session:
    made = Maker(1)
    made.frames.append(ev.Ready(0, at(1), 1, told))
    made.set(0, 1, ON).gate_all(2)
    made.frames.append(ev.Value(0, 0, at(3), images, of, 1000, {"top1": 0.746}))
    return made.images(0, 2, 20, 10).session()


@pytest.mark.parametrize(("left_out", "warns"), [(0, False), (5, False), (6, True), (100, True)])
def test_more_than_five_percent_left_out_is_a_warning(left_out: int, warns: bool) -> None:
    assert bool(data_notes.warnings(lane(info(100 - left_out, left_out)))) == warns
    assert bool(data_notes.warnings(lane(info(9, 0, labels=100 - left_out, labels_left_out=left_out)))) == warns


def test_what_became_unreadable_in_the_run_counts_too() -> None:
    one = lane(info(100, 4))
    one.run_notes = [{"data": "validation", "kind": "unreadable", "count": 2, "example": "b.jpg is gone"}]

    assert data_notes.pictures_left_out(one) == (6, 104)
    assert data_notes.warnings(one) == [
        "6 of the 104 validation pictures are left out: 2 pictures that became unreadable during the run, the first: "
        "b.jpg is gone"
    ]


@pytest.mark.parametrize(
    "told",
    [
        {}, {"ground_truth": None, "notes": None}, {"notes": [None, 3, {}, []]},
        {"notes": [{"data": 1, "kind": "a", "count": 1, "example": "b"}]},
        {"notes": [{"data": "", "kind": "a", "count": -1, "example": ""}]},
        {"ground_truth": {"pictures": "many", "left_out": None}},
    ],
)  # fmt: skip
def test_logs_of_any_kind_are_read(told: dict[str, Any]) -> None:
    assert (data_notes.notes(lane(told)), data_notes.warnings(lane(told))) == ([], [])


def test_older_logs_have_sentences() -> None:
    told = {"ground_truth": {"pictures": 1, "left_out": 39, "notes": ["a.jpg is not there"]}, "inference_set": None}

    assert [str(note) for note in data_notes.notes(lane(told))] == ["a.jpg is not there"]
    assert data_notes.warnings(lane(told)) == ["39 of the 40 validation pictures are left out"]


def test_a_warning_is_wherever_the_accuracy_is() -> None:
    """39 of 40 pictures left out: the lane, the events, the run's lines, and every form of report say so."""
    it = session(info(1, 39, MISSING))
    found = findings.findings(it)
    says = "39 of the 40 validation pictures are left out"

    drawn = scene(it, at(20), frozenset((0,)), frozen=False, journal_bytes=1)
    lines = "\n".join(draw_lanes(drawn, layout(80, 24, 1, 0), 80).text())
    assert "top1 74.6 %" in lines
    assert "1/40 !" in lines
    assert any(says in note.text and note.role == "alert" for note in events_of(it, at(20)))
    assert data_lines(it) == [
        f"warning (cls): {says}: 39 missing pictures, the first: images/a.jpg does not exist",
        "note (cls): 39 missing pictures, the first: images/a.jpg does not exist",
    ]
    for made in (text_report.text(found, "log"), markdown.markdown(found, "log"), html.html(found, "log")):
        plain = " ".join(made.replace("\N{NO-BREAK SPACE}", " ").split())
        assert plain.count(says) == 2, made  # among what is left out, and beside the accuracy


def test_without_a_note_nothing_is_said() -> None:
    it = session(info(40, 0), 40, 40)
    drawn = scene(it, at(20), frozenset((0,)), frozen=False, journal_bytes=1)

    assert data_lines(it) == []
    assert "!" not in "\n".join(draw_lanes(drawn, layout(80, 24, 1, 0), 80).text())
    assert "warning" not in text_report.text(findings.findings(it), "log")


def test_a_picture_that_vanishes_in_a_run_is_left_out_and_the_lane_goes_on(tmp_path: Path) -> None:
    profile = tmp_path / "one.toml"
    profile.write_text(
        '[[lane]]\nname = "a"\ntask = "detect"\nbackend = "sleep"\n'
        'env = { QUINTET_SLEEP_UNREADABLE = "5", QUINTET_SLEEP_MS = "1", QUINTET_SLEEP_IMAGES = "40" }\n'
    )
    run = Headless(profile, tmp_path)
    run.wait_for(lambda s: bool(s.lanes and s.lanes[0].run_notes) and s.lanes[0].values[-1].of == 39, "a note")
    run.process.terminate()

    assert run.end() == 0
    (one,) = run.session().lanes
    assert data_notes.notes(one)[-1] == data_notes.Note("validation", "unreadable", 1, "5.jpg cannot be decoded")
    assert one.faults == []
    assert len(one.rows) > 60
    assert (
        "note (a): 1 picture that became unreadable during the run: 5.jpg cannot be decoded" in run.errors.read_text()
    )
