"""The report in Markdown: the same parts as in plain text, for a pull request or an issue."""

from __future__ import annotations

import re
from collections.abc import Sequence

from quintet.engine.report.conditions import Fact, conditions, head
from quintet.engine.report.exclusions import accuracy, excluded
from quintet.engine.report.finding import finding
from quintet.engine.report.findings import Findings
from quintet.engine.report.method import method
from quintet.engine.report.tables import LEFT, Sheet, lanes_sheet, sheets
from quintet.engine.visible_text import visible


def markdown(found: Findings, name: str, bad: Sequence[tuple[int, int]] = (), unverified_bytes: int = 0) -> str:
    """The whole report; `name` is the log's, bad and unverified_bytes what its reader found."""
    parts = [
        *map(inert_line, finding(found)),
        "\n".join(f"- {inert_line(told)}" for told in (name, *head(found))),
        facts("Method", method(found)),
        facts("Conditions", conditions(found)),
        table(lanes_sheet(found)),
        "\n".join(
            [
                "## Left out, and why",
                "",
                *(f"- {inert_line(told)}" for told in excluded(found, bad, unverified_bytes) or ["nothing"]),
            ]
        ),
        *(table(sheet) for sheet in sheets(found)),
    ]
    told = accuracy(found)
    if told:
        parts.append(facts("Accuracy, last value", told))
    return "\n\n".join(parts)


def facts(title: str, found: Sequence[Fact]) -> str:
    """A heading and a list."""
    return "\n".join([f"## {title}", "", *(f"- **{inert(label)}**: {inert(told)}" for label, told in found)])


def table(sheet: Sheet) -> str:
    """A heading, what it is of, and a pipe table."""
    lines = [f"## {inert(sheet.title)}", ""]
    if sheet.note:
        lines += [inert_line(sheet.note), ""]
    lines.append(_row([column.words for column in sheet.columns]))
    lines.append("|" + "|".join(":---" if column.side == LEFT else "---:" for column in sheet.columns) + "|")
    return "\n".join([*lines, *(_row(row) for row in sheet.rows)])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join("<br>".join(map(inert, cell.split("\n"))) for cell in cells) + " |"


_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_OWN = re.compile(r"[\\`*_|\[\]~$@]|:(?=//)|(?<=\bwww)\.", re.IGNORECASE)
"""Signs that Markdown takes as its own, and what makes a link of a bare address."""
_BEGINS = re.compile(r"^( *\d*)([#+=.)-])(?!\d)")
"""What makes a heading or a list of a line that begins so."""


def inert(text: str) -> str:
    """Text that is nothing but text in Markdown and its HTML: a profile's, a fault's or a note's may hold anything."""
    marked = _OWN.sub(lambda found: f"\\{found[0]}", visible(text))
    return "".join(_HTML.get(letter, letter) for letter in marked)


def inert_line(text: str) -> str:
    """The same where it begins a paragraph or an item."""
    return _BEGINS.sub(r"\1\\\2", inert(text))
