"""The command line: what was asked, checked, and handed to the one part that does it.

Heavy modules are imported where they are used, so that `quintet --help` and an error cost nothing.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from quintet.cli import output
from quintet.cli.options import checked, seconds, size_bytes
from quintet.engine.errors import BadInput
from quintet.version import __version__

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Five vision models on one machine, live: what does each switch cost, alone and together?",
    epilog="`quintet PROFILE` is `quintet run PROFILE`, and `quintet` alone runs the profile micro. "
    "Exit status: 0 done, 1 a lane failed or the session broke, 2 bad input, 3 a limit of report --fail-if holds.",
)


def _bytes_or_marks(error: UnicodeError) -> tuple[bytes, int]:
    """What a script gets of a text that its encoding lacks: a path's own bytes, and question marks for the rest."""
    assert isinstance(error, UnicodeEncodeError)
    letters = map(ord, error.object[error.start : error.end])
    return b"".join(bytes([one - 0xDC00]) if 0xDC80 <= one <= 0xDCFF else b"?" for one in letters), error.end


codecs.register_error("bytes_or_marks", _bytes_or_marks)


def main() -> None:
    """Run the command line; `run` may be left out. `quintet.__main__.main` makes the process ready for it first."""
    from quintet.cli import logs, plans, report

    plans.register(app)
    logs.register(app)
    report.register(app)
    try:
        os.getcwd()  # noqa: PTH109  Path.cwd is the same
    except OSError:
        print("quintet: the working folder is gone. Change to one that is there.", file=sys.stderr)
        sys.exit(2)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace" if stream.isatty() else "bytes_or_marks")
    output.guard()
    words = sys.argv[1:]
    commands = {command.name for command in app.registered_commands}
    if not any(word in ("--help", "--version") for word in words[:1]) and (not words or words[0] not in commands):
        words = ["run", *words]
    try:
        try:
            app(args=words, prog_name="quintet")
        finally:
            sys.stdout.flush()
    except BadInput as error:
        print(f"quintet: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        os._exit(1)  # what is left of the output has no reader
    except OSError as error:
        if error.filename is not None:  # a file's trouble is told where it is opened; this is of what is printed
            raise
        print(f"quintet: the output cannot be written: {error.strerror}.", file=sys.stderr)
        os._exit(1)  # the rest of the output cannot be flushed either


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    if version:
        print(f"quintet {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        raise typer.Exit(2)


@app.command(name="run")
def run(
    profile: Annotated[str, typer.Argument(help="A shipped profile's name, or the path of a .toml file.")] = "micro",
    headless: Annotated[
        bool, typer.Option("--headless", help="No screen: the journal's path to stdout, a line every 5 s to stderr.")
    ] = False,
    for_: Annotated[
        str | None,
        typer.Option("--for", metavar="TIME", help="Stop this long after all lanes have started: 60s, 5m, 1h."),
    ] = None,
    log: Annotated[
        Path | None, typer.Option("--log", metavar="PATH", help="The journal's path; it must not exist yet.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="LANE.SWITCH=LEVEL", help="A level at the start; LANE may be 'all'. Repeatable."),
    ] = None,
    no_nursery: Annotated[bool, typer.Option("--no-nursery", help="Start every worker as a plain process.")] = False,
    start_timeout: Annotated[
        str, typer.Option("--start-timeout", metavar="TIME", help="How long a lane may take to be ready.")
    ] = "120s",
    linger: Annotated[
        str,
        typer.Option("--linger", metavar="TIME", help="Stop the session after this long without an attached screen."),
    ] = "10m",
    max_log_size: Annotated[
        str | None,
        typer.Option("--max-log-size", metavar="SIZE", help="End once the log and its side files take so much: 200MB."),
    ] = None,
    colors: Annotated[
        str | None, typer.Option("--colors", help="256, 16, none, or auto (QUINTET_COLORS, NO_COLOR, TERM, COLORTERM).")
    ] = None,
    theme: Annotated[str | None, typer.Option("--theme", help="dark or light (QUINTET_THEME).")] = None,
) -> None:
    """Run the lanes and show them live. Starts in validation, together."""
    from quintet.cli import sessions

    _look(colors, theme)
    options = sessions.Asked(
        profile=checked(profile, set_), sets=set_ or [], for_s=None if for_ is None else seconds("--for", for_), log=log,
        start_timeout_s=seconds("--start-timeout", start_timeout), forks=not no_nursery,
        linger_s=seconds("--linger", linger),
        most_bytes=None if max_log_size is None else size_bytes("--max-log-size", max_log_size),
    )  # fmt: skip
    raise typer.Exit(sessions.headless(options) if headless else sessions.on_screen(options))


Colours = Annotated[
    str | None, typer.Option("--colors", help="256, 16, none, or auto (QUINTET_COLORS, NO_COLOR, TERM, COLORTERM).")
]
Theme = Annotated[str | None, typer.Option("--theme", help="dark or light (QUINTET_THEME).")]


@app.command(name="attach")
def attach(
    log: Annotated[str | None, typer.Argument(metavar="[LOG]", help="A live session's name or journal.")] = None,
    colors: Colours = None,
    theme: Theme = None,
) -> None:
    """Show a live session again. From any folder; two screens at once are fine."""
    from quintet.cli import sessions

    _look(colors, theme)
    raise typer.Exit(sessions.attach(log))


@app.command(name="replay")
def replay(
    log: Annotated[str, typer.Argument(metavar="LOG", help="A journal's path, or a session's name.")],
    speed: Annotated[float, typer.Option("--speed", metavar="X", help="How many times as fast as it was.")] = 1.0,
    colors: Colours = None,
    theme: Theme = None,
) -> None:
    """Show a session again from its journal, at any speed: space pauses, arrows seek, [ ] jump, ? lists the keys."""
    from quintet.cli import sessions

    if not 0 < speed <= 1000:
        raise BadInput(f"--speed {speed:g}: give a number above 0, up to 1000.")
    _look(colors, theme)
    raise typer.Exit(sessions.replay(log, speed))


def _look(colors: str | None, theme: str | None) -> None:
    """What was asked on the command line goes before what the environment says. Raises BadInput for a word that is none."""
    from quintet.tui.theme import terminal

    terminal.kind(os.environ, colors, theme)
    for name, word in (("QUINTET_COLORS", colors), ("QUINTET_THEME", theme)):
        if word is not None:
            os.environ[name] = word


@app.command(name="stop")
def stop(
    log: Annotated[str | None, typer.Argument(metavar="[LOG]", help="A live session's name or journal.")] = None,
) -> None:
    """Stop a live session and print its journal's path."""
    from quintet.cli import sessions

    raise typer.Exit(sessions.stop(log))


@app.command(name="ls")
def ls() -> None:
    """List live sessions and past logs. How each stands or ended, length, size, lanes, path."""
    from quintet.cli import logs

    print("\n".join(logs.listing()))


@app.command(name="profiles")
def profiles() -> None:
    """List the profiles that ship with quintet, and where they lie."""
    from quintet.engine.profile import load as profile_module

    for name in profile_module.names():
        loaded, faults = profile_module.examine(name)
        count = "1 lane" if len(loaded.lanes) == 1 else f"{len(loaded.lanes)} lanes"
        state = "ready" if not faults else "to fill in or fetch: see its first lines"
        print(f"{name:10} {count}: {', '.join(lane.name for lane in loaded.lanes)} · {state}")
    print(f"in {profile_module.FOLDER}")


@app.command(name="check")
def check(
    profile: Annotated[str, typer.Argument(help="A shipped profile's name, or the path of a .toml file.")] = "micro",
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="LANE.SWITCH=LEVEL", help="As of run. Repeatable.")
    ] = None,
    fetching: Annotated[
        bool,
        typer.Option(
            "--fetch", help="First fetch weights and data that the profile names and are not there; says what."
        ),
    ] = False,
    listing: Annotated[bool, typer.Option("--list", help="Name every picture that is left out, and why.")] = False,
    start_timeout: Annotated[
        str, typer.Option("--start-timeout", metavar="TIME", help="How long a lane may take to be ready.")
    ] = "120s",
) -> None:
    """Check a profile and this machine: load every lane once and report all that is wrong.

    Exit status: 0 ok, 1 more than 5 % of a data set is left out, 2 a lane cannot run.
    """
    from quintet.cli import check as checking

    timeout_s = seconds("--start-timeout", start_timeout)
    raise typer.Exit(checking.check(profile, set_ or [], timeout_s, fetching=fetching, listing=listing))
