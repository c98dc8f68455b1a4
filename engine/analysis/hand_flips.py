"""Flips by hand: the contrasts of triples of stretches, A B A or B A B, with interval and verdict. Pure."""

from __future__ import annotations

from math import log

from quintet.engine.analysis import paced, verdicts
from quintet.engine.analysis.blocks import RATE
from quintet.engine.analysis.flip_table import lasting, unplanned
from quintet.engine.analysis.verdicts import Contrast, Watch
from quintet.engine.session.session import Session
from quintet.engine.session.settings import RULES, Rules, Setting, Stretch, block_ns, difference, measured


def by_hand(
    session: Session,
    a: Setting,
    b: Setting,
    outcome: str = "predict",
    until_ns: int | None = None,
    rules: Rules = RULES,
) -> dict[int, Contrast]:
    """The contrast of each active lane between two settings that a person flipped between, from triples of stretches.

    A stretch counts when it is a block long after its burn-in, and outside plans. Under 8 triples there is a change and
    no interval; then it is `exploratory`.
    """
    over = session.end is not None and (until_ns is None or until_ns >= session.end.t_ns)
    watch = Watch(verdicts.HAND_TUNED_TO, False, True, rules.margin_pct, outcome == RATE, over=over)
    found = verdicts.table(hand_differences(session, a, b, outcome, until_ns, rules), watch)
    return {
        lane: one._replace(verdict=None, note=paced.NOTE)
        if outcome in paced.CAMERAS and one.verdict and any(paced.is_paced(it.levels(lane)) for it in (a, b))
        else one
        for lane, one in found.items()
    }


def hand_differences(
    session: Session,
    a: Setting,
    b: Setting,
    outcome: str = "predict",
    until_ns: int | None = None,
    rules: Rules = RULES,
) -> dict[int, list[float]]:
    """Each active lane's d, one a triple of stretches (A B A or B A B): the middle one's log mean against the mean of its
    neighbours', as B against A. Raises ValueError for settings that no flip of one switch joins."""
    until = session.last_ns if until_ns is None else until_ns
    if difference(a, b) is None:
        raise ValueError("these settings differ in more than one switch, or in their lanes")
    differences: dict[int, list[float]] = {lane: [] for lane in a.lanes}
    for triple in _triples(session, a, b, until, rules):
        sign = 1 if triple[1].setting == b else -1
        for lane in a.lanes:
            before, middle, after = (_stretch_mean(session, lane, one, outcome, until, rules) for one in triple)
            if before and middle and after:
                differences[lane].append(sign * (log(middle) - (log(before) + log(after)) / 2))
    return differences


def _triples(
    session: Session, a: Setting, b: Setting, until: int, rules: Rules
) -> list[tuple[Stretch, Stretch, Stretch]]:
    """Three stretches that follow one another, A B A or B A B, none used twice: what drifts in a straight line moves the
    middle as far as the mean of its neighbours, and triples without a stretch in common are independent."""
    known = lasting(session, until, rules)
    ours = {stretch.begin_ns for stretch in unplanned(session, until, rules)}
    fits = [
        stretch.setting in (a, b) and stretch.begin_ns in ours and _long(session, stretch, until, rules)
        for stretch in known
    ]
    found: list[tuple[Stretch, Stretch, Stretch]] = []
    place = 0
    while place + 2 < len(known):
        one, middle, other = known[place : place + 3]
        triple = all(fits[place : place + 3]) and one.setting == other.setting != middle.setting
        if triple:
            found.append((one, middle, other))
        place += 3 if triple else 1
    return found


def _long(session: Session, stretch: Stretch, until: int, rules: Rules) -> bool:
    end = until if stretch.end_ns is None else stretch.end_ns
    return end - stretch.begin_ns >= block_ns(session, stretch, until, rules)


def _stretch_mean(
    session: Session, lane: int, stretch: Stretch, outcome: str, until: int, rules: Rules
) -> float | None:
    rows = session.lanes[lane].rows
    mean = rows.mean_ns("cycle" if outcome == RATE else outcome, *measured(session.lanes[lane], stretch, until, rules))
    return 1e9 / mean if mean and outcome == RATE else mean
