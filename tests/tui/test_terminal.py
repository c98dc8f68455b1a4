"""The real program on a real pty, through a terminal emulator: what a person does, sees, and is left with."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from quintet.engine.journal import read
from quintet.engine.session import folded
from tests.running import alive, wait_until
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
    live.settle()
    written, images = len(live.raw), len(folded(read(log)).lanes[0].rows)
    wait_until(lambda: len(folded(read(log)).lanes[0].rows) > images + 200, "images without a screen")
    live._read(0)
    assert len(live.raw) == written
    live.press("x")
    live.wait_for("● on for")
    live.wait_gone("Any key turns it on")
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
    profile = tmp_path / "slow.toml"
    profile.write_text(
        '[[lane]]\nname = "a"\ntask = "cls"\nbackend = "sleep"\nenv = { QUINTET_SLEEP_LOAD_MS = "60000" }\n'
    )
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


@pytest.mark.parametrize("pause_s", [0.0, 0.05, 0.1, 0.15, 0.2, 0.3])
def test_a_signal_before_the_screen_stands_stops_everything(sleep_profile: Path, log: Path, pause_s: float) -> None:
    terminal = Terminal(str(sleep_profile), "--log", str(log))
    try:
        wait_until(lambda: "quintet" in psutil.Process(terminal.pid).cmdline(), "the child's exec")
        time.sleep(pause_s)  # anywhere in the start: whatever is there must go
        family = terminal.family()
        os.kill(terminal.pid, signal.SIGINT)
        terminal.end()
        gone, left = psutil.wait_procs(family, timeout=10)
        assert not left
        assert len(gone) == len(family)
    finally:
        terminal.close()


def test_a_killed_supervisor_ends_its_workers_and_is_told(live: Terminal, log: Path) -> None:
    live.wait_for("● on for")
    family = live.family()
    next(process for process in family if "quintet.engine.serve" in process.cmdline()).kill()
    live.wait_for("supervisor is gone")
    wait_until(lambda: not alive(family), "the workers' end")
    live.press("q")
    assert live.end() == 1
    assert RESTORED in live.raw
    assert folded(read(log)).end is None


BREAKS = """
import sys
from pathlib import Path
from quintet.tui import frame
draw = frame.draw
def breaks(*arguments):
    if Path({flag!r}).exists():
        raise RuntimeError("this screen broke")
    return draw(*arguments)
frame.draw = breaks
from quintet.cli import main
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
