"""What lies over the lanes for a moment: help, which is also the legend, and the question before leaving."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from quintet.engine.session import data_notes
from quintet.engine.session.lane import Lane
from quintet.engine.storage import side_files
from quintet.engine.visible_text import visible_wrapped
from quintet.tui.canvas.canvas import Row
from quintet.tui.theme.glyphs import told
from quintet.tui.theme.keymap import labelled
from quintet.tui.theme.palette import style
from quintet.version import __version__

LOOK: tuple[Row, ...] = (
    [("look", "panel bright")],
    [("1-5 0   ", "panel bright"), ("choose a lane, all; up, down, a click too", "panel")],
    [("space   ", "panel bright"), ("freeze, back to live; a replay: pause", "panel")],
    [("←→      ", "panel bright"), ("look back, forward by one column", "panel")],
    [("PgUp    ", "panel bright"), ("by one page, PgDn too; home, end", "panel")],
    [("[ ]     ", "panel bright"), ("previous, next mark, flip, block, fault", "panel")],
    [("v y     ", "panel bright"), ("side by side, rows; shared, log, own scale", "panel")],
    [("+ −     ", "panel bright"), ("seconds a column; a replay: its speed", "panel")],
    [("< >     ", "panel bright"), ("seconds a column, in a replay too", "panel")],
    [("tab     ", "panel bright"), ("the next table; or lanes, where one fits", "panel")],
    [("o       ", "panel bright"), ("outcome: predict, scored, images/s, ...", "panel")],
)
DO: tuple[Row, ...] = (
    [("do", "panel bright")],
    [("a       ", "panel bright"), ("accuracy on, off in the chosen lanes", "panel")],
    [("t       ", "panel bright"), ("alone (the lane chosen last), together", "panel")],
    [("b       ", "panel bright"), ("an A/B here and now, or the study", "panel")],
    [("x       ", "panel bright"), ("pause or stop the plan under way", "panel")],
    [("s       ", "panel bright"), ("every switch, in one lane or all", "panel")],
    [("r       ", "panel bright"), ("try a failed lane again, restart one", "panel")],
    [("e       ", "panel bright"), ("the chosen lane's log", "panel")],
    [("m       ", "panel bright"), ("write a note into the journal", "panel")],
    [("ctrl+p  ", "panel bright"), ("everything, by name", "panel")],
    [],
    [("leave", "panel bright")],
    [("d       ", "panel bright"), ("detach: the session goes on", "panel")],
    [("q       ", "panel bright"), ("stop the session, asks first", "panel")],
    [("ctrl+c  ", "panel bright"), ("asks the same; twice within 2 s stops", "panel")],
)
HOW_TO_READ: tuple[Row, ...] = (
    [("how to read it", "panel bright")],
    [("11.4    ", "panel bright"), ("mean since the last change, of 10 s at most, ms", "panel")],
    [("▃▅▇     ", "on+panel"), ("one bar: the mean of one column of time", "panel")],
    [("▅ ▅     ", "on+panel"), ("gap: no image; nothing is filled in", "panel")],
    [("▲       ", "panel bright"), ("above the scale", "panel")],
    [("◂       ", "off+panel"), ("95th percentile since the last change", "panel")],
    [("━━      ", "on+panel"), ("● accuracy computed", "panel")],
    [("╌╌      ", "off+panel"), ("○ accuracy off", "panel")],
    [("··      ", "panel dim"), ("parked, or no image", "panel")],
    [("╍╍      ", "panel"), ("below, of the session: on in some lanes", "panel")],
    [("│ ▴     ", "panel bright"), ("the column that is looked at; a note", "panel")],
    [("├─●─┤   ", "panel bright"), ("95 % interval of a change; ○ not settled", "panel")],
    [("▲ ▼     ", "panel bright"), ("slower, faster: no 0 in it, mean beyond 2 %", "panel")],
    [("=       ", "panel bright"), ("same: the whole interval within 2 %", "panel")],
    [("held    ", "panel dim"), ("the last accuracy; not being computed", "panel")],
    [("62/64 ! ", "panel dim"), ("over so many images of all; ! many left out", "panel")],
    [("—       ", "panel dim"), ("not known: too few images, or parked", "panel")],
)
WIDE_PANEL, NARROW_PANEL = 100, 72


def with_changed_keys(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """The rows with the keys that a person has changed."""
    return tuple(
        [(f"{labelled(row[0][0].rstrip()):8}", row[0][1]), *row[1:]] if len(row) > 1 else row for row in rows
    )  # fmt: skip


class Help(ModalScreen[None]):
    """Keys and legend; any key closes it, but tab turns it where not all fits."""

    def compose(self) -> ComposeResult:
        """One panel, drawn for the width there is."""
        yield Static(id="help")

    def on_mount(self) -> None:
        """Draw the first part, or all."""
        self._part = 0
        self._draw()

    def _draw(self) -> None:
        panel = self.query_one("#help", Static)
        wide = self.app.size.width >= WIDE_PANEL
        if self.app.size.width < NARROW_PANEL:
            panel.styles.padding = (0, 1)
        parts = (with_changed_keys(LOOK), with_changed_keys(DO), HOW_TO_READ)
        panel.update(beside((*parts[0], [], *parts[1]), HOW_TO_READ, 50) if wide else lines(parts[self._part]))
        panel.border_title = "help"
        panel.border_subtitle = f"quintet {__version__} · {'' if wide else 'tab turns · '}any key closes"

    def on_key(self, event: Key) -> None:
        """Turn or close."""
        event.stop()
        if event.key == "tab" and self.app.size.width < WIDE_PANEL:
            self._part = (self._part + 1) % 3
            self._draw()
        elif self.is_current:  # a second key may come before the first has closed it
            self.dismiss()


class Leave(ModalScreen[str]):
    """The question that `q` and ctrl+c ask."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "answer('stop')", "stop", id="leave.stop", tooltip="Stop the session; its journal stays"),
        Binding("l", "answer('detach')", "leave", id="leave.detach", tooltip="Leave the session running"),
        Binding("escape", "answer('')", "back", id="leave.back", tooltip="Back to the lanes"),
    ]

    def action_answer(self, answer: str) -> None:
        """Close with this answer, once."""
        if self.is_current:
            self.dismiss(answer)

    def compose(self) -> ComposeResult:
        """One panel."""
        panel = Static(
            lines(
                (
                    [("s       ", "panel bright"), ("stop the session; its journal stays", "panel")],
                    [("l       ", "panel bright"), ("leave it running: `quintet attach` comes back", "panel")],
                    [("escape  ", "panel bright"), ("back to the lanes", "panel")],
                )
            ),
            id="leave",
        )
        panel.border_title = "leave?"
        yield panel


class Note(ModalScreen[str]):
    """One line to write into the journal."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss('')", "back", id="note.back", tooltip="Back without a note"),
    ]

    def compose(self) -> ComposeResult:
        """One line."""
        line = Input(placeholder="what happens now, for the journal", max_length=200, id="note")
        line.border_title = "note"
        line.border_subtitle = "enter writes · escape goes back"
        yield line

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Write it."""
        self.dismiss(event.value.strip())


class LaneLog(ModalScreen[None]):
    """What is to be known of a lane's data, then what its process wrote to its stderr, and its last fault."""

    def __init__(self, words: str, text: str, head: Sequence[str] = ()) -> None:
        super().__init__()
        self._words, self._text, self._head = words, text, head

    def compose(self) -> ComposeResult:
        """The head, then the end of the text, as much as fits."""
        room = max(3, self.app.size.height - 8)
        wide = max(20, self.app.size.width - 12)
        head = [piece for line in self._head for piece in visible_wrapped(line, wide)][: room - 2]
        lines = re.split(r"\r?\n|\r", self._text.rstrip())
        wrapped = [visible_wrapped(line.expandtabs(), wide) or [""] for line in lines]
        shown = [piece for pieces in wrapped for piece in pieces][-(room - len(head)) :]
        shown = shown if any(shown) else ["nothing was written"]
        panel = Static(Text("\n".join([*head, *([""] if head else []), *shown])), id="log")
        panel.border_title = Content(told(self._words))
        panel.border_subtitle = "any key closes"
        yield panel

    def on_key(self, event: Key) -> None:
        """Close."""
        event.stop()
        if self.is_current:
            self.dismiss()


def lines(rows: tuple[Row, ...]) -> Text:
    """Rows of spans as one text."""
    text = Text()
    for row in rows:
        for words, role in row:
            text.append(told(words), style(role))
        text.append("\n")
    text.rstrip()
    return text


def beside(left: tuple[Row, ...], right: tuple[Row, ...], width: int) -> Text:
    """Two columns of rows, the second beginning at `width`."""
    joined = []
    for place in range(max(len(left), len(right))):
        one = left[place] if place < len(left) else []
        other = right[place] if place < len(right) else []
        gap = " " * max(1, width - sum(len(words) for words, _ in one))
        joined.append([*one, (gap, "panel"), *other])
    return lines(tuple(joined))


class ScreenOff(ModalScreen[None]):
    """The switch `screen` is off: one still sentence, and any key asks for it to be on again."""

    def __init__(self, ask: Callable[[], object]) -> None:
        super().__init__()
        self._ask = ask

    def compose(self) -> ComposeResult:
        """One sentence."""
        yield Static(
            "The screen is off: it reads and paints nothing, to see what it costs. Any key turns it on.", id="off"
        )

    def on_key(self, event: Key) -> None:
        """On again."""
        event.stop()
        self._ask()


LANE_LOG_BYTES = 20_000
"""So much of what a lane's process wrote is shown."""


def lane_log(journal: Path, lane: Lane) -> LaneLog:
    """A lane's data notes, its faults, and the end of what its process wrote beside this log."""
    head = [f"warning: {words}" for words in data_notes.warnings(lane)]
    head += [f"{note.data or 'settings'}: {note}" for note in data_notes.notes(lane)]
    text = "\n".join(f"{fault.kind}: {fault.text}\n{fault.stderr}" for fault in lane.faults)
    text += side_files.tail(side_files.lane_stderr(journal, lane.number), LANE_LOG_BYTES)
    return LaneLog(f"{lane.name}: its data and what it wrote", text, head)
