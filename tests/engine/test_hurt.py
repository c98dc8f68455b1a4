"""Hurt logs: what checks is used, what does not is named, and nothing that is read of them is wrong.

Every byte in turn: `./check long fuzz`. Otherwise every 509th, at places that move with the bit.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import msgpack
import pytest

import quintet
from quintet.engine.errors import BadInput
from quintet.engine.frames import HurtJournal
from quintet.engine.journal.format import CHECK_BYTES, CHECK_HEAD, check_bytes
from quintet.engine.journal.reader import Reader
from quintet.engine.journal.writer import Journal
from quintet.engine.protocol import events
from quintet.engine.protocol import events as ev
from quintet.engine.protocol.codec import encode
from quintet.engine.session.session import Session, folded
from quintet.engine.session.settings import stretches
from quintet.engine.storage import open_log
from tests.benchmarks.hurt import hurt_at
from tests.hurting import Read, frames, read, write, wrong
from tests.making import OFF, Maker, arrays, at, row
from tests.test_cli import quintet as command

STEP = 509
SHARES = 8
FOREIGN = {
    "empty": b"",
    "text": b"not a journal\n",
    "png": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "msgpack": b"\x92\x01\x02",
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write(tmp_path_factory.mktemp("hurt") / "whole", frames())


@pytest.fixture
def truth(tmp_path: Path, whole: bytes) -> Read:
    (tmp_path / "log").write_bytes(whole)
    found = read(tmp_path / "log")
    assert isinstance(found, Read)
    assert found.said == ""
    return found


def checks(content: bytes) -> list[int]:
    """Where each stretch begins, and where the last ends."""
    found, at_byte = [0], content.find(CHECK_HEAD)
    while at_byte >= 0:
        found.append(at_byte + CHECK_BYTES)
        at_byte = content.find(CHECK_HEAD, at_byte + 1)
    return found


def hurt(path: Path, content: bytes) -> Read | str:
    path.write_bytes(content)
    return read(path)


def test_a_log_cut_anywhere_says_nothing_wrong(tmp_path: Path, whole: bytes, truth: Read) -> None:
    for place in [*range(40), *range(40, len(whole), STEP)]:
        found = hurt(tmp_path / "log", whole[:place])
        assert wrong(found, truth) is None, f"cut at {place}"
        assert isinstance(found, str) or not found.rows or found.rows.keys() <= truth.rows.keys()


def test_a_flipped_bit_anywhere_says_nothing_wrong_and_is_named(tmp_path: Path, whole: bytes, truth: Read) -> None:
    for place in range(0, len(whole), STEP):
        content = bytearray(whole)
        content[place] ^= 1 << place % 8
        found = hurt(tmp_path / "log", bytes(content))
        assert wrong(found, truth) is None, f"bit flipped at {place}"
        assert isinstance(found, str) or found.said, f"nothing named, bit flipped at {place}"


@pytest.mark.long("fuzz")
@pytest.mark.parametrize("share", range(SHARES))
def test_a_log_hurt_at_any_byte_says_nothing_wrong(tmp_path: Path, whole: bytes, share: int) -> None:
    kinds, faults = hurt_at(range(share, len(whole), SHARES), tmp_path)
    assert faults == []
    assert min(kinds["cut, read"], kinds["flipped, read"]) > len(whole) // SHARES // 2


def test_a_cut_log_keeps_what_was_there(tmp_path: Path, whole: bytes, truth: Read) -> None:
    places = checks(whole)
    found = hurt(tmp_path / "log", whole[: places[5]])
    assert isinstance(found, Read)
    assert len(found.rows) > 80
    assert all(found.rows[key][:5] == truth.rows[key][:5] for key in found.rows)


def test_every_stretch_but_the_bad_one_is_used(tmp_path: Path, whole: bytes, truth: Read) -> None:
    places = checks(whole)
    for number in range(2, len(places) - 2):
        content = bytearray(whole)
        content[places[number] + 9] ^= 4
        found = hurt(tmp_path / "log", bytes(content))
        assert isinstance(found, Read)
        assert 9 <= len(truth.rows) - len(found.rows) <= 27, "one second of two or three lanes"
        assert f"bytes {places[number]} to {places[number + 1] - CHECK_BYTES} do not pass" in found.said
        assert wrong(found, truth) is None


def test_a_stretch_that_is_missing_is_named_and_the_rest_used(tmp_path: Path, whole: bytes, truth: Read) -> None:
    places = checks(whole)
    for number in range(2, len(places) - 2):
        for extra in (0, 17):  # cut at the check, and within the stretch
            content = whole[: places[number] + extra] + whole[places[number + 1] + extra :]
            found = hurt(tmp_path / "log", content)
            assert isinstance(found, Read)
            assert wrong(found, truth) is None
            assert len(found.rows) >= len(truth.rows) - 27 * (1 + (extra > 0))
            assert ("are missing at byte" if not extra else "bytes") in found.said


def test_halves_of_two_logs_are_not_one(tmp_path: Path, whole: bytes, truth: Read) -> None:
    other = write(tmp_path / "other", frames("bbbb", 200, predict_ms=40))
    for at_own in range(400, len(whole), 977):
        for at_other in (at_own, at_own - 300, at_own + 211):
            found = hurt(tmp_path / "log", whole[:at_own] + other[at_other:])
            assert wrong(found, truth) is None, (at_own, at_other)
            if isinstance(found, Read):
                assert found.said
    places, others = checks(whole), checks(other)
    found = hurt(tmp_path / "log", whole[: places[4]] + other[others[4] :])
    assert isinstance(found, Read)
    assert wrong(found, truth) is None, "joined exactly between two checks"
    found = hurt(tmp_path / "log", whole + other)
    assert isinstance(found, Read)
    assert found.rows == truth.rows
    assert f"bytes {len(whole)} to {len(whole + other)}" in found.said


def test_logs_whose_sessions_have_no_name_are_told_apart_by_their_supervisor(tmp_path: Path) -> None:
    def nameless(pid: int, ms: float) -> list[ev.Frame]:
        return frames("same", pid, ms)

    one, two = write(tmp_path / "one", nameless(1, 10)), write(tmp_path / "two", nameless(2, 40))
    truth = read(tmp_path / "one")
    assert isinstance(truth, Read)
    place = checks(one)[5] + 30
    assert wrong(hurt(tmp_path / "log", one[:place] + two[place:]), truth) is None


@pytest.mark.parametrize("name", FOREIGN)
def test_a_file_that_is_no_log_is_one_sentence_everywhere(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(FOREIGN[name])
    for words in (("report", str(path)), ("export", str(path), "--out", str(tmp_path / "out"))):
        ran = command(*words)
        assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1), ran.stderr
        assert "no quintet journal" in ran.stderr
    with pytest.raises(BadInput, match="no quintet journal"):
        quintet.load(path)
    assert not (tmp_path / "out").exists()


def test_a_folder_and_a_file_that_is_not_there_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"is a folder\. Give a journal's path\.$"):
        quintet.load(tmp_path)
    with pytest.raises(BadInput, match=r"cannot be read: No such file or directory\.$"):
        open_log.read(tmp_path / "nothing")


def test_a_newer_format_is_refused_and_an_older_one_is_read(
    tmp_path: Path, whole: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = whole.replace(b"start\x01", b"start\x02", 1)
    found = hurt(tmp_path / "log", newer)
    assert isinstance(found, str)
    assert "has format 2; this quintet reads up to 1. Use a newer one." in found
    monkeypatch.setattr("quintet.engine.journal.reader.FORMAT", 2)
    assert isinstance(hurt(tmp_path / "log", whole), Read)
    for version in (b"\xcc\xc8", b"\xcd\x01\x00", b"\xa1x", b"\xff", b""):
        found = hurt(tmp_path / "log", b"\x95\xa5start" + version)
        assert isinstance(found, str)


def test_a_reader_takes_a_check_whose_own_bytes_are_hurt_as_a_bad_stretch(tmp_path: Path, whole: bytes) -> None:
    place = checks(whole)[4] - CHECK_BYTES
    for byte in range(CHECK_BYTES):
        content = bytearray(whole)
        content[place + byte] ^= 2
        (tmp_path / "log").write_bytes(content)
        with Reader(tmp_path / "log") as reader:
            while not reader.poll().at_end:
                pass
            assert reader.bad, byte
            assert all(end - begin < 4000 for begin, end in reader.bad), "no more than two stretches"


def test_load_warns_of_what_it_left_out(tmp_path: Path, whole: bytes) -> None:
    content = bytearray(whole)
    content[checks(whole)[3] + 50] ^= 1
    (tmp_path / "log").write_bytes(content)
    with pytest.warns(HurtJournal) as warned:
        loaded = quintet.load(tmp_path / "log")
    assert [str(one.message).partition(": ")[2] for one in warned] == list(loaded.notes[: len(warned)])
    ran = command("export", str(tmp_path / "log"), "--out", str(tmp_path / "out"), "--format", "csv")
    assert ran.returncode == 0
    assert "do not pass their check" in ran.stderr


def lost(events_: list[list[Any]], *places: int) -> Session:
    """A session whose events at these places were lost."""
    kept = [[ev.LOST, 0, 0] if place in places else event for place, event in enumerate(events_)]
    return folded(kept)


def test_images_of_an_arm_that_was_lost_count_for_no_setting() -> None:
    made = Maker(1).ready().gate_all(2).images(0, 2, 6, 10).set(0, 6, OFF).images(0, 6.1, 10, 20)
    events_ = made.arrays()
    arm = next(place for place, event in enumerate(events_) if event[0] == "arm" and event[2] == 1)
    whole = stretches(folded(events_))
    found = stretches(lost(events_, arm))
    assert [(one.begin_ns, one.setting) for one in found] == [(whole[0].begin_ns, whole[0].setting)]
    assert found[0].end_ns is not None
    assert found[0].end_ns <= at(6)
    without = [event for place, event in enumerate(events_) if place != arm]
    assert len(stretches(folded(without))) == 1, "also when no reader tells of it"


def test_after_a_loss_the_setting_is_known_once_telemetry_and_the_lanes_have_told() -> None:
    made = Maker(2).ready().gate_all(2)
    for lane in range(2):
        made.images(lane, 2, 4, 10)
    before = len(made.frames)
    made.gate(1, 4, open_gate=False).images(0, 4, 5, 10)
    told = ev.Telemetry(at(5), at(5), {"active": [0]})
    made.frames.append(told)
    made.images(0, 5, 9, 10)
    events_ = made.arrays()
    session = lost(events_, before)
    assert [one.setting.lanes for one in stretches(session)] == [(0, 1), (0,)]
    assert stretches(session)[1].begin_ns >= at(4)
    untold = lost([event for event in events_ if event[0] != "telemetry"], before)
    assert [one.setting.lanes for one in stretches(untold)] == [(0, 1)], "lane 2 may be parked: nobody knows"


def test_a_block_with_lost_bytes_is_void() -> None:
    cell = {"regime": "together", "lanes": [0], "levels": {"mode": "validation"}}
    made = Maker(1).ready().gate_all(2).images(0, 2, 4, 10)
    made.frames += [
        ev.BlockStart(0, 0, cell, False, at(2), at(2), 0),
        ev.Mark(at(3), "", ""),
        ev.BlockEnd(0, at(4), ""),
    ]
    events_ = made.arrays()
    assert folded(events_).blocks[0].counts
    session = lost(events_, len(events_) - 2)
    assert not session.blocks[0].counts
    assert session.blocks[0].end is not None
    assert "lost" in session.blocks[0].end.void


@pytest.mark.parametrize(
    "event",
    [
        ["samples", 9, 0, 0, [row(at(3))]],
        ["samples", 0, 0, 0, [row(at(3))[: ev.FIRST_COLUMNS - 1]]],
        ["samples", 0, 0, 0, [[*row(at(3))[:-1], "x"], [None] * 14]],
        ["samples", 0, 0, 0, [[2**63 + n for n in range(14)]]],
        ["samples", 0, "0", 0, []],
        ["arm", -1, 0, 0, at(3), {}],
        ["arm", 0, 0, 0, at(3), {}],
        ["gate", 0, 1, 0, at(3)],
        ["gate", 0],
        ["mark", 2**63, "", ""],
        ["start", 1, 0, 0, {"lanes": [{"name": "a", "task": "cls"}]}],
        ["block_start", 0, 0, {"lanes": [7], "levels": {"mode": "x"}, "regime": "alone"}, False, 0, 0, 0],
        ["block_start", 0, 0, {}, False, 0, 0, 0],
    ],
)
def test_an_event_that_nothing_can_be_made_of_is_left_out_and_counted(tmp_path: Path, event: list[Any]) -> None:
    good = Maker(1).ready().gate_all(2).images(0, 2, 4, 10)
    session = folded([*good.arrays(), event])
    assert session.left_out == {event[0]: 1}
    assert len(session.lanes[0].rows) == 100
    path = tmp_path / "log"
    write(path, good.frames)
    content = msgpack.packb(event)
    size = path.stat().st_size
    with path.open("ab") as out:
        out.write(content + check_bytes(size, len(content), zlib.crc32(content)))
    with pytest.warns(HurtJournal, match=f"1 {event[0]} events could not be used"):
        assert len(quintet.load(path).samples) == 100


def test_a_journal_is_followed_while_the_writer_writes(tmp_path: Path) -> None:
    out = Journal(tmp_path / "log")
    for place, frame in enumerate(frames()):
        out.append(frame)
        if place % 5 == 4:
            loaded = quintet.load(tmp_path / "log")
            usual = ("bytes have no check yet", "no end event: cut off, or still running")
            assert all(note.endswith(usual) for note in loaded.notes), loaded.notes
        if isinstance(frame, ev.Telemetry):
            out.check()
    out.close()
    assert quintet.load(tmp_path / "log").notes == ()


def test_all_that_a_reader_leaves_out_is_skipped_by_a_fold_that_has_no_start() -> None:
    assert folded([[events.LOST, 0, 9], *arrays([ev.Mark(1, "", "")])]).start is None


def test_a_stretch_out_of_its_place_that_does_not_say_whose_it_is_is_not_used(
    tmp_path: Path, whole: bytes, truth: Read
) -> None:
    strange = Journal(tmp_path / "strange")
    for frame in frames("bbbb", 200, predict_ms=40):
        strange.append(frame)
        strange.check()
    strange.close()
    content = (tmp_path / "strange").read_bytes()
    begin, end = next(
        (begin, end)
        for begin, end in zip(checks(content), checks(content)[1:], strict=False)
        if begin > 8000 and content[begin + 1 :].startswith(b"\xa7samples")
    )
    place = checks(whole)[4]
    found = hurt(tmp_path / "log", whole[:place] + content[begin:end])
    assert isinstance(found, Read)
    assert wrong(found, truth) is None
    assert f"bytes {place} to {place + end - begin} do not pass their check" in found.said


def test_a_tail_that_does_not_decode_is_named(tmp_path: Path, whole: bytes, truth: Read) -> None:
    place = checks(whole)[4]
    for tail in (b"\xc1", encode(ev.Mark(at(5), "me", "note")) + b"\xc1", b"\x81\x90\x01", b"\x05"):
        found = hurt(tmp_path / "log", whole[:place] + tail)
        assert isinstance(found, Read)
        assert f"bytes {place} to {place + len(tail)} do not pass their check" in found.said
        assert wrong(found, truth) is None
