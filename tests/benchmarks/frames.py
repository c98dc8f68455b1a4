"""What an hour's journal costs on disk, to load and to export: 720,000 images of five lanes, telemetry included.

python -m tests.benchmarks.frames
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import quintet
from quintet.engine.journal.writer import Journal
from quintet.engine.protocol import events as ev
from tests.making import OFF, ON, Maker, at

LANES, HZ, SECONDS = 5, 40, 3600
FLIP_S = 30


def telemetry(second: int) -> ev.Telemetry:
    """A reading as a real one on Linux without a GPU."""
    processes = [
        {"what": "worker", "lane": lane, "pid": 4000 + lane, "cpu_pct": 97.3 + second % 3, "rss_bytes": 540_000_000 + second,
         "pss_bytes": 170_000_000}
        for lane in range(LANES)
    ]  # fmt: skip
    values = {
        "machine": {"cpu_pct": 99.1, "memory_used_bytes": 3 * 2**30 + second, "memory_available_bytes": 20 * 2**30,
                    "load_1m": 5.2, "frequency_mhz": 2900.5},
        "processes": processes, "cost_ns": 500_000 + second,
        "lanes": [{"lane": lane, "held_bytes": 2_000_000 + second, "gc_collections": second} for lane in range(LANES)],
        "screens": [{"pid": 999, "cpu_ns": second * 12_000_000, "bytes": second * 2300, "frames": second * 4}],
        "journal_bytes": second * 12_000, "session": "0a1b2c3d", "active": list(range(LANES)),
    }  # fmt: skip
    return ev.Telemetry(at(second), at(second) - 500_000, values)


def write(path: Path) -> int:
    """The hour's journal; returns its number of images."""
    made = Maker(LANES).ready().gate_all(2)
    journal = Journal(path)
    for frame in made.frames:
        journal.append(frame)
    rng, arm, seq = random.Random(1), [0] * LANES, [0] * LANES
    each = HZ // 4  # a worker sends four times a second
    for second in range(2, SECONDS + 2):
        for lane in range(LANES):
            for quarter in range(4):
                begin = at(second) + quarter * 250_000_000
                rows = [
                    [rng.randrange(64), begin + n * 25_000_000 + rng.randrange(1_000_000), 30_000 + rng.randrange(9000),
                     900_000 + rng.randrange(90_000), 310_000 + rng.randrange(30_000), 7_900_000 + rng.randrange(900_000),
                     410_000 + rng.randrange(40_000), 9_100_000 + rng.randrange(900_000), 1_900_000 + rng.randrange(90_000),
                     9_000_000 + rng.randrange(90_000), 1, rng.randrange(9), 4, 0]
                    for n in range(each)
                ]  # fmt: skip
                journal.append(ev.Samples(lane, arm[lane], seq[lane], rows))
                seq[lane] += each
        journal.append(telemetry(second))
        if second % FLIP_S == 0:
            for lane in range(LANES):
                arm[lane] += 1
                levels = OFF if arm[lane] % 2 else ON
                journal.append(ev.Arm(lane, arm[lane], seq[lane], at(second + 1) + lane * 1_000_000, levels))
        if second % 60 == 0:
            journal.append(ev.Clock(at(second), at(second)))
        journal.check()
    journal.append(ev.End(at(SECONDS + 3), "time", {}))
    journal.close()
    return sum(seq)


def main() -> None:
    """Print bytes an image, seconds to load, and seconds to export."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hour.msgpack"
        images = write(path)
        print(f"{images} images, {path.stat().st_size / 1e6:.1f} MB: {path.stat().st_size / images:.1f} bytes an image")
        took, cpu = [], []
        _ = quintet.load  # its imports are not the log's
        for _ in range(5):
            began, cpu_began = time.perf_counter(), time.process_time()
            frames = quintet.load(path)
            took.append(time.perf_counter() - began)
            cpu.append(time.process_time() - cpu_began)
        assert len(frames.samples) == images
        memory = frames.samples.memory_usage(deep=True).sum() / 1e6
        print(f"quintet.load: {min(took):.2f} to {max(took):.2f} s, {min(cpu):.2f} to {max(cpu):.2f} s of CPU")
        print(f"samples take {memory:.0f} MB")
        print(f"most memory of the process so far: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB")
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import quintet; quintet.load({str(path)!r})"], check=True)
        print(f"a new process with its imports: {time.perf_counter() - began:.2f} s")


if __name__ == "__main__":
    main()
