"""Starting and stopping a plan from the screen: say what, see what it buys, press enter."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Static

from quintet.engine.analysis.blocks import runs
from quintet.engine.analysis.flip_table import ACCURACY, latest_comparison
from quintet.engine.analysis.plan_progress import progress
from quintet.engine.plan import plan
from quintet.engine.plan.plan import Plan
from quintet.engine.protocol.switches import BY_NAME, Level
from quintet.engine.session.session import Session
from quintet.engine.session.settings import stretches
from quintet.tui.canvas.canvas import Row
from quintet.tui.panels.overlays import lines
from quintet.tui.theme.keymap import labelled

MINUTES = (1, 2, 3, 5, 8, 10, 15, 20, 30, 45, 60)
KINDS = {"ab": "A/B", "study": "the study"}


def busy(session: Session, now_ns: int) -> bool:
    """Whether a plan is under way."""
    far = progress(session, now_ns)
    return far is not None and far.state != "over" and session.end is None


def pairs(switch: str) -> tuple[tuple[Level, Level], ...]:
    """The levels that are offered for comparison: the first against each other, then neighbours."""
    if switch == "mode":
        return (ACCURACY, ("inference", "validation"), ("inference", "withoutval"))
    known: tuple[Level, ...] = BY_NAME[switch].offered
    against = [(known[0], other) for other in known[1:]]
    return tuple(dict.fromkeys([*against, *pairwise(known)]))


class PlanPanel(ModalScreen[None]):
    """What plan to begin: kind, switch, levels, regime, minutes; enter begins it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "row(-1)", "choice", id="plan.up", tooltip="The choice above"),
        Binding("down", "row(1)", "choice", id="plan.down", tooltip="The choice below"),
        Binding("left", "turn(-1)", "change", id="plan.left", tooltip="The one before"),
        Binding("right", "turn(1)", "change", id="plan.right", tooltip="The next one"),
        Binding("enter", "begin", "begin", id="plan.begin", tooltip="Begin the plan"),
        Binding("escape,b,q", "close", "close", id="plan.close", tooltip="Back to the lanes"),
    ]

    def __init__(
        self, session: Session, now_ns: int, begin: Callable[[dict[str, Any]], None], switch: str | None = None
    ) -> None:
        """switch: which one it begins with; by default the one that was flipped last."""
        super().__init__()
        self._begin = begin
        self._names = [lane.name for lane in session.lanes]
        self._ready = [lane.number for lane in session.lanes if lane.ready is not None and lane.failed_ns is None]
        self._seed = (
            1 + len(runs(session, now_ns)) + ((session.start.manifest.get("seed") or 0) if session.start else 0)
        )
        known = stretches(session, now_ns)
        active = known[-1].setting.lanes if known else ()
        self._row = 0
        self._kind, self._minutes = "ab", MINUTES.index(5)
        self._switch, self._pair = _here(session, now_ns) if switch is None else (switch, 0)
        self._regimes = ["together", "alone", *self._names]
        self._regime = self._regimes.index(self._names[active[0]]) if len(active) == 1 < len(self._names) else 0

    def compose(self) -> ComposeResult:
        """One panel."""
        panel = Static(id="plan")
        panel.border_title = "begin a plan"
        yield panel

    def on_mount(self) -> None:
        """Draw it."""
        self._draw()

    def asked(self) -> dict[str, Any]:
        """The plan as the session is asked for it."""
        asked: dict[str, Any] = {"kind": self._kind, "minutes": float(MINUTES[self._minutes]), "seed": self._seed}
        if self._kind == "ab":
            asked |= {"switch": self._switch, "levels": list(pairs(self._switch)[self._pair])}
            asked["regime"] = self._regimes[self._regime]
        return asked

    def _plan(self) -> Plan:
        asked = self.asked()
        maker = plan.study if asked.pop("kind") == "study" else plan.ab
        return maker(self._names, self._ready, **asked)

    def _choices(self) -> list[tuple[str, str]]:
        found = [("plan", KINDS[self._kind])]
        if self._kind == "ab":
            a, b = pairs(self._switch)[self._pair]
            found += [("switch", self._switch), ("levels", f"{b} against {a}"), ("lanes", self._regimes[self._regime])]
        return [*found, ("time", f"{MINUTES[self._minutes]} min")]

    def _draw(self) -> None:
        try:
            buys = plan.buys(self._plan())
        except ValueError as error:
            buys = str(error)
        rows: list[Row] = []
        for place, (word, value) in enumerate(self._choices()):
            here = place == self._row
            shown = (f"‹ {value} ›", "panel bright") if here else (f"  {value}", "panel")
            rows.append([("▸ " if here else "  ", "panel bright"), (f"{word:9}", "panel dim"), shown])
        keys: Row = []
        for key, words in (("↑↓", "choice"), ("←→", "change"), ("enter", "begin"), ("esc", "close")):
            keys += [(labelled(key), "panel bright"), (f" {words}   ", "panel dim")]
        told = "While it runs the plan sets the switches; x pauses or stops it."
        self.query_one("#plan", Static).update(lines((*rows, [], [(buys, "panel")], [(told, "panel dim")], [], keys)))

    def action_row(self, by: int) -> None:
        """Another choice."""
        self._row = (self._row + by) % len(self._choices())
        self._draw()

    def action_turn(self, by: int) -> None:
        """Change the choice."""
        word = self._choices()[self._row][0]
        if word == "plan":
            self._kind = "study" if self._kind == "ab" else "ab"
            self._minutes = MINUTES.index(15 if self._kind == "study" else 5)
        elif word == "switch":
            live = ["mode", *(name for name, switch in BY_NAME.items() if switch.live)]
            self._switch, self._pair = live[(live.index(self._switch) + by) % len(live)], 0
        elif word == "levels":
            self._pair = (self._pair + by) % len(pairs(self._switch))
        elif word == "lanes":
            self._regime = (self._regime + by) % len(self._regimes)
        else:
            self._minutes = min(len(MINUTES) - 1, max(0, self._minutes + by))
        self._draw()

    def action_begin(self) -> None:
        """Begin it."""
        self._begin(self.asked())
        self.dismiss()

    def action_close(self) -> None:
        """Back to the lanes."""
        if self.is_current:
            self.dismiss()


def _here(session: Session, now_ns: int) -> tuple[str, int]:
    """What was flipped last, so that `b` asks the same question with an interval."""
    found = latest_comparison(session, "predict", now_ns)
    if found is not None:
        wanted = {str(found.difference.a), str(found.difference.b)}
        for place, pair in enumerate(pairs(found.difference.switch)):
            if {str(level) for level in pair} == wanted:
                return found.difference.switch, place
    return "mode", 0


class StopPlan(ModalScreen[str]):
    """Asks what to do with the plan under way: `stop`, `pause` (or go on), or nothing."""

    def compose(self) -> ComposeResult:
        """One question."""
        rows: tuple[Row, ...] = (
            [("x   ", "panel bright"), ("stop it: what it has found stays; a session begun for it ends", "panel")],
            [("p   ", "panel bright"), ("pause it, or go on; the block under way is done again", "panel")],
            [("esc ", "panel bright"), ("let it run", "panel")],
        )
        panel = Static(lines(rows), id="stop")
        panel.border_title = "the plan"
        yield panel

    def on_key(self, event: Key) -> None:
        """Answer."""
        event.stop()
        answers = {"x": "stop", "s": "stop", "p": "pause"}
        if event.key in answers:
            self.dismiss(answers[event.key])
        elif event.key in ("escape", "q"):
            self.dismiss(None)
