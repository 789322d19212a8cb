"""Alphabets: the authors' ids, and the field's folding of labels."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipstr.charset import ALPHABETS, Charset
from clipstr.errors import CharsetError

PAPER = Charset(ALPHABETS["36"])


def test_ids_are_the_authors() -> None:
    assert (PAPER.end, PAPER.begin, PAPER.padding) == (0, 37, 38)
    assert PAPER.encode("09az") == [1, 10, 11, 36]
    assert (PAPER.num_classes, PAPER.num_tokens) == (37, 39)


@pytest.mark.parametrize("size", [36, 62, 94])
def test_the_fields_alphabets_have_their_sizes(size: int) -> None:
    assert len(Charset.named(str(size)).characters) == size


@given(st.text(alphabet=ALPHABETS["94"], max_size=30))
def test_a_text_survives_encoding_and_decoding(text: str) -> None:
    charset = Charset(ALPHABETS["94"])
    assert charset.decode([*charset.encode(text), charset.end, 5, 5]) == text


@given(st.text(max_size=30))
def test_folding_gives_the_alphabets_characters_only_and_once_is_enough(text: str) -> None:
    folded = PAPER.fold(text)
    assert set(folded) <= set(PAPER.characters)
    assert PAPER.fold(folded) == folded


@pytest.mark.parametrize(
    ("alphabet", "text", "folded"),
    [
        ("36", "Café Noir!", "cafenoir"),
        ("62", "Café Noir!", "CafeNoir"),
        ("94", "Café Noir!", "CafeNoir!"),
        ("36", "ﬁne ½", "fine12"),
        ("ABC", "abcd", "ABC"),
        ("äöü", "a\u0308x", "ä"),
        ("36", "日本", ""),
    ],
)
def test_labels_fold_as_the_field_folds_them(alphabet: str, text: str, folded: str) -> None:
    assert Charset.named(alphabet).fold(text) == folded


@pytest.mark.parametrize(
    ("characters", "message"),
    [("", "this one is empty"), ("abca", "repeated: 'a'"), ("a b", "no white space")],
)
def test_unusable_alphabets_are_refused(characters: str, message: str) -> None:
    with pytest.raises(CharsetError, match=message):
        Charset(characters)


def test_unknown_characters_and_ids_are_named() -> None:
    with pytest.raises(CharsetError, match="outside the alphabet: '!A'"):
        PAPER.encode("A!b")
    with pytest.raises(CharsetError, match="37 is no character id"):
        PAPER.decode([37])
