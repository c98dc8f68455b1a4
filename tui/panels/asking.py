"""Keys and panels whose answers are asked of the session: regimes, restarts, switches, notes, plans."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from textual.screen import Screen

from quintet.engine.analysis.plan_progress import progress
from quintet.engine.session.session import Session
from quintet.tui.navigation import ScreenState
from quintet.tui.panels.overlays import Note
from quintet.tui.panels.plan_panel import PlanPanel, StopPlan, busy
from quintet.tui.panels.switch_panel import SwitchPanel
from quintet.tui.session_client import OVER, other_regime, restart_of


class Host(Protocol):
    """What these panels need of the app."""

    session: Session
    state: ScreenState
    clock: Callable[[], int]

    def now_ns(self) -> int:
        """The moment that is shown."""

    def see(self, state: ScreenState | None, otherwise: str = "") -> None:
        """Show the session so from now on."""

    async def ask(self, what: str, arguments: dict[str, Any]) -> None:
        """Ask the session for something."""

    def run_worker(self, work: Awaitable[None]) -> object:
        """Run something meanwhile."""

    def notify(self, message: str) -> None:
        """Say something in a corner."""

    def push_screen(self, screen: Screen[Any], callback: Callable[[Any], Any] | None = None) -> object:
        """Put a panel over the lanes."""


def switches(host: Host) -> None:
    """Every switch, in one lane or all."""

    def choose(lanes: frozenset[int]) -> None:
        host.see(host.state._replace(chosen=lanes))

    def ask(lanes: list[int], levels: dict[str, Any]) -> None:
        host.run_worker(host.ask("set", {"lanes": lanes, "levels": levels}))

    def compare(switch: str | None) -> None:
        if switch:
            plan(host, switch)

    host.push_screen(SwitchPanel(lambda: host.session, host.now_ns, host.state.chosen, choose, ask), compare)


def mark(host: Host) -> None:
    """Ask for a note."""

    async def noted(text: str | None) -> None:
        if text:
            await host.ask("mark", {"text": text})

    host.push_screen(Note(), noted)


def plan(host: Host, switch: str | None = None) -> None:
    """An A/B here and now, or the study: say what, see what it buys, start it."""
    if busy(host.session, host.clock()):
        host.notify("A plan is under way. x pauses or stops it.")
        return

    def begin(asked: dict[str, Any]) -> None:
        host.state = host.state._replace(turned=0)
        host.run_worker(host.ask("plan", asked))

    host.push_screen(PlanPanel(host.session, host.clock(), begin, switch))


def stop_plan(host: Host) -> None:
    """Pause or stop the plan under way, asks first."""
    if not busy(host.session, host.clock()):
        host.notify("No plan is under way. b starts one.")
        return

    async def halted(answer: str | None) -> None:
        far = progress(host.session, host.clock())
        if answer == "stop":
            await host.ask("stop_plan", {})
        elif answer == "pause":
            await host.ask("pause", {"on": far is None or far.state != "paused"})

    host.push_screen(StopPlan(), halted)


async def regime(host: Host) -> None:
    """The lane chosen last alone, or all together."""
    if len(host.session.lanes) == 1:
        host.notify("There is one lane: it always runs alone.")
    else:
        await host.ask("active", other_regime(host.session, host.state.alone_lane))


async def restart(host: Host) -> None:
    """Try the failed lanes among the chosen again; else restart the one that is chosen."""
    asked = restart_of(host.session, host.state.chosen)
    if asked is not None:
        await host.ask("restart", asked)
    elif host.session.end is not None:
        host.notify(OVER)
    else:
        host.notify("No chosen lane has failed. Choose one lane by its number to restart it.")
