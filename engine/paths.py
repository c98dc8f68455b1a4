"""Paths as people give them: no such home folder, a folder in a file's place, a broken link, a name that is not UTF-8.

A path is a text in which Python keeps bytes that are not UTF-8 as surrogates (os.fsdecode), so nothing of it is lost until
it is shown; `readable` makes it text for people and for the log.
"""

from __future__ import annotations

import errno
import stat
from pathlib import Path

ABSENT = "is not there"


def readable(text: str) -> str:
    """The text with a replacement sign for every byte of a path that is not UTF-8."""
    return "".join("\N{REPLACEMENT CHARACTER}" if "\ud800" <= one <= "\udfff" else one for one in text)


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
