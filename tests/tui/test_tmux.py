"""The real program in tmux, as people use it far away: start, flip, detach, attach, stop, replay."""

from __future__ import annotations

import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from quintet.engine.journal.reader import read
from quintet.engine.session.session import folded
from tests.running import wait_images, wait_until
from tests.terminal import Words, found, two_seconds

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux"),
]
QUINTET = f"{sys.executable} -m quintet"


class Tmux:
    """One tmux server of our own with one window of 120x40; a shell waits in it."""

    def __init__(self) -> None:
        self._server = f"quintet-test-{uuid.uuid4().hex[:8]}"
        self.run("new-session", "-d", "-s", "main", "-x", "120", "-y", "40", "env PS1='ready> ' bash --norc")

    def run(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self._server, "-f", "/dev/null", *words], capture_output=True, text=True, check=True
        )
        return done.stdout

    def wait_for(self, words: Words) -> None:
        wait_until(lambda: found(words, self.text()), f"{words!r} in tmux")

    def text(self) -> str:
        return self.run("capture-pane", "-p", "-t", "main")

    def press(self, *keys: str) -> None:
        self.run("send-keys", "-t", "main", *keys)

    def close(self) -> None:
        subprocess.run(["tmux", "-L", self._server, "kill-server"], capture_output=True, check=False)


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    terminal = Tmux()
    yield terminal
    terminal.close()


def test_start_flip_detach_attach_stop_and_replay(tmux: Tmux, sleep_profile: Path, log: Path, own_state: Path) -> None:
    tmux.wait_for("ready>")
    tmux.press(f"{QUINTET} {sleep_profile} --log {log}", "Enter")
    tmux.wait_for(two_seconds("● on"))
    tmux.press("0", "a")
    tmux.wait_for("accuracy off in all lanes, within")
    tmux.press("d")
    tmux.wait_for("comes back")
    tmux.press("clear", "Enter")
    wait_images(log, 50)
    tmux.press(f"{QUINTET} attach log", "Enter")
    tmux.wait_for("accuracy ○ off for")
    tmux.press("q")
    tmux.wait_for("leave?")
    tmux.press("s")
    tmux.wait_for("ready>")
    session = folded(read(log))
    assert session.end is not None
    assert session.end.reason == "asked"
    tmux.press("clear", "Enter")
    tmux.press(f"{QUINTET} replay {log} --speed 64", "Enter")
    tmux.wait_for("at its end")
    assert "REPLAY" in tmux.text()
    tmux.press("[")
    tmux.wait_for("paused")
    tmux.press("q")
    tmux.wait_for("ready>")
