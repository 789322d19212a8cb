"""What is written: words, numbers and strings that fit, in the lengths and cases of real signs."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from clipstr.charset import ALPHABETS, Charset
from clipstr.errors import DataError, InputError
from clipstr.synth import SynthConfig, WordList, load_words
from clipstr.synth.config import WordShares
from clipstr.synth.lexicon import LANGUAGES, our_list
from clipstr.synth.numbers import contact, number
from clipstr.synth.words import LENGTHS, Vocabulary

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


@pytest.mark.parametrize("alphabet", ["36", "62", "94", "0123456789", "ABC"])
def test_labels_always_fold_to_something_that_fits(alphabet: str) -> None:
    charset = Charset.named(alphabet)
    vocabulary = Vocabulary(SynthConfig(characters=charset.characters, max_length=12))
    for text in drawn(vocabulary, 300):
        assert charset.fold(text)
        assert len(text) <= 12


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
        Vocabulary(SynthConfig(shares=only("english")), WordList.ranked(["!?"]))
    addresses = Vocabulary(SynthConfig(shares=only("contacts"), max_length=1))
    with pytest.raises(InputError, match="no text fits"):
        addresses.text(np.random.default_rng(0))
