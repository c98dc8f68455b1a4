"""The wire: every kind's fields in their fixed order, and what is refused."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest

from quintet.engine.protocol import events as ev
from quintet.engine.protocol.codec import decode, encode, unpacker
from quintet.engine.protocol.control_messages import FROM_CLIENT, TO_CLIENT
from quintet.engine.protocol.events import COLUMNS, FIRST_COLUMNS, FROM_WORKER, JOURNAL
from quintet.engine.protocol.orders import TO_WORKER, LaneOrder
from quintet.engine.protocol.validation import validated

FIXED = {
    "start": "format t_ns wall_ns manifest",
    "step": "lane t_ns step state done of",
    "ready": "lane t_ns pid info",
    "arm": "lane arm from_seq t_ns levels",
    "gate": "lane open from_seq t_ns",
    "samples": "lane arm first_seq rows",
    "value": "lane arm t_ns images of cost_ns values",
    "block_start": "block round cell placebo requested_ns started_ns burn_in_ns",
    "block_end": "block t_ns void",
    "telemetry": "t_ns asked_ns values",
    "command": "id t_ns who what lanes",
    "answer": "id lane t_ns from_seq outcome text",
    "mark": "t_ns who text",
    "stall": "lane t_ns blocked_ns",
    "lost": "lane t_ns count",
    "work": "lane t_ns from_seq cpu_ns runq_ns slices voluntary involuntary",
    "fault": "lane t_ns kind text stderr",
    "clock": "t_ns wall_ns",
    "check": "offset length crc32",
    "end": "t_ns reason counts",
}


def fields(cls: Any) -> str:
    return " ".join(cls._fields)


def test_the_journals_fields_keep_their_order() -> None:
    assert {kind: fields(cls) for kind, cls in JOURNAL.items()} == FIXED
    first = "image start wait load pre infer post predict score cpu batch detections flags delay"
    assert " ".join(COLUMNS) == f"{first} value keep"
    assert " ".join(COLUMNS[:FIRST_COLUMNS]) == first


def test_the_sockets_frames_keep_their_order() -> None:
    assert {k: fields(c) for k, c in TO_WORKER.items()} == {
        "lane": "lane settings levels arm seq", "set": "id levels", "gate": "id open", "stop": "id",
        "values": "on",
    }  # fmt: skip
    assert {k: fields(c) for k, c in FROM_CLIENT.items()} == {
        "hello": "format pid kind columns rows ssh", "beat": "cpu_ns bytes frames", "ask": "id what arguments",
    }  # fmt: skip
    assert {k: fields(c) for k, c in TO_CLIENT.items()} == {
        "welcome": "format journal", "refused": "text", "reply": "id outcome text", "screen": "on",
    }  # fmt: skip


def test_a_frame_is_a_plain_msgpack_array() -> None:
    assert msgpack.unpackb(encode(ev.Gate(1, True, 30, 5))) == ["gate", 1, True, 30, 5]


def test_readers_cut_fields_they_do_not_know_and_skip_kinds_they_do_not_know() -> None:
    assert decode(["gate", 1, True, 30, 5, "new"], JOURNAL) == ev.Gate(1, True, 30, 5)
    assert decode(["weather", 1], JOURNAL) is None


@pytest.mark.parametrize("array", [{}, [], [1, 2], "gate", ["gate", 1, True], None])
def test_what_is_no_frame_is_refused(array: Any) -> None:
    with pytest.raises(ValueError, match=r"frame|fields"):
        decode(array, JOURNAL)


@pytest.mark.parametrize(
    "array",
    [
        ["gate", "one", True, 0, 0],
        ["samples", 0, 0, 0, [["a"]]],
        ["answer", 1, 0, 0, 0, "done", 5],
        ["step", 0, 1.5, "model", "begun", 0, 1],
    ],
)
def test_wrong_types_do_not_pass_the_supervisors_check(array: list[Any]) -> None:
    with pytest.raises(ValueError, match="Expected"):
        validated(array, FROM_WORKER)


def test_a_hostile_length_does_not_make_us_hold_memory() -> None:
    source = unpacker()
    source.feed(b"\xdd\xff\xff\xff\xff")  # an array of four thousand million
    with pytest.raises(ValueError, match="exceeds"):
        list(source)


def test_text_on_the_wire_is_utf8_whatever_bytes_a_path_has() -> None:
    info = {"notes": [{"example": "a\udcb0\udca1.jpg"}], "\udcff": ("\ud800", 1)}

    content = encode(ev.Ready(0, 1, 2, info))

    assert msgpack.unpackb(content)[4] == {"notes": [{"example": "a\ufffd\ufffd.jpg"}], "\ufffd": ["\ufffd", 1]}


def test_a_lanes_paths_reach_its_worker_byte_for_byte() -> None:
    order = LaneOrder(0, {"weights": "/\udcb0\udca1.pt"}, {}, 0, 0)
    reader = unpacker(orders=True)
    reader.feed(encode(order))

    assert decode(next(reader), TO_WORKER) == order
