"""The report in plain text, 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from quintet.engine.report.conditions import TIED, Fact, conditions, head, tied
from quintet.engine.report.exclusions import accuracy, excluded
from quintet.engine.report.finding import finding
from quintet.engine.report.findings import Findings
from quintet.engine.report.method import method
from quintet.engine.report.tables import LEFT, Column, Sheet, lanes_sheet, sheets
from quintet.engine.visible_text import visible, visible_lines, visible_wrapped, width

WIDTH, LABEL = 80, 11


def text(found: Findings, name: str, bad: Sequence[tuple[int, int]] = (), unverified_bytes: int = 0) -> str:
    """The whole report; `name` is the log's, bad and unverified_bytes what its reader found."""
    parts = [
        "\n".join(line for sentence in finding(found) for line in wrapped(sentence)),
        "\n".join(line for told in (name, *head(found)) for line in wrapped(told)),
        facts("Method", method(found)),
        facts("Conditions", conditions(found)),
        table(lanes_sheet(found), indent=2),
        _excluded(excluded(found, bad, unverified_bytes)),
        *(table(sheet) for sheet in sheets(found)),
    ]
    told = accuracy(found)
    if told:
        parts.append(facts("Accuracy, last value", told))
    return "\n\n".join(parts)


def wrapped(told: str, first: str = "", rest: str = "") -> list[str]:
    """Lines of at most WIDTH columns; a number and its unit, and the ends of an interval, stay together."""
    lines = visible_wrapped(tied(told), WIDTH, initial_indent=first, subsequent_indent=rest)
    return [line.replace(TIED, " ") for line in lines]


def fitted(words: str, room: int, *, right: bool = False) -> str:
    """Words cut and filled up to so many columns of a terminal."""
    while width(words) > room:
        words = words[:-1]
    blank = " " * (room - width(words))
    return blank + words if right else words + blank


def facts(title: str, found: Sequence[Fact]) -> str:
    """A heading over labelled lines, wrapped."""
    lines = [title]
    for label, told in found:
        lines += wrapped(told, f"  {fitted(visible(label), LABEL - 1)} ", " " * (LABEL + 2))
    return "\n".join(lines)


def _excluded(found: Sequence[str]) -> str:
    lines = ["Left out, and why"]
    for told in found or ["nothing"]:
        lines += wrapped(told, "  ", "    ")
    return "\n".join(lines)


def table(sheet: Sheet, indent: int = 0) -> str:
    """A table in columns under its title."""
    columns = [
        _aligned(visible_lines(column.words), [visible_lines(row[n]) for row in sheet.rows], column)
        for n, column in enumerate(sheet.columns)
    ]
    widths, gap = _widths(columns, sheet, WIDTH - indent)
    if sum(widths) + gap * (len(widths) - 1) > WIDTH - indent:
        columns = [[cell.replace(" .. ", "..") for cell in column] for column in columns]
        widths, gap = _widths(columns, sheet, WIDTH - indent)
    rows = [[column[place] for column in columns] for place in range(len(sheet.rows) + 1)]
    lines = [" " * indent + line for row in rows for line in _row(row, widths, gap, sheet)]
    return "\n".join([*wrapped(sheet.title), *wrapped(sheet.note), *lines])


def _widths(columns: list[list[str]], sheet: Sheet, room: int) -> tuple[list[int], int]:
    """The columns' widths and the gap between them: what is too wide loses gaps, then letters of names, never digits."""
    widths = [max(width(line) for cell in column for line in cell.split("\n")) for column in columns]
    gap = 2 if sum(widths) + 2 * (len(widths) - 1) <= room else 1
    over = sum(widths) + gap * (len(widths) - 1) - room
    for n, column in enumerate(sheet.columns):
        if over > 0 and column.side == LEFT:  # numbers never give way
            cut = min(over, max(0, widths[n] - 6))
            widths[n], over = widths[n] - cut, over - cut
    return widths, gap


def _aligned(head: str, cells: list[str], column: Column) -> list[str]:
    """One column, heading first; whole numbers keep the place of a decimal free where another has one."""
    if column.side == LEFT or not column.words.endswith(" %"):
        return [head, *cells]
    decimal = any("." in cell for cell in cells)
    return [head, *(cell if "." in cell or not decimal else f"{cell}  " for cell in cells)]


def _row(row: list[str], widths: list[int], gap: int, sheet: Sheet) -> list[str]:
    parts = [cell.split("\n") for cell in row]
    lines = []
    for number in range(max(map(len, parts))):
        cells = []
        for part, room, column in zip(parts, widths, sheet.columns, strict=True):
            words = part[number] if number < len(part) else ""
            cells.append(fitted(words, room, right=column.side != LEFT))
        lines.append((" " * gap).join(cells).rstrip())
    return lines
