"""A plan on the screen: what is drawn equals what the tables say, cell by cell as it goes; starting and stopping one."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import msgpack
import pytest

from quintet.engine.analysis.contrasts import tables
from quintet.engine.plan import plan
from quintet.engine.plan.simulated_machine import Machine, services
from quintet.engine.plan.simulation import rehearse
from quintet.engine.protocol.codec import encode
from quintet.engine.session.session import Session, folded
from quintet.tui.canvas.text import about, change, interval
from quintet.tui.panels.plan_panel import PlanPanel, pairs
from quintet.tui.scene.plan_results import Studied
from quintet.tui.scene.scene import Scene, scene
from quintet.tui.views.frame import arranged, draw
from tests.making import NAMES, Maker, at
from tests.terminal import Terminal


@cache
def studied(rounds: int = 9) -> Session:
    machine = Machine(services(NAMES), seed=3, begin_ns=at(0))
    frames = rehearse(plan.study(NAMES, rounds=rounds, seed=3), machine)
    return folded(msgpack.unpackb(encode(frame)) for frame in frames)


@cache
def compared() -> Session:
    machine = Machine(services(NAMES), seed=3, begin_ns=at(0))
    frames = rehearse(plan.ab(NAMES, rounds=12, switch="score", levels=("inline", "off")), machine)
    return folded(msgpack.unpackb(encode(frame)) for frame in frames)


def seen(session: Session, now_ns: int, turned: int = 0, outcome: str = "predict") -> Scene:
    return scene(
        session, now_ns, frozenset(range(5)), frozen=False, journal_bytes=1, outcome=outcome, turned=turned
    )  # fmt: skip


def lines(it: Scene, width: int = 120, height: int = 40) -> list[str]:
    drawn = draw(it, arranged(it, width, height), width)
    order = ("status", "progress", "lanes", "table", "open", "events", "keys")
    return [line for part in order if part in drawn for line in drawn[part].text()]


def within(session: Session, share: float) -> int:
    return round(session.origin_ns + share * (session.last_ns - session.origin_ns))


def test_the_last_frame_of_a_study_shows_what_its_tables_say() -> None:
    session = studied()
    by_name = {table.name: table for table in tables(session)}
    shown = lines(seen(session, session.last_ns))
    top = next(place for place, line in enumerate(shown) if "change against inference alone" in line)
    assert "predict, ms per image · mean of 9 rounds · 95 % planned" in shown[top]
    columns = ("validation_alone", "withoutval_alone", "validation_together", "withoutval_together")
    for place, lane in enumerate(NAMES):
        row, under = shown[top + 3 + 2 * place].split(), shown[top + 4 + 2 * place]
        contrasts = [by_name[f"change_vs_inference.{column}"].lanes[place] for column in columns]
        assert row[0] == lane
        assert row[2:] == [change(one.change_pct, one) for one in contrasts]
        assert all(interval(one) in under for one in contrasts)
    off = next(place for place, line in enumerate(shown) if "accuracy off against on" in line)
    for place, _ in enumerate(NAMES):
        line = shown[off + 2 + place]
        for regime in ("alone", "together"):
            contrast = by_name[f"accuracy_off.{regime}"].lanes[place]
            assert change(contrast.change_pct, contrast) in line
            assert contrast.verdict is not None
            assert contrast.verdict in line


def test_cells_fill_as_the_study_goes_and_verdicts_come_late() -> None:
    session = studied()
    early = lines(seen(session, within(session, 0.3)))
    assert any("round 3 of 9" in line and "placebo ○ from round 8" in line for line in early)
    assert any("no interval yet" in line for line in early)
    assert not any("slower" in line for line in early)
    assert any("Means only so far: intervals come from round 8 on." in line for line in early)
    late = lines(seen(session, within(session, 0.97)))
    assert any("95 % live; the planned interval comes at round 9" in line for line in late)
    assert any("▲ slower" in line for line in late)
    assert "x stop plan" in late[-1]


def test_at_80x24_everything_of_a_study_fits() -> None:
    session = studied()
    shown = lines(seen(session, within(session, 0.5)), 80, 24)
    assert max(map(len, shown)) <= 80
    assert len(shown) <= 24
    text = "\n".join(shown)
    for words in (
        "round 5 of 9",
        "change against inference alone, %",
        "validation ●",
        "withoutval ○",
        "alone",
        "together",
    ):
        assert words in text


def test_tab_turns_to_together_against_alone_and_to_the_flips() -> None:
    session = studied()
    assert any("together against alone, %" in line for line in lines(seen(session, session.last_ns, turned=1)))
    flips = lines(seen(session, session.last_ns, turned=2))
    assert any("accuracy off against on" in line and "nothing to compare here" in line for line in flips)


def test_an_ab_stands_in_the_flip_table_with_its_interval() -> None:
    session = compared()
    (table,) = tables(session)
    shown = lines(seen(session, session.last_ns))
    head = next(place for place, line in enumerate(shown) if "score off against inline" in line)
    assert "together · predict, ms per image · 95 % planned · 12 of 12 rounds" in shown[head]
    for place, _ in enumerate(NAMES):
        contrast = table.lanes[place]
        assert change(contrast.change_pct, contrast) in shown[head + 2 + place]
        assert interval(contrast) in shown[head + 2 + place]
    live = lines(seen(session, within(session, 0.8)))
    assert any("A/B score: inline, off · round" in line for line in live)
    assert any("95 % live" in line for line in live)


def test_images_per_second_are_an_outcome_too() -> None:
    session = compared()
    shown = lines(seen(session, session.last_ns, outcome="images_per_s"))
    assert any("together · images/s · 95 % planned" in line for line in shown)
    assert ["▼ faster" in line for line in shown if line.startswith(" detect ")] == [True]


def test_results_are_worked_out_once_a_block() -> None:
    session, memo = studied(), Studied()
    one = memo.at(session, within(session, 0.5), "predict")
    again = memo.at(session, within(session, 0.5) + 1000, "predict")
    assert one is not None
    assert again is not None
    assert one.found is again.found
    later = memo.at(session, within(session, 0.6), "predict")
    assert later is not None
    assert later.found is not one.found


def test_b_asks_what_was_flipped_last() -> None:
    made = Maker().ready().gate_all(2).images_all(2, 12, 10)
    thinking = {**made.session().lanes[0].arms[-1].levels, "think": 5}
    made.set_all(12, thinking).images_all(12.1, 24, 11)
    panel = PlanPanel(made.session(), at(24), lambda asked: None)
    assert panel.asked() == {
        "kind": "ab", "switch": "think", "levels": [0, 5], "regime": "together", "minutes": 5.0, "seed": 1,
    }  # fmt: skip
    assert pairs("mode")[0] == ("validation", "withoutval")


@pytest.mark.parametrize(("ns", "words"), [(30e9, "under a minute"), (61e9, "about 2 min"), (6060e9, "about 2 h")])
def test_time_left_is_rounded_up(ns: float, words: str) -> None:
    assert about(round(ns)) == words


@pytest.mark.slow
def test_an_ab_is_begun_paused_and_stopped_by_hand_on_the_simulated_machine(log: Path, own_state: Path) -> None:
    terminal = Terminal("run", "simulated", "--log", str(log))
    try:
        terminal.wait_for("● on for")
        terminal.wait_for("assumed")
        terminal.press("b")
        terminal.wait_for("5 min = ")
        terminal.press("\r")
        terminal.wait_for("A/B mode: validation, withoutval")
        terminal.wait_for("round 1 of")
        terminal.press("a")
        terminal.wait_for("A plan is under way, and it")
        terminal.press("x")
        terminal.wait_for("pause it, or go on")
        terminal.press("p")
        terminal.wait_for("· paused")
        terminal.press("x")
        terminal.wait_for("pause it, or go on")
        terminal.press("p")
        terminal.wait_for("· round 1 of")
        terminal.press("x")
        terminal.wait_for("pause it, or go on")
        terminal.press("x")
        terminal.wait_for("A/B was stopped")
        terminal.press("q")
        terminal.wait_for("leave?")
        terminal.press("s")
        assert terminal.end() == 0
    finally:
        terminal.close()


def test_a_matrix_shows_whose_switch_slows_whom_at_its_end() -> None:
    machine = Machine(services(NAMES), seed=3, begin_ns=at(0))
    frames = rehearse(plan.matrix(NAMES, rounds=3, seed=3), machine)
    session = folded(msgpack.unpackb(encode(frame)) for frame in frames)
    shown = lines(seen(session, session.last_ns))
    top = next(place for place, line in enumerate(shown) if "whose mode slows whom, %" in line)
    assert "withoutval against validation" in shown[top]
    assert "95 % planned" in shown[top]
    assert shown[top + 2].split() == ["of", "lane", *NAMES]
    row = shown[top + 3 + 2].split()
    assert row[0] == "detect"
    assert len(row) == 6
    assert all(word[0] in "+−0" for word in row[1:])
    early = lines(seen(session, within(session, 0.4)))
    assert any("no interval before its end" in line for line in early)
    narrow = lines(seen(session, session.last_ns), 80, 24)
    assert max(map(len, narrow)) <= 80
    assert len(narrow) <= 24


def test_at_60_columns_the_table_keeps_change_and_verdict() -> None:
    session = compared()
    it = seen(session, session.last_ns)
    shown = lines(it, 60, 20)
    assert max(map(len, shown)) <= 60
    row = next(line for line in shown if line.startswith(" detect"))
    assert re.search(r"\+25 +▲ slower$", row)
