"""Null cases: on sleeping lanes a switch that cannot matter changes nothing, by quintet's own A/B.

Each estimate is within 1 % and its 99.9 % interval holds 0. `predict` cannot depend on any switch but `batch` (it is the
whole call's); images/s cannot depend on one that neither waits nor paces, but for the loop's own fraction of a millisecond
a call, which is little of these 50 ms and less than their spread lets a session see.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from quintet.engine.analysis import statistics
from quintet.engine.analysis.blocks import RATE
from quintet.engine.analysis.contrasts import tables
from quintet.engine.session.session import Session
from tests.running import Followed

LANES = """name = "null"
seed = 3
[defaults]
backend = "sleep"
env = { QUINTET_SLEEP_MS = "50", QUINTET_SLEEP_SPREAD = "0.02", QUINTET_SLEEP_SCORE_MS = "0" }
[[lane]]
name = "a"
task = "cls"
[[lane]]
name = "b"
task = "detect"
"""
ROUNDS = 8
LEAST_PCT = 1.0
ALPHA = 0.001
BOTH, PREDICT, RATES = ("predict", RATE), ("predict",), (RATE,)


class Null(NamedTuple):
    """A switch's two levels, what they cannot change, and levels that must be set for them to be allowed."""

    switch: str
    levels: str
    outcomes: tuple[str, ...] = BOTH
    sets: tuple[str, ...] = ()


NULLS = (
    Null("mode", "validation,withoutval"), Null("score", "off,inline"), Null("score", "off,thread"),
    Null("keep", "off,results"), Null("data", "inference,validation", sets=("all.score=off",)),
    Null("source", "array,path"), Null("sync", "each,none"), Null("stages", "off,on"), Null("batch", "1,8", RATES),
    Null("pace", "closed,20", PREDICT), Null("think", "0,10", PREDICT), Null("screen", "on,off"),
)  # fmt: skip


def measured(null: Null, folder: Path) -> Session:
    """The session of a headless `quintet ab` on two sleeping lanes."""
    profile, log = folder / "null.toml", folder / "log.msgpack"
    profile.write_text(LANES)
    sets = [word for level in null.sets for word in ("--set", level)]
    subprocess.run(
        [
            sys.executable, "-m", "quintet", "ab", str(profile), "--switch", null.switch, "--levels", null.levels,
            "--rounds", str(ROUNDS), "--headless", "--log", str(log), *sets,
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    journal = Followed(log)
    try:
        return journal.session()
    finally:
        journal.close()


@pytest.mark.long("nulls")
@pytest.mark.parametrize("null", NULLS, ids=lambda null: f"{null.switch}-{null.levels.replace(',', '-')}")
def test_a_switch_that_cannot_matter_changes_nothing(null: Null, tmp_path: Path) -> None:
    session = measured(null, tmp_path)
    for outcome in null.outcomes:
        (table,) = tables(session, outcome)
        assert len(table.differences) == 2
        for lane, differences in table.differences.items():
            moments = statistics.moments(differences)
            assert moments.n == ROUNDS
            found = f"{outcome} of lane {lane}: {statistics.percent(moments.mean):+.2f} %, {differences}"
            assert abs(statistics.percent(moments.mean)) < LEAST_PCT, found
            assert not statistics.t_interval(moments, ALPHA).excludes(0.0), found


@pytest.mark.long("nulls")
def test_a_switch_that_matters_is_seen_by_the_same_test(tmp_path: Path) -> None:
    """Waiting 25 ms after each image of 50 ms: images/s fall by a third."""
    (table,) = tables(measured(Null("think", "0,25"), tmp_path), RATE)
    for differences in table.differences.values():
        moments = statistics.moments(differences)
        assert statistics.percent(moments.mean) == pytest.approx(-33.3, abs=2)
        assert statistics.t_interval(moments, ALPHA).excludes(0.0)
