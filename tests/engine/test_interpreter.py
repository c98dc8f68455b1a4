"""A lane with an interpreter of its own: a second virtual environment that has msgpack and has never heard of quintet."""

from __future__ import annotations

import signal
import subprocess
import sys
import venv
from pathlib import Path

import msgpack
import pytest

from quintet.engine.errors import BadInput
from quintet.engine.profile import interpreter
from quintet.engine.profile import load as profiles
from tests.running import Headless

LANES = """
[[lane]]
name = "own"
task = "cls"
backend = "{backend}"
python = "{python}"
{more}
[[lane]]
name = "ours"
task = "detect"
backend = "sleep"
"""


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare environment, with msgpack by a link: what is tested is that nothing else is needed."""
    folder = tmp_path_factory.mktemp("env")
    venv.create(folder, with_pip=False, symlinks=True)
    site = next((folder / "lib").glob("python*/site-packages"))
    (site / "msgpack").symlink_to(Path(msgpack.__file__).parent)
    return folder / "bin" / "python"


def write(folder: Path, python: Path, backend: str = "sleep", more: str = "") -> Path:
    path = folder / "own.toml"
    path.write_text(LANES.format(python=python, backend=backend, more=more))
    return path


def test_a_worker_runs_in_it_with_nothing_but_a_link_to_the_package(tmp_path: Path, other: Path) -> None:
    run = Headless(write(tmp_path, other), tmp_path)
    session = run.wait_running(lanes=2)
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 0, run.errors.read_text()
    prefix = subprocess.run(
        [other, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=True
    ).stdout
    own, ours = (lane.ready.info if lane.ready else {} for lane in session.lanes)
    assert own["prefix"] == prefix.strip() != ours["prefix"]
    assert ours["prefix"] == sys.prefix


def test_what_is_missing_in_it_is_one_sentence(tmp_path: Path, other: Path) -> None:
    weights = profiles.FOLDER / "micro" / "cls.pt"
    classes = profiles.FOLDER / "micro" / "classes.csv"
    more = f'weights = "{weights}"\ndata.validation = "{classes}"'
    loaded = profiles.load(str(write(tmp_path, other, "yolo", more)))
    with pytest.raises(BadInput, match=r"lane own: python .* lacks torch and ultralytics"):
        interpreter.check(loaded)
    missing = profiles.load(str(write(tmp_path, tmp_path / "nowhere")))
    with pytest.raises(BadInput, match="cannot be run: No such file"):
        interpreter.check(missing)
    wrong = profiles.load(str(write(tmp_path, Path("/bin/false"))))
    with pytest.raises(BadInput, match="it did not respond"):
        interpreter.check(wrong)
    no_python = "is not a Python interpreter"
    for python, says in (("/bin/true", no_python), ("/bin/echo", no_python), ("a\\u0000b", "cannot be run")):
        with pytest.raises(BadInput, match=f"{says}.* Check `python`"):
            interpreter.check(profiles.load(str(write(tmp_path, Path(python)))))
