"""Labels as CLIP's tokens."""

from __future__ import annotations

import string

import numpy as np
import pytest
from open_clip import SimpleTokenizer

import golden
from clipstr.errors import TeacherError
from clipstr.teacher.tokens import LabelTokens

LABELS = ["table", "2023", "antique", "g7"]


def tokens(**settings: object) -> LabelTokens:
    return LabelTokens(**({"tokens": "characters", "case": "fold", "context_length": 77} | settings))  # type: ignore[arg-type]


def test_characters_are_the_authors_tokens() -> None:
    expected = golden.golden_tensors()["clip_char_tokens"]
    assert np.array_equal(tokens().batch(LABELS).numpy(), expected)


def test_words_are_the_authors_tokens() -> None:
    expected = golden.golden_tensors()["clip_word_tokens"]
    assert np.array_equal(tokens(tokens="words").batch(LABELS).numpy(), expected)


@pytest.mark.parametrize("label", ["analysis", "it's", "a&b", "&amp;", "<|x|>", "10:30", "Café"])
def test_a_label_is_spelled_as_openclip_reads_it_with_spaces(label: str) -> None:
    assert tokens().ids(label)[1:-1] == SimpleTokenizer().encode(" ".join(label))


def test_every_printable_character_is_one_token() -> None:
    printable = string.digits + string.ascii_letters + string.punctuation
    speller = tokens()
    ids = [speller.ids(character) for character in printable]
    assert {len(row) for row in ids} == {3}
    assert {(row[0], row[-1]) for row in ids} == {(49406, 49407)}
    assert len(printable) == 94
    assert len({row[1] for row in ids}) == 94 - 26  # both cases of a letter are one


def test_both_cases_are_one_token_unless_they_are_kept() -> None:
    assert tokens().ids("Ab") == tokens().ids("aB")
    kept = tokens(case="keep")
    assert kept.ids("Ab") != kept.ids("ab")
    assert kept.ids("ab") == tokens().ids("ab")
    assert len({tuple(kept.ids(letter)) for letter in string.ascii_letters}) == 52


def test_a_label_longer_than_the_context_is_told() -> None:
    assert len(tokens(context_length=6).ids("abcd")) == 6
    with pytest.raises(
        TeacherError, match=r"'abcde' is 7 tokens long .* lower student.max_length to at most 4"
    ):
        tokens(context_length=6).ids("abcde")


def test_a_character_of_two_tokens_is_told() -> None:
    assert len(tokens().ids("é")) == 3
    for character in "中№":
        with pytest.raises(TeacherError, match=f"2 tokens of the character '{character}'.*student.char"):
            tokens().ids(character)
    with pytest.raises(TeacherError, match="makes 2 tokens of the character '中'"):
        tokens().batch(["ab", "a中"])


def test_a_character_of_no_token_is_told() -> None:
    with pytest.raises(TeacherError, match="makes 0 tokens of the character ' '.*student.characters"):
        tokens().ids("a b")


def test_the_context_is_that_of_the_longest_label() -> None:
    batch = tokens().batch(["a", "abc"])
    assert batch.shape == (2, 5)
    assert batch[0, 3:].tolist() == [0, 0]
    assert tokens().batch([]).shape == (0, 0)


def test_the_context_of_words_is_the_longest_labels_characters_and_two() -> None:
    speller = tokens(tokens="words")
    batch = speller.batch(["table", "antique"])
    assert batch.shape == (2, 9)
    assert [row[row != 0].tolist() for row in batch] == [speller.ids("table"), speller.ids("antique")]
    assert speller.ids("table") == [49406, *SimpleTokenizer().encode("table"), 49407]


def test_the_context_of_words_is_never_longer_than_the_encoders() -> None:
    assert tokens(tokens="words", context_length=6).batch(["table", "antique"]).shape == (2, 6)


def test_a_word_of_more_tokens_than_characters_still_fits() -> None:
    speller = tokens(tokens="words")
    assert len(speller.ids("№中")) > len("№中") + 2
    assert speller.batch(["№中"])[0].tolist() == speller.ids("№中")
