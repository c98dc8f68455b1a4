"""What goes over the line in every kind of terminal, from the real program on a real pty."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import DATA
from tests.terminal import RESTORED, Terminal

JOURNAL = DATA / "replay.msgpack"
SGR = re.compile(rb"\x1b\[([0-9;]*)m")
Opened = Callable[..., Terminal]


@pytest.fixture
def opened() -> Iterator[Opened]:
    terminals: list[Terminal] = []

    def open_(*words: str, columns: int = 120, rows: int = 40) -> Terminal:
        terminals.append(Terminal("replay", str(JOURNAL), *words, columns=columns, rows=rows))
        return terminals[-1]

    yield open_
    for terminal in terminals:
        terminal.close()


def played_to_its_end(terminal: Terminal) -> bytes:
    """Everything that was written until the last frame stood, help and palette opened and closed on the way."""
    terminal.wait_for("REPLAY")
    terminal.press("\x1b[F")
    terminal.wait_for("at its end")
    terminal.press("?")
    terminal.wait_for("how to read it")
    terminal.press("z")
    terminal.wait_gone("how to read it")
    terminal.press("q")
    assert terminal.end() == 0
    assert RESTORED in terminal.raw
    return bytes(terminal.raw)


def codes(raw: bytes) -> set[int]:
    """The codes of all SGR sequences; those of the long colour forms as 38, 48."""
    return {
        int(code or 0) for found in SGR.findall(raw) for code in re.sub(rb"([34]8);[0-9;]+", rb"\1", found).split(b";")
    }


COLOURS = {*range(30, 39), *range(40, 49), *range(90, 98), *range(100, 108)}


def test_256_colours_are_the_default(opened: Opened) -> None:
    raw = played_to_its_end(opened())
    assert b"38;5;110" in raw
    assert b"48;5;67" in raw
    assert b"38;2;" not in raw


def test_light_is_its_own_table(opened: Opened) -> None:
    raw = played_to_its_end(opened("--theme", "light"))
    assert b"38;5;24" in raw
    assert b"48;5;231" in raw
    assert b"48;5;234" not in raw


def test_sixteen_colours_speak_only_those(opened: Opened) -> None:
    raw = played_to_its_end(opened("--colors", "16"))
    assert {38, 48} & codes(raw) == set()
    assert {94, 33, 104, 43} <= codes(raw)


def test_no_colour_speaks_none(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    raw = played_to_its_end(opened())
    assert codes(raw) & COLOURS == set()
    assert {1, 2, 7} <= codes(raw)


def test_a_locale_that_is_not_utf8_gets_ascii_only(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    raw = played_to_its_end(opened())
    assert raw.isascii()


def test_a_paused_replay_writes_nothing(opened: Opened) -> None:
    terminal = opened("--speed", "1")  # three minutes long: it does not end before the key
    terminal.wait_for("×1 ▸")
    terminal.press(" ")
    terminal.wait_for("×1 paused")
    terminal.wait_quiet(2.5)  # one that plays paints every second
    terminal.press("\x03")
    assert terminal.end() == 0


def test_at_60x20_the_table_stands_alone_and_tab_turns(opened: Opened) -> None:
    terminal = opened(columns=60, rows=20)
    terminal.press("\x1b[F")
    terminal.wait_for("at its end")
    assert "╵" not in terminal.text()
    terminal.press("\t")
    terminal.wait_for("╵3:")
    terminal.press("q")
    assert terminal.end() == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere",), "There is no journal nowhere"),
        ((str(JOURNAL), "--speed", "0"), "--speed 0: give a number above 0"),
        ((__file__,), "is no quintet journal"),
        ((str(JOURNAL), "--colors", "8"), "--colors 8: it is auto, 256, 16 or none"),
    ],
)
def test_what_cannot_be_replayed_is_one_sentence(words: tuple[str, ...], said: str) -> None:
    terminal = Terminal("replay", *words)
    try:
        assert terminal.end() == 2
        assert said in " ".join(terminal.text().split())
    finally:
        terminal.close()


def test_a_session_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "mine.msgpack").write_bytes(JOURNAL.read_bytes())
    monkeypatch.chdir(tmp_path)
    terminal = Terminal("replay", "mine")
    try:
        terminal.wait_for("REPLAY  mine.msgpack")
        terminal.press("q")
        assert terminal.end() == 0
    finally:
        terminal.close()


def test_a_dumb_terminal_is_refused_and_no_terminal_too() -> None:
    terminal = Terminal("-c", f"TERM=dumb {sys.executable} -m quintet replay {JOURNAL}", program=("/bin/sh",))
    try:
        assert terminal.end() == 2
        assert "TERM is dumb" in terminal.text()
    finally:
        terminal.close()
    piped = subprocess.run(
        [sys.executable, "-m", "quintet", "replay", str(JOURNAL)], capture_output=True, text=True, check=False
    )
    assert piped.returncode == 2
    assert piped.stderr.count("\n") == 1
