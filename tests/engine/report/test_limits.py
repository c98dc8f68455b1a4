"""--fail-if: a limit is held against the end of the interval, never against the estimate."""

from __future__ import annotations

import pytest

from quintet.engine.errors import BadInput
from quintet.engine.plan import plan
from quintet.engine.report.fail_if import judge, limit
from quintet.engine.report.findings import findings
from quintet.engine.session.session import Session
from tests.engine.report import made
from tests.planned import folded, planned


def holds(session: Session, text: str, outcome: str = "predict") -> bool | None:
    return judge(findings(session, outcome=outcome), limit(text)).holds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("accuracy_off.together.detect > 10", True),
        ("accuracy_off.together.detect>10%", True),
        ("accuracy_off.together.detect > 27", False),  # the estimate is beyond it, the interval's end is not
        ("accuracy_off.together.cls < -20", True),
        ("accuracy_off.together.cls < −28", False),
        ("accuracy_off.alone.detect > 10", False),
        ("interaction.seg > 30.5", True),
        ("change_vs_inference.validation_together.obb > 90", True),
        ("accuracy_off.together.detect.images_per_s < -10", False),
        ("accuracy_off.together.detect.scored > 10", True),
    ],
)
def test_of_a_study(text: str, expected: bool) -> None:
    assert holds(made.a_study(), text) is expected


def test_the_end_of_the_interval_decides() -> None:
    contrast = findings(made.a_study()).plans[0].tables["predict"]["accuracy_off.together"].lanes[1]
    assert contrast.low_pct is not None
    assert contrast.change_pct is not None
    assert holds(made.a_study(), f"accuracy_off.together.detect > {contrast.low_pct - 0.001:.4f}")
    assert not holds(made.a_study(), f"accuracy_off.together.detect > {contrast.low_pct + 0.001:.4f}")


def test_the_outcome_that_is_asked_for_counts() -> None:
    assert holds(made.a_study(), "accuracy_off.together.detect > 10", "request")
    assert not holds(made.a_study(), "accuracy_off.together.detect > 10", "cycle")


def test_without_an_interval_nothing_is_known() -> None:
    few = judge(findings(made.an_ab(3)), limit("accuracy_off.together.detect > 10"))
    assert few.holds is None
    assert "has no interval (too few rounds)" in few.says
    assert holds(made.by_hand(3), "accuracy_off.together.detect > 10") is None
    assert holds(made.by_hand(9), "accuracy_off.together.detect > 10") is True
    assert holds(made.one_switch(), "batch.1.4.detect+seg.cls > 1") is None  # a lane that was not active


def test_a_plan_without_a_whole_round_has_its_tables_all_the_same() -> None:
    assert holds(made.void(), "accuracy_off.together.cls > 1") is None


def test_what_moved_or_drifts_is_said() -> None:
    said = judge(findings(made.haunted()), limit("accuracy_off.together.cls > 100")).says
    assert "but the placebo moved" in said
    assert "but it is drifting" in judge(findings(made.drifting()), limit("accuracy_off.together.cls > 1")).says


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("accuracy_off.together.detect", "write TABLE.LANE > NUMBER"),
        ("accuracy_off.together.detect > much", "write TABLE.LANE > NUMBER"),
        ("accuracy_off.together.detect >= 3", "write TABLE.LANE > NUMBER"),
        ("> 3", "write TABLE.LANE > NUMBER"),
        ("accuracy_of.together.detect > 3", "there is no such table; there are change_vs_inference.validation_alone, "),
        ("accuracy_off.together.dog > 3", "there is no lane 'dog'; there are cls, detect, pose, seg, obb"),
        ("accuracy_off.together.detect.speed > 3", "there is no lane 'detect.speed'"),
    ],
)
def test_bad_expressions_are_one_sentence(text: str, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        holds(made.a_study(), text)
    assert says in str(caught.value)
    assert text in str(caught.value)


def test_a_log_without_a_comparison_says_what_makes_one() -> None:
    with pytest.raises(BadInput, match="this log has no comparison"):
        holds(made.free(), "accuracy_off.together.detect > 3")


def test_of_a_matrix_what_one_lanes_flip_does_to_another() -> None:
    matrix = made.rehearsed("matrix", 3)
    found = findings(matrix)
    effect = next(one for one in found.plans[0].effects["predict"] if (one.whose, one.whom) == (0, 1))
    assert effect.low_pct is not None
    name = "mode.validation.withoutval.by_cls.detect"
    assert holds(matrix, f"{name} > {effect.low_pct - 0.001:.4f}") is True
    assert holds(matrix, f"{name} > {effect.low_pct + 0.001:.4f}") is False
    early = folded(planned(plan.matrix(("cls", "detect"), rounds=1), made.effects_ms(), over="stopped"))
    assert holds(early, f"{name} > 1") is None
