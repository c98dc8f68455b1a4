"""The frames of everything but images: stretches, blocks, arms, accuracy, telemetry, marks, commands, faults."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import pandas as pd

from quintet.engine.frames.raw_session import Taken, Wall
from quintet.engine.frames.sample_frame import Settings, counting
from quintet.engine.frames.schema import METRICS, SCHEMA, TELEMETRY, frame
from quintet.engine.protocol import events as ev
from quintet.engine.protocol.events import MOST
from quintet.engine.protocol.switches import SWITCHES
from quintet.engine.session.session import Asked, Block
from quintet.engine.session.settings import Rules


class Teller(NamedTuple):
    """A session with what turns its times and lanes into columns."""

    session: Taken
    wall: Wall
    names: list[str]

    def s(self, t_ns: int | None) -> float | None:
        """Seconds from the session's start."""
        return None if t_ns is None else (t_ns - self.session.origin_ns) / 1e9

    def name(self, lane: Any) -> str | None:
        """A lane's name; None for none."""
        known = type(lane) is int and 0 <= lane < len(self.names)
        return self.names[lane] if known else None

    def lanes(self, numbers: Iterable[int]) -> str:
        """Lanes' names, joined by +."""
        return "+".join(self.names[number] for number in numbers)

    def timed(self, name: str, rows: Iterable[tuple[int, dict[str, Any]]]) -> pd.DataFrame:
        """A frame with `t_s` and `wall` from (t_ns, other columns) rows; a column that a row lacks is missing."""
        found = list(rows)
        moments = [t_ns for t_ns, _ in found]
        columns: dict[str, Any] = {
            column: [row.get(column) for _, row in found] for column in SCHEMA[name] if column not in ("t_s", "wall")
        }
        columns["t_s"], columns["wall"] = [self.s(t_ns) for t_ns in moments], self.wall.at(moments)
        return frame(name, columns, self.names)


def stretches(tell: Teller, settings: Settings) -> pd.DataFrame:
    """One row a stretch, in order; `stretch` and `setting` are the numbers in samples."""
    rows = []
    for place, one in enumerate(settings.stretches):
        number = settings.numbers[one.setting]
        end_ns = tell.session.last_ns if one.end_ns is None else one.end_ns
        rows.append(
            (place, number, settings.regimes[number], one.setting.mode, tell.lanes(one.setting.lanes),
             tell.s(one.begin_ns), tell.s(end_ns))
        )  # fmt: skip
    columns = zip(*rows, strict=True) if rows else ((),) * len(SCHEMA["stretches"])
    return frame("stretches", dict(zip(SCHEMA["stretches"], map(list, columns), strict=True)), tell.names)


def blocks(tell: Teller, rules: Rules) -> pd.DataFrame:
    """One row a planned block."""

    counts = set(counting(tell.session))

    def row(place: int, block: Block) -> tuple[int, dict[str, Any]]:
        start, end, cell = block.start, block.end, block.cell
        burn_in_ns = start.burn_in_ns if rules.planned_burn_in_ns is None else rules.planned_burn_in_ns
        told = {
            **start._asdict(), "regime": cell.regime, "mode": cell.levels.get("mode"),
            "lanes": tell.lanes(cell.lanes), "levels": _text(cell.levels), "requested_s": tell.s(start.requested_ns),
            "started_s": tell.s(start.started_ns), "burn_in_ms": burn_in_ns / 1e6,
            "end_s": None if end is None else tell.s(end.t_ns), "void": None if end is None else end.void,
            "counts": place in counts,
        }  # fmt: skip
        return start.started_ns, told

    return tell.timed("blocks", (row(place, block) for place, block in enumerate(tell.session.blocks)))


def arms(tell: Teller) -> pd.DataFrame:
    """One row an arm: the levels of every switch, from which image of the lane on."""
    return tell.timed(
        "arms",
        (
            (arm.t_ns, {"lane": lane.name, "task": lane.task, "arm": arm.arm, "from_seq": arm.from_seq,
                        "mode": arm.levels.get("mode"), **{s.name: _level(s.name, arm.levels) for s in SWITCHES}})
            for lane in _named(tell) for arm in lane.arms
        ),
    )  # fmt: skip


def _level(switch: str, levels: ev.Levels) -> Any:
    level = levels.get(switch)
    wanted = {"Int": int, "float": (int, float)}.get(SCHEMA["arms"][switch], object)
    return level if isinstance(level, wanted) else None  # type: ignore[arg-type]


def values(tell: Teller) -> pd.DataFrame:
    """One row a computing of accuracy: fractions of one."""
    return tell.timed(
        "values",
        (
            (value.t_ns, {"lane": lane.name, "task": lane.task, "arm": value.arm, "images": value.images, "of": value.of,
                          "cost": value.cost_ns / 1e6, **{m: value.values.get(m) for m in METRICS}})
            for lane in _named(tell) for value in lane.values
        ),
    )  # fmt: skip


def telemetry(tell: Teller) -> pd.DataFrame:
    """Several rows a second: one each of the machine, every process, every screen and every GPU."""
    rows: list[tuple[int, dict[str, Any]]] = []
    for told in tell.session.telemetry:
        values = told.values
        own = {one["lane"]: one for one in values.get("lanes") or ()}
        machine = {**(values.get("machine") or {}), "journal_bytes": values.get("journal_bytes"),
                   "cost": _ms(values.get("cost_ns")), "what": "machine"}  # fmt: skip
        found = [machine, *(values.get("processes") or ())]
        found = [{**own.get(one.get("lane"), {}), **one} if one.get("what") == "worker" else one for one in found]
        found += [{**one, "what": "screen", "cpu": _ms(one.get("cpu_ns"))} for one in values.get("screens") or ()]
        found += [{**one, "what": "gpu"} for one in values.get("gpus") or ()]
        rows += [
            (told.t_ns, {"asked_s": tell.s(told.asked_ns), "what": one.get("what"), "lane": tell.name(one.get("lane")),
                         **{key: _number(value, _NUMBERS[key]) for key, value in one.items() if key in _NUMBERS}})
            for one in found
        ]  # fmt: skip
    return tell.timed("telemetry", rows)


_NUMBERS = {key: kind for key, kind in TELEMETRY.items() if kind in ("Int", "float") and key not in ("t_s", "asked_s")}


def work(tell: Teller) -> pd.DataFrame:
    """One row a reading of what a lane's process has had of the cores: cumulative, times in milliseconds."""
    rows = [
        (one.t_ns, {**one._asdict(), "lane": tell.name(one.lane), "cpu": _ms(one.cpu_ns), "runq": _ms(one.runq_ns)})
        for lane in tell.session.lanes
        for one in lane.works
    ]
    return tell.timed("work", rows)


def marks(tell: Teller) -> pd.DataFrame:
    """One row a note."""
    return tell.timed("marks", ((mark.t_ns, mark._asdict()) for mark in tell.session.marks))


def commands(tell: Teller) -> pd.DataFrame:
    """One row a command and lane it was asked of, with that lane's answer; one without a lane where it names none."""
    return tell.timed("commands", (row for asked in tell.session.asked.values() for row in _asked(tell, asked)))


def _asked(tell: Teller, asked: Asked) -> Iterable[tuple[int, dict[str, Any]]]:
    command = asked.command
    what, value = next(iter(command.what.items()), (None, None))
    lanes: list[int | None] = [*command.lanes] or [None]
    for lane in lanes:
        answer = None if lane is None else asked.answers.get(lane)
        told = {} if answer is None else {**answer._asdict(), "answer_s": tell.s(answer.t_ns)}
        yield (
            command.t_ns,
            {
                **told,
                "id": command.id,
                "who": command.who,
                "what": what,
                "value": _text(value),
                "lane": tell.name(lane),
            },
        )


def faults(tell: Teller) -> pd.DataFrame:
    """One row a fault, in order of time; those of the session itself have no lane."""
    every = [*tell.session.faults, *(fault for lane in tell.session.lanes for fault in lane.faults)]
    return tell.timed(
        "faults",
        ((one.t_ns, {**one._asdict(), "lane": tell.name(one.lane)}) for one in sorted(every, key=lambda one: one.t_ns)),
    )


class _Named(NamedTuple):
    name: str
    task: str
    arms: list[ev.Arm]
    values: list[ev.Value]


def _named(tell: Teller) -> list[_Named]:
    return [
        _Named(name, lane.task, lane.arms, lane.values)
        for name, lane in zip(tell.names, tell.session.lanes, strict=True)
    ]


def _text(value: Any) -> str | None:
    """Levels or another value as JSON; None for none."""
    return None if value is None else json.dumps(value, ensure_ascii=False, default=str)


def _ms(ns: int | None) -> float | None:
    return None if ns is None else ns / 1e6


def _number(value: Any, kind: str) -> Any:
    wanted = type(value) is int or (kind != "Int" and isinstance(value, float))
    return value if wanted and abs(value) < MOST else None
