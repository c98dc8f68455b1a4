"""What a client (a screen, or a command such as `quintet stop`) and the supervisor say to each other."""

from __future__ import annotations

from typing import Any, NamedTuple


class Hello(NamedTuple):
    """From a client, first: what it is. A screen has columns and rows above 0.

    `ssh`, whether it is painted over ssh, is reserved: nothing reads it yet.
    """

    format: int
    pid: int
    kind: str
    columns: int
    rows: int
    ssh: bool


class Beat(NamedTuple):
    """From a screen, once a second: its own cost since it began."""

    cpu_ns: int
    bytes: int
    frames: int


class Ask(NamedTuple):
    """From a client: `set` {lanes, levels}, `active` {lanes}, `restart` {lanes}, `mark` {text} or `stop` {}."""

    id: int
    what: str
    arguments: dict[str, Any]


class Welcome(NamedTuple):
    """To a client whose hello was taken."""

    format: int
    journal: str


class Refused(NamedTuple):
    """To a client whose hello was not taken; the connection ends."""

    text: str


class ScreenOrder(NamedTuple):
    """To a screen: read, fold and paint, or do none of it until told otherwise."""

    on: bool


class Reply(NamedTuple):
    """To a client, one an ask: `done` (taken; what lanes answer is in the journal) or `refused` with a sentence."""

    id: int
    outcome: str
    text: str


FROM_CLIENT: dict[str, type] = {"hello": Hello, "beat": Beat, "ask": Ask}
TO_CLIENT: dict[str, type] = {"welcome": Welcome, "refused": Refused, "reply": Reply, "screen": ScreenOrder}
