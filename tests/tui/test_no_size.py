"""A terminal that does not say its size, as `docker exec -t` makes them: a screen stands all the same."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios
from pathlib import Path

import pytest

from quintet.tui.theme.terminal import settled_size
from tests.terminal import QUINTET, Terminal
from tests.test_cli import quintet

NO_SIZE = """
until [ "$(stty size)" = "40 120" ]; do :; done
stty rows 0 cols 0
exec "$@"
"""


@pytest.mark.parametrize(
    ("exported", "size"), [("", (80, 24)), ("export COLUMNS=100 LINES=30\n", (100, 30)), ("export LINES=x\n", (80, 24))]
)
def test_a_terminal_of_0x0_gets_a_size_and_a_hint(
    tmp_path: Path, sleep_profile: Path, exported: str, size: tuple[int, int]
) -> None:
    words = (*QUINTET, str(sleep_profile), "--log", str(tmp_path / "log.msgpack"))
    live = Terminal("-c", exported + NO_SIZE, "sh", *words, program=("/bin/sh",))
    try:
        live.wait_for("● on")
        live.wait_for("? help")
        assert os.get_terminal_size(live._descriptor) == size
        rows = live.text().splitlines()
        assert "? help" in rows[size[1] - 1]
        assert "".join(rows[size[1] :]).isspace()
        assert quintet("stop").returncode == 0
        live.wait_for("ended")
        live.press("q")
        assert live.end() == 0
    finally:
        live.close()
    assert f"does not say its size, so {size[0]}x{size[1]} is used. `stty cols 120 rows 40` sets" in live.raw.decode()


def test_a_terminal_that_says_its_size_is_believed() -> None:
    """COLUMNS and LINES are then what a shell exported once."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 70, 0, 0))
    environ = {"COLUMNS": "33", "LINES": "44"}
    assert settled_size(slave, environ) == (70, 50)
    assert environ == {}
    os.close(slave)
    os.close(master)
