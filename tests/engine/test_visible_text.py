"""The door for text from outside: what it writes out, and what it leaves."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quintet.engine.errors import BadInput
from quintet.engine.visible_text import visible, visible_json, visible_lines, visible_wrapped, width
from tests.hostile_text import EVERY, hidden

TEXTS = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m\x07\x00\x7f", r"\x1b[31m\x07\x00\x7f"), ("\x9b31m\x85", r"\x9b31m\x85"), ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\u202eevil\u2066", r"\u202eevil\u2066"), ("a\u200bb\ufeff\u3164", r"a\u200bb\ufeff\u3164"), ("\u2028", r"\u2028"),
        ("\udce9", "\N{REPLACEMENT CHARACTER}"), ("\ue000\U000e0041", r"\ue000\U000e0041"),
    ],
)  # fmt: skip
def test_what_is_no_visible_letter_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "détecté",
        "e\u0301",
        "猫と犬",
        "हिन्दी",
        "עברית",
        "ไทย",
        "👍🏽 ❤️",
        "a\xa0b\u3000c\u202fd",
        "−3 °C ± 2 µm",
        r"C:\x1b",
    ],
)
def test_letters_accents_emoji_and_spaces_stay(text: str) -> None:
    assert visible(text) == visible_lines(text) == text


@given(TEXTS)
def test_nothing_hidden_passes_and_twice_is_once(text: str) -> None:
    assert not hidden(visible(text))
    assert "\n" not in visible(text)
    assert visible(visible(text)) == visible(text)
    assert visible_lines(text) == "\n".join(map(visible, text.split("\n")))


@given(st.dictionaries(st.text(), st.text()))
def test_json_keeps_its_values_and_holds_nothing_hidden(value: dict[str, str]) -> None:
    told = visible_json(json.dumps(value, ensure_ascii=False, indent=1))
    assert json.loads(told) == value
    assert not hidden(told)


def test_a_sentence_on_bad_input_is_one_line_and_what_stands_beneath_it_a_line_each() -> None:
    assert "\n" not in str(BadInput(EVERY))
    assert not hidden(str(BadInput(EVERY)))
    assert str(BadInput("What differs:", "a\nb", "c")) == "What differs:\n  a\\nb\n  c"


def test_lines_are_no_wider_than_their_room() -> None:
    lines = visible_wrapped("猫 犬犬犬 a\x1bb 犬x犬", 5)
    assert "".join(lines).replace(" ", "") == r"猫犬犬犬a\x1bb犬x犬"
    assert max(map(width, lines)) == 5
    assert visible_wrapped("one two", 4, initial_indent="") == ["one", "two"]


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("猫", 2), ("e\u0301", 1), ("", 0), ("a猫é", 4)])
def test_the_width_of_a_text_is_its_columns(text: str, columns: int) -> None:
    assert width(text) == columns
