"""Logs that somebody has made up: whole events with valid checks and wrong insides. Whatever they hold, nothing that reads a
log may end in a traceback.
"""

from __future__ import annotations

import json
import random
import shutil
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack

import quintet
from quintet.engine.analysis import log_comparison
from quintet.engine.analysis.conditions import differences, noted, unrecorded
from quintet.engine.errors import BadInput
from quintet.engine.frames.export import FORMATS, export
from quintet.engine.journal.format import STRETCH_BYTES, check_bytes
from quintet.engine.report import log_comparison as side_by_side
from quintet.engine.report.findings import findings
from quintet.engine.report.formats.html import html
from quintet.engine.report.formats.json_format import data
from quintet.engine.report.formats.markdown import markdown
from quintet.engine.report.formats.text import text
from quintet.engine.storage import log_summary, open_log
from quintet.tui.scene.layout import Look
from quintet.tui.scene.plan_results import Studied
from quintet.tui.scene.scene import scene
from quintet.tui.views import frame

Event = list[Any]
DEEP: Any = []
for _ in range(200):
    DEEP = [DEEP]
ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**31, 2**62, 2**63 - 1, -(2**63), 2**64 - 1, 0.5, -1.5, 1e300, float("nan"), float("inf"),
    "", "x", "a" * 100_000, "\x1b[2J", b"bytes", [], {}, [None], {"": None}, {"a": {"b": [1, 2, {"c": float("nan")}]}}, DEEP,
    [[1, 2], [3]], list(range(5_000)), {str(n): n for n in range(5_000)}, [0, 0], [99], [-1], ["mode", 1], "study", "over",
)  # fmt: skip
"""What is put in place of something."""


def written(path: Path, events: list[Event]) -> Path:
    """A log of these events, whatever they are, whose every stretch passes its check."""
    content, begin = bytearray(), 0
    for event in events:
        content += msgpack.packb(event)
        if len(content) - begin > STRETCH_BYTES:
            begin = _close(content, begin)
    _close(content, begin)
    path.write_bytes(content)
    return path


def _close(content: bytearray, begin: int) -> int:
    content += check_bytes(begin, len(content) - begin, zlib.crc32(memoryview(content)[begin:]))
    return len(content)


def mutated(events: list[Event], rng: random.Random) -> list[Event]:
    """The same events with one to four changes; kinds of events are drawn alike, however many there are of each."""
    found = list(events)
    by_kind: dict[str, list[int]] = {}
    for place, event in enumerate(found):
        by_kind.setdefault(event[0], []).append(place)
    for _ in range(rng.randint(1, 4)):
        place = rng.choice(by_kind[rng.choice(sorted(by_kind))])
        found[place] = _changed(found[place], rng)
    if rng.random() < 0.1:
        place = rng.randrange(1, len(found))
        found.insert(rng.randrange(1, len(found)), found[place])
    return found


def _changed(event: Event, rng: random.Random) -> Event:
    """A copy with one value dropped, doubled, or replaced; the kind stays."""
    copy: Event = msgpack.unpackb(msgpack.packb(event), strict_map_key=False)
    holder, key = _place(copy, rng)
    how = rng.random()
    if how < 0.2 and holder is not copy:
        del holder[key]
    elif how < 0.3 and isinstance(holder, list):
        holder.append(holder[key])
    elif how < 0.35 and isinstance(holder, dict):
        holder[rng.choice(("", "new", "x" * 100_000))] = rng.choice(ODD)
    elif how < 0.5 and type(holder[key]) in (int, float):
        holder[key] = max(-(2**63), min(2**64 - 1, holder[key] * rng.choice((-1, 0, 2, 1000))))
    else:
        holder[key] = rng.choice(ODD)
    return copy


def _place(event: Event, rng: random.Random) -> tuple[Any, Any]:
    """Somewhere in an event: a list or a map, and a place in it. Never the kind."""
    holder: Any = event
    key: Any = rng.randrange(1, len(event))
    while isinstance(holder[key], (list, dict)) and holder[key] and rng.random() < 0.8:
        holder = holder[key]
        key = rng.choice(list(holder)) if isinstance(holder, dict) else rng.randrange(len(holder))
    return holder, key


def _refused(how: Callable[[], object]) -> bool:
    try:
        how()
    except BadInput as error:
        sentence = str(error)
    else:
        return False
    assert sentence
    assert "\n" not in sentence
    return True


def read_in_every_way(path: Path, other: Path, folder: Path, *, thorough: bool) -> bool:
    """Read a log with all that reads logs; `thorough`: also what takes long. Whether it could be read.

    Whatever is raised but BadInput comes through.
    """
    log_summary.glance(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        refused = _refused(lambda: quintet.load(path))
    assert refused == _refused(lambda: open_log.read(path)), "report and load do not agree whether it can be read"
    if refused:
        return False
    log = open_log.read(path)
    told = findings(log.session)
    rest = (path.name, log.bad, log.unverified_bytes)
    for made in (text(told, *rest), markdown(told, *rest)):
        made.encode()
    json.loads(data(told, *rest), parse_constant=_no_constant)
    _compare(log, open_log.read(other))
    _draw(log)
    if thorough:
        html(told, *rest).encode()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for kind in FORMATS:
                out = folder / f"{path.stem}.{kind}"
                export(quintet.load(path), kind, out, progress=lambda done, of: None)
                shutil.rmtree(out) if out.is_dir() else out.unlink()
    return True


def _no_constant(word: str) -> None:
    raise AssertionError(f"the JSON report holds {word}")


def _compare(log: open_log.Log, other: open_log.Log) -> None:
    for a, b in ((log, other), (other, log)):
        one, two = a.session, b.session
        differ = side_by_side.Differing(differences(one, two), noted(one, two), unrecorded(one, two))
        rows = log_comparison.compared(one, two)
        json.dumps(side_by_side.data(a, b, differ, rows, "predict"), allow_nan=False)
        for form in (side_by_side.text, side_by_side.markdown, side_by_side.html):
            form(a, b, differ, rows, "predict").encode()


def _draw(log: open_log.Log) -> None:
    """The screen at a few moments, as a replay shows it."""
    session = log.session
    lanes = frozenset(range(len(session.lanes)))
    for share in (0.3, 1.0):
        now = session.origin_ns + int((session.last_ns - session.origin_ns) * share)
        for size in ((120, 40), (60, 20)):
            seen = scene(session, now, lanes, frozen=True, journal_bytes=0, look=Look(), studied=Studied())
            frame.draw(seen, frame.arranged(seen, *size), size[0])
