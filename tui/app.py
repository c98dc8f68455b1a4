"""The live screen: follow the journal, draw one moment, send commands. It holds no truth but the journal's."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

os.environ.setdefault("TEXTUAL_COLOR_SYSTEM", "256")  # before textual is imported: its codes are shorter

from rich.console import Console
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from quintet.engine.control.client import Client
from quintet.engine.protocol.control_messages import Hello
from quintet.engine.protocol.events import FORMAT
from quintet.engine.session import data_notes
from quintet.engine.session.session import Session
from quintet.engine.storage import side_files
from quintet.engine.storage.follower import SessionFollower
from quintet.tui.asking import OUTCOMES, OVER, AskingApp
from quintet.tui.canvas.canvas import Canvas, Part
from quintet.tui.canvas.text import clock
from quintet.tui.panels.overlays import Help, LaneLog, Leave, ScreenOff
from quintet.tui.scene.layout import PARTS, SMALLEST, Look
from quintet.tui.scene.plan_results import Studied
from quintet.tui.scene.playhead import Playhead
from quintet.tui.scene.scene import scene
from quintet.tui.screen_cost import Cost
from quintet.tui.theme import keymap, palette, terminal
from quintet.tui.views import frame

STILL_S, EAGER_S, EAGER_FOR_NS, PIECE_S, BETWEEN_S = 10.0, 0.1, 3_000_000_000, 0.3, 0.03
TWICE_NS = 2_000_000_000
LANE_LOG_BYTES = 20_000
"""So much of what a lane's process wrote is shown."""
SLICES = {"status": 20, "lanes": 6, "table": 12}
"""How many columns a widget of a part has: few where small things change often."""


class QuintetApp(AskingApp):
    """Shows one session, live or again. Its return value is `stop`, `detach` or `ended`; None when it broke."""

    CSS_PATH = Path(__file__).with_name("quintet.tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(n), f"choose({n - 1})", f"lane {n}", id=f"lane.{n}", tooltip="Choose a lane")
            for n in range(1, 10)
        ),
        Binding("up", "choose_by(-1)", "lane above", id="lane.up", tooltip="Choose the lane before"),
        Binding("down", "choose_by(1)", "lane below", id="lane.down", tooltip="Choose the next lane"),
        Binding("0", "choose_all", "all lanes", id="lane.all", tooltip="Choose all lanes"),
        Binding("e", "lane_log", "log", id="log", tooltip="The chosen lane's log"),
        Binding("d", "detach", "detach", id="detach", tooltip="Leave the screen; the session goes on"),
        Binding("ctrl+z", "suspend_process", "suspend", id="suspend", tooltip="Back to the shell; fg comes back"),
        Binding("question_mark", "help", "help", id="help", tooltip="Keys and legend"),
        Binding("q", "leave", "quit", id="quit", tooltip="Stop the session, asks first"),
        Binding("ctrl+c", "interrupt", "quit", id="interrupt", tooltip="As q; twice within 2 s stops", priority=True),
        Binding("ctrl+q", "leave", show=False, id="quit.too"),
    ]

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
        super().__init__(ansi_color=palette.current().ansi)
        self.changed_keys = keymap.load(self.bindings_known())
        keymap.relabel(self.bindings_known(), self.changed_keys)
        self.animation_level = "none"
        self.error_console = Console(stderr=True, markup=False, highlight=False, color_system=None)
        self.wear()
        self.chosen: frozenset[int] = frozenset()
        self.look = Look()
        self.playhead = Playhead(clock, "" if replay_speed is None else journal.name, replay_speed or 1.0)
        self.scene_shown, self.where_shown = None, None
        self.paint_timer, self.still_timer = None, None
        self._journal, self._socket, self.clock = journal, socket, clock
        self._follower = SessionFollower(journal, Session)
        self.session = self._follower.session
        self._client = Client(self._gone, self.be_at_work)
        self._at_work = True
        self.alone_lane = 0
        self._interrupted_ns = 0
        self._eager_until_ns = 0
        self._size_bytes = 0
        self._cost = Cost()
        self._studied = Studied()
        self.outcome, self.turned = OUTCOMES[0], 0
        self._stopping = self._orphaned = self._left_behind = self._on_terminal = False

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
        self.still_timer = self.set_interval(STILL_S, self.paint, pause=True)
        if self._socket is not None:
            size = self.size
            hello = Hello(FORMAT, os.getpid(), "screen", size.width, size.height, terminal.is_far())
            try:
                await self._client.open(self._socket, hello)
            except (OSError, ConnectionError) as error:
                self.bell()
                self.notify(str(error))
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
        if not self.chosen and self.session.lanes:
            self.chosen = frozenset(range(len(self.session.lanes)))
        self._size_bytes = self._journal.stat().st_size if self._journal.exists() else self._size_bytes
        self.paint()

    def paint(self) -> None:
        """Draw one moment on every part."""
        width, height = self.size
        if not self.session.lanes or self._left_behind:
            return
        if width < SMALLEST[0] or height < SMALLEST[1]:
            self._place(frame.too_small(width, height))
            return
        looking = self.playhead.looking(self.session)
        seen = scene(
            self.session, self.now_ns(), self.chosen, frozen=looking is not None, look=self.look, looking=looking,
            journal_bytes=self._size_bytes, orphaned=self._orphaned and self.session.end is None,
            own=self._cost.own(self.session) if self._socket is not None else None,
            outcome=self.outcome, studied=self._studied, turned=self.turned,
        )  # fmt: skip
        self._cost.frames += 1
        where = frame.arranged(seen, width, height)
        self.scene_shown, self.where_shown = seen, where
        self._place(frame.draw(seen, where, width))

    def _place(self, by_part: dict[str, Canvas]) -> None:
        for name in PARTS:
            part = next(iter(self.query(f"#{name}").results(Part)), None)
            if part is None:  # the screen is being taken down
                return
            canvas = by_part.get(name)
            rows = canvas.height if canvas is not None else 0
            if part.styles.height is None or part.styles.height.value != rows:
                part.styles.height = rows
            if part.display != (rows > 0):
                part.display = rows > 0
            if canvas is not None and rows:
                part.show(canvas)

    def be_at_work(self, on: bool) -> None:
        """The switch `screen`: off, this screen neither reads, folds nor paints, so that its own cost can be measured."""
        if on:
            self.keep_pace()
        else:
            for timer in filter(None, (self.paint_timer, self.still_timer)):
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

    def action_choose(self, lane: int) -> None:
        """Choose one lane."""
        if lane < len(self.session.lanes):
            self.chosen = frozenset((lane,))
            self.alone_lane = lane
            self.paint()

    def action_choose_by(self, by: int) -> None:
        """The next lane, or the one before; from all the first or the last."""
        count = len(self.session.lanes)
        if count:
            self.action_choose((min(self.chosen) + by) % count if len(self.chosen) == 1 else min(0, by) % count)

    def action_choose_all(self) -> None:
        """Choose all lanes."""
        self.chosen = frozenset(range(len(self.session.lanes)))
        self.paint()

    def action_lane_log(self) -> None:
        """The log of the lane that is chosen: of several, the first that failed."""
        chosen = [self.session.lanes[number] for number in sorted(self.chosen)]
        if not chosen:
            return
        lane = next((lane for lane in chosen if lane.faults), chosen[0])
        head = [f"warning: {words}" for words in data_notes.warnings(lane)]
        head += [f"{note.data or 'settings'}: {note}" for note in data_notes.notes(lane)]
        text = "\n".join(f"{fault.kind}: {fault.text}\n{fault.stderr}" for fault in lane.faults)
        text += side_files.tail(side_files.lane_stderr(self._journal, lane.number), LANE_LOG_BYTES)
        self.push_screen(LaneLog(f"{lane.name}: its data and what it wrote", text, head))

    def action_detach(self) -> None:
        """Leave; the session goes on."""
        self.exit("ended" if self.session.end is not None else "detach")

    def action_help(self) -> None:
        """Keys and legend."""
        self.push_screen(Help())

    def action_leave(self) -> None:
        """Ask whether to stop; with the session ended there is nothing to ask."""
        if self.session.end is not None or self._orphaned or self._socket is None:
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

    async def ask(self, what: str, arguments: dict[str, Any]) -> None:
        """Send a command; what becomes of it is read in the journal."""
        if self.playhead.replay:
            self.notify("This is a replay: nothing runs that could be changed.")
            return
        if self.session.end is not None:
            self.notify(OVER)
            return
        try:
            reply = await self._client.ask(what, arguments)
        except ConnectionError as error:
            self.notify(str(error))
            return
        if reply.outcome == "refused":
            self.notify(reply.text)
        elif not self.playhead.live:
            at = clock(self.now_ns() - self.session.origin_ns)
            self.notify(f"Done in the session, which runs on; the picture stays at {at}.")
        self._be_eager()

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
