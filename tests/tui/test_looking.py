"""Looking back and replays: the same screen at another moment, driven by keys with the clock frozen."""

from __future__ import annotations

from pathlib import Path

import pytest

from quintet.engine.journal.reader import read
from quintet.engine.journal.writer import Journal
from quintet.engine.protocol import events as ev
from quintet.engine.session.session import Session, folded
from quintet.tui.app import QuintetApp
from quintet.tui.scene.layout import PARTS, layout
from quintet.tui.scene.playhead import Playhead
from quintet.tui.scene.scene import Looking, scene
from quintet.tui.views import frame
from quintet.tui.views.timeline import moments, next_moment
from tests.conftest import DATA
from tests.making import OFF, ON, SECOND, Maker, at
from tests.tui.test_app import shown

ALL = frozenset(range(5))


class Clock:
    """A clock that a test moves."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self) -> int:
        return at(self.seconds)


def made() -> Maker:
    """On from 2 s, off from 12 s, on from 22 s to 30 s; a note at 9 s; pose dies at 16 s."""
    it = Maker().ready().gate_all(2).images_all(2, 12, 10).set_all(12, OFF)
    it.frames.append(ev.Mark(at(9), "me", "fan on"))
    it.images_all(12.1, 16, 20)
    it.frames.append(ev.Fault(2, at(16), "died", "pose: its process exited with status 3.", ""))
    for lane in (0, 1, 3, 4):
        it.images(lane, 16, 22, 20).set(lane, 22, ON).images(lane, 22.1, 30, 10)
    return it


def written(path: Path, it: Maker) -> Path:
    journal = Journal(path)
    for one in it.frames:
        journal.append(one)
    journal.close()
    return path


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    it = made()
    it.frames.append(ev.End(at(30), "asked", {}))
    return written(tmp_path / "made.msgpack", it)


def texts(session: Session, now_ns: int, size: tuple[int, int], looking: Looking | None) -> dict[str, list[str]]:
    seen = scene(session, now_ns, ALL, frozen=looking is not None, journal_bytes=1, looking=looking)
    where = layout(*size, len(session.lanes), 0, past=looking is not None)
    return {name: canvas.text() for name, canvas in frame.draw(seen, where, size[0]).items()}


@pytest.mark.parametrize("size", [(120, 40), (140, 44), (100, 30)])
def test_the_last_frame_of_a_live_run_is_the_last_of_its_replay(size: tuple[int, int]) -> None:
    session = folded(read(DATA / "replay.msgpack"))
    assert session.end is not None
    end = session.end.t_ns
    live = texts(session, end, size, None)
    again = texts(session, end, size, Looking(end, end, "replay.msgpack"))
    assert live["table"] == again["table"]
    assert live["lanes"] == again["lanes"]


def test_a_replay_at_a_moment_shows_what_was_live_then() -> None:
    session = folded(read(DATA / "replay.msgpack"))
    assert session.end is not None
    for seconds in (5, 61, 110, 143, 171):
        moment = session.origin_ns + seconds * SECOND
        cut = Session()
        cut.fold(array for array in read(DATA / "replay.msgpack") if _known_at(array, moment))
        live = scene(cut, moment, ALL, frozen=False, journal_bytes=1)
        again = scene(session, moment, ALL, frozen=True, journal_bytes=1, looking=Looking(session.end.t_ns, 0, "x"))
        assert again.view.lanes == live.view.lanes
        assert again.view.regime == live.view.regime
        assert again.comparison == live.comparison


def _known_at(array: list[object], moment: int) -> bool:
    """Whether an event was in the journal at a moment; of a batch of samples, its rows that were over by then."""
    times = {
        "step": 2,
        "ready": 2,
        "arm": 4,
        "gate": 4,
        "value": 3,
        "command": 2,
        "answer": 3,
        "mark": 1,
        "fault": 2,
        "end": 1,
    }
    place = times.get(str(array[0]))
    if array[0] == "samples":
        rows = array[4]
        assert isinstance(rows, list)
        array[4] = [row for row in rows if row[1] + row[7] + row[8] <= moment]
        return bool(array[4])
    time = array[place] if place is not None else 0
    return isinstance(time, int) and time <= moment


@pytest.mark.parametrize("past", [False, True])
@pytest.mark.parametrize("size", [(60, 20), (79, 24), (80, 20), (80, 24), (80, 30), (100, 30), (120, 40), (200, 50)])
def test_every_row_of_the_screen_belongs_to_a_part(size: tuple[int, int], past: bool) -> None:
    session = made().session()
    for now in (0.5, 8, 30):
        looking = Looking(at(30), at(31)) if past else None
        drawn = texts(session, at(now), size, looking)
        assert sum(len(rows) for rows in drawn.values()) == size[1]
        assert max(len(row) for rows in drawn.values() for row in rows) <= size[0]
        assert set(drawn) <= set(PARTS)


def ticking(app: QuintetApp) -> bool:
    return app.paint_timer is not None and app.paint_timer._active.is_set()


async def test_an_arrow_freezes_steps_and_space_comes_back(tmp_path: Path) -> None:
    clock = Clock(30)
    app = QuintetApp(written(tmp_path / "made.msgpack", made()), None, clock=clock)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("left")
        assert shown(app).startswith(" FROZEN  at 0:28 · 0:02 behind · still recording")
        assert not ticking(app)
        await pilot.press("left", "left", "right")
        assert shown(app).startswith(" FROZEN  at 0:26")
        assert "┿" in shown(app)
        clock.seconds = 40
        await pilot.press("end")
        assert shown(app).startswith(" FROZEN  at 0:30 · 0:10 behind")
        await pilot.press("space")
        assert shown(app).startswith(" quintet")
        assert "┿" not in shown(app)
        assert ticking(app)


async def test_a_frozen_screen_paints_its_clock_and_nothing_else(tmp_path: Path) -> None:
    clock = Clock(30)
    app = QuintetApp(written(tmp_path / "made.msgpack", made()), None, clock=clock)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("left", "left")
        before = shown(app).split("\n")
        clock.seconds = 40
        app.paint()
        await pilot.pause()
        after = shown(app).split("\n")
        assert after[1:] == before[1:]
        assert "0:04 behind" in before[0]
        assert "0:14 behind" in after[0]
        assert "live 0:40" in after[0]


async def test_numbers_and_table_are_those_known_at_the_cursor(journal: Path) -> None:
    app = QuintetApp(journal, None, clock=Clock(0), replay_speed=1.0)
    async with app.run_test(size=(120, 40)) as pilot:
        app.playhead.seek(at(11), app.session)
        app.paint()
        await pilot.pause()
        at_11 = shown(app)
        assert "nothing to compare here" in at_11
        assert "3 pose           ● on" in at_11
        app.playhead.seek(at(21), app.session)
        app.paint()
        await pilot.pause()
        assert "nothing to compare here" not in shown(app)
        assert " accuracy off against on   all lanes" in shown(app)
        assert "3 pose       ✖ failed" in shown(app)


async def test_a_replay_plays_pauses_changes_speed_and_rests_at_its_end(journal: Path) -> None:
    clock = Clock(0)
    app = QuintetApp(journal, None, clock=clock, replay_speed=2.0)
    async with app.run_test(size=(120, 40)) as pilot:
        assert shown(app).startswith(" REPLAY  made.msgpack · ×2 ▸")
        clock.seconds = 4
        app.tick()
        await pilot.pause()
        assert "0:08 of 0:30" in shown(app)
        await pilot.press("space")
        clock.seconds = 6
        await pilot.press("plus")
        assert "×4 paused" in shown(app)
        assert "0:08 of 0:30" in shown(app)
        await pilot.press("minus", "minus", "minus", "minus", "minus", "minus", "space")
        assert "×0.25 ▸" in shown(app)
        await pilot.press("end")
        app.tick()
        await pilot.pause()
        assert "made.msgpack · at its end" in shown(app)
        assert "0:30 of 0:30" in shown(app)
        await pilot.press("space")
        assert "0:00 of 0:30" in shown(app)
        await pilot.press("q")
    assert app.return_value == "ended"


async def test_keys_seek_and_jump(journal: Path) -> None:
    app = QuintetApp(journal, None, clock=Clock(0), replay_speed=1.0)
    async with app.run_test(size=(120, 40)) as pilot:
        seen = []
        for key in (
            "right_square_bracket", "right_square_bracket", "right_square_bracket", "right_square_bracket",
            "left_square_bracket", "end", "pageup", "home",
        ):  # fmt: skip
            await pilot.press(key)
            seen.append(round((app.now_ns() - at(0)) / SECOND))
        assert seen == [2, 9, 12, 16, 12, 30, 0, 0]


def test_moments_are_marks_flips_and_faults_and_a_flip_is_one() -> None:
    session = made().session()
    assert [(moment.words, round((moment.t_ns - at(0)) / SECOND)) for moment in moments(session)] == [
        ("flip", 2), ("mark", 9), ("flip", 12), ("fault", 16), ("flip", 16), ("flip", 22),
    ]  # fmt: skip
    found = next_moment(session, at(30), -1)
    assert found is not None
    assert found.words == "flip"
    assert next_moment(session, at(30), 1) is None


def test_a_replay_never_leaves_its_session() -> None:
    session = made().session()
    clock = Clock(0)
    head = Playhead(clock, "made.msgpack", 128.0)
    head.seek(at(-5), session)
    assert head.now_ns(session) == at(0)
    clock.seconds = 60
    assert head.now_ns(session) == session.last_ns
    assert head.rest(session)
    assert not head.playing


async def test_a_replay_changes_nothing_and_says_so(journal: Path) -> None:
    app = QuintetApp(journal, None, clock=Clock(0), replay_speed=1.0)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("a")
        await pilot.pause()
        assert [note.message for note in app._notifications] == [
            "This is a replay: nothing runs that could be changed."
        ]
