"""Files and folders for this user only: 0600 and 0700 whatever the umask is, and made, never taken over.

A umask of 000 would let everybody write them, one of 777 nobody, so their modes are set and not left to it.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from quintet.engine.errors import BadInput

FILE, FOLDER = 0o600, 0o700


def make_folder(folder: Path) -> None:
    """Make a folder and its missing parents; folders that exist stay as they are. Raises OSError."""
    if folder.parent != folder and not folder.parent.is_dir():
        make_folder(folder.parent)
    try:
        folder.mkdir(FOLDER)
    except FileExistsError:
        if not folder.is_dir():
            raise
    else:
        with contextlib.suppress(OSError):  # a file system without modes
            folder.chmod(FOLDER)


def create(path: Path, flags: int = os.O_WRONLY) -> int:
    """The descriptor of a new file. Raises FileExistsError where anything is, even a link that leads nowhere; OSError."""
    descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, FILE)
    with contextlib.suppress(OSError):
        os.fchmod(descriptor, FILE)
    return descriptor


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, in a folder of this user's own. Raises OSError."""
    draft = path.with_name(f"{path.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(create(draft), "wb") as file:
        file.write(content)
    draft.replace(path)


def read(path: Path, most_bytes: int) -> bytes | None:
    """The content of a plain file of this user's, or None: no such file, a link, too long, another user's."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid():
            return None
        try:
            content = file.read(most_bytes + 1)
        except OSError:
            return None
    return content if len(content) <= most_bytes else None


def is_own_folder(path: Path) -> bool:
    """Whether this is a folder of this user's, and no link to one."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()


def refuse_shared(folder: Path, elsewhere: str) -> None:
    """Raises BadInput unless this is a folder of this user's that is closed to others; `elsewhere` names the way out."""
    try:
        found = folder.lstat()
    except OSError as error:
        raise BadInput(f"{folder} cannot be read ({error.strerror}): {elsewhere}") from error
    if stat.S_ISLNK(found.st_mode):
        raise BadInput(f"{folder} is a link, and quintet needs a folder there. Remove it, or {elsewhere}")
    if not stat.S_ISDIR(found.st_mode):
        raise BadInput(f"{folder} is a file, and quintet needs a folder there. Remove it, or {elsewhere}")
    if found.st_uid != os.getuid():
        raise BadInput(f"{folder} belongs to another user. Remove it, or {elsewhere}")
    if found.st_mode & 0o077:
        raise BadInput(f"{folder} is open to other users. Run `chmod 700 {folder}`, or {elsewhere}")
