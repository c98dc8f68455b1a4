"""A lane's own Python: on a Jetson or a shared server torch lives in an environment that must not be touched.

Such an interpreter needs torch, ultralytics and msgpack, and gets one folder on its path with nothing in it but a link to
the package that runs here.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
from pathlib import Path

from quintet.engine import private_files
from quintet.engine.errors import BadInput
from quintet.engine.profile.schema import Lane, Profile
from quintet.engine.protocol.backends import facts

ASK_S = 20.0


def check(profile: Profile) -> None:
    """Every lane's own interpreter can be run and has what its worker needs. Raises BadInput."""
    for lane in profile.lanes:
        if lane.python is not None:
            _check(Path(profile.path).name, lane, lane.python)


def check_packages(profile: Profile) -> None:
    """This Python has what the lanes without their own need. Raises BadInput."""
    if any(facts(lane.backend).has_models and lane.python is None for lane in profile.lanes):
        missing = [package for package in ("torch", "ultralytics") if importlib.util.find_spec(package) is None]
        if missing:
            raise BadInput(
                f"{' and '.join(missing)} cannot be found in this Python, and {profile.name} needs it. "
                "Install it with: pip install 'quintet[models]'"
            )


def _check(file: str, lane: Lane, python: str) -> None:
    where = f"{file}, lane {lane.name}: python {python}"
    names = facts(lane.backend).packages
    program = (
        "import importlib.util as u, sys; print(sys.version_info >= (3, 10)); "
        f"print(*[n for n in {names!r} if u.find_spec(n) is None])"
    )
    try:
        told = subprocess.run([python, "-c", program], capture_output=True, text=True, timeout=ASK_S, check=True).stdout
    except (OSError, ValueError, subprocess.SubprocessError) as error:  # a ValueError is of a path with a NUL
        reason = error.strerror if isinstance(error, OSError) else "it did not respond"
        raise BadInput(f"{where} cannot be run: {reason}. Check `python`.") from error
    new_enough, _, missing = told.strip().partition("\n")
    if new_enough not in ("True", "False"):
        raise BadInput(f"{where} is not a Python interpreter. Check `python`.")
    if new_enough == "False":
        raise BadInput(f"{where} is older than 3.10. Name a newer one.")
    if missing.strip():
        raise BadInput(f"{where} lacks {' and '.join(missing.split())}. Install it there, or name another interpreter.")


def package_link(private: Path) -> Path:
    """The folder with a link to this package as its only content, made when it is missing."""
    folder = private / "path"
    private_files.make_folder(folder)
    link = folder / "quintet"
    if not link.is_symlink():
        link.symlink_to(Path(os.path.abspath(__file__)).parents[2])  # noqa: PTH100  resolve() would follow links
    return folder
