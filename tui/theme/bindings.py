"""Every key: its id, what it calls, and what it does. One table for Textual, the help, the palette and a person's own keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial

from textual.app import SystemCommand
from textual.binding import Binding

from quintet.tui.theme.keymap import named

LOOKING = (
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
)  # fmt: skip
"""What is shown: any moment, any view."""
ASKING = (
    Binding("a", "accuracy", "accuracy", id="accuracy", tooltip="Accuracy on, off in the chosen lanes"),
    Binding("t", "regime", "alone", id="regime", tooltip="The lane chosen last alone, all together"),
    Binding("b", "plan", "A/B", id="plan", tooltip="An A/B here and now, or the study"),
    Binding("x", "stop_plan", "stop plan", id="plan.stop", tooltip="Pause or stop the plan under way"),
    Binding("o", "outcome", "outcome", id="outcome", tooltip="predict, scored, request, cycle, infer, images/s"),
    Binding("s", "switches", "switches", id="switches", tooltip="Every switch, in one lane or all"),
    Binding("m", "mark", "mark", id="mark", tooltip="Write a note into the journal"),
    Binding("r", "restart", "restart", id="restart", tooltip="Try a failed lane again, restart the chosen one"),
)
"""What runs: asked of the session."""
LANES_AND_LEAVING = (
    *(Binding(str(n), f"choose({n - 1})", f"lane {n}", id=f"lane.{n}", tooltip="Choose a lane") for n in range(1, 10)),
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
)
ALL = (*LOOKING, *ASKING, *LANES_AND_LEAVING)
"""In the order in which the palette shows them."""


def commands(keys: Mapping[str, str], run: Callable[[str], Awaitable[object]]) -> Iterator[SystemCommand]:
    """Everything by name, for the palette: what each key does, and the key a person has given it."""
    for binding in ALL:
        if binding.tooltip and binding.id and not binding.id.removeprefix("lane.").isdigit():
            yield SystemCommand(binding.tooltip, named(binding, keys), partial(run, binding.action))
