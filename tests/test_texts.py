"""`clipstr.texts`: nothing from elsewhere moves a cursor, breaks a line or turns a direction."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipstr.texts import visible

anything = st.text(st.characters(categories=["L", "M", "N", "P", "S", "Z", "C"]))


@given(anything)
def test_what_comes_out_is_one_line_without_controls_and_directions(text: str) -> None:
    shown = visible(text, bytes_too=True)
    assert len(shown.splitlines()) <= 1
    categories = {unicodedata.category(character) for character in shown if character not in "\u200c\u200d"}
    assert not categories & {"Cc", "Cf", "Zl", "Zp", "Cs"}
    assert visible(shown, bytes_too=True) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\tc\x1b[31m", "a\\nb\\tc\\x1b[31m"),
        ("\x85\x9b\u2028\u202e\u2066", "\\x85\\x9b\\u2028\\u202e\\u2066"),
        ("\ud800", "\\ud800"),
        ("Grüße, 日本 👩\u200d💻 می\u200cخواهم", "Grüße, 日本 👩\u200d💻 می\u200cخواهم"),
        ("caf\udce9", "caf\udce9"),
    ],
)
def test_texts_of_people_stay_and_the_rest_is_escaped(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_what_is_to_be_kept_is_kept() -> None:
    assert visible("a\tb\n", keep="\t") == "a\tb\\n"
    assert visible("caf\udce9", bytes_too=True) == "caf\\udce9"
