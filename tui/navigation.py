"""What keys and clicks do to what is shown, never to what runs: look back, replay, views, scales, pages, lanes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, ClassVar

from rich.segment import Segment
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.events import Click
from textual.filter import LineFilter
from textual.screen import Screen
from textual.theme import Theme
from textual.timer import Timer

from quintet.engine.session.session import Session
from quintet.engine.visible_text import visible
from quintet.tui.canvas.canvas import Part
from quintet.tui.scene.layout import STEPS_S, Layout, Look
from quintet.tui.scene.playhead import Playhead
from quintet.tui.scene.scene import Scene
from quintet.tui.theme import glyphs, palette
from quintet.tui.theme.keymap import named
from quintet.tui.views.lanes import lane_at
from quintet.tui.views.timeline import next_moment, time_at

SCALES = ("shared", "log", "own")


class Told(LineFilter):
    """The last door to the terminal: whatever a widget, border or message shows is visible text in the signs in use."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same segments, told."""
        if not glyphs.current().plain and all(text.isprintable() for text, _, _ in segments):
            return segments
        return [
            Segment(text if control else glyphs.told_in_place(text), style, control) for text, style, control in segments
        ]  # fmt: skip


class Commands(Provider):
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


TOLD = {plain: Told() for plain in (False, True)}
"""One a table of signs, since a strip remembers what a filter made of it."""


class LookingApp(App[str]):
    """Navigation: what the screen shows. Painting and session commands are in its subclasses."""

    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {Commands}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "freeze", "freeze", id="freeze", tooltip="Freeze the picture, back to live; play and pause a replay"),
        Binding("left", "step(-1)", "back", id="step.back", tooltip="Look back by one column"),
        Binding("right", "step(1)", "forward", id="step.forward", tooltip="Forward by one column"),
        Binding("pageup", "turn(-1)", "page back", id="page.back", tooltip="Look back by one page"),
        Binding("pagedown", "turn(1)", "page forward", id="page.forward", tooltip="Forward by one page"),
        Binding("home", "seek(0)", "beginning", id="seek.begin", tooltip="To the beginning of the session"),
        Binding("end", "seek(1)", "end", id="seek.end", tooltip="To the latest moment that is known here"),
        Binding("left_square_bracket", "jump(-1)", "previous", id="jump.back", tooltip="Previous mark, flip, block or fault"),
        Binding("right_square_bracket", "jump(1)", "next", id="jump.forward", tooltip="Next mark, flip, block or fault"),
        Binding("plus,equals_sign", "pace(1)", "+", id="pace.up", tooltip="More seconds a column; a replay: faster"),
        Binding("minus,underscore", "pace(-1)", "−", id="pace.down", tooltip="Fewer seconds a column; a replay: slower"),
        Binding("greater_than_sign", "zoom(1)", "wider", id="zoom.out", tooltip="More seconds a column, in a replay too"),
        Binding("less_than_sign", "zoom(-1)", "closer", id="zoom.in", tooltip="Fewer seconds a column, in a replay too"),
        Binding("v", "view", "view", id="view", tooltip="Lanes side by side, in rows"),
        Binding("y", "scale", "scale", id="scale", tooltip="Scale: shared, log, each its own"),
        Binding("tab", "page", "table", id="page", tooltip="Lanes or table, where both do not fit", priority=True),
    ]  # fmt: skip

    session: Session
    chosen: frozenset[int]
    playhead: Playhead
    look: Look
    turned: int
    """How often the table was turned."""
    scene_shown: Scene | None
    where_shown: Layout | None
    changed_keys: dict[str, str]
    paint_timer: Timer | None
    still_timer: Timer | None

    def paint(self) -> None:
        """Draw one moment on every part."""
        raise NotImplementedError

    def follow(self) -> None:
        """Fold all that the journal has, and paint."""
        raise NotImplementedError

    def now_ns(self) -> int:
        """The moment that is shown."""
        return self.playhead.now_ns(self.session)

    def keep_pace(self) -> None:
        """The painting timer runs where something moves; a frozen screen has only its live clock, once in ten seconds."""
        moves = self.playhead.live or self.playhead.playing
        if self.paint_timer is not None:
            (self.paint_timer.resume if moves else self.paint_timer.pause)()
        if self.still_timer is not None:
            (self.still_timer.pause if moves or self.playhead.replay else self.still_timer.resume)()

    def moved(self) -> None:
        """After any change of the moment."""
        self.keep_pace()
        (self.follow if self.playhead.live else self.paint)()

    def action_freeze(self) -> None:
        """Freeze or go back to live; play or pause. Recording never stops."""
        self.playhead.space(self.session)
        self.moved()

    def action_step(self, by: int) -> None:
        """One column back or forward."""
        if self.where_shown is not None:
            self._seek(self.now_ns() + by * self.where_shown.step_ns)

    def action_turn(self, by: int) -> None:
        """One page back or forward."""
        if self.where_shown is not None:
            self._seek(self.now_ns() + by * self.where_shown.step_ns * self.where_shown.plot_columns)

    def action_seek(self, end: int) -> None:
        """The beginning, or the end."""
        self._seek(self.playhead.edge_ns(self.session) if end else self.session.origin_ns)

    def action_jump(self, by: int) -> None:
        """The next mark, flip, edge of a block or fault, or the one before."""
        found = next_moment(self.session, self.now_ns(), by)
        if found is not None:
            self._seek(found.t_ns)

    def _seek(self, to_ns: int) -> None:
        self.playhead.seek(to_ns, self.session)
        self.moved()

    def action_pace(self, by: int) -> None:
        """A replay's speed; else seconds a column."""
        if not self.playhead.replay:
            self.action_zoom(by)
            return
        self.playhead.faster(by, self.session)
        self.paint()

    def action_zoom(self, by: int) -> None:
        """Seconds a column."""
        if self.where_shown is not None:
            known = [step * 1_000_000_000 for step in STEPS_S]
            place = known.index(self.where_shown.step_ns) + by
            self.look = self.look._replace(step_ns=known[max(0, min(len(known) - 1, place))])
            self.paint()

    def action_view(self) -> None:
        """Side by side, or in rows."""
        self.look = self.look._replace(view="auto" if self.look.view == "rows" else "rows")
        self.paint()

    def action_scale(self) -> None:
        """The next kind of scale."""
        self.look = self.look._replace(scale=SCALES[(SCALES.index(self.look.scale) + 1) % len(SCALES)])
        self.paint()

    def action_page(self) -> None:
        """The next table, and the lanes after the flips' where both do not fit."""
        where, shown = self.where_shown, self.scene_shown
        if where is None or shown is None:
            return
        if where.pages and where.parts["table"] and shown.page == "flips":
            self.look = self.look._replace(page="lanes")
        elif where.pages or len(shown.tables) > 1:
            self.look = self.look._replace(page="table")
            self.turned += 1
        else:
            self.notify("Lanes and table are both on the screen, and there is no other table yet.")
        self.paint()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key that goes before the widgets' own does so only while nothing lies over the lanes."""
        return action != "page" or len(self.screen_stack) == 1

    def action_choose(self, lane: int) -> None:
        """Choose one lane."""
        raise NotImplementedError

    def on_click(self, event: Click) -> None:
        """A click on a lane chooses it; one on the session's line goes there."""
        if len(self.screen_stack) > 1 or self.where_shown is None or self.scene_shown is None:
            return
        lanes, past = self.query_one("#lanes", Part).region, self.query_one("#past", Part).region
        x, y = event.screen_x, event.screen_y
        if past.contains(x, y):
            self._seek(time_at(self.scene_shown, past.width, x - past.x))
        elif lanes.contains(x, y) and (lane := lane_at(self.where_shown, x - lanes.x, y - lanes.y)) is not None:
            self.action_choose(lane)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's, and the door for text."""
        return [*super().get_line_filters(), TOLD[glyphs.current().plain]]

    def notify(self, message: str, *, markup: bool = False, **options: Any) -> None:
        """A message in a corner. What it says may come from outside, so it is markup only where that is asked for."""
        super().notify(message if markup else visible(message), markup=markup, **options)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The style sheet's colours."""
        return palette.variables()

    def wear(self) -> None:
        """Textual's own widgets in the colours in use."""
        now = palette.current()
        if now.ansi:
            self.theme = "ansi-dark"
            return
        self.register_theme(
            Theme(
                name="quintet",
                primary=now.on_text,
                secondary=now.off_text,
                accent=now.on_text,
                warning=now.off_text,
                error=now.alert,
                success=now.on_text,
                foreground=now.text,
                background=now.ground,
                surface=now.panel,
                panel=now.band,
                dark=now.dark,
                variables=palette.variables(),
            )
        )
        self.theme = "quintet"

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Everything by name, for ctrl+p: what the keys do, and nothing of Textual's own."""
        for binding in self.bindings_known():
            if binding.tooltip and binding.id and not binding.id.removeprefix("lane.").isdigit():
                yield SystemCommand(
                    binding.tooltip, named(binding, self.changed_keys), partial(self.run_action, binding.action)
                )
        for lane in self.session.lanes:
            yield SystemCommand(
                f"Choose lane {lane.number + 1}, {visible(lane.name)}", "", partial(self.action_choose, lane.number)
            )

    def bindings_known(self) -> list[Binding]:
        """Every key with what it does, those that look first."""
        ours = [kind for kind in reversed(type(self).__mro__) if kind.__module__.startswith("quintet.")]
        return [one for kind in ours for one in vars(kind).get("BINDINGS", ()) if isinstance(one, Binding)]
