"""Disks that are full or read-only, and journals that are removed while they are written: told, and a clean end."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from quintet.engine.journal.format import JournalBroken
from quintet.engine.journal.reader import Reader, read
from quintet.engine.journal.writer import RESERVE_BYTES, Journal
from quintet.engine.protocol import events as ev
from quintet.engine.storage.open_log import read as read_log
from tests.making import Maker, arrays
from tests.running import Headless
from tests.test_cli import quintet


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("a small tmpfs cannot be mounted here: " + made.stderr.decode().strip())
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def append_all(journal: Journal, frames: list[ev.Frame]) -> None:
    for frame in frames:
        journal.append(frame)


def fill(folder: Path) -> None:
    """Use up the disk, as somebody else's file."""
    with (folder / "filler").open("wb", buffering=0) as out:
        try:
            while out.write(bytes(1024)):
                pass
        except OSError:
            pass


def test_a_full_disk_leaves_whole_events_and_room_to_say_so(small_disk: Path) -> None:
    journal = Journal(small_disk / "log")
    frames = Maker(1).ready().gate_all(2).images(0, 2, 20, 10).frames
    for frame in frames:
        journal.append(frame)
    fill(small_disk)
    with pytest.raises(JournalBroken, match="takes no more"):
        append_all(journal, frames[4:] * 40)
    journal.append(ev.Fault(None, 1, "disk", "full", ""))
    journal.append(ev.End(2, "fault", {}))
    journal.close()
    with Reader(small_disk / "log") as reader:
        events = reader.poll().events
        assert (reader.bad, reader.unverified_bytes) == ([], 0)
    assert [event[0] for event in events[-3:]][1:] == ["fault", "end"]
    assert all(event[0] in ev.JOURNAL for event in events)


def test_a_session_on_a_disk_that_fills_up_ends_with_a_fault(small_disk: Path, sleep_profile: Path) -> None:
    run = Headless(sleep_profile, small_disk)
    run.wait_running(images=5)
    fill(small_disk)
    assert run.end() == 1
    log = read_log(run.journal)
    assert log.session.end is not None
    assert log.session.end.reason == "fault"
    assert [fault.kind for fault in log.session.faults] == ["disk"]
    assert "takes no more" in log.session.faults[0].text
    assert (log.bad, log.unverified_bytes) == ([], 0)


def test_a_simulated_plan_on_a_disk_that_fills_up_is_one_sentence(small_disk: Path) -> None:
    ran = quintet("study", "simulated", "--minutes", "60", "--log", str(small_disk / "log.msgpack"))
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert ran.stderr.splitlines()[-1].startswith(f"fault (disk): {small_disk}/log.msgpack takes no more")


def test_a_disk_without_room_for_the_reserve_is_refused_at_the_start(small_disk: Path, sleep_profile: Path) -> None:
    fill(small_disk)
    log = small_disk / "log.msgpack"
    ran = quintet("run", str(sleep_profile), "--headless", "--for", "1s", "--log", str(log))
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1), ran.stderr
    assert "cannot be written: No space left on device" in ran.stderr
    assert not log.exists()


def test_a_read_only_disk_is_refused_at_the_start_and_told_when_it_becomes_one(
    small_disk: Path, tmp_path: Path, sleep_profile: Path
) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    ran = quintet("run", str(sleep_profile), "--headless", "--log", str(small_disk / "log.msgpack"))
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1), ran.stderr
    assert "cannot be written" in ran.stderr


def test_a_journal_that_is_removed_ends_its_session_and_says_so(tmp_path: Path, sleep_profile: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    run = Headless(sleep_profile, folder)
    run.wait_running(images=5)
    errors = os.open(run.errors, os.O_RDONLY)
    shutil.rmtree(folder)
    assert run.end() == 1
    told = os.read(errors, 1 << 16).decode()
    os.close(errors)
    assert "fault (disk):" in told
    assert "was removed while the session was writing it. The session ended." in told
    assert told.count("fault (disk)") == 1


def cut(journal: Path, size_bytes: int) -> None:
    """As another program does it."""
    os.truncate(journal, size_bytes)


@pytest.mark.parametrize("left", [0.0, 0.001, 0.5, 1.0])
def test_a_journal_that_another_program_cuts_is_a_fault_and_stays_readable(
    tmp_path: Path, sleep_profile: Path, left: float
) -> None:
    run = Headless(sleep_profile, tmp_path)
    images = len(run.wait_running(images=400).lanes[0].rows)
    size = run.journal.stat().st_size
    if left < 1:
        cut(run.journal, int(size * left))
    else:
        with run.journal.open("ab") as out:
            out.write(b"somebody else's")
    assert run.end() == 1
    log = read_log(run.journal)
    assert log.session.end is not None
    assert log.session.end.reason == "fault"
    assert [fault.kind for fault in log.session.faults] == ["disk"]
    assert "Another program changed" in log.session.faults[0].text
    assert [lane.name for lane in log.session.lanes] == ["cls", "detect", "pose", "seg", "obb"]
    assert log.unverified_bytes == 0
    rows = len(log.session.lanes[0].rows)
    assert rows == 0 if left < 0.1 else rows > images // 8
    assert run.errors.read_text().count("fault (disk): Another program changed") == 1
    assert run.session().end is not None  # also for who has followed it all the time
    assert "ended: fault" in quintet("report", str(run.journal)).stdout


def test_a_journal_that_is_cut_by_its_last_byte_is_noticed_at_the_next_check(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "log")
    frames = Maker(1).ready().gate_all(2).images(0, 2, 20, 10).frames
    append_all(journal, frames[:6])
    journal.check()
    append_all(journal, frames[6:9])
    cut(journal.path, journal.size_bytes - 1)
    with pytest.raises(JournalBroken, match=r"had \d+ bytes and should have had \d+"):
        journal.check()
    append_all(journal, frames[9:12])
    journal.close()
    with Reader(journal.path) as reader:
        events = reader.poll().events
        assert len(reader.bad) == 1
    assert [event for event in events if event[0] not in ("check", ev.LOST)] == arrays(frames[:6] + frames[9:12])


def test_a_journal_in_whose_place_another_file_is_put_is_a_fault(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "log")
    append_all(journal, Maker(1).frames)
    os.link(tmp_path / "log", tmp_path / "kept")
    (tmp_path / "other").write_text("other")
    (tmp_path / "other").replace(tmp_path / "log")
    with pytest.raises(JournalBroken, match="was replaced by another file while"):
        journal.check()
    journal.close()
    assert read(tmp_path / "kept")[0][0] == "start"


def test_a_journal_that_was_moved_goes_on(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "log")
    frames = Maker(1).ready().frames
    append_all(journal, frames[:1])
    journal.check()
    (tmp_path / "log").rename(tmp_path / "moved")
    append_all(journal, frames[1:])
    journal.close()
    assert [event for event in read(tmp_path / "moved") if event[0] != "check"] == arrays(frames)


def test_a_journal_that_cannot_even_hold_the_fault_is_told_on_stderr(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path / "log")
    journal.append(Maker(1).frames[0])

    def broken(descriptor: int, content: bytes) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "write", broken)
    for _ in range(2):
        with pytest.raises(JournalBroken, match="takes no more: Read-only file system"):
            journal.append(ev.Mark(1, "", ""))
    monkeypatch.undo()
    journal.close()
    assert [event[0] for event in read(tmp_path / "log")] == ["start"]


def test_the_reserve_has_no_name_and_is_given_back(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "log")
    assert [path.name for path in tmp_path.iterdir()] == ["log"]
    assert RESERVE_BYTES in nameless()
    journal.close()
    assert RESERVE_BYTES not in nameless()


def nameless() -> list[int]:
    """Sizes of this process's open files that have no name."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            if "(deleted)" in str(descriptor.readlink()):
                found.append(descriptor.stat().st_size)
        except OSError:
            continue
    return found


def test_a_log_size_ends_a_session_cleanly(tmp_path: Path, sleep_profile: Path) -> None:
    run = Headless(sleep_profile, tmp_path, "--max-log-size", "60kB")
    assert run.end() == 0
    log = read_log(run.journal)
    assert log.session.end is not None
    assert log.session.end.reason == "size"
    assert 60_000 <= run.journal.stat().st_size < 160_000
    assert (log.bad, log.unverified_bytes, log.session.faults) == ([], 0, [])
    assert "ended: size" in quintet("report", str(run.journal)).stdout


@pytest.mark.parametrize("size", ["big", "10", "1kB", "-1MB"])
def test_a_log_size_that_is_none_is_one_sentence(size: str) -> None:
    ran = quintet("micro", "--headless", f"--max-log-size={size}")
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1)
    assert f"--max-log-size {size}: give a size of at least 50kB, as in 200MB or 1.5GB." in ran.stderr
