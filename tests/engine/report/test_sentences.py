"""The two sentences that people quote: they say what is known, how sure, and never more."""

from __future__ import annotations

import re

import pytest

from quintet.engine.analysis.blocks import RATE
from quintet.engine.plan import plan
from quintet.engine.protocol import events as ev
from quintet.engine.report.finding import finding
from quintet.engine.report.findings import findings
from quintet.engine.session.session import Session
from tests.engine.report import made
from tests.making import ON, Maker, at
from tests.planned import folded, planned


def told(session: Session, outcome: str = "predict") -> tuple[str, str]:
    return finding(findings(session, outcome=outcome))


def test_a_study_tells_together_then_alone_then_throughput() -> None:
    first, second = told(made.a_study())
    assert first.startswith(
        "With accuracy computation off and all five together, detect, pose and seg are 27.1 to 34.6 %"
    )
    assert "% slower (intervals within +26.7 .. +35.2)" in first
    assert re.search(r"cls is 28\.0 % faster \(−28\.\d \.\. −27\.\d\)", first)
    assert "obb stays within 2 %; alone, every lane stays within 2 % (time of predict per image" in first
    assert first.endswith("95 % planned intervals, 12 rounds).")
    assert second == "In images per second, together, every lane stays within 2 %."


def test_the_outcome_that_is_asked_for_comes_first_and_predict_beside_throughput() -> None:
    first, second = told(made.a_study(), RATE)
    assert "images per second; 95 % planned" in first
    assert second.startswith("In time of predict per image, together, ")


def test_mixed_signs_not_settled_and_every_interval_stands_beside_its_percent() -> None:
    first, _ = told(made.an_ab(8, sd=0.1))
    assert re.search(r"not settled \((intervals within )?[−+]", first)
    for text in told(made.an_ab(8, sd=0.1)) + told(made.a_study()):
        for found in re.finditer(r"(?<!within )\b[\d.]+ %(?! planned| live)[^(;]*", text):
            assert text[found.end() :].startswith("("), text[found.start() :]


def test_a_plan_that_was_stopped_says_so_and_is_live() -> None:
    first, _ = told(made.an_ab(12, over="stopped"))
    assert first.endswith("95 % live intervals, 12 of 12 rounds, the plan was stopped early).")
    running, _ = told(made.an_ab(12, over=""))
    assert running.endswith("the plan has not ended).")


def test_any_switch_and_some_lanes_are_named() -> None:
    first, second = told(made.one_switch())
    assert first.startswith("With batch 4 instead of 1 and detect and seg together, detect and seg stay within 2 % (")
    assert second == "In images per second, detect and seg stay within 2 %."


def test_too_few_rounds_are_no_finding() -> None:
    first, second = told(made.an_ab(3))
    assert first == "The A/B has 3 whole rounds of 3, too few for an interval: there are means only, and no verdict."
    assert second.startswith("Intervals need 5 rounds at least; 8 rounds of this plan take about ")
    assert "%" not in first + second


def test_a_placebo_that_moved_takes_the_finding() -> None:
    first, second = told(made.haunted())
    assert first.startswith("There is no verdict: the placebo moved in cls and detect")
    assert second.endswith("none of it is a finding.")
    assert "%" not in first + second


def test_drift_is_said_and_has_no_verdict() -> None:
    first, _ = told(made.drifting())
    assert "cls and detect drift from round to round, so no verdict" in first


def test_flips_by_hand_have_a_finding_from_eight_triples_on() -> None:
    first, second = told(made.by_hand(2))
    assert first.startswith(
        "Switches were flipped by hand only (accuracy computation off: all lanes, together), in 2 triples"
    )
    assert "%" not in first + second
    first, second = told(made.by_hand(9))
    assert first.startswith("With accuracy computation off (all lanes, together), every lane is ")
    assert "95 % exploratory intervals, 9 triples of flips by hand" in first


def test_no_comparison_at_all() -> None:
    first, second = told(made.free())
    assert first == "Nothing was compared: the lanes ran together in validation."
    assert second.startswith("An image took 10.00 ms (cls) to 14.00 ms (obb) in the mean")
    nothing = Maker().session()
    assert told(nothing)[0] == "No image was measured past a burn-in, so there is nothing to tell."
    failed = Maker(1)
    failed.frames.append(ev.Fault(0, at(1), "load", "There are no pictures in data: put some there.", ""))
    assert told(failed.session())[1] == "There are no pictures in data: put some there."


def test_whether_a_session_is_simulated_is_said_by_its_backend() -> None:
    named = Maker(1)
    named.frames.append(ev.Ready(0, at(1), 1, {"device": "a simulated; assumed text"}))
    session = named.gate_all(2).set_all(2, ON).images_all(2, 8, 10).session()
    assert not told(session)[0].startswith("Simulated")
    assert not session.simulated
    session.lanes[0].backend = "simulated"
    assert told(session)[0].startswith("Simulated")


def test_a_simulated_session_says_so_first() -> None:
    assert told(made.rehearsed("ab"))[0].startswith("Simulated: with accuracy computation off and all five together, ")


@pytest.mark.parametrize(
    ("modes", "begins"),
    [
        (("validation",), "Together instead of alone, in validation, every lane is 99.6 to 100.2 % slower ("),
        (
            ("inference", "withoutval"),
            "Together instead of alone, in inference, every lane is 99.8 to 100.8 % slower (",
        ),
    ],
)
def test_a_study_of_other_modes_tells_together_against_alone(modes: tuple[str, ...], begins: str) -> None:
    session = folded(planned(plan.study(("cls", "detect", "pose"), modes=modes, rounds=6), made.effects_ms()))
    assert told(session)[0].startswith(begins)


def test_a_matrix_names_its_largest_effects_and_a_plan_without_a_whole_round_claims_nothing() -> None:
    matrix = folded(planned(plan.matrix(("cls", "detect"), rounds=1), made.effects_ms()))
    assert told(matrix)[0].startswith("Turning accuracy off in detect speeds up cls most, −0.")
    assert "main effects only: the joint effect of two switches is not estimated" in told(matrix)[1]
    void = folded(planned(plan.ab(("cls", "detect"), rounds=1), made.effects_ms(), over="lanes", void=(0, 1, 2)))
    assert told(void)[0] == "The A/B has no round with all cells of a table, so nothing is compared."
    assert told(void)[1] == "The plan ended for want of lanes."


def test_one_lane_in_one_setting_is_a_mean_and_no_comparison() -> None:
    made_ = Maker(1).ready().gate_all(2).images(0, 2, 12, 10)
    first, second = told(made_.session())
    assert first == "cls ran alone in validation: 10.00 ms an image (mean of 449; no interval without a plan)."
    assert second.startswith("It is the time of predict per image; ")


def test_a_study_of_two_blocks_has_no_whole_round() -> None:
    study = folded(planned(plan.study(("cls", "detect"), rounds=2), made.effects_ms(), over="stopped", blocks=2))
    said = " ".join(told(study))
    assert "1 whole round" not in said
    rounds = folded(planned(plan.ab(("cls", "detect"), rounds=3), made.effects_ms(), over="stopped", blocks=6))
    assert told(rounds)[0].startswith("The A/B has 2 whole rounds of 3, too few for an interval")
