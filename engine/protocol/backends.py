"""The backends: what runs a lane's images, and what the rest of quintet must know of each. One row a backend.

To add one: a row here, its class in worker/backends/, and its name in profile/schema.py.
"""

from __future__ import annotations

from typing import NamedTuple


class BackendFacts(NamedTuple):
    """What is known of a backend without importing it."""

    runs: str
    """Its class, `module:name` below quintet.engine.worker; empty where it has a process of its own."""
    packages: tuple[str, ...] = ("msgpack",)
    """What a lane's interpreter needs."""
    has_models: bool = False
    """Whether a lane has weights and data sets, which are checked, hashed and loaded."""
    one_process: bool = False
    """Whether all lanes of a session are one process: none is restarted alone, and other backends cannot join."""
    on_device: bool = False
    """Whether it may compute on an accelerator, where `infer` is queue time unless stages are timed."""


BACKENDS: dict[str, BackendFacts] = {
    "yolo": BackendFacts(
        "yolo.backend:YoloBackend", ("msgpack", "torch", "ultralytics"), has_models=True, on_device=True
    ),
    "sleep": BackendFacts("backends.sleep:SleepBackend"),
    "simulated": BackendFacts("", one_process=True),
}
UNKNOWN = BackendFacts("", on_device=True)


def facts(name: str) -> BackendFacts:
    """The facts of a backend; of one that a newer quintet may have, what is safe to assume."""
    return BACKENDS.get(name, UNKNOWN)
