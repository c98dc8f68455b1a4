"""A worker's end of its socket against a peer that does not read: nothing blocks, and what is lost is counted."""

from __future__ import annotations

import socket
from itertools import pairwise
from typing import Any

import pytest

from quintet.engine.protocol import events as ev
from quintet.engine.protocol.codec import encode, unpacker
from quintet.engine.protocol.events import Frame
from quintet.engine.protocol.orders import GateOrder, SetOrder, StopOrder
from quintet.engine.worker.channel import STALL_NS, Port


class Clock:
    def __init__(self) -> None:
        self.now = 1

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def pair() -> Any:
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    yield ours, theirs
    ours.close()
    theirs.close()


def samples(seq: int, images: int = 32) -> ev.Samples:
    return ev.Samples(3, 0, seq, [[1 << 40] * len(ev.COLUMNS)] * images)


def everything(peer: socket.socket, port: Port) -> list[list[Any]]:
    """Read and let the port send, until it has nothing left."""
    peer.setblocking(False)
    source = unpacker()
    found: list[list[Any]] = []
    idle = 0
    while idle < 3:
        port.orders(0)
        try:
            source.feed(peer.recv(1 << 16))
            found += list(source)
            idle = 0
        except BlockingIOError:
            idle += 1
    return found


def test_a_peer_that_does_not_read_is_reported_as_a_stall(pair: tuple[socket.socket, socket.socket]) -> None:
    clock = Clock()
    port = Port(pair[0], clock)
    port.lane = 3
    for seq in range(0, 32 * 40, 32):
        port.send(samples(seq))
    clock.now += 2 * STALL_NS
    found = everything(pair[1], port)
    assert [frame[3] for frame in found if frame[0] == "samples"] == list(range(0, 32 * 40, 32))
    assert [frame for frame in found if frame[0] == "stall"] == [["stall", 3, clock.now, 2 * STALL_NS]]
    assert not [frame for frame in found if frame[0] == "lost"]


def test_past_its_bound_the_oldest_samples_go_and_are_counted(pair: tuple[socket.socket, socket.socket]) -> None:
    port = Port(pair[0], Clock(), bound_bytes=100_000)
    port.lane = 3
    answer: Frame = ev.Answer(9, 3, 1, 0, "done", "")
    port.send(samples(0))
    port.send(answer)
    for seq in range(32, 32 * 200, 32):
        port.send(samples(seq))
    found = everything(pair[1], port)
    came = sum(len(frame[4]) for frame in found if frame[0] == "samples")
    lost = sum(frame[3] for frame in found if frame[0] == "lost")
    assert lost > 0
    assert came + lost == 32 * 200
    assert ["answer", *answer] in found
    gaps = [(a[3] + len(a[4]), b[3]) for a, b in pairwise(f for f in found if f[0] == "samples") if a[3] + 32 != b[3]]
    assert sum(after - before for before, after in gaps) == lost  # told by their numbers too


def test_orders_come_whole_however_they_are_cut(pair: tuple[socket.socket, socket.socket]) -> None:
    port = Port(pair[0], Clock())
    orders: list[Frame] = [SetOrder(1, {"score": "off"}), GateOrder(2, True), StopOrder(3)]
    came: list[Frame] = []
    for byte in b"".join(map(encode, orders)):
        pair[1].send(bytes((byte,)))
        came += port.orders(0)
    assert came == orders


def test_a_peer_that_is_gone_is_noticed(pair: tuple[socket.socket, socket.socket]) -> None:
    port = Port(pair[0], Clock())
    pair[1].close()
    assert port.orders(None) == []
    assert port.closed
    port.send(samples(0))
