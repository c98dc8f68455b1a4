"""What keys do to what is shown: states go in and come out, without a terminal, an app or a session."""

from __future__ import annotations

from typing import Any

import pytest

from quintet.tui import navigation
from quintet.tui.navigation import OUTCOMES, SCALES, ScreenState
from quintet.tui.scene.layout import STEPS_S

ALL = ScreenState(chosen=frozenset(range(5)))


def test_a_lane_is_chosen_and_is_the_one_that_runs_alone() -> None:
    one = navigation.choose(ALL, 3, 5)
    assert one.chosen == {3}
    assert one.alone_lane == 3
    assert navigation.choose(ALL, 5, 5) == ALL
    assert navigation.choose_all(one, 5).chosen == ALL.chosen
    assert navigation.choose_all(one, 5).alone_lane == 3


@pytest.mark.parametrize(
    ("chosen", "by", "found"),
    [({0, 1, 2, 3, 4}, 1, 0), ({0, 1, 2, 3, 4}, -1, 4), ({2}, 1, 3), ({2}, -1, 1), ({4}, 1, 0), ({0}, -1, 4)],
)
def test_the_next_lane_goes_round(chosen: set[int], by: int, found: int) -> None:
    assert navigation.choose_by(ScreenState(chosen=frozenset(chosen)), by, 5).chosen == {found}


def test_without_lanes_there_is_nothing_to_choose() -> None:
    assert navigation.choose_by(ScreenState(), 1, 0) == ScreenState()


def test_seconds_a_column_stop_at_both_ends() -> None:
    state = ALL
    steps = []
    for by in (1, 1, -1, -1, -1, -1, *[1] * 12):
        state = navigation.zoomed(state, state.look.step_ns or STEPS_S[1] * 10**9, by)
        steps.append((state.look.step_ns or 0) // 10**9)
    assert steps[:6] == [5, 10, 5, 2, 1, 1]
    assert steps[-1] == STEPS_S[-1]


def test_views_scales_and_outcomes_come_round() -> None:
    assert navigation.other_view(ALL).look.view == "rows"
    assert navigation.other_view(navigation.other_view(ALL)) == ALL
    for step, known in ((navigation.next_scale, SCALES), (navigation.next_outcome, OUTCOMES)):
        state = ALL
        seen = []
        for _ in known:
            state = step(state)
            seen.append(state)
        assert state == ALL
        assert len(set(seen)) == len(known)


class Shown:
    """As much of a scene as turning a page needs."""

    def __init__(self, page: str, *tables: str) -> None:
        self.page, self.tables = page, tables


class Where:
    """As much of a layout."""

    def __init__(self, *, pages: bool, table: int = 9) -> None:
        self.pages, self.parts = pages, {"table": table}


@pytest.mark.parametrize(
    ("where", "shown", "page", "turned"),
    [
        (Where(pages=True), Shown("flips", "flips"), "lanes", 0),
        (Where(pages=True, table=0), Shown("flips", "flips"), "table", 1),
        (Where(pages=True), Shown("plan", "flips", "plan"), "table", 1),
        (Where(pages=False), Shown("flips", "flips", "plan"), "table", 1),
    ],
)
def test_a_page_is_turned(where: Any, shown: Any, page: str, turned: int) -> None:
    found = navigation.next_page(ALL, where, shown)
    assert found is not None
    assert (found.look.page, found.turned) == (page, turned)


def test_where_everything_is_on_the_screen_there_is_no_page() -> None:
    where: Any = Where(pages=False)
    shown: Any = Shown("flips", "flips")
    assert navigation.next_page(ALL, where, shown) is None
