"""Folding: the same events give the same session, and what it knows is what they said."""

from __future__ import annotations

from quintet.engine.protocol import events as ev
from quintet.engine.session.image_columns import OUTCOMES, Rows, percentile
from quintet.engine.session.session import Session, folded
from tests.making import BEGIN, SECOND, Maker, arrays, at, row


def test_folding_at_once_and_event_by_event_is_the_same() -> None:
    events = Maker().ready().gate_all(2).images_all(2, 9, 10).arrays()
    session = Session()
    for event in events:
        session.fold([event])
    assert session == folded(events)


def test_kinds_and_fields_of_a_newer_version_are_skipped() -> None:
    events = Maker(1).ready().gate_all(2).images_all(2, 3, 10).arrays()
    newer = [[*event, "more"] if event[0] != "samples" else event for event in events] + [["weather", 1, 2]]
    assert folded(newer) == folded(events)


def test_warm_up_images_are_counted_and_left_out() -> None:
    rows = Rows()
    rows.append(0, [row(5, flags=ev.FLAG_WARM_UP), row(6), row(7)])
    assert (rows.warm_up, len(rows)) == (1, 2)


def test_every_outcome_is_the_sum_it_is_defined_as() -> None:
    rows = Rows()
    rows.append(0, [row(at(n), predict_ms=10 + n, score_ms=3, load_ms=2) for n in range(5)])
    means = {outcome: rows.mean_ns(outcome, 0, 5) for outcome in OUTCOMES}
    assert means == {"infer": 12e6 - 2, "predict": 12e6, "scored": 15e6, "request": 14e6, "cycle": SECOND}
    assert rows.each_ns("scored", 1, 3) == [14_000_000, 15_000_000]
    assert rows.each_ns("cycle", 1, 4) == [SECOND, SECOND]
    assert rows.mean_ns("predict", 3, 3) is None
    assert rows.mean_ns("cycle", 3, 4) is None


def test_a_span_holds_images_that_began_and_ended_in_it() -> None:
    rows = Rows()
    rows.append(0, [row(at(n), predict_ms=900) for n in range(5)])
    assert rows.span(at(1), at(3)) == (1, 3)
    assert rows.span(at(1), at(3) - 200_000_000) == (1, 2)
    assert rows.span(at(0.5), at(0.9)) == (1, 1)


def test_percentiles_are_nearest_rank_and_have_floors() -> None:
    assert percentile(range(1, 201), 95) == 190
    assert percentile(range(129), 95) is None
    assert percentile([7], 50) == 7
    assert percentile([], 50) is None


def test_a_long_time_without_images_is_a_gap_unless_the_lane_was_parked() -> None:
    made = Maker(2).ready().gate_all(2).images_all(2, 4, 10)
    made.images(0, 7, 8, 10)
    made.gate(1, 4, open_gate=False).gate(1, 7, open_gate=True).images(1, 7, 8, 10)
    session = made.session()
    assert [
        (round((g.begin_ns - BEGIN) / SECOND), round((g.end_ns - BEGIN) / SECOND)) for g in session.lanes[0].gaps
    ] == [(4, 7)]
    assert session.lanes[1].gaps == []


def test_missing_sequence_numbers_are_counted_as_holes() -> None:
    frames = [Maker(1).frames[0], ev.Samples(0, 0, 0, [row(at(1))]), ev.Samples(0, 0, 6, [row(at(2))])]
    assert folded(arrays(frames)).lanes[0].holes == 5


def test_a_stuck_lane_is_stuck_until_it_speaks() -> None:
    frames: list[ev.Frame] = [
        Maker(1).frames[0],
        ev.Command(1, at(1), "me", {"set": {}}, [0]),
        ev.Answer(1, 0, at(11), 0, "silent", ""),
    ]
    session = folded(arrays(frames))
    assert session.lanes[0].stuck_ns == at(11)
    session.fold(arrays([ev.Samples(0, 0, 0, [row(at(12))])]))
    assert session.lanes[0].stuck_ns is None
