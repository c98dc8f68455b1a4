"""The real program on a real pty, through a terminal emulator: what a person does, sees, and is left with."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from quintet.engine.journal.reader import read
from quintet.engine.session.session import folded
from tests.running import alive, held_profile, wait_images, wait_until
from tests.terminal import RESTORED, Terminal, two_seconds


def test_start_flip_all_see_it_quit(live: Terminal, log: Path) -> None:
    live.wait_for(two_seconds("● on"))  # longer than its burn-in, so that it can be compared
    family = live.family()
    assert len(family) >= 6
    live.press("0a")
    live.wait_for("accuracy ○ off for")
    live.wait_for("accuracy off in all lanes, within")
    live.wait_for("all lanes · together · predict")
    live.press("q")
    live.wait_for("leave?")
    live.press("s")
    assert live.end() == 0
    assert not alive(family)
    assert str(log) in live.text()
    assert RESTORED in live.raw
    session = folded(read(log))
    assert session.end is not None
    assert session.end.reason == "asked"
    assert [lane.arms[-1].levels["mode"] for lane in session.lanes] == ["withoutval"] * 5
    assert not list(log.parent.glob("*.stderr"))


def test_every_switch_changes_from_the_panel(live: Terminal, log: Path) -> None:
    live.wait_for("● on for")
    live.press("s")
    live.wait_for("a preset of score, keep and data")
    for _ in range(7):  # mode, score, keep, data, source, sync, stages, batch
        live.press("\x1b[B")
    live.wait_for("batch of all lanes")
    live.press("\x1b[C\r")
    live.wait_for("batch     2")
    live.press("3\x1b[B\x1b[B")
    live.wait_for("think of pose")
    live.press("\x1b[C\r")
    live.wait_for("mixed")
    live.press("\x1b")
    live.wait_gone("esc close")
    live.press("q")
    live.wait_for("leave?")
    live.press("s")
    assert live.end() == 0
    session = folded(read(log))
    assert [lane.arms[-1].levels["batch"] for lane in session.lanes] == [2] * 5
    assert [lane.arms[-1].levels["think"] for lane in session.lanes] == [0, 0, 5, 0, 0]


def test_a_screen_that_is_off_writes_and_reads_nothing_until_a_key(live: Terminal, log: Path) -> None:
    live.wait_for("● on for")
    live.press("s")
    live.wait_for("a preset of score, keep and data")
    for _ in range(10):  # down to `screen`
        live.press("\x1b[B")
    live.wait_for("screen of all lanes")
    live.press("2\x1b[C\r")  # asked of one lane, it is of the session
    live.wait_for("Any key turns it on")
    wait_until(lambda: {lane.arms[-1].levels["screen"] for lane in folded(read(log)).lanes} == {"off"}, "the arms")

    def silent_for_200_images() -> bool:
        live.drain()
        written = len(live.raw)
        wait_images(log, 200)
        live.drain()
        return len(live.raw) == written

    wait_until(silent_for_200_images, "a silent screen")  # the last frame may still be under way the first time
    live.press("x")
    live.wait_gone("Any key turns it on")
    live.wait_for("● on for")
    wait_until(lambda: {lane.arms[-1].levels["screen"] for lane in folded(read(log)).lanes} == {"on"}, "the arms")


def test_one_lane_alone_and_back(live: Terminal) -> None:
    live.wait_for("● on for")
    live.press("3t")
    live.wait_for("· alone ·")
    live.wait_for("parked")
    live.press("t")
    live.wait_for("· together ·")
    live.press("\x03")
    live.wait_for("leave?")
    live.press("\x03")
    assert live.end() == 0


def test_ctrl_c_while_loading_leaves_nothing(tmp_path: Path, log: Path) -> None:
    profile, _ = held_profile(tmp_path)
    terminal = Terminal(str(profile), "--log", str(log))
    try:
        terminal.wait_for("loading")
        family = terminal.family()
        terminal.press("\x03\x03")
        assert terminal.end() == 0
        assert not alive(family)
        assert RESTORED in terminal.raw
    finally:
        terminal.close()


def of_session(state: Path) -> list[psutil.Process]:
    """Every process of a session that has its files in this state folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(str(state) in value for value in process.environ().values()) and process.pid != os.getpid():
                found.append(process)
    return alive(found)


def interrupted_at(moment: Callable[[Terminal], bool], profile: Path, log: Path, state: Path) -> None:
    """Start, send SIGINT at a moment of the start, and see that whatever was there goes."""
    terminal = Terminal(str(profile), "--log", str(log))
    try:
        wait_until(lambda: "quintet" in psutil.Process(terminal.pid).cmdline(), "the child's exec")
        wait_until(lambda: moment(terminal), "the moment")
        os.kill(terminal.pid, signal.SIGINT)
        terminal.end()
        wait_until(lambda: not of_session(state), "everything's end")
    finally:
        terminal.close()


MOMENTS: dict[str, Callable[[Terminal], bool]] = {
    "exec": lambda terminal: True,
    "supervisor": lambda terminal: len(terminal.family()) >= 1,
    "its first process": lambda terminal: len(terminal.family()) >= 2,
    "its lanes": lambda terminal: len(terminal.family()) >= 6,
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_signal_before_the_screen_stands_stops_everything(
    tmp_path: Path, log: Path, own_state: Path, moment: str
) -> None:
    profile, _ = held_profile(tmp_path)
    interrupted_at(MOMENTS[moment], profile, log, own_state)


@pytest.mark.long("kills")
@pytest.mark.parametrize("pause_ms", range(0, 1000, 25))
def test_a_signal_at_any_time_of_the_start_stops_everything(
    sleep_profile: Path, log: Path, own_state: Path, pause_ms: int
) -> None:
    begun = time.monotonic()
    interrupted_at(lambda _: time.monotonic() >= begun + pause_ms / 1000, sleep_profile, log, own_state)


def test_a_killed_supervisor_ends_its_workers_and_is_told(live: Terminal, log: Path) -> None:
    live.wait_for("● on for")
    family = live.family()
    next(process for process in family if "quintet.engine.supervisor" in process.cmdline()).kill()
    live.wait_for("supervisor is gone")
    wait_until(lambda: not alive(family), "the workers' end")
    live.press("q")
    assert live.end() == 1
    assert RESTORED in live.raw
    assert folded(read(log)).end is None


BREAKS = """
import sys
from pathlib import Path
from quintet.tui.views import frame
draw = frame.draw
def breaks(*arguments):
    if Path({flag!r}).exists():
        raise RuntimeError("this screen broke")
    return draw(*arguments)
frame.draw = breaks
from quintet.cli.main import main
sys.argv[0] = "quintet"
main()
"""


def test_a_screen_that_breaks_restores_its_terminal_and_ends_what_it_started(
    sleep_profile: Path, log: Path, tmp_path: Path
) -> None:
    flag = tmp_path / "break"
    program = (sys.executable, "-c", BREAKS.format(flag=str(flag)))
    terminal = Terminal(str(sleep_profile), "--log", str(log), program=program)
    try:
        terminal.wait_for("● on for")
        family = terminal.family()
        flag.touch()
        assert terminal.end() == 1
        assert RESTORED in terminal.raw
        assert "this screen broke" in terminal.text()
        wait_until(lambda: not alive(family), "everything's end")
    finally:
        terminal.close()


def test_a_terminal_that_is_too_small_is_refused(sleep_profile: Path, log: Path) -> None:
    terminal = Terminal(str(sleep_profile), "--log", str(log), columns=58, rows=20)
    try:
        assert terminal.end() == 2
        assert "screen needs 60x20" in terminal.text().replace("\n", "")
        assert not log.exists()
    finally:
        terminal.close()
