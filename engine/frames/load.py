"""`quintet.load`: a journal, or several, as data frames."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from quintet.engine.errors import BadInput
from quintet.engine.frames import event_frames
from quintet.engine.frames.raw_session import Taken, Wall
from quintet.engine.frames.sample_frame import Settings, samples
from quintet.engine.frames.schema import SCHEMA
from quintet.engine.session.data_notes import warnings as data_warnings
from quintet.engine.session.settings import RULES, Rules
from quintet.engine.session.settings import stretches as stretches_of
from quintet.engine.storage import open_log
from quintet.engine.visible_text import visible


class HurtJournal(UserWarning):
    """Part of a log was left out; the text says which."""


@dataclass(frozen=True, eq=False, repr=False)
class Frames:
    """A session's journal as data frames; columns, types and units stand in docs/frames.md.

    With several logs every frame has a first column `session`, and `start` is a dict of their dicts by session.
    """

    samples: pd.DataFrame
    stretches: pd.DataFrame
    blocks: pd.DataFrame
    arms: pd.DataFrame
    values: pd.DataFrame
    telemetry: pd.DataFrame
    work: pd.DataFrame
    marks: pd.DataFrame
    commands: pd.DataFrame
    faults: pd.DataFrame
    start: dict[str, Any]
    """The manifest, with `format`, `t_ns` and `wall_ns`, and `end`: the reason, or None in a log that has no end."""
    notes: tuple[str, ...]
    """What was left out of a hurt log or lost on the way, and what has no check yet; empty for a whole one."""

    def __repr__(self) -> str:
        return "Frames(" + ", ".join(f"{name}: {len(getattr(self, name))}" for name in SCHEMA) + ")"


def load(
    *log: str | Path | Iterable[str | Path],
    burn_in_s: float | None = None,
    burn_in_images: int | None = None,
    rules: Rules = RULES,
) -> Frames:
    """Read one log or several: paths, or names of sessions.

    burn_in_s and burn_in_images change what `burn_in` says of samples, and burn_in_s the measured part of planned blocks.
    A hurt log is read as far as its checks hold: HurtJournal warns of what was left out. A log that is still written is
    read as far as it is there. Raises BadInput with one sentence for a file that is no journal or a burn-in that is none.
    """
    if burn_in_s is not None:
        open_log.number("burn_in_s", burn_in_s)
        rules = rules._replace(burn_in_ns=round(burn_in_s * 1e9), planned_burn_in_ns=round(burn_in_s * 1e9))
    if burn_in_images is not None:
        open_log.number("burn_in_images", burn_in_images, whole=True)
        rules = rules._replace(burn_in_images=burn_in_images)
    if len(log) == 1 and isinstance(log[0], str | Path):
        return _one(log[0], rules)
    paths = [path for one in log for path in ([one] if isinstance(one, str | Path) else one)]
    if not paths:
        raise BadInput("Name at least one log.")
    found: dict[str, Frames] = {}
    for path in paths:
        stem = open_log.find(path).stem
        taken = sum(name == stem or name.startswith(f"{stem}#") for name in found)
        found[f"{stem}#{taken + 1}" if taken else stem] = _one(path, rules)
    return _together(found)


@open_log.without_collections()
def _one(log: str | Path, rules: Rules) -> Frames:
    path = open_log.find(log)
    session, bad, unverified_bytes = open_log.take(path, Taken)
    assert session.start is not None  # logs.take says so
    losses = open_log.losses(session, bad)
    for loss in losses:
        warnings.warn(visible(f"{path.name}: {loss}"), HurtJournal, stacklevel=4)
    images = session.images()
    names = _names([lane.name for lane in session.lanes])
    settings = Settings.of(session, stretches_of(session, session.last_ns))
    wall = Wall.of(session)
    tell = event_frames.Teller(session, wall, names)
    notes = [
        f"{name}: {max(lane.lost, lane.holes)} images were lost on the way"
        for name, lane in zip(names, session.lanes, strict=True)
        if lane.lost or lane.holes
    ]
    notes += [
        f"{name}: {text}" for name, lane in zip(names, session.lanes, strict=True) for text in data_warnings(lane)
    ]
    notes += [f"the last {unverified_bytes} bytes have no check yet"] if unverified_bytes else []
    notes += ["no end event: cut off, or still running"] if session.end is None else []
    return Frames(
        samples(session, images, settings, wall, rules, names), event_frames.stretches(tell, settings),
        event_frames.blocks(tell, rules), event_frames.arms(tell), event_frames.values(tell), event_frames.telemetry(tell),
        event_frames.work(tell), event_frames.marks(tell),
        event_frames.commands(tell), event_frames.faults(tell), _start(session), (*losses, *notes),
    )  # fmt: skip


def _start(session: Taken) -> dict[str, Any]:
    start = session.start
    assert start is not None
    own = {"format": start.format, "t_ns": start.t_ns, "wall_ns": start.wall_ns}
    return {**start.manifest, **own, "end": None if session.end is None else session.end.reason}


def _names(names: list[str]) -> list[str]:
    """The lanes' names, each once: a category has no value twice."""
    return [name if names.count(name) == 1 else f"{name}#{place + 1}" for place, name in enumerate(names)]


def _together(found: dict[str, Frames]) -> Frames:
    frames = {
        name: _concatenated({session: getattr(frames, name) for session, frames in found.items()}) for name in SCHEMA
    }
    notes = tuple(f"{session}: {note}" for session, frames in found.items() for note in frames.notes)
    return Frames(**frames, start={session: one.start for session, one in found.items()}, notes=notes)


def _concatenated(parts: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One frame of several, categories united and `session` in front."""
    first = next(iter(parts.values()))
    united = {
        column: list(dict.fromkeys(word for part in parts.values() for word in part[column].cat.categories))
        for column in first.columns
        if isinstance(first[column].dtype, pd.CategoricalDtype)
    }
    own: list[pd.DataFrame] = []
    for session, part in parts.items():
        same = part.assign(**{column: part[column].cat.set_categories(words) for column, words in united.items()})
        same.insert(0, "session", pd.Categorical([session] * len(part), list(parts)))
        own.append(same)
    united_frame: pd.DataFrame = pd.concat(own, ignore_index=True)
    return united_frame
