"""Plans: which cells are visited, in which order, for how long, and what that buys. Pure: everything follows from the seed.

A round visits every cell of a plan once: its regimes in random order, inside each regime its levels in random order, so
that cells which are contrasted are neighbours in time. stepping.py carries a plan out.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import sqrt
from typing import Any, NamedTuple, TypeAlias

from quintet.engine.analysis.statistics import LIVE_FROM, MEANS_ONLY, t_quantile
from quintet.engine.protocol import switches
from quintet.engine.protocol.events import WHOLE_MOST
from quintet.engine.protocol.plan_messages import BlockCell, PlanDescription, RegimeDescription, wire
from quintet.engine.protocol.switches import Level
from quintet.engine.session.settings import BLOCK_IMAGES, BLOCK_MOST_NS, BLOCK_NS, BURN_IN_IMAGES, BURN_IN_NS

KINDS = ("study", "ab", "matrix", "observe")
LEAST_IMAGES = 8
"""Never fewer images than this in a measured part, however slow they are."""
ASSUMED_SD = 0.03
"""Of the difference of two neighbouring blocks' log means, before anything is measured: the simulated machine's."""
MOST_ROUNDS, MOST_MINUTES = 100_000, 30 * 24 * 60
"""A longer plan is a slip of the hand: 100,000 rounds of two blocks take more than ten days."""
MINUTES = {"study": 15.0, "ab": 5.0, "matrix": 6.0, "observe": 5.0}
SCREEN = "screen"
"""The switch of `observe`."""
CALIBRATION_ROUND = -1

LaneLevels: TypeAlias = "tuple[tuple[int, Level], ...]"
"""(lane, level of the plan's switch), lanes in order."""


class Regime(NamedTuple):
    """Which lanes are active: `together` (all of the plan's), `alone` (one), or names joined by +."""

    name: str
    lanes: tuple[int, ...]


class Length(NamedTuple):
    """How long a block of a regime is: first the burn-in, then the measured part; settle is about how long lanes take
    to acknowledge before it."""

    burn_in_ns: int
    measured_ns: int
    settle_ns: int

    @property
    def whole_ns(self) -> int:
        """From the commands to the block's end."""
        return self.burn_in_ns + self.measured_ns + self.settle_ns


class Visit(NamedTuple):
    """One block to be: its regime's place in the plan and its lanes' levels."""

    round: int
    regime: int
    levels: LaneLevels
    placebo: bool = False


class Plan(NamedTuple):
    """What a plan does. `lengths` is empty and `rounds` may be None until its calibration has fixed them."""

    kind: str
    seed: int
    switch: str
    levels: tuple[Level, ...]
    names: tuple[str, ...]
    """The names of all lanes of the session, by number."""
    lanes: tuple[int, ...]
    regimes: tuple[Regime, ...]
    placebo_every: int
    """A placebo visit in every so many rounds."""
    minutes: float | None
    rounds: int | None
    lengths: tuple[Length, ...] = ()


def study(
    names: Sequence[str],
    lanes: Sequence[int] | None = None,
    modes: Sequence[str] = tuple(switches.MODES),
    minutes: float | None = None,
    rounds: int | None = None,
    seed: int = 0,
) -> Plan:
    """The study: every mode together and every lane alone. `together` is the plan's lanes.

    names are of all lanes of the session by number, lanes the numbers of those that can run (None: all). Give minutes or
    rounds, or neither (MINUTES). Raises ValueError with one sentence.
    """
    chosen = _lanes(names, lanes)
    regimes = [Regime("together", chosen)] if len(chosen) > 1 else []
    regimes += [Regime("alone", (lane,)) for lane in chosen]
    levels = _levels("mode", modes, at_least=1)
    return _plan("study", seed, "mode", levels, names, chosen, regimes, 1, minutes, rounds)


def ab(
    names: Sequence[str],
    lanes: Sequence[int] | None = None,
    switch: str = "mode",
    levels: Sequence[Level] = ("validation", "withoutval"),
    regime: str = "together",
    minutes: float | None = None,
    rounds: int | None = None,
    seed: int = 0,
) -> Plan:
    """One switch, level A against B, in all active lanes. regime: `together`, `alone` (each lane in turn), or lanes'
    names joined by +. Arguments else as for `study`. Raises ValueError with one sentence."""
    chosen = _lanes(names, lanes)
    regimes = _regimes(names, chosen, regime)
    active = tuple(sorted({lane for one in regimes for lane in one.lanes}))
    return _plan("ab", seed, switch, _two(switch, levels), names, active, regimes, 2, minutes, rounds)


def matrix(
    names: Sequence[str],
    lanes: Sequence[int] | None = None,
    switch: str = "mode",
    levels: Sequence[Level] = ("validation", "withoutval"),
    minutes: float | None = None,
    rounds: int | None = None,
    seed: int = 0,
) -> Plan:
    """Whose switch slows whom: together, each lane at its own level. Arguments as for `ab`. A round is all rows of a
    Hadamard matrix, each with its complement. Raises ValueError with one sentence."""
    chosen = _lanes(names, lanes)
    if len(chosen) < 2:
        raise ValueError("A matrix needs two lanes at least; with one lane use ab")
    regimes = [Regime("together", chosen)]
    return _plan("matrix", seed, switch, _two(switch, levels), names, chosen, regimes, 1, minutes, rounds)


def observe(
    names: Sequence[str],
    lanes: Sequence[int] | None = None,
    minutes: float | None = None,
    rounds: int | None = None,
    seed: int = 0,
) -> Plan:
    """The monitor's own effect: `ab` on the switch `screen`, on against off, together."""
    chosen = _lanes(names, lanes)
    regimes = _regimes(names, chosen, "together")
    return _plan("observe", seed, SCREEN, ("on", "off"), names, chosen, regimes, 2, minutes, rounds)


def _plan(
    kind: str, seed: int, switch: str, levels: tuple[Level, ...], names: Sequence[str], lanes: tuple[int, ...],
    regimes: list[Regime], placebo_every: int, minutes: float | None, rounds: int | None,
) -> Plan:  # fmt: skip
    """With rounds the minutes do not count. Raises ValueError for what no plan can be."""
    if rounds is not None and not 1 <= rounds <= MOST_ROUNDS:
        raise ValueError(f"A plan has 1 to {MOST_ROUNDS} rounds, not {rounds}")
    if minutes is not None and not 0 < minutes <= MOST_MINUTES:
        raise ValueError(f"A plan has more than 0 minutes and at most {MOST_MINUTES} (30 days), not {minutes:g}")
    if not 0 <= seed <= WHOLE_MOST:
        raise ValueError(f"A plan's seed is a whole number from 0 to {WHOLE_MOST}, not {seed}")
    if rounds is not None:
        minutes = None
    elif minutes is None:
        minutes = MINUTES[kind]
    return Plan(kind, seed, switch, levels, tuple(names), lanes, tuple(regimes), placebo_every, minutes, rounds)


def _lanes(names: Sequence[str], lanes: Sequence[int] | None) -> tuple[int, ...]:
    chosen = tuple(sorted(set(range(len(names)) if lanes is None else lanes)))
    if not chosen or not all(0 <= lane < len(names) for lane in chosen):
        raise ValueError("A plan needs at least one existing lane")
    return chosen


def _regimes(names: Sequence[str], lanes: tuple[int, ...], regime: str) -> list[Regime]:
    if regime == "alone" or (regime == "together" and len(lanes) == 1):
        return [Regime("alone", (lane,)) for lane in lanes]
    if regime == "together":
        return [Regime("together", lanes)]
    asked = regime.split("+")
    numbers = {names[lane]: lane for lane in lanes}
    for name in asked:
        if name not in numbers:
            raise ValueError(f"There is no lane {name!r} for a regime; use together, alone or {', '.join(numbers)}")
    chosen = tuple(sorted({numbers[name] for name in asked}))
    if len(chosen) == 1:
        return [Regime("alone", chosen)]
    return [Regime("together" if chosen == lanes else "+".join(names[lane] for lane in chosen), chosen)]


def _levels(switch: str, asked: Sequence[Level], at_least: int) -> tuple[Level, ...]:
    """The levels as the switch knows them. Raises ValueError, also for one that is asked for twice."""
    start = switches.starting_levels(1)
    known = tuple(dict.fromkeys(switches.changed(start, {switch: level})[switch] for level in asked))
    wanted = max(at_least, len(asked))
    if len(known) < wanted:
        raise ValueError(f"{switch} needs {wanted} different levels to compare, not {', '.join(map(str, asked))}")
    return known


def _two(switch: str, asked: Sequence[Level]) -> tuple[Level, ...]:
    if switch != "mode":
        switches.live(switch)
    if len(asked) != 2:
        raise ValueError(f"{switch} is compared at two levels, A and B, not {len(asked)}")
    return _levels(switch, asked, at_least=2)


def visits(plan: Plan, round_number: int) -> list[Visit]:
    """The visits of one round in order, from the plan's seed and the round's number alone.

    The placebo is a second visit, directly after the first, of a random cell of `together` (else of a random regime):
    there every lane gets a pair at once.
    """
    rng = random.Random(f"{plan.seed}/{plan.kind}/{round_number}")
    found: list[Visit] = []
    regimes = list(range(len(plan.regimes)))
    rng.shuffle(regimes)
    for regime in regimes:
        lanes = plan.regimes[regime].lanes
        if plan.kind == "matrix":
            rows = _foldover(len(lanes), rng)
            found += [Visit(round_number, regime, _signed(plan, lanes, row)) for row in rows]
            continue
        levels = list(plan.levels)
        rng.shuffle(levels)
        found += [Visit(round_number, regime, tuple((lane, level) for lane in lanes)) for level in levels]
    if round_number % plan.placebo_every == 0:
        wide = [place for place, visit in enumerate(found) if len(plan.regimes[visit.regime].lanes) > 1]
        place = rng.choice(wide or list(range(len(found))))
        found.insert(place + 1, found[place]._replace(placebo=True))
    return found


def _signed(plan: Plan, lanes: tuple[int, ...], row: tuple[int, ...]) -> LaneLevels:
    """A sign of +1 is the second level."""
    return tuple((lane, plan.levels[sign > 0]) for lane, sign in zip(lanes, row, strict=True))


def _foldover(factors: int, rng: random.Random) -> list[tuple[int, ...]]:
    """All rows of a Hadamard matrix for so many factors, in random order, each next to its complement in random order.

    Sylvester's matrix H[i][j] = (-1)^popcount(i and j), its column of ones left out; columns and their signs are drawn
    anew. Two-lane interactions cancel in the difference of a row and its complement (Box & Wilson's fold-over).
    """
    order = 2
    while order <= factors:
        order *= 2
    columns = rng.sample(range(1, order), factors)
    signs = [rng.choice((-1, 1)) for _ in columns]
    rows = list(range(order))
    rng.shuffle(rows)
    found: list[tuple[int, ...]] = []
    for row in rows:
        one = tuple(sign * (-1) ** bin(row & column).count("1") for sign, column in zip(signs, columns, strict=True))
        pair = [one, tuple(-sign for sign in one)]
        rng.shuffle(pair)
        found += pair
    return found


def calibration(plan: Plan) -> list[Visit]:
    """The visits before round 0 that measure each regime's rates: both levels of a two-level plan with few regimes, else
    one level a regime (`validation` where it is there: it is the slowest)."""
    found = []
    for regime, (_, lanes) in enumerate(plan.regimes):
        levels: tuple[Level, ...] = plan.levels
        if len(plan.regimes) > 1 or len(plan.levels) > 2:
            levels = ("validation",) if "validation" in plan.levels else plan.levels[:1]
        found += [Visit(CALIBRATION_ROUND, regime, tuple((lane, level) for lane in lanes)) for level in levels]
    return found


def length(slowest_cycle_ns: float) -> Length:
    """A block's length from the mean cycle of the regime's slowest lane: measured max(4 s, 30 images), at most 20 s but
    never under 8 images; a burn-in of max(1 s, 5 images) before it."""
    images = round(slowest_cycle_ns)
    measured = max(LEAST_IMAGES * images, min(BLOCK_MOST_NS, max(BLOCK_NS, BLOCK_IMAGES * images)))
    return Length(max(BURN_IN_NS, BURN_IN_IMAGES * images), measured, images)


def fixed(plan: Plan, slowest_cycles_ns: Sequence[float], left_ns: int | None = None) -> Plan:
    """The plan with its lengths, from the mean cycle of the slowest lane of each regime, and its number of rounds: as
    asked, else what fits into left_ns (of its minutes, by default all), one at least."""
    lengths = tuple(length(cycle) for cycle in slowest_cycles_ns)
    known = plan._replace(lengths=lengths)
    if plan.rounds is not None:
        return known
    left = round((plan.minutes or 0) * 60e9) if left_ns is None else left_ns
    return known._replace(rounds=max(1, int(left // round_ns(known))))


def round_ns(plan: Plan) -> float:
    """About how long a round takes, placebo visits spread over the rounds."""
    lengths = plan.lengths or tuple(length(0) for _ in plan.regimes)
    one = visits(plan, 1)
    total = float(sum(lengths[visit.regime].whole_ns for visit in one if not visit.placebo))
    wide = max(range(len(lengths)), key=lambda regime: len(plan.regimes[regime].lanes))
    return total + lengths[wide].whole_ns / plan.placebo_every


def about_pct(rounds: int, sd: float = ASSUMED_SD) -> float:
    """About the half-width, in percent, of a planned 95 % interval after so many rounds; sd is of a round's difference."""
    return 100 * t_quantile(0.975, rounds - 1) * sd / sqrt(rounds)


def buys(plan: Plan) -> str:
    """What the plan's time buys, in one line, as far as known: `6 min = 3 rounds: means only; 8 rounds need ...`."""
    each_ns = round_ns(plan)
    rounds = plan.rounds if plan.rounds is not None else max(1, int((plan.minutes or 0) * 60e9 // each_ns))
    minutes = plan.minutes if plan.minutes is not None else rounds * each_ns / 60e9
    head = f"{_minutes(minutes)} = {rounds} round{'s' * (rounds != 1)}: "
    if plan.kind == "matrix":
        pairs = sum(not visit.placebo for visit in visits(plan, 1)) // 2
        return head + f"{rounds * pairs} pairs for {len(plan.lanes) ** 2} effects"
    if rounds >= MEANS_ONLY:
        return head + f"about ±{about_pct(rounds):.1f} %"
    needed = _minutes(LIVE_FROM * each_ns / 60e9)
    return head + f"means only; {LIVE_FROM} rounds need {needed}, about ±{about_pct(LIVE_FROM):.1f} %"


def _minutes(minutes: float) -> str:
    return f"{minutes:.0f} min" if minutes >= 9.95 else f"{round(minutes, 1):g} min"


def description(plan: Plan, over: str = "") -> PlanDescription:
    """What a log says of a plan in one of its states: `calibrating` (its rates are not known), `fixed`, `over`.

    The last one in a log holds. `over` is why it ended: `planned`, `stopped` or `lanes`, the only proof that the planned
    end was reached; empty before.
    """
    lengths = [one._asdict() for one in plan.lengths] or [{} for _ in plan.regimes]
    return PlanDescription(
        kind=plan.kind,  # type: ignore[arg-type]  # one of KINDS
        seed=plan.seed,
        switch=plan.switch,
        levels=plan.levels,
        lanes=plan.lanes,
        regimes=tuple(
            RegimeDescription(regime.name, regime.lanes, **known)
            for regime, known in zip(plan.regimes, lengths, strict=True)
        ),
        placebo_every=plan.placebo_every,
        minutes=plan.minutes,
        rounds=plan.rounds,
        round_ns=round(round_ns(plan)),
        buys=buys(plan),
        state="over" if over else "fixed" if plan.lengths else "calibrating",
        reason=over,
    )


def describe(plan: Plan, over: str = "") -> dict[str, Any]:
    """The description as the plain map of `Command.what = {"plan": ...}`."""
    return wire(description(plan, over))


def cell_of(plan: Plan, visit: Visit, lanes: tuple[int, ...]) -> dict[str, Any]:
    """A block's `cell` as a plain map, with these lanes left; a matrix has one level a lane."""
    regime = plan.regimes[visit.regime]
    levels = tuple(level for lane, level in visit.levels if lane in lanes)
    name = regime.name if regime.name in ("together", "alone") else "+".join(plan.names[lane] for lane in lanes)
    return wire(BlockCell(name, lanes, {plan.switch: levels if plan.kind == "matrix" else levels[0]}))
