"""Who may reach a session, and what a worker sees of its user's environment."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import tempfile
from pathlib import Path

import pytest

from quintet.engine.control.server import Server
from quintet.engine.protocol import events as ev
from quintet.engine.protocol.codec import encode
from quintet.engine.protocol.control_messages import Ask, Hello, Reply
from quintet.engine.storage import locations
from quintet.engine.supervisor.worker_process import environment

NOBODY = 65534


def test_a_worker_sees_an_allow_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "AWS_SECRET_ACCESS_KEY",
        "PYTHONPATH",
        "SSH_AUTH_SOCK",
        "CUDA_VISIBLE_DEVICES",
        "OMP_NUM_THREADS",
        "LC_ALL",
    ):
        monkeypatch.setenv(name, "x")
    seen = environment(tmp_path, "lane0", {"MINE": "1"})
    assert {"CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "LC_ALL", "MINE"} <= set(seen)
    assert not {"AWS_SECRET_ACCESS_KEY", "PYTHONPATH", "SSH_AUTH_SOCK"} & set(seen)
    assert Path(seen["YOLO_CONFIG_DIR"]).is_relative_to(tmp_path)
    assert (seen["YOLO_OFFLINE"], seen["YOLO_AUTOINSTALL"]) == ("1", "0")


def test_a_sessions_folders_are_closed_to_others(tmp_path: Path, own_state: Path) -> None:
    private = locations.private_folder(tmp_path / "x.msgpack")
    for folder in (private, private.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.skipif(os.getuid() != 0, reason="only root can play a second user")
def test_another_user_who_reaches_the_socket_is_refused() -> None:
    folder = Path(tempfile.mkdtemp(prefix="open"))
    folder.chmod(0o755)
    path = folder / "control"
    asked: list[Ask] = []

    def answer(ask: Ask, who: str) -> Reply:
        asked.append(ask)
        return Reply(ask.id, "done", "")

    async def serve() -> bytes:
        server = Server(path, Path("log"), answer, lambda screens: None)
        await server.open()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        path.chmod(0o666)  # as if somebody had opened it
        said, say = os.pipe()
        if os.fork() == 0:
            stranger(path, say)
        os.close(say)
        with os.fdopen(said, "rb") as pipe:
            heard = await asyncio.to_thread(pipe.read)
        os.wait()
        await server.close()
        return heard

    heard = asyncio.run(serve())
    assert b"belongs to another user" in heard
    assert b"welcome" not in heard
    assert asked == []
    folder.rmdir()


def stranger(path: Path, say: int) -> None:
    """In a forked process of another user: say hello, ask for a stop, tell what was heard."""
    try:
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            hello = Hello(ev.FORMAT, os.getpid(), "stranger", 0, 0, False)
            client.sendall(encode(hello) + encode(Ask(1, "stop", {})))
            client.settimeout(60)
            os.write(say, client.recv(4096))
    finally:
        os._exit(0)
