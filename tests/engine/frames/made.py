"""A session as one could be: flips in one lane and in all, parking, a dead lane, batches, planned blocks, telemetry."""

from __future__ import annotations

import random
from pathlib import Path

from quintet.engine.journal.writer import Journal
from quintet.engine.plan import plan
from quintet.engine.protocol import events as ev
from quintet.engine.protocol import switches
from tests.making import NAMES, OFF, ON, SECOND, Maker, at, row, start

WALL = 1_790_000_000 * SECOND


def written(path: Path, frames: list[ev.Frame], check_every: int = 9) -> Path:
    """A journal of these frames."""
    journal = Journal(path)
    for place, frame in enumerate(frames):
        journal.append(frame)
        if place % check_every == 0:
            journal.check()
    journal.close()
    return path


def lively(seed: int = 1, seconds: int = 60) -> list[ev.Frame]:
    """A minute of five lanes that somebody plays with."""
    rng = random.Random(seed)
    made = Maker().ready()
    warm = [row(at(1.1 + n / 50), flags=ev.FLAG_WARM_UP) for n in range(4)]
    for lane in range(5):
        made.frames.append(ev.Samples(lane, 0, 0, warm))
        made.seq[lane] = 4
    made.gate_all(2)
    opened, t = [True] * 5, 2.0
    while t < seconds:
        until = t + rng.choice((0.3, 2.5, 5.0, 8.0))
        for lane in range(5):
            if opened[lane]:
                made.images(lane, t + rng.random() / 100, until, rng.uniform(5, 15), cycle_ms=rng.choice((20, 25, 300)))
        t = until
        lane = rng.randrange(5)
        what = rng.choice(("one", "all", "gate", "batch"))
        if what == "gate":
            opened[lane] = not opened[lane] if sum(opened) > 1 else True
            made.gate(lane, t, open_gate=opened[lane])
        elif what == "all":
            made.set_all(t, rng.choice((ON, OFF)))
        else:
            made.set(lane, t, rng.choice((ON, OFF)) if what == "one" else switches.changed(ON, {"batch": 2}))
    made.frames.append(ev.Clock(at(t), WALL + round((t + 0.5) * SECOND)))
    return [start()._replace(wall_ns=WALL), *made.frames[1:]]


def told() -> list[ev.Frame]:
    """Ten seconds on and ten off as two planned blocks and a void one, and one of every other event."""
    made = Maker().ready().gate_all(2)
    frames = made.images_all(2, 12, 10).set_all(12, OFF).images_all(12.1, 22, 12).frames
    cell = {"regime": "together", "lanes": [0, 1, 2, 3, 4], "levels": {"mode": "validation"}}
    off = {**cell, "levels": {"mode": "withoutval"}}
    processes = [
        {"what": "worker", "lane": 1, "pid": 7, "cpu_pct": 95.5, "rss_bytes": 1000, "pss_bytes": None},
        {"what": "supervisor", "lane": None, "pid": 5, "cpu_pct": 0.5, "rss_bytes": 500, "pss_bytes": 400},
    ]
    values = {
        "machine": {"cpu_pct": 80.0, "memory_used_bytes": 9, "memory_available_bytes": 1, "load_1m": 2.0},
        "processes": processes, "lanes": [{"lane": 1, "held_bytes": 77, "gc_collections": 3}],
        "screens": [{"pid": 9, "cpu_ns": 5_000_000, "bytes": 100, "frames": 4}],
        "gpus": [{"index": 0, "utilisation_pct": 50, "memory_used_bytes": 8, "power_mw": 1500, "processes": []}],
        "journal_bytes": 4096, "cost_ns": 500_000,
    }  # fmt: skip
    return [
        *frames,
        ev.BlockStart(0, 0, cell, False, at(1.9), at(2), SECOND), ev.BlockEnd(0, at(12), ""),
        ev.BlockStart(1, 0, off, False, at(12), at(12.1), SECOND), ev.BlockEnd(1, at(20), ""),
        ev.BlockStart(2, 1, off, True, at(20), at(20), SECOND), ev.BlockEnd(2, at(22), "detect did not answer"),
        ev.Telemetry(at(13), at(12.9), values),
        ev.Value(1, 0, at(9), 40, 60, 3_000_000, {"map50_box": 0.62}),
        ev.Command(1, at(12), "screen 4", {"set": {"mode": "withoutval"}}, [0, 1]),
        ev.Answer(1, 1, at(12.1), 500, "done", ""),
        ev.Command(2, at(20), "me", {"plan": plan.describe(plan.ab(NAMES, rounds=1))}, []),
        ev.Mark(at(15), "me", "fan on ☂"),
        ev.Fault(2, at(22.5), "died", "pose: its process ended", "tail"), ev.Fault(None, at(22.4), "nursery", "gone", ""),
        ev.Lost(3, at(22.6), 12),
        ev.End(at(23), "asked", {"images": []}),
    ]  # fmt: skip


__all__ = ["NAMES", "WALL", "lively", "told", "written"]
