"""The report in plain text: its parts in order, its numbers, 80 columns whatever the session."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from quintet.engine.analysis.blocks import RATE
from quintet.engine.journal.reader import read
from quintet.engine.protocol import events as ev
from quintet.engine.report.findings import findings
from quintet.engine.report.formats.text import text
from quintet.engine.session.session import Session
from quintet.engine.session.session import folded as session_of
from quintet.engine.session.settings import RULES
from tests.engine.report import made
from tests.making import OFF, ON, Maker, at
from tests.planned import folded


def told(session: Session, outcome: str = "predict", margin_pct: float = 2.0) -> str:
    return text(findings(session, RULES._replace(margin_pct=margin_pct), outcome), "log.msgpack")


def block(report: str, title: str) -> list[str]:
    """The lines of one part, its title first."""
    return next(part for part in report.split("\n\n") if part.startswith(title)).splitlines()


def row(report: str, title: str, lane: str) -> list[str]:
    return next(line for line in block(report, title) if line.startswith(lane)).split()


def test_a_study_has_its_tables_in_order_after_finding_method_and_conditions() -> None:
    report = told(made.a_study())
    places = [
        report.index(words)
        for words in (
            "With accuracy computation off", "log.msgpack", "Method", "Conditions", "Lanes", "Left out, and why",
            "1 Mean milliseconds per image, alone", "1 Mean milliseconds per image, together",
            "2 Change against inference alone, %: predict", "2 Change against inference alone, %: images/s",
            "3a Accuracy off against on, alone, %", "3b Accuracy off against on, together, %",
            "4 Together against alone, %: predict", "5 Interaction", "6 The same for every outcome, %",
        )
    ]  # fmt: skip
    assert places == sorted(places)
    assert report.startswith("With accuracy computation off")


def test_the_numbers_are_the_blocks() -> None:
    report = told(made.a_study())
    cell = row(report, "1 Mean milliseconds per image, together", "cls    inference")
    assert cell[2] == "19.99"
    assert cell[4] == ".."
    assert cell[-3] == "12.5"
    assert 12 <= int(cell[-2]) <= 24  # a round's placebo is a second block of its cell
    detect = row(report, "3b", "detect")
    assert (detect[0], detect[3], detect[5]) == ("detect", "..", "slower")
    assert float(detect[1]) == pytest.approx(27.2, abs=0.2)
    assert float(detect[2]) < float(detect[1]) < float(detect[4])
    assert row(report, "3b", "obb")[-1] == "same"
    interaction = row(report, "5 Interaction", "seg")
    assert 34 < float(interaction[1]) < 36


CELLS = {
    "95 % interval": r"(?:[−+]?[\d.]+ \.\. [−+]?[\d.]+|—(?: (?:too few|drifting))?)",
    "verdict": r"(?:slower|faster|same|more|less|not yet|unsettled|—(?: (?:too few|placebo|drifting))?)",
}


def row_under(heading: str) -> str:
    """The pattern of a row of a table with this heading: an interval or a dash in each column that is for one."""
    columns = re.findall(r"95 % interval|\S+ (?:%|ms)(?=\s|$)|\S+", heading)
    return r"\s+".join(CELLS.get(column, r"\S+") for column in columns)


@pytest.mark.parametrize("session", [made.a_study(), made.a_study(3), made.haunted(), made.by_hand(3)])
def test_every_change_stands_with_an_interval_or_a_dash(session: Session) -> None:
    rows = 0
    for part in told(session).split("\n\n"):
        lines = part.splitlines()
        head = next((n for n, line in enumerate(lines) if line.startswith("lane ") and "95 % interval" in line), None)
        for line in lines[head + 1 :] if head is not None else ():
            if set(line.split()) != {"together"}:  # `more together` takes two lines
                assert re.fullmatch(row_under(lines[head or 0]), line), line
                rows += 1
    assert rows >= 5


def test_a_row_of_changes_without_intervals_has_a_dash_for_each() -> None:
    compact = block(told(made.a_study(3)), "6 The same")
    assert all(line.count("—") == 6 for line in compact[3:])


def test_too_few_drifting_and_placebo_are_dashes_with_their_reason() -> None:
    assert "— too few" in told(made.an_ab(3))
    assert "— drifting" in told(made.drifting())
    moved = told(made.haunted())
    assert "— placebo" in moved
    assert "moved in cls and detect (8 pairs): no verdicts" in moved
    assert "slower" not in moved[moved.index("Accuracy off against on, together, %") :]


def test_an_ab_has_its_table_for_every_outcome() -> None:
    report = told(made.one_switch())
    assert row(report, "batch: 4 against 1, detect+seg, %", "detect")[1][0] in "+−0"
    assert block(report, "The same for every outcome, %: batch.1.4.detect+seg")[2].split() == [
        "lane", "infer", "predict", "scored", "request", "cycle", "images/s",
    ]  # fmt: skip
    assert "cls" not in "".join(block(report, "batch: 4 against 1"))


def method(report: str, label: str) -> str:
    """One fact of the method, on one line."""
    facts = re.split(r"\n  (?=\w)", "\n".join(block(report, "Method")))
    return " ".join(next(fact for fact in facts if fact.startswith(label)).split())


def test_the_smallest_change_that_its_rounds_can_tell_grows_with_the_spread() -> None:
    words = r"a true change of ([\d.]+) % \((\w+)\) to ([\d.]+) % \((\w+)\) would be told from 0"
    quiet, loud = (re.search(words, method(told(made.an_ab(12, sd=sd)), "can see")) for sd in (0.004, 0.02))
    assert quiet is not None
    assert loud is not None
    assert float(quiet[1]) < float(quiet[3]) < 1
    assert 3 < float(loud[3]) / float(quiet[3]) < 7
    assert "can see" not in told(made.an_ab(3))
    assert "can see" not in told(made.by_hand(9))


def test_blocks_of_lanes_alone_are_named_where_their_lengths_differ() -> None:
    journal = Path(__file__).parents[3] / "docs" / "data" / "study.msgpack"
    blocks = method(told(session_of(read(journal))), "blocks")
    assert "together 20.0 s after 4.1 s burn-in; detect alone 6.2 s after 1.0 s burn-in; pose alone" in blocks
    assert "alone 4.0 s" in method(told(made.rehearsed("study")), "blocks")
    assert "cls" not in method(told(made.rehearsed("study")), "blocks")


def test_what_is_left_out_is_counted_with_its_reason() -> None:
    frames = [*made.planned_ab(void=(3,)), ev.Fault(4, at(900), "died", "obb: its process was ended by signal 9.", "")]
    session = folded([frame._replace(void="a lane was silent") if isinstance(frame, ev.BlockEnd) and frame.block == 5
                      else frame for frame in frames])  # fmt: skip
    report = text(findings(session), "log.msgpack", [(100, 250)], 33)
    lines = " ".join(" ".join(block(report, "Left out")).split())
    assert "fault (died): obb: its process was ended by signal 9." in lines
    assert "ab: 1 of 15 blocks: disturbed" in lines
    assert "ab: 1 of 15 blocks: a lane was silent" in lines
    assert "bytes 100 to 250 do not pass their check and were left out" in lines
    assert "the last 33 bytes have no check yet; they were used" in lines
    assert block(told(made.free()), "Left out")[1].strip() == "nothing"


def test_free_running_sessions_have_means_and_flips_by_hand_without_interval() -> None:
    report = told(made.by_hand(3))
    assert row(report, "Mean milliseconds per image", "cls")[:3] == ["cls", "together", "validation"]
    assert row(report, "accuracy off against on · all lanes", "obb")[-4:-2] == ["—", "—"]
    known = told(made.by_hand(9))
    assert row(known, "accuracy off against on · all lanes", "obb")[7] == "slower"
    assert "95 % exploratory, 9 triples of stretches" in " ".join(known.split())


def test_settings_of_the_same_mode_are_told_apart() -> None:
    from quintet.engine.protocol import switches

    made_ = Maker().ready().gate_all(2).images_all(2, 12, 10)
    made_.set_all(12, switches.changed(ON, {"batch": 4})).images_all(12.1, 22, 11)
    made_.set(1, 22, OFF).images_all(22.1, 32, 11)
    report = told(made_.session())
    assert "validation 2: validation, batch 4" in " ".join(report.split())
    assert "mixed: cls: validation, batch 4; detect: withoutval" in " ".join(report.split())
    assert "batch 4 against 1 · all lanes" in report


def test_flips_before_a_plan_stand_beside_its_tables_and_do_not_pool_its_blocks() -> None:
    hand = Maker().ready().gate_all(2)
    hand.images_all(2, 12, 10).set_all(12, OFF).images_all(12.1, 22, 20)
    frames = made.after(hand.frames, 22, made.planned_ab(rounds=6))
    found = findings(folded(frames))
    assert [plan.kind for plan in found.plans] == ["ab"]
    assert found.hand == ()  # the same table: the plan's stands
    other = made.after(hand.frames, 22, made.planned_ab(rounds=6, switch="sync", levels=("each", "none")))
    found = findings(folded(other))
    assert found.hand[0].name == "accuracy_off.together"
    assert [round(r.change_pct or 0) for r in found.hand[0].rows["predict"]][:2] == [100, 91]


@pytest.mark.parametrize(
    "session",
    [made.a_study(), made.a_study(3), made.an_ab(), made.one_switch(), made.by_hand(9), made.free(),
     Maker(16).ready().gate_all(2).images_all(2, 12, 900).session(), Maker(1).session()],
)  # fmt: skip
def test_every_line_fits_80_columns(session: Session) -> None:
    for outcome in ("predict", "cycle", RATE):
        assert max(map(len, told(session, outcome).splitlines())) <= 80


def test_other_rules_are_named_and_change_the_verdicts() -> None:
    wide = told(made.a_study(), margin_pct=40)
    assert "read with other rules: margin pct 40" in " ".join(wide.split())
    assert row(wide, "3b", "detect")[5] == "same"


def test_the_hosts_name_and_folders_are_not_told() -> None:
    session = made.free()
    assert session.start is not None
    lanes = [{**lane, "weights": "/home/anna/secret/cls.pt", "weights_sha256_found": "e36bc1cbe8f3"}
             for lane in session.start.manifest["lanes"]]  # fmt: skip
    host = {"node": "annas-laptop", "system": "Linux", "cpus": 8, "cpus_usable": 4, "python": "3.11.7"}
    start = session.start._replace(manifest={**session.start.manifest, "lanes": lanes, "host": host})
    frames = Maker().ready().gate_all(2).images_all(2, 12, 10).frames
    report = told(folded([start, *frames[1:]]))
    assert "anna" not in report
    assert "cls.pt" in report
    assert "e36bc1cb" in report
    assert "e36bc1cbe8f3" not in report
    assert "Linux, 8 CPUs (4 usable), Python 3.11.7" in report


def test_an_accelerators_queue_times_stand_in_no_table() -> None:
    made_ = Maker()
    made_.ready().gate_all(2).images_all(2, 12, 10)
    frames = [f._replace(info={"device": "cuda:0"}) if isinstance(f, ev.Ready) else f for f in made_.frames]
    found = findings(folded(frames))
    assert "infer" not in found.outcomes
    assert "infer is queue time on this device" in text(found, "log.msgpack")


def test_a_matrix_says_whose_switch_slows_whom() -> None:
    report = told(made.rehearsed("matrix", 3))
    first = " ".join(report.split("\n\n")[0].split())
    assert first.startswith("Simulated: turning accuracy off in ")
    assert "main effects only: the joint effect of two switches is not estimated" in first
    lines = block(report, "7 Whose mode slows whom: withoutval against validation, %")
    assert sum(line.split()[0] in ("cls", "detect", "pose", "seg", "obb") for line in lines if line.strip()) >= 5
    assert sum(" .. " in line for line in lines) >= 5
    assert method(report, "estimator").startswith("estimator least squares")
    assert method(report, "intervals").startswith("intervals 95 %, planned: Student's t over pairs")
    assert "verdicts" not in report
    assert max(map(len, report.splitlines())) <= 80


def test_how_means_changes_and_percentiles_are_made_is_said() -> None:
    report = told(made.a_study())
    assert method(report, "percentile").endswith(
        "nearest rank, no interpolation; p90 from 64, p95 from 130, p99 from 662 images on, below that a dash"
    )
    assert "a change is geometric, so it is not quite the ratio of two means" in method(report, "means")
    assert "a change is the geometric mean of its rounds" in " ".join(block(report, "3b"))
    assert "arithmetic mean over rounds of block means" in " ".join(block(report, "1 Mean"))
    assert "percentile" in " ".join(block(told(made.free()), "Method"))


def test_a_quiet_placebo_is_told_by_what_it_found() -> None:
    assert "repeat visits to an unchanged cell: no difference found" in method(told(made.a_study()), "placebo")
