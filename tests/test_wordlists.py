"""The words that come with the package, and by what they are known."""

from __future__ import annotations

import pytest

from clipstr.wordlists import known_spellings, known_words, our_list, skeleton, spelling


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("Don't!", "dont"),
        ("München", "munchen"),
        ("STRASSE", "strasse"),
        ("4.50", "450"),
        ("Łódź", "lodz"),
        ("KÆRLIGHED", "kaerlighed"),
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


def test_a_word_with_marks_is_known_by_these_marks() -> None:
    texts = ("«Łódź»", "MU\u0308NCHEN!", "Straße")
    assert [spelling(text) for text in texts] == ["łódź", "münchen", "strasse"]
    assert {"łódź", "crème", "münchen"} <= known_spellings()
    assert not {"lodz", "open", "crèmé"} & known_spellings()


def test_single_letters_are_no_words() -> None:
    assert min(map(len, known_words())) == 2
