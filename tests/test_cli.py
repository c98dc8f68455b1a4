"""The command line as a person meets it: exit statuses, one-sentence errors, and what is printed where."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from quintet.engine.errors import BadInput
from quintet.engine.storage import live_sessions, locations, open_log
from tests.running import Headless, wait_until


def quintet(
    *words: str, environment: dict[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "quintet", *words], capture_output=True, text=True, check=False, cwd=cwd,
        env={**os.environ, **(environment or {})},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("nano",), "There is no profile 'nano'"),
        (("run", "x/y.toml"), "There is no profile at x/y.toml"),
        (("micro", "--set", "all.score"), "--set all.score is not LANE.SWITCH=LEVEL"),
        (("micro", "--for", "soon"), "--for soon: give a time above zero"),
        (("micro", "--for", "0s"), "--for 0s: give a time above zero"),
        (("micro",), "The screen needs a terminal, and this is none. Use --headless."),
        (("ab", "simulated", "--lanes", "cls", "--regime", "detect+pose"), "There is no lane 'detect' for a regime"),
        (("ab", "simulated", "--lanes", ","), "--lanes ',': give words joined by commas"),
        (("study", "simulated", "--modes", "validation,validation"), "--modes 'validation,validation': give words"),
        (("ab", "simulated", "--levels", ""), "--levels '': give words"),
        (("ab", "simulated", "--switch", "foo"), "there is no switch 'foo'; the switches are mode, score"),
        (("matrix", "simulated", "--switch", "half"), "half is fixed at start"),
        (("ab", "simulated", "--seed", "18446744073709551616"), "a whole number from 0 to"),
        (("ab", "simulated", "--rounds", "100000000"), "1 to 100000 rounds, not 100000000"),
        (("study", "simulated", "--minutes", "nan"), "at most 43200 (30 days), not nan"),
        (("report", "nothing.msgpack"), "nothing.msgpack cannot be read"),
        (("report", __file__), "is no quintet journal"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(words: tuple[str, ...], says: str) -> None:
    ran = quintet(*words)
    assert ran.returncode == 2
    assert says in ran.stderr
    assert ran.stderr.startswith("quintet: ")
    assert ran.stderr.count("\n") == 1
    assert ran.stdout == ""


def test_an_unknown_option_is_status_2() -> None:
    ran = quintet("micro", "--colour")
    assert ran.returncode == 2
    assert "--colour" in ran.stderr


def test_a_log_that_exists_or_cannot_be_written_is_refused_before_anything_starts(
    tmp_path: Path, sleep_profile: Path
) -> None:
    (tmp_path / "there.msgpack").write_text("mine")
    for log, says in (
        (tmp_path / "there.msgpack", "exists already"),
        (tmp_path / "no" / "folder.msgpack", "There is no folder"),
        (tmp_path, "is a folder"),
        ("", "--log is empty or names the folder that you are in"),
        (tmp_path / ("x" * 240), "a log's name has at most 200 bytes"),
        (Path("/proc/quintet.msgpack"), "cannot be written"),
    ):
        ran = quintet("run", str(sleep_profile), "--headless", "--log", str(log))
        assert (ran.returncode, says in ran.stderr, ran.stderr.count("\n")) == (2, True, 1), ran.stderr
    assert (tmp_path / "there.msgpack").read_text() == "mine"


def test_a_state_folder_that_cannot_be_made_is_one_sentence(sleep_profile: Path, tmp_path: Path) -> None:
    (tmp_path / "quintet").write_text("")
    words = ("run", str(sleep_profile), "--headless", "--for", "0.1s")
    for state, wanted in (
        ("/dev/null", words),
        (str(tmp_path), words),
        ("/proc/nope", ("ls",)),
        ("/dev/null", ("check", "micro")),
    ):
        ran = quintet(*wanted, environment={"XDG_STATE_HOME": state}, cwd=tmp_path)
        assert (ran.returncode, ran.stderr.count("\n")) == (2, 1), ran.stderr
        assert f"The state folder {state}/quintet cannot be made or written" in ran.stderr
        assert "Set XDG_STATE_HOME" in ran.stderr


def test_what_is_no_file_is_no_journal_and_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "d.msgpack").mkdir()
    os.mkfifo(tmp_path / "p.msgpack")
    (tmp_path / "l.msgpack").symlink_to("l.msgpack")
    for name, says in (("d", "is a folder"), ("p", "is a pipe or a device"), ("l", "is a link that leads in a circle")):
        path = tmp_path / f"{name}.msgpack"
        with pytest.raises(BadInput, match=says):
            locations.find_journal(str(path))
        with pytest.raises(BadInput, match=says):
            open_log.read(path)
    for log in ("", " "):
        for find in (locations.find_journal, open_log.find, live_sessions.find):
            with pytest.raises(BadInput, match="LOG is empty"):
                find(log)
    with pytest.raises(BadInput, match="cannot be read: File name too long"):
        locations.find_journal("x" * 300)


def test_ls_tells_what_is_no_log_and_steers_no_terminal(tmp_path: Path) -> None:
    (tmp_path / "logs" / "d.msgpack").mkdir(parents=True)
    os.mkfifo(tmp_path / "logs" / "p.msgpack")
    (tmp_path / "logs" / "\x1b[31m.msgpack").mkdir()
    ran = quintet("ls", cwd=tmp_path)
    assert ran.returncode == 0
    assert "d  is a folder  " in ran.stdout
    assert "p  is a pipe or a device, no file  " in ran.stdout
    assert "\\x1b[31m  is a folder" in ran.stdout
    assert "\x1b" not in ran.stdout


def test_a_locale_that_is_not_utf_8_runs_a_profile_whose_file_it_cannot_write(tmp_path: Path) -> None:
    profile = tmp_path / "猫.toml"
    profile.write_text('[[lane]]\nname = "a"\ntask = "cls"\nbackend = "sleep"\n')
    plain = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}
    ran = quintet("run", str(profile), "--headless", "--for", "0.1s", environment=plain, cwd=tmp_path)
    assert (ran.returncode, "Traceback" in ran.stderr) == (0, False), ran.stderr
    profile.write_text('name = "猫"\n' + profile.read_text())
    ran = quintet("run", str(profile), "--headless", "--for", "0.1s", environment=plain, cwd=tmp_path)
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1), ran.stderr
    assert "a name is 1 to 64 letters" in ran.stderr
    profile.write_text('[[lane]]\nname = "a"\ntask = "cls"\nbackend = "sleep"\nenv.CAT = "猫"\n')
    ran = quintet("run", str(profile), "--headless", "--for", "0.1s", environment=plain, cwd=tmp_path)
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1), ran.stderr
    assert "letters that this locale cannot write" in ran.stderr


def test_help_and_version_read_well() -> None:
    assert quintet("--version").stdout == "quintet 0.2.0\n"
    told = quintet("--help").stdout
    for command in ("run", "report", "profiles"):
        assert command in told
    assert "--headless" in quintet("run", "--help").stdout


def test_without_torch_one_sentence_says_how_to_get_it(tmp_path: Path) -> None:
    hide = tmp_path / "sitecustomize.py"
    hide.write_text(
        "from importlib.machinery import PathFinder\n"
        "real = PathFinder.find_spec\n"
        "hidden = ('torch', 'ultralytics')\n"
        "PathFinder.find_spec = lambda name, path=None, target=None: "
        "None if name in hidden else real(name, path, target)\n"
    )
    ran = quintet("micro", "--headless", environment={"PYTHONPATH": str(tmp_path)})
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
    assert "pip install 'quintet[models]'" in ran.stderr


def test_headless_prints_the_path_alone_and_report_reads_it(tmp_path: Path, sleep_profile: Path) -> None:
    run = Headless(sleep_profile, tmp_path, "--set", "all.mode=withoutval")
    wait_until(
        lambda: re.search(r"cls \d+\.\d ms  detect \d", run.errors.read_text()) is not None, "a line of progress"
    )
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 0
    assert run.out == f"{run.journal}\n"
    ran = quintet("report", str(run.journal))
    assert ran.returncode == 0
    assert "ended: signal" in ran.stdout
    assert max(map(len, ran.stdout.splitlines())) <= 80
    rows = [line.split() for line in ran.stdout.splitlines() if line.startswith(("cls ", "obb "))]
    assert rows[0][:3] == ["cls", "together", "withoutval"]


def test_headless_tells_every_fault(tmp_path: Path) -> None:
    profile = tmp_path / "bad.toml"
    profile.write_text(
        '[[lane]]\nname = "a"\ntask = "cls"\nbackend = "sleep"\nenv = { QUINTET_SLEEP_FAIL = "model" }\n'
    )
    ran = quintet("run", str(profile), "--headless", "--log", str(tmp_path / "log.msgpack"))
    assert ran.returncode == 1
    assert ran.stderr == "fault (load): The sleep backend was told to fail at model. Unset QUINTET_SLEEP_FAIL.\n"


def test_report_of_a_journal_whose_beginning_is_hurt_is_one_sentence(tmp_path: Path, sleep_profile: Path) -> None:
    run = Headless(sleep_profile, tmp_path, "--for", "0.5s")
    assert run.end() == 0
    whole = run.journal.read_bytes()
    for place in (3, 900):
        hurt = bytearray(whole)
        hurt[place] ^= 0x01
        run.journal.write_bytes(hurt)
        ran = quintet("report", str(run.journal))
        assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1), (place, ran.stderr)


def test_logind_that_ends_processes_at_logout_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from quintet.engine.storage.locations import ends_with_login

    main, more = tmp_path / "logind.conf", tmp_path / "logind.conf.d"
    more.mkdir()
    main.write_text("[Login]\n#KillUserProcesses=yes\n")
    monkeypatch.setenv("XDG_SESSION_ID", "7")
    assert not ends_with_login((main, more))
    (more / "site.conf").write_text("[Login]\nKillUserProcesses=yes\n")
    assert ends_with_login((main, more))
    monkeypatch.delenv("XDG_SESSION_ID")
    assert not ends_with_login((main, more))


def test_logs_land_in_logs_where_that_folder_is_and_else_in_the_state_folder(
    tmp_path: Path, sleep_profile: Path, own_state: Path
) -> None:
    words = ("run", str(sleep_profile), "--headless", "--for", "0.1s")
    away = quintet(*words, cwd=tmp_path).stdout.strip()
    assert Path(away).parent == own_state / "quintet" / "logs"
    (tmp_path / "logs").mkdir()
    here = quintet(*words, cwd=tmp_path).stdout.strip()
    assert Path(here).parent == tmp_path / "logs"
    assert Path(here).name.startswith("sleep-2")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_that_cannot_be_written_is_told_in_one_sentence() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "quintet", "profiles"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr == "quintet: the output cannot be written: No space left on device.\n"


def test_closed_streams_and_a_working_folder_that_is_gone(tmp_path: Path) -> None:
    """What is printed never lands in another file, and nothing is a traceback."""
    for closed in (">&-", "2>&-", "<&- >&- 2>&-"):
        ran = subprocess.run(
            ["sh", "-c", f'"{sys.executable}" -m quintet profiles {closed}'],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ran.returncode, ran.stderr) == (0, "")
    gone = tmp_path / "gone"
    gone.mkdir()
    ran = subprocess.run(
        ["sh", "-c", f'rmdir "{gone}"; "{sys.executable}" -m quintet ls'],
        cwd=gone, env={**os.environ, "PYTHONSAFEPATH": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (2, "quintet: the working folder is gone. Change to one that is there.\n")


def test_a_reader_that_left_gets_no_complaint() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ran = subprocess.run(
        [sys.executable, "-m", "quintet", "profiles"], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert (ran.returncode, ran.stderr) == (1, "")
