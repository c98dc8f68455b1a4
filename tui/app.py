"""The live screen: follow the journal, draw one moment, send commands. It holds no truth but the journal's."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

os.environ.setdefault("TEXTUAL_COLOR_SYSTEM", "256")  # before textual is imported: its codes are shorter

from textual.app import ComposeResult, SystemCommand
from textual.binding import BindingType
from textual.events import Click
from textual.screen import Screen
from textual.timer import Timer

from quintet.engine.session.session import Session
from quintet.engine.storage.follower import SessionFollower
from quintet.engine.visible_text import visible
from quintet.tui import navigation
from quintet.tui.canvas.canvas import Part
from quintet.tui.canvas.text import clock
from quintet.tui.navigation import ScreenState
from quintet.tui.panels import asking
from quintet.tui.panels.overlays import Help, Leave, ScreenOff, lane_log
from quintet.tui.scene.layout import PARTS, SMALLEST, Layout
from quintet.tui.scene.plan_results import Studied
from quintet.tui.scene.playhead import Playhead
from quintet.tui.scene.scene import Scene, scene
from quintet.tui.screen_cost import Cost
from quintet.tui.session_client import SessionClient, accuracy_flip
from quintet.tui.text_door import PlainTextApp
from quintet.tui.theme import bindings, keymap, terminal
from quintet.tui.views import frame, placing
from quintet.tui.views.lanes import lane_at
from quintet.tui.views.timeline import next_moment, time_at

STILL_S, EAGER_S, EAGER_FOR_NS, PIECE_S, BETWEEN_S = 10.0, 0.1, 3_000_000_000, 0.3, 0.03
TWICE_NS = 2_000_000_000
SLICES = {"status": 20, "lanes": 6, "table": 12}
"""How many columns a widget of a part has: few where small things change often."""


class QuintetApp(PlainTextApp):
    """Shows one session, live or again. Its return value is `stop`, `detach` or `ended`; None when it broke."""

    CSS_PATH = Path(__file__).with_name("quintet.tcss")
    BINDINGS: ClassVar[list[BindingType]] = [*bindings.ALL]

    def __init__(
        self,
        journal: Path,
        socket: Path | None,
        clock: Callable[[], int] = time.monotonic_ns,
        replay_speed: float | None = None,
    ) -> None:
        """Follow this journal and send commands to this socket; None: there is nobody to command.

        With a speed it is a replay: the journal is read, and time is its own. Raises BadInput for a bad file of keys.
        """
        super().__init__()
        self.changed_keys = keymap.load(bindings.ALL)
        keymap.relabel(bindings.ALL, self.changed_keys)
        self.state = ScreenState()
        self.playhead = Playhead(clock, "" if replay_speed is None else journal.name, replay_speed or 1.0)
        self.scene_shown: Scene | None = None
        self.where_shown: Layout | None = None
        self.paint_timer: Timer | None = None
        self._still_timer: Timer | None = None
        self._journal, self.clock = journal, clock
        self._follower = SessionFollower(journal, Session)
        self.session = self._follower.session
        replay = replay_speed is not None
        self._client = SessionClient(socket, lambda: self.session, self._gone, self._be_at_work, replay=replay)
        self._at_work = True
        self._interrupted_ns = self._eager_until_ns = self._size_bytes = 0
        self._cost = Cost()
        self._studied = Studied()
        self._stopping = self._orphaned = self._left_behind = self._on_terminal = False

    # -- reading and painting -------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """The parts from top to bottom; they never change places."""
        for part in PARTS:
            yield Part(id=part, slice_width=SLICES.get(part, 400))

    async def on_mount(self) -> None:
        """First frame, then the session's socket."""
        self._cost.watch(self._driver)
        self._on_terminal = not self.is_headless and os.isatty(0)
        if threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.exit, "detach")
        self.set_keymap(self.changed_keys)
        self.follow()
        if self.playhead.replay:
            self.playhead.seek(self.session.origin_ns, self.session)  # it begins now, not when reading did
        self.paint_timer = self.set_interval(terminal.paint_s(), self.tick)
        self._still_timer = self.set_interval(STILL_S, self.paint, pause=True)
        failed = await self._client.open(*self.size, far=terminal.is_far())
        if failed:
            self.bell()
            self.notify(failed)
        if not self.playhead.replay:
            self._be_eager()

    def tick(self) -> None:
        """Once a second: read what was added, paint what changed, tell what that cost.

        Without its terminal (begun where SIGHUP is ignored, as below `nohup`) it would spin beside what is measured: it
        ends at once.
        """
        if self._on_terminal and terminal.hung_up():
            os._exit(1)  # what is left to be written has nobody to take it, and would be waited for
        self.follow()
        self._client.beat(self._cost.beat())
        if self.playhead.replay and self.playhead.rest(self.session):
            self.moved()

    def follow(self) -> None:
        """Fold all that the journal has, and paint; nothing once the screen is being taken down.

        A long journal is read in pieces, and painted meanwhile.
        """
        if self._left_behind or not self._at_work:
            return
        self._follower.poll(PIECE_S)
        self.session = self._follower.session
        if not self._follower.at_end:
            self.set_timer(BETWEEN_S, self.follow)
        if not self.state.chosen:
            self.state = navigation.choose_all(self.state, len(self.session.lanes))
        self._size_bytes = self._journal.stat().st_size if self._journal.exists() else self._size_bytes
        self.paint()

    def paint(self) -> None:
        """Draw one moment on every part."""
        width, height = self.size
        if not self.session.lanes or self._left_behind:
            return
        if width < SMALLEST[0] or height < SMALLEST[1]:
            placing.place(self._part, frame.too_small(width, height))
            return
        looking, state = self.playhead.looking(self.session), self.state
        seen = scene(
            self.session, self.now_ns(), state.chosen, frozen=looking is not None, look=state.look, looking=looking,
            journal_bytes=self._size_bytes, orphaned=self._orphaned and self.session.end is None,
            own=self._cost.own(self.session) if self._client.socket is not None else None,
            outcome=state.outcome, studied=self._studied, turned=state.turned,
        )  # fmt: skip
        self._cost.frames += 1
        where = frame.arranged(seen, width, height)
        self.scene_shown, self.where_shown = seen, where
        placing.place(self._part, frame.draw(seen, where, width))

    def _part(self, name: str) -> Part | None:
        """The widget of a part; None while the screen is being taken down."""
        return next(iter(self.query(f"#{name}").results(Part)), None)

    def now_ns(self) -> int:
        """The moment that is shown."""
        return self.playhead.now_ns(self.session)

    def _keep_pace(self) -> None:
        """The painting timer runs where something moves; a frozen screen has only its live clock, once in ten seconds."""
        moves = self.playhead.live or self.playhead.playing
        if self.paint_timer is not None:
            (self.paint_timer.resume if moves else self.paint_timer.pause)()
        if self._still_timer is not None:
            (self._still_timer.pause if moves or self.playhead.replay else self._still_timer.resume)()

    def moved(self) -> None:
        """After any change of the moment."""
        self._keep_pace()
        (self.follow if self.playhead.live else self.paint)()

    def _be_at_work(self, on: bool) -> None:
        """The switch `screen`: off, this screen neither reads, folds nor paints, so that its own cost can be measured."""
        if on:
            self._keep_pace()
        else:
            for timer in filter(None, (self.paint_timer, self._still_timer)):
                timer.pause()
            self.follow()
            while len(self.screen_stack) > 1:
                self.pop_screen()
            self.push_screen(
                ScreenOff(lambda: self.run_worker(self.ask("set", {"lanes": [0], "levels": {"screen": "on"}})))
            )
        self._at_work = on
        if on:
            if isinstance(self.screen, ScreenOff):
                self.pop_screen()
            self.follow()

    def on_resize(self) -> None:
        """Everything again at the new size, which the app knows after this event."""
        self.call_later(self.paint)

    def _be_eager(self) -> None:
        """Read more often for a moment: while lanes load, and until a command is answered."""
        self._eager_until_ns = time.monotonic_ns() + EAGER_FOR_NS
        self.set_timer(EAGER_S, self._eager)

    def _eager(self) -> None:
        if not self._at_work:
            return
        self.follow()
        loading = self.session.begun_ns is None and self.session.end is None
        waiting = any(len(asked.answers) < len(asked.command.lanes) for asked in self.session.asked.values())
        if loading or (waiting and time.monotonic_ns() < self._eager_until_ns):
            self.set_timer(EAGER_S * (3 if loading else 1), self._eager)

    def _gone(self) -> None:
        """The supervisor's end of the socket closed: read its last words."""
        self._orphaned = True
        if not self._stopping:
            self.follow()

    async def on_unmount(self) -> None:
        """Leave the session's socket, close its journal."""
        self._left_behind = True
        await self._client.close()
        self._follower.close()

    # -- what is shown: a moment ----------------------------------------------------------------------------------------

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

    # -- what is shown: lanes, views, tables ----------------------------------------------------------------------------

    def see(self, state: ScreenState | None, otherwise: str = "") -> None:
        """Show the session so from now on; where there is no such state, say why."""
        if state is None:
            self.notify(otherwise)
        else:
            self.state = state
        self.paint()

    def action_zoom(self, by: int) -> None:
        """Seconds a column."""
        if self.where_shown is not None:
            self.see(navigation.zoomed(self.state, self.where_shown.step_ns, by))

    def action_view(self) -> None:
        """Side by side, or in rows."""
        self.see(navigation.other_view(self.state))

    def action_scale(self) -> None:
        """The next kind of scale."""
        self.see(navigation.next_scale(self.state))

    def action_outcome(self) -> None:
        """The next outcome: of what means and changes are."""
        self.see(navigation.next_outcome(self.state))

    def action_page(self) -> None:
        """The next table, and the lanes after the flips' where both do not fit."""
        if self.where_shown is not None and self.scene_shown is not None:
            found = navigation.next_page(self.state, self.where_shown, self.scene_shown)
            self.see(found, "Lanes and table are both on the screen, and there is no other table yet.")

    def action_choose(self, lane: int) -> None:
        """Choose one lane."""
        self.see(navigation.choose(self.state, lane, len(self.session.lanes)))

    def action_choose_by(self, by: int) -> None:
        """The next lane, or the one before; from all the first or the last."""
        self.see(navigation.choose_by(self.state, by, len(self.session.lanes)))

    def action_choose_all(self) -> None:
        """Choose all lanes."""
        self.see(navigation.choose_all(self.state, len(self.session.lanes)))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key that goes before the widgets' own does so only while nothing lies over the lanes."""
        return action != "page" or len(self.screen_stack) == 1

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

    def action_lane_log(self) -> None:
        """The log of the lane that is chosen: of several, the first that failed."""
        chosen = [self.session.lanes[number] for number in sorted(self.state.chosen)]
        if not chosen:
            return
        lane = next((lane for lane in chosen if lane.faults), chosen[0])
        self.push_screen(lane_log(self._journal, lane))

    def action_help(self) -> None:
        """Keys and legend."""
        self.push_screen(Help())

    # -- what runs: asked of the session --------------------------------------------------------------------------------

    async def ask(self, what: str, arguments: dict[str, Any]) -> None:
        """Send a command; what becomes of it is read in the journal."""
        outcome = await self._client.ask(what, arguments)
        if outcome.says:
            self.notify(outcome.says)
        elif outcome.taken and not self.playhead.live:
            at = clock(self.now_ns() - self.session.origin_ns)
            self.notify(f"Done in the session, which runs on; the picture stays at {at}.")
        if outcome.sent:
            self._be_eager()

    async def action_accuracy(self) -> None:
        """Flip accuracy in the chosen lanes; with mixed levels, turn it on."""
        await self.ask("set", accuracy_flip(self.session, self.state.chosen, self.clock()))

    async def action_regime(self) -> None:
        """Alone or together."""
        await asking.regime(self)

    async def action_restart(self) -> None:
        """Try the failed lanes among the chosen again; else restart the one that is chosen."""
        await asking.restart(self)

    def action_switches(self) -> None:
        """Every switch, in one lane or all."""
        asking.switches(self)

    def action_mark(self) -> None:
        """Ask for a note."""
        asking.mark(self)

    def action_plan(self, switch: str | None = None) -> None:
        """An A/B here and now, or the study: say what, see what it buys, start it."""
        asking.plan(self, switch)

    def action_stop_plan(self) -> None:
        """Pause or stop the plan under way, asks first."""
        asking.stop_plan(self)

    # -- leaving --------------------------------------------------------------------------------------------------------

    def action_detach(self) -> None:
        """Leave; the session goes on."""
        self.exit("ended" if self.session.end is not None else "detach")

    def action_leave(self) -> None:
        """Ask whether to stop; with the session ended there is nothing to ask."""
        if self.session.end is not None or self._orphaned or self._client.socket is None:
            self.exit("ended")
        else:
            self.push_screen(Leave(), self._left)

    async def action_interrupt(self) -> None:
        """As q; twice within two seconds stops."""
        now = time.monotonic_ns()
        before, self._interrupted_ns = self._interrupted_ns, now
        if now - before < TWICE_NS:
            await self._left("stop")
        elif not isinstance(self.screen, Leave):
            self.action_leave()

    async def _left(self, answer: str | None) -> None:
        if answer == "detach":
            self.action_detach()
        if answer == "stop" and not self._stopping:
            self._stopping = True
            await self.ask("stop", {})
            self.exit("stop")

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Everything by name, for ctrl+p: what the keys do, and nothing of Textual's own."""
        yield from bindings.commands(self.changed_keys, self.run_action)
        for lane in self.session.lanes:
            choose = partial(self.action_choose, lane.number)
            yield SystemCommand(f"Choose lane {lane.number + 1}, {visible(lane.name)}", "", choose)
