"""The report as one HTML file: no script, font or image from elsewhere. It prints, and follows the reader's light or dark."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from quintet.engine.report.conditions import Fact, conditions, head, tied
from quintet.engine.report.exclusions import accuracy, excluded
from quintet.engine.report.finding import finding
from quintet.engine.report.findings import Findings
from quintet.engine.report.formats.plots import drawn
from quintet.engine.report.method import method
from quintet.engine.report.plot_data import OFF, ON, OTHER, Series, series
from quintet.engine.report.tables import LEFT, Sheet, lanes_sheet, sheets
from quintet.engine.visible_text import visible

_LIGHT = {
    "ground": "#ffffff", "panel": "#f4f4f4", "ink": "#111111", "dim": "#5c5c5c", "grid": "#d4d4d4", "on": "#3f6f9f",
    "off": "#a8742f", "other": "#7a7a7a", "pile0": "#3a3a3a", "pile1": "#5a5a5a", "pile2": "#7a7a7a", "pile3": "#9a9a9a",
    "pile4": "#bababa", "pile5": "#dadada",
}  # fmt: skip
_DARK = {
    "ground": "#1c1c1c", "panel": "#262626", "ink": "#f0f0f0", "dim": "#a8a8a8", "grid": "#444444", "on": "#87afd7",
    "off": "#d7af5f", "other": "#a0a0a0", "pile0": "#e0e0e0", "pile1": "#c0c0c0", "pile2": "#a0a0a0", "pile3": "#808080",
    "pile4": "#606060", "pile5": "#484848",
}  # fmt: skip
_STYLE = """
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.5rem; max-width: 62rem; background: var(--ground); color: var(--ink);
  font: 15px/1.45 var(--font) }
.finding { margin: .4rem 0 1rem; padding: .9rem 1.1rem; background: var(--panel); border-left: 4px solid var(--ink);
  font-size: 1.2rem; line-height: 1.4 }
.finding p { margin: .3rem 0 }
.dim, figcaption, caption small { color: var(--dim) }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: 0 2rem }
h1 { font-size: 1rem; margin: 0; color: var(--dim); font-weight: normal }
h2 { font-size: 1.05rem; margin: 1.3rem 0 .4rem }
dl { margin: 0; display: grid; grid-template-columns: max-content 1fr; gap: .15rem .8rem; font-size: .88rem }
dt { color: var(--dim) } dd { margin: 0 }
ul { margin: 0; padding-left: 1.1rem; font-size: .88rem }
figure { margin: 1.3rem 0; break-inside: avoid }
figcaption { font-size: .88rem; margin-bottom: .3rem } figcaption b { color: var(--ink); font-size: 1.05rem }
svg { width: 100%; height: auto; display: block }
.scroll { overflow-x: auto }
table { border-collapse: collapse; margin: 1.2rem 0; font-size: .88rem; font-variant-numeric: tabular-nums;
  break-inside: avoid }
caption { text-align: left; font-weight: bold; padding-bottom: .3rem } caption small { display: block; font-weight: normal }
th, td { padding: .15rem .6rem; text-align: right; vertical-align: top; white-space: nowrap }
th { color: var(--dim); font-weight: normal; border-bottom: 1px solid var(--grid) }
td { border-bottom: 1px solid var(--panel) } td small { display: block; color: var(--dim) }
.left { text-align: left }
.key { display: inline-block; width: .8em; height: .8em; border-radius: 50%; vertical-align: -.05em }
@media print { :root { font-size: 10px } body { padding: 0; font-size: 10px; max-width: none } .scroll { overflow: visible } }
"""


def html(found: Findings, name: str, bad: Sequence[tuple[int, int]] = (), unverified_bytes: int = 0) -> str:
    """The whole page; `name` is the log's, bad and unverified_bytes what its reader found."""
    told = series(found)
    figures = drawn(told, found.names, found.rules.outcome, found.rules.margin_pct)
    results = sheets(found)
    compact = [sheet for sheet in results if sheet.every_outcome]
    left_out = excluded(found, bad, unverified_bytes) or ["nothing"]
    parts = [
        f"<h1>quintet report · {inert(name)}</h1>",
        f"<div class=finding>{''.join(f'<p>{inert(tied(told))}</p>' for told in finding(found))}</div>",
        "".join(f"<div class=dim>{inert(line)}</div>" for line in head(found)),
        f"<div class=facts><section>{_facts('Method', method(found))}</section><section>"
        f"{_facts('Conditions', conditions(found))}<h2>Left out, and why</h2><ul>"
        f"{''.join(f'<li>{inert(line)}</li>' for line in left_out)}</ul></section></div>",
        _changes_figure(found, figures),
        *(table(sheet) for sheet in results if not sheet.every_outcome),
        *_other_figures(told, figures),
        table(lanes_sheet(found)),
        *(table(sheet) for sheet in compact),
    ]
    last = accuracy(found)
    if last:
        parts.append(_facts("Accuracy, last value", last))
    return page(name, "\n".join(part for part in parts if part))


def inert(text: str) -> str:
    """Text that is nothing but text in HTML."""
    return escape(visible(text))


def page(name: str, body: str) -> str:
    """A whole page of this body."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{inert(name)} · quintet report</title>"
        f"<style>\n:root {{ --font: system-ui, sans-serif; {_colours(_LIGHT)} }}\n"
        f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {_colours(_DARK)} }} }}{_STYLE}</style></head>\n"
        f"<body>\n{body}\n</body></html>"
    )


def _colours(palette: dict[str, str]) -> str:
    return " ".join(f"--{role}: {colour};" for role, colour in palette.items())


def _facts(title: str, found: Sequence[Fact]) -> str:
    lines = "".join(f"<dt>{inert(label)}</dt><dd>{inert(told)}</dd>" for label, told in found)
    return f"<h2>{inert(title)}</h2><dl>{lines}</dl>"


def _figure(name: str, title: str, says: str, figures: dict[str, str]) -> str:
    if name not in figures:
        return ""
    return f"<figure><figcaption id={name}-says><b>{title}</b><br>{says}</figcaption>{figures[name]}</figure>"


def _changes_figure(found: Findings, figures: dict[str, str]) -> str:
    says = (
        "Dots are estimates, bars their 95 % intervals (none: too few rounds), the grey band is "
        f"±{found.rules.margin_pct:g} %. A hollow dot is not settled. Right of zero: longer times, more images per second."
    )
    return _figure("changes", "What changed, and how sure it is", says, figures)


def _other_figures(told: Series, figures: dict[str, str]) -> list[str]:
    keys = " · ".join(
        f'<span class=key style="background: var(--{role})"></span> {inert(told.words[role])}'
        for role in (ON, OFF, OTHER)
    )
    time = (
        f"{keys}. Filled: lanes together; hollow: one alone. Each lane has its own scale; the ground is coloured while the "
        "lane runs, blank while it waits."
    )
    spread = (
        f"{keys}. Line: 5th to 95th percentile; bar: quartiles; stroke: median. Images are not independent: how sure a mean "
        "is stands in the tables, not here."
    )
    made = [
        _figure("time", "Latency over time", time, figures),
        _figure("spread", "Distribution of single images", spread, figures),
        _figure("load", "CPU and memory over time", "Lanes and quintet's own processes, piled up.", figures),
    ]
    if "load" not in figures:
        made.append("<p class=dim>CPU and memory: this log has no telemetry.</p>")
    return made


def table(sheet: Sheet) -> str:
    """One sheet as a table that scrolls by itself."""
    heads = "".join(f"<th{_side(column.side)}>{_lines(column.words)}</th>" for column in sheet.columns)
    rows = "".join(
        "<tr>" + "".join(_cell(cell, c.side) for cell, c in zip(row, sheet.columns, strict=True)) + "</tr>"
        for row in sheet.rows
    )
    note = f"<small>{inert(sheet.note)}</small>" if sheet.note else ""
    return (
        f"<div class=scroll><table><caption>{inert(sheet.title)}{note}</caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _lines(text: str) -> str:
    """A cell's lines, one under the other."""
    return "<br>".join(map(inert, text.split("\n")))


def _side(side: str) -> str:
    return " class=left" if side == LEFT else ""


def _cell(cell: str, side: str) -> str:
    first, _, under = cell.partition("\n")
    small = f"<small>{_lines(under)}</small>" if under else ""
    return f"<td{_side(side)}>{inert(first)}{small}</td>"
