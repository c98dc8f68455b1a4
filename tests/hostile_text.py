"""Texts that would steer a terminal, a page or a spreadsheet, and logs that hold them wherever a log holds text."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from quintet.engine.journal.writer import Journal
from quintet.engine.plan import plan
from quintet.engine.protocol import events as ev
from quintet.engine.protocol.events import Frame
from tests.making import OFF, ON, Maker, at
from tests.planned import PredictMs, planned

OSC, CSI, DCS = "\x1b]0;PWN\x07", "\x1b[31mPWN", "\x1bPqPWN\x1b\\"
C1 = "\x9b31mPWN\x9d0;PWN\x9c\x85"
BIDI = "".join(f"{chr(sign)}PWN" for sign in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x61C))
UNSEEN = "".join(f"{chr(sign)}PWN" for sign in (0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0xAD, 0x3164, 0x2028, 0x2029))
CONTROL = "\x00\x08\x0b\x0c\r\x7f\tPWN"
MARKUP = "[bold red]PWN[/] [/] [@click=app.bell]PWN[/] [link=https://pwn.example]PWN[/link]"
PAGE = "|`<script>PWN</script><!--&lt; **PWN** ~~PWN~~ $\\frac$ [PWN](https://pwn.example) https://pwn.example www.pwn.example"
LINE = "\nFORGED line"
EVERY = f"{OSC}{CSI}{DCS}{C1}{BIDI}{UNSEEN}{CONTROL}{MARKUP}{PAGE}{LINE}"
NAMES = (f"{OSC}{CSI}{DCS}", f"{C1}{CONTROL}", f"{BIDI}{UNSEEN}", MARKUP, f"=1+1{LINE}{PAGE}")
"""Five lanes' names, as no profile may have them, but a log may."""
FORMULAS = ("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1")


def hidden(text: str) -> set[str]:
    """Letters that no sink may let through; line ends are the sink's own."""
    kinds = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return {one for one in text if one == "\u3164" or (one != "\n" and unicodedata.category(one) in kinds)}


def is_inert(text: str) -> bool:
    """Whether nothing hidden is in a text, and no line that quintet did not begin."""
    assert not hidden(text), {ascii(one) for one in hidden(text)}
    return not re.search(r"(?m)^[\s>]*FORGED", text)


def begun(lanes: int) -> ev.Start:
    """A session of lanes with such names, files and machine."""
    described = [
        {
            "name": name, "task": task, "weights": f"/w/{EVERY}", "weights_sha256_found": EVERY,
            "data": {"validation": f"/d/{EVERY}", "inference": EVERY}, "data_fingerprints": {"validation": EVERY},
            "imgsz": 640, "backend": EVERY,
        }
        for name, task in zip(NAMES, ("cls", "detect", "pose", "seg", "obb"), strict=True)
    ]  # fmt: skip
    host = {"system": EVERY, "cpu": EVERY, "cpus": 8, "cpus_usable": 4, "gpus": [EVERY], "python": EVERY}
    manifest = {
        "lanes": described[:lanes], "profile_name": EVERY, "quintet": EVERY, "host": host, "seed": 1,
        "versions": {"torch": EVERY, EVERY: "1"}, "other_sessions": [EVERY],
    }  # fmt: skip
    return ev.Start(ev.FORMAT, at(0), 1_700_000_000_000_000_000, manifest)


def ready(lane: int) -> ev.Ready:
    """A lane whose data set is mostly left out, for reasons in such words."""
    notes = [{"data": data, "kind": kind, "count": 39, "example": EVERY}
             for data in ("validation", "inference", "") for kind in ("corrupt", "classes")]  # fmt: skip
    info = {"device": EVERY, "dtype": EVERY, "threads": 1, "notes": notes, "rss_bytes": 1,
            "ground_truth": {"pictures": 1, "left_out": 39, "labels": 1, "labels_left_out": 9}}  # fmt: skip
    return ev.Ready(lane, at(1), 1000 + lane, info)


def by_hand() -> list[Frame]:
    """Five lanes flipped by hand, with notes, faults, commands, values and telemetry."""
    it = Maker().ready().gate_all(2).images_all(2, 12, 10)
    it.frames += [
        ev.Mark(at(3), EVERY, EVERY), *(ev.Mark(at(4), "me", formula) for formula in FORMULAS),
        ev.Command(1, at(5), EVERY, {"set": {"keep": EVERY}}, [0, 1]),
        ev.Answer(1, 0, at(5.1), 5, "refused", EVERY),
        ev.Value(0, 0, at(6), 20, 64, 1000, {"top1": 0.5, EVERY: 0.5}),
        *(ev.Telemetry(at(6 + n), at(6 + n), {"other_sessions": [EVERY], "machine": {"cpu_pct": 5.0},
                                              "processes": [{"what": EVERY, "cpu_pct": 1.0, "rss_bytes": 1}]})
          for n in range(3)),
    ]  # fmt: skip
    it.set_all(12, OFF).images_all(12.1, 22, 20)
    it.set_all(22, ON).images_all(22.1, 32, 10)
    it.frames += [
        ev.Fault(2, at(33), "died", EVERY, f"{EVERY}\r\n{EVERY}"), ev.Fault(None, at(33), "internal", EVERY, EVERY),
        ev.Command(2, at(33.5), "screen", {"set": {"keep": "off"}}, [0]),
        ev.End(at(34), EVERY, {}),
    ]  # fmt: skip
    return [begun(5), *(ready(one.lane) if isinstance(one, ev.Ready) else one for one in it.frames[1:])]


def of_a_plan(predict_ms: PredictMs) -> list[Frame]:
    """A study of five such lanes; a block of it does not count for such a reason."""
    frames = planned(plan.study(NAMES, rounds=10), predict_ms)
    found = [ready(one.lane) if isinstance(one, ev.Ready) else one for one in frames[1:]]
    end = [one for one in found if isinstance(one, ev.BlockEnd)][3]
    found[found.index(end)] = end._replace(void=EVERY)
    return [begun(5), *found, ev.Mark(at(1), EVERY, EVERY), ev.Fault(1, at(2), "died", EVERY, EVERY)]


def written(path: Path, frames: list[Frame]) -> Path:
    """A log of these events."""
    journal = Journal(path)
    for one in frames:
        journal.append(one)
    journal.close()
    return path
