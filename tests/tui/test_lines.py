"""Shells and lines: suspended and brought back by a shell, and lost with an ssh connection."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from quintet.engine.journal.reader import read
from quintet.engine.session.session import folded
from quintet.engine.storage import live_sessions
from tests.running import wait_images, wait_until
from tests.terminal import RESTORED, Terminal

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"


def test_a_shell_suspends_the_screen_and_brings_it_back(
    sleep_profile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log.msgpack"
    monkeypatch.setenv("PS1", "ready> ")
    shell = Terminal("--norc", "-i", program=("/bin/bash",))
    try:
        shell.wait_for("ready>")
        shell.press(f"{sys.executable} -m quintet {sleep_profile} --log {log}\r")
        shell.wait_for("● on for")
        shell.press("\x1a")
        shell.wait_for("Stopped")
        assert RESTORED in shell.raw
        wait_images(log, 100)
        shell.screen.reset()  # what it shows from here on was painted anew
        shell.press("fg\r")
        shell.wait_for("● on for")
        shell.press("q")
        shell.wait_for("leave?")
        shell.press("s")
        shell.wait_for(str(log.name))
        shell.press("exit\r")
        assert shell.end() == 0
    finally:
        shell.close()


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[tuple[str, ...]]:
    """An ssh command to a server of our own on localhost."""
    if not Path(SSHD).exists() or os.getuid() != 0 or shutil.which("ssh") is None:
        pytest.skip("needs sshd, ssh and root")
    Path("/run/sshd").mkdir(exist_ok=True)
    for key in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / key], check=True)
    shutil.copy(tmp_path / "user.pub", tmp_path / "authorized")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {
        "Port": port, "ListenAddress": "127.0.0.1", "HostKey": tmp_path / "host", "AuthorizedKeysFile": tmp_path / "authorized",
        "PidFile": "none", "UsePAM": "no", "StrictModes": "no", "PermitRootLogin": "yes",
    }  # fmt: skip
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    server = subprocess.Popen([SSHD, "-D", "-e", "-f", "/dev/null", *words], stderr=subprocess.DEVNULL)
    wait_until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, "sshd")
    yield (
        shutil.which("ssh") or "ssh", "-tt", "-q", "-F", "/dev/null", "-p", str(port), "-i", str(tmp_path / "user"),
        "-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={tmp_path / 'known'}", f"{getpass.getuser()}@127.0.0.1",
    )  # fmt: skip
    server.terminate()
    server.wait()


@pytest.mark.filterwarnings("ignore:unclosed <socket")
def test_a_lost_ssh_line_ends_the_screen_only(
    ssh: tuple[str, ...], sleep_profile: Path, tmp_path: Path, own_state: Path
) -> None:
    log = tmp_path / "log.msgpack"
    quintet = f"cd {Path.cwd()} && XDG_STATE_HOME={own_state} {sys.executable} -m quintet"
    far = Terminal(f"{quintet} {sleep_profile} --log {log}", program=ssh)
    try:
        far.wait_for("● on for")
        os.kill(far.pid, signal.SIGKILL)
        wait_images(log, 200)
    finally:
        far.close()
    again = Terminal(f"{quintet} attach", program=ssh)
    try:
        again.wait_for("● on for")
        again.press("q")
        again.wait_for("leave?")
        again.press("s")
        assert again.end() == 0
    finally:
        again.close()
    session = folded(read(log))
    assert session.end is not None
    assert [lane.holes for lane in session.lanes] == [0] * 5
    assert live_sessions.sessions() == []
