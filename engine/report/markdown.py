"""The report in Markdown: the same parts as in plain text, for a pull request or an issue."""

from __future__ import annotations

from collections.abc import Sequence

from quintet.engine.report.conditions import Fact, conditions, head
from quintet.engine.report.exclusions import accuracy, excluded
from quintet.engine.report.findings import Findings
from quintet.engine.report.method import method
from quintet.engine.report.sentences import finding
from quintet.engine.report.sheets import LEFT, Sheet, lanes_sheet, sheets


def markdown(found: Findings, name: str, bad: Sequence[tuple[int, int]] = (), unverified_bytes: int = 0) -> str:
    """The whole report; `name` is the log's, bad and unverified_bytes what its reader found."""
    parts = [
        *map(_safe, finding(found)),
        "\n".join(f"- {_safe(told)}" for told in (name, *head(found))),
        facts("Method", method(found)),
        facts("Conditions", conditions(found)),
        table(lanes_sheet(found)),
        "\n".join(
            [
                "## Left out, and why",
                "",
                *(f"- {_safe(told)}" for told in excluded(found, bad, unverified_bytes) or ["nothing"]),
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
    return "\n".join([f"## {title}", "", *(f"- **{_safe(label)}**: {_safe(told)}" for label, told in found)])


def table(sheet: Sheet) -> str:
    """A heading, what it is of, and a pipe table."""
    lines = [f"## {_safe(sheet.title)}", ""]
    if sheet.note:
        lines += [_safe(sheet.note), ""]
    lines.append(_row([column.words for column in sheet.columns]))
    lines.append("|" + "|".join(":---" if column.side == LEFT else "---:" for column in sheet.columns) + "|")
    return "\n".join([*lines, *(_row(row) for row in sheet.rows)])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_safe(cell).replace("\n", "<br>") for cell in cells) + " |"


def _safe(text: str) -> str:
    """Text of a profile or a fault may hold what Markdown or its HTML would take as its own."""
    for letter in "\\`*_|<>[]":
        text = text.replace(letter, f"\\{letter}" if letter not in "<>" else {"<": "&lt;", ">": "&gt;"}[letter])
    return text
