"""What a newer quintet computes differently from the same log. Pure.

A log holds every image, and every reader works by today's rules, so a report of an older log names each rule that has
changed since. Whoever changes a number adds an entry here.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class RuleChange(NamedTuple):
    """The first version with a rule, and what it changed, in one sentence without a full stop."""

    since: str
    says: str


CHANGES = (
    RuleChange(
        "0.2.0", "a cell's interval and the interval of compare are over batches of neighbouring rounds, or missing"
    ),
    RuleChange("0.2.0", "a cell's mean is over rounds: a second visit in a round no longer counts twice"),
    RuleChange(
        "0.2.0", "drifting is said of rounds that resemble their neighbours, no longer of rounds that alternate"
    ),
    RuleChange("0.2.0", "flips by hand are compared in triples (A B A or B A B), no longer in pairs"),
    RuleChange("0.2.0", "verdicts are judged over all tables of a plan together, no longer table by table"),
    RuleChange(
        "0.2.0", "a call of several images (batch) has one cycle, and each of its images waits for all of its scoring"
    ),
    RuleChange("0.2.0", "a cell's images/s is the mean of its blocks' rates"),
    RuleChange("0.2.0", "the lanes of a plan that lost one are cells of their own"),
    RuleChange("0.2.0", "lanes at a camera's pace have no verdict on images/s and cycle"),
    RuleChange(
        "0.2.0", "an open verdict is unsettled once no more rounds come; an interaction is more or less together"
    ),
)
"""Oldest first."""


def changed_since(version: str) -> list[str]:
    """What has changed for a log that this version of quintet wrote; nothing where the version is not known."""
    wrote = _parts(version)
    return [change.says for change in CHANGES if wrote and _parts(change.since) > wrote]


def _parts(version: str) -> tuple[int, ...]:
    """`0.2.0` as (0, 2, 0); what follows the numbers does not count; empty for what is no version."""
    known = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in known[0].split(".")) if known else ()
