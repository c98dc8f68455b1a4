"""Tables of contrasts: the study's own numbers, and planned sessions whose every block mean is known."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from quintet.engine.analysis import statistics, verdicts
from quintet.engine.analysis.blocks import BLOCK_OUTCOMES, RATE, Measures, runs
from quintet.engine.analysis.contrasts import Cell, Table, cell_means, lamp, recipes, tables
from quintet.engine.analysis.hand_flips import by_hand
from quintet.engine.analysis.verdicts import TOO_FEW
from quintet.engine.plan.plan import ab, study, visits
from quintet.engine.protocol import events as ev
from quintet.engine.protocol import switches
from quintet.engine.session.session import Session
from quintet.engine.session.settings import setting_of
from tests.making import NAMES, OFF, ON, Maker, arrays, at
from tests.planned import PredictMs, folded, planned

SEED = json.loads((Path(__file__).parent.parent / "data" / "seed_tables.json").read_text())


def percentages(means: Mapping[str, Mapping[Cell, float]]) -> dict[str, dict[str, float]]:
    """The study's tables from plain cell means (any unit): table -> lane -> percent, without intervals."""
    found: dict[str, dict[str, float]] = {}
    modes = sorted({str(mode) for cells in means.values() for _, mode in cells})
    for name, recipe in recipes("study", "mode", modes, ["alone", "together"]).items():
        rows = {
            lane: statistics.percent(sum(sign * math.log(cells[cell]) for cell, sign in recipe))
            for lane, cells in means.items()
            if all(cell in cells for cell, _ in recipe)
        }
        if rows:
            found[name] = rows
    return found


def test_the_studys_means_give_its_printed_percentages_and_its_interaction() -> None:
    means = {
        lane: {(key.split("_")[1], key.split("_")[0]): ms for key, ms in cells.items()}
        for lane, cells in SEED["mean_ms"].items()
    }
    found = percentages(means)
    assert set(found) == set(SEED["percent"])
    for name, rows in SEED["percent"].items():
        for lane, printed in rows.items():
            assert found[name][lane] == pytest.approx(printed, abs=0.2), (name, lane)


def named(session: Session, outcome: str = "predict") -> dict[str, Table]:
    return {table.name: table for table in tables(session, outcome)}


def study_ms(lane: int, regime: str, mode: str, number: int) -> float:
    """The study's means, with a wobble that is a round's own."""
    cells = SEED["mean_ms"][NAMES[lane]]
    return float(cells.get(f"{mode}_{regime}", 40.0)) * (1 + 0.001 * ((number * 7 + lane) % 5))


@pytest.fixture(scope="module")
def studied() -> Session:
    return folded(planned(study(NAMES, rounds=6), study_ms))


def test_a_planned_study_gives_the_same_percentages_with_intervals(studied: Session) -> None:
    found = named(studied)
    assert set(SEED["percent"]) < set(found)
    assert set(found) - set(SEED["percent"]) == {
        "change_vs_inference.inference_together", "together_vs_alone.inference",
    }  # fmt: skip
    for name, rows in SEED["percent"].items():
        for lane, printed in rows.items():
            contrast = found[name].lanes[NAMES.index(lane)]
            assert contrast.change_pct == pytest.approx(printed, abs=0.2)
            assert (contrast.rounds, contrast.interval) == (6, "planned")
    assert found["accuracy_off.together"].lanes[1].verdict == "slower"
    assert found["accuracy_off.together"].lanes[0].verdict == "faster"
    assert found["accuracy_off.alone"].lanes[1].verdict == "same"
    assert found["accuracy_off.together"].among == (0, 1, 2, 3, 4)
    assert found["accuracy_off.alone"].among == ()


def test_every_outcome_has_its_tables_and_a_rate_is_the_cycles_inverse(studied: Session) -> None:
    assert all(set(named(studied, outcome)) == set(named(studied)) for outcome in BLOCK_OUTCOMES if outcome != "infer")
    cycle, rate = named(studied, "cycle"), named(studied, RATE)
    one, other = cycle["accuracy_off.together"].lanes[2], rate["accuracy_off.together"].lanes[2]
    assert math.log1p((one.change_pct or 0) / 100) == pytest.approx(-math.log1p((other.change_pct or 0) / 100))


def test_cells_are_means_over_blocks(studied: Session) -> None:
    found = {(c.lane, c.regime, c.level): c for c in cell_means(studied, runs(studied)[0])}
    assert len(found) == 5 * 6
    cell = found[1, "together", "validation"]
    assert cell.mean / 1e6 == pytest.approx(48.42, rel=0.005)
    assert (cell.low or 0) < cell.mean < (cell.high or 0)
    placebos = [b for b in studied.blocks if b.start.placebo and b.cell.levels["mode"] == "validation"]
    assert (cell.blocks, cell.lanes) == (6 + len(placebos), (0, 1, 2, 3, 4))
    assert cell.images_per_s == pytest.approx(12.5)
    assert cell.images == pytest.approx(cell.blocks * 50, abs=cell.blocks)
    assert cell.p50_ns is not None


def wobbly(effect_pct: float, sd: float, seed: int = 1) -> PredictMs:
    rng = random.Random(seed)

    def predict_ms(lane: int, regime: str, level: str, number: int) -> float:
        return 20 * (1 + effect_pct / 100 * (level == "withoutval")) * math.exp(rng.gauss(0, sd))

    return predict_ms


def test_an_ab_fills_accuracy_off_and_a_plan_under_way_is_live() -> None:
    session = folded(planned(ab(NAMES, rounds=9), wobbly(10, 0.005), over=""))
    found = named(session)
    assert list(found) == ["accuracy_off.together"]
    assert {contrast.interval for contrast in found["accuracy_off.together"].lanes.values()} == {"live"}
    stopped = folded(planned(ab(NAMES, rounds=9), wobbly(10, 0.005), over="stopped"))
    assert {c.interval for c in named(stopped)["accuracy_off.together"].lanes.values()} == {"live"}
    done = folded(planned(ab(NAMES, rounds=9), wobbly(10, 0.005)))
    assert {c.interval for c in named(done)["accuracy_off.together"].lanes.values()} == {"planned"}


def test_other_switches_levels_and_regimes_have_their_own_names() -> None:
    plan = ab(NAMES, switch="sync", levels=("each", "none"), regime="detect+seg", rounds=2)
    session = folded(planned(plan, lambda *_: 20.0))
    found = named(session)
    assert list(found) == ["sync.each.none.detect+seg"]
    assert set(found["sync.each.none.detect+seg"].lanes) == {1, 3}
    assert found["sync.each.none.detect+seg"].lanes[1].note == TOO_FEW
    back = ab(NAMES, levels=("withoutval", "validation"), rounds=2)
    assert list(named(folded(planned(back, lambda *_: 20.0)))) == ["mode.withoutval.validation.together"]


def test_void_blocks_and_their_rounds_difference_do_not_count() -> None:
    def predict_ms(lane: int, regime: str, level: str, number: int) -> float:
        return 20.0 if number else 60.0 if level == "withoutval" else 20.0

    plan = ab(NAMES, rounds=6)
    whole = named(folded(planned(plan, predict_ms)))["accuracy_off.together"].lanes[0]
    without = named(folded(planned(plan, predict_ms, void=(0, 1, 2))))["accuracy_off.together"].lanes[0]
    assert (whole.rounds, without.rounds) == (6, 5)
    assert (whole.change_pct or 0) > 1
    assert without.change_pct == pytest.approx(0)


def test_a_block_in_which_a_lane_changed_does_not_count() -> None:
    plan = ab(NAMES, rounds=6)
    frames = planned(plan, lambda *_: 20.0)
    block = next(frame for frame in frames if isinstance(frame, ev.BlockStart) and frame.block == 5)
    frames.append(ev.Arm(3, 99, 10_000, block.started_ns + 2_000_000_000, OFF))
    assert named(folded(frames))["accuracy_off.together"].lanes[0].rounds == 5


def test_rounds_of_different_company_are_not_pooled() -> None:
    frames = planned(ab(NAMES, rounds=8), lambda *_: 20.0)
    thinned = [
        frame._replace(cell={**frame.cell, "lanes": [0, 1, 2, 3]})
        if isinstance(frame, ev.BlockStart) and frame.round >= 6
        else frame
        for frame in frames
    ]
    table = named(folded(thinned))["accuracy_off.together"]
    assert table.among == (0, 1, 2, 3, 4)
    assert {lane: contrast.rounds for lane, contrast in table.lanes.items()} == dict.fromkeys(range(5), 6)


def test_the_placebo_lamp_takes_the_verdicts() -> None:
    visited: list[tuple[int, str]] = []

    def haunted(lane: int, regime: str, level: str, number: int) -> float:
        """The second visit of the same cell is 10 % slower."""
        key = (number * 10 + lane, level)
        visited.append(key)
        return (22.0 if visited.count(key) > 1 else 20.0) + 0.01 * ((number * 7 + lane) % 5)

    session = folded(planned(ab(("a", "b"), rounds=16), haunted))
    run = runs(session)[0]
    assert lamp(session, run)[:3] == ("on", (0, 1), 8)
    assert named(session)["accuracy_off.together"].lanes[0].verdict is None
    quiet = folded(planned(ab(("a", "b"), rounds=16), wobbly(0, 0.005)))
    assert lamp(quiet, runs(quiet)[0]).state == "off"
    short = folded(planned(ab(("a", "b"), rounds=6), wobbly(0, 0.005)))
    assert lamp(short, runs(short)[0]).state is None


def test_a_placebos_visit_counts_for_its_cell_as_well() -> None:
    """Two visits of 10 and 30 ms are one of 20 ms: nothing else differs between them."""
    visited: list[tuple[int, str, int]] = []

    def predict_ms(lane: int, regime: str, level: str, number: int) -> float:
        visited.append((lane, level, number))
        again = visited.count((lane, level, number)) > 1
        doubled = next(v.levels[0][1] for v in visits(plan, number) if v.placebo) if number % 2 == 0 else ""
        return 20.0 if level != doubled else 30.0 if again else 10.0

    plan = ab(NAMES, rounds=6)
    table = named(folded(planned(plan, predict_ms)))["accuracy_off.together"]
    assert table.differences[0] == pytest.approx([0] * 6)


def test_a_later_plan_of_the_same_table_stands() -> None:
    frames = planned(ab(NAMES, rounds=5), wobbly(50, 0.001))
    later = planned(ab(NAMES, rounds=6), wobbly(5, 0.001))
    blocks = sum(isinstance(frame, ev.BlockStart) for frame in frames)
    last = max(frame.t_ns for frame in frames if isinstance(frame, ev.Command))
    moved = [_later(frame, last - at(0) + 1, blocks) for frame in later[1:] if not isinstance(frame, ev.Ready)]
    session = folded([*frames, *moved])
    assert [run.plan.rounds for run in runs(session)] == [5, 6]
    table = named(session)["accuracy_off.together"]
    assert table.lanes[0].change_pct == pytest.approx(5, abs=0.5)
    assert table.lanes[0].rounds == 6


def _later(frame: ev.Frame, by_ns: int, blocks: int) -> ev.Frame:
    if isinstance(frame, ev.Samples):
        rows = [[row[0], row[1] + by_ns, *row[2:]] for row in frame.rows]
        return frame._replace(rows=rows, first_seq=frame.first_seq + 100_000)
    if isinstance(frame, ev.BlockStart):
        return frame._replace(
            block=frame.block + blocks, requested_ns=frame.requested_ns + by_ns, started_ns=frame.started_ns + by_ns
        )
    if isinstance(frame, ev.BlockEnd):
        return frame._replace(block=frame.block + blocks, t_ns=frame.t_ns + by_ns)
    assert isinstance(frame, (ev.Arm, ev.Gate, ev.Command))
    return frame._replace(t_ns=frame.t_ns + by_ns)


def test_a_memo_gives_the_same_tables_while_the_session_grows() -> None:
    frames = planned(ab(NAMES, rounds=10), wobbly(10, 0.01))
    session = Session()
    measures = Measures(session)
    told = arrays(frames)
    for place in range(0, len(told), 200):
        session.fold(told[place : place + 200])
        assert tables(session, measures=measures) == tables(session)


def flips(triples: int, off_ms: float, *, hold: float = 6.0) -> Maker:
    """On, off, on, off, ... by hand, each held for 6 s; lane l takes l ms more."""
    made = Maker().ready().gate_all(2)
    now = 2.0
    for number in range(3 * triples):
        off = number % 2 == 1
        if number:
            made.set_all(now, OFF if off else ON)
        predict = (off_ms if off else 10) * (1 + 0.002 * (number * 5 % 7))
        made.images_all(now + 0.1, now + hold, predict)
        now += hold
    return made


def test_flips_by_hand_have_an_interval_from_eight_triples_on() -> None:
    on, off = (setting_of(dict.fromkeys(range(5), levels)) for levels in (ON, OFF))
    seven = by_hand(flips(7, 12).session(), on, off)[0]
    assert (seven.rounds, seven.interval, seven.note) == (7, None, TOO_FEW)
    eight = by_hand(flips(8, 12).session(), on, off)[0]
    assert (eight.rounds, eight.interval, eight.verdict) == (8, "exploratory", "slower")
    assert eight.change_pct == pytest.approx(20, abs=0.5)


def test_a_stretch_that_is_no_block_long_forms_no_triple() -> None:
    on, off = (setting_of(dict.fromkeys(range(5), levels)) for levels in (ON, OFF))
    assert by_hand(flips(8, 12, hold=3.0).session(), on, off)[0].rounds == 0


def test_a_plans_blocks_are_no_flips_by_hand() -> None:
    session = folded(planned(ab(("a", "b"), rounds=9), wobbly(10, 0.005)))
    on, off = (setting_of({0: levels, 1: levels}) for levels in (ON, switches.changed(ON, {"mode": "withoutval"})))
    assert by_hand(session, on, off)[0].rounds == 0


def test_a_cell_counts_each_round_once() -> None:
    plan = ab(NAMES[:1], rounds=2, seed=3)
    session = folded(planned(plan, lambda lane, regime, level, number: 10.0 if number == 0 else 40.0))
    (run,) = runs(session)
    found = {cell.level: cell for cell in cell_means(session, run)}
    twice = next(cell for cell in found.values() if cell.blocks == 3)  # its placebo was in round 0
    assert twice.mean / 1e6 == pytest.approx(25)
    assert [cell.mean / 1e6 for cell in found.values()] == pytest.approx([25, 25])


def test_a_cells_images_per_second_is_the_mean_of_its_rates() -> None:
    frames = planned(ab(NAMES[:1], rounds=6, seed=3), lambda *_: 10.0)
    slowed = [  # every second image of some blocks is missing: 12.5 and 6.25 images/s
        frame._replace(rows=frame.rows[::2]) if isinstance(frame, ev.Samples) and frame.arm % 4 < 2 else frame
        for frame in frames
    ]
    session = folded(slowed)
    (run,) = runs(session)
    for cell, rate in zip(cell_means(session, run), cell_means(session, run, RATE), strict=True):
        assert cell.images_per_s == rate.images_per_s == rate.mean
        assert 6.5 < (cell.images_per_s or 0) < 12.4


def test_flips_by_hand_under_a_steady_drift_are_not_moved_by_it() -> None:
    """Each stretch is 1 % slower than the one before; pairs, always A then B, would all say +1 %."""
    made = Maker().ready().gate_all(2)
    now = 2.0
    for number in range(24):
        if number:
            made.set_all(now, OFF if number % 2 else ON)
        made.images_all(now + 0.1, now + 6, 10 * 1.01**number)
        now += 6
    on, off = (setting_of(dict.fromkeys(range(5), levels)) for levels in (ON, OFF))
    found = by_hand(made.session(), on, off)[0]
    assert found.rounds == 8
    assert found.change_pct == pytest.approx(0, abs=0.01)


def test_no_stretch_is_used_in_two_triples() -> None:
    on, off = (setting_of(dict.fromkeys(range(5), levels)) for levels in (ON, OFF))
    made = flips(3, 12)
    assert by_hand(made.session(), on, off)[0].rounds == 3
    made.set_all(2 + 9 * 6, OFF).images_all(2.1 + 9 * 6, 8 + 9 * 6, 12)
    assert by_hand(made.session(), on, off)[0].rounds == 3


def test_a_studys_tables_are_judged_together() -> None:
    """A weak effect in one lane: seen where its table is judged by itself, not among eleven tables."""
    rng = random.Random(8)

    def predict_ms(lane: int, regime: str, mode: str, number: int) -> float:
        weak = 1.045 if (lane, regime, mode) == (0, "together", "withoutval") else 1.0
        return 20 * weak * math.exp(rng.gauss(0, 0.02))

    found = named(folded(planned(study(("a", "b"), rounds=9), predict_ms)))
    its = found["accuracy_off.together"]
    by_itself = verdicts.table(its.differences, verdicts.Watch(9, ended=True))
    assert (by_itself[0].verdict, its.lanes[0].verdict) == ("slower", "unsettled")
    assert by_itself[0][:5] == its.lanes[0][:5]  # the printed interval is the same


def test_words_of_a_plan_that_is_over_and_of_an_interaction() -> None:
    def words(over: str, name: str) -> set[str | None]:
        rng = random.Random(5)

        def predict_ms(lane: int, regime: str, mode: str, number: int) -> float:
            slow = 1.5 if regime == "together" and mode == "withoutval" and lane == 0 else 1.0
            return 20 * slow * math.exp(rng.gauss(0, 0.1 if lane else 0.004))

        session = folded(planned(study(("a", "b"), rounds=9), predict_ms, over=over))
        return {contrast.verdict for contrast in named(session)[name].lanes.values()}

    assert words("", "accuracy_off.together") == {"slower", "not yet"}
    assert words("stopped", "accuracy_off.together") == {"slower", "unsettled"}
    assert words("planned", "accuracy_off.together") == {"slower", "unsettled"}
    assert "more together" in words("planned", "interaction")
    assert not {"slower", "faster"} & words("planned", "interaction")
