"""The switch panel: levels in force and asked for, lane by lane, and a key to change them while all runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Static

from quintet.engine.protocol.switches import MODES, SWITCHES, Switch
from quintet.engine.session.session import Session
from quintet.engine.session.snapshot import arm_at
from quintet.tui.canvas.canvas import Row
from quintet.tui.canvas.text import padded, shortened
from quintet.tui.canvas.titles import numbered
from quintet.tui.panels.overlays import lines
from quintet.tui.scene.event_log import lanes_in_words
from quintet.tui.theme.keymap import labelled

ROWS = (Switch("mode", tuple(MODES), "a preset of score, keep and data", study="its columns"), *SWITCHES)
NAME, ALL, LANE = 10, 13, 11
"""Columns of a switch's name, of the level all lanes share, and of one lane's own."""


class Panel(NamedTuple):
    """What the panel shows: the row the cursor is on, and the level that enter would ask for."""

    row: int
    level: int


def in_force(session: Session, lane: int, name: str, now_ns: int) -> str:
    """The level in force in a lane, with what is asked and not answered: `off→inline`; a dash before its first arm."""
    arm = arm_at(session.lanes[lane], now_ns)
    if arm is None:
        return "—"
    level = "custom" if arm.levels.get(name) is None else str(arm.levels[name])
    for asked in reversed(session.asked.values()):
        wanted = asked.command.what.get("set", {})
        if lane in asked.command.lanes and name in wanted:
            waiting = lane not in asked.answers and str(wanted[name]) != level
            return f"{level}→{wanted[name]}" if waiting else level
    return level


def panel_rows(
    session: Session, chosen: frozenset[int], panel: Panel, now_ns: int, width: int, *, brief: bool = False
) -> tuple[Row, ...]:
    """The panel as rows of spans; brief: without the study's sentence.

    Where not all lanes fit, those around the first chosen one are shown, and which.
    """
    count = len(session.lanes)
    fits = max(1, min(count, (width - 2 - NAME - ALL) // LANE))
    first = min(min(chosen, default=0) // fits * fits, count - fits) if len(chosen) < count else 0
    shown = range(first, min(count, first + fits))
    explained = width >= NAME + ALL + LANE * fits + 34
    which = f"{first + 1}-{shown.stop}/{count}" if fits < count else ""
    head: Row = [(f"  {which:{NAME}}", "panel"), (f"{'all lanes':{ALL}}", "panel dim")]
    head += [
        (padded(numbered(n, session.lanes[n].name, LANE - 1), LANE), "panel bright" if n in chosen else "panel dim")
        for n in shown
    ]
    rows = [head]
    for place, switch in enumerate(ROWS):
        levels = [in_force(session, lane.number, switch.name, now_ns) for lane in session.lanes]
        shared = levels[0] if len(set(levels)) == 1 else "mixed"
        here = place == panel.row
        row: Row = [
            ("▸ " if here else "  ", "panel bright"),
            (f"{switch.name:{NAME}}", "panel bright" if here else "panel"),
        ]
        row.append((f"{shortened(shared, ALL - 1):{ALL}}", "panel" if switch.live else "panel dim"))
        row += [
            (
                f"{'·' if shared != 'mixed' else shortened(levels[n], LANE - 1):{LANE}}",
                "panel dim" if shared != "mixed" else "panel",
            )
            for n in shown
        ]
        if explained:
            row.append((switch.says, "panel dim"))
        rows.append(row)
    choice = _choice(session, chosen, panel, width)
    return (*rows, *choice[:-2], choice[-1]) if brief else (*rows, [], *choice)


def _choice(session: Session, chosen: frozenset[int], panel: Panel, width: int) -> list[Row]:
    """Beneath: the levels to choose from, the study's sentence, the keys; in two lines where the levels need their own."""
    switch = ROWS[panel.row]
    whose: Row = [(f"{switch.name} of {lanes_in_words(session, sorted(chosen))}   ", "panel bright")]
    row: Row = []
    if switch.live:
        for place, level in enumerate(switch.offered):
            here = place == panel.level
            row.append((f"[{level}]" if here else f" {level} ", "panel bright" if here else "panel dim"))
    else:
        row.append(("fixed at start: write it into the profile", "panel dim"))
    long = sum(len(words) for words, _ in [*whose, *row]) > width
    study = f"The study: {switch.study}." if switch.study and not long else ""
    known = [(labelled("↑↓"), "switch"), (labelled("←→"), "level"), (_numbers(len(session.lanes)), "lane, all"),
             ("enter", "apply"), ("b", "A/B"), ("esc", "close")]  # fmt: skip
    while sum(len(key) + len(words) + 4 for key, words in known) > width + 3:
        known.pop(0)
    keys: Row = [part for key, words in known for part in ((key, "panel bright"), (f" {words}   ", "panel dim"))]
    return [*([whose, row] if long else [[*whose, *row]]), [(shortened(study, width), "panel dim")], keys]


def _numbers(lanes: int) -> str:
    """The keys of lanes: `1-5 0`."""
    return f"1-{min(9, lanes)} 0" if lanes > 1 else "1"


class SwitchPanel(ModalScreen[str]):
    """Shows and changes every switch. `ask` sends levels to lanes; `session` is asked for the latest on every frame.

    It returns the switch that an A/B was asked of, else an empty text.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "row(-1)", "switch", id="switches.up", tooltip="The switch above"),
        Binding("down", "row(1)", "switch", id="switches.down", tooltip="The switch below"),
        Binding("left", "level(-1)", "level", id="switches.left", tooltip="The level before"),
        Binding("right", "level(1)", "level", id="switches.right", tooltip="The next level"),
        *(Binding(str(n), f"choose({n - 1})", show=False, id=f"switches.lane.{n}") for n in range(1, 10)),
        Binding("0", "choose(-1)", show=False, id="switches.lane.all"),
        Binding("enter", "apply", "apply", id="switches.apply", tooltip="Ask the chosen lanes for this level"),
        Binding("b", "compare", "A/B", id="switches.compare", tooltip="An A/B of this switch"),
        Binding("escape,s,q", "close", "close", id="switches.close", tooltip="Back to the lanes"),
    ]

    def __init__(
        self,
        session: Callable[[], Session],
        now_ns: Callable[[], int],
        chosen: frozenset[int],
        choose: Callable[[frozenset[int]], None],
        ask: Callable[[list[int], dict[str, Any]], None],
    ) -> None:
        super().__init__()
        self._session, self._now_ns, self._choose, self._ask = session, now_ns, choose, ask
        self._chosen = chosen
        self._panel = Panel(0, 0)

    def compose(self) -> ComposeResult:
        """One panel."""
        panel = Static(id="switches")
        panel.border_title = "switches"
        yield panel

    def on_mount(self) -> None:
        """Draw, and go on drawing: levels change while one looks."""
        self._step_to(0)
        self.set_interval(0.5, self._draw)

    def _draw(self) -> None:
        size, static = self.app.size, self.query_one("#switches", Static)
        tight = size.width < 100 or size.height < 24
        static.styles.padding = (0, 0) if tight else (1, 3)
        width = min(118, size.width - (2 if tight else 8))
        rows = panel_rows(self._session(), self._chosen, self._panel, self._now_ns(), width, brief=size.height < 24)
        static.update(lines(rows))

    def _step_to(self, row: int) -> None:
        """The cursor on a row, its level at what is in force in the first chosen lane."""
        switch = ROWS[row % len(ROWS)]
        level = in_force(self._session(), min(self._chosen, default=0), switch.name, self._now_ns()).partition("→")[0]
        known = [str(one) for one in switch.offered]
        self._panel = Panel(row % len(ROWS), known.index(level) if level in known else 0)
        self._draw()

    def action_row(self, by: int) -> None:
        """Another switch."""
        self._step_to(self._panel.row + by)

    def action_level(self, by: int) -> None:
        """Another level to ask for."""
        count = len(ROWS[self._panel.row].offered)
        self._panel = self._panel._replace(level=(self._panel.level + by) % count)
        self._draw()

    def action_choose(self, lane: int) -> None:
        """One lane, or all."""
        count = len(self._session().lanes)
        if lane < count:
            self._chosen = frozenset(range(count)) if lane < 0 else frozenset((lane,))
            self._choose(self._chosen)
            self._step_to(self._panel.row)

    def action_apply(self) -> None:
        """Ask the chosen lanes."""
        switch = ROWS[self._panel.row]
        if switch.live:
            self._ask(sorted(self._chosen), {switch.name: switch.offered[self._panel.level]})

    def action_compare(self) -> None:
        """An A/B of the switch that the cursor is on."""
        if self.is_current and ROWS[self._panel.row].live:
            self.dismiss(ROWS[self._panel.row].name)

    def action_close(self) -> None:
        """Back to the lanes."""
        if self.is_current:
            self.dismiss("")
