"""The page of a study or a matrix at every size, and in what it says when a plan is paused, stopped or cut off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import msgpack
import pytest

from quintet.engine.journal.reader import read
from quintet.engine.plan import plan as plans
from quintet.engine.plan.simulated_machine import Machine, services
from quintet.engine.plan.simulation import rehearse
from quintet.engine.protocol import events as ev
from quintet.engine.protocol.codec import encode
from quintet.engine.session.session import Session, folded
from quintet.tui.canvas.canvas import Canvas
from quintet.tui.canvas.titles import cut, numbered, put_title, whole
from quintet.tui.scene.scene import Looking, Scene, scene
from quintet.tui.views.frame import arranged, draw
from quintet.tui.views.hint import plan_sentence
from quintet.tui.views.plan_progress import draw_progress
from quintet.tui.views.study_tables import study_layout
from tests.conftest import DATA
from tests.making import NAMES, SECOND, at
from tests.tui.test_study import compared, lines, seen, studied, within

LONG = ("helmets-camera-front-left", "helmets-camera-rear-left", "helmets-camera-rear-righ", "pose", "obb")
SIZES = [(60, 20), (79, 22), (80, 24), (100, 40), (120, 40), (200, 50)]


def frames_of(plan: plans.Plan) -> Iterator[ev.Frame]:
    return rehearse(plan, Machine(services(NAMES), seed=3, begin_ns=at(0)))


def session_of(frames: list[ev.Frame]) -> Session:
    return folded(msgpack.unpackb(encode(frame)) for frame in frames)


@cache
def rehearsed(kind: str, names: tuple[str, ...] = NAMES) -> Session:
    plan = plans.study(names, rounds=9, seed=3) if kind == "study" else plans.matrix(names, rounds=3, seed=3)
    return session_of(list(frames_of(plan)))


@cache
def ended_in_round(number: int, words: str) -> Session:
    """A study of 9 rounds that stops in the middle of a block of this round: its session ends, or it is stopped."""
    frames = list(frames_of(plans.study(NAMES, rounds=9, seed=3)))
    begun = [frame for frame in frames if isinstance(frame, ev.BlockStart) and frame.round == number]
    place, t_ns = frames.index(begun[12]), begun[12].started_ns + SECOND
    kept: list[ev.Frame] = [*frames[: place + 1]]
    if words == "stopped":
        last = next(
            frame for frame in reversed(frames) if isinstance(frame, ev.Command) and frame.what.get("plan", {}).get("reason")
        )  # fmt: skip
        told = last.what["plan"] | {"reason": "stopped"}
        kept += [
            ev.BlockEnd(begun[12].block, t_ns, "stopped"),
            last._replace(t_ns=t_ns, what=last.what | {"plan": told}),
        ]
    return session_of([*kept, ev.End(t_ns + SECOND, "stopped", {})])


def looking(session: Session, now_ns: int) -> Scene:
    back = Looking(session.last_ns, session.last_ns, replay="a.msgpack")
    return scene(session, now_ns, frozenset(range(5)), frozen=True, journal_bytes=1, looking=back)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["study", "matrix"])
@pytest.mark.parametrize("names", [NAMES, LONG], ids=["short", "long"])
def test_the_page_stands_with_its_names(size: tuple[int, int], kind: str, names: tuple[str, ...]) -> None:
    session = rehearsed(kind, names)
    for share in (0.1, 0.97, 1.0):
        it = seen(session, within(session, share))
        where = arranged(it, *size)
        drawn = draw(it, where, size[0])
        assert sum(where.parts.values()) == sum(canvas.height for canvas in drawn.values()) == size[1]
        assert re.search(r"\d:\d\d", drawn["status"].text()[0])
        assert "? help" in drawn["keys"].text()[0]
        table = drawn["table"].text()
        for number, name in enumerate(names):
            assert any(line.startswith((f" {name} ", f" {number + 1} {name[:2]}")) for line in table)


@pytest.mark.parametrize("past", [False, True])
@pytest.mark.parametrize("lanes", [1, 2, 3, 5, 6, 9, 12, 16])
def test_no_row_is_given_away_twice(lanes: int, past: bool) -> None:
    for width in (60, 79, 80, 99, 100, 120, 200):
        for height in (20, 22, 24, 28, 30, 34, 36, 40, 50, 60):
            where = study_layout(width, height, lanes, past=past)
            assert sum(where.parts.values()) == height, (width, height)
            assert min(where.parts.values()) >= 0
            assert where.parts["lanes"] == where.lanes_height


def test_under_80_columns_the_tables_stand_alone_and_their_words_are_whole() -> None:
    session = rehearsed("study")
    it = seen(session, within(session, 0.97))
    shown = lines(it, 60, 20)
    text = "\n".join(shown)
    assert "% vs inference alone   predict · 8 or 9 rounds · 95 % live" in text
    head = next(line for line in shown if "inference ms" in line)
    assert head.split() == ["inference", "ms", *("valid.", "●", "without", "○") * 2]
    assert "accuracy off against on, %   predict · 95 % live" in text
    assert "not yet: the least known (pose) is known to within 5.2 %." in text
    assert not re.search(r"\d\S*▄|▅", text)


def test_a_matrix_says_at_60_columns_what_it_is() -> None:
    session = rehearsed("matrix")
    text = "\n".join(lines(seen(session, session.last_ns), 60, 20))
    assert "whose mode slows whom, %   predict · 95 % planned\n" in text
    assert "by flipping · main effects only" in text
    running = "\n".join(lines(seen(session, within(session, 0.4)), 80, 24))
    assert "whose mode slows whom, %   withoutval against validation · no interval\n" in running


@pytest.mark.parametrize("width", [60, 80, 100])
def test_the_block_gives_way_to_the_placebo_word_by_word(width: int) -> None:
    session = rehearsed("study", LONG)
    for block in [block for block in session.blocks if block.start.round in (0, 7, 8)]:
        it = seen(session, block.start.started_ns + 4 * SECOND)
        assert it.study is not None
        row = draw_progress(it, it.study, width).text()[1]
        assert re.search(r"  placebo [○●✖]|at the gate$| s$|[a-z]$", row)
        assert not re.search(r"\S placebo", row)
        names = [session.lanes[number].name for number in block.cell.lanes]
        assert len(names) > 1 or names[0] in row or ("…" in row and names[0][-9:] in row)


def test_a_replay_of_the_study_in_the_docs_keeps_block_and_placebo_apart_and_ends() -> None:
    session = folded(read(DATA.parents[1] / "docs" / "data" / "study.msgpack"))
    before = lines(looking(session, session.last_ns - 2 * SECOND), 80, 24)
    assert any(re.search(r"validation alone: detect +[\d.]+ of [\d.]+ s  +placebo ○ too few$", line) for line in before)
    assert any("min left" in line for line in before)
    for width, height in SIZES:
        end = "\n".join(lines(looking(session, session.last_ns), width, height))
        assert "study over: 3 of 5 rounds" in end
        assert "the session ended before its planned end" in end
        assert "block 1 of" not in end
        assert " left" not in end


def test_a_plan_that_its_supervisor_left_is_over() -> None:
    session = rehearsed("study")
    it = seen(session, within(session, 0.5))
    assert it.study is not None
    gone = "\n".join(draw_progress(it._replace(orphaned=True), it.study, 120).text())
    assert "study over: 4 of 9 rounds" in gone
    assert "the supervisor is gone" in gone
    assert "left" not in gone


def filled(canvas: Canvas) -> int:
    return canvas.text()[0].count("━")


def test_neither_a_pause_nor_the_time_between_blocks_empties_the_bar() -> None:
    session = rehearsed("study")
    blocks = [block for block in session.blocks if block.start.round == 0]
    bars = []
    for place in (12, 12, 13):
        it = seen(session, blocks[place].start.started_ns + SECOND)
        assert it.study is not None
        bars.append(filled(draw_progress(it, it.study, 120)))
    end = blocks[12].end
    assert end is not None
    between = seen(session, end.t_ns)
    assert between.study is not None
    far = between.study.progress
    assert far.block == 0
    assert filled(draw_progress(between, between.study, 120)) == bars[2] >= bars[0] > 0
    paused = between.study._replace(progress=far._replace(state="paused", cell=None))
    assert filled(draw_progress(between, paused, 120)) == bars[2]


def test_a_study_that_stopped_in_its_first_round_says_so_everywhere() -> None:
    session = ended_in_round(0, "stopped")
    it = seen(session, session.last_ns - 1)
    assert it.study is not None
    assert it.study.progress.reason == "stopped"
    assert plan_sentence(it.session, it.study) == "No round is whole; intervals need 8 rounds."
    text = "\n".join(lines(it, 120, 40))
    assert "study over: 0 of 9 rounds" in text
    assert "part of round 1 · no interval" in text
    assert "mean of" not in text


@pytest.mark.parametrize(("number", "words"), [(1, "1 round is"), (3, "3 rounds are")])
def test_rounds_that_are_too_few_are_counted_whole(number: int, words: str) -> None:
    session = ended_in_round(number, "stopped")
    it = seen(session, session.last_ns - 1)
    assert it.study is not None
    assert plan_sentence(it.session, it.study) == f"{words} too few for intervals: 8 are needed."
    assert f"study over: {number} of 9 rounds" in "\n".join(lines(it))


def test_a_session_that_ended_leaves_no_block_under_way() -> None:
    session = ended_in_round(3, "cut off")
    text = "\n".join(lines(seen(session, session.last_ns)))
    assert "study over: 3 of 9 rounds" in text
    assert "the session ended before its planned end" in text
    assert "block" not in text.split("change against")[0]
    assert "min left" not in text


@pytest.mark.parametrize("size", [(100, 40), (120, 40), (120, 50), (200, 50)])
def test_the_scales_labels_stand_at_their_grid_lines(size: tuple[int, int]) -> None:
    session = rehearsed("study")
    for it in (seen(session, within(session, 0.5)), looking(session, within(session, 0.5))):
        where = arranged(it, *size)
        assert where.plot % 4 == 0
        rows = draw(it, where, size[0])["lanes"].text()
        labels = {row[:4].strip(): place for place, row in enumerate(rows[2:]) if row[:4].strip()}
        top = max(map(float, labels))
        assert labels[f"{top:g}"] == 0
        half = labels[f"{top / 2:g}"]
        assert half == where.plot // 2 - 1
        assert "▁▁▁▁▁" in rows[2 + half]


def test_together_against_alone_has_every_change_once() -> None:
    session = studied()
    shown = lines(seen(session, session.last_ns, turned=1))
    top = next(place for place, line in enumerate(shown) if "together against alone, %" in line)
    assert re.fullmatch(r" +alone +─+ together ─+", shown[top + 1])
    assert shown[top + 2].split() == ["inference", "ms", "inference", "validation", "●", "withoutval", "○"]
    assert len(shown[top + 3].split()) == 5


def test_a_narrow_axis_and_the_kind_of_interval_are_two_words() -> None:
    session = compared()
    shown = lines(seen(session, within(session, 0.8)), 80, 24)
    assert any(line.endswith("−50        0       +50   95 % live") for line in shown)


def test_names_and_titles_give_way_with_an_ellipsis() -> None:
    assert cut("detect", 6) == "detect"
    assert [cut(name, 12) for name in LONG[:2]] == ["helmet…-left", "helmet…-left"]
    assert [numbered(place, name, 12) for place, name in enumerate(LONG[:2])] == ["1 helme…left", "2 helme…left"]
    assert whole("One thing. And more; of it.", 22) == "One thing. And more."
    assert whole("One thing", 5) == "One …"
    canvas = Canvas(20, 1)
    put_title(canvas, 0, ["heading"], ["and what is said of it", "said"])
    assert canvas.text() == [" heading   said"]
