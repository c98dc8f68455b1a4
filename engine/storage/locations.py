"""Where things lie: logs, and each session's private folder with its control socket."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import sys
import tempfile
import time
from pathlib import Path

import platformdirs

from quintet.engine import private_files
from quintet.engine.errors import BadInput
from quintet.engine.paths import ABSENT, expanded, no_file
from quintet.engine.storage import session_lock, side_files

NAME_BYTES = 200
"""The longest name of a log: names of files beside it are made of it, and systems take 255 bytes."""
SOCKET_BYTES = 103 if sys.platform == "darwin" else 107
"""The longest path a unix socket may have."""


def state_folder() -> Path:
    """The user's state folder for quintet, made when it is missing, closed to others. Raises BadInput."""
    return _made(platformdirs.user_state_path("quintet", appauthor=False))


def _made(folder: Path) -> Path:
    try:
        private_files.make_folder(folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return folder


def _unwritable(folder: Path, error: OSError) -> BadInput:
    return BadInput(
        f"The state folder {folder} cannot be made or written: {error.strerror}. Set XDG_STATE_HOME to one that can."
    )


def log_folder() -> Path:
    """`./logs` where that folder exists, else `logs` in the state folder. Raises BadInput."""
    here = Path.cwd() / "logs"
    return here if here.is_dir() else _made(state_folder() / "logs")


def log_folders() -> list[Path]:
    """The folders in which logs are looked for by name: `./logs`, then the state folder's."""
    return [folder for folder in (Path.cwd() / "logs", state_folder() / "logs") if folder.is_dir()]


def unwritable(journal: Path, error: OSError) -> str:
    """One sentence for a journal that could not be made where `new_journal` saw room for it."""
    if isinstance(error, FileExistsError):
        return f"{journal} was taken by another session in the same second. Start again, or give --log another path."
    return f"{journal} cannot be written: {error.strerror or error}. Give --log another path."


def new_journal(profile: str, asked: Path | None) -> Path:
    """The path of a new journal: as asked, else <profile>-<yyyymmdd-hhmmss>.msgpack in the log folder.

    Raises BadInput when it exists already or its folder cannot be written.
    """
    if asked is None:
        stem = f"{profile}-{time.strftime('%Y%m%d-%H%M%S')}"
        folder = log_folder()
        tries = (folder / f"{stem}{suffix}.msgpack" for suffix in ("", *(f"-{n}" for n in range(2, 100))))
        path = next(path for path in tries if not path.exists() and not side_files.existing(path))
    else:
        path = expanded(asked).absolute()
        if len(os.fsencode(path.name)) > NAME_BYTES:
            raise BadInput(f"--log {asked}: a log's name has at most {NAME_BYTES} bytes. Give a shorter one.")
        if path.is_dir():
            what = f"{asked} is a folder" if asked != Path() else "--log is empty or names the folder that you are in"
            raise BadInput(f"{what}. Give --log the path of a file that does not exist yet.")
    if path.exists():
        raise BadInput(f"{path} exists already, and a journal is never overwritten. Give --log another path.")
    if taken := side_files.existing(path):
        raise BadInput(
            f"{taken[0]} exists already, and lanes write there what goes beside this log. "
            "Move it away, or give --log another path."
        )
    if not path.parent.is_dir():
        raise BadInput(f"There is no folder {path.parent} for the log. Make it, or give --log another path.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise BadInput(f"The log folder {path.parent} cannot be written. Give --log a path in another one.")
    return path


def find_journal(log: str) -> Path:
    """The journal of a path, or of a session's name in the log folders. Raises BadInput."""
    path, folders = named(log), log_folders()
    tries = [path, *(folder / f"{log}.msgpack" for folder in folders if path.name == log)]
    found = next((one for one in tries if no_file(one) is None), None)
    if found is None:
        wrong = no_file(path)
        if wrong != ABSENT:
            raise BadInput(f"{log} {wrong}. Give a journal's path, or a session's name.")
        where = ", ".join(str(folder) for folder in folders) or "a log folder"
        raise BadInput(f"There is no journal {log}, and no session of that name in {where}.")
    return found.absolute()


def named(log: str | Path) -> Path:
    """What was given for LOG as a path. Raises BadInput when it is empty."""
    if not str(log).strip():
        raise BadInput("LOG is empty. Give a journal's path, or a session's name as `quintet ls` lists it.")
    return expanded(log)


def sessions_folder() -> Path:
    """The folder of all sessions' private folders, made when it is missing.

    Raises BadInput when it cannot be made, or others can reach it: they could have files of this user's removed.
    """
    folder = _made(state_folder() / "sessions")
    private_files.refuse_shared(folder, "set XDG_STATE_HOME to another folder.")
    return folder


def private_folder(journal: Path) -> Path:
    """A new private folder for the session of this journal: Ultralytics' settings and the control socket lie there.

    This process holds its lock, which says that the session lives. Raises BadInput when it cannot be made.
    """
    parent = sessions_folder()
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{journal.stem[:40]}-", dir=parent))
    except OSError as error:
        raise _unwritable(parent, error) from error
    try:
        folder.chmod(private_files.FOLDER)
        session_lock.hold(folder)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise _unwritable(parent, error) from error
    return folder


def remove(private: Path) -> None:
    """Remove a session's private folder, and its lock last: until then it is of a session that lives."""
    shutil.rmtree(private, ignore_errors=True)
    session_lock.let_go(private)


LOGIND = (Path("/usr/lib/systemd/logind.conf.d"), Path("/etc/systemd/logind.conf"), Path("/etc/systemd/logind.conf.d"))


def ends_with_login(places: tuple[Path, ...] = LOGIND) -> bool:
    """Whether logind ends this user's processes with the login session (KillUserProcesses=yes), detached or not."""
    if "XDG_SESSION_ID" not in os.environ:
        return False
    answer = False
    for place in places:
        for file in sorted(place.glob("*.conf")) if place.is_dir() else [place]:
            try:
                found = re.findall(r"^\s*KillUserProcesses\s*=\s*(\w+)", file.read_text(), re.MULTILINE)
            except OSError:
                continue
            answer = found[-1].lower() in ("yes", "true", "on", "1") if found else answer
    return answer


def socket_path(private: Path) -> Path:
    """Where the control socket lies: in the private folder, or under the temporary folder when that path is too long.

    Raises BadInput when there is no folder for it there that is this user's alone.
    """
    path = private / "control"
    if len(os.fsencode(path)) <= SOCKET_BYTES:
        return path
    folder = Path(tempfile.gettempdir()) / _FALLBACK
    if not os.path.lexists(folder):
        try:
            private_files.make_folder(folder)
        except OSError as error:
            raise BadInput(f"{folder} cannot be made: {error.strerror}. Set TMPDIR to a folder that can.") from error
    private_files.refuse_shared(folder, "set TMPDIR to another folder.")
    return folder / _socket_name(private)


_FALLBACK = f"quintet-{os.getuid()}"


def _socket_name(private: Path) -> str:
    return private.name[-40:]


def remove_socket(private: Path, socket: Path) -> None:
    """Remove the socket that a dead session left under a temporary folder; nothing that is no socket of ours."""
    folder = socket.parent
    if folder.name != _FALLBACK or socket.name != _socket_name(private) or not private_files.is_own_folder(folder):
        return
    with contextlib.suppress(OSError):
        if stat.S_ISSOCK(socket.lstat().st_mode):
            socket.unlink()
