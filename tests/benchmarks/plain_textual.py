"""The same screen out of Textual's own Sparkline and DataTable: what the lane widget is measured against.

    python -m tests.benchmarks.plain_textual

Five sparklines of 20 columns, a head each, and a table of five rows and seven columns, all renewed once a second.
"""

from __future__ import annotations

import random
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import DataTable, Sparkline, Static

LANES = ("cls", "detect", "pose", "seg", "obb")
HEADS = ("lane", "on", "off", "change %", "interval", "verdict", "images/s %")


class Plain(App[None]):
    """Renews everything once a second, as a first version would."""

    CSS = "Horizontal { height: 24; } Vertical { width: 1fr; } Sparkline { height: 16; } DataTable { height: 8; }"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "quit", "quit")]

    def compose(self) -> ComposeResult:
        """Lanes above, the table below."""
        yield Static("quintet", id="status")
        with Horizontal():
            for name in LANES:
                with Vertical():
                    yield Static(name, id=f"head-{name}")
                    yield Sparkline([0.0] * 20, id=f"line-{name}")
        yield DataTable()

    def on_mount(self) -> None:
        """Begin."""
        self._chance = random.Random(1)
        self._history = {name: [25.0] * 20 for name in LANES}
        table = self.query_one(DataTable)
        table.add_columns(*HEADS)
        self._rows = [table.add_row(name, *("",) * 6) for name in LANES]
        self._columns = list(table.columns)
        self.set_interval(1.0, self._renew)

    def _renew(self) -> None:
        table = self.query_one(DataTable)
        for name, row in zip(LANES, self._rows, strict=True):
            value = self._chance.gauss(25, 1)
            self._history[name] = [*self._history[name][1:], value]
            self.query_one(f"#line-{name}", Sparkline).data = self._history[name]
            self.query_one(f"#head-{name}", Static).update(f"{name}  {value:.1f} ms  p95 {value * 1.2:.1f}")
            for column in self._columns[1:]:
                table.update_cell(row, column, f"{value + self._chance.random():.1f}")


if __name__ == "__main__":
    Plain().run()
