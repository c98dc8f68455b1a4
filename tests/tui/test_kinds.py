"""Kinds of terminals: which colours and signs are chosen, and that every sign and role has its place in every table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.color import Color, ColorType
from rich.style import Style

from quintet.engine.errors import BadInput
from quintet.engine.journal.reader import read
from quintet.engine.session.session import folded
from quintet.tui.app import QuintetApp
from quintet.tui.scene.layout import layout
from quintet.tui.scene.scene import Looking, scene
from quintet.tui.theme import glyphs, keymap, palette, terminal
from quintet.tui.theme.terminal import Kind, kind
from quintet.tui.views import frame
from tests.conftest import DATA
from tests.making import SECOND
from tests.tui.test_app import shown

KINDS = [Kind(*words) for words in (
    ("256", "dark", True), ("256", "light", True), ("16", "dark", True), ("none", "dark", True), ("none", "dark", False),
    ("16", "dark", False),
)]  # fmt: skip


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    yield
    terminal.use(KINDS[0])


@pytest.mark.parametrize(
    ("environ", "colours"),
    [
        ({"TERM": "xterm-256color"}, "256"),
        ({"TERM": "screen-256color", "COLORTERM": ""}, "256"),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "256"),
        ({"TERM": "xterm-direct"}, "256"),
        ({"TERM": "xterm"}, "16"),
        ({"TERM": "xterm-kitty"}, "256"),
        ({"TERM": "linux"}, "16"),
        ({"TERM": "no-such-terminal"}, "16"),
        ({"TERM": "vt100"}, "none"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "none"),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, "256"),
        ({"TERM": "xterm-256color", "QUINTET_COLORS": "16"}, "16"),
        ({"TERM": "xterm", "NO_COLOR": "1", "QUINTET_COLORS": "256"}, "256"),
    ],
)
def test_the_environment_says_how_many_colours(environ: dict[str, str], colours: str) -> None:
    assert kind(environ).colours == colours


@pytest.mark.parametrize(
    ("environ", "at_start", "utf8"),
    [
        ({}, {}, True),
        ({"LANG": "en_US.UTF-8"}, {}, True),
        ({"LANG": "de_DE.utf8"}, {}, True),
        ({"LANG": "C"}, {}, False),
        ({"LC_ALL": "POSIX", "LANG": "en_US.UTF-8"}, {}, False),
        ({"LANG": "ko_KR.eucKR"}, {}, False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, {"LANG": "C"}, False),  # Python's own doing
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, {"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),
        ({"LC_CTYPE": "C.UTF-8"}, {}, True),
    ],
)
def test_the_locale_says_whether_signs_can_be_drawn(
    environ: dict[str, str], at_start: dict[str, str], utf8: bool
) -> None:
    assert terminal.is_utf8(environ, at_start) is utf8


def test_what_the_person_says_goes_first_and_a_wrong_word_is_one_sentence() -> None:
    told = kind({"TERM": "xterm", "QUINTET_COLORS": "16", "QUINTET_GLYPHS": "ascii"}, "256", "light")
    assert told == Kind("256", "light", False)
    with pytest.raises(BadInput, match=r"^--colors 8: it is auto, 256, 16 or none\.$"):
        kind({}, "8")
    with pytest.raises(BadInput, match=r"^QUINTET_THEME blue: it is dark or light\.$"):
        kind({"QUINTET_THEME": "blue"})


@pytest.mark.parametrize("term", ["dumb", "", "unknown"])
def test_a_dumb_terminal_is_refused(term: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", term)
    with pytest.raises(BadInput, match="Use --headless"):
        terminal.refuse_dumb()


def test_over_ssh_it_paints_half_as_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.delenv("SSH_TTY", raising=False)
    assert terminal.paint_s() == 1.0
    monkeypatch.setenv("SSH_TTY", "/dev/pts/3")
    assert terminal.paint_s() == 2.0


@pytest.mark.parametrize("one", [palette.DARK, palette.LIGHT], ids=lambda one: one.name)
def test_every_colour_is_an_entry_of_the_256_colour_table(one: palette.Palette) -> None:
    cube = [0, 95, 135, 175, 215, 255]
    greys = [8 + 10 * step for step in range(24)]
    for colour in (Color.parse(value) for value in one[1:14] if value):
        assert colour.triplet is not None
        parts = tuple(colour.triplet)
        assert all(part in cube for part in parts) or (len(set(parts)) == 1 and parts[0] in greys)


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio of two hex colours."""

    def luminance(hexed: str) -> float:
        parts = [int(hexed[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("one", [palette.DARK, palette.LIGHT], ids=lambda one: one.name)
def test_words_and_bars_can_be_told_from_their_ground(one: palette.Palette) -> None:
    for colour in (one.bright, one.text, one.dim, one.on_text, one.off_text, one.alert):
        assert contrast(colour, one.ground) >= 5.5
    for colour in (one.on_bar, one.off_bar):
        assert contrast(colour, one.ground) >= 3


def test_without_colour_no_style_has_any_and_off_bars_are_dim() -> None:
    terminal.use(KINDS[3])
    for role in (*palette._FRONTS, *palette._BODIES, "text+reverse", "on+band", "off+panel"):
        style = palette.style(role)
        assert style.color is None
        assert style.bgcolor is None
    assert palette.style("off body") == Style(reverse=True, dim=True)
    assert palette.style("on body") == Style(reverse=True, dim=False)


def test_sixteen_colours_are_the_terminals_own_and_the_two_levels_differ() -> None:
    terminal.use(KINDS[2])
    on, off = palette.style("on body").bgcolor, palette.style("off body").bgcolor
    assert on is not None
    assert off is not None
    assert (on.type, on.number, off.number) == (ColorType.STANDARD, 12, 3)
    assert palette.style("text").bgcolor is None


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (200, 50), (60, 20)])
@pytest.mark.parametrize("past", [False, True])
def test_in_ascii_nothing_else_is_drawn_and_nothing_moves(size: tuple[int, int], past: bool) -> None:
    session = folded(read(DATA / "replay.msgpack"))
    assert session.end is not None
    for seconds in (1, 61, 126, 145, 167, 191):
        looking = Looking(session.end.t_ns, session.end.t_ns) if past else None
        seen = scene(
            session,
            session.origin_ns + seconds * SECOND,
            frozenset((1,)),
            frozen=past,
            journal_bytes=1,
            looking=looking,
        )
        where = layout(*size, 5, 1, past=past)
        terminal.use(KINDS[0])
        usual = frame.draw(seen, where, size[0])
        terminal.use(KINDS[4])
        plain = frame.draw(seen, where, size[0])
        for name, canvas in plain.items():
            for row, other in zip(canvas.cells, usual[name].cells, strict=True):
                assert all(letter.isascii() for letter, _ in row)
                assert len(row) == len(other)


def test_signs_are_told_cell_for_cell() -> None:
    glyphs.choose(glyphs.ASCII)
    assert glyphs.told("▁▂▃▄▅▆▇█") == "_-==####"
    assert glyphs.told("micro · cpu · ● on ━━╌╌··") == "micro - cpu - * on ==--.."
    assert glyphs.told("├──●──┤ ├──○──┤ ▸ ▼ ▲ ✓ ✖ — −28") == "[--*--] [--o--] > v ^ + x - -28"
    assert glyphs.told("한국 🔎") == "???? ??"


@pytest.mark.parametrize("one", KINDS, ids=str)
async def test_the_screen_stands_in_every_kind_of_terminal(one: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    if one.colours == "none":
        monkeypatch.setenv("NO_COLOR", "1")
    terminal.use(one)
    session = folded(read(DATA / "replay.msgpack"))
    app = QuintetApp(DATA / "replay.msgpack", None, clock=lambda: session.origin_ns + 191 * SECOND)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("question_mark")
        await pilot.press("x")
        await pilot.press("ctrl+p")
        await pilot.press("escape")
        await pilot.press("s", "escape", "left")
        strips = app.screen._compositor.render_strips()
        colours = {segment.style.bgcolor for strip in strips for segment in strip if segment.style is not None}
        if one.colours == "none":
            assert {colour.type for colour in colours if colour} <= {ColorType.DEFAULT}
        if one.colours == "16":
            assert {colour.type for colour in colours if colour} <= {ColorType.DEFAULT, ColorType.STANDARD}
        assert "FROZEN" in shown(app)


@pytest.fixture
def changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "keys.toml"
    monkeypatch.setenv("QUINTET_KEYS", str(path))
    return path


async def test_keys_can_be_changed_and_the_key_line_shows_it(changed: Path) -> None:
    changed.write_text('freeze = "f2"\nhelp = "h,f1"\n')
    session = folded(read(DATA / "replay.msgpack"))
    app = QuintetApp(DATA / "replay.msgpack", None, clock=lambda: session.origin_ns + 191 * SECOND)
    async with app.run_test(size=(120, 40)) as pilot:
        assert "f2 freeze" in shown(app)
        assert "h help" in shown(app)
        await pilot.press("space")
        assert not shown(app).startswith(" FROZEN")
        await pilot.press("f2")
        assert shown(app).startswith(" FROZEN")
    keymap.relabel([], {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('fly = "f"', "there is no command 'fly'"),
        ("freeze = 3", "freeze needs a key between quotes"),
        ("freeze", "cannot be read as TOML"),
        ('freeze = "a"', "a would call both"),
    ],
)
def test_a_bad_file_of_keys_is_one_sentence(changed: Path, text: str, said: str) -> None:
    changed.write_text(text)
    with pytest.raises(BadInput, match=said):
        QuintetApp(DATA / "replay.msgpack", None)


def test_a_named_file_of_keys_must_be_there(changed: Path) -> None:
    with pytest.raises(BadInput, match="there is no such file"):
        QuintetApp(DATA / "replay.msgpack", None)
