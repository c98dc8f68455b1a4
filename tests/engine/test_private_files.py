"""What a session writes is for its user only, whatever the umask, and nothing is removed that it did not make."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from quintet.engine import private_files
from quintet.engine.errors import BadInput
from quintet.engine.storage import live_sessions, locations
from quintet.engine.supervisor.other_sessions import Neighbours
from tests.engine.test_trust import NOBODY
from tests.running import Headless
from tests.test_cli import quintet


@pytest.fixture
def sessions(own_state: Path) -> Path:
    """The folder of private folders."""
    return locations.sessions_folder()


@pytest.fixture
def ended_pid() -> int:
    """Of a process that was there and is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def old_entry(sessions: Path, pid: int, control: Path) -> Path:
    """The private folder of a session of a version that had no locks."""
    private = sessions / "old-abcdefgh"
    private.mkdir(mode=0o700)
    entry = live_sessions.Entry("old", pid, 1.0, "/x/old.msgpack", str(control), 0.0)
    (private / live_sessions.ENTRY).write_text(json.dumps(entry._asdict()))
    return private


def modes(folder: Path) -> dict[str, str]:
    """The modes of all that is below a folder, but for links."""
    return {
        str(path.relative_to(folder)): oct(stat.S_IMODE(path.lstat().st_mode))
        for path in folder.rglob("*")
        if not path.is_symlink()
    }


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_a_session_is_closed_to_others_under_any_umask(
    tmp_path: Path, sleep_profile: Path, monkeypatch: pytest.MonkeyPatch, umask: int
) -> None:
    state = Path(tempfile.mkdtemp(prefix="q"))
    monkeypatch.setenv("XDG_STATE_HOME", str(state / "a" / "b"))
    before = os.umask(umask)
    try:
        run = Headless(sleep_profile, tmp_path)
        (tmp_path / "stderr").unlink()  # the test's own
    finally:
        os.umask(before)
    run.wait_running(images=5)
    found = {**modes(state), **modes(tmp_path)}
    folders = {path: mode for path, mode in found.items() if (state / path).is_dir()}
    assert set(folders.values()) == {"0o700"}, folders
    assert {mode for path, mode in found.items() if path not in folders} == {"0o600"}, found
    assert {"log.msgpack", "log.msgpack.lane0.stderr", "log.msgpack.nursery.stderr", "a/b/quintet"} <= set(found)
    assert {Path(path).name for path in found} >= {"session.json", "lock", "control"}
    run.close()


def test_a_detached_session_and_its_files_are_closed_to_others(tmp_path: Path, sleep_profile: Path) -> None:
    from tests.terminal import Terminal

    before = os.umask(0)
    try:
        live = Terminal(str(sleep_profile), "--log", str(tmp_path / "log.msgpack"))
    finally:
        os.umask(before)
    try:
        live.wait_for("● on for")
        assert set(modes(tmp_path).values()) == {"0o600"}
        assert "log.msgpack.stderr" in modes(tmp_path)
        assert quintet("stop").returncode == 0
        live.wait_for("session has ended")
    finally:
        live.close()


def test_only_sockets_below_our_own_folders_are_removed(
    tmp_path: Path, sessions: Path, ended_pid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = Path(tempfile.mkdtemp(prefix="q"))
    monkeypatch.setattr(tempfile, "tempdir", str(short))
    fallback = short / f"quintet-{os.getuid()}"
    private_files.make_folder(fallback)
    mine, in_fallback, control = tmp_path / "mine", fallback / "notes", fallback / "old-abcdefgh"
    mine.write_text("mine")
    in_fallback.write_text("mine")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(control))
    for target in (mine, in_fallback, control):
        private = old_entry(sessions, ended_pid, target)
        assert live_sessions.sessions() == []
        assert not private.exists()
    assert (mine.read_text(), in_fallback.read_text(), control.exists()) == ("mine", "mine", False)
    control.write_text("mine")
    old_entry(sessions, ended_pid, control)
    assert live_sessions.sessions() == []
    assert control.read_text() == "mine"


def test_an_entry_of_a_pid_that_is_somebody_elses_now_is_not_live_and_stays(sessions: Path) -> None:
    """Its process may be the session's all the same, after the wall clock was set."""
    private = old_entry(sessions, os.getpid(), sessions / "control")
    assert live_sessions.sessions() == []
    assert private.is_dir()


GOOD: dict[str, Any] = {
    "name": "x", "pid": 1, "created": 1.0, "journal": "/x.msgpack", "socket": "/x", "began_wall_s": 1.0,
}  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        "", "[]", "no json", "[" * 60_000, " " * (1 << 20), json.dumps({**GOOD, "name": ["x"]}),
        json.dumps({**GOOD, "pid": 0}), json.dumps({**GOOD, "pid": -1}), json.dumps({**GOOD, "pid": 10**30}),
        json.dumps({**GOOD, "pid": True}), json.dumps({**GOOD, "created": float("nan")}),
        json.dumps({**GOOD, "began_wall_s": 10**400}), json.dumps({**GOOD, "socket": "/x\0y"}),
        json.dumps({"name": "x"}), json.dumps({**GOOD, "journal": {"a": 1}}),
    ],
)  # fmt: skip
def test_an_entry_that_is_none_is_no_session_and_stays(sessions: Path, content: str) -> None:
    private = sessions / "strange"
    private.mkdir(mode=0o700)
    (private / live_sessions.ENTRY).write_text(content)
    assert live_sessions.sessions() == []
    assert private.is_dir()


def test_an_entry_behind_a_link_is_not_read(sessions: Path, tmp_path: Path) -> None:
    private = old_entry(sessions, 2**30, sessions / "control")
    (private / live_sessions.ENTRY).rename(tmp_path / "entry")
    (private / live_sessions.ENTRY).symlink_to(tmp_path / "entry")
    (sessions / "link").symlink_to(tmp_path)
    assert live_sessions.sessions() == []
    assert private.is_dir()
    assert (tmp_path / "entry").is_file()


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("open", "is open to other users. Run `chmod 700 "),
        ("link", "is a link, and quintet needs a folder there"),
        ("file", "cannot be made or written"),
        ("another's", "belongs to another user"),
    ],
)
def test_a_registry_that_others_can_reach_is_refused_in_one_sentence(sessions: Path, what: str, says: str) -> None:
    if what == "open":
        sessions.chmod(0o777)
    elif what == "another's":
        if os.getuid():
            pytest.skip("only root can play a second user")
        os.chown(sessions, NOBODY, NOBODY)
    else:
        sessions.rename(sessions.with_name("real"))
        if what == "link":
            sessions.symlink_to("real")
        else:
            sessions.write_text("")
    for words in (("ls",), ("run", "micro", "--headless"), ("stop",)):
        ran = quintet(*words)
        assert (ran.returncode, says in ran.stderr, ran.stderr.count("\n")) == (2, True, 1), ran.stderr


def test_a_registry_that_cannot_be_read_any_more_ends_no_measurement() -> None:
    def refused() -> list[live_sessions.Entry]:
        raise BadInput("it is open to other users")

    assert Neighbours(refused).told(1) == {}


@pytest.fixture
def deep(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder whose sockets' paths would be too long, and a temporary folder of the test's own."""
    short = Path(tempfile.mkdtemp(prefix="q"))
    monkeypatch.setenv("XDG_STATE_HOME", str(short / ("d" * 90)))
    monkeypatch.setenv("TMPDIR", str(short))
    return short


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("file", "is a file, and quintet needs a folder there"),
        ("link", "is a link, and quintet needs a folder there"),
        ("dangling", "is a link, and quintet needs a folder there"),
        ("open", "is open to other users. Run `chmod 700 "),
        ("another's", "belongs to another user"),
    ],
)
def test_a_socket_folder_that_is_not_ours_alone_is_one_sentence(
    deep: Path, tmp_path: Path, sleep_profile: Path, what: str, says: str
) -> None:
    folder = deep / f"quintet-{os.getuid()}"
    if what == "file":
        folder.write_text("mine")
    elif what in ("link", "dangling"):
        folder.symlink_to(tmp_path if what == "link" else tmp_path / "nowhere")
    else:
        folder.mkdir(mode=0o700)
        folder.chmod(0o755 if what == "open" else 0o700)
        if what == "another's":
            if os.getuid():
                pytest.skip("only root can play a second user")
            os.chown(folder, NOBODY, NOBODY)
    ran = quintet("run", str(sleep_profile), "--headless", "--for", "1s", "--log", str(tmp_path / "log.msgpack"))
    assert (ran.returncode, says in ran.stderr, ran.stderr.count("\n")) == (2, True, 1), ran.stderr
    assert "set TMPDIR to another folder" in ran.stderr
    assert list(locations.sessions_folder().iterdir()) == []
    assert list(tmp_path.iterdir()) == []
