"""A log that is followed: whoever folds it has what the file says, also after the reader had to begin again."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from quintet.engine.frames.raw_session import Taken
from quintet.engine.journal.format import NoJournal, check_bytes
from quintet.engine.journal.reader import PIECE_BYTES
from quintet.engine.journal.writer import Journal
from quintet.engine.protocol import events as ev
from quintet.engine.protocol.codec import encode
from quintet.engine.session.session import Session
from quintet.engine.storage.follower import SessionFollower
from tests.making import Maker, at


@pytest.fixture
def path(tmp_path: Path) -> Path:
    journal = Journal(tmp_path / "log")
    for frame in Maker(2).ready().gate_all(2).images_all(2, 4, 10).frames:
        journal.append(frame)
    journal.close()
    return tmp_path / "log"


def test_it_says_whether_anything_came(path: Path) -> None:
    with SessionFollower(path, Session) as follower, path.open("ab", buffering=0) as out:
        assert follower.poll()
        assert follower.at_end
        session, images = follower.session, len(follower.session.lanes[0].rows)
        assert images > 90
        assert not follower.poll()
        out.write(encode(ev.Mark(at(5), "who", "note")))
        assert follower.poll()
        assert follower.session is session
        assert [mark.text for mark in session.marks] == ["note"]


@pytest.mark.parametrize("kind", [Session, Taken])
def test_what_turns_out_to_be_bad_is_forgotten(path: Path, kind: type[Session]) -> None:
    size = path.stat().st_size
    content = encode(ev.Mark(at(5), "who", "note"))
    hurt = content[:-1] + b"x"
    with SessionFollower(path, kind) as follower, path.open("ab", buffering=0) as out:
        follower.poll()
        out.write(hurt)
        follower.poll()
        before = follower.session
        assert [mark.text for mark in before.marks] == ["notx"]  # used before anything could be known
        out.write(check_bytes(size, len(hurt), zlib.crc32(content)))
        assert follower.poll()
        assert follower.session is not before
        assert type(follower.session) is kind
        assert follower.session.marks == []
        assert follower.session.lanes[0].next_seq == before.lanes[0].next_seq
        assert follower.bad == [(size, size + len(hurt))]


def test_a_long_log_is_read_in_pieces_or_at_once(path: Path) -> None:
    with path.open("ab") as out:
        for _ in range(3):
            out.write(encode(ev.Mark(at(5), "who", "x" * 60_000)) * (PIECE_BYTES // 60_000))
    with SessionFollower(path, Session) as follower:
        ends = [(follower.poll(after_s), follower.at_end)[1] for after_s in (0, None)]
        assert ends == [False, True]
        assert len(follower.session.marks) == 3 * (PIECE_BYTES // 60_000)


def test_what_is_no_log_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a log")
    with pytest.raises(NoJournal, match="is no quintet journal"):
        SessionFollower(tmp_path / "text", Session)
