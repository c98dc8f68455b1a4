"""What docs/contributing says of a new switch and a new backend, done in a copy of the tree: so few files, and it works."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.reverting import copied, run

PROFILE = """
[[lane]]
name = "a"
task = "cls"
backend = "{backend}"
"""


class Change(NamedTuple):
    """Text that is put before another in a file; a file that is new has nothing to stand before."""

    file: str
    text: str
    before: str = ""


WARMTH = (
    Change(
        "engine/protocol/switches.py",
        '    Switch("warmth", ("cold", "warm"), "how warm a lane is"),\n',
        '    Switch("half"',
    ),
    Change(
        "engine/worker/backends/sleep.py",
        '        self._mean_s *= 1.5 if levels["warmth"] == "warm" else 1.0\n',
        '        if levels["keep"] == "off":\n',
    ),
)
ECHO = (
    Change("engine/protocol/backends.py", '    "echo": BackendFacts("backends.echo:EchoBackend"),\n', '    "sleep": '),
    Change(
        "engine/worker/backends/echo.py",
        '''"""A lane that is done at once."""

from __future__ import annotations

from typing import Any

from quintet.engine.worker.backends.sleep import SleepBackend


class EchoBackend(SleepBackend):
    """Gives every picture back."""

    def predict(self, picture: int) -> int:
        """The picture."""
        return picture

    def info(self) -> dict[str, Any]:
        """What a model would say of itself."""
        return {**super().info(), "device": "echo"}
''',
    ),
    Change("engine/profile/schema.py", '"echo", ', '"sleep", "simulated"]'),
)


def changed(folder: Path, changes: tuple[Change, ...]) -> Path:
    """A copy of the tree with these changes."""
    tree = copied(folder / "tree")
    for change in changes:
        file = tree / change.file
        if change.before:
            text = file.read_text()
            assert text.count(change.before) == 1, change
            file.write_text(text.replace(change.before, change.text + change.before))
        else:
            file.write_text(change.text)
    return tree


def quintet(tree: Path, *words: str, status: int = 0) -> str:
    ran = run(tree, "-m", "quintet", *words)
    assert ran.returncode == status, ran.stderr
    return ran.stdout + ran.stderr


@pytest.mark.slow
def test_a_switch_is_two_files(tmp_path: Path) -> None:
    assert len({change.file for change in WARMTH}) <= 3
    tree = changed(tmp_path, WARMTH)
    (tmp_path / "mine.toml").write_text(PROFILE.format(backend="sleep"))
    mine, log = str(tmp_path / "mine.toml"), str(tmp_path / "log.msgpack")

    quintet(tree, "run", mine, "--headless", "--for", "2s", "--log", log, "--set", "a.warmth=warm")

    assert "warmth warm" in quintet(tree, "report", log)
    quintet(tree, "export", log, "--format", "csv", "--out", str(tmp_path / "frames"))
    with (tmp_path / "frames" / "arms.csv").open(newline="") as arms:
        assert {row["warmth"] for row in csv.DictReader(arms)} == {"warm"}
    wrong = quintet(tree, "run", mine, "--headless", "--for", "2s", "--set", "a.warmth=hot", status=2)
    assert "warmth has no level 'hot'; its levels are cold, warm" in wrong
    shown = run(
        tree, "-c", "from quintet.tui.panels.switch_panel import ROWS; print([row.name for row in ROWS])"
    ).stdout
    assert "'warmth'" in shown


@pytest.mark.slow
def test_a_backend_is_two_files_and_the_profiles_schema(tmp_path: Path) -> None:
    assert len({change.file for change in ECHO} - {"engine/profile/schema.py"}) <= 2
    tree = changed(tmp_path, ECHO)
    (tmp_path / "mine.toml").write_text(PROFILE.format(backend="echo"))
    mine, log = str(tmp_path / "mine.toml"), str(tmp_path / "log.msgpack")

    assert "echo" in quintet(tree, "check", mine)
    quintet(tree, "run", mine, "--headless", "--for", "2s", "--log", log)
    assert "echo" in quintet(tree, "report", log)
    (tmp_path / "mine.toml").write_text(PROFILE.format(backend="eco"))
    assert "choose one of yolo, echo, sleep, simulated" in quintet(tree, "check", mine, status=2)
