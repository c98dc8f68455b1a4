"""Reading logs: the rules of the options that read one, and the command that exports it."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quintet.engine.profile import BadInput

if TYPE_CHECKING:
    from quintet.engine.stretches import Rules

PROGRESS_S = 2.0


def register(app: typer.Typer) -> None:
    """Add these commands to the command line, once."""
    if not any(command.name == "export" for command in app.registered_commands):
        app.command(name="export")(export)


def rules(
    *, outcome: str, burn_in_s: float | None, burn_in_images: int | None, block_s: float | None, block_images: int | None,
    margin_pct: float, percentile: int,
) -> Rules:  # fmt: skip
    """The rules of these options; None is the default. Raises BadInput."""
    from quintet.engine.blocks import BLOCK_OUTCOMES
    from quintet.engine.rows import PERCENTILE_FLOORS
    from quintet.engine.stretches import RULES

    if outcome not in BLOCK_OUTCOMES:
        raise BadInput(f"--outcome {outcome}: there are {', '.join(BLOCK_OUTCOMES)}.")
    if percentile not in PERCENTILE_FLOORS or percentile == 50:
        raise BadInput(f"--percentile {percentile}: there are 90, 95 and 99.")
    for option, number in (
        ("--burn-in", burn_in_s), ("--burn-in-images", burn_in_images), ("--block", block_s),
        ("--block-images", block_images), ("--margin", margin_pct),
    ):  # fmt: skip
        if number is not None and not 0 <= number <= 1e6:
            raise BadInput(f"{option} {number:g}: give a number from 0 on.")
    found = RULES._replace(outcome=outcome, margin_pct=margin_pct, tail_percent=percentile)
    if burn_in_s is not None:
        found = found._replace(burn_in_ns=round(burn_in_s * 1e9), planned_burn_in_ns=round(burn_in_s * 1e9))
    if burn_in_images is not None:
        found = found._replace(burn_in_images=burn_in_images)
    if block_s is not None:
        found = found._replace(
            block_ns=round(block_s * 1e9), block_most_ns=max(found.block_most_ns, round(block_s * 1e9))
        )
    if block_images is not None:
        found = found._replace(block_images=block_images)
    return found


def export(
    log: Annotated[str, typer.Argument(metavar="LOG", help="The path of a journal, or a session's name.")],
    out: Annotated[Path, typer.Option("--out", metavar="PATH", help="A folder; for perfetto a file.")],
    form: Annotated[str, typer.Option("--format", help="parquet, csv or perfetto.")] = "parquet",
    force: Annotated[bool, typer.Option("--force", help="Replace files of the same names.")] = False,
) -> None:
    """Write a journal's data frames as Parquet or CSV, or the session as a trace that ui.perfetto.dev opens."""
    import warnings

    from quintet.engine.frames import load
    from quintet.engine.frames.files import checked, export

    checked(form, out, force=force)
    signal.signal(signal.SIGINT, lambda *_: sys.exit(130))  # what was begun is removed on the way out
    progress = Progress()
    progress.say("reading")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are told below
        frames = load(log)
    export(frames, form, out, progress=progress.part)
    for note in frames.notes:
        print(f"quintet: {note}", file=sys.stderr)
    print(out)


class Progress:
    """Says on stderr how far long work is, from the second on that it takes more than PROGRESS_S."""

    def __init__(self) -> None:
        self._told = time.monotonic()

    def say(self, words: str) -> None:
        """Say it if nothing was said for a while."""
        now = time.monotonic()
        if now - self._told >= PROGRESS_S:
            self._told = now
            print(f"quintet: {words}", file=sys.stderr, flush=True)

    def part(self, done: int, of: int) -> None:
        """So much of it is done."""
        self.say(f"written {100 * done // max(1, of)} %")
