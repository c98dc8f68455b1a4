"""`quintet observe`: what the screen costs the lanes, by quintet's own A/B on the switch `screen`.

Where no screen is attached it brings its own, on a terminal of 120x40 whose output is read and thrown away.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from pathlib import Path

from quintet.engine.analysis.contrasts import tables
from quintet.engine.analysis.statistics import percent
from quintet.engine.analysis.verdicts import Contrast
from quintet.engine.journal.reader import read
from quintet.engine.session.session import folded
from quintet.engine.visible_text import visible

COLUMNS, ROWS = 120, 40


@contextlib.contextmanager
def own_screen(journal: Path) -> Iterator[None]:
    """A screen on this live session, on a terminal of our own that is drained, until the block is left."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    screen = subprocess.Popen(
        [sys.executable, "-m", "quintet", "attach", str(journal)], stdin=slave, stdout=slave, stderr=slave,
        start_new_session=True, env={**os.environ, "TERM": "xterm-256color"},
    )  # fmt: skip
    os.close(slave)
    drain = threading.Thread(target=_drain, args=(master,), daemon=True)
    drain.start()
    try:
        yield
    finally:
        screen.terminate()
        screen.wait()
        drain.join()
        os.close(master)


def _drain(descriptor: int) -> None:
    with contextlib.suppress(OSError):
        while os.read(descriptor, 65536):
            pass


def cost_pct(contrast: Contrast) -> tuple[float | None, float | None, float | None]:
    """What having the screen on costs, in percent: estimate, lower and upper limit. A contrast is of off against on."""

    def turned(change_pct: float | None) -> float | None:
        return None if change_pct is None else 100 * (1 / (1 + change_pct / 100) - 1)

    return turned(contrast.change_pct), turned(contrast.high_pct), turned(contrast.low_pct)


def told(journal: Path) -> str:
    """What was found, one line a lane, and the whole in one sentence."""
    session = folded(read(journal))
    found = [table for table in tables(session) if table.name == "screen.on.off.together"]
    if not found:
        return "No round was finished: the screen's cost is not known."
    lines, uppers = [f"{'lane':10}{'screen costs':>14}{'95 % interval':>20}   rounds"], []
    for number, contrast in found[0].lanes.items():
        estimate, low, high = cost_pct(contrast)
        interval = "—" if low is None or high is None else f"{low:+.2f} .. {high:+.2f}"
        uppers += [] if high is None else [high]
        name = visible(session.lanes[number].name)
        lines.append(f"{name:10}{estimate or 0:>+12.2f} %{interval:>20}   {contrast.rounds}")
    lines += ["", pooled(found[0].lanes, uppers)]
    return "\n".join(lines)


def pooled(lanes: dict[int, Contrast], uppers: list[float]) -> str:
    """The mean over lanes, and the worst upper limit."""
    if not uppers:
        return "Too few rounds for an interval."
    mean = percent(sum(_log(one) for one in lanes.values()) / len(lanes))
    return f"Mean over lanes {mean:+.2f} %; the largest upper limit of a lane is {max(uppers):+.2f} %."


def _log(contrast: Contrast) -> float:
    from math import log1p

    return -log1p((contrast.change_pct or 0) / 100)
