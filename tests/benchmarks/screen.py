"""The screen on a real pty at 120x40: first frame, bytes a second and CPU beside Textual's own widgets, an hour's log.

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
from typing import NamedTuple

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


class Cost(NamedTuple):
    """Bytes a second to the terminal, percent of a core, resident bytes at the end and their growth."""

    bytes_s: float
    cpu_pct: float
    rss_bytes: int
    grown_bytes: int


def costs(terminals: list[Terminal], seconds: float) -> list[Cost]:
    """What programs side by side cost over the same seconds."""
    processes = [psutil.Process(terminal.pid) for terminal in terminals]
    bytes_before = [len(terminal.raw) for terminal in terminals]
    cpu_before = [sum(process.cpu_times()[:2]) for process in processes]
    rss_before = [process.memory_info().rss for process in processes]
    began = time.monotonic()
    drain(terminals, seconds)
    lasted = time.monotonic() - began
    return [
        Cost(
            (len(terminal.raw) - bytes_before[n]) / lasted,
            100 * (sum(processes[n].cpu_times()[:2]) - cpu_before[n]) / lasted,
            processes[n].memory_info().rss,
            processes[n].memory_info().rss - rss_before[n],
        )
        for n, terminal in enumerate(terminals)
    ]


def side_by_side(path: Path, log: Path, seconds: float) -> None:
    """Ours and Textual's own widgets in the same seconds, after our first page step; then ours frozen."""
    ours = Terminal(str(path), "--log", str(log))
    ours.wait_for("together")
    plain = Terminal(program=(sys.executable, "-m", "tests.benchmarks.plain_textual"))
    plain.wait_for("images/s %")
    drain([ours, plain], 45)
    mine, theirs = costs([ours, plain], seconds)
    for name, cost in (("ours", mine), ("Sparkline and DataTable", theirs)):
        print(
            f"{name}: {cost.bytes_s / 1024:.2f} KiB/s, {cost.cpu_pct:.1f} % of a core, {cost.rss_bytes / 1e6:.0f} MB, "
            f"{cost.grown_bytes / 1e6:+.1f} MB, over {seconds:.0f} s"
        )
    print(f"ours / theirs: bytes {mine.bytes_s / theirs.bytes_s:.2f}, CPU {mine.cpu_pct / theirs.cpu_pct:.2f}")
    ours.press(" ")
    ours.wait_for("FROZEN")
    drain([ours, plain], 3)
    (frozen,) = costs([ours], min(seconds, 30))
    print(f"ours, frozen: {frozen.bytes_s:.0f} bytes/s, {frozen.cpu_pct:.2f} % of a core")
    ours.press(" ")
    ours.wait_for("together")
    stop(ours)
    plain.press("q")
    plain.end()
    plain.close()


def hour(folder: Path) -> None:
    """Seconds from `quintet replay` of an hour's journal, 720,000 images, to its first frame with lanes."""
    from tests.benchmarks.frames import write

    log = folder / "hour.msgpack"
    write(log)
    began = time.monotonic()
    terminal = Terminal("replay", str(log))
    terminal.wait_for("5 obb")
    first = time.monotonic() - began
    terminal.wait_for("of 1:00:0")
    whole = time.monotonic() - began
    print(f"an hour's journal: first frame after {first:.2f} s, all of it read after {whole:.2f} s")
    terminal.press("q")
    terminal.end()
    terminal.close()


def drain(terminals: list[Terminal], seconds: float) -> None:
    """Take what comes for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for terminal in terminals:
            terminal._read(0.1 / len(terminals))


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
        side_by_side(path, folder / "steady.msgpack", seconds)
        hour(folder)


if __name__ == "__main__":
    main()
