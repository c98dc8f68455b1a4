"""Sessions that outlive their terminal: detach, attach from anywhere, lost lines, two screens, and what is cleaned up."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from quintet.engine.journal.reader import read
from quintet.engine.session.session import folded
from quintet.engine.storage import live_sessions
from tests.running import PATIENCE_S, alive, held_profile, wait_images, wait_until
from tests.terminal import RESTORED, Terminal, two_seconds


def quintet(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "quintet", *words], capture_output=True, text=True, check=False, cwd=cwd
    )


def whole(log: Path) -> None:
    """No lane's numbers have a hole, and the journal has an end."""
    session = folded(read(log))
    assert session.end is not None
    assert [lane.holes for lane in session.lanes] == [0] * 5
    assert [lane.lost for lane in session.lanes] == [0] * 5


def test_detach_list_attach_from_another_folder_and_stop(live: Terminal, log: Path, tmp_path: Path) -> None:
    live.wait_for("● on for")
    family = live.family()
    live.press("d")
    assert live.end() == 0
    assert RESTORED in live.raw
    assert "quintet attach log" in live.text()
    assert quintet("ls").stdout.startswith("log  live 0 min")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    os.chdir(elsewhere)
    again = Terminal("attach")
    try:
        again.wait_for("· together ·")
        again.press("m")
        again.wait_for("enter writes")
        again.press("fan on\r")
        again.wait_for("note: fan on")
        again.press("q")
        again.wait_for("leave it running")
        again.press("l")
        assert again.end() == 0
    finally:
        again.close()
    stopped = quintet("stop")
    assert (stopped.returncode, stopped.stdout.strip()) == (0, str(log))
    wait_until(lambda: not alive(family), "everything's end")
    whole(log)
    assert "  live " not in quintet("ls").stdout


def test_a_closed_terminal_ends_the_screen_only(live: Terminal, log: Path) -> None:
    live.wait_for("● on for")
    entry = live_sessions.find("log")
    live.hang_up()
    wait_images(log, 200)
    again = Terminal("attach", str(log))
    try:
        again.wait_for("● on for")
        again.press("q")
        again.wait_for("leave?")
        again.press("s")
        assert again.end() == 0
    finally:
        again.close()
    assert not psutil.pid_exists(entry.pid) or not alive([psutil.Process(entry.pid)])
    whole(log)


@pytest.mark.parametrize("moment", ["● on for", "loading"])
def test_a_screen_that_ignores_the_hang_up_ends_with_its_terminal(tmp_path: Path, log: Path, moment: str) -> None:
    """What `nohup` began begins programs so; without a terminal such a screen would spin beside what is measured."""
    profile, let_go = held_profile(tmp_path)
    if moment != "loading":
        let_go.touch()
    words = (sys.executable, "-m", "quintet", str(profile), "--log", str(log))
    terminal = Terminal("-c", 'trap "" HUP; exec "$@"', "sh", *words, program=("/bin/sh",))
    terminal.wait_for(moment)
    terminal.hang_up()
    let_go.touch()
    wait_images(log, 200)
    assert quintet("stop", "log").returncode == 0


def test_two_screens_show_one_session_and_one_flip(live: Terminal) -> None:
    live.wait_for("● on for")
    other = Terminal("attach", columns=80, rows=24)
    try:
        other.wait_for("● on for")
        live.press("0a")
        other.wait_for("○ off for")
        live.wait_for("○ off for")
        other.press("d")
        assert other.end() == 0
    finally:
        other.close()
    live.wait_for(two_seconds("○ off"))
    live.press("q")
    live.wait_for("leave?")
    live.press("s")
    assert live.end() == 0


def test_a_screen_that_is_told_to_end_restores_its_terminal_and_the_session_goes_on(live: Terminal) -> None:
    live.wait_for("● on for")
    os.kill(live.pid, signal.SIGTERM)
    assert live.end() == 0
    assert RESTORED in live.raw
    assert len(live_sessions.sessions()) == 1
    assert quintet("stop").returncode == 0


def test_without_a_screen_a_session_lingers_only_so_long(sleep_profile: Path, log: Path) -> None:
    terminal = Terminal(str(sleep_profile), "--log", str(log), "--linger", "1s")
    try:
        terminal.wait_for("● on for")
        terminal.press("d")
        assert terminal.end() == 0
        wait_until(lambda: not live_sessions.sessions(), "the session's end")
    finally:
        terminal.close()
    session = folded(read(log))
    assert session.end is not None
    assert session.end.reason == "linger"


def test_restart_by_key_and_the_lanes_log(live: Terminal, log: Path) -> None:
    live.wait_for("● on for")
    pid = folded(read(log)).lanes[3].ready
    assert pid is not None
    os.kill(pid.pid, signal.SIGKILL)
    live.wait_for("✖ failed")
    live.press("4e")
    live.wait_for("seg: its data and what it wrote")
    live.wait_for("ended by signal 9 (SIGKILL)")
    live.press("x")
    live.wait_gone("what it wrote")
    live.press("r")
    live.wait_for("4 seg            ● on")
    live.press("q")
    live.wait_for("leave?")
    live.press("s")
    assert live.end() == 0


def test_what_a_killed_session_left_is_cleaned_by_the_next_ls(live: Terminal, own_state: Path) -> None:
    live.wait_for("● on for")
    entry = live_sessions.find(None)
    psutil.Process(entry.pid).kill()
    live.wait_for("supervisor is gone")
    folder = own_state / "quintet" / "sessions"
    assert len(list(folder.iterdir())) == 1
    assert "  live " not in quintet("ls").stdout
    assert list(folder.iterdir()) == []


def test_a_second_session_is_warned_of_and_both_must_be_named(live: Terminal, tmp_path: Path) -> None:
    live.wait_for("● on for")
    profile, let_go = held_profile(tmp_path)  # while its lanes load, no later event takes the warning's place
    other = Terminal(str(profile), "--log", str(tmp_path / "other.msgpack"))
    try:
        other.wait_for("another quintet session (log) is running")
        let_go.touch()
        ambiguous = quintet("stop")
        assert ambiguous.returncode == 2
        assert "name one of log, other" in ambiguous.stderr
        assert quintet("stop", "other").returncode == 0
        other.wait_for("session has ended")
        other.press("q")
        assert other.end() == 0
    finally:
        other.close()
    manifest = folded(read(tmp_path / "other.msgpack")).start
    assert manifest is not None
    assert manifest.manifest["other_sessions"] == ["log"]


@pytest.mark.parametrize("words", [("attach",), ("stop",), ("stop", "nothing")])
def test_nothing_to_attach_to_is_one_sentence(words: tuple[str, ...]) -> None:
    ran = quintet(*words)
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1


def test_a_long_state_folder_puts_the_socket_elsewhere(
    sleep_profile: Path, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 90)
    monkeypatch.setenv("XDG_STATE_HOME", str(deep))
    ran = subprocess.Popen(
        [sys.executable, "-m", "quintet", "run", str(sleep_profile), "--headless", "--log", str(log)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_until(lambda: bool(live_sessions.sessions()), "the session")
    socket = Path(live_sessions.find(None).socket)
    assert not socket.is_relative_to(deep)
    assert len(os.fsencode(socket)) <= 107
    assert socket.parent.stat().st_mode & 0o777 == 0o700
    assert quintet("stop").returncode == 0
    assert ran.wait(PATIENCE_S) == 0
    assert not socket.exists()
    shutil.rmtree(deep, ignore_errors=True)
