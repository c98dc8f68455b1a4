"""What a person has chosen to see, and how each key changes it. Pure: a state goes in, a state comes out."""

from __future__ import annotations

from typing import NamedTuple

from quintet.tui.scene.layout import STEPS_S, Layout, Look
from quintet.tui.scene.scene import Scene

SCALES = ("shared", "log", "own")
OUTCOMES = ("predict", "scored", "request", "cycle", "infer", "images_per_s")


class ScreenState(NamedTuple):
    """Which lanes are chosen, how one looks at them, and which outcome and table are shown."""

    chosen: frozenset[int] = frozenset()
    alone_lane: int = 0
    """The lane that `t` takes."""
    look: Look = Look()
    outcome: str = OUTCOMES[0]
    turned: int = 0
    """How often the table was turned."""


def choose(state: ScreenState, lane: int, lanes: int) -> ScreenState:
    """One lane of so many; nothing where there is no such lane."""
    return state._replace(chosen=frozenset((lane,)), alone_lane=lane) if 0 <= lane < lanes else state


def choose_by(state: ScreenState, by: int, lanes: int) -> ScreenState:
    """The next lane, or the one before; from several the first or the last."""
    if not lanes:
        return state
    return choose(state, (min(state.chosen) + by) % lanes if len(state.chosen) == 1 else min(0, by) % lanes, lanes)


def choose_all(state: ScreenState, lanes: int) -> ScreenState:
    """All lanes."""
    return state._replace(chosen=frozenset(range(lanes)))


def zoomed(state: ScreenState, step_ns: int, by: int) -> ScreenState:
    """More (by = 1) or fewer seconds a column than the one in use."""
    steps = [step * 1_000_000_000 for step in STEPS_S]
    place = max(0, min(len(steps) - 1, steps.index(step_ns) + by))
    return state._replace(look=state.look._replace(step_ns=steps[place]))


def other_view(state: ScreenState) -> ScreenState:
    """Side by side, or in rows."""
    return state._replace(look=state.look._replace(view="auto" if state.look.view == "rows" else "rows"))


def next_scale(state: ScreenState) -> ScreenState:
    """The next kind of scale."""
    return state._replace(look=state.look._replace(scale=_after(state.look.scale, SCALES)))


def next_outcome(state: ScreenState) -> ScreenState:
    """The next outcome: of what means and changes are."""
    return state._replace(outcome=_after(state.outcome, OUTCOMES))


def next_page(state: ScreenState, where: Layout, shown: Scene) -> ScreenState | None:
    """The next table, and the lanes after the flips' where both do not fit; None where there is nothing else."""
    if where.pages and where.parts["table"] and shown.page == "flips":
        return state._replace(look=state.look._replace(page="lanes"))
    if where.pages or len(shown.tables) > 1:
        return state._replace(look=state.look._replace(page="table"), turned=state.turned + 1)
    return None


def _after(one: str, known: tuple[str, ...]) -> str:
    return known[(known.index(one) + 1) % len(known)]
