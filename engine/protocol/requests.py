"""What a client may ask of a session, typed: nothing of a request reaches a function before it was read here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias, Union

import msgspec

MOST_LANES = 16
MOST_LEVELS = 32

Lanes: TypeAlias = Annotated[
    list[Annotated[int, msgspec.Meta(ge=0)]], msgspec.Meta(min_length=1, max_length=MOST_LANES)
]
Name: TypeAlias = Annotated[str, msgspec.Meta(max_length=64)]
LevelName: TypeAlias = Union[Name, int, float]


class Set(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Change these switches' levels in these lanes."""

    lanes: Lanes
    levels: Annotated[dict[Name, LevelName], msgspec.Meta(min_length=1, max_length=MOST_LEVELS)]


class Active(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Let these lanes run and park the others."""

    lanes: Lanes


class Restart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """End these lanes' workers and start new ones."""

    lanes: Lanes


class Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Write a note into the log."""

    text: str


class Stop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """End the session."""


class Pause(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Pause the plan (on), or go on with it."""

    on: bool


class StopPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """End the plan with what it has."""


class _Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", omit_defaults=True):
    """What all plans take. None: the default of the kind; of lanes, all that run."""

    lanes: Lanes | None = None
    minutes: float | None = None
    rounds: int | None = None
    seed: int | None = None

    def given(self) -> dict[str, Any]:
        """What was given but the lanes, by the names of the plan's maker (engine/plan/plan.py)."""
        names = (name for name in self.__struct_fields__ if name != "lanes")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


class Study(_Plan, frozen=True, tag="study"):
    """The modes together and alone; `modes` are all three where they are not given."""

    modes: Annotated[list[Name], msgspec.Meta(max_length=MOST_LEVELS)] | None = None


class _Levels(_Plan, frozen=True):
    switch: Name | None = None
    levels: Annotated[list[LevelName], msgspec.Meta(max_length=MOST_LEVELS)] | None = None


class Ab(_Levels, frozen=True, tag="ab"):
    """Two levels of one switch in the lanes of a regime: `together`, `alone`, or names joined by +."""

    regime: Annotated[str, msgspec.Meta(max_length=1024)] | None = None


class Matrix(_Levels, frozen=True, tag="matrix"):
    """Each lane at a level of its own."""


class Observe(_Plan, frozen=True, tag="observe"):
    """The switch `screen`, on against off."""


Plan: TypeAlias = Union[Study, Ab, Matrix, Observe]
Request: TypeAlias = Union[Set, Active, Restart, Mark, Stop, Study, Ab, Matrix, Observe, Pause, StopPlan]

_TYPES: dict[str, Any] = {
    "set": Set, "active": Active, "restart": Restart, "mark": Mark, "stop": Stop, "plan": Plan, "pause": Pause,
    "stop_plan": StopPlan,
}  # fmt: skip


def parse(what: str, arguments: Mapping[str, Any]) -> Request:
    """The request of an ask. Raises ValueError with one sentence for one that is not known or not well formed."""
    kind = _TYPES.get(what)
    if kind is None:
        raise ValueError(f"A session does not know the request {what[:40]!r}; it knows {', '.join(_TYPES)}.")
    try:
        request: Request = msgspec.convert(arguments, type=kind)
    except msgspec.ValidationError as error:
        raise ValueError(f"The request {what} cannot be used: {error}.") from error
    return request


def plan(arguments: Mapping[str, Any]) -> Plan:
    """A plan's request from its keys; a key that is None is one that is not given. Raises ValueError with one sentence."""
    request = parse("plan", {key: value for key, value in arguments.items() if value is not None})
    assert isinstance(request, _Plan)
    return request
