"""Reading logs: the rules of the options that read one, and the command that exports it."""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quintet.cli.output import print_path
from quintet.engine.errors import BadInput
from quintet.engine.visible_text import visible, visible_json

if TYPE_CHECKING:
    from quintet.engine.session.settings import Rules

PROGRESS_S = 2.0


def register(app: typer.Typer) -> None:
    """Add these commands to the command line, once."""
    if not any(command.name == "export" for command in app.registered_commands):
        app.command(name="export")(export)
        app.command(name="compare")(compare)


def rules(
    *, outcome: str, burn_in_s: float | None, burn_in_images: int | None, block_s: float | None, block_images: int | None,
    margin_pct: float, percentile: int,
) -> Rules:  # fmt: skip
    """The rules of these options; None is the default. Raises BadInput."""
    from quintet.engine.analysis.blocks import BLOCK_OUTCOMES
    from quintet.engine.session.image_columns import PERCENTILE_FLOORS
    from quintet.engine.session.settings import RULES
    from quintet.engine.storage import open_log

    if outcome not in BLOCK_OUTCOMES:
        raise BadInput(f"--outcome {outcome}: there are {', '.join(BLOCK_OUTCOMES)}.")
    if percentile not in PERCENTILE_FLOORS or percentile == 50:
        raise BadInput(f"--percentile {percentile}: there are 90, 95 and 99.")
    for option, number in (
        ("--burn-in", burn_in_s), ("--burn-in-images", burn_in_images), ("--block", block_s),
        ("--block-images", block_images), ("--margin", margin_pct),
    ):  # fmt: skip
        if number is not None:
            open_log.number(option, number)
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


def listing() -> list[str]:
    """A line a live session, then a line a log of the log folders, the newest last."""
    from quintet.engine.paths import no_file
    from quintet.engine.storage import live_sessions, locations, log_summary

    live = live_sessions.sessions()
    glances = [(f"live {(time.time() - entry.began_wall_s) / 60:.0f} min", Path(entry.journal)) for entry in live]
    known = {Path(entry.journal) for entry in live}
    paths = [path for folder in locations.log_folders() for path in folder.glob("*.msgpack") if path not in known]
    lines = []
    for state, path in [*glances, *(("", path) for path in sorted(paths, key=_changed))]:
        wrong = no_file(path)
        try:
            found = log_summary.glance(path) if wrong is None else None
        except OSError as error:
            wrong = f"cannot be read: {error.strerror}"
        if wrong is not None:
            lines.append(f"{path.stem}  {wrong}  {path}")
            continue
        if found is not None:
            length = "?" if found.length_s is None else f"{found.length_s / 60:.1f} min"
            words = state or f"{found.ended} {length}"
            lines.append(
                f"{path.stem}  {words}  {found.size_bytes / 1e6:.1f} MB  {','.join(found.lanes) or '?'}  {path}"
            )
    if not live:
        print("no session is live", file=sys.stderr)
    return [visible(line) for line in lines]


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def export(
    log: Annotated[str, typer.Argument(metavar="LOG", help="The path of a journal, or a session's name.")],
    out: Annotated[Path, typer.Option("--out", metavar="PATH", help="A folder; for perfetto a file.")],
    form: Annotated[str, typer.Option("--format", help="parquet, csv or perfetto.")] = "parquet",
    force: Annotated[bool, typer.Option("--force", help="Replace files of the same names.")] = False,
) -> None:
    """A journal as Parquet, CSV or a trace. The trace opens in ui.perfetto.dev."""
    import warnings

    from quintet.engine.frames import load
    from quintet.engine.frames.export import checked, export

    checked(form, out, force=force)
    signal.signal(signal.SIGINT, lambda *_: sys.exit(130))  # what was begun is removed on the way out
    progress = Progress()
    progress.say("reading")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are told below
        frames = load(log)
    export(frames, form, out, progress=progress.part)
    for note in frames.notes:
        print(f"quintet: {visible(note)}", file=sys.stderr)
    print_path(out)


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


def compare(
    log: Annotated[list[str], typer.Argument(metavar="LOG LOG...", help="Paths of journals, or sessions' names.")],
    outcome: Annotated[str, typer.Option("--outcome", help="Same as for `report`.")] = "predict",
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Also where weights, data, device or switches differ.")
    ] = False,
    form: Annotated[str, typer.Option("--format", help="text, md, json or html.")] = "text",
) -> None:
    """Logs side by side. The same cells, each log against the first, with the change from it."""
    from quintet.engine.analysis.blocks import RATE
    from quintet.engine.analysis.conditions import differences, noted, unrecorded
    from quintet.engine.analysis.log_comparison import compared
    from quintet.engine.report import log_comparison
    from quintet.engine.storage import open_log

    forms = {"text": log_comparison.text, "md": log_comparison.markdown, "html": log_comparison.html}
    if form not in (*forms, "json"):
        raise BadInput(f"--format {form}: choose one of text, md, json, html.")
    if len(log) < 2:
        raise BadInput("compare needs two logs at least.")
    if outcome == RATE:
        raise BadInput(f"--outcome {outcome}: compare puts times side by side. The rate is 1000 / cycle.")
    by = rules(
        outcome=outcome, burn_in_s=None, burn_in_images=None, block_s=None, block_images=None, margin_pct=2.0, percentile=95
    )  # fmt: skip
    first, *others = (open_log.read(one) for one in log)
    pages = []
    for other in others:
        differ = differences(first.session, other.session)
        if differ and not anyway:
            raise BadInput(
                f"{first.path.name} and {other.path.name} were measured under different conditions; --anyway compares them "
                f"all the same. What differs:",
                *differ,
            )
        told = log_comparison.Differing(
            differ, noted(first.session, other.session), unrecorded(first.session, other.session)
        )
        rows = compared(first.session, other.session, by)
        if form == "json":
            page = json.dumps(log_comparison.data(first, other, told, rows, outcome), ensure_ascii=False)
            pages.append(visible_json(page))
        else:
            pages.append(forms[form](first, other, told, rows, outcome))
    print(("\n" if form == "json" else "\n\n").join(pages))
