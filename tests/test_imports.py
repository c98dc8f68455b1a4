"""Who may import whom, seen at run time: the screen and the supervisor stay light, the engine knows no screen."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "ultralytics", "numpy", "pandas", "scipy", "cv2", "matplotlib")


def imported_by(module: str) -> set[str]:
    program = f"import {module}, sys; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


@pytest.mark.parametrize(
    ("module", "never"),
    [
        ("quintet", (*HEAVY, "textual", "msgpack")),
        ("quintet.cli", (*HEAVY, "textual", "psutil")),
        ("quintet.tui.app", HEAVY),
        ("quintet.engine.supervisor", (*HEAVY, "textual", "rich")),
        ("quintet.engine.serve", (*HEAVY, "textual", "rich")),
        ("quintet.engine.report.text", (*HEAVY, "textual", "rich")),
        ("quintet.engine.worker.main", (*HEAVY, "textual", "rich", "msgspec", "psutil", "platformdirs")),
        ("quintet.engine.worker.sleep", (*HEAVY, "msgspec")),
    ],
)
def test_light_parts_stay_light(module: str, never: tuple[str, ...]) -> None:
    assert not imported_by(module) & set(never)


def test_the_screen_never_reaches_a_worker() -> None:
    program = "import quintet.tui.app, sys; print([n for n in sys.modules if n.startswith('quintet.engine.worker')])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
