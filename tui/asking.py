"""What keys ask of the session: flips, regimes, plans, marks, restarts. What becomes of it is read in the journal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from quintet.engine.analysis.plan_progress import progress
from quintet.engine.session.snapshot import arm_at, is_on
from quintet.tui.navigation import LookingApp
from quintet.tui.panels.overlays import Note
from quintet.tui.panels.plan_panel import PlanPanel, StopPlan, busy
from quintet.tui.panels.switch_panel import SwitchPanel

OVER = "The session has ended: nothing runs that could be changed."
OUTCOMES = ("predict", "scored", "request", "cycle", "infer", "images_per_s")


class AskingApp(LookingApp):
    """Session commands. `ask` sends one; a replay has no session and says so."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "accuracy", "accuracy", id="accuracy", tooltip="Accuracy on, off in the chosen lanes"),
        Binding("t", "regime", "alone", id="regime", tooltip="The lane chosen last alone, all together"),
        Binding("b", "plan", "A/B", id="plan", tooltip="An A/B here and now, or the study"),
        Binding("x", "stop_plan", "stop plan", id="plan.stop", tooltip="Pause or stop the plan under way"),
        Binding("o", "outcome", "outcome", id="outcome", tooltip="predict, scored, request, cycle, infer, images/s"),
        Binding("s", "switches", "switches", id="switches", tooltip="Every switch, in one lane or all"),
        Binding("m", "mark", "mark", id="mark", tooltip="Write a note into the journal"),
        Binding("r", "restart", "restart", id="restart", tooltip="Try a failed lane again, restart the chosen one"),
    ]

    clock: Callable[[], int]
    alone_lane: int
    """The lane that `t` takes."""
    outcome: str

    async def ask(self, what: str, arguments: dict[str, Any]) -> None:
        """Send a command."""
        raise NotImplementedError

    async def action_accuracy(self) -> None:
        """Flip accuracy in the chosen lanes; with mixed levels, turn it on."""
        now = self.clock()
        arms = [arm_at(self.session.lanes[number], now) for number in sorted(self.chosen)]
        all_on = all(arm is not None and is_on(arm.levels) for arm in arms)
        await self.ask(
            "set", {"lanes": sorted(self.chosen), "levels": {"mode": "withoutval" if all_on else "validation"}}
        )

    async def action_regime(self) -> None:
        """Alone or together."""
        if len(self.session.lanes) == 1:
            self.notify("There is one lane: it always runs alone.")
            return
        open_lanes = [lane.number for lane in self.session.lanes if lane.open]
        able = [lane.number for lane in self.session.lanes if lane.ready is not None and lane.failed_ns is None]
        await self.ask("active", {"lanes": able if len(open_lanes) <= 1 and len(able) > 1 else [self.alone_lane]})

    def action_switches(self) -> None:
        """Every switch, in one lane or all."""

        def choose(lanes: frozenset[int]) -> None:
            self.chosen = lanes
            self.paint()

        def ask(lanes: list[int], levels: dict[str, Any]) -> None:
            self.run_worker(self.ask("set", {"lanes": lanes, "levels": levels}))

        def compare(switch: str | None) -> None:
            if switch:
                self.action_plan(switch)

        self.push_screen(SwitchPanel(lambda: self.session, self.now_ns, self.chosen, choose, ask), compare)

    def action_mark(self) -> None:
        """Ask for a note."""
        self.push_screen(Note(), self._noted)

    async def _noted(self, text: str | None) -> None:
        if text:
            await self.ask("mark", {"text": text})

    async def action_restart(self) -> None:
        """Try the failed lanes among the chosen again; else restart the one that is chosen."""
        chosen = [self.session.lanes[number] for number in sorted(self.chosen)]
        failed = [lane.number for lane in chosen if lane.failed_ns is not None]
        if failed or len(chosen) == 1:
            await self.ask("restart", {"lanes": failed or [chosen[0].number]})
        elif self.session.end is not None:
            self.notify(OVER)
        else:
            self.notify("No chosen lane has failed. Choose one lane by its number to restart it.")

    def action_outcome(self) -> None:
        """The next outcome: of what means and changes are."""
        self.outcome = OUTCOMES[(OUTCOMES.index(self.outcome) + 1) % len(OUTCOMES)]
        self.paint()

    def action_plan(self, switch: str | None = None) -> None:
        """An A/B here and now, or the study: say what, see what it buys, start it."""
        if busy(self.session, self.clock()):
            self.notify("A plan is under way. x pauses or stops it.")
            return

        def begin(asked: dict[str, Any]) -> None:
            self.turned = 0
            self.run_worker(self.ask("plan", asked))

        self.push_screen(PlanPanel(self.session, self.clock(), begin, switch))

    def action_stop_plan(self) -> None:
        """Pause or stop the plan under way, asks first."""
        if not busy(self.session, self.clock()):
            self.notify("No plan is under way. b starts one.")
            return
        self.push_screen(StopPlan(), self._halted)

    async def _halted(self, answer: str | None) -> None:
        far = progress(self.session, self.clock())
        if answer == "stop":
            await self.ask("stop_plan", {})
        elif answer == "pause":
            await self.ask("pause", {"on": far is None or far.state != "paused"})
