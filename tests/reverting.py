"""Takes fixes back, one at a time, and runs the test of each: it must fail. `./check long reverts` runs all of them.

    python -m tests.reverting [PART-OF-A-NAME ...]

The table is reverting.toml beside this file, an entry for each fix:

    [[fix]]
    name = "a log is never replaced"
    test = "tests/test_report.py::test_a_log_..."    # pytest's name of a test, in full
    file = "engine/storage/atomic_write.py"                        # where the fix is
    fixed = '''the text as it is, found once'''
    before = '''the text before the fix'''

Each is done in a copy of what git tracks. The exit status is 1 when a test does not fail without its fix.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import NamedTuple

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
TABLE = Path(__file__).with_suffix(".toml")


class Fix(NamedTuple):
    """An entry of the table."""

    name: str
    test: str
    file: str
    fixed: str
    before: str


def fixes() -> list[Fix]:
    """All entries of the table."""
    return [Fix(**entry) for entry in tomllib.loads(TABLE.read_text(encoding="utf-8"))["fix"]]


def copied(folder: Path) -> Path:
    """A copy of what git tracks, as it is now."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in os.fsdecode(listed).split("\0"):
        if name and os.path.lexists(ROOT / name):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    return folder


def run(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Python of an environment with the copy in the place of this tree: a PYTHONPATH would not reach the workers."""
    environment = tree.parent / "environment"
    if not environment.exists():
        venv.create(environment, symlinks=True)
        (site,) = environment.glob("lib/python*/site-packages")
        (site / "copy.pth").write_text(
            "\n".join([str(tree), *(path for path in sys.path if path not in ("", str(ROOT)))])
        )
    python = (str(environment / "bin" / "python"), *words)
    return subprocess.run(python, cwd=tree, capture_output=True, text=True, check=False)


def wrong(fix: Fix) -> str | None:
    """What is wrong with a fix's entry, or None: its test fails without it and passes with it."""
    with tempfile.TemporaryDirectory(prefix="quintet-revert-") as folder:
        tree = copied(Path(folder).resolve() / "tree")
        imported = run(tree, "-I", "-c", "import quintet.engine; print(quintet.engine.__file__)").stdout.strip()
        if not Path(imported).is_relative_to(tree):
            return f"{imported} is imported, which is not of the copy"
        text = (tree / fix.file).read_text(encoding="utf-8")
        if text.count(fix.fixed) != 1:
            return f"the fixed text stands {text.count(fix.fixed)} times in {fix.file}, not once"
        for content, expected in ((text, 0), (text.replace(fix.fixed, fix.before), pytest.ExitCode.TESTS_FAILED)):
            (tree / fix.file).write_text(content, encoding="utf-8")
            ran = run(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", fix.test)
            if ran.returncode != expected:
                what = "does not fail without it" if expected else "does not pass with it"
                return f"{fix.test} {what}:\n{ran.stdout}{ran.stderr}"
    return None


def main(parts: list[str]) -> int:
    """Take back the fixes with such a name, all when none is given; print what each test said."""
    chosen = [fix for fix in fixes() if not parts or any(part in fix.name for part in parts)]
    found = [(fix.name, wrong(fix)) for fix in chosen]
    for name, fault in found:
        print(f"{name}: {fault or 'its test fails without it'}")
    return 1 if not chosen or any(fault for _, fault in found) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
