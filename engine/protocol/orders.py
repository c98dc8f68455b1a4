"""What the supervisor sends to a worker."""

from __future__ import annotations

from typing import Any, NamedTuple

from quintet.engine.protocol.events import Levels


class LaneOrder(NamedTuple):
    """First frame to a worker: its lane's number and settings, its switches' levels, and the next free arm and seq."""

    lane: int
    settings: dict[str, Any]
    levels: Levels
    arm: int
    seq: int


class SetOrder(NamedTuple):
    """To a worker: change these levels at the next image's edge."""

    id: int
    levels: Levels


class GateOrder(NamedTuple):
    """To a worker: run (open) or park."""

    id: int
    open: bool


class ValuesOrder(NamedTuple):
    """To a worker: compute accuracy values between images (on), or only before an answer, while a plan measures."""

    on: bool


class StopOrder(NamedTuple):
    """To a worker: send what you have and exit."""

    id: int


TO_WORKER: dict[str, type] = {
    "lane": LaneOrder,
    "set": SetOrder,
    "gate": GateOrder,
    "stop": StopOrder,
    "values": ValuesOrder,
}
