"""Settings, stretches, cells and the flip table, from sessions made by hand whose truth is known."""

from __future__ import annotations

import random

import pytest

from quintet.engine.analysis.flip_table import cells, comparison, flipped, heading, lasting, latest_comparison
from quintet.engine.protocol import switches
from quintet.engine.session.session import Session, folded
from quintet.engine.session.settings import Rules, difference, measured, setting_of, stretches
from tests.making import BEGIN, OFF, ON, SECOND, Maker, arrays, at


def on_off(on_ms: float = 10, off_ms: float = 12) -> Maker:
    """Ten seconds on, ten seconds off, in all lanes."""
    made = Maker().ready().gate_all(2).images_all(2, 12, on_ms)
    return made.set_all(12, OFF).images_all(12.1, 22, off_ms)


def test_a_change_of_any_lane_begins_a_new_setting_for_all() -> None:
    session = Maker(2).ready().gate_all(2).images_all(2, 6, 10).set(0, 6, OFF).images_all(6, 10, 10).session()
    found = stretches(session)
    assert [(s.begin_ns, s.end_ns) for s in found] == [(at(2), at(6)), (at(6), None)]
    assert [found[-1].setting.levels(lane)["score"] for lane in (0, 1)] == ["off", "inline"]


def test_a_parked_lanes_arm_is_no_change_of_setting_and_its_gate_is() -> None:
    made = Maker(2).ready().gate_all(2).images_all(2, 6, 10).gate(1, 6, open_gate=False)
    made.set(1, 7, OFF).images(0, 6, 10, 10)
    found = stretches(made.session())
    assert [(s.begin_ns, s.setting.lanes) for s in found] == [(at(2), (0, 1)), (at(6), (0,))]


def test_events_of_different_lanes_out_of_order_make_the_same_stretches() -> None:
    frames = on_off().frames
    expected = stretches(folded(arrays(frames)))
    start, rest = frames[0], frames[1:]
    for seed in range(5):
        by_lane: dict[int, list[object]] = {}
        for frame in rest:
            by_lane.setdefault(frame.lane, []).append(frame)  # type: ignore[attr-defined]
        mixed = [start]
        rng = random.Random(seed)
        while by_lane:
            lane = rng.choice(sorted(by_lane))
            mixed.append(by_lane[lane].pop(0))  # type: ignore[arg-type]
            if not by_lane[lane]:
                del by_lane[lane]
        found = stretches(folded(arrays(mixed)))
        assert [s for s in found if s.setting.lanes == (0, 1, 2, 3, 4)] == [
            s for s in expected if s.setting.lanes == (0, 1, 2, 3, 4)
        ]


def test_images_count_by_their_own_clock_after_the_burn_in() -> None:
    session = on_off().session()
    lane = session.lanes[0]
    on = stretches(session)[0]
    first, last = measured(lane, on, session.last_ns)
    assert lane.rows.start_ns[first] >= on.begin_ns + SECOND
    assert lane.rows.end_ns(last - 1) <= (on.end_ns or 0)
    assert last == 500


def test_the_burn_in_is_five_images_where_those_take_longer() -> None:
    made = Maker(1).ready().gate_all(2).images(0, 2, 22, 400, cycle_ms=500)
    session = made.session()
    first, _ = measured(session.lanes[0], stretches(session)[0], session.last_ns)
    assert first == 5


def test_cells_hold_means_percentiles_and_rates() -> None:
    found = cells(on_off().session())
    both = {(cell.lane, cell.mode): cell for cell in found}
    assert set(both) == {(lane, mode) for lane in range(5) for mode in ("validation", "withoutval")}
    cell = both[2, "withoutval"]
    assert cell.means_ns["predict"] == pytest.approx(14e6)
    assert cell.means_ns["cycle"] == pytest.approx(20e6)
    assert cell.images_per_s == pytest.approx(50)
    assert cell.p95_ns == 14_000_000
    assert (cell.regime, cell.stretches) == ("together", 1)


def test_percentiles_are_dashes_below_their_floors() -> None:
    made = Maker(1).ready().gate_all(2).images(0, 2, 4, 10)
    cell = cells(made.session())[0]
    assert cell.images < 130
    assert cell.p95_ns is None
    assert cell.p50_ns is not None


def test_the_flip_table_compares_off_with_on_whichever_came_first() -> None:
    session = on_off().session()
    found = latest_comparison(session, "predict", session.last_ns)
    assert found is not None
    assert heading(session, found) == ("accuracy off against on", "all lanes")
    assert [row.change_pct for row in found.rows] == pytest.approx([100 * 2 / (10 + n) for n in range(5)])
    back = on_off().set_all(22, ON).images_all(22.1, 32, 10).session()
    found = latest_comparison(back, "predict", back.last_ns)
    assert found is not None
    assert (found.difference.a, found.difference.b) == ("validation", "withoutval")
    assert found.rows[0].change_pct == pytest.approx(20)


def test_all_on_all_off_one_on_does_not_move_the_row_of_all_on_and_all_off() -> None:
    before = on_off().session()
    now = before.last_ns
    pair = flipped(before, now)[0]
    expected = comparison(before, *pair, "predict", now)
    after = on_off().set(1, 22, ON).images_all(22.1, 32, 30).session()
    assert comparison(after, *pair, "predict", after.last_ns).rows == expected.rows
    latest = latest_comparison(after, "predict", after.last_ns)
    assert latest is not None
    assert heading(after, latest) == ("accuracy off against on", "only detect, others off")
    assert latest.rows[1].a_ns == pytest.approx(31e6)
    assert latest.rows[1].b_ns == pytest.approx(13e6)


def test_a_switch_alone_is_named_by_itself_and_never_accuracy() -> None:
    made = Maker().ready().gate_all(2).images_all(2, 12, 10)
    made.set_all(12, switches.changed(ON, {"keep": "off"})).images_all(12.1, 22, 10)
    session = made.session()
    found = latest_comparison(session, "predict", session.last_ns)
    assert found is not None
    assert heading(session, found)[0] == "keep results against off"


def test_settings_that_differ_in_two_things_are_not_compared() -> None:
    on, off = setting_of({0: ON, 1: ON}), setting_of({0: OFF, 1: OFF})
    assert difference(on, setting_of({0: ON})) is None
    assert difference(on, setting_of({0: OFF, 1: switches.changed(ON, {"mode": "inference"})})) is None
    found = difference(on, off)
    assert found is not None
    assert found == ("mode", "validation", "withoutval", (0, 1))


def test_a_young_stretch_is_not_settled_until_it_is_a_block_long() -> None:
    young = Maker().ready().gate_all(2).images_all(2, 12, 10).set_all(12, OFF).images_all(12.1, 14, 12).session()
    found = latest_comparison(young, "predict", young.last_ns)
    assert found is not None
    assert not any(row.settled for row in found.rows)
    old = on_off().session()
    settled = latest_comparison(old, "predict", old.last_ns)
    assert settled is not None
    assert all(row.settled for row in settled.rows)


def test_a_dead_lane_ends_the_setting() -> None:
    from quintet.engine.protocol import events as ev

    made = on_off()
    made.frames.append(ev.Fault(4, at(22), "died", "obb: its process was ended by signal 9 (SIGKILL).", ""))
    made.frames.append(ev.Clock(at(30), 0))
    session = made.session()
    assert [s.setting.lanes for s in stretches(session)][-1] == (0, 1, 2, 3)


def test_nothing_yet_is_no_table() -> None:
    session = Session()
    assert cells(session) == []
    assert latest_comparison(session, "predict", BEGIN) is None


def test_other_rules_after_the_fact_change_what_counts_and_the_defaults_do_not() -> None:
    session = on_off().session()
    short, long = (
        cells(session, rules=Rules(burn_in_ns=0, burn_in_images=0)),
        cells(session, rules=Rules(burn_in_ns=3 * SECOND)),
    )
    assert (short[0].images, cells(session)[0].images, long[0].images) == (500, 450, 350)
    assert cells(session, rules=Rules(outcome="cycle"))[0].p50_ns == 20_000_000
    assert cells(session, rules=Rules(tail_percent=99))[0].tail_ns is None
    assert lasting(session, session.last_ns, Rules(burn_in_ns=11 * SECOND)) == []


def test_a_switch_that_an_arm_does_not_tell_has_its_default_level() -> None:
    older = {name: level for name, level in ON.items() if name != "think"}
    assert difference(setting_of({0: older}), setting_of({0: ON})) is None
    found = difference(setting_of({0: older}), setting_of({0: switches.changed(ON, {"think": 5})}))
    assert found is not None
    assert (found.switch, found.a, found.b) == ("think", 0, 5)
