"""Calls of several images: one cycle a call, each image a share of it; the same on running sums and on arrays."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pytest

import quintet
from quintet.engine.protocol import events as ev
from quintet.engine.session.image_columns import Rows
from quintet.engine.session.membership import after_burn_in, cycles_ns, within
from tests.engine.frames.made import written
from tests.making import Maker, at
from tests.running import Headless

MS = 1_000_000


def call(
    start_ms: float, images: int, predict_ms: float = 10, load_ms: float = 1, score_ms: float = 2
) -> list[list[int]]:
    """The rows of one call; each image has its own part of load and score."""
    load, predict, score = (round(ms * MS) for ms in (load_ms, predict_ms, score_ms))
    one = [0, round(start_ms * MS), 0, load, 1, 2, 3, predict, score, 0, images, 1, 0, 0, 0, 0]
    return [list(one) for _ in range(images)]


def rows_of(*calls: list[list[int]], pieces: int = 100) -> Rows:
    rows, every = Rows(), [row for its in calls for row in its]
    for place in range(0, len(every), pieces):
        rows.append(0, every[place : place + pieces])
    return rows


@pytest.mark.parametrize("pieces", [100, 1, 3, 5])
def test_an_image_waits_for_its_whole_call_and_has_its_share_of_the_cycle(pieces: int) -> None:
    rows = rows_of(call(0, 4), call(40, 4), call(80, 4), pieces=pieces)

    assert rows.each_ns("cycle", 0, 12) == [10 * MS] * 8
    assert rows.mean_ns("cycle", 0, 12) == 10 * MS
    assert rows.mean_ns("predict", 0, 12) == 10 * MS
    assert rows.mean_ns("scored", 0, 12) == (10 + 4 * 2) * MS
    assert rows.mean_ns("request", 0, 12) == (10 + 4 * 1) * MS
    assert rows.end_ns(0) == rows.end_ns(3) == (0 + 10 + 4 * 2) * MS


def test_calls_of_unequal_size_are_weighted_by_their_images() -> None:
    rows = rows_of(call(0, 1), call(10, 4), call(50, 1))

    assert rows.each_ns("cycle", 0, 6) == [10 * MS] * 5
    assert (rows.total_ns("cycle", 0, 6), rows.count("cycle", 0, 6)) == (50 * MS, 5)


def test_a_call_belongs_whole_or_not_at_all() -> None:
    rows = rows_of(call(0, 4), call(40, 4))
    ends = [rows.end_ns(place) for place in range(8)]

    both: tuple[Any, ...] = (rows.start_ns, np.array(rows.start_ns))
    for starts in both:
        assert within(starts, ends.__getitem__, 0, 58 * MS) == (0, 8)
        assert within(starts, ends.__getitem__, 0, 57 * MS) == (0, 4)
        assert within(starts, ends.__getitem__, 1, 58 * MS) == (4, 8)
        assert after_burn_in(starts, ends.__getitem__, 0, 58 * MS, 0, 2) == (4, 8)
        assert cycles_ns(starts, 0, 8) == (40 * MS, 4)
        assert cycles_ns(starts, 0, 4) == (0, 0)


def test_frames_have_the_same_cycles_and_blocks(tmp_path: Path) -> None:
    made = Maker(1).ready().gate_all(2)
    frames: list[Any] = list(made.frames)
    calls = [call(at(2) / MS + 40 * number, 4) for number in range(100)]
    every = [row for its in calls for row in its]
    frames += [
        ev.Samples(0, 0, place, every[place : place + 30]) for place in range(0, len(every), 30)
    ]  # calls are cut

    found = quintet.load(written(tmp_path / "log", frames)).samples

    assert found.cycle.dropna().unique().tolist() == [10.0]
    counts = found[found.counts]
    assert len(counts) % 4 == 0
    assert counts.cycle.isna().sum() == 4  # the last call has no next one


def rate(run: Headless) -> list[float]:
    """Means of a second each: milliseconds an image, from call to call."""
    rows = run.session().lanes[0].rows
    edges = [place for place in range(1, len(rows)) if rows.start_ns[place] != rows.start_ns[place - 1]]
    seconds = [place for number, place in enumerate(edges) if number % 8 == 0]
    return [(rows.mean_ns("cycle", a, b + 1) or math.nan) / MS for a, b in pairwise(seconds)]


@pytest.mark.slow
def test_batch_changes_nothing_where_it_cannot_matter(tmp_path: Path) -> None:
    """A sleeping lane takes as long for each image of a call as for one alone: images a second are the same."""
    found: dict[int, list[float]] = {}
    for batch in (1, 8):
        profile = tmp_path / f"{batch}.toml"
        env = 'env = { QUINTET_SLEEP_MS = "10", QUINTET_SLEEP_SCORE_MS = "0" }'
        profile.write_text(f'[[lane]]\nname = "a"\ntask = "cls"\nbackend = "sleep"\n{env}\n')
        (tmp_path / str(batch)).mkdir()
        run = Headless(profile, tmp_path / str(batch), "--for", "6s", "--set", f"all.batch={batch}")
        assert run.end() == 0
        found[batch] = rate(run)

    one, eight = fmean(found[1]), fmean(found[8])
    assert eight / one == pytest.approx(1, abs=0.03), found
