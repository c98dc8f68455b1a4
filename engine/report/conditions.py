"""Under what a report's numbers hold: the machine, the software and the lanes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any, NamedTuple

from quintet.engine.analysis import other_programs
from quintet.engine.analysis.formatting import DASH, listed
from quintet.engine.plan.simulated_machine import ASSUMED
from quintet.engine.report.finding import is_simulated
from quintet.engine.report.findings import Findings
from quintet.engine.visible_text import visible

HASH_LETTERS = 8
TIED = "\N{NO-BREAK SPACE}"


def tied(text: str) -> str:
    """The same with numbers tied to their units, and the ends of an interval to one another."""
    return text.replace(" %", f"{TIED}%").replace(" .. ", f"{TIED}..{TIED}")


class Fact(NamedTuple):
    """A label and what is so."""

    label: str
    text: str


class LaneFacts(NamedTuple):
    """One lane's conditions, in words; a dash where the log does not tell."""

    name: str
    task: str
    weights: str
    imgsz: str
    device: str
    dtype: str
    threads: str
    data: str


def head(found: Findings) -> list[str]:
    """What session this is: version, profile, length, how it ended."""
    session = found.session
    assert session.start is not None
    manifest = session.start.manifest
    images = sum(len(lane.rows) for lane in session.lanes)
    return [
        f"quintet {manifest.get('quintet') or '?'} · {manifest.get('profile_name', '?')} · {len(session.lanes)} lanes · "
        f"{(session.last_ns - session.start.t_ns) / 1e9:.0f} s · {images} timed images",
        f"ended: {session.end.reason if session.end else 'no end event: cut off, or still running'}",
    ]


def conditions(found: Findings) -> list[Fact]:
    """The machine and the software. Never the host's name, nor a path that may hold the user's."""
    assert found.session.start is not None
    manifest = found.session.start.manifest
    facts = [Fact("profile", f"{manifest.get('profile_name', '?')}, seed {manifest.get('seed', '?')}")]
    if is_simulated(found):
        return [Fact("machine", ASSUMED), *facts]
    facts.append(Fact("lanes", _alike(lane_facts(found))))
    host = manifest.get("host") or {}
    if host:
        told, count = host.get("cpus_usable"), host.get("cpus")
        usable = f" ({told} usable)" if told not in (None, count) else ""
        cpu = f"{host['cpu']}, " if host.get("cpu") else ""
        memory = "" if host.get("memory_bytes") is None else f"{host['memory_bytes'] / 1e9:.1f} GB, "
        gpus = "".join(f"{name}, " for name in host.get("gpus") or ())
        facts.append(Fact("machine", f"{host.get('system', '?')}, {cpu}{host.get('cpus', '?')} CPUs{usable}, {gpus}{memory}"
                                     f"Python {host.get('python', '?')}"))  # fmt: skip
    versions = manifest.get("versions")
    if versions:
        facts.append(Fact("versions", ", ".join(f"{name} {version}" for name, version in versions.items())))
    facts.append(Fact("others", _others(found)))
    busy = _busy(found)
    if busy:
        facts.append(Fact("load", busy))
    screens = max((len(t.values.get("screens") or []) for t in found.session.telemetry), default=0)
    facts.append(Fact("screens", f"{screens} at most" if screens else "none"))
    refused = [t.values for t in found.session.telemetry if t.values.get("refused_clients")]
    if refused:
        facts.append(
            Fact("refused", f"{refused[-1]['refused_clients']} clients; the last: {refused[-1].get('refused_last')}")
        )
    return facts


def _others(found: Findings) -> str:
    """Other quintet sessions, and how often they were asked for."""
    session = found.session
    names = other_programs.sessions(session)
    if names:
        return f"{listed(names)} ran too: each session slows the other"
    if other_programs.asked_again(session):
        return "no other quintet session, asked at the start, once a minute and at the end"
    return "no other quintet session at the start; the log does not tell of later ones"


def _busy(found: Findings) -> str:
    """How busy the machine was in the mean, and how much of it was quintet's; empty without telemetry."""
    told = [one.values for one in found.session.telemetry]
    told = [values for values in told if (values.get("machine") or {}).get("cpu_pct") is not None]
    cpus = other_programs.cpus(found.session)
    if not told or not cpus:
        return ""
    whole = sum(values["machine"]["cpu_pct"] for values in told) / len(told) / 100 * cpus
    own = sum(one.get("cpu_pct") or 0 for values in told for one in values.get("processes") or ()) / len(told) / 100
    return f"{whole:.1f} of {cpus} CPUs busy in the mean, {own:.1f} with quintet's processes"


def _alike(lanes: Sequence[LaneFacts]) -> str:
    """Device, type, threads and image size of all lanes: `cpu, float32, threads 1, 192 px`."""
    found = []
    for form, name in (("{}", "device"), ("{}", "dtype"), ("threads {}", "threads"), ("{} px", "imgsz")):
        known = dict.fromkeys(str(getattr(lane, name)) for lane in lanes if getattr(lane, name) != DASH)
        found += [form.format("/".join(known))] if known else []
    return ", ".join(found) or DASH


def lane_facts(found: Findings) -> list[LaneFacts]:
    """Every lane's conditions."""
    assert found.session.start is not None
    told = found.session.start.manifest["lanes"]
    rows = []
    for lane, its in zip(found.session.lanes, told, strict=True):
        info = lane.ready.info if lane.ready else {}
        hashes = its.get("data_fingerprints") or {}
        data = [_file(path, hashes.get(key)) for key, path in (its.get("data") or {}).items() if path]
        imgsz = None if is_simulated(found) else its.get("imgsz")
        size, device, dtype, threads = map(_word, (imgsz, info.get("device"), info.get("dtype"), info.get("threads")))
        weights = _file(its.get("weights"), its.get("weights_sha256_found"), "\n")
        shown = "\n".join(dict.fromkeys(data)) or DASH
        rows.append(LaneFacts(lane.name, lane.task, weights, size, device, dtype, threads, shown))
    return rows


def _file(path: Any, sha256: Any, between: str = " ") -> str:
    """A file's name and the first letters of its SHA-256."""
    if not path:
        return DASH
    digest = visible(str(sha256)[:HASH_LETTERS]) if sha256 else ""
    return f"{visible(PurePath(str(path)).name)}{between}{digest}".rstrip()


def _word(value: Any) -> str:
    return DASH if value is None else visible(str(value))
