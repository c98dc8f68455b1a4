"""Text from outside in every sink: the bytes that real commands print, write and paint hold nothing that steers anything."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from quintet.engine.control.client import Client
from quintet.engine.journal.reader import read
from quintet.engine.protocol import events as ev
from quintet.engine.protocol.control_messages import Hello
from quintet.engine.session.session import folded
from quintet.engine.storage import live_sessions
from quintet.engine.visible_text import visible
from tests import hostile_text as hostile
from tests.engine.report.made import effects_ms
from tests.hostile_text import BIDI, C1, CONTROL, CSI, DCS, EVERY, FORMULAS, LINE, NAMES, OSC, UNSEEN, is_inert
from tests.making import at
from tests.running import Headless
from tests.terminal import Terminal
from tests.test_check import others, some_pictures

STEERS = (OSC, CSI, DCS, "\x1b]", "\x07", *C1, *BIDI, *UNSEEN, *CONTROL)
RAW = tuple(one.encode() for one in STEERS if not (one.isascii() and one.isprintable()) and one not in "\r\b\t")
"""Bytes of which no screen needs any; of ESC there are Textual's own, of the rest of C0 what moves the cursor."""


def run(*words: str, cwd: Path | None = None) -> tuple[int, str, str]:
    """A command's exit status, and its output and errors to the byte."""
    done = subprocess.run([sys.executable, "-m", "quintet", *words], capture_output=True, check=False, cwd=cwd)
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def together(text: str) -> str:
    """Without its blanks: what was wrapped is whole again."""
    return re.sub(r"\s+", "", text)


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("logs")
    made = {"hand": hostile.by_hand(), "plan": hostile.of_a_plan(effects_ms())}
    return {name: str(hostile.written(folder / f"{OSC}{name}.msgpack", frames)) for name, frames in made.items()}


# -- reports, comparisons, exports --------------------------------------------------------------------------------------


class Page(HTMLParser):
    """The kinds of elements of a page, and its comments."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.comments: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


def assert_form(form: str, told: str) -> None:
    """A text in a report's format is inert in it, and shows what it was given."""
    assert is_inert(told)
    if form == "text":
        assert r"\x1b]0;PWN\x07" in together(told)
    elif form == "md":
        assert r"\\x1b\]0;PWN\\x07" in told
        bare = re.sub(r"\\.|<br>", "", told)
        assert not re.search(r"[<`*_~$\[\]]|://|www\.", bare.replace("**", ""))
    elif form == "html":
        assert r"\x1b]0;PWN\x07" in told
        page = Page(told)
        assert not page.tags & {"script", "a", "img"}
        assert not page.comments
    else:
        assert json.loads(told)


@pytest.mark.parametrize("form", ["text", "md", "html", "json"])
@pytest.mark.parametrize("log", ["hand", "plan"])
def test_a_report_is_inert_in_every_format(logs: dict[str, str], log: str, form: str) -> None:
    status, out, errors = run("report", logs[log], "--format", form)
    assert (status, errors) == (0, "")
    assert_form(form, out)
    if form == "json":
        assert [lane["name"] for lane in json.loads(out)["session"]["lanes"]] == list(NAMES)


@pytest.mark.parametrize("form", ["text", "md", "html", "json"])
def test_a_comparison_is_inert_in_every_format(logs: dict[str, str], tmp_path: Path, form: str) -> None:
    start, *rest = hostile.by_hand()
    assert isinstance(start, ev.Start)
    lanes = [{**lane, "weights_sha256_found": f"other{EVERY}"} for lane in start.manifest["lanes"]]
    other = start._replace(manifest={**start.manifest, "lanes": lanes, "host": {"cpu": f"other{EVERY}"}})
    two = (logs["hand"], str(hostile.written(tmp_path / f"{OSC}other.msgpack", [other, *rest])))

    status, out, errors = run("compare", *two, "--format", form)
    assert (status, out) == (2, "")
    assert is_inert(errors)
    assert all(line.startswith("  ") for line in errors.splitlines()[1:])

    status, out, errors = run("compare", *two, "--anyway", "--format", form)
    assert (status, errors) == (0, "")
    assert_form(form, out)


@pytest.mark.parametrize("log", ["hand", "plan"])
def test_a_csv_has_a_line_a_row_and_no_formulas(logs: dict[str, str], log: str, tmp_path: Path) -> None:
    out = tmp_path / "csv"
    assert run("export", logs[log], "--format", "csv", "--out", str(out))[0] == 0
    cells: dict[str, list[list[str]]] = {}
    for path in out.glob("*.csv"):
        told = path.read_bytes().decode()
        assert is_inert(told)
        cells[path.stem] = list(csv.reader(told.splitlines()))
        for row in cells[path.stem]:
            assert not any(re.match(r"[=+@-](?!\d+(\.\d+)?(e[+-]\d+)?$)", cell) for cell in row)
    assert is_inert((out / "start.json").read_text())
    assert json.loads((out / "start.json").read_text())["profile_name"] == EVERY
    if log == "hand":
        place = cells["marks"][0].index("text")
        assert [row[place] for row in cells["marks"][2:]] == [f"'{visible(formula)}" for formula in FORMULAS]
        assert f"'{visible(NAMES[4])}" in {row[0] for row in cells["samples"]}


def test_a_trace_is_inert_and_names_its_lanes_as_they_are(logs: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "trace.json"
    assert run("export", logs["hand"], "--format", "perfetto", "--out", str(out))[0] == 0
    told = out.read_bytes().decode()
    assert is_inert(told)
    names = {one["args"]["name"] for one in json.loads(told)["traceEvents"] if one["name"] == "thread_name"}
    assert names >= set(NAMES)


def test_ls_has_a_line_a_log(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    hostile.written(tmp_path / f"logs/{OSC}{BIDI}{LINE}.msgpack", hostile.by_hand())
    hostile.written(tmp_path / "logs/b.msgpack", [hostile.begun(1), ev.End(at(1), EVERY, {})])
    (tmp_path / f"logs/{CSI}.msgpack").mkdir()
    status, out, errors = run("ls", cwd=tmp_path)
    assert status == 0
    assert is_inert(out)
    assert is_inert(errors)
    assert out.count("\n") == 3
    assert r"\x1b]0;PWN\x07" in out


def test_an_error_is_one_line_whatever_was_asked_for(tmp_path: Path) -> None:
    for words in (("report", f"{EVERY[3:60]}{LINE}"), ("run", f"x{OSC}{LINE}.toml"), ("report", "x", f"--{OSC}")):
        status, out, errors = run(*(word.replace("\0", "") for word in words), cwd=tmp_path)
        assert (status, out) == (2, "")
        assert is_inert(errors)
        assert r"\x07" in together(errors)


def test_a_path_is_exact_for_a_script_and_visible_on_a_terminal(
    tmp_path: Path, replay: Callable[..., Terminal]
) -> None:
    words = ("ab", "simulated", "--rounds", "1", "--headless", "--log")
    log = tmp_path / f"{OSC}a.msgpack"
    assert run(*words, str(log))[:2] == (0, f"{log}\n")
    terminal = replay(*words, str(tmp_path / f"{OSC}b.msgpack"), columns=120, rows=40)
    assert terminal.end() == 0
    assert rb"\x1b]0;PWN\x07b.msgpack" in terminal.raw
    assert_painted(terminal)


# -- the screen ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def replay() -> Iterator[Callable[..., Terminal]]:
    begun: list[Terminal] = []

    def begin(*words: str, columns: int, rows: int) -> Terminal:
        begun.append(Terminal(*words, columns=columns, rows=rows))
        return begun[-1]

    yield begin
    for terminal in begun:
        terminal.close()


def assert_painted(terminal: Terminal) -> None:
    """Nothing that was painted steers the terminal but what Textual itself sends."""
    raw = re.sub(rb"\x1b\]22;[a-z-]+\x07", b"", bytes(terminal.raw))  # the pointer's shape
    assert not [one for one in RAW if one in raw]
    assert set(re.findall(rb"\x1b(.)", raw, re.DOTALL)) <= {b"["}


def opened(terminal: Terminal, keys: str, shows: str, closes: str, gone: str) -> None:
    """Open something with keys, see it, close it."""
    terminal.press(keys)
    terminal.wait_for(shows)
    terminal.wait_for(gone)
    terminal.press(closes)
    terminal.wait_gone(gone)


@pytest.mark.parametrize(("columns", "rows"), [(120, 40), (80, 24)])
def test_every_page_and_panel_of_a_replay_is_inert(
    logs: dict[str, str], replay: Callable[..., Terminal], columns: int, rows: int
) -> None:
    terminal = replay("replay", logs["hand"], columns=columns, rows=rows)
    terminal.wait_for("REPLAY")
    terminal.press("\x1b[F")
    terminal.wait_for("at its end")
    terminal.wait_for(r"\x1b]0;")
    for lane in "12345":
        opened(terminal, f"{lane}e", "any key closes", "x", "any key closes")
    opened(terminal, "4e", "[bold red]PWN[/] [/]", "x", "any key closes")
    opened(terminal, "0s", "esc close", "s", "esc close")
    opened(terminal, "b", "begin a plan", "\x1b[B\x1b[B\x1b[B\x1b[C\x1b[C\x1b[Cq", "begin a plan")
    opened(terminal, "?", "any key closes", "x", "any key closes")
    opened(terminal, "m", "for the journal", "\x1b", "for the journal")
    terminal.press("\x10")
    terminal.wait_for("Search for commands")
    opened(terminal, "lane 4", "Choose lane 4, [bold red]PWN[/]", "\x1b\x1b", "Choose lane 4")
    for keys in "vy\toy\tv[[]":
        terminal.press(keys)
    opened(terminal, "?", "any key closes", "x", "any key closes")
    terminal.press("q")
    assert terminal.end() == 0
    assert_painted(terminal)


@pytest.mark.parametrize(("columns", "rows"), [(140, 44), (80, 24)])
def test_a_study_of_such_lanes_is_inert_on_the_screen(
    logs: dict[str, str], replay: Callable[..., Terminal], columns: int, rows: int
) -> None:
    terminal = replay("replay", logs["plan"], columns=columns, rows=rows)
    terminal.wait_for("REPLAY")
    terminal.press("\x1b[F")
    terminal.wait_for("study done")
    for keys in "\t\to\t[[[":
        terminal.press(keys)
    opened(terminal, "?", "any key closes", "x", "any key closes")
    terminal.press("q")
    assert terminal.end() == 0
    assert_painted(terminal)


# -- live ---------------------------------------------------------------------------------------------------------------


async def _spoken(socket: Path) -> list[str]:
    """What a client with such a name is answered to such notes and such asks."""
    client = Client(lambda: None)
    await client.open(socket, Hello(ev.FORMAT, os.getpid(), f"{OSC}\u202ePWN", 0, 0, False))
    asks: tuple[tuple[str, dict[str, Any]], ...] = (
        ("mark", {"text": EVERY}), ("mark", {"text": NAMES[3]}), (OSC, {}),
        ("set", {"lanes": [0], "levels": {EVERY: EVERY}}), ("set", {"lanes": [0], "levels": {"mode": EVERY}}),
    )  # fmt: skip
    outcomes = [(await client.ask(what, arguments)).outcome for what, arguments in asks]
    await client.close()
    return outcomes


def test_what_a_client_says_is_kept_as_it_came_and_shown_inert(
    sleep_profile: Path, tmp_path: Path, replay: Callable[..., Terminal]
) -> None:
    run_ = Headless(sleep_profile, tmp_path)
    run_.wait_running()
    (entry,) = live_sessions.sessions()
    screen = replay("attach", columns=120, rows=40)
    screen.wait_for("● on for")

    assert asyncio.run(_spoken(Path(entry.socket))) == ["done", "done", "refused", "refused", "refused"]
    screen.wait_for("note: [bold red]PWN[/] [/]")
    screen.wait_for(r"note: \x1b]0;PWN\x07")
    status, out, errors = run("ls")
    assert (status, is_inert(out), is_inert(errors)) == (0, True, True)
    assert run("stop")[0] == 0
    screen.wait_for("the session ended")
    screen.press("q")
    assert screen.end() == 0
    assert_painted(screen)
    assert run_.end() == 0
    assert is_inert(run_.errors.read_bytes().decode())

    marks = folded(read(run_.journal)).marks
    assert [mark.text for mark in marks] == [EVERY[:500], NAMES[3]]
    assert marks[0].who.startswith(f"{OSC}\u202ePWN")
    assert run("export", str(run_.journal), "--format", "csv", "--out", str(tmp_path / "csv"))[0] == 0
    assert is_inert((tmp_path / "csv" / "marks.csv").read_bytes().decode())


@pytest.mark.slow
def test_check_and_run_on_a_data_set_with_such_names_are_inert(tmp_path: Path) -> None:
    """Class names, names of pictures, of their folder, and what a data YAML says."""
    folder = tmp_path / f"set {OSC}{BIDI}{LINE}"
    names = [re.sub(r"[/\0]", "", name)[:60] for name in (*NAMES, OSC, CSI, BIDI)]
    some_pictures(folder, [f"p{number}{name}" for number, name in enumerate(names)])
    (folder / f"images/val/{CSI}{UNSEEN}{LINE}.jpg").write_bytes(b"nothing")
    classes = [*NAMES, EVERY, "猫", "fish"]
    (folder / "data.yaml").write_text(f"val: images/val\nnames: {json.dumps(classes)}\n")
    profile = others(folder, 'data.validation = "data.yaml"')

    status, out, errors = run("check", str(profile), "--list")
    assert status == 1, out + errors
    assert is_inert(out)
    assert is_inert(errors)
    assert r"\x1b[31mPWN" in out

    session = Headless(profile, tmp_path, "--for", "1s")
    assert session.end() == 0
    assert is_inert(session.errors.read_bytes().decode())
    assert is_inert(run("report", str(session.journal), "--format", "md")[1])

    (folder / "data.yaml").write_text(f"val: {json.dumps(EVERY)}\nnames: {json.dumps(classes)}\n")
    status, out, errors = run("check", str(profile))
    assert status == 2
    assert is_inert(out)
    assert is_inert(errors)
    (tmp_path / "again").mkdir()
    session = Headless(profile, tmp_path / "again")
    assert session.end() == 1
    assert is_inert(session.errors.read_bytes().decode())
    assert "fault (load): " in session.errors.read_text()
