"""Telemetry: real counters of real processes, journaled once a second, with its own price."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from quintet.engine.supervisor.telemetry import PSS_EVERY, Telemetry, Watched
from tests.running import Headless


def test_processes_are_told_and_gone_ones_left_out() -> None:
    waiting = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    telemetry = Telemetry()
    watched = [Watched("worker", waiting.pid, 0)]
    asked_ns, values = telemetry.sample(watched)
    (told,) = values["processes"]
    assert (told["what"], told["lane"], told["pid"]) == ("worker", 0, waiting.pid)
    assert told["rss_bytes"] > 0
    assert values["cost_ns"] > 0
    assert values["machine"]["memory_available_bytes"] > 0
    assert asked_ns > 0
    assert waiting.stdin is not None
    waiting.stdin.close()
    waiting.wait()
    assert telemetry.sample(watched)[1]["processes"] == []


@pytest.mark.skipif(sys.platform != "linux", reason="PSS is Linux's")
def test_pss_is_read_of_one_process_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    import psutil

    asked: list[int] = []
    real = psutil.Process.memory_full_info

    def counted(self: psutil.Process) -> object:
        asked.append(self.pid)
        return real(self)

    monkeypatch.setattr(psutil.Process, "memory_full_info", counted)
    children = [subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) for _ in range(2)]
    watched = [Watched("worker", child.pid, lane) for lane, child in enumerate(children)]
    telemetry = Telemetry()
    for _ in range(PSS_EVERY):
        _, values = telemetry.sample(watched)
    assert asked == [child.pid for child in children]
    assert all(told["pss_bytes"] > 0 for told in values["processes"])
    for child in children:
        assert child.stdin is not None
        child.stdin.close()
        child.wait()


def test_a_session_journals_it_with_what_workers_tell(tmp_path: Path, sleep_profile: Path) -> None:
    run = Headless(sleep_profile, tmp_path)
    session = run.wait_for(lambda s: any(len(t.values["lanes"]) == 5 for t in s.telemetry), "all lanes' own figures")
    last = session.telemetry[-1]
    assert {told["what"] for told in last.values["processes"]} == {"worker", "nursery", "supervisor"}
    assert all(0 < lane["held_bytes"] <= 64 * 1024 for lane in last.values["lanes"])
    assert all(type(lane["gc_collections"]) is int for lane in last.values["lanes"])
    assert 0 < last.asked_ns < last.t_ns
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 0
    whole = run.session()
    asked = [place for place, one in enumerate(whole.telemetry) if "other_sessions" in one.values]
    assert (asked[0], asked[-1]) == (0, len(whole.telemetry) - 1)  # at the start and at the end
    assert all(isinstance(one.values["other_sessions"], list) for one in (whole.telemetry[0], whole.telemetry[-1]))
    assert whole.start is not None
    host = whole.start.manifest["host"]
    assert host["memory_bytes"] > 0
    assert host["cpu"] is None or host["cpu"].strip()
    assert isinstance(host["gpus"], list)
