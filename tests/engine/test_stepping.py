"""Stepping: a plan carried out against lanes that answer, refuse, fall silent and die, by script."""

from __future__ import annotations

from collections.abc import Callable

from quintet.engine.plan.executor import Append, Over, Send, Stepping
from quintet.engine.plan.plan import Plan, ab, observe, study
from quintet.engine.protocol import events as ev
from quintet.engine.protocol.events import Answer, BlockEnd, BlockStart, Fault, Ready, Step
from tests.making import BEGIN, NAMES, SECOND, row

FAST = [20e6] * 6


class Script:
    """Obeys a Stepping: every lane answers 50 ms later, unless `outcome` says otherwise."""

    def __init__(self, plan: Plan, cycles: list[float] | None = None, first_block: int = 0) -> None:
        if cycles is None:
            cycles = FAST[: len(plan.regimes)]
        self.stepping = Stepping(plan, first_block=first_block, slowest_cycles_ns=cycles or None)
        self.now = BEGIN
        self.sends: list[Send] = []
        self.starts: list[BlockStart] = []
        self.ends: list[BlockEnd] = []
        self.entered: list[list[Send]] = []
        self.counted = 0
        self.over: Over | None = None
        self.next_id = 1
        self.pending: list[Answer] = []
        self.outcome: Callable[[Send, int], str] = lambda send, lane: "done"
        self.cycle_ns: int | None = None

    def obey(self) -> None:
        for action in self.stepping.next(self.now, self.next_id):
            if isinstance(action, Send):
                assert action.id == self.next_id
                self.next_id += 1
                self.sends.append(action)
                self.pending += [
                    Answer(action.id, lane, self.now + 50_000_000 + lane, 0, self.outcome(action, lane), "no")
                    for lane in action.lanes
                ]
            elif isinstance(action, Append):
                if isinstance(action.frame, BlockStart):
                    self.starts.append(action.frame)
                    self.entered.append([send for send in self.sends[self.counted :] if "plan" not in send.what])
                    self.counted = len(self.sends)
                else:
                    self.ends.append(action.frame)
            else:
                self.over = action

    def step(self) -> None:
        """Until the next thing happens."""
        self.obey()
        if self.over:
            return
        if self.pending:
            answer = self.pending.pop(0)
            self.now = max(self.now, answer.t_ns)
            self.stepping.take(answer)
            return
        assert self.stepping.wake_ns is not None
        if self.cycle_ns is not None:
            self._images(self.now, self.stepping.wake_ns)
        self.now = self.stepping.wake_ns

    def _images(self, begin_ns: int, end_ns: int) -> None:
        assert self.cycle_ns is not None
        first = begin_ns + -begin_ns % self.cycle_ns
        rows = [row(t) for t in range(first, end_ns, self.cycle_ns)]
        for lane in self.starts[-1].cell["lanes"]:
            self.stepping.take(ev.Samples(lane, 0, 0, rows))

    def until_block(self, count: int) -> None:
        while len(self.starts) < count:
            self.step()

    def run(self) -> Script:
        while not self.over:
            self.step()
        return self

    @property
    def voids(self) -> list[str]:
        return [end.void for end in self.ends]


def test_a_plan_runs_its_rounds_and_lets_the_lanes_go() -> None:
    script = Script(ab(NAMES, rounds=3)).run()
    assert script.over == Over("planned")
    assert [(s.block, s.round, s.placebo) for s in script.starts if s.placebo] != []
    assert len(script.starts) == len(script.ends) == 3 * 2 + 2
    assert script.voids == [""] * 8
    for start, end in zip(script.starts, script.ends, strict=True):
        assert start.block == end.block
        assert start.started_ns == start.requested_ns + 50_000_000 + 4
        assert end.t_ns - start.started_ns - start.burn_in_ns == 4 * SECOND
    assert [send.what for send in script.sends[-6:]] == [{"set": {"mode": "validation"}}] * 5 + [{"gate": True}]


def test_the_plan_is_told_when_it_is_fixed_and_when_it_is_over() -> None:
    script = Script(ab(NAMES, rounds=1)).run()
    told = [send.what["plan"] for send in script.sends if "plan" in send.what]
    assert [(plan["state"], plan["reason"]) for plan in told] == [("fixed", ""), ("over", "planned")]


def test_blocks_are_numbered_on_from_the_sessions() -> None:
    assert Script(ab(NAMES, rounds=1), first_block=7).run().starts[0].block == 7


def test_parked_lanes_are_parked_and_a_placebo_gets_the_same_commands() -> None:
    script = Script(study(NAMES, rounds=1)).run()
    for start in script.starts:
        active = tuple(start.cell["lanes"])
        parked = tuple(lane for lane in range(5) if lane not in active)
        expected = ([("gate", parked)] if parked else []) + [("set", active), ("gate", active)]
        assert [(next(iter(send.what)), send.lanes) for send in script.entered[start.block]] == expected
    assert sum(start.placebo for start in script.starts) == 1


def test_calibration_fixes_lengths_in_blocks_that_are_void() -> None:
    script = Script(ab(NAMES, minutes=5), cycles=[])
    script.cycle_ns = 200_000_000
    script.run()
    assert script.voids[:2] == ["calibration"] * 2
    assert [start.round for start in script.starts[:3]] == [-1, -1, 0]
    told = [send.what["plan"] for send in script.sends if "plan" in send.what]
    assert [plan["state"] for plan in told] == ["calibrating", "fixed", "over"]
    assert told[1]["regimes"][0]["measured_ns"] == 6 * SECOND
    assert told[1]["rounds"] == 16
    assert 270 * SECOND < script.now - BEGIN < 300 * SECOND


def calibrated_cycle(script: Script, calls: int, images: int) -> int:
    """The cycle that is fixed when each calibration sees so many calls of so many images, a second apart."""

    def _images(begin_ns: int, end_ns: int) -> None:
        starts = range(begin_ns - begin_ns % SECOND + SECOND, end_ns, SECOND)
        seen = [start for start in starts if start <= script.starts[-1].started_ns + (calls + 1) * SECOND]
        for lane in script.starts[-1].cell["lanes"]:
            script.stepping.take(ev.Samples(lane, 0, 0, [row(start) for start in seen for _ in range(images)]))

    script.cycle_ns, script._images = SECOND, _images  # type: ignore[method-assign]
    while not script.stepping.plan.lengths:
        script.step()
    return int(script.stepping.plan.lengths[0].settle_ns)


def test_calibration_counts_calls_and_not_the_images_of_a_call() -> None:
    assert calibrated_cycle(Script(ab(NAMES, minutes=2), cycles=[]), 30, 8) == SECOND


def test_a_calibration_that_sees_no_whole_call_takes_the_lanes_last_cycle() -> None:
    script = Script(ab(NAMES, minutes=2))
    script.stepping = Stepping(script.stepping.plan, cycles_ns=dict.fromkeys(range(5), 12 * SECOND))

    assert calibrated_cycle(script, 1, 1) == 12 * SECOND


def test_calibration_without_images_ends_all_the_same() -> None:
    script = Script(ab(NAMES, rounds=1), cycles=[]).run()
    assert script.voids[:2] == ["calibration"] * 2
    told = script.stepping.plan.lengths[0]
    assert told.measured_ns >= 20 * SECOND


def test_a_silent_lane_voids_its_block_and_is_left_out_after_the_second() -> None:
    script = Script(ab(NAMES, rounds=4))
    script.outcome = lambda send, lane: "silent" if lane == 3 and send.id > 5 else "done"
    script.run()
    assert script.voids.count("seg did not answer") == 2
    left = [start.cell["lanes"] for start, end in zip(script.starts, script.ends, strict=True) if not end.void]
    assert [0, 1, 2, 4] in left
    assert {"gate": False} in [send.what for send in script.sends if send.lanes == (3,)]
    assert script.over == Over("planned")


def test_a_lane_that_leaves_two_commands_of_a_block_unanswered_missed_one_block() -> None:
    script = Script(ab(NAMES, rounds=4))
    script.outcome = lambda send, lane: "silent" if lane in (3, 4) and len(script.starts) == 1 else "done"
    while not any(answer.outcome == "silent" for answer in script.pending):
        script.step()
    assert [answer.lane for answer in script.pending if answer.outcome == "silent"] == [3, 4, 3, 4]
    for answer in script.pending:  # the supervisor says all that is overdue at once
        script.stepping.take(answer)
    script.pending.clear()
    script.run()
    assert [void for void in script.voids if void] == ["seg did not answer"]
    assert all(start.cell["lanes"] == [0, 1, 2, 3, 4] for start in script.starts)


def test_a_refused_cell_is_void_and_left_out_after_the_second_time() -> None:
    script = Script(study(NAMES, rounds=4))
    script.outcome = lambda send, lane: "refused" if send.what == {"set": {"mode": "inference"}} else "done"
    script.run()
    refused = [start.cell["levels"]["mode"] for start, end in zip(script.starts, script.ends, strict=True) if end.void]
    assert set(refused) == {"inference"}
    assert len(refused) <= 2 * 6 + 1
    assert set(script.voids) == {"", *(f"{lane} refused: no" for lane in NAMES)}


def test_a_lane_that_dies_in_a_block_voids_it_and_the_rest_goes_on() -> None:
    script = Script(ab(NAMES, rounds=2))
    script.until_block(1)
    script.stepping.take(Fault(1, script.now, "died", "", ""))
    script.run()
    assert script.voids[0] == "detect ended"
    assert script.starts[1].cell == {**script.starts[0].cell, "lanes": [0, 2, 3, 4]}
    assert script.starts[1].cell["regime"] == "together"
    assert script.voids[1:] == [""] * 5


def test_a_parked_lanes_death_spoils_nothing_and_its_cells_are_missing() -> None:
    script = Script(study(NAMES, rounds=1))
    script.until_block(1)
    while script.starts[-1].cell["lanes"] == [2] or len(script.starts[-1].cell["lanes"]) > 1:
        script.step()
    before = len(script.starts)
    script.stepping.take(Fault(2, script.now, "died", "", ""))
    script.run()
    assert script.voids == [""] * len(script.starts)
    assert all(2 not in start.cell["lanes"] for start in script.starts[before:])


def test_a_lane_that_dies_while_a_visit_is_entered_is_not_waited_for() -> None:
    script = Script(ab(NAMES, rounds=1))
    script.obey()
    script.pending = [answer for answer in script.pending if answer.lane != 4]
    for answer in script.pending:
        script.stepping.take(answer)
    script.pending.clear()
    script.obey()
    assert script.starts == []
    script.stepping.take(Fault(4, script.now, "died", "", ""))
    script.run()
    assert script.voids[0] == "obb ended"
    assert script.voids[1:] == [""] * 3


def test_a_restarted_lane_is_parked_and_left_out() -> None:
    script = Script(ab(NAMES, rounds=2))
    script.until_block(1)
    script.stepping.take(Step(0, script.now, "model", "begun", 0, 1))
    script.until_block(2)
    script.stepping.take(Ready(0, script.now, 1, {}))
    script.run()
    assert script.voids[:3] == ["cls was restarted", "cls came back", ""]
    assert script.starts[2].cell["lanes"] == [1, 2, 3, 4]
    assert any(send.what == {"gate": False} and send.lanes == (0,) for send in script.sends)


def test_without_lanes_the_plan_is_over() -> None:
    script = Script(ab(("a",), rounds=2))
    script.until_block(1)
    script.stepping.take(Fault(0, script.now, "died", "", ""))
    assert script.run().over == Over("lanes")


def test_pause_voids_the_block_and_resume_repeats_it() -> None:
    script = Script(ab(NAMES, rounds=2))
    script.until_block(2)
    script.stepping.pause()
    script.obey()
    assert script.voids[-1] == "paused"
    assert script.stepping.wake_ns is None
    script.now += 60 * SECOND
    script.obey()
    assert len(script.starts) == 2
    script.stepping.resume()
    script.run()
    again = script.starts[2]
    assert (again.round, again.cell, again.placebo) == (
        script.starts[1].round, script.starts[1].cell, script.starts[1].placebo,
    )  # fmt: skip
    assert script.voids == ["", "paused", "", "", "", ""]


def test_pause_while_a_visit_is_entered() -> None:
    script = Script(ab(NAMES, rounds=1))
    script.obey()
    script.stepping.pause()
    script.obey()
    assert script.voids == ["paused"]
    script.stepping.resume()
    script.run()
    assert script.voids == ["paused", "", "", ""]


def test_stop_ends_with_what_there_is() -> None:
    script = Script(ab(NAMES, rounds=20))
    script.until_block(5)
    script.stepping.stop()
    script.run()
    assert script.over == Over("stopped")
    assert script.voids == [""] * 4 + ["stopped"]


def test_observe_flips_the_screen_in_every_lane() -> None:
    script = Script(observe(NAMES, rounds=1)).run()
    asked = [send for send in script.sends if "screen" in send.what.get("set", {})]
    assert {send.what["set"]["screen"] for send in asked} == {"on", "off"}
    assert asked[-1].what == {"set": {"screen": "on"}}
    assert script.starts[0].cell["levels"].keys() == {"screen"}


def test_home_is_what_the_lanes_had_before() -> None:
    stepping = Stepping(
        ab(("a", "b"), rounds=1, switch="keep", levels=("off", "results")),
        home={0: {"mode": "inference"}},
        slowest_cycles_ns=[1e7],
    )
    stepping.stop()
    sent = [action for action in stepping.next(0, 1) if isinstance(action, Send)]
    assert [(send.what, send.lanes) for send in sent[2:]] == [
        ({"set": {"mode": "inference"}}, (0,)), ({"set": {"keep": "off"}}, (1,)), ({"gate": True}, (0, 1)),
    ]  # fmt: skip
