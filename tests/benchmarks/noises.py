"""Other people's noise: what machines do to a lane's time beside what is compared. Each is a function of a random
generator, lanes and steps, and gives the log noise of every lane in every step of STEP_S seconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

STEP_S = 0.5
SD = 0.03
"""Of a block's mean, where a noise has one size: plans.ASSUMED_SD."""
BLOCK_STEPS = 8
"""Steps in the measured part of a block, 4 s."""

Array: TypeAlias = "NDArray[np.floating[Any]]"
Draw: TypeAlias = "Callable[[np.random.Generator, int, int], Array]"


def white(rng: np.random.Generator, lanes: int, steps: int, sd: float = SD) -> Array:
    """Independent from block to block and lane to lane; sd of a block's mean."""
    return rng.normal(0, sd * BLOCK_STEPS**0.5, (lanes, steps))


def remembers(seconds: float) -> Draw:
    """AR(1) of the whole machine with this memory, and 1 % of a lane's own."""

    def draw(rng: np.random.Generator, lanes: int, steps: int) -> Array:
        return _ar1(rng, steps, seconds / STEP_S, SD) + white(rng, lanes, steps, 0.01)

    return draw


def _ar1(rng: np.random.Generator, steps: int, memory: float, sd: float) -> Array:
    keeps = np.exp(-1 / memory)
    pushes = rng.normal(0, sd * np.sqrt(1 - keeps**2), steps)
    pushes[0] = rng.normal(0, sd)
    found: Any = lfilter([1.0], [1.0, -keeps], pushes)
    return np.asarray(found, dtype=float)


def ramp(rng: np.random.Generator, lanes: int, steps: int) -> Array:
    """Slower in a straight line, 2 % a minute, and 0.5 % of a lane's own."""
    return 0.02 * np.arange(steps) * STEP_S / 60 + white(rng, lanes, steps, 0.005)


def thermal(rng: np.random.Generator, lanes: int, steps: int) -> Array:
    """Slower by 8 % as the machine warms, with a time constant of a minute."""
    return 0.08 * (1 - np.exp(-np.arange(steps) * STEP_S / 60)) + white(rng, lanes, steps, 0.02)


def bursts(rng: np.random.Generator, lanes: int, steps: int) -> Array:
    """Something else runs once a minute in the mean, for 5 s: 20 % slower."""
    busy = np.convolve(rng.random(steps) < STEP_S / 60, np.ones(round(5 / STEP_S)))[:steps] > 0
    return 0.2 * busy + white(rng, lanes, steps, 0.015)


def clocks(rng: np.random.Generator, lanes: int, steps: int) -> Array:
    """Two clock rates, 6 % apart, that change every 90 s in the mean."""
    changes = np.cumsum(rng.random(steps) < STEP_S / 90) + rng.integers(0, 2)
    level: Array = SD * (2.0 * (changes % 2) - 1)
    return level + white(rng, lanes, steps, 0.01)


def tails(rng: np.random.Generator, lanes: int, steps: int) -> Array:
    """Student's t with two degrees of freedom: no variance at all."""
    noise: Array = rng.standard_t(2, (lanes, steps))
    return 0.03 * noise


def alike(rng: np.random.Generator, lanes: int, steps: int) -> Array:
    """Independent in time; nine tenths of the variance are common to all lanes."""
    found: Array = 0.9**0.5 * white(rng, 1, steps) + 0.1**0.5 * white(rng, lanes, steps)
    return found


IMAGES, IMAGES_A_STEP, IMAGE_MEMORY, IMAGE_SD = 500, 10, 100, 0.1


def stream(rng: np.random.Generator, lanes: int, steps: int) -> Array:
    """A data set of 500 images at 20 a second, over and over: each image resembles its neighbours (10 %, a memory of 100
    images). Every session has the same images, and 1 % of noise of a lane's own."""
    fixed = np.random.default_rng(500)
    each = np.stack([_ar1(fixed, IMAGES, IMAGE_MEMORY, IMAGE_SD) for _ in range(lanes)])
    by_step: Array = each.reshape(lanes, IMAGES // IMAGES_A_STEP, IMAGES_A_STEP).mean(axis=2)
    again: Array = by_step[:, np.arange(steps) % by_step.shape[1]]
    return again + white(rng, lanes, steps, 0.01)


NOISES: dict[str, Draw] = {
    "independent, 3 %": white, "AR(1), 5 s": remembers(5), "AR(1), 20 s": remembers(20), "AR(1), 60 s": remembers(60),
    "linear drift": ramp, "thermal drift": thermal, "bursts": bursts, "clocks, every 90 s": clocks, "heavy tails": tails,
    "lanes alike": alike, "image stream": stream,
}  # fmt: skip
