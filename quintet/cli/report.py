"""`quintet report`: what was asked, checked; the report written or printed; limits held against it."""

from __future__ import annotations

import importlib.util
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quintet.cli.output import print_path
from quintet.engine.errors import BadInput
from quintet.engine.storage.atomic_write import draft_of, refuse_special
from quintet.engine.visible_text import visible

if TYPE_CHECKING:
    from quintet.engine.report.fail_if import Limit
    from quintet.engine.report.findings import Findings
    from quintet.engine.storage.open_log import Log

FORMATS = {"text": ".txt", "md": ".md", "json": ".json", "html": ".html"}
FAILED_IF = 3


def report(
    log: Annotated[str, typer.Argument(metavar="LOG", help="The path of a journal, or a session's name.")],
    form: Annotated[
        str | None, typer.Option("--format", help="text, md, json or html; text, or what --out ends in.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="PATH", help="A file instead of the output.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file of that name.")] = False,
    outcome: Annotated[
        str | None,
        typer.Option("--outcome", help="infer, predict, scored, request, cycle or images_per_s; predict unless told."),
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option("--fail-if", metavar="EXPR", help='"accuracy_off.together.detect > 10": status 3. Repeatable.'),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="--fail-if: exit 3 if it cannot be judged, too.")] = False,
    burn_in: Annotated[float | None, typer.Option("--burn-in", metavar="S", help="Burn-in in seconds.")] = None,
    burn_in_images: Annotated[int | None, typer.Option("--burn-in-images", help="Burn-in in images, at least.")] = None,
    block: Annotated[
        float | None, typer.Option("--block", metavar="S", help="How long a stretch must be to count as a block.")
    ] = None,
    block_images: Annotated[
        int | None, typer.Option("--block-images", help="The same in images of its slowest lane.")
    ] = None,
    margin: Annotated[
        float, typer.Option("--margin", metavar="PCT", help="Changes inside it are called the same.")
    ] = 2.0,
    percentile: Annotated[int, typer.Option("--percentile", help="Tail percentile to show: 90, 95 or 99.")] = 95,
) -> None:
    """Report on a log: finding, method, conditions, tables. Rules can differ from the run's."""
    from quintet.cli import logs as reading
    from quintet.engine.report.fail_if import limit
    from quintet.engine.report.findings import findings
    from quintet.engine.storage import open_log

    kind, limits = _format(form, out), [limit(text) for text in fail_if or []]
    if strict and not limits:
        raise BadInput("--strict is about --fail-if. Give an expression with it, or leave it out.")
    chosen = "predict" if outcome is None else outcome
    rules = reading.rules(
        outcome=chosen, burn_in_s=burn_in, burn_in_images=burn_in_images, block_s=block, block_images=block_images,
        margin_pct=margin, percentile=percentile,
    )  # fmt: skip
    if out is not None:
        _check(out, force=force)
    signal.signal(signal.SIGINT, lambda *_: sys.exit(130))  # what was begun is removed on the way out
    read = open_log.read(log)
    found = findings(read.session, rules, chosen)
    if chosen in found.untimed:
        raise BadInput(f"--outcome {chosen}: on this device it is queue time; it is a time only with stages=on.")
    told = written(found, kind, read, outcome)
    if out is None:
        print(told)
    else:
        save(told, out)
        print_path(out)
    raise typer.Exit(held(found, limits, strict=strict))


def _format(form: str | None, out: Path | None) -> str:
    """The format as asked, else by the file's ending, else text. Raises BadInput."""
    kind = form or next((kind for kind, suffix in FORMATS.items() if out is not None and out.suffix == suffix), "text")
    if kind not in FORMATS:
        raise BadInput(f"--format {kind}: there are {', '.join(FORMATS)}.")
    if kind == "html" and importlib.util.find_spec("matplotlib") is None:
        raise BadInput(
            "HTML's figures are drawn by matplotlib, which is missing. Install it with: pip install matplotlib"
        )
    return kind


def _check(out: Path, *, force: bool) -> None:
    """Refuse what cannot be written before anything is read. Raises BadInput."""
    if out.is_dir():
        raise BadInput(f"--out {out}: this is a folder. Give a file's path.")
    if out.exists() and not force:
        raise BadInput(f"--out {out}: the file exists already. Give --force to replace it.")
    if not out.absolute().parent.is_dir():
        raise BadInput(f"--out {out}: there is no folder {out.absolute().parent}.")
    refuse_special(out)


def held(found: Findings, limits: list[Limit], *, strict: bool) -> int:
    """The exit status of the limits, told on stderr: 3 when one holds, or with strict when one cannot be judged.

    Raises BadInput for the first that names what there is none, once the others are told.
    """
    from quintet.engine.report.fail_if import judge

    status, wrong = 0, None
    for one in limits:
        try:
            judged = judge(found, one)
        except BadInput as error:
            wrong = wrong or error
            continue
        print(f"quintet: {visible(judged.says)}", file=sys.stderr)
        if judged.holds or (judged.holds is None and strict):
            status = FAILED_IF
    if wrong is not None:
        raise wrong
    return status


def written(found: Findings, kind: str, read: Log, only: str | None) -> str:
    """The report in one format; `only` narrows JSON to one outcome."""
    told = (found, read.path.name, read.bad, read.unverified_bytes)
    if kind == "json":
        from quintet.engine.report.formats.json_format import data

        return data(*told, only=only)
    if kind == "md":
        from quintet.engine.report.formats.markdown import markdown

        return markdown(*told)
    if kind == "html":
        from quintet.engine.report.formats.html import html

        return html(*told)
    from quintet.engine.report.formats.text import text

    return text(*told)


def save(told: str, out: Path) -> None:
    """Write it beside its place, then move it there: nobody ever sees half a report. Raises BadInput."""
    try:
        with draft_of(out) as file:
            file.write(told + "\n")
    except OSError as error:
        raise BadInput(f"--out {out} cannot be written: {error.strerror}.") from error


def register(app: typer.Typer) -> None:
    """Add the command to the command line, once."""
    if not any(command.name == "report" for command in app.registered_commands):
        app.command(name="report")(report)
