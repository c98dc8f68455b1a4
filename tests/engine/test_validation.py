"""What is taken of a log that somebody has made up: every event is checked whole before anything is done with it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from quintet.engine.analysis import flip_table
from quintet.engine.analysis.blocks import runs
from quintet.engine.plan import plan as plans
from quintet.engine.protocol import events as ev
from quintet.engine.protocol.plan_messages import told_cell, told_plan, wire
from quintet.engine.protocol.validation import validated
from quintet.engine.report.findings import findings
from quintet.engine.report.formats.text import text
from quintet.engine.session.image_columns import CALL_MOST
from quintet.engine.session.session import FOLDS, MOST_STEPS, Session, folded
from quintet.engine.session.settings import Setting, Stretch, stretches
from tests.making import NAMES, OFF, ON, Maker, arrays, at, row
from tests.planned import planned

PLAN = plans.describe(plans.fixed(plans.ab(NAMES, rounds=3), [1e8]))
CELL = {"regime": "together", "lanes": [0, 1], "levels": {"mode": "validation"}}
DEEP: Any = [0]
for _ in range(50):
    DEEP = [DEEP]
BAD: dict[str, list[Any]] = {
    "a field is missing": ["mark", 1, "who"],
    "a text where a number is": ["gate", 0, True, "0", at(2)],
    "a bool where a number is": ["gate", True, True, 0, at(2)],
    "a lane that does not exist": ["gate", 5, True, 0, at(2)],
    "a lane below 0": ["gate", -1, True, 0, at(2)],
    "a time before the clock": ["gate", 0, True, 0, -1],
    "a time that is too late": ["gate", 0, True, 0, 2**62 + 1],
    "a second start": ["start", 1, 0, 0, {"lanes": [{"name": "a", "task": "cls"}]}],
    "a word that is too long": ["fault", 0, at(2), "d" * 1000, "", ""],
    "a text that is too long": ["mark", at(2), "who", "x" * 100_000],
    "an arm without its switches": ["arm", 0, 1, 0, at(2), {"mode": "validation"}],
    "a level that is a list": ["arm", 0, 1, 0, at(2), {**ON, "score": ["off"]}],
    "a level that is no number": ["arm", 0, 1, 0, at(2), {**ON, "pace": float("nan")}],
    "accuracy that is no number": ["value", 0, 0, at(2), 1, 1, 0, {"top1": float("nan")}],
    "a negative count": ["value", 0, 0, at(2), -1, 1, 0, {"top1": 0.5}],
    "images lost below 0": ["lost", 0, at(2), -5],
    "info with notes that are no list": ["ready", 0, at(2), 1, {"notes": {"a": 1}}],
    "info with a number for a data set": ["ready", 0, at(2), 1, {"ground_truth": 3}],
    "info with a map for a device": ["ready", 0, at(2), 1, {"device": {}}],
    "telemetry with processes that are no maps": ["telemetry", at(2), at(2), {"processes": [1]}],
    "telemetry with a share that is no number": ["telemetry", at(2), at(2), {"machine": {"cpu_pct": float("inf")}}],
    "telemetry with a text for memory": ["telemetry", at(2), at(2), {"processes": [{"rss_bytes": "much"}]}],
    "telemetry of a lane that does not exist": ["telemetry", at(2), at(2), {"lanes": [{"lane": 9}]}],
    "telemetry with a lane without a number": ["telemetry", at(2), at(2), {"lanes": [{"skipped": 1}]}],
    "telemetry with an active lane that does not exist": ["telemetry", at(2), at(2), {"active": [0, 7]}],
    "telemetry that nests too deep": ["telemetry", at(2), at(2), {"new": DEEP}],
    "a command to a lane that does not exist": ["command", 1, at(2), "who", {"gate": True}, [0, 9]],
    "a command to very many lanes": ["command", 1, at(2), "who", {"gate": True}, [0] * 100_000],
    "a set of no levels": ["command", 1, at(2), "who", {"set": [1]}, [0]],
    "a gate that is no bool": ["command", 1, at(2), "who", {"gate": "yes"}, [0]],
    "a plan that is a text": ["command", 1, at(2), "plan", {"plan": "study"}, []],
    "a plan of an unknown kind": ["command", 1, at(2), "plan", {"plan": {**PLAN, "kind": "tea"}}, []],
    "a plan of three levels": ["command", 1, at(2), "plan", {"plan": {**PLAN, "levels": ["a", "b", "c"]}}, []],
    "a plan of one level twice": ["command", 1, at(2), "plan", {"plan": {**PLAN, "levels": ["a", "a"]}}, []],
    "a plan of lanes that do not exist": ["command", 1, at(2), "plan", {"plan": {**PLAN, "lanes": [0, 40]}}, []],
    "a plan without regimes": ["command", 1, at(2), "plan", {"plan": {**PLAN, "regimes": []}}, []],
    "a plan with a placebo every 0 rounds": ["command", 1, at(2), "plan", {"plan": {**PLAN, "placebo_every": 0}}, []],
    "a plan with rounds in words": ["command", 1, at(2), "plan", {"plan": {**PLAN, "rounds": "many"}}, []],
    "a cell that is empty": ["block_start", 0, 0, {}, False, at(2), at(2), 0],
    "a cell of a lane that does not exist": ["block_start", 0, 0, {**CELL, "lanes": [7]}, False, at(2), at(2), 0],
    "a cell of one lane twice": ["block_start", 0, 0, {**CELL, "lanes": [0, 0]}, False, at(2), at(2), 0],
    "a cell without levels": ["block_start", 0, 0, {**CELL, "levels": {}}, False, at(2), at(2), 0],
    "a cell with a level too few": ["block_start", 0, 0, {**CELL, "levels": {"mode": ["a"]}}, False, at(2), at(2), 0],
    "a burn-in below 0": ["block_start", 0, 0, CELL, False, at(2), at(2), -1],
    "rows that are a number": ["samples", 0, 0, 0, 5],
    "rows that are short": ["samples", 0, 0, 0, [[1, 2]]],
    "rows of texts": ["samples", 0, 0, 0, [["x"] * 16]],
    "rows without a lane": ["samples", 9, 0, 0, [row(at(2))]],
    "rows with a lane in words": ["samples", "0", 0, 0, [row(at(2))]],
    "rows from a seq below 0": ["samples", 0, 0, -1, [row(at(2))]],
    "rows of a time below 0": ["samples", 0, 0, 0, [row(at(2), predict_ms=-10)]],
    "rows that go back in time": ["samples", 0, 0, 0, [row(at(3)), row(at(2))]],
    "rows of numbers that do not fit": ["samples", 0, 0, 0, [[2**64 - 2] * 16]],
}  # fmt: skip


def begun(lanes: int = 5) -> Session:
    return Maker(lanes).ready().gate_all(1.5).session()


@pytest.mark.parametrize("array", BAD.values(), ids=BAD.keys())
def test_an_event_that_cannot_be_used_is_counted_and_changes_nothing(array: list[Any]) -> None:
    session, same = begun(), begun()
    session.fold([array])
    assert session.left_out == {array[0]: 1}
    session.left_out.clear()
    assert session == same


def test_every_kind_of_event_has_a_fold() -> None:
    assert {*FOLDS, ev.Samples} == set(ev.JOURNAL.values())


def test_a_defect_of_a_fold_is_not_counted_as_the_events_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(session: Session, event: ev.Mark) -> None:
        raise KeyError("ours")

    monkeypatch.setitem(FOLDS, ev.Mark, broken)
    session = begun()
    with pytest.raises(KeyError, match="ours"):
        session.fold(arrays([ev.Mark(at(2), "who", "text")]))
    assert session.left_out == {}


def test_a_log_of_a_newer_quintet_stays_readable() -> None:
    session = begun()
    session.fold(
        [
            [
                "telemetry",
                at(2),
                at(2),
                {"heat": {"cores": [50, 60]}, "lanes": [{"lane": 0, "mood": "good"}]},
                "new field",
            ],
            ["command", 1, at(2), "who", {"dance": {"steps": 3}}, [0]],
            ["answer", 1, 0, at(2), 0, "later", ""],
            ["step", 0, at(2), "stretching", "begun", 0, 0],
            ["block_start", 0, 0, {**CELL, "weather": "mild"}, False, at(2), at(2), 0],
            ["command", 2, at(2), "plan", {"plan": {**PLAN, "colour": "red"}}, []],
            ["poem", "of a kind that is not known"],
        ]
    )
    assert session.left_out == {}
    assert (len(session.telemetry), len(session.asked), len(session.blocks), len(session.plans)) == (1, 2, 1, 1)


@pytest.mark.parametrize("kind", ["study", "ab", "matrix", "observe"])
def test_a_plans_messages_are_the_same_after_a_log_as_before(kind: str) -> None:
    plan = getattr(plans, kind)(NAMES, rounds=3)
    for one in (plan, plans.fixed(plan, [1e8] * len(plan.regimes))):
        for over in ("", "stopped"):
            plain = plans.describe(one, over)
            assert wire(told_plan({"plan": plain})) == plain
    for visit in plans.visits(plan, 0):
        cell = plans.cell_of(plan, visit, plan.regimes[visit.regime].lanes)
        assert wire(told_cell(cell)) == cell


# -- kinds of faults ----------------------------------------------------------------------------------------------------


def test_a_worker_may_name_documented_faults_only() -> None:
    for kind in ev.FAULTS:
        assert validated(["fault", 0, 1, kind, "text", ""], ev.FROM_WORKER) is not None
    with pytest.raises(ValueError, match="haunted"):
        validated(["fault", 0, 1, "haunted", "text", ""], ev.FROM_WORKER)


def test_a_fault_of_an_unknown_kind_in_a_log_is_shown_and_tells_nothing_of_its_lane() -> None:
    made = Maker(2).ready().gate_all(2).images(0, 2, 6, 10).images(1, 2, 6, 10)
    made.frames.append(ev.Fault(0, at(6), "haunted", "cls: something new happened.", ""))
    made.images(0, 6, 12, 10).images(1, 6, 12, 10)
    session = made.session()
    assert session.lanes[0].failed_ns is None
    assert [fault.kind for fault in session.lanes[0].faults] == ["haunted"]
    assert "fault (haunted): cls: something new happened." in text(findings(session), "log")
    # whether the lane ran on is not known, so what follows belongs to no setting until telemetry says who runs
    assert [stretch.end_ns for stretch in stretches(session)] == [at(6)]
    session.fold(arrays([ev.Telemetry(at(12), at(12), {"active": [0, 1]})]))
    assert [stretch.end_ns for stretch in stretches(session)] == [at(6), None]
    assert stretches(session)[-1].setting.lanes == (0, 1)


def test_a_plan_goes_on_with_a_lane_whose_fault_is_of_an_unknown_kind() -> None:
    frames = planned(plans.ab(NAMES[:2], rounds=3), lambda *_: 10.0)
    fault = ev.Fault(1, frames[-1].t_ns - 1, "haunted", "", "")  # type: ignore[attr-defined]
    session = folded(arrays([*frames[:-1], fault, frames[-1]]))
    assert runs(session)[0].reached
    assert session.lanes[1].failed_ns is None


# -- nothing takes the square of its length -----------------------------------------------------------------------------


def lines_run(function: Callable[[], object]) -> int:
    """How many lines of Python a call runs, loops counted each time round."""
    count = 0

    def trace(*_: Any) -> Any:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(before)
    return count


def falling_times(number: int) -> list[list[Any]]:
    return [["gate", 0, n % 2 == 0, 0, at(1000) - n] for n in range(number)]


def blocks_that_never_began(number: int) -> list[list[Any]]:
    begun_ = [["block_start", n, 0, CELL, False, at(2), at(2), 0] for n in range(number)]
    return begun_ + [["block_end", -1 - n, at(3), ""] for n in range(number)]


def one_endless_call(number: int) -> list[list[Any]]:
    its = [*row(at(2))[:10], 8, *row(at(2))[11:]]
    return [["samples", 0, 0, 4 * n, [its] * 4] for n in range(number)]


def many_doubts(number: int) -> list[list[Any]]:
    found: list[list[Any]] = []
    for n in range(number):
        found.append(["samples", 0, 1000 + n, n, [row(at(2 + n))]])
        found.append(["telemetry", at(2.5 + n), at(2.5 + n), {"active": []}])
        found += [["block_start", n, 0, CELL, False, at(2 + n), at(2 + n), 0], ["block_end", n, at(2.6 + n), ""]]
    return found


def many_steps(number: int) -> list[list[Any]]:
    found: list[list[Any]] = [["step", 0, at(2), f"step {n}", "begun", 0, 0] for n in range(number)]
    for n in range(number):
        found.append(["fault", 0, at(3 + n), "stuck", "", ""])
        found.append(["samples", 0, 0, n, [row(at(3.5 + n))]])
    return found


@pytest.mark.parametrize(
    "made",
    [falling_times, blocks_that_never_began, one_endless_call, many_doubts, many_steps],
    ids=lambda f: f.__name__,
)
def test_a_log_twice_as_long_takes_twice_the_work(made: Callable[[int], list[list[Any]]]) -> None:
    def work(number: int) -> int:
        session, events = begun(), made(number)

        def whole() -> None:
            session.fold(events)
            stretches(session)

        found = lines_run(whole)
        assert session.left_out == {}
        return found

    once, twice = work(300), work(600)
    assert twice < 2.3 * once, f"{once} lines, then {twice}"


def test_a_lane_remembers_few_loading_steps() -> None:
    session = begun()
    session.fold(many_steps(100))
    assert max(len(life.steps) for life in session.lanes[0].lives) == MOST_STEPS


def test_rows_that_all_say_one_start_are_no_single_call() -> None:
    session = begun()
    session.fold(one_endless_call(100))
    rows = session.lanes[0].rows
    assert len(rows) == 400
    assert len(rows._call) <= CALL_MOST


class Counted(int):
    """A moment that counts how often it is compared."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return int(self) == other

    __hash__ = int.__hash__


def test_flips_of_a_long_session_are_found_without_comparing_each_with_all(monkeypatch: pytest.MonkeyPatch) -> None:
    on, off = (Setting(((0, tuple(sorted(levels.items()))),)) for levels in (ON, OFF))
    session = begun(1)

    def compared(number: int) -> int:
        known = [Stretch(Counted(at(5 * n)), at(5 * n + 5), (on, off)[n % 2]) for n in range(number)]
        monkeypatch.setattr(flip_table, "stretches", lambda session, until_ns=None: known)
        Counted.compared = 0
        assert len(flip_table.flipped(session, at(5 * number))) == 1
        return Counted.compared

    once, twice = compared(200), compared(400)
    assert twice <= 2.3 * max(once, 200), f"{once} comparisons, then {twice}"
