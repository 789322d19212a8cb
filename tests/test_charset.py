"""Alphabets: the authors' ids, and the field's folding of labels."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipstr.charset import ALPHABETS, Charset, Written, plain_letters
from clipstr.errors import CharsetError

PAPER = Charset(ALPHABETS["36"])


def test_ids_are_the_authors() -> None:
    assert (PAPER.end, PAPER.begin, PAPER.padding) == (0, 37, 38)
    assert PAPER.encode("09az") == [1, 10, 11, 36]
    assert (PAPER.num_classes, PAPER.num_tokens) == (37, 39)


@pytest.mark.parametrize("size", [36, 62, 94])
def test_the_fields_alphabets_have_their_sizes(size: int) -> None:
    assert len(Charset.named(str(size)).characters) == size


def test_latin_has_all_letters_of_two_blocks_that_are_characters_of_their_own() -> None:
    latin = ALPHABETS["latin"]
    assert latin.startswith(ALPHABETS["94"])
    blocks = {chr(code) for code in (*range(0xC0, 0x100), *range(0x100, 0x180))} - set("×÷")
    assert blocks - set(latin) == set("ĲĳĿŀŉſ")
    assert set(latin) - blocks - set(ALPHABETS["94"]) == set("ȘșȚț€£¥¢§©®™°¡¿«»·")
    for word in ("éüñçøßł", "€£©®°", "Çağrı", "Þjóðin", "Iași"):
        assert Charset(latin).fold(word) == word


def test_every_character_of_latin_looks_like_one_of_ascii() -> None:
    for character in ALPHABETS["latin"][94:]:
        plain = plain_letters(character)
        assert len(plain) == 1
        assert plain[0] in ALPHABETS["94"]
    assert [plain_letters(c) for c in "éŁ日a"] == [["e"], ["L"], [], []]


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
        ("latin", "Café Noir! 5€", "CaféNoir!5€"),
        ("latin", "Ve\N{LATIN SMALL LETTER A WITH CIRCUMFLEX AND ACUTE}n ĳs ŀ ﬁ", "Veânijsl·fi"),
        ("latin", "“l’été” – m²", '"l\'été"-m2'),
        ("latin", "日本x\u0323", "x"),
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


ALPHABETS_OF_ALL_KINDS = [
    *ALPHABETS.values(),
    "ABC",
    "äöü",
    "ÄÖÜ",
    "αβγδσω",
    "αβγδσςω",
    "ΑΒΓΔΣΩ",
    "åÅΩK½ﬁ",
    "éE日本ß",
]
TEXTS = st.text(
    alphabet=st.one_of(
        st.characters(exclude_categories=["Cs"]), st.sampled_from("½℃ﬁßİıςΣΩÅK\u0301\u0307eE\u200d…™²①Ａ９")
    ),
    max_size=30,
)


@given(st.sampled_from(ALPHABETS_OF_ALL_KINDS), TEXTS)
def test_every_text_is_written_in_one_way_and_what_became_of_it_is_told(characters: str, text: str) -> None:
    charset = Charset(characters)
    written = charset.written(text)
    assert written.text == charset.fold(text)
    assert set(written.text) <= set(characters)
    assert charset.written(written.text) == Written(written.text, len(written.text))
    for form in ("NFC", "NFD"):
        assert charset.written(unicodedata.normalize(form, text)) == written
    assert len(written.text) <= written.length
    if written.is_whole:
        assert bool(written.text) == bool("".join(text.split()))
    for character in written.lost + "".join(written.parted):
        assert character in unicodedata.normalize("NFC", text)
        assert character not in charset
    # A character that is neither lost nor parted stands there: alone, it is written.
    for character in set(unicodedata.normalize("NFC", "".join(text.split()))):
        assert bool(charset.fold(character)) != (character in written.lost)


@given(st.sampled_from(ALPHABETS_OF_ALL_KINDS), TEXTS, TEXTS)
def test_a_length_is_counted_after_all_that_makes_a_text_longer(
    characters: str, text: str, more: str
) -> None:
    charset = Charset(characters)
    together = charset.fold(f"{text} {more}")
    assert len(together) <= charset.written(f"{text} {more}").length


@pytest.mark.parametrize(
    ("alphabet", "text", "written"),
    [
        ("94", "½", Written("12", 2, "", {"½": "12"})),
        ("94", "20℃", Written("20C", 3, "", {"℃": "C"})),
        ("94", "ﬁne…²", Written("fine...2", 8)),
        ("36", "don't €5", Written("dont5", 6, "'€")),
        ("36", "Ångström", Written("angstrom", 8)),
        ("αβγδσω", "ΟΔΟΣ", Written("δσ", 4, "ΟΟ"[:1])),
        ("αδοσω", "ΟΔΟΣ ας", Written("οδοσασ", 6)),
        ("αδοσςω", "ΟΔΟΣ", Written("οδος", 4)),
        ("SUÄ", "süß", Written("SSS", 4, "ü")),
    ],
)
def test_what_is_lost_and_what_stands_as_something_else_is_known(
    alphabet: str, text: str, written: Written
) -> None:
    assert Charset.named(alphabet).written(text) == written


@pytest.mark.parametrize(
    ("characters", "told"),
    [
        ("abc\N{OHM SIGN}", r"U\+2126.* write .*U\+03A9"),
        ("abc\N{ANGSTROM SIGN}", r"U\+212B.*U\+00C5"),
        ("abc\N{KELVIN SIGN}", r"U\+212A.*U\+004B"),
        ("ae\u0301", "beside each other .* 'aé'"),
        ("a\ud800", r"U\+D800"),
    ],
)
def test_an_alphabet_that_no_label_could_match_is_refused_and_the_right_one_told(
    characters: str, told: str
) -> None:
    with pytest.raises(CharsetError, match=told):
        Charset(characters)


@pytest.mark.parametrize("wrong", [94, None, ["a", "b"], b"abc"])
def test_an_alphabet_is_a_text(wrong: Any) -> None:
    with pytest.raises(CharsetError, match="an alphabet is a text"):
        Charset(wrong)


@given(st.characters(exclude_categories=["Cs", "Zs", "Zl", "Zp", "Cc"]))
def test_an_alphabet_of_one_character_knows_a_label_of_it_or_is_refused(character: str) -> None:
    try:
        charset = Charset(character)
    except CharsetError:
        assert unicodedata.normalize("NFC", character) != character
    else:
        assert charset.fold(character) == character
        assert charset.written(character).is_whole
