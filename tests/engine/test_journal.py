"""The log on disk: what is written can be read by anybody, whole or hurt, and a bad stretch is named, not used."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import zlib
from itertools import accumulate
from pathlib import Path
from typing import Any

import msgpack
import pytest

from quintet.engine.journal.format import CHECK_BYTES, JournalBroken, NoJournal, check_bytes
from quintet.engine.journal.reader import Reader, read
from quintet.engine.journal.writer import Journal
from quintet.engine.protocol import events as ev
from quintet.engine.protocol.codec import encode
from quintet.engine.session.session import folded
from tests.making import OFF, Maker

PLAIN_READER = """
import struct, sys, zlib
import msgpack
content = open(sys.argv[1], "rb").read()
kinds, images, checks = {}, 0, 0
unpacker = msgpack.Unpacker(max_buffer_size=len(content), strict_map_key=False)
unpacker.feed(content)
at = unpacker.tell()
for kind, *fields in unpacker:
    kinds[kind] = kinds.get(kind, 0) + 1
    if kind == "samples":
        images += len(fields[3])
    if kind == "check":
        offset, length, crc32 = fields
        assert offset + length == at, "a check closes the bytes before it"
        assert zlib.crc32(content[offset:offset + length]) == crc32
        checks += 1
    at = unpacker.tell()
assert at == len(content)
assert "quintet" not in sys.modules
print(images, checks, sorted(kinds))
"""


@pytest.fixture
def frames() -> list[ev.Frame]:
    maker = Maker().ready().gate_all(2).images_all(2, 6, 10).set_all(6, OFF).images_all(6.1, 10, 12)
    return [*maker.frames, ev.Mark(1, "me", "fan on"), ev.End(2, "asked", {"images": [1]})]


def write(path: Path, frames: list[ev.Frame], check_every: int = 7) -> bytes:
    journal = Journal(path)
    for place, frame in enumerate(frames):
        journal.append(frame)
        if place % check_every == 0:
            journal.check()
    journal.close()
    return path.read_bytes()


def plain(frames: list[ev.Frame]) -> list[list[Any]]:
    return [msgpack.unpackb(encode(frame)) for frame in frames]


def without_checks(events: list[list[Any]]) -> list[list[Any]]:
    return [event for event in events if event[0] not in ("check", ev.LOST)]


def test_a_check_is_26_bytes_that_any_reader_decodes() -> None:
    content = check_bytes(5, 6, 7)
    assert len(content) == CHECK_BYTES
    assert msgpack.unpackb(content) == ["check", 5, 6, 7]
    assert content == b"\x94\xa5check\xcf" + struct.pack(">Q", 5) + b"\xce" + struct.pack(
        ">I", 6
    ) + b"\xce" + struct.pack(">I", 7)


def test_what_is_written_is_read(tmp_path: Path, frames: list[ev.Frame]) -> None:
    write(tmp_path / "a", frames)
    assert without_checks(read(tmp_path / "a")) == plain(frames)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600


def test_an_existing_file_is_never_written(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")
    with pytest.raises(FileExistsError):
        Journal(tmp_path / "a")
    assert (tmp_path / "a").read_text() == "mine"


def test_a_stretch_is_closed_at_64_kib(tmp_path: Path, frames: list[ev.Frame]) -> None:
    many = frames[:-1] + [frame for frame in frames if isinstance(frame, ev.Samples)] * 20
    source = msgpack.Unpacker(max_buffer_size=1 << 24)
    source.feed(write(tmp_path / "a", many, check_every=10**9))
    checks = [event for event in source if event[0] == "check"]
    assert len(checks) > 2
    assert max(length for _, _, length, _ in checks) < 66 * 1024


def test_a_plain_msgpack_reader_reads_it_without_quintet(tmp_path: Path, frames: list[ev.Frame]) -> None:
    write(tmp_path / "a", frames)
    images = sum(len(frame.rows) for frame in frames if isinstance(frame, ev.Samples))
    told = subprocess.run(
        [sys.executable, "-c", PLAIN_READER, tmp_path / "a"], capture_output=True, text=True, check=True
    )
    assert told.stdout.startswith(f"{images} ")


def test_following_a_file_that_grows_byte_by_byte_gives_each_event_once(tmp_path: Path) -> None:
    short = Maker(1).ready().gate_all(2).images_all(2, 2.3, 10).frames
    whole = write(tmp_path / "whole", short)
    growing = tmp_path / "growing"
    growing.write_bytes(whole[:40])
    with Reader(growing) as reader, growing.open("ab", buffering=0) as out:
        events = reader.poll().events
        for place in range(40, len(whole)):
            out.write(whole[place : place + 1])
            batch = reader.poll()
            assert not batch.again
            events += batch.events
        assert without_checks(events) == plain(short)
        assert reader.bad == []
        assert reader.unverified_bytes == 0


@pytest.mark.parametrize("piece", [100, 1000, 70_000, 1 << 20])
def test_folding_is_the_same_however_the_bytes_are_cut(tmp_path: Path, frames: list[ev.Frame], piece: int) -> None:
    write(tmp_path / "a", frames)
    events: list[list[Any]] = []
    with Reader(tmp_path / "a") as reader:
        while not (batch := reader.poll(piece)).at_end:
            events += batch.events
    assert folded(events + batch.events) == folded(plain(frames))


def test_one_flipped_bit_costs_its_stretch_and_is_named(tmp_path: Path, frames: list[ev.Frame]) -> None:
    whole = write(tmp_path / "whole", frames)
    good = without_checks(read(tmp_path / "whole"))
    for place in range(60, len(whole), 397):
        hurt = bytearray(whole)
        hurt[place] ^= 1 << place % 8
        path = tmp_path / "hurt"
        path.write_bytes(hurt)
        with Reader(path) as reader:
            found = without_checks(reader.poll(len(whole) + 1).events)
        assert len(found) < len(good) or found == good, f"bit flipped at {place}"
        assert all(event in good for event in found), f"a wrong number in silence, bit flipped at {place}"
        assert reader.bad, f"nothing named, bit flipped at {place}"


def test_a_bad_stretch_met_live_makes_the_reader_begin_again(tmp_path: Path, frames: list[ev.Frame]) -> None:
    path = tmp_path / "a"
    head, tail = plain(frames[:5]), frames[5:9]
    journal = Journal(path)
    for frame in frames[:5]:
        journal.append(frame)
    journal.close()
    at = journal.size_bytes
    content = b"".join(map(encode, tail))
    hurt = bytearray(content)
    hurt[-1] ^= 1
    with Reader(path) as reader, path.open("ab", buffering=0) as out:
        assert without_checks(reader.poll().events) == head
        out.write(hurt)
        assert reader.poll().events  # handed out before anything could be known
        out.write(check_bytes(at, len(hurt), zlib.crc32(content)))
        batch = reader.poll()
        assert batch.again
        assert without_checks(batch.events) == head
        assert reader.bad == [(at, at + len(hurt))]


def test_a_torn_tail_costs_its_last_event_only(tmp_path: Path, frames: list[ev.Frame]) -> None:
    whole = write(tmp_path / "whole", frames, check_every=10**9)
    for cut in (3, 50, 900):
        path = tmp_path / f"cut{cut}"
        path.write_bytes(whole[: len(whole) - CHECK_BYTES - cut])
        lengths = accumulate(len(encode(frame)) for frame in reversed(frames))
        torn = next(place for place, length in enumerate(lengths, 1) if length >= cut)
        assert without_checks(read(path)) == plain(frames)[: len(frames) - torn]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"hello, this is text", "no quintet journal"),
        (b"\x95\xa5start\x63\x00\x00\x80", "format 99"),
    ],
)
def test_what_is_no_journal_is_refused_in_one_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(NoJournal, match=says):
        Reader(tmp_path / "a")
    with pytest.raises(NoJournal, match="cannot be read"):
        Reader(tmp_path / "missing")


def test_a_full_disk_leaves_whole_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frames: list[ev.Frame]
) -> None:
    journal = Journal(tmp_path / "a")
    journal.append(frames[0])
    size = journal.size_bytes
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: real(descriptor, content[:5]))
    with pytest.raises(JournalBroken, match="disk is full"):
        journal.append(frames[1])
    monkeypatch.undo()
    assert (tmp_path / "a").stat().st_size == size
    journal.close()
    assert without_checks(read(tmp_path / "a")) == plain(frames[:1])
