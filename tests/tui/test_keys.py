"""Every key is pressed, and what it does is seen; clicks, and the palette of commands."""

from __future__ import annotations

import pytest
from textual.command import CommandPalette

from quintet.engine.journal.reader import read
from quintet.engine.session.session import folded
from quintet.tui.app import QuintetApp
from quintet.tui.canvas.canvas import Part
from quintet.tui.theme import bindings
from tests.conftest import DATA
from tests.making import SECOND
from tests.tui.test_app import shown

JOURNAL = DATA / "replay.msgpack"
NOBODY = "The session has ended"
SEEN: dict[str, tuple[str, str]] = {
    "freeze": ("space", " FROZEN"), "step.back": ("left", "at 2:56"), "step.forward": ("left left right", "at 2:56"),
    "page.back": ("pageup", "at 2:18"), "page.forward": ("pageup pageup pagedown", "at 2:18"),
    "seek.begin": ("home", "at 0:00"), "seek.end": ("home end", "at 2:58 · 0:00 behind"),
    "jump.back": ("left_square_bracket", "at 2:52"), "jump.forward": ("home right_square_bracket", "at 0:02"),
    "pace.up": ("plus", "━━━━··━━ on ━━╌╌"), "pace.down": ("minus", "╵2:50"),
    "zoom.out": ("greater_than_sign", "━━━━··━━ on ━━╌╌"), "zoom.in": ("less_than_sign", "╵2:50"),
    "view": ("v", "○ off  80"), "scale": ("y", " log"), "page": ("tab", "there is no other table yet"),
    "accuracy": ("a", NOBODY), "regime": ("t", NOBODY), "plan": ("b", "A/B"), "plan.stop": ("x", "No plan is under way"),
    "outcome": ("o", "scored, ms per image"), "switches": ("s", "a preset of score"), "mark": ("m", "enter writes"),
    "lane.down": ("2 down", "▸3 pose"), "lane.up": ("0 up", "▸5 obb"),
    "restart": ("4 r", NOBODY), "lane.all": ("1 0", "▸2 detect"), "log": ("4 e", "seg: its data and what it wrote"),
    "help": ("question_mark", "how to read it"), **{f"lane.{n}": (str(n), f"▸{n} ") for n in range(1, 6)},
}  # fmt: skip
"""A command's id: the keys that lead to it, and what then stands on the screen."""
LEAVING = {"detach": "d", "quit": "q", "interrupt": "ctrl+c", "quit.too": "ctrl+q"}
ELSEWHERE = {"suspend", *(f"lane.{n}" for n in range(6, 10))}
"""ctrl+z needs a shell (test_lines.py); there are five lanes here."""


def app_at(seconds: float = 178, replay_speed: float | None = None) -> QuintetApp:
    session = folded(read(JOURNAL))
    return QuintetApp(
        JOURNAL, None, clock=lambda: session.origin_ns + round(seconds * SECOND), replay_speed=replay_speed
    )


def test_no_key_is_forgotten() -> None:
    app = app_at()
    app._follower.close()
    assert {binding.id for binding in bindings.ALL} == {*SEEN, *LEAVING, *ELSEWHERE}


@pytest.mark.parametrize("command", sorted(SEEN))
async def test_every_key_does_what_it_says(command: str) -> None:
    keys, words = SEEN[command]
    app = app_at()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press(*keys.split())
        await pilot.pause()
        told = " ".join(note.message for note in app._notifications)
        assert words in shown(app) + told


@pytest.mark.parametrize("command", sorted(LEAVING))
async def test_every_key_that_leaves_leaves(command: str) -> None:
    app = app_at(0, replay_speed=1.0)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press(LEAVING[command])
    assert app.return_value == "ended"


@pytest.mark.parametrize(
    "size", [(80, 24), *(pytest.param(size, marks=pytest.mark.long("fuzz")) for size in ((120, 40), (60, 20)))]
)
async def test_all_keys_in_a_row_at_every_size(size: tuple[int, int]) -> None:
    """Nothing breaks, whatever lies over the lanes: panels take keys, escape closes them."""
    app = app_at(100, replay_speed=1.0)
    async with app.run_test(size=size) as pilot:
        for binding in bindings.ALL:
            if binding.id in LEAVING or binding.id == "suspend":
                continue
            await pilot.press(binding.key.split(",")[0], "escape")
        while len(app.screen_stack) > 1:
            await pilot.press("escape")
        assert "REPLAY" in shown(app)


async def test_a_click_chooses_a_lane_and_one_on_the_session_goes_there() -> None:
    app = app_at()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.click(offset=(60, 15))
        assert app.state.chosen == {2}
        assert "▸3 pose" in shown(app)
        await pilot.press("v")
        lanes = app.query_one("#lanes", Part).region
        await pilot.click(offset=(40, lanes.y + 21))
        assert app.state.chosen == {4}
        await pilot.press("v", "left")
        past = app.query_one("#past", Part).region
        await pilot.click(offset=(60, past.y + 1))
        assert " FROZEN  at 1:2" in shown(app)
        await pilot.press("question_mark")
        await pilot.click(offset=(60, 15))
        assert app.state.chosen == {4}


async def test_the_palette_opens_finds_a_command_runs_it_and_closes() -> None:
    app = app_at()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("ctrl+p")
        assert isinstance(app.screen, CommandPalette)
        await pilot.press("escape")
        assert len(app.screen_stack) == 1
        await pilot.press("ctrl+p")
        await pilot.press(*"side by side")
        await app.workers.wait_for_complete()
        await pilot.press("down", "enter")
        await pilot.pause()
        assert len(app.screen_stack) == 1
        assert app.state.look.view == "rows"
