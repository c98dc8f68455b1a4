"""Paths as people give them: a home folder that there is none of, a folder in a file's place, a link that leads nowhere."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

ABSENT = "is not there"


def expanded(given: str | Path) -> Path:
    """The path with `~` as the home folder; as it stands where there is no such home."""
    path = Path(given)
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def no_file(path: Path) -> str | None:
    """Why no file can be read at a path, in words that follow it; None where there is one."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "is a link that leads nowhere" if path.is_symlink() else ABSENT
    except OSError as error:
        return "is a link that leads in a circle" if error.errno == errno.ELOOP else f"cannot be read: {error.strerror}"
    except ValueError:  # a NUL, or a letter that this locale cannot write
        return "is no path on this machine"
    if stat.S_ISDIR(mode):
        return "is a folder"
    return None if stat.S_ISREG(mode) else "is a pipe or a device, no file"
