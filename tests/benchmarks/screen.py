"""The screen on a real pty at 120x40: time to the first frame, then bytes a second and CPU in steady state.

    python -m tests.benchmarks.screen [SECONDS]

Five sleeping lanes, 200 images a second in all, accuracy off; the pty is drained and its bytes are counted.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.terminal import Terminal

LANES = ("cls", "detect", "pose", "seg", "obb")


def profile(folder: Path) -> Path:
    """Five lanes at 25 ms an image."""
    path = folder / "calm.toml"
    head = '[defaults]\nbackend = "sleep"\nswitches.mode = "withoutval"\nenv = { QUINTET_SLEEP_MS = "25" }\n'
    path.write_text(head + "".join(f'[[lane]]\nname = "{task}"\ntask = "{task}"\n' for task in LANES))
    return path


def first_frame(path: Path, log: Path) -> float:
    """Seconds from the program's start to a frame with its lanes."""
    began = time.monotonic()
    terminal = Terminal(str(path), "--log", str(log))
    terminal.wait_for("5 obb")
    seconds = time.monotonic() - began
    stop(terminal)
    return seconds


def stop(terminal: Terminal) -> None:
    """Stop the session."""
    terminal.press("q")
    terminal.wait_for("leave?")
    terminal.press("s")
    terminal.end()
    terminal.close()


def steady(path: Path, log: Path, seconds: float) -> tuple[float, float]:
    """Bytes a second to the terminal and percent of a core of the screen's process, after its first page step."""
    terminal = Terminal(str(path), "--log", str(log))
    terminal.wait_for("together")
    drain(terminal, 45)
    process = psutil.Process(terminal.pid)
    before, cpu, began = len(terminal.raw), sum(process.cpu_times()[:2]), time.monotonic()
    drain(terminal, seconds)
    lasted = time.monotonic() - began
    found = (len(terminal.raw) - before) / lasted, 100 * (sum(process.cpu_times()[:2]) - cpu) / lasted
    stop(terminal)
    return found


def drain(terminal: Terminal, seconds: float) -> None:
    """Take what comes for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        terminal._read(0.1)


def main() -> None:
    """First frames, then one long look."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["XDG_STATE_HOME"] = str(folder)
        path = profile(folder)
        firsts = [first_frame(path, folder / f"f{n}.msgpack") for n in range(6)][1:]
        print(
            f"first frame with lanes: median {statistics.median(firsts):.2f} s, {min(firsts):.2f} .. {max(firsts):.2f}"
        )
        bytes_s, cpu = steady(path, folder / "steady.msgpack", seconds)
        print(f"steady state: {bytes_s / 1024:.2f} KiB/s, {cpu:.1f} % of a core over {seconds:.0f} s")


if __name__ == "__main__":
    main()
