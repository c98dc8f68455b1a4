"""What the supervisor takes from a worker: checked, its own, and whole; anything else ends the connection."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from quintet.engine.profile.schema import Lane, Profile
from quintet.engine.protocol import events as ev
from quintet.engine.protocol.codec import encode
from quintet.engine.protocol.orders import StopOrder
from quintet.engine.storage.side_files import SideFile
from quintet.engine.supervisor.worker_handle import Link
from quintet.engine.supervisor.worker_process import how_it_ended
from tests.making import row


@pytest.fixture
def wired(tmp_path: Path) -> Iterator[tuple[Link, socket.socket]]:
    """A link whose worker's end of the socket is the test's; its process is a real one that only waits."""
    waiting = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    stderr = SideFile(tmp_path / "stderr")
    link = Link(1, Lane(name="b", task="cls"), tmp_path, stderr)
    wires = link.wire(Profile(name="p", lanes=(link.lane,), path="", text="", keep_bytes=0))
    theirs = socket.socket(fileno=os.dup(wires.workers_ends[0]))
    theirs.recv(4096)  # the lane's settings
    link.adopt(waiting)
    yield link, theirs
    link.end()
    assert waiting.stdin is not None
    waiting.stdin.close()
    theirs.close()
    stderr.close()


GOOD = ev.Samples(1, 0, 30, [row(10), row(20)])


def test_good_frames_come_through_and_are_remembered(wired: tuple[Link, socket.socket]) -> None:
    link, worker = wired
    worker.sendall(encode(ev.Arm(1, 4, 30, 5, {"score": "off"})) + encode(GOOD))
    assert [type(frame) for frame in link.receive()] == [ev.Arm, ev.Samples]
    assert (link.next_arm, link.next_seq, link.images, link.cycle_ns) == (5, 32, 2, 10)


@pytest.mark.parametrize(
    "frame",
    [
        GOOD._replace(lane=0),
        GOOD._replace(rows=[]),
        GOOD._replace(rows=[[1, 2]]),
        GOOD._replace(rows=[row(1)] * 33),
        ev.Answer(1, 1, 0, 0, "perhaps", ""),
    ],
)
def test_what_is_not_the_lanes_to_say_ends_the_connection(wired: tuple[Link, socket.socket], frame: ev.Frame) -> None:
    link, worker = wired
    worker.sendall(encode(GOOD) + encode(frame))
    taken: list[ev.Frame] = []
    with pytest.raises(ValueError, match=r"lane|rows|outcome"):
        taken.extend(link.receive())


def test_a_worker_that_has_gone_is_told_apart_from_one_that_is_silent(wired: tuple[Link, socket.socket]) -> None:
    link, worker = wired
    assert list(link.receive()) == []
    worker.shutdown(socket.SHUT_RDWR)
    with pytest.raises(EOFError):
        list(link.receive())


def test_a_command_is_overdue_once(wired: tuple[Link, socket.socket]) -> None:
    link, _ = wired
    link.cycle_ns = 4_000_000_000
    assert link.command(StopOrder(7), 7)
    deadline = link.waiting[7]
    assert link.overdue(deadline) == []
    assert link.overdue(deadline + 1) == [7]
    assert link.overdue(deadline + 1) == []


def test_exit_statuses_in_words() -> None:
    assert how_it_ended(3) == "exited with status 3"
    assert how_it_ended(-9) == "was ended by signal 9 (SIGKILL)"
    assert how_it_ended(-99) == "was ended by signal 99"
