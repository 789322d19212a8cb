"""`clipstr.arguments`: what a caller gives wrongly is told by its name."""

from __future__ import annotations

import re

import numpy as np
import pytest

from clipstr.arguments import flag, several, text, whole_number
from clipstr.errors import InputError


@pytest.mark.parametrize("value", [1, 7, 10, np.int64(3), np.uint8(9)])
def test_whole_numbers_within_their_bounds_come_back_as_ints(value: int) -> None:
    found = whole_number(value, "size", least=1, most=10)
    assert found == value
    assert type(found) is int


@pytest.mark.parametrize("value", [0, 11, -3, 1.0, "5", None, True, float("nan"), [1], 10**400])
def test_other_things_are_no_whole_numbers(value: object) -> None:
    with pytest.raises(InputError, match=r"^size is .* from 1 to 10 \(pictures\)$"):
        whole_number(value, "size", least=1, most=10, meaning="pictures")


def test_flags_and_texts_are_taken_as_they_are_and_nothing_is_made_one() -> None:
    assert flag(False, "loud") is False
    assert text("", "name", meaning="a name") == ""
    for wrong in (0, 1, None, "yes"):
        with pytest.raises(InputError, match="loud is "):
            flag(wrong, "loud")
    for other in (0, None, b"bytes", ["list"]):
        with pytest.raises(InputError, match="name is .*: a name"):
            text(other, "name", meaning="a name")


def test_several_texts_come_one_by_one() -> None:
    assert list(several(["a", ""], "words", meaning="words")) == ["a", ""]
    assert list(several((w for w in "ab"), "words", meaning="words")) == ["a", "b"]


def test_a_bare_text_is_not_several_and_the_message_says_how() -> None:
    with pytest.raises(
        InputError, match=re.escape("words is 'coffee'; it must be a list of words, such as ['coffee']")
    ):
        several("coffee", "words", meaning="words")


@pytest.mark.parametrize("wrong", [b"coffee", None, 3])
def test_other_things_are_not_several(wrong: object) -> None:
    with pytest.raises(InputError, match="words is "):
        several(wrong, "words", meaning="words")  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [2026, None, b"a", ["a"]])
def test_one_of_several_that_is_no_text_is_told_by_its_number(wrong: object) -> None:
    with pytest.raises(InputError, match=r"words\[1\] is "):
        list(several(["a", wrong], "words", meaning="words"))  # type: ignore[list-item]
