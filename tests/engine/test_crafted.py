"""Logs with valid checks and wrong insides, read by everything that reads logs: `./check long fuzz` takes many more."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from quintet.engine.journal.reader import read
from quintet.engine.plan import plan
from quintet.engine.protocol import events as ev
from tests import hurting
from tests.conftest import DATA
from tests.crafting import Event, mutated, read_in_every_way, written
from tests.making import NAMES, arrays, at
from tests.planned import planned

SHARES, MANY = 8, 400
"""Shares of the long run, and logs in each."""


def by_hand() -> list[Event]:
    """Flips by hand, a planned block without a plan, telemetry with everything in it."""
    events = arrays(hurting.frames())
    whole = {
        "machine": {"cpu_pct": 50.0, "memory_used_bytes": 1, "load_1m": 0.5, "frequency_mhz": None},
        "processes": [{"what": "worker", "lane": 0, "pid": 1, "cpu_pct": 9.0, "rss_bytes": 5, "pss_bytes": None}],
        "lanes": [{"lane": 0, "held_bytes": 7, "gc_collections": 1, "skipped": 3, "kept_short": 2, "notes": []}],
        "screens": [{"pid": 4, "cpu_ns": 5, "bytes": 6, "frames": 7}],
        "gpus": [{"index": 0, "utilisation_pct": 5, "memory_used_bytes": 6}], "other_sessions": ["theirs"],
        "session": "aaaa", "active": [0, 1, 2], "journal_bytes": 8, "cost_ns": 9,
    }  # fmt: skip
    note = {"data": "validation", "kind": "missing", "count": 2, "example": "a.jpg does not exist"}
    info = {"device": "cpu", "dtype": "float32", "threads": 1, "notes": [note], "refusals": {"half=yes": "it cannot"},
            "ground_truth": {"pictures": 5, "left_out": 2, "labels": 9}, "inference_set": None}  # fmt: skip
    more = [
        ev.Ready(0, at(0.3), 7, info), ev.Telemetry(at(10), at(10), whole), ev.Telemetry(at(11), at(11), whole),
        ev.Value(0, 0, at(4), 5, 5, 100, {"top1": 0.5}), ev.Work(0, at(4), 3, 100, 5, 6, 7, 8),
        ev.Command(1, at(4), "screen", {"set": {"mode": "withoutval"}}, [0, 1]), ev.Answer(1, 0, at(4.1), 5, "done", ""),
        ev.Command(2, at(4), "screen", {"gate": True}, [1]), ev.Command(3, at(5), "plan", {"pause": True}, []),
        ev.Mark(at(5), "who", "note"), ev.Stall(0, at(5), 5), ev.Lost(0, at(5), 2), ev.Clock(at(6), 1_700_000_000 * 10**9),
        ev.Fault(2, at(9.5), "stuck", "pose did not answer.", ""), ev.Fault(None, at(9.6), "nursery", "It broke.", "tail"),
        ev.Step(1, at(0.1), "model", "done", 1, 1),
    ]  # fmt: skip
    return [*events[:1], *arrays(more), *events[1:]]


def of_plans() -> list[Event]:
    """A study of two lanes, then a matrix."""
    study = planned(
        plan.study(NAMES[:2], rounds=3), lambda lane, regime, level, n: 10 + lane + (level == "validation") + n % 2
    )
    return arrays(study)


def of_a_matrix() -> list[Event]:
    """A matrix of two lanes."""
    return arrays(planned(plan.matrix(NAMES[:2], rounds=3), lambda lane, regime, level, n: 10 + lane + n % 2))


def recorded() -> list[Event]:
    """The first minute of a log of a real session."""
    return [event for event in read(DATA / "replay.msgpack") if event[0] != "check"][:700]


WHOLE = {"by hand": by_hand, "of plans": of_plans, "of a matrix": of_a_matrix, "recorded": recorded}


def read_many(name: str, numbers: range, folder: Path, thorough_every: int) -> int:
    """Read so many logs that were changed; how many could be read."""
    whole = WHOLE[name]()
    other = written(folder / "whole.msgpack", whole)
    readable = 0
    for number in numbers:
        path = written(folder / f"{number}.msgpack", mutated(whole, random.Random(f"{name} {number}")))
        try:
            readable += read_in_every_way(path, other, folder, thorough=number % thorough_every == 0)
        except Exception as error:
            pytest.fail(f"log {number} made of {name!r}: {type(error).__name__}: {error}", pytrace=True)
        path.unlink()
    return readable


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_log_is_read_in_every_way(name: str, tmp_path: Path) -> None:
    path = written(tmp_path / "whole.msgpack", WHOLE[name]())
    assert read_in_every_way(path, path, tmp_path, thorough=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", WHOLE)
def test_a_crafted_log_never_ends_in_a_traceback(name: str, tmp_path: Path) -> None:
    assert read_many(name, range(50), tmp_path, thorough_every=25) > 25


@pytest.mark.long("fuzz")
@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("name", WHOLE)
def test_many_crafted_logs_never_end_in_a_traceback(name: str, share: int, tmp_path: Path) -> None:
    begin = 1000 + share * MANY
    assert read_many(name, range(begin, begin + MANY), tmp_path, thorough_every=20) > MANY // 2
