"""Who may import whom, seen at run time: the screen and the supervisor stay light, the engine knows no screen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

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
        ("quintet.cli.main", (*HEAVY, "textual", "psutil")),
        ("quintet.tui.app", HEAVY),
        ("quintet.engine.supervisor.supervisor", (*HEAVY, "textual", "rich")),
        ("quintet.engine.supervisor.__main__", (*HEAVY, "textual", "rich")),
        ("quintet.engine.report.formats.text", (*HEAVY, "textual", "rich")),
        ("quintet.engine.worker.__main__", (*HEAVY, "textual", "rich", "msgspec", "psutil", "platformdirs")),
        ("quintet.engine.worker.backends.sleep", (*HEAVY, "msgspec")),
        ("quintet.engine.worker.backends.simulated", (*HEAVY, "msgspec", "psutil", "platformdirs")),
        ("quintet.engine.plan.simulated_machine", (*HEAVY, "msgspec", "psutil", "platformdirs")),
    ],
)
def test_light_parts_stay_light(module: str, never: tuple[str, ...]) -> None:
    assert not imported_by(module) & set(never)


def test_the_screen_never_reaches_a_worker() -> None:
    program = "import quintet.tui.app, sys; print([n for n in sys.modules if n.startswith('quintet.engine.worker')])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize("module", ["quintet.cli.main", "quintet.__main__"])
def test_importing_the_command_line_changes_nothing_of_the_process(module: str) -> None:
    """A notebook may import it: Ctrl-C, the standard streams and closed descriptors stay as they are."""
    program = (
        "import os, signal, sys\n"
        "os.close(0)\n"
        "def state():\n"
        "    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)]\n"
        "    streams = [(id(one), one.errors, one.encoding) for one in (sys.stdin, sys.stdout, sys.stderr)]\n"
        "    return handlers, streams, os.path.exists('/dev/fd/0')\n"
        "before = state()\n"
        f"import {module}\n"
        "print(state() == before)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "True\n"


def test_ctrl_c_amid_the_imports_simply_ends_the_process(tmp_path: Path) -> None:
    """Whatever swallows exceptions there; as it would be if a person pressed it at that moment."""
    (tmp_path / "typer.py").write_text(
        "import os, signal\ntry:\n    os.kill(os.getpid(), signal.SIGINT)\nexcept BaseException:\n    pass\n"
    )
    ran = subprocess.run(
        [sys.executable, "-m", "quintet", "profiles"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout, ran.stderr) == (-signal.SIGINT, "", "")


def test_the_public_names_are_there_and_cost_nothing_until_they_are_asked_for() -> None:
    program = (
        "import sys, quintet\n"
        "assert not {'pandas', 'msgspec', 'textual'} & set(sys.modules)\n"
        "assert dir(quintet) == sorted(quintet.__all__)\n"
        "print(*(getattr(quintet, name).__class__.__name__ for name in quintet.__all__))\n"
        "print(quintet.load_profile('micro').lanes[0].name, issubclass(quintet.BadInput, Exception))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == ["type", "type", "type", "StructMeta", "str", "function", "function", "cls", "True"]
