"""docs/analysis.md does what it says: its steps run on the committed log and print what stands under them.

python -m tests.test_analysis        writes what the steps print into the page
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import quintet
from quintet.engine.journal.reader import read
from quintet.engine.storage import open_log

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "analysis.md"
LOG = ROOT / "docs" / "data" / "study.msgpack"
STEP = re.compile(r"```python\n(.*?)```\n(?:```text\n(.*?)```\n)?", re.DOTALL)
MARK = "--- step {} ---"


def printed(folder: Path) -> list[str]:
    """What each step prints, run in one process in a folder beside which the log lies."""
    (folder / "docs").symlink_to(ROOT / "docs")
    steps = [code for code, _ in STEP.findall(PAGE.read_text())]
    program = "".join(f"print({MARK.format(number)!r})\n{code}" for number, code in enumerate(steps))
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "MPLCONFIGDIR": str(folder)},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return [text.removeprefix("\n") for text in re.split(r"--- step \d+ ---", ran.stdout)[1:]]


def test_the_steps_print_what_stands_under_them(tmp_path: Path) -> None:
    found = printed(tmp_path)
    documented = [text for _, text in STEP.findall(PAGE.read_text())]
    assert len(found) == len(documented) == 10
    for number, (told, stands) in enumerate(zip(found, documented, strict=True), 1):
        assert told.split() == stands.split(), f"step {number}: python -m tests.test_analysis writes it anew"
    assert (tmp_path / "study.png").stat().st_size > 10_000


def test_the_log_is_small_whole_and_tells_nothing_of_the_machine_it_was_made_on() -> None:
    content = LOG.read_bytes()
    assert len(content) < 400_000
    for name in (str(ROOT), str(Path.home()), tempfile.gettempdir() + "/"):
        assert name.encode() not in content, name
    assert platform.node() not in set(texts(read(LOG)))
    log = open_log.read(LOG)
    assert (log.losses, log.unverified_bytes, log.session.left_out) == ([], 0, {})
    assert log.session.start is not None
    assert log.session.start.manifest["host"]["node"] == "host"
    assert not re.search(rb"[^\w.]/(?:home|root|work|tmp|Users|opt)/", content)


def texts(value: Any) -> Iterator[str]:
    """Every text in a decoded value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from texts(list(value.items()))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from texts(one)


@pytest.mark.filterwarnings("ignore")
def test_the_log_has_three_rounds_of_the_study() -> None:
    loaded = quintet.load(LOG)
    counting = loaded.blocks[loaded.blocks.counts & ~loaded.blocks.placebo]
    assert counting.groupby("round").size().tolist() == [12] * 3
    assert loaded.start["end"] == "asked"


def main() -> None:
    """Write what the steps print into the page."""
    with tempfile.TemporaryDirectory() as folder:
        told = iter(printed(Path(folder)))
    PAGE.write_text(STEP.sub(lambda step: f"```python\n{step[1]}```\n```text\n{next(told)}```\n", PAGE.read_text()))


if __name__ == "__main__":
    main()
