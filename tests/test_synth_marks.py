"""Words with marks: real ones, spelled ones, changed ones, and signs where people write them."""

from __future__ import annotations

import pickle
import unicodedata
from collections import Counter

import numpy as np
import pytest

from clipstr.charset import ALPHABETS, Charset
from clipstr.synth import SynthConfig, WordList, WordRenderer
from clipstr.synth.config import WordShares
from clipstr.synth.words import Vocabulary
from clipstr.wordlists import LANGUAGES, our_list

LATIN = ALPHABETS["latin"]
BEYOND = LATIN[len(ALPHABETS["94"]) :]
ONLY = WordShares(**(dict.fromkeys(WordShares.__dataclass_fields__, 0.0) | {"marked": 1.0}))


def drawn(vocabulary: Vocabulary, count: int) -> list[str]:
    return [vocabulary.text(np.random.default_rng(seed)) for seed in range(count)]


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return drawn(Vocabulary(SynthConfig(characters=LATIN, shares=ONLY)), 3000)


def test_nearly_all_have_something_that_ascii_lacks_and_all_fit(texts: list[str]) -> None:
    charset = Charset(LATIN)
    assert all(charset.fold(text) == text and 0 < len(text) <= 25 for text in texts)
    assert sum(text.isascii() for text in texts) < 0.05 * len(texts)


def test_rare_marks_come_as_often_as_frequent_ones(texts: list[str]) -> None:
    """A dozen of each, or thereabouts, where running text has é a thousand times as often as ĥ."""
    counts = Counter(character for text in texts for character in set(text) if character in BEYOND)
    assert set(counts) == set(BEYOND)
    assert sum(counts[character] < 3 for character in BEYOND) < 0.03 * len(BEYOND)
    assert max(counts.values()) < 80


def test_a_third_are_words_of_languages(texts: list[str]) -> None:
    names = ("signs", "names", "places", "brands", *LANGUAGES)
    real = {word.lower() for name in names for word in our_list(name) if not word.isascii()}
    share = sum(text.lower() in real for text in texts) / len(texts)
    assert 0.25 < share < 0.4


def test_signs_stand_where_people_write_them(texts: list[str]) -> None:
    for text in texts:
        if "°" in text and text.isupper():
            assert text[: text.index("°")].isdigit()
        if "¿" in text:
            assert text.startswith("¿")
    assert any(text.startswith("¿") and text.endswith("?") for text in texts)
    assert any(text[0] in "€£" and text[-1].isdigit() for text in texts)
    assert any(text[0].isdigit() and text[-1] in "€£" for text in texts)


def test_letters_alone_or_signs_alone_are_enough() -> None:
    letters = drawn(Vocabulary(SynthConfig(characters=ALPHABETS["94"] + "øÅ", shares=ONLY)), 200)
    assert all(set(text) & set("øÅ") for text in letters)
    signs = drawn(Vocabulary(SynthConfig(characters=ALPHABETS["94"] + "€", shares=ONLY)), 50)
    assert all("€" in text and unicodedata.normalize("NFC", text) == text for text in signs)


def test_without_characters_beyond_ascii_their_share_goes_to_all_others() -> None:
    def stream(marked: float) -> list[str]:
        return drawn(Vocabulary(SynthConfig(shares=WordShares(marked=marked))), 200)

    assert stream(0.12) == stream(0.0)


def test_a_users_list_takes_the_place_of_marked_words_too() -> None:
    config = SynthConfig(characters=LATIN, shares=WordShares(numbers=0, contacts=0, random=0))
    texts = drawn(Vocabulary(config, WordList.ranked(["zyzzyva", "žluť"])), 300)
    assert {text.strip(".,!?:;*()[]{}").lower() for text in texts} & {"zyzzyva", "žluť"}
    assert sum("zy" in text.lower() or "lu" in text.lower() for text in texts) == 300


def test_it_can_be_sent_to_other_processes() -> None:
    renderer = WordRenderer(SynthConfig(characters=LATIN, shares=ONLY))
    sent = pickle.loads(pickle.dumps(renderer))
    assert drawn(sent.vocabulary, 20) == drawn(renderer.vocabulary, 20)
