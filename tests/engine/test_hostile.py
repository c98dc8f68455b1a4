"""Frames from outside: workers and clients that lie are cut off, said so, and cost the others nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import pytest

from quintet.engine.control.client import Client
from quintet.engine.control.server import MOST_CLIENTS, Server
from quintet.engine.journal.reader import read
from quintet.engine.journal.writer import Journal
from quintet.engine.profile.schema import Lane, Profile
from quintet.engine.protocol import events as ev
from quintet.engine.protocol.codec import encode
from quintet.engine.protocol.control_messages import Ask, Beat, Hello, Reply
from quintet.engine.protocol.stream import WORKER_FRAME_BYTES, BadFrame, FrameStream
from quintet.engine.protocol.switches import starting_levels
from quintet.engine.session.session import folded
from quintet.engine.storage.side_files import SideFile
from quintet.engine.supervisor.worker_handle import Link
from tests import hostile
from tests.hostile import ROW, python_of
from tests.making import Maker
from tests.running import PATIENCE_S, Headless

FEW, MANY = 2_000, 100_000
AMOUNTS = [FEW, pytest.param(MANY, marks=pytest.mark.long("fuzz"))]


def peak_mb(pid: int) -> float:
    """The most memory that a process ever had resident."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def control_socket(state: Path) -> Path:
    return next((state / "quintet" / "sessions").glob("*/control"))


async def said(state: Path, what: str, arguments: dict[str, Any]) -> Reply:
    client = Client(lambda: None)
    await client.open(control_socket(state), Hello(ev.FORMAT, os.getpid(), "test", 0, 0, False))
    reply = await client.ask(what, arguments)
    await client.close()
    return reply


def profile(folder: Path, hostile_lanes: tuple[str, ...]) -> Path:
    """A sleeping lane, and one lane for each hostile mode."""
    lanes = ['[[lane]]\nname = "good"\ntask = "cls"\nbackend = "sleep"\n']
    lanes += [
        f'[[lane]]\nname = "{mode}"\ntask = "detect"\nbackend = "sleep"\npython = "{python_of(folder, mode)}"\n'
        for mode in hostile_lanes
    ]
    path = folder / "hostile.toml"
    path.write_text("".join(lanes))
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_a_worker_that_lies_ends_and_only_it_ends(tmp_path: Path, own_state: Path) -> None:
    run = Headless(profile(tmp_path, hostile.MODES), tmp_path)
    run.wait_running(lanes=1)
    session = run.wait_for(lambda s: all(lane.failed_ns for lane in s.lanes[1:]), "a fault of every lane that lies")
    for lane in session.lanes[1:]:
        (fault,) = lane.faults
        assert (fault.kind, len(fault.text) < 300) == ("protocol", True), fault
        assert "sent an invalid event" in fault.text
    assert not session.lanes[0].faults
    assert peak_mb(run.process.pid) < 400

    reply = await said(own_state, "restart", {"lanes": [1]})
    assert reply.outcome == "done"
    run.wait_for(lambda s: len(s.lanes[1].faults) == 2, "the restarted lane to lie again")
    images = len(run.session().lanes[0].rows)
    run.wait_for(lambda s: len(s.lanes[0].rows) > images + 20, "the good lane to go on")
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 1
    assert "Traceback" not in run.errors.read_text()


# -- workers, without the process ---------------------------------------------------------------------------------------


def of_workers() -> list[list[Any]]:
    """One good frame of every kind that a worker sends."""
    levels = starting_levels(1)
    return [
        ["step", 0, 1, "model", "begun", 0, 1], ["ready", 0, 2, 3, {"device": "cpu", "notes": [], "refusals": {}}],
        ["arm", 0, 0, 0, 3, levels], ["gate", 0, True, 0, 4], ["samples", 0, 0, 0, [ROW, ROW]],
        ["value", 0, 0, 5, 10, 64, 1000, {"top1": 0.5}], ["telemetry", 5, 5, {"lane": 0, "held_bytes": 0, "skipped": 1}],
        ["answer", 1, 0, 5, 2, "done", ""], ["stall", 0, 6, 100], ["lost", 0, 6, 3], ["work", 0, 6, 0, 9, 9, 9, 9, 9],
        ["fault", 0, 7, "load", "It broke.", "tail"],
    ]  # fmt: skip


@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_frames_in_pieces_are_the_same_frames(piece: int) -> None:
    content = b"".join(msgpack.packb(frame) for frame in [*of_workers(), ["unknown", 1], *of_workers()])
    stream = FrameStream(ev.FROM_WORKER, WORKER_FRAME_BYTES)
    frames = [frame for at in range(0, len(content), piece) for frame in stream.feed(content[at : at + piece])]
    assert [list(frame) for frame in frames] == [frame[1:] for frame in [*of_workers(), *of_workers()]]


@pytest.mark.parametrize("content", [b"\xc0", b"\x01", b"\x90", b"\x91\xc0", b"\xc1"])
def test_what_is_no_frame_at_all_is_refused(content: bytes) -> None:
    with pytest.raises(BadFrame):
        list(FrameStream(ev.FROM_WORKER, WORKER_FRAME_BYTES).feed(content))


def test_a_frame_that_never_ends_is_refused_once_it_is_too_long() -> None:
    stream = FrameStream(ev.FROM_WORKER, 1000)
    list(stream.feed(b"\xdc\x0f\xff" + b"\x01" * 997))
    with pytest.raises(BadFrame, match="longer than 1000 bytes"):
        list(stream.feed(b"\x01"))


@pytest.mark.parametrize("amount", AMOUNTS)
def test_frames_that_are_nearly_a_workers_are_events_or_a_reason(tmp_path: Path, amount: int) -> None:
    """Through a real link and a real log: what is taken can be written, read and folded."""
    rng = random.Random(amount)
    log = tmp_path / "log.msgpack"
    journal = Journal(log)
    journal.append(Maker(1).frames[0])
    stderr = SideFile(tmp_path / "stderr")
    link = Link(0, Lane(name="a", task="cls"), tmp_path, stderr)
    wanted = Profile(name="p", lanes=(link.lane,), path="", text="", keep_bytes=0)
    wires = link.wire(wanted)
    theirs = socket.socket(fileno=os.dup(wires.workers_ends[0]))
    reasons = taken = 0
    for _ in range(amount):
        theirs.sendall(hostile.mutated(rng, of_workers()))
        try:
            for frame in link.receive():
                journal.append(frame)
                taken += 1
        except BadFrame:
            reasons += 1
            theirs.close()
            wires.release()
            wires = link.wire(wanted)
            theirs = socket.socket(fileno=os.dup(wires.workers_ends[0]))
    theirs.close()
    wires.release()
    stderr.close()
    journal.close()
    assert min(reasons, taken) > amount // 50
    session = folded(read(log))
    assert session.start is not None


# -- clients ------------------------------------------------------------------------------------------------------------


def of_clients() -> list[list[Any]]:
    """Good frames of clients; nothing in them ends the session."""
    return [
        ["hello", ev.FORMAT, 4, "test", 0, 0, False], ["hello", ev.FORMAT, 4, "screen", 80, 24, False], ["beat", 1, 2, 3],
        ["ask", 1, "set", {"lanes": [0], "levels": {"sync": "none"}}], ["ask", 1, "active", {"lanes": [0, 1]}],
        ["ask", 1, "mark", {"text": "note"}], ["ask", 1, "pause", {"on": True}], ["ask", 1, "stop_plan", {}],
        ["ask", 1, "plan", {"kind": "ab", "rounds": 0, "switch": "sync", "levels": ["each", "none"]}],
    ]  # fmt: skip


class Connection:
    """A client's socket that is opened again whenever the session has cut it off."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.opened = 0
        self._open()

    def _open(self) -> None:
        self.opened += 1
        self._sock = socket.socket(socket.AF_UNIX)
        self._sock.settimeout(PATIENCE_S)
        self._sock.connect(str(self._path))
        self._sock.sendall(encode(Hello(ev.FORMAT, os.getpid(), "fuzz", 80, 24, False)))

    def send(self, content: bytes) -> None:
        """Send one frame and an ask that is always refused, and wait for what comes of it."""
        sentinel = encode(Ask(77, "nothing", {}))
        try:
            self._sock.sendall(content + sentinel)
            answers = b""
            while b"does not know the request" not in answers:
                piece = self._sock.recv(1 << 16)
                if not piece:
                    raise ConnectionError
                answers += piece
        except ConnectionError:
            self._sock.close()
            self._open()

    def close(self) -> None:
        self._sock.close()


@pytest.mark.parametrize("amount", AMOUNTS)
async def test_clients_that_send_nonsense_are_counted_and_harm_nothing(
    tmp_path: Path, own_state: Path, amount: int
) -> None:
    run = Headless(profile(tmp_path, ()), tmp_path)
    run.wait_running(lanes=1)
    rng = random.Random(amount)
    connection = Connection(control_socket(own_state))
    for _ in range(amount):
        connection.send(hostile.mutated(rng, of_clients()))
    connection.close()
    assert connection.opened > amount // 10
    assert (await said(own_state, "mark", {"text": "still here"})).outcome == "done"
    await said(own_state, "active", {"lanes": [0]})
    images = len(run.session().lanes[0].rows)
    run.wait_for(lambda s: len(s.lanes[0].rows) > images + 20, "the lane to go on")
    session = run.wait_for(
        lambda s: s.telemetry[-1].values.get("refused_clients", 0) >= connection.opened - 2, "refusals to be counted"
    )
    assert session.telemetry[-1].values["refused_last"]
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 0
    assert "Traceback" not in run.errors.read_text()
    assert not run.session().left_out


async def test_a_set_of_one_lane_many_times_is_refused_at_once(tmp_path: Path, own_state: Path) -> None:
    run = Headless(profile(tmp_path, ()), tmp_path)
    run.wait_running(lanes=1)
    assert (await said(own_state, "set", {"lanes": [0, 0], "levels": {"sync": "none"}})).outcome == "done"
    assert (await said(own_state, "set", {"lanes": [0] * 17, "levels": {"sync": "each"}})).outcome == "refused"
    with pytest.raises(ConnectionError, match=r"sent an invalid frame|has ended"):
        await said(own_state, "set", {"lanes": [0] * 900_000, "levels": {"sync": "each"}})
    sets = [asked.command.lanes for asked in run.session().asked.values() if "set" in asked.command.what]
    assert sets == [[0]]
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 0


@pytest.mark.parametrize(
    ("what", "arguments", "sentence"),
    [
        ("plan", {"kind": "ab", "modes": ["inference"]},
         "The request plan cannot be used: Object contains unknown field `modes`."),
        ("plan", {"kind": "ab", "rounds": "9"},
         "The request plan cannot be used: Expected `int | null`, got `str` - at `$.rounds`."),
        ("set", {}, "The request set cannot be used: Object missing required field `lanes`."),
        ("dance", {},
         "A session does not know the request 'dance'; it knows set, active, restart, mark, stop, plan, pause, stop_plan."),
    ],
)  # fmt: skip
async def test_what_is_asked_wrongly_gets_a_sentence_without_python(
    tmp_path: Path, own_state: Path, what: str, arguments: dict[str, Any], sentence: str
) -> None:
    run = Headless(profile(tmp_path, ()), tmp_path)
    run.wait_running(lanes=1)
    reply = await said(own_state, what, arguments)
    assert (reply.outcome, reply.text) == ("refused", sentence)
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 0


async def until(true: Callable[[], bool], what: str) -> None:
    """Wait for a condition in this loop."""
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, f"{what} did not happen within {PATIENCE_S:g} s"
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def server(folder: Path, hello_s: float = PATIENCE_S) -> Any:
    """A control socket alone."""
    one = Server(folder / "control", Path("log"), lambda ask, who: Reply(ask.id, "done", ""), lambda n: None, hello_s)
    await one.open()
    try:
        yield one
    finally:
        await one.close()


async def test_a_client_that_says_nothing_is_dropped(own_state: Path) -> None:
    async with server(own_state, hello_s=0.05) as one:
        reader, writer = await asyncio.open_unix_connection(str(own_state / "control"))
        answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
        assert b"did not say hello within 0.05 s" in answer
        assert one.refused == 1
        writer.close()


async def test_there_are_at_most_so_many_clients(own_state: Path) -> None:
    hello = encode(Hello(ev.FORMAT, 4, "test", 0, 0, False))
    async with server(own_state) as one:
        opened = []
        for _ in range(MOST_CLIENTS):
            reader, writer = await asyncio.open_unix_connection(str(own_state / "control"))
            writer.write(hello)
            assert b"welcome" in await reader.read(100)
            opened.append(writer)
        reader, writer = await asyncio.open_unix_connection(str(own_state / "control"))
        assert b"has 64 clients already" in await asyncio.wait_for(reader.read(), PATIENCE_S)
        writer.close()
        assert one.refused == 1
        opened.pop().close()
        end = time.monotonic() + PATIENCE_S
        answer = b""
        while b"welcome" not in answer:  # until the server has seen it leave
            assert time.monotonic() < end, answer
            writer.close()
            reader, writer = await asyncio.open_unix_connection(str(own_state / "control"))
            with contextlib.suppress(ConnectionError):
                writer.write(hello)
            answer = await reader.read(100)
        for other in (*opened, writer):
            other.close()


async def test_beats_are_of_screens_only_and_go_with_them(own_state: Path) -> None:
    async with server(own_state) as one:
        for columns, kept in ((0, 0), (80, 1)):
            reader, writer = await asyncio.open_unix_connection(str(own_state / "control"))
            frames = (Hello(ev.FORMAT, 4, "test", columns, 24, False), Beat(1, 2, 3), Ask(1, "mark", {"text": ""}))
            writer.write(b"".join(map(encode, frames)))
            answer = b""
            while b"reply" not in answer and b"refused" not in answer:
                answer += await asyncio.wait_for(reader.read(1000), PATIENCE_S)
            assert len(one.told()["screens"]) == kept
            assert (b"beat out of turn" in answer) == (columns == 0)
            writer.close()
        await until(lambda: not one.told()["screens"], "the screen's beat to go")


# -- quintet's own bugs -------------------------------------------------------------------------------------------------

BUG = """
    from quintet.engine.{module} import {owner}
    was, calls = {owner}.{method}, [0]

    def raises(*words):
        calls[0] += 1
        if calls[0] >= 4:
            raise RuntimeError("a bug of ours")
        return was(*words)

    {owner}.{method} = raises
    import sys
    from quintet.cli.main import main
    sys.argv[0] = "quintet"
    main()
"""


@pytest.mark.parametrize(
    ("module", "owner", "method"),
    [
        ("plan.executor", "Stepping", "next"),
        ("plan.executor", "Stepping", "take"),
        ("supervisor.telemetry", "Telemetry", "sample"),
        ("supervisor.worker_launcher", "Births", "poll"),
    ],
)
def test_a_bug_of_the_supervisor_is_a_fault_and_ends_the_session(
    sleep_profile: Path, tmp_path: Path, module: str, owner: str, method: str
) -> None:
    log = tmp_path / "log.msgpack"
    program = textwrap.dedent(BUG.format(module=module, owner=owner, method=method))
    ran = subprocess.run(
        [sys.executable, "-c", program, "ab", str(sleep_profile), "--rounds", "9", "--headless", "--log", str(log)],
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert ran.returncode == 1, ran.stderr
    session = folded(read(log))
    assert [fault.kind for fault in session.faults] == ["internal"]
    assert "a bug of ours" in session.faults[0].text
    assert session.end is not None
    assert session.end.reason == "fault"
    assert not any(lane.faults for lane in session.lanes)
    assert ran.stderr.count("Traceback") < 10


def test_there_is_no_log_before_its_first_event(sleep_profile: Path, tmp_path: Path) -> None:
    """Hashing large weights takes seconds: killed meanwhile, a session leaves no empty log."""
    log = tmp_path / "log.msgpack"
    program = """
import os
from quintet import __main__
from quintet.engine.supervisor import supervisor

supervisor.manifest = lambda *_: os.kill(os.getpid(), 9)
__main__.main()
"""
    words = ["run", str(sleep_profile), "--headless", "--log", str(log)]
    ran = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, timeout=PATIENCE_S, check=False)
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    assert not log.exists()
