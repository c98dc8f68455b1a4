"""What the machine and quintet itself cost, once a second: asked and got times, and the price of asking.

Everything is read from the system's own counters, no process is started. PSS is asked once a minute, of one process a
second: the kernel walks a process's whole memory for it (12 ms measured, against 0.5 ms for all the rest together), under
a lock that the process itself needs.
"""

from __future__ import annotations

import importlib
import time
from typing import Any, NamedTuple

import psutil

PSS_EVERY = 60
"""Samples from one reading of a process's PSS to the next."""


class Watched(NamedTuple):
    """A process to look at: `what` names it, as `worker`, `nursery` or `supervisor`."""

    what: str
    pid: int
    lane: int | None


class Telemetry:
    """Reads the machine's counters. One for a session; `sample` once a second."""

    def __init__(self) -> None:
        self._processes: dict[int, psutil.Process] = {}
        self._pss_bytes: dict[int, int | None] = {}
        self._samples = 0
        self._nvml = _nvml()
        psutil.cpu_percent()

    def sample(self, watched: list[Watched]) -> tuple[int, dict[str, Any]]:
        """When it was asked (monotonic ns), and the values; a process that is gone is left out."""
        asked_ns = time.monotonic_ns()
        turn, self._samples = self._samples % PSS_EVERY, self._samples + 1
        told = [self._process(one, with_pss=place == turn) for place, one in enumerate(watched)]
        values: dict[str, Any] = {"machine": self._machine(), "processes": [one for one in told if one is not None]}
        gpus = self._gpus()
        if gpus:
            values["gpus"] = gpus
        self._processes = {one.pid: self._processes[one.pid] for one in watched if one.pid in self._processes}
        values["cost_ns"] = time.monotonic_ns() - asked_ns
        return asked_ns, values

    def _machine(self) -> dict[str, Any]:
        memory = psutil.virtual_memory()
        frequency = psutil.cpu_freq() if hasattr(psutil, "cpu_freq") else None
        return {
            "cpu_pct": psutil.cpu_percent(),
            "memory_used_bytes": memory.total - memory.available,
            "memory_available_bytes": memory.available,
            "load_1m": psutil.getloadavg()[0],
            "frequency_mhz": frequency.current if frequency else None,
        }

    def _process(self, one: Watched, *, with_pss: bool) -> dict[str, Any] | None:
        try:
            process = self._processes.get(one.pid)
            if process is None:
                process = self._processes[one.pid] = psutil.Process(one.pid)
            if with_pss:
                self._pss_bytes[one.pid] = getattr(process.memory_full_info(), "pss", None)
            with process.oneshot():
                return {
                    "what": one.what,
                    "lane": one.lane,
                    "pid": one.pid,
                    "cpu_pct": process.cpu_percent(),
                    "rss_bytes": process.memory_info().rss,
                    "pss_bytes": self._pss_bytes.get(one.pid),
                }
        except psutil.Error:
            return None

    def _gpus(self) -> list[dict[str, Any]]:
        """NVIDIA's counters; nothing, without a word, where there is no such device."""
        if self._nvml is None:
            return []
        try:
            return [self._gpu(index) for index in range(self._nvml.nvmlDeviceGetCount())]
        except self._nvml.NVMLError:
            self._nvml = None
            return []

    def _gpu(self, index: int) -> dict[str, Any]:
        nvml: Any = self._nvml
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        memory, use = nvml.nvmlDeviceGetMemoryInfo(handle), nvml.nvmlDeviceGetUtilizationRates(handle)
        told: dict[str, Any] = {
            "index": index,
            "utilisation_pct": use.gpu,
            "memory_used_bytes": memory.used,
            "processes": [
                {"pid": one.pid, "memory_bytes": one.usedGpuMemory}
                for one in nvml.nvmlDeviceGetComputeRunningProcesses(handle)
            ],
        }
        for name, read, *arguments in (
            ("clock_mhz", "nvmlDeviceGetClockInfo", nvml.NVML_CLOCK_SM),
            ("power_mw", "nvmlDeviceGetPowerUsage"),
            ("throttle_reasons", "nvmlDeviceGetCurrentClocksThrottleReasons"),
        ):
            try:
                told[name] = getattr(nvml, read)(handle, *arguments)
            except nvml.NVMLError:
                told[name] = None  # not every device tells it
        return told


def gpu_names() -> list[str]:
    """The NVIDIA devices' names; empty, without a word, where there is none."""
    nvml = _nvml()
    if nvml is None:
        return []
    try:
        names = [nvml.nvmlDeviceGetName(nvml.nvmlDeviceGetHandleByIndex(n)) for n in range(nvml.nvmlDeviceGetCount())]
        return [name.decode(errors="replace") if isinstance(name, bytes) else str(name) for name in names]
    except nvml.NVMLError:
        return []


def _nvml() -> Any:
    try:
        nvml = importlib.import_module("pynvml")
        nvml.nvmlInit()
    except Exception:  # no library, no driver, no device: each says so in its own way, and none is a fault
        return None
    return nvml
