"""How long until every lane has timed an image: five lanes against one, and against five plain processes.

    python -m tests.benchmarks.launch [ROUNDS]

Prints per way the median wall seconds, CPU seconds of all processes and PSS of all workers and nursery, and the ratios.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import psutil

from quintet.engine.journal.format import NoJournal
from quintet.engine.journal.reader import Reader, read
from quintet.engine.profile.load import FOLDER
from quintet.engine.protocol.events import COLUMNS, FLAG_WARM_UP
from quintet.engine.session.session import Session


class Launch(NamedTuple):
    """One start: seconds to the last lane's first timed image, CPU seconds of everything, PSS in bytes then."""

    wall_s: float
    cpu_s: float
    pss_bytes: int
    cpu_without_warm_up_s: float
    """Less the CPU of the lanes' own warm-up images, which are work and not launching."""


def one_lane(folder: Path) -> Path:
    """The micro profile with its first detection lane alone."""
    text = (FOLDER / "micro.toml").read_text().replace('"micro/', f'"{FOLDER}/micro/')
    head, *lanes = text.split("[[lane]]")
    path = folder / "one.toml"
    path.write_text(head + "[[lane]]" + next(lane for lane in lanes if '"detect"' in lane))
    return path


def launch(profile: str, lanes: int, *words: str) -> Launch:
    """Start a headless session, wait for a timed image of every lane, stop it."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.msgpack"
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "quintet", "run", profile, "--headless", "--log", str(log), *words],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        session = follow(log, lanes)
        wall_s = max(lane.rows.start_ns[0] for lane in session.lanes) / 1e9 - began
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        pss = sum(one.memory_full_info().pss for one in family)
        cpu = sum(sum(one.cpu_times()[:2]) for one in family)
        process.send_signal(signal.SIGTERM)
        process.wait()
        return Launch(wall_s, cpu, pss, cpu - warm_up_cpu_s(log))


def warm_up_cpu_s(log: Path) -> float:
    """Time of predict and scoring over all warm-up images: lanes with one thread on the CPU do nothing but work in it."""
    predict, score, flags = (COLUMNS.index(name) for name in ("predict", "score", "flags"))
    rows = [row for event in read(log) if event[0] == "samples" for row in event[4] if row[flags] & FLAG_WARM_UP]
    return float(sum(row[predict] + row[score] for row in rows)) / 1e9


def follow(log: Path, lanes: int) -> Session:
    """Read the journal until every lane has a timed image."""
    session = Session()
    while True:
        try:
            with Reader(log) as reader:
                while True:
                    session.fold(reader.poll().events)
                    if len(session.lanes) == lanes and all(len(lane.rows) for lane in session.lanes):
                        return session
                    time.sleep(0.02)
        except NoJournal:
            time.sleep(0.02)


def main() -> None:
    """Rounds of the three ways, in turn."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = folder
        alone = str(one_lane(Path(folder)))
        ways = {
            "one lane": (alone, 1), "five lanes": ("micro", 5), "five plain processes": ("micro", 5, "--no-nursery"),
        }  # fmt: skip
        launch("micro", 5)  # what is read from disk is in memory from here on
        found: dict[str, list[Launch]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, (profile, lanes, *words) in ways.items():
                found[name].append(launch(str(profile), int(str(lanes)), *map(str, words)))
    medians = {
        name: Launch(*(statistics.median(part) for part in zip(*its, strict=True))) for name, its in found.items()
    }
    for name, it in medians.items():
        print(
            f"{name:22} {it.wall_s:6.2f} s wall  {it.cpu_s:6.2f} s CPU ({it.cpu_without_warm_up_s:.2f} without the warm-up "
            f"images)  {it.pss_bytes / 1e6:6.0f} MB PSS"
        )
    for name in ("five lanes", "five plain processes"):
        ratios = [a / b for a, b in zip(medians[name], medians["one lane"], strict=True)]
        print(
            f"{name} / one lane: wall {ratios[0]:.2f}, CPU {ratios[1]:.2f} ({ratios[3]:.2f} without warm-up), "
            f"PSS {ratios[2]:.2f}  ({rounds} rounds)"
        )


if __name__ == "__main__":
    main()
