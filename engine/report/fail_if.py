"""`--fail-if "accuracy_off.together.detect > 10"`: a limit on one contrast, held against its interval. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from quintet.engine.analysis.blocks import BLOCK_OUTCOMES
from quintet.engine.analysis.contrasts import recipes
from quintet.engine.analysis.formatting import change, interval
from quintet.engine.analysis.verdicts import PLACEBO, Contrast
from quintet.engine.errors import BadInput
from quintet.engine.report.findings import Findings

_FORM = re.compile(r"\s*(?P<what>[^<>]+?)\s*(?P<sign>[<>])\s*(?P<number>[+-]?(\d+(\.\d*)?|\.\d+))\s*%?\s*")


class Limit(NamedTuple):
    """One expression: what is compared, `<` or `>`, and with what, in percent."""

    text: str
    what: str
    sign: str
    number: float


class Judged(NamedTuple):
    """Whether a limit holds; None where there is no interval to tell. `says` is one sentence."""

    holds: bool | None
    says: str


def limit(text: str) -> Limit:
    """The limit of an expression. Raises BadInput."""
    form = _FORM.fullmatch(text.replace("−", "-"))
    if form is None:
        raise BadInput(f'--fail-if "{text}": write TABLE.LANE > NUMBER, as in "accuracy_off.together.detect > 10".')
    return Limit(text, form["what"], form["sign"], float(form["number"]))


def judge(found: Findings, one: Limit) -> Judged:
    """Hold a limit against its contrast's interval: `>` against the lower end, `<` against the upper.

    Raises BadInput for a table, a lane or an outcome that there is none.
    """
    contrast, outcome = _contrast(found, one)
    where = f"{one.what} ({outcome})" if not one.what.endswith(f".{outcome}") else one.what
    if contrast is None or contrast.low_pct is None or contrast.high_pct is None:
        why = contrast.note if contrast is not None and contrast.note else "no round has it"
        return Judged(None, f"{where} has no interval ({why}), so nothing can be said of {one.sign} {one.number:g} %.")
    holds = contrast.low_pct > one.number if one.sign == ">" else contrast.high_pct < one.number
    doubt = (
        ", but the placebo moved"
        if contrast.note == PLACEBO
        else f", but it is {contrast.note}"
        if contrast.note
        else ""
    )
    told = f"{change(contrast.change_pct, contrast)} % ({interval(contrast)})"
    return Judged(
        holds, f"{where} is {told}{doubt}: {one.sign} {one.number:g} % {'holds' if holds else 'does not hold'}."
    )


def _contrast(found: Findings, one: Limit) -> tuple[Contrast | None, str]:
    tables = _tables(found)
    if not tables:
        raise BadInput(f'--fail-if "{one.text}": this log has no comparison; run `quintet ab` or `quintet study`.')
    name = max((name for name in tables if one.what.startswith(f"{name}.")), key=len, default=None)
    if name is None:
        raise BadInput(f'--fail-if "{one.text}": there is no such table; there are {", ".join(tables)}.')
    lane, outcome = one.what[len(name) + 1 :], found.outcome
    if lane not in found.names and lane.rpartition(".")[2] in BLOCK_OUTCOMES:
        lane, _, outcome = lane.rpartition(".")
    if lane not in found.names:
        raise BadInput(f'--fail-if "{one.text}": there is no lane {lane!r}; there are {", ".join(found.names)}.')
    if outcome not in found.outcomes:
        raise BadInput(f'--fail-if "{one.text}": {outcome} is not told here; there are {", ".join(found.outcomes)}.')
    return _found(found, name, found.names.index(lane), outcome), outcome


def _tables(found: Findings) -> list[str]:
    """The tables that are there, and those that the session's plans were to fill."""
    names: dict[str, None] = {}
    for plan in found.plans:
        its = plan.run.plan
        if plan.kind != "matrix":
            names.update(dict.fromkeys(recipes(its.kind, its.switch, its.levels, its.names)))
        names.update(dict.fromkeys(name for outcome in found.outcomes for name in plan.contrasts(found.names, outcome)))
    return list(names | dict.fromkeys(hand.name for hand in found.hand))


def _found(found: Findings, name: str, lane: int, outcome: str) -> Contrast | None:
    for plan in found.plans:
        its = plan.contrasts(found.names, outcome).get(name)
        if its is not None:
            return its.get(lane)
    for hand in found.hand:
        if hand.name == name:
            contrast = next((row.contrast for row in hand.rows.get(outcome, ()) if row.lane == lane), None)
            if contrast is not None:
                return contrast
    return None
