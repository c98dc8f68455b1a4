"""Where text leaves for the terminal: one filter over everything that Textual shows, and a palette without markup."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from rich.console import Console
from rich.segment import Segment
from textual.app import App
from textual.color import Color
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.filter import LineFilter

from quintet.engine.visible_text import visible
from quintet.tui.theme import glyphs, palette


class VisibleText(LineFilter):
    """The last door to the terminal: whatever a widget, border or message shows is visible text in the signs in use."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same segments, visible."""
        if not glyphs.current().plain and all(text.isprintable() for text, _, _ in segments):
            return segments
        return [
            Segment(text if control else glyphs.told_in_place(text), style, control) for text, style, control in segments
        ]  # fmt: skip


class PaletteCommands(Provider):
    """The palette's commands, as Textual's own provider has them, but that no name is taken for markup."""

    async def discover(self) -> Hits:
        """All of them, by name."""
        for name, says, run, _ in sorted(self.app.get_system_commands(self.screen), key=lambda command: command.title):
            yield DiscoveryHit(Content(name), run, text=name, help=says)

    async def search(self, query: str) -> Hits:
        """Those that a person may mean."""
        matcher = self.matcher(query)
        for name, says, run, _ in self.app.get_system_commands(self.screen):
            if (score := matcher.match(name)) > 0:
                yield Hit(score, Content(name) if "[" in name else matcher.highlight(name), run, text=name, help=says)


FILTERS = {plain: VisibleText() for plain in (False, True)}
"""One a table of signs, since a strip remembers what a filter made of it."""


class PlainTextApp(App[str]):
    """An app in the palette in use that takes no text for markup and lets nothing through that would steer a terminal."""

    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {PaletteCommands}

    def __init__(self) -> None:
        super().__init__(ansi_color=palette.current().ansi)
        self.animation_level = "none"
        self.error_console = Console(stderr=True, markup=False, highlight=False, color_system=None)
        worn = palette.worn()
        if worn is not None:
            self.register_theme(worn)
        self.theme = "ansi-dark" if worn is None else worn.name

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's, and the door for text."""
        return [*super().get_line_filters(), FILTERS[glyphs.current().plain]]

    def notify(self, message: str, *, markup: bool = False, **options: Any) -> None:
        """A message in a corner. What it says may come from outside, so it is markup only where that is asked for."""
        super().notify(message if markup else visible(message), markup=markup, **options)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The style sheet's colours."""
        return palette.variables()
