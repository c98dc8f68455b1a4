"""How well a session knows the mean of one of its cells, although neighbouring rounds resemble each other. Pure.

Blocks that are close in time share heat, clocks and whatever else runs. Their scatter then hides how far the whole session
may be off. So neighbouring rounds are averaged into batches that are long against that memory, and the batches are counted
as independent values; where fewer than five remain there is no interval (docs/decisions/018).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from itertools import pairwise
from math import ceil, log, sqrt
from operator import mul
from statistics import fmean
from typing import NamedTuple

LEAST_BATCHES = 5
LONG = 2.5
"""A batch is so many times as long as the memory: batches of one length still resemble each other."""


class BlockValue(NamedTuple):
    """One block of a lane: its place among the session's blocks, its round, its cell, and an outcome's mean, above 0."""

    place: int
    round: Hashable
    cell: Hashable
    value: float


def by_round(blocks: Iterable[BlockValue], cell: Hashable) -> list[float]:
    """The cell's value in each round that has it, in order: the mean of its blocks there (a placebo makes them two)."""
    found: dict[Hashable, list[float]] = {}
    for block in blocks:
        if block.cell == cell:
            found.setdefault(block.round, []).append(block.value)
    return [fmean(its) for its in found.values()]


def memory(blocks: Sequence[BlockValue]) -> int:
    """How many blocks apart two blocks of a lane first no longer resemble each other, at least 1.

    That is the first lag at which the autocorrelation of their logs, each less its cell's mean, is below 1 / sqrt(pairs)
    once its bias of -1 / n is out. A lag without pairs (the lane was parked) is passed over. Beyond 8 the lags are tried in
    steps of an eighth; from a quarter of all on the answer does not matter any more.
    """
    off = _residuals(blocks)
    total = sum(map(mul, off.values(), off.values()))
    span = blocks[-1].place - blocks[0].place + 1
    lag = 1
    while total > 0 and lag < span / 4:
        products = [one * off[place + lag] for place, one in off.items() if place + lag in off]
        if products and fmean(products) * len(off) / total + 1 / len(off) < 1 / sqrt(len(products)):
            break
        lag += max(1, lag // 8)
    return lag


def _residuals(blocks: Sequence[BlockValue]) -> dict[int, float]:
    """The log of each block's value less the mean of its cell's, by place."""
    logs: dict[Hashable, list[float]] = {}
    for block in blocks:
        logs.setdefault(block.cell, []).append(log(block.value))
    means = {cell: fmean(its) for cell, its in logs.items()}
    return {block.place: log(block.value) - means[block.cell] for block in blocks}


def rounds_a_batch(blocks: Sequence[BlockValue]) -> int:
    """How many neighbouring rounds of a lane's blocks make one batch: LONG times its memory, one without any."""
    lag = memory(blocks)
    rounds = len({block.round for block in blocks})
    span = blocks[-1].place - blocks[0].place + 1
    return 1 if lag == 1 else ceil(LONG * lag * rounds / span)


def batched(values: Sequence[float], length: int) -> list[float] | None:
    """The means of batches of neighbouring values, each of `length` or a little more; None for fewer than five."""
    n, batches = len(values), len(values) // length
    if batches < LEAST_BATCHES:
        return None
    edges = [place * n // batches for place in range(batches + 1)]
    return [fmean(values[begin:end]) for begin, end in pairwise(edges)]
