"""Files beside a log: the session's own, never somebody else's, and bounded whatever a worker writes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from quintet.engine.journal.reader import read
from quintet.engine.session.session import folded
from quintet.engine.storage import side_files
from quintet.engine.storage.side_files import SideFile, SideFiles
from tests.running import Headless, wait_until
from tests.terminal import Terminal
from tests.test_cli import quintet


def loud_profile(folder: Path, megabytes: float) -> Path:
    """Two sleeping lanes, the second of which writes so much to stderr."""
    profile = folder / "loud.toml"
    profile.write_text(
        '[[lane]]\nname = "a"\ntask = "cls"\nbackend = "sleep"\n'
        f'[[lane]]\nname = "b"\ntask = "cls"\nbackend = "sleep"\nenv.QUINTET_SLEEP_STDERR_MB = "{megabytes}"\n'
    )
    return profile


def test_every_log_has_side_files_of_its_own() -> None:
    logs = [Path(name) for name in ("v1.0", "v1.1", "v1", "v1.msgpack", "v1.lane0")]
    names = [
        name
        for log in logs
        for name in (
            side_files.supervisor_stderr(log),
            side_files.nursery_stderr(log),
            *(side_files.lane_stderr(log, lane) for lane in range(16)),
        )
    ]
    assert side_files.lane_stderr(Path("/x/exp.msgpack"), 0) == Path("/x/exp.msgpack.lane0.stderr")
    assert {name for name in names if names.count(name) > 1} == {Path("v1.lane0.stderr")}


def test_files_of_like_names_are_left_alone(tmp_path: Path, sleep_profile: Path) -> None:
    log = tmp_path / "exp.msgpack"
    theirs = {
        tmp_path / f"exp.{what}stderr": text
        for what, text in (("", "mine"), ("lane0.", "mine too"), ("lane1.", ""), ("nursery.", ""))
    }
    for path, text in theirs.items():
        path.write_text(text)
    live = Terminal(str(sleep_profile), "--log", str(log))
    try:
        live.wait_for("● on for")
        assert quintet("stop").returncode == 0
        live.wait_for("session has ended")
        live.press("q")
        assert live.end() == 0
    finally:
        live.close()
    assert {path: path.read_text() for path in theirs} == theirs
    assert set(tmp_path.iterdir()) == {log, *theirs}


@pytest.mark.parametrize("name", ["stderr", "lane0.stderr", "nursery.stderr"])
@pytest.mark.parametrize("link", [False, True])
def test_a_log_whose_side_file_is_there_already_is_refused(
    tmp_path: Path, sleep_profile: Path, name: str, link: bool
) -> None:
    log, theirs, target = tmp_path / "exp.msgpack", tmp_path / f"exp.msgpack.{name}", tmp_path / "target"
    target.write_text("mine")
    if link:
        theirs.symlink_to(target)
    else:
        theirs.write_text("mine")
    words = (str(sleep_profile), "--for", "0.1s", "--log", str(log))
    ran = quintet("run", *words, "--headless")
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1), ran.stderr
    assert f"{theirs} exists already" in ran.stderr
    live = Terminal(*words)
    assert live.end() == 2
    live.close()
    assert (target.read_text(), theirs.read_text(), log.exists()) == ("mine", "mine", False)


def test_a_side_file_that_comes_between_is_not_taken_over(tmp_path: Path) -> None:
    log = tmp_path / "log"
    side_files.lane_stderr(log, 1).write_text("mine")
    with pytest.raises(FileExistsError):
        SideFiles(log, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["log.lane1.stderr"]


def test_only_files_of_this_session_are_removed_when_nothing_was_written(tmp_path: Path) -> None:
    log = tmp_path / "log"
    made = SideFiles(log, 3)
    os.write(made.lanes[1].descriptor, b"words")
    side_files.lane_stderr(log, 2).unlink()
    side_files.lane_stderr(log, 2).write_text("")  # somebody else's
    made.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.lane1.stderr", "log.lane2.stderr"]


def test_the_end_of_a_huge_file_is_read_without_the_rest(tmp_path: Path) -> None:
    """Reading it whole would take four terabytes of memory."""
    made = SideFile(tmp_path / "stderr")
    os.ftruncate(made.descriptor, 1 << 42)
    os.write(made.descriptor, b"last words")
    assert made.tail(10) == side_files.tail(made.path, 10) == "last words"
    made.path.unlink()
    made.close()


def test_a_worker_that_writes_without_end_fills_no_disk_and_stops_no_lane(tmp_path: Path) -> None:
    run = Headless(loud_profile(tmp_path, 60), tmp_path)
    errors = side_files.lane_stderr(run.journal, 1)
    run.wait_running(images=50, lanes=2)
    last = f"{60 * 10_000 - 1:099}\n"
    wait_until(
        lambda: errors.stat().st_size <= side_files.MOST_BYTES and side_files.tail(errors, 100) == last, "its cut"
    )
    text = errors.read_text()
    assert text.startswith("... ")
    note = text.splitlines()[0]
    assert note.rstrip().endswith(" bytes left out")
    assert int(note.split()[1]) > 40_000_000
    before = len(run.session().lanes[0].rows)
    run.wait_for(lambda s: len(s.lanes[0].rows) > before + 50, "more images of the other lane")
    run.process.terminate()
    assert run.end() == 0
    assert [lane.holes for lane in run.session().lanes] == [0, 0]


def test_side_files_count_in_the_size_that_ends_a_session(tmp_path: Path) -> None:
    run = Headless(loud_profile(tmp_path, 2), tmp_path, "--max-log-size", "1MB")
    assert run.end() == 0
    session = run.session()
    assert session.end is not None
    assert session.end.reason == "size"
    assert run.journal.stat().st_size < 500_000


def test_what_is_cut_out_is_counted_and_the_rest_is_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_files, "MOST_BYTES", 200)
    monkeypatch.setattr(side_files, "KEPT_BYTES", 10)
    made = SideFile(tmp_path / "stderr")
    os.write(made.descriptor, b"x" * 200)
    assert made.bound() == 200
    for text, left_out in ((b"0123456789", 200), (b"y" * 190 + b"abcdefghij", 400)):
        os.write(made.descriptor, text)
        assert made.bound() == side_files.NOTE_BYTES + 10
        note, _, rest = made.path.read_text().partition("\n")
        assert (note.rstrip(), rest) == (f"... {left_out} bytes left out", text[-10:].decode())
    made.close()


def test_the_screen_shows_what_a_lane_wrote(tmp_path: Path) -> None:
    log = tmp_path / "log.msgpack"
    live = Terminal(str(loud_profile(tmp_path, 0.01)), "--log", str(log))
    try:
        live.wait_for("● on for")
        wait_until(lambda: side_files.lane_stderr(log, 1).stat().st_size == 10_000, "what it writes")
        live.press("2e")
        live.wait_for("b: its data and what it wrote")
        live.wait_for("000000")
        live.press("x")
        live.wait_gone("what it wrote")
        assert quintet("stop").returncode == 0
        live.wait_for("session has ended")
    finally:
        live.close()
    session = folded(read(log))
    assert session.end is not None
