"""What a release hands out: the sdist and the wheel have every file, and the wheel runs where this folder is not."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

import quintet

ROOT = Path(__file__).parents[1]
FOLDERS = ("engine", "profiles", "quintet", "tui")
LINKS = {"quintet/engine", "quintet/profiles", "quintet/tui"}
"""For editable use; a release has the folders in their place."""


class Built(NamedTuple):
    """The files that a release is."""

    sdist: Path
    wheel: Path
    direct_wheel: Path
    """Built without the sdist."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """As `python -m build` makes them: the sdist, and a wheel from it."""
    folder, direct = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("direct")
    for out, words in ((folder, ()), (direct, ("--wheel",))):
        ran(sys.executable, "-m", "build", "--no-isolation", *words, "--outdir", str(out), str(ROOT), cwd=folder)
    (sdist,), (wheel,), (direct_wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl"), direct.glob("*.whl")
    return Built(sdist, wheel, direct_wheel)


def ran(*words: str, cwd: Path, environment: dict[str, str] | None = None) -> str:
    """What a command prints, which must end well."""
    done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tracked() -> set[str]:
    """The package's files that git tracks, or in a copy without git those that are there."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z", *FOLDERS], cwd=ROOT, capture_output=True, check=True).stdout
        names = {name for name in os.fsdecode(listed).split("\0") if name}
    else:
        files = (file for folder in FOLDERS for file in (ROOT / folder).rglob("*"))
        names = {str(file.relative_to(ROOT)) for file in files if file.is_file() and "__pycache__" not in file.parts}
        names = {name for name in names if not any(name.startswith(f"{link}/") for link in LINKS)}
    return names - LINKS


def installed(name: str) -> str:
    return name if name.startswith("quintet/") else f"quintet/{name}"


@pytest.mark.slow
def test_the_sdist_and_both_wheels_have_every_file(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {name for name in inside if name.partition("/")[0] in FOLDERS} == tracked()
    assert inside >= {
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "SECURITY.md",
        "pyproject.toml",
        "tests/test_packaging.py",
    }

    for wheel in (built.wheel, built.direct_wheel):
        with zipfile.ZipFile(wheel) as archive:
            names = set(archive.namelist())
        about = {name for name in names if name.partition("/")[0].endswith(".dist-info")}
        assert names - about == {installed(name) for name in tracked()}
        assert {name.partition("/")[2] for name in about} == {
            "METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE",
        }  # fmt: skip


@pytest.mark.slow
def test_the_wheel_runs_in_an_empty_folder_with_an_empty_home(built: Built, tmp_path: Path) -> None:
    environment, folder, home = tmp_path / "environment", tmp_path / "empty", tmp_path / "home"
    venv.create(environment, symlinks=True)
    python = str(environment / "bin" / "python")
    install = ("--no-index", "--no-deps", "--disable-pip-version-check", str(built.wheel))
    ran(sys.executable, "-m", "pip", "--python", python, "install", *install, cwd=tmp_path)
    (site,) = environment.glob("lib/python*/site-packages")
    others = [path for path in sys.path if path and Path(path).resolve() != ROOT.resolve()]
    (site / "others.pth").write_text("\n".join(others))  # what quintet needs, from here; workers get no PYTHONPATH
    for made in (folder, home):
        made.mkdir()
    seen = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}

    def run(*words: str) -> str:
        return ran(*words, cwd=folder, environment=seen).strip()

    command = str(environment / "bin" / "quintet")
    told = "import importlib.metadata as m, quintet.engine; print(m.version('quintet'), quintet.engine.__file__)"
    version, _, place = run(python, "-c", told).partition(" ")
    assert Path(place).is_relative_to(site)
    assert run(command, "--version") == f"quintet {quintet.__version__}" == f"quintet {version}"
    assert "study" in run(command, "profiles")
    log = Path(run(command, "run", "simulated", "--headless", "--for", "3s"))
    assert log.is_relative_to(home)
    assert "simulated" in run(command, "report", str(log))
    assert list(folder.iterdir()) == []


@pytest.mark.slow
def test_an_editable_install_leads_to_this_folder(tmp_path: Path) -> None:
    program = "import sys; from hatchling.build import build_editable; build_editable(sys.argv[1])"
    ran(sys.executable, "-c", program, str(tmp_path), cwd=ROOT)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (path,) = (name for name in archive.namelist() if name.endswith(".pth"))
        assert archive.read(path).decode().strip() == str(ROOT)
