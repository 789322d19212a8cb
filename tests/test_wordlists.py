"""The words that come with the package, and by what they are known."""

from __future__ import annotations

import pytest

from clipstr.wordlists import known_words, our_list, skeleton


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("Don't!", "dont"),
        ("München", "munchen"),
        ("STRASSE", "strasse"),
        ("4.50", "450"),
        ("?!", ""),
        ("", ""),
    ],
)
def test_a_word_is_known_by_its_letters_and_digits(text: str, bare: str) -> None:
    assert skeleton(text) == bare


def test_every_word_of_our_lists_is_known() -> None:
    for name in ("english", "signs", "names", "german"):
        bare = {skeleton(word) for word in our_list(name)}
        assert {word for word in bare if len(word) > 1} <= known_words()


def test_single_letters_are_no_words() -> None:
    assert min(map(len, known_words())) == 2
