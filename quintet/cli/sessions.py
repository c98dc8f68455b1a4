"""Start a session and stay with it: in the foreground without a screen, or detached with one attached."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import msgspec

from quintet.cli.observe import own_screen, told
from quintet.cli.output import print_path
from quintet.engine.control.client import Client
from quintet.engine.errors import BadInput
from quintet.engine.journal.format import NoJournal
from quintet.engine.journal.reader import Reader
from quintet.engine.profile.schema import Profile
from quintet.engine.protocol import requests
from quintet.engine.protocol.control_messages import Hello
from quintet.engine.protocol.events import FORMAT
from quintet.engine.session import data_notes
from quintet.engine.session.session import Session
from quintet.engine.storage import live_sessions, locations, session_lock, side_files
from quintet.engine.storage.follower import SessionFollower
from quintet.engine.storage.side_files import SideFile
from quintet.engine.supervisor.worker_process import UMASK
from quintet.engine.visible_text import visible

PROGRESS_S = 5.0
HANDSHAKE_S = 20.0
SMALLEST = (60, 20)
STOP_PATIENCE_S = 20.0


class Asked(NamedTuple):
    """What `quintet run` was asked for."""

    profile: Profile
    sets: list[str]
    for_s: float | None
    log: Path | None
    start_timeout_s: float
    forks: bool
    linger_s: float | None
    plan: requests.Plan | None = None
    """A plan to carry out; the session ends with it."""
    observed: bool = False
    """With a screen of its own on a terminal that nobody sees; what it cost is printed at the end."""
    most_bytes: int | None = None
    """End once the journal and its side files are so long in all."""


def headless(asked: Asked) -> int:
    """Run in the foreground; the journal's path alone to stdout once it is open. Returns the exit status."""
    from quintet.engine.supervisor.supervisor import Options, Supervisor

    journal = locations.new_journal(asked.profile.name, asked.log)
    private = locations.private_folder(journal)
    try:
        supervisor = Supervisor(
            asked.profile,
            journal,
            private,
            Options(asked.for_s, asked.start_timeout_s, None, asked.forks, asked.plan, asked.most_bytes),
        )
    except (BadInput, OSError) as error:
        locations.remove(private)
        raise BadInput(locations.unwritable(journal, error) if isinstance(error, OSError) else str(error)) from error

    async def all_of_it() -> int:
        opened = asyncio.Event()
        running = asyncio.create_task(supervisor.run(opened))
        waiting = asyncio.create_task(opened.wait())
        await asyncio.wait((running, waiting), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        texts: list[str] = []
        if opened.is_set():
            with own_screen(journal) if asked.observed else contextlib.nullcontext():
                texts = await _progress(journal, running)
        status = await running
        if supervisor.broken is not None and supervisor.broken not in texts:
            _tell(f"fault (disk): {supervisor.broken}")
        return status

    status = asyncio.run(all_of_it())
    if asked.observed:
        print(told(journal))
    return status


async def _progress(journal: Path, running: asyncio.Task[int]) -> list[str]:
    """Print the path, then what the journal says, every few seconds, and each fault: this too is only a reader.

    Returns the faults' texts.
    """
    with contextlib.suppress(OSError):  # nobody reads it any more
        print_path(journal)
    told = 0
    noted: set[str] = set()
    with SessionFollower(journal, Session) as follower:
        while True:
            ended, _ = await asyncio.wait((running,), timeout=PROGRESS_S)
            follower.poll()
            session = follower.session
            faults = [*session.faults, *(fault for lane in session.lanes for fault in lane.faults)]
            for fault in sorted(faults, key=lambda fault: fault.t_ns)[told:]:
                _tell(f"fault ({fault.kind}): {fault.text}")
            told = len(faults)
            for line in data_lines(session):
                if line not in noted:
                    noted.add(line)
                    _tell(line)
            if ended:
                return [fault.text for fault in faults]
            _tell(progress_line(session, time.monotonic_ns()))


def data_lines(session: Session) -> list[str]:
    """What the lanes' data sets lack and how they were matched: `warning (detect): ...`, then `note (detect): ...`."""
    return [
        f"{word} ({lane.name}): {text}"
        for lane in session.lanes
        for word, texts in (("warning", data_notes.warnings(lane)), ("note", map(str, data_notes.notes(lane))))
        for text in texts
    ]


def _tell(words: str) -> None:
    """A line to stderr; when nobody takes it any more the measurement goes on all the same."""
    with contextlib.suppress(OSError, ValueError):
        print(visible(words), file=sys.stderr, flush=True)


def progress_line(session: Session, now_ns: int) -> str:
    """One line on all lanes: mean predict of the last ten seconds, or what a lane is doing instead."""
    parts = []
    for lane in session.lanes:
        first, last = lane.rows.span(now_ns - 10_000_000_000, now_ns)
        mean = lane.rows.mean_ns("predict", first, last)
        waiting = "failed" if lane.failed_ns else "loading" if lane.ready is None else "-"
        parts.append(f"{lane.name} {waiting if mean is None else f'{mean / 1e6:.1f} ms'}")
    return f"{(now_ns - session.origin_ns) / 1e9:6.0f} s  " + "  ".join(parts)


class _Detached(NamedTuple):
    """A supervisor that was started, on its way to its one word."""

    process: subprocess.Popen[bytes]
    said: int
    private: Path
    stderr: SideFile

    def undo(self) -> None:
        """Before the screen stands, whatever breaks stops everything."""
        _end(self.process)
        locations.remove(self.private)
        self.stderr.close()


def on_screen(asked: Asked) -> int:
    """Start a detached supervisor, attach a screen, and print the journal's path at the end."""
    _refuse_terminal()
    journal = locations.new_journal(asked.profile.name, asked.log)
    private = locations.private_folder(journal)
    all_started: list[_Detached] = []
    early: list[int] = []

    def interrupted(number: int, _frame: object) -> None:  # acts itself: an exception amid imports can be swallowed
        early.append(number)
        for started in all_started:
            started.undo()
            os._exit(128 + number)

    signal.signal(signal.SIGINT, interrupted)
    try:
        started = _start_supervisor(asked, journal, private)
    except OSError as error:
        locations.remove(private)
        raise BadInput(locations.unwritable(journal, error)) from error
    all_started.append(started)
    if early:
        interrupted(early[0], None)
    try:
        from quintet.tui.app import QuintetApp  # while the supervisor starts

        _shake_hands(started)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        screen = QuintetApp(journal, locations.socket_path(private))
        screen.run()
    except BaseException:
        started.undo()
        raise
    if screen.return_value is None:  # it broke, and its traceback says how: nobody is left to stop the session
        _end(started.process)
    if screen.return_value == "detach":
        return told_of_detaching(journal)
    status = started.process.wait()
    print_path(journal)
    return 1 if status or screen.return_value is None else 0


def told_of_detaching(journal: Path) -> int:
    """Say how to come back; the exit status of a screen that was left."""
    print_path(journal)
    print(f"`quintet attach {journal.stem}` comes back, `quintet stop {journal.stem}` ends it.")
    if locations.ends_with_login():
        print("This machine ends your processes when you log out. `loginctl enable-linger` lets the session live on.")
    return 0


def attach(log: str | None) -> int:
    """A screen on a live session; returns the exit status."""
    _refuse_terminal()
    entry = live_sessions.find(log)
    from quintet.tui.app import QuintetApp

    screen = QuintetApp(Path(entry.journal), Path(entry.socket))
    screen.run()
    if screen.return_value == "detach":
        return told_of_detaching(Path(entry.journal))
    if screen.return_value == "stop":
        _wait_gone(entry)
    print_path(entry.journal)
    return 1 if screen.return_value is None else 0


def stop(log: str | None) -> int:
    """Stop a live session, wait for its end, print its journal's path; returns the exit status."""
    entry = live_sessions.find(log)

    async def ask() -> None:
        client = Client(lambda: None)
        await client.open(Path(entry.socket), Hello(FORMAT, os.getpid(), "stop", 0, 0, False))
        await client.ask("stop", {})
        await client.close()

    try:
        asyncio.run(ask())
    except (OSError, ConnectionError) as error:
        raise BadInput(f"{entry.name} does not answer: {error}. Its supervisor is process {entry.pid}.") from error
    _wait_gone(entry)
    print_path(entry.journal)
    return 0


def replay(log: str, speed: float) -> int:
    """A screen on a journal, with nobody behind it; returns the exit status."""
    _refuse_terminal()
    journal = locations.find_journal(log)
    try:
        with Reader(journal) as reader:
            batch = reader.poll()
            while not batch.events and not batch.at_end:
                batch = reader.poll()
    except NoJournal as error:
        raise BadInput(str(error)) from error
    if not any(event[0] == "start" for event in batch.events):
        raise BadInput(f"The `start` event of {journal} is damaged, and without it nothing in it can be read.")
    from quintet.tui.app import QuintetApp

    screen = QuintetApp(journal, None, replay_speed=speed)
    screen.run()
    return 1 if screen.return_value is None else 0


def _wait_gone(entry: live_sessions.Entry) -> None:
    end = time.monotonic() + STOP_PATIENCE_S
    while entry in live_sessions.sessions() and time.monotonic() < end:
        time.sleep(0.05)


def _refuse_terminal() -> None:
    """Raises BadInput where no screen can stand; else chooses its colours and signs, before Textual is imported."""
    from quintet.tui.theme import terminal

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise BadInput("The screen needs a terminal, and this is none. Use --headless.")
    terminal.refuse_dumb()
    terminal.prepare()
    columns, rows = terminal.settled_size(sys.stdout.fileno())
    if columns < SMALLEST[0] or rows < SMALLEST[1]:
        raise BadInput(
            f"The terminal has {columns}x{rows} characters and the screen needs {SMALLEST[0]}x{SMALLEST[1]}. "
            "Enlarge it, or use --headless."
        )


def _start_supervisor(asked: Asked, journal: Path, private: Path) -> _Detached:
    """Start it with the lock of the private folder, which it holds alone from then on. Raises OSError."""
    stderr = SideFile(side_files.supervisor_stderr(journal))
    lock = session_lock.held_by(private)
    said, say = os.pipe()
    order = {
        "profile": asked.profile.path, "sets": asked.sets, "journal": str(journal), "private": str(private),
        "for_s": asked.for_s, "start_timeout_s": asked.start_timeout_s, "linger_s": asked.linger_s,
        "forks": asked.forks, "say": say, "plan": msgspec.to_builtins(asked.plan), "most_bytes": asked.most_bytes,
        "lock": lock,
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "quintet.engine.supervisor", json.dumps(order)], stdin=subprocess.DEVNULL,
        stdout=stderr.descriptor, stderr=stderr.descriptor, pass_fds=(say, lock), start_new_session=True, umask=UMASK,
    )  # fmt: skip
    os.close(say)
    session_lock.let_go(private)
    return _Detached(process, said, private, stderr)


def _shake_hands(started: _Detached) -> None:
    """Wait for the supervisor's one word. Raises BadInput with its sentence when the session could not begin."""
    ready, _, _ = select.select([started.said], [], [], HANDSHAKE_S)
    word = os.read(started.said, 4096).decode() if ready else f"The supervisor did not start within {HANDSHAKE_S:g} s."
    os.close(started.said)
    if word != "open":
        raise BadInput(word or f"The supervisor ended before the session began: {started.stderr.path} says why.")


def _end(supervisor: subprocess.Popen[bytes]) -> None:
    """End a supervisor, whatever it does."""
    if supervisor.poll() is None:
        supervisor.send_signal(signal.SIGTERM)
        try:
            supervisor.wait(15)
        except subprocess.TimeoutExpired:
            supervisor.kill()
            supervisor.wait()
