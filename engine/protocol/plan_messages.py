"""What a plan says of itself in a log: its description in a `command` event, and the cell of a block.

The structs have the keys of the maps in the log, in the same order. `plans.description` and `plans.cell` make them,
`wire` turns them into what is written, `told_plan` and `told_cell` read that back; readers use attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias, Union

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from quintet.engine.protocol.events import WHOLE_MOST

MOST_LANES = 64
"""A log with more lanes than this is not one of ours: a profile has at most 16."""
TIME_MOST = 2**62

Word: TypeAlias = Annotated[str, Meta(max_length=512)]
Text: TypeAlias = Annotated[str, Meta(max_length=4096)]
RegimeName: TypeAlias = Annotated[str, Meta(min_length=1, max_length=32 * MOST_LANES)]
Nanoseconds: TypeAlias = Annotated[int, Meta(ge=0, le=TIME_MOST)]
LaneNumber: TypeAlias = Annotated[int, Meta(ge=0, lt=MOST_LANES)]
SomeLanes: TypeAlias = Annotated[tuple[LaneNumber, ...], Meta(min_length=1, max_length=MOST_LANES)]
ToldLevel: TypeAlias = Union[Word, int, float, None]
SomeLevels: TypeAlias = Annotated[tuple[ToldLevel, ...], Meta(min_length=1, max_length=MOST_LANES)]


class RegimeDescription(Struct, frozen=True):
    """A regime of a plan: its name, its lanes and, once they are fixed, how long its blocks are."""

    name: RegimeName
    lanes: SomeLanes
    burn_in_ns: Nanoseconds | UnsetType = UNSET
    measured_ns: Nanoseconds | UnsetType = UNSET
    settle_ns: Nanoseconds | UnsetType = UNSET

    @property
    def span_ns(self) -> tuple[int, int] | None:
        """The burn-in and the measured part of its blocks; None while they are not fixed."""
        if isinstance(self.burn_in_ns, UnsetType) or isinstance(self.measured_ns, UnsetType):
            return None
        return self.burn_in_ns, self.measured_ns


class PlanDescription(Struct, frozen=True):
    """A plan as a log describes it; docs/journal.md explains the keys.

    `state` is `calibrating`, `fixed` or `over`; `reason` is empty until it is over, then `planned`, `stopped` or `lanes`.
    """

    kind: Literal["study", "ab", "matrix", "observe"]
    seed: Annotated[int, Meta(ge=0, le=WHOLE_MOST)]
    switch: Word
    levels: SomeLevels
    lanes: SomeLanes
    regimes: Annotated[tuple[RegimeDescription, ...], Meta(min_length=1, max_length=MOST_LANES + 1)]
    placebo_every: Annotated[int, Meta(ge=1, le=WHOLE_MOST)]
    minutes: Annotated[float, Meta(ge=0, le=1e9)] | None
    rounds: Annotated[int, Meta(ge=0, le=10_000_000)] | None
    round_ns: Nanoseconds
    buys: Text = ""
    state: Word = "fixed"
    reason: Word = ""

    def __post_init__(self) -> None:
        """Raises ValueError for levels that cannot be compared."""
        if len(set(self.levels)) < len(self.levels):
            raise ValueError("a plan's levels must differ")
        if self.kind != "study" and len(self.levels) != 2:
            raise ValueError(f"a plan of kind {self.kind} has two levels")

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.state == "over"

    @property
    def pair(self) -> tuple[ToldLevel, ToldLevel]:
        """Its two levels; ("", "") for a study, which has its own."""
        return (self.levels[0], self.levels[1]) if self.kind != "study" else ("", "")

    @property
    def whole_regimes(self) -> tuple[tuple[int, ...], ...]:
        """The lanes of each regime."""
        return tuple(regime.lanes for regime in self.regimes)

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each regime; several may be called `alone`."""
        return tuple(regime.name for regime in self.regimes)


class BlockCell(Struct, frozen=True):
    """The cell of a planned block: its regime, the active lanes, and the level of the plan's switch."""

    regime: RegimeName
    lanes: SomeLanes
    levels: Annotated[dict[Word, Union[ToldLevel, SomeLevels]], Meta(min_length=1, max_length=1)]

    def __post_init__(self) -> None:
        """Raises ValueError for lanes named twice, or for levels that are not one a lane."""
        if len(set(self.lanes)) < len(self.lanes):
            raise ValueError("a cell names each lane once")
        if isinstance(self.level, tuple) and len(self.level) != len(self.lanes):
            raise ValueError("a cell has one level, or one a lane")

    @property
    def level(self) -> ToldLevel | tuple[ToldLevel, ...]:
        """The level of the plan's switch; of a matrix one a lane."""
        return next(iter(self.levels.values()))


def told_plan(what: Mapping[str, Any]) -> PlanDescription:
    """The description in a `plan` command. Raises ValueError."""
    return msgspec.convert(what["plan"], PlanDescription)


def told_cell(cell: Mapping[str, Any]) -> BlockCell:
    """A block's cell. Raises ValueError."""
    return msgspec.convert(cell, BlockCell)


def wire(message: PlanDescription | BlockCell) -> dict[str, Any]:
    """The plain map that is written to a log: lists in place of tuples, and no key that is not known yet."""
    plain: dict[str, Any] = _with_lists(msgspec.to_builtins(message))
    return plain


def _with_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_lists(one) for key, one in value.items()}
    return [_with_lists(one) for one in value] if isinstance(value, (list, tuple)) else value
