"""A report's figures as inline SVG: matplotlib draws, the page's own colours and font are put in afterwards.

matplotlib is imported inside: whoever prints a table does not wait for it.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from quintet.engine.report.plot_data import OFF, ON, OTHER, Load, Panel, Series, Shade
from quintet.engine.visible_text import visible, visible_lines

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_IN = 9.6
LONGEST = 32
"""Letters of a label; longer ones would leave no room for what is drawn."""
COLOURS = {
    "ink": "#010203", "dim": "#020304", "grid": "#030405", "ground": "#040506", ON: "#050607", OFF: "#060708", OTHER: "#070809",
    **{f"pile{n}": f"#08090{n}" for n in range(6)},
}  # fmt: skip
"""Stand-ins, none used elsewhere; the page's style says what each is."""
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none", "svg.hashsalt": "quintet", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False,
    "axes.edgecolor": COLOURS["grid"], "axes.labelcolor": COLOURS["dim"], "text.color": COLOURS["ink"],
    "xtick.color": COLOURS["grid"], "ytick.color": COLOURS["grid"], "xtick.labelcolor": COLOURS["dim"],
    "ytick.labelcolor": COLOURS["dim"], "axes.titlesize": 9.5, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "axes.titlecolor": COLOURS["ink"], "axes.linewidth": 0.8, "lines.linewidth": 1.2, "axes.unicode_minus": True,
    "axes.axisbelow": True, "text.parse_math": False,
}  # fmt: skip


def drawn(told: Series, names: Sequence[str], outcome: str, margin_pct: float) -> dict[str, str]:
    """The figures that there is something for, by name: `changes`, `time`, `spread`, `load`; each an `<svg>` element."""
    import matplotlib as mpl

    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # only measured with that font; the reader's own draws it
        made: dict[str, Figure] = {}
        panels = [panel for panel in told.panels if panel.marks]
        if panels:
            made["changes"] = _changes(panels, margin_pct)
        if any(told.dots):
            made["time"] = _over_time(told, names, outcome)
        if any(told.spreads):
            made["spread"] = _spread(told, names, outcome)
        if told.load is not None:
            made["load"] = _load(told.load)
        return {name: _svg(figure, name) for name, figure in made.items()}


def _figure(rows: int, columns: int, height_in: float, **options: Any) -> tuple[Figure, list[Axes]]:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, [axis for row in axes for axis in row]


def _label(text: str) -> str:
    """A name as visible text of a bearable length."""
    shown = visible(text)
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"


def _svg(figure: Figure, name: str) -> str:
    """The figure as an element of a page: no prologue, metadata or name spaces, its own ids, the page's colours."""
    into = io.StringIO()
    figure.savefig(into, format="svg", transparent=True, metadata={"Date": None})
    text = visible_lines(into.getvalue())
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r"font: ([^;\"]*?px) [^;\"]*", r"font: \1 var(--font)", text)
    text = re.sub(
        r'<svg [^>]*?viewBox="([^"]*)"[^>]*>',
        rf'<svg role="img" aria-labelledby="{name}-says" viewBox="\1">',
        text,
        count=1,
    )
    for role, colour in COLOURS.items():
        text = text.replace(colour, f"var(--{role})")
    return text.strip()


# -- changes ------------------------------------------------------------------------------------------------------------


def _changes(panels: Sequence[Panel], margin_pct: float) -> Figure:
    """A panel a table and outcome: changes with their intervals, lanes as rows, the margin as a band about zero."""
    lanes = list(dict.fromkeys(mark.lane for panel in panels for mark in panel.marks))
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    figure, axes = _figure(rows, columns, (0.75 + 0.3 * len(lanes)) * rows, sharey=True, sharex="col")
    for axis, panel in zip(axes, panels, strict=False):
        _panel(axis, panel, lanes, margin_pct)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    for column in range(columns):
        _room(axes[column], panels[column::columns], margin_pct)
    return figure


def _panel(axis: Axes, panel: Panel, lanes: list[str], margin_pct: float) -> None:
    axis.set_title(f"{_label(panel.title)}, change in %")
    axis.axvspan(-margin_pct, margin_pct, color=COLOURS["grid"], alpha=0.5, linewidth=0)
    axis.axvline(0, color=COLOURS["dim"], linewidth=0.8)
    for mark in panel.marks:
        y = lanes.index(mark.lane)
        colour = COLOURS["ink" if mark.settled else "dim"]
        if mark.low is not None and mark.high is not None:
            axis.plot([mark.low, mark.high], [y, y], color=colour, linewidth=2.2, solid_capstyle="butt")
        face = colour if mark.settled else COLOURS["ground"]
        axis.plot([mark.change], [y], "o", color=colour, markerfacecolor=face, markersize=5.5)
        axis.annotate(mark.words, (1.0, y), xycoords=("axes fraction", "data"), ha="right", va="center", color=colour)
    axis.set_ylim(len(lanes) - 0.5, -0.6)
    axis.set_yticks(range(len(lanes)), [*map(_label, lanes)])
    axis.tick_params(axis="y", length=0, labelcolor=COLOURS["ink"])
    axis.xaxis.set_major_formatter(_signed)
    axis.spines["left"].set_visible(False)


def _room(axis: Axes, panels: Sequence[Panel], margin_pct: float) -> None:
    """One scale for the panels of a column, so that a small change looks small, with room for the words at the right."""
    marks = [mark for panel in panels for mark in panel.marks]
    ends = [0.0, *(end for mark in marks for end in (mark.low, mark.change, mark.high) if end is not None)]
    low, high = min(*ends, -margin_pct), max(*ends, margin_pct)
    axis.set_xlim(low - 0.06 * (high - low), high + 0.3 * (high - low))


def _signed(value: float, _: object = None) -> str:
    return "0" if value == 0 else f"{'+' if value > 0 else '−'}{abs(value):g}"


# -- over time ----------------------------------------------------------------------------------------------------------


def _over_time(told: Series, names: Sequence[str], outcome: str) -> Figure:
    """A row a lane: dots are means of some seconds, filled when lanes ran together; the ground is the setting."""
    figure, axes = _figure(len(names), 1, 0.5 + 0.95 * len(names), sharex=True)
    for axis, name, dots, shades in zip(axes, names, told.dots, told.shades, strict=True):
        axis.set_title(_label(name), pad=3)
        top = 1.12 * _high([dot.value for dot in dots])
        for role in (ON, OFF, OTHER):
            axis.add_patch(_ground(shades, role, top))
            for together in (True, False):
                its = [dot for dot in dots if dot.role == role and dot.together == together]
                face = COLOURS[role] if together else COLOURS["ground"]
                axis.plot(
                    [dot.t_s / 60 for dot in its], [min(dot.value, top) for dot in its], "o", color=COLOURS[role],
                    markerfacecolor=face, markersize=2.8, markeredgewidth=0.8,
                )  # fmt: skip
        axis.set_ylim(0, top)
        axis.grid(axis="y", color=COLOURS["grid"], linewidth=0.6)
        axis.locator_params(axis="y", nbins=4)
    axes[-1].set_xlim(0, told.seconds / 60)
    axes[-1].set_xlabel("minutes since the session's start")
    axes[len(names) // 2].set_ylabel(f"{outcome}, ms")
    return figure


def _high(values: Sequence[float]) -> float:
    """Room for 99 of 100; what is above stands at the edge."""
    ranked = sorted(values)
    return ranked[max(0, -(-len(ranked) * 99 // 100) - 1)] if ranked else 1.0


def _ground(shades: Sequence[Shade], role: str, top: float) -> Any:
    """All of a lane's time in one role as one path: a study has hundreds of blocks."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    corners, codes = [], []
    for begin_s, end_s, its in shades:
        if its == role:
            left, right = begin_s / 60, end_s / 60
            corners += [(left, 0.0), (left, top), (right, top), (right, 0.0), (left, 0.0)]
            codes += [Path.MOVETO, *[Path.LINETO] * 3, Path.CLOSEPOLY]
    path = Path(corners, codes) if corners else Path([(0.0, 0.0)], [Path.MOVETO])
    return PathPatch(path, facecolor=COLOURS[role], alpha=0.16, linewidth=0)


# -- distributions ------------------------------------------------------------------------------------------------------


def _spread(told: Series, names: Sequence[str], outcome: str) -> Figure:
    """A column a lane, a row a cell: median, quartiles, 5th to 95th percentile."""
    labels = list(dict.fromkeys(one.label for its in told.spreads for one in its))
    columns = min(5, len(names))
    rows = -(-len(names) // columns)
    figure, axes = _figure(rows, columns, (0.65 + 0.24 * len(labels)) * rows, sharey=True)
    for axis, name, its in zip(axes, names, told.spreads, strict=False):
        axis.set_title(_label(name))
        for one in its:
            y, colour = labels.index(one.label), COLOURS[one.role]
            p5, p25, p50, p75, p95 = one.values
            axis.plot([p5, p95], [y, y], color=colour, linewidth=1)
            axis.plot([p25, p75], [y, y], color=colour, linewidth=5, solid_capstyle="butt")
            axis.plot([p50], [y], "|", color=COLOURS["ink"], markersize=9, markeredgewidth=1.6)
        axis.set_xlim(left=0)
        axis.set_ylim(len(labels) - 0.5, -0.5)
        axis.set_yticks(range(len(labels)), [*map(_label, labels)])
        axis.tick_params(axis="y", length=0, labelcolor=COLOURS["ink"])
        axis.grid(axis="x", color=COLOURS["grid"], linewidth=0.6)
        axis.locator_params(axis="x", nbins=4)
        axis.spines["left"].set_visible(False)
    for axis in axes[len(names) :]:
        axis.set_visible(False)
    figure.supxlabel(f"{outcome}, ms", fontsize=9, color=COLOURS["dim"])
    return figure


# -- CPU and memory -----------------------------------------------------------------------------------------------------


def _load(load: Load) -> Figure:
    """CPU in cores and resident memory, process on process."""
    figure, axes = _figure(2, 1, 3.6, sharex=True)
    minutes = [t / 60 for t in load.t_s]
    piles = [COLOURS[f"pile{n % 6}"] for n in range(len(load.names))]
    axes[0].stackplot(minutes, *load.cpu, colors=piles, labels=[*map(_label, load.names)], linewidth=0)
    axes[0].plot(minutes, load.machine_cpu, color=COLOURS["ink"], linewidth=0.9, label="whole machine")
    axes[0].set_title(f"CPU in cores (the machine has {load.cores})")
    axes[1].stackplot(minutes, *load.memory, colors=piles, linewidth=0)
    axes[1].set_title("resident memory in GB (shared pages are counted in each process)")
    axes[1].set_xlabel("minutes since the session's start")
    for axis in axes:
        axis.set_ylim(bottom=0)
        axis.margins(x=0)
    figure.legend(loc="outside right center", frameon=False, reverse=True, labelcolor=COLOURS["ink"])
    return figure
