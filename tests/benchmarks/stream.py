"""What recording costs: bytes an image, the supervisor's CPU at a given rate, and the rate it takes without loss.

    python -m tests.benchmarks.stream

Five workers of our own that send real `samples` frames at a set rate, through the real supervisor, to a real journal.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
import time
from pathlib import Path

import psutil

from quintet.engine.journal.reader import read
from quintet.engine.profile import load as profiles
from quintet.engine.session.session import folded
from quintet.engine.storage import locations
from quintet.engine.supervisor import supervisor, worker_handle
from quintet.engine.supervisor.worker_process import Process, Wires

SECONDS = 10.0
LANES = 5
FLOOD = """
import socket, sys, time
from quintet.engine.protocol import events as ev
from quintet.engine.protocol.orders import GateOrder
from quintet.engine.worker.channel import Port
rate = float(sys.argv[3])
port = Port(socket.socket(fileno=int(sys.argv[1])), time.monotonic_ns)
order = port.orders(None)[0]
port.lane = order.lane
port.send(ev.Arm(order.lane, 0, 0, time.monotonic_ns(), order.levels))
port.send(ev.Ready(order.lane, time.monotonic_ns(), 0, {}))
while not any(isinstance(o, GateOrder) for o in port.orders(None)):
    pass
port.send(ev.Gate(order.lane, True, 0, time.monotonic_ns()))
size = max(1, min(32, round(rate / 4)))
begin, seq = time.monotonic(), 0
while True:
    due = begin + seq / rate
    time.sleep(max(0.0, due - time.monotonic()))
    now = time.monotonic_ns()
    each = int(1e9 / rate)
    rows = [[n % 64, now - (size - n) * each, 35_000, 900_000 + n, 310_000, 7_900_000 + n, 410_000, 9_100_000 + n, 1_900_000,
             9_000_000 + n, 1, 3, 4, 0] for n in range(size)]
    port.send(ev.Samples(order.lane, 0, seq, rows))
    seq += size
    orders = port.orders(0)
    if port.closed or any(isinstance(o, ev.StopOrder) for o in orders):
        port.drain(5)
        break
"""


def run(rate_hz: float) -> tuple[float, int, int, float]:
    """Percent of a core the supervisor took, rows sent, rows lost, bytes an image in the journal."""

    def flood(lane: int, wires: Wires, private: Path, stderr: Path, extra: dict[str, str], python: str) -> Process:
        words = [python, "-c", FLOOD, *map(str, wires.workers_ends), str(rate_hz / LANES)]
        process = subprocess.Popen(words, pass_fds=wires.workers_ends)
        wires.hand_over()
        return process

    setattr(worker_handle, "spawn", flood)  # noqa: B010  the one part that is not the real one
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = folder
        text = "".join(f'[[lane]]\nname = "l{n}"\ntask = "cls"\nbackend = "sleep"\n' for n in range(LANES))
        (Path(folder) / "flood.toml").write_text(text)
        path = Path(folder) / "log.msgpack"
        loaded = profiles.load(str(Path(folder) / "flood.toml"))
        options = supervisor.Options(for_s=SECONDS, forks=False)
        watched = supervisor.Supervisor(loaded, path, locations.private_folder(path), options)
        me = psutil.Process()
        cpu, began = sum(me.cpu_times()[:2]), time.monotonic()
        asyncio.run(watched.run())
        percent = 100 * (sum(me.cpu_times()[:2]) - cpu) / (time.monotonic() - began)
        session = folded(read(path))
        rows = sum(len(lane.rows) for lane in session.lanes)
        lost = sum(lane.lost + lane.holes for lane in session.lanes)
        return percent, rows, lost, path.stat().st_size / max(1, rows)


def main() -> None:
    """From a usual rate to beyond what is promised."""
    for rate_hz in (0.001, 200, 2_000, 20_000, 40_000):
        percent, rows, lost, size = run(rate_hz)
        told = f"{size:5.1f} bytes an image" if rows else ""
        print(
            f"{rate_hz:8.0f} images/s: supervisor {percent:5.2f} % of a core, {rows:7} rows, {lost} lost  {told}",
            flush=True,
        )


if __name__ == "__main__":
    main()
