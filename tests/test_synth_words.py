"""What is written: words, numbers and strings that fit, in the lengths and cases of real signs."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clipstr.charset import ALPHABETS, Charset
from clipstr.errors import DataError, InputError
from clipstr.synth import SynthConfig, WordList, load_words
from clipstr.synth.config import WordShares
from clipstr.synth.hard import HARD, INSIDE
from clipstr.synth.numbers import contact, number
from clipstr.synth.words import LENGTHS, Vocabulary
from clipstr.wordlists import LANGUAGES, our_list

OURS = ("english", "signs", "names", "places", "brands", "abbreviations", *LANGUAGES)


def only(kind: str) -> WordShares:
    return WordShares(**(dict.fromkeys(WordShares.__dataclass_fields__, 0.0) | {kind: 1.0}))


def drawn(vocabulary: Vocabulary, count: int = 2000) -> list[str]:
    return [vocabulary.text(np.random.default_rng(seed)) for seed in range(count)]


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return drawn(Vocabulary(SynthConfig(characters=ALPHABETS["94"])), 6000)


@pytest.mark.parametrize("name", OURS)
def test_our_lists_hold_words_each_once_without_white_space(name: str) -> None:
    words = our_list(name)
    assert len(words) >= 500
    assert len(set(words)) == len(words)
    assert max(map(len, words)) <= 25
    assert all(Charset.named("94").fold(word) for word in words if word.isalpha())


SIGNS = ALPHABETS["94"] + "éÉüÜßøØçñÑ" + "αβγδΣσς" + "日本語" + "½²℃™"


def compared(text: str, charset: Charset) -> str:
    """``text`` letter by letter as its label must have it: accents off, in the alphabet's case.

    Python's own tables, not the alphabet's folding: a letter that has no single counterpart stays as it is.
    """
    letters = [c for c in text if not c.isspace()]
    if charset.characters.isascii():
        letters = [unicodedata.normalize("NFD", c)[0] for c in letters]
    if charset.single_case:
        lower = any(c.islower() for c in charset.characters)
        letters = [(c.lower() if lower else c.upper()) for c in letters]
    return "".join(letters)


@given(st.lists(st.sampled_from(SIGNS), min_size=1, max_size=60, unique=True))
@example(list("0123456789ABCDEF"))
@example(list("ACGT"))
@example(list("0123456789"))
@example(list(ALPHABETS["36"]))
@example(list(ALPHABETS["94"]))
@settings(max_examples=6, deadline=None)
def test_what_is_drawn_is_what_the_label_says_to_the_letter(alphabet: list[str]) -> None:
    charset = Charset("".join(alphabet))
    vocabulary = Vocabulary(SynthConfig(characters=charset.characters, max_length=12))
    for text in drawn(vocabulary, 250):
        assert charset.fold(text) == compared(text, charset), text
        assert 0 < len(charset.fold(text)) <= len(text) <= 12


def test_words_of_a_small_alphabet_are_not_few_learned_by_heart() -> None:
    vocabulary = Vocabulary(SynthConfig(characters="ACGT"))
    texts = drawn(vocabulary, 1000)
    assert set("".join(texts)) <= set("ACGTacgt")
    assert len({text.upper() for text in texts if len(text) > 3}) > 500
    wanted = np.repeat(np.arange(1, len(LENGTHS) + 1), LENGTHS)
    assert abs(np.mean([len(text) for text in texts]) - wanted.mean()) < 1


def test_with_unread_punctuation_letters_are_still_never_lost() -> None:
    charset = Charset.named("36")
    vocabulary = Vocabulary(SynthConfig(characters=charset.characters, unread=1.0))
    texts = drawn(vocabulary, 2000)
    assert 0.05 < sum(charset.fold(text) != text.lower() for text in texts) / 2000 < 0.4
    for text in texts:
        assert charset.fold(text) == compared("".join(c for c in text if c.isalnum()), charset)


@pytest.mark.parametrize("kind", [name for name in HARD if name != "phrases"])
def test_hard_texts_fit_and_are_what_they_are_called(kind: str) -> None:
    texts = drawn(Vocabulary(SynthConfig(shares=only(kind))), 400)
    words = {word.lower() for name in ("english", "signs") for word in our_list(name)}
    share = {
        "truncated": lambda text: text.lower() not in words,
        "repeated": lambda text: re.search(r"(.)\1|(..)\2|^[^a-zA-Z]+$", text) is not None,
        "long": lambda text: 15 <= len(text) <= 25,
        "mixed": lambda text: text not in (text.upper(), text.lower(), text.capitalize()),
        "punctuated": lambda text: any(c in INSIDE for c in text[1:-1]),
        "rare": lambda text: True,
    }[kind]
    assert sum(map(share, texts)) > 0.6 * len(texts)
    assert len(set(texts)) > 0.6 * len(texts)


def test_rare_characters_come_as_often_as_frequent_ones() -> None:
    texts = drawn(Vocabulary(SynthConfig(shares=only("rare"))), 6000)
    counts = Counter(character for text in texts for character in set(text))
    assert min(counts[character] for character in ALPHABETS["94"]) > 6000 / 94 * 0.5
    usual = Counter(
        c for text in drawn(Vocabulary(SynthConfig(shares=only("english"))), 6000) for c in set(text)
    )
    assert counts["Q"] > 3 * usual["Q"]
    assert counts["z"] > 3 * usual["z"]


def test_phrases_have_spaces_that_labels_drop() -> None:
    vocabulary = Vocabulary(SynthConfig(shares=only("phrases")))
    texts = drawn(vocabulary, 200)
    assert sum(" " in text for text in texts) > 150
    assert all(len(text) <= 25 for text in texts)
    assert vocabulary.charset.fold("one Two") == "oneTwo"


def test_texts_of_the_users_are_drawn_as_they_are() -> None:
    mine = WordList.ranked(["St. Mary's", "qWErty", "x" * 30])
    vocabulary = Vocabulary(SynthConfig(shares=only("texts")), texts=mine)
    assert set(drawn(vocabulary, 100)) == {"St. Mary's", "qWErty"}
    assert vocabulary.left_out == ("x" * 30,)
    assert set(drawn(Vocabulary(SynthConfig(), texts=mine), 300)) >= {"St. Mary's", "qWErty"}


def test_a_character_that_no_font_has_is_said_to_be_that() -> None:
    plain = Vocabulary(SynthConfig(characters="ab日"), drawable=str.isascii)
    assert plain.undrawable == ["日"]
    assert set("".join(drawn(plain, 50)).lower()) <= set("ab")
    with pytest.raises(DataError, match="no font has any character of the alphabet .日 本."):
        Vocabulary(SynthConfig(characters="日本"), drawable=str.isascii)
    given = Vocabulary(SynthConfig(), WordList.ranked(["fine", "日", "x" * 26, "naß"]), drawable=str.isascii)
    reasons = [given.fits.why_not(word) for word in given.left_out]
    assert [reason.split(":")[0] for reason in reasons] == [
        "no font has 日",
        "it is longer than 25 characters",
        "no font has ß",
    ]


def test_a_text_that_no_font_has_all_of_is_not_drawn() -> None:
    """One font has the letters, another one the digits."""
    apart = Vocabulary(SynthConfig(characters="36"), drawable=lambda text: text.isalpha() or text.isdigit())
    assert all(text.isalpha() or text.isdigit() for text in drawn(apart, 500))


def test_words_are_as_long_as_on_real_crops(texts: list[str]) -> None:
    lengths = np.array([len(text) for text in texts])
    wanted = np.repeat(np.arange(1, len(LENGTHS) + 1), LENGTHS)
    assert abs(lengths.mean() - wanted.mean()) < 0.7
    for share in (0.1, 0.25, 0.5, 0.75, 0.9):
        assert abs(np.quantile(lengths, share) - np.quantile(wanted, share)) <= 1


def test_words_come_in_the_cases_of_signs(texts: list[str]) -> None:
    """Of 5,315 words of letters alone on real crops 56 % are capitals, 27 % titles, 15 % small."""
    letters = [text for text in texts if text.isalpha() and len(text) > 2]
    shares = {
        "upper": sum(text.isupper() for text in letters) / len(letters),
        "title": sum(text.istitle() for text in letters) / len(letters),
        "lower": sum(text.islower() for text in letters) / len(letters),
    }
    assert 0.45 < shares["upper"] < 0.65
    assert 0.2 < shares["title"] < 0.38
    assert 0.08 < shares["lower"] < 0.22


def test_every_character_of_the_alphabet_comes_often_enough_to_be_learned(texts: list[str]) -> None:
    counts = Counter("".join(texts))
    rarest = min(ALPHABETS["94"], key=lambda character: counts[character])
    assert counts[rarest] >= 0.0005 * sum(counts.values()), (rarest, counts[rarest])


def test_frequent_words_come_more_often_than_rare_ones() -> None:
    vocabulary = Vocabulary(SynthConfig(shares=only("english")))
    words = our_list("english")
    counts = Counter(text.lower() for text in drawn(vocabulary, 5000))
    assert sum(counts[word] for word in words[:300]) > 2 * sum(counts[word] for word in words[-300:])


def test_numbers_and_addresses_come_in_many_forms() -> None:
    numbers = {number(np.random.default_rng(seed)) for seed in range(1500)}
    for form in (
        r"\$\d",
        r"^\d+%$",
        r"^\d\d?:\d\d",
        r"^\d+$",
        r"^#\d",
        r"\d(km|kg|ml)$",
        r"^\d\d\.\d\d\.\d{4}$",
    ):
        assert [text for text in numbers if re.search(form, text)], form
    addresses = {contact(np.random.default_rng(seed), ["shop"]) for seed in range(400)}
    assert {"www.shop.com", "info@shop.com", "@shop"} <= {text.lower() for text in addresses}
    assert not any(character.isspace() for text in numbers | addresses for character in text)


def test_a_users_list_takes_the_place_of_our_words() -> None:
    vocabulary = Vocabulary(SynthConfig(), WordList.ranked(["zyzzyva", "Quokka", "iPad"]))
    letters = Counter(text.strip(".,!?:;*").lower() for text in drawn(vocabulary))
    assert sum(letters[word] for word in ("zyzzyva", "quokka", "ipad")) > 0.7 * 2000
    assert not letters["the"]


def test_a_word_list_is_read_with_its_weights_and_a_bad_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("alpha\n\nbeta\t3.5\nalpha\n", encoding="utf-8")
    assert load_words(path) == WordList(("alpha", "beta"), (1.0, 3.5))
    for name, content, message in (
        ("empty.txt", "\n", "empty"),
        ("weights.txt", "alpha\nbeta\tmany\n", r"line 2: 'many' says how often"),
        ("negative.txt", "alpha\t-1\n", "above 0"),
    ):
        path.with_name(name).write_text(content, encoding="utf-8")
        with pytest.raises(DataError, match=message):
            load_words(path.with_name(name))
    with pytest.raises(DataError, match="cannot be read"):
        load_words(tmp_path / "none.txt")


def test_a_weighted_word_is_drawn_as_often_as_its_weight_says() -> None:
    vocabulary = Vocabulary(SynthConfig(), WordList(("alpha", "bravo"), (1.0, 9.0)))
    counts = Counter(vocabulary.word(np.random.default_rng(seed)).lower() for seed in range(1000))
    assert 0.86 < counts["bravo"] / 1000 < 0.94


def test_a_machine_without_a_word_list_has_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clipstr.synth.words.system_list", lambda: WordList((), ()))
    vocabulary = Vocabulary(SynthConfig())
    assert "dictionary" not in vocabulary.lists
    assert len(set(drawn(vocabulary, 300))) > 200


def test_settings_that_leave_nothing_to_draw_are_refused() -> None:
    with pytest.raises(InputError, match="leave nothing to draw"):
        Vocabulary(SynthConfig(characters="36", shares=only("english")), WordList.ranked(["!?"]))
    addresses = Vocabulary(SynthConfig(shares=only("contacts"), max_length=1))
    with pytest.raises(InputError, match="no text fits.*longer than 1 characters: raise max_length"):
        addresses.text(np.random.default_rng(0))
