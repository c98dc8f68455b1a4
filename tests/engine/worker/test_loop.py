"""The timed loop against a scripted clock: what is read when, in what order things happen, and what is sent."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from quintet.engine.protocol import events as ev
from quintet.engine.protocol import switches
from quintet.engine.protocol.events import COLUMNS, FLAG_FIRST_PASS, FLAG_SCORED, FLAG_WARM_UP, Frame, Levels
from quintet.engine.protocol.orders import GateOrder, LaneOrder, SetOrder, StopOrder, ValuesOrder
from quintet.engine.worker.backend import LoadFault, Unreadable
from quintet.engine.worker.timed_loop import TimedLoop
from quintet.engine.worker.work import Work

ON = switches.starting_levels(1)
TICK = 1000


class Machine:
    """Clock, backend and outlet in one, so that one list tells the order of everything."""

    def __init__(self, orders: list[list[Frame]] | None = None, images: int = 4) -> None:
        self.trace: list[str] = []
        self.sent: list[Frame] = []
        self.spans = [11, 22, 33]
        self.closed = False
        self.now = 0
        self.costs: dict[str, int] = {}
        self._orders = orders or []
        self._images = images
        self._scored: set[int] = set()
        self.kept = 0
        self.unreadable: set[int] = set()
        self.fails_on: set[int] = set()

    def clock(self) -> int:
        self.now += TICK
        self.trace.append("clock")
        return self.now

    def work(self) -> Work:
        self.trace.append("work")
        return Work(self.now // 2, 1, 2, 3, 4)

    def orders(self, wait_ns: int | None = 0) -> list[Frame]:
        self.trace.append("gate" if wait_ns is None else "pause" if wait_ns else "command")
        if wait_ns and not (self._orders and self._orders[0]):
            self.now += wait_ns
        if not self._orders:
            self.closed = True
            return []
        return self._orders.pop(0)

    def send(self, frame: Frame) -> None:
        self.trace.append(f"send {type(frame).__name__}")
        self.sent.append(frame)

    def _does(self, what: str) -> None:
        self.trace.append(what)
        self.now += self.costs.get(what, 0)

    def load(self, report: Any) -> None:
        self._does("load model")

    def first_predict_done(self) -> None:
        self._does("first predict done")

    def refusal(self, levels: Levels) -> str | None:
        return "no labels here" if levels["score"] != "off" and levels["data"] == "inference" else None

    def apply(self, levels: Levels) -> None:
        self._does("apply")

    def images(self, data: str) -> int:
        return self._images

    def read(self, data: str, index: int) -> int:
        self._does("load")
        if index in self.unreadable:
            raise Unreadable(f"{index} cannot be decoded")
        return index

    def synchronize(self) -> None:
        self._does("sync")

    def predict(self, picture: int) -> int:
        self._does("predict")
        if picture in self.fails_on:
            raise IndexError("no result")
        return picture

    def path(self, data: str, index: int) -> int:
        return index

    def predict_many(self, pictures: list[int]) -> list[int]:
        self._does("predict many")
        return pictures

    def detections(self, result: int) -> int:
        return 3

    def score(self, index: int, result: int, place: int = 0) -> None:
        self._does("score")
        self._scored.add(index)

    def copy(self, result: int, place: int = 0) -> int:
        self._does("copy")
        return result

    def score_copy(self, index: int, copy: int) -> None:
        self._scored.add(index)

    def keep(self, index: int, result: int) -> None:
        self._does("keep")
        self.kept += 1

    def coverage(self) -> tuple[int, int]:
        return len(self._scored), self._images

    def accuracy(self) -> dict[str, float]:
        self._does("accuracy")
        return {"top1": 0.5}

    def kept_short(self) -> int:
        return 0

    def leave_out(self, data: str, index: int) -> None:
        self._does(f"leave out {data} {index}")

    def held_bytes(self) -> int:
        return 7 * self.kept

    def info(self) -> dict[str, Any]:
        return {}

    def rows(self) -> list[dict[str, int]]:
        return [
            dict(zip(COLUMNS, row, strict=True))
            for frame in self.sent
            if isinstance(frame, ev.Samples)
            for row in frame.rows
        ]

    def of(self, kind: type) -> list[Any]:
        return [frame for frame in self.sent if isinstance(frame, kind)]


def loop_on(machine: Machine, levels: Levels = ON, arm: int = 0, seq: int = 0) -> TimedLoop:
    order = LaneOrder(2, {}, levels, arm, seq)
    loop = TimedLoop(order, machine, machine, machine.clock, machine.work)
    loop.begin()
    machine.trace.clear()
    return loop


def test_the_order_of_one_image_and_the_reads_around_predict() -> None:
    machine = Machine([[GateOrder(1, True)], [], [StopOrder(2)]])
    loop_on(machine).run()
    one = machine.trace[machine.trace.index("command") :]
    assert one[: one.index("command", 1)] == [
        "command",
        "clock", "load", "clock",
        "sync",
        "clock", "predict", "sync", "clock",
        "score", "clock",
        "clock", "keep", "clock",
        "clock",  # is a new accuracy due?
    ]  # fmt: skip


def test_a_parked_lane_waits_at_its_gate_before_it_loads() -> None:
    machine = Machine([[], [GateOrder(1, True)], [], [StopOrder(2)]])
    loop_on(machine).run()
    assert machine.trace.index("load") > machine.trace.index("send Gate")
    assert machine.trace[:2] == ["gate", "gate"]


def test_columns_say_what_their_names_say() -> None:
    machine = Machine([[GateOrder(1, True)], [], [StopOrder(2)]])
    machine.costs = {"load": 5_000, "sync": 100, "predict": 70_000, "score": 9_000, "keep": 400}
    loop_on(machine).run()
    first, second = machine.rows()
    assert first["load"] == 5_000 + TICK
    assert first["predict"] == 70_000 + 100 + TICK
    assert first["score"] == 9_000 + TICK
    assert (first["pre"], first["infer"], first["post"]) == (11, 22, 33)
    assert (first["image"], second["image"]) == (0, 1)
    assert (first["detections"], first["batch"], first["delay"]) == (3, 1, 0)
    assert first["wait"] == 0
    assert (second["keep"], first["keep"], second["cpu"]) == (400 + TICK, 0, 0)
    ended = first["start"] + first["predict"] + first["score"]
    untold = second["start"] - ended - second["wait"] - second["value"] - second["keep"] - second["load"]
    assert 0 <= untold <= 100 + TICK  # the sync before t0, and one reading of the clock


def test_computing_a_value_is_a_column_of_its_own_and_no_part_of_wait() -> None:
    machine = Machine([[GateOrder(1, True)], [], [], [StopOrder(2)]])
    machine.costs = {"accuracy": 50_000_000}
    loop_on(machine).run()

    first, second, third = machine.rows()
    assert (first["value"], third["value"]) == (0, 0)
    assert second["value"] == 50_000_000 + TICK
    assert second["wait"] < 10 * TICK


def test_while_a_plan_holds_values_they_are_computed_before_an_answer_only() -> None:
    hold, change = ValuesOrder(False), SetOrder(2, {"score": "inline"})
    machine = Machine([[hold, GateOrder(1, True)], [], [], [], [change], [], [StopOrder(3)]])
    loop_on(machine).run()

    kinds = [type(frame).__name__ for frame in machine.sent if not isinstance(frame, ev.Work | ev.Telemetry)]
    assert kinds.count("Value") == 1
    assert kinds[kinds.index("Value") + 1 :][:2] == ["Samples", "Answer"]
    changed_at = next(answer.from_seq for answer in machine.of(ev.Answer) if answer.id == 2)
    assert [number for number, row in enumerate(machine.rows()) if row["value"]] == [changed_at]


def test_the_cores_share_is_told_once_a_flush_and_before_each_answer() -> None:
    machine = Machine([[GateOrder(1, True)], *([[]] * 30), [StopOrder(2)]])
    machine.costs = {"predict": 50_000_000}
    loop_on(machine).run()

    told = machine.of(ev.Work)
    assert told[0].from_seq == 0
    assert [later.from_seq - one.from_seq for one, later in pairwise(told[1:-1])] == [5] * (len(told) - 3)
    assert machine.trace.count("work") == len(told)
    for number, what in enumerate(machine.trace):
        if what == "predict":  # nothing but the clock and the device beside it
            assert machine.trace[number - 1] == machine.trace[number + 2] == "clock"
            assert machine.trace[number - 2] == "sync"


def test_scores_only_when_it_is_switched_on_and_says_so() -> None:
    off = switches.changed(ON, {"mode": "withoutval"})
    machine = Machine([[GateOrder(1, True)], [SetOrder(2, {"mode": "validation"})], [StopOrder(3)]])
    loop_on(machine, off).run()
    before, after = machine.rows()
    assert (before["score"], before["flags"] & FLAG_SCORED) == (0, 0)
    assert after["score"] > 0
    assert after["flags"] & FLAG_SCORED
    assert machine.kept == 1


def test_an_arm_begins_at_an_image_edge_and_is_confirmed_after_its_rows_are_sent() -> None:
    change = SetOrder(7, {"score": "off"})
    machine = Machine([[GateOrder(1, True)], [], [change], [], [StopOrder(9)]])
    loop_on(machine, arm=4, seq=100).run()
    kinds = [type(frame).__name__ for frame in machine.sent]
    assert kinds[kinds.index("Samples") :][:3] == ["Samples", "Arm", "Work"]
    assert [(frame.arm, frame.first_seq, len(frame.rows)) for frame in machine.of(ev.Samples)] == [
        (4, 100, 2),
        (5, 102, 2),
    ]
    arm = machine.of(ev.Arm)[-1]
    assert (arm.lane, arm.arm, arm.from_seq, arm.levels["score"], arm.levels["mode"]) == (2, 5, 102, "off", None)
    assert set(arm.levels) == {"mode", *switches.BY_NAME}
    answer = next(frame for frame in machine.of(ev.Answer) if frame.id == 7)
    assert (answer.outcome, answer.from_seq) == ("done", 102)


@pytest.mark.parametrize(
    ("levels", "outcome", "says"),
    [
        ({"mode": "validation"}, "same", ""),
        ({"data": "inference"}, "refused", "no labels"),
        ({"score": "loud"}, "refused", "its levels are"),
        ({"colour": "red"}, "refused", "there is no switch"),
        ({"threads": 2}, "refused", "fixed at start"),
    ],
)
def test_what_changes_nothing_or_cannot_be_is_answered_and_begins_no_arm(
    levels: Levels, outcome: str, says: str
) -> None:
    machine = Machine([[SetOrder(1, levels)], [StopOrder(2)]])
    loop_on(machine).run()
    answer = machine.of(ev.Answer)[0]
    assert answer.outcome == outcome
    assert says in answer.text
    assert len(machine.of(ev.Arm)) == 1


def test_a_parked_lane_applies_and_answers_at_once() -> None:
    machine = Machine([[SetOrder(1, {"mode": "withoutval"})], [StopOrder(2)]])
    loop_on(machine).run()
    assert [(frame.id, frame.outcome) for frame in machine.of(ev.Answer)] == [(1, "done"), (2, "done")]
    assert machine.rows() == []


def test_closing_the_gate_sends_the_rows_first() -> None:
    machine = Machine([[GateOrder(1, True)], [], [GateOrder(2, False)], [GateOrder(3, False)], [StopOrder(4)]])
    loop_on(machine).run()
    kinds = [type(frame).__name__ for frame in machine.sent]
    assert kinds.index("Samples") < max(place for place, kind in enumerate(kinds) if kind == "Gate")
    assert [frame.open for frame in machine.of(ev.Gate)] == [True, False]
    assert {frame.id: frame.outcome for frame in machine.of(ev.Answer)}[3] == "same"


def test_warm_up_is_recorded_and_flagged_and_the_first_pass_is_too() -> None:
    machine = Machine([[] for _ in range(40)], images=10)
    loop = loop_on(machine)
    assert loop.warm_up() == 30
    rows = machine.rows()
    assert all(row["flags"] & FLAG_WARM_UP for row in rows)
    assert [bool(row["flags"] & FLAG_FIRST_PASS) for row in rows] == [True] * 10 + [False] * 20
    assert machine.trace.count("first predict done") == 1
    assert [row["image"] for row in rows[:11]] == [*range(10), 0]
    steps = machine.of(ev.Step)
    assert (steps[0].state, steps[-1].state, steps[-1].done) == ("begun", "done", 30)


def test_slow_warm_up_ends_after_twenty_seconds_but_not_before_three_images() -> None:
    machine = Machine([[] for _ in range(40)])
    machine.costs = {"predict": 15_000_000_000}
    assert loop_on(machine).warm_up() == 3


def test_batches_hold_32_rows_or_a_quarter_second() -> None:
    fast = Machine([[GateOrder(1, True)], *[[] for _ in range(70)], [StopOrder(2)]])
    loop_on(fast).run()
    assert [len(frame.rows) for frame in fast.of(ev.Samples)] == [32, 32, 7]
    slow = Machine([[GateOrder(1, True)], *[[] for _ in range(6)], [StopOrder(2)]])
    slow.costs = {"predict": 100_000_000}
    loop_on(slow).run()
    assert [len(frame.rows) for frame in slow.of(ev.Samples)] == [3, 3, 1]


def test_accuracy_is_computed_at_full_coverage_and_else_within_its_share() -> None:
    machine = Machine([[GateOrder(1, True)], *[[] for _ in range(1200)], [StopOrder(2)]], images=100)
    machine.costs = {"predict": 10_000_000, "accuracy": 200_000_000}
    loop_on(machine).run()
    values = machine.of(ev.Value)
    assert values[0].images == 1
    assert [value.images for value in values].count(100) >= 1
    first_whole = next(value for value in values if value.images == value.of)
    gaps = [after.t_ns - before.t_ns for before, after in pairwise(values) if after is not first_whole]
    assert min(gaps) >= 20 * 200_000_000
    assert values[0].cost_ns == 200_000_000 + TICK


def test_ends_when_the_supervisor_is_gone_and_sends_what_it_has() -> None:
    machine = Machine([[GateOrder(1, True)], [], []])
    loop = loop_on(machine)
    loop.run()
    assert loop.stopped
    assert len(machine.rows()) == 3


def test_an_image_that_cannot_be_decoded_is_left_out_and_told() -> None:
    machine = Machine([[GateOrder(1, True)], [], [], [], [], [], [StopOrder(2)]])
    machine.unreadable = {1}
    loop_on(machine).run()

    assert [row["image"] for row in machine.rows()] == [0, 2, 3, 0, 2]
    assert machine.trace.count("leave out validation 1") == 1
    told = machine.of(ev.Telemetry)[-1].values
    assert told["notes"] == [{"data": "validation", "kind": "unreadable", "count": 1, "example": "1 cannot be decoded"}]


def test_one_of_a_batch_is_left_out_and_the_call_is_made_without_it() -> None:
    machine = Machine([[GateOrder(1, True)], [], [], [StopOrder(2)]])
    machine.unreadable = {1}
    loop_on(machine, switches.changed(ON, {"batch": 2})).run()

    assert [row["image"] for row in machine.rows()] == [0, 2, 3, 0]


def test_a_predict_that_fails_on_a_path_blames_the_picture_only_if_it_cannot_be_read() -> None:
    machine = Machine([[GateOrder(1, True)], [], [], [StopOrder(2)]])
    machine.unreadable = {0}
    machine.fails_on = {0}
    loop_on(machine, switches.changed(ON, {"source": "path"})).run()
    assert [row["image"] for row in machine.rows()] == [1, 2]

    machine = Machine([[GateOrder(1, True)], [], [StopOrder(2)]])
    machine.fails_on = {0}
    with pytest.raises(IndexError):
        loop_on(machine, switches.changed(ON, {"source": "path"})).run()


def test_without_any_image_left_the_lane_fails_with_a_sentence() -> None:
    machine = Machine([[GateOrder(1, True)], *([[]] * 9)], images=2)
    machine.unreadable = {0, 1}

    with pytest.raises(LoadFault, match="no validation picture can be read any more; the last: 1 cannot be decoded"):
        loop_on(machine).run()
