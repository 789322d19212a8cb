"""`clipstr.decoding`: what happens between logits and text, against slow and obvious oracles."""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np
import pytest

from clipstr.charset import Charset
from clipstr.decoding import Choice, Lexicon, allowed_classes, assemble, probabilities, reading_of
from clipstr.decoding.lexicon import _AT_ONCE
from clipstr.errors import CharsetError, InputError, LexiconError
from clipstr.form import WordForm
from clipstr.reading import Match, Reading

ABC = Charset("abc")
LETTERS = Charset("abcdefgh")


def form(characters: str, max_length: int = 25) -> WordForm:
    return WordForm(charset=Charset.named(characters), max_length=max_length)


def logits_for(ids: list[int], positions: int, classes: int) -> np.ndarray:
    """Random logits whose likeliest classes are ``ids``, then the last class."""
    logits = np.random.default_rng(sum(ids)).normal(size=(positions, classes)).astype(np.float32)
    for position in range(positions):
        logits[position, ids[position] if position < len(ids) else -1] += 9
    return logits


def test_probabilities_are_those_of_a_softmax_and_survive_huge_logits() -> None:
    logits = np.array([[1000.0, 999.0, -1000.0], [0.0, 0.0, 0.0]], np.float32)
    found = probabilities(logits)
    assert found[0].tolist() == pytest.approx([1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1)), 0], abs=1e-6)
    assert found[1].tolist() == pytest.approx([1 / 3] * 3)


def test_a_reading_ends_at_the_first_end_and_its_confidence_includes_the_end() -> None:
    logits = logits_for([1, 2, 2, 0, 3], 6, ABC.num_classes)
    reading = assemble(logits, ABC)
    chances = probabilities(logits)
    assert reading.text == "abb"
    expected = [chances[0, 1], chances[1, 2], chances[2, 2]]
    assert [c.confidence for c in reading.characters] == pytest.approx(expected)
    assert [c.text for c in reading.characters] == ["a", "b", "b"]
    assert reading.confidence == pytest.approx(float(np.prod(expected) * chances[3, 0]))
    assert reading.match is None


def test_an_end_at_once_is_an_empty_text_with_the_ends_probability() -> None:
    logits = logits_for([0], 4, ABC.num_classes)
    reading = assemble(logits, ABC)
    assert (reading.text, reading.characters) == ("", ())
    assert reading.confidence == pytest.approx(float(probabilities(logits)[0, 0]))


@pytest.mark.parametrize("ids", [[0], [1, 2, 0], [2, 2, 2, 2]])
def test_legible_is_how_likely_the_text_does_not_end_before_its_first_character(ids: list[int]) -> None:
    logits = logits_for(ids, 5, ABC.num_classes)
    expected = probabilities(logits)[0, 1:].sum()
    assert assemble(logits, ABC).legible == pytest.approx(expected, abs=1e-6)
    assert assemble(logits, ABC, allowed_classes(ABC, "b")).legible == assemble(logits, ABC).legible


def test_behind_the_longest_word_only_the_end_remains_however_unlikely() -> None:
    logits = logits_for([1, 2, 3, 1], 4, ABC.num_classes)
    reading = assemble(logits, ABC)
    chances = probabilities(logits)
    assert reading.text == "abc"
    assert reading.confidence == pytest.approx(
        float(chances[0, 1] * chances[1, 2] * chances[2, 3] * chances[3, 0])
    )
    assert reading.confidence < 0.01


def test_only_allowed_characters_are_read_and_probabilities_stay_the_models_own() -> None:
    logits = logits_for([1, 2, 3, 0], 5, ABC.num_classes)
    logits[0] = [0, 9, 1, 2]
    assert assemble(logits, ABC).text == "abc"
    limited = assemble(logits, ABC, allowed_classes(ABC, "bc"))
    assert limited.text == "cbc"
    assert limited.characters[0].confidence == pytest.approx(float(probabilities(logits)[0, 3]))
    assert limited.confidence < 0.01


def test_confidences_are_plain_floats_for_json() -> None:
    reading = assemble(logits_for([1, 0], 3, ABC.num_classes), ABC)
    assert type(reading.confidence) is float
    assert type(reading.characters[0].confidence) is float


def test_allowed_classes_are_the_named_characters_and_the_end() -> None:
    assert np.flatnonzero(allowed_classes(ABC, "ca")).tolist() == [0, 1, 3]
    assert allowed_classes(ABC, None).all()


def test_allowed_characters_may_be_in_either_case_where_the_alphabet_has_one() -> None:
    charset = Charset.named("36")
    assert (allowed_classes(charset, "ABC 123") == allowed_classes(charset, "abc123")).all()
    both = Charset.named("62")
    assert np.flatnonzero(allowed_classes(both, "A")).tolist() == [0, both.encode("A")[0]]


@pytest.mark.parametrize(
    ("allow", "named"), [("ab?", "?"), ("1", "1"), ("", "no character"), (" ", "no character")]
)
def test_allowed_characters_outside_the_alphabet_are_named(allow: str, named: str) -> None:
    with pytest.raises(CharsetError, match=re.escape(named)):
        allowed_classes(ABC, allow)


def test_reading_of_multiplies_all_its_chances() -> None:
    reading = reading_of("ab", [0.5, 0.25], 0.5)
    assert reading.confidence == 0.0625
    assert [(c.text, c.confidence) for c in reading.characters] == [("a", 0.5), ("b", 0.25)]


# Word lists


def test_words_are_folded_and_keep_the_spelling_of_the_list() -> None:
    lexicon = Lexicon([" Café ", "don't", "sunflower oil", "CAFE", "", "  "], form("36", 25))
    assert dict(zip(lexicon.folded, lexicon.spellings, strict=True)) == {
        "cafe": "Café",
        "dont": "don't",
        "sunfloweroil": "sunflower oil",
    }
    assert lexicon.skipped == 0


def test_where_the_alphabet_has_both_cases_a_word_may_stand_in_any() -> None:
    lexicon = Lexicon(["coffee", "McCoy", "Polish", "polish", "7-up"], form("94", 25))
    spelled = dict(zip(lexicon.folded, lexicon.spellings, strict=True))
    assert len(lexicon) == 5
    assert {form for form, word in spelled.items() if word == "coffee"} == {"coffee", "COFFEE", "Coffee"}
    assert {form for form, word in spelled.items() if word == "McCoy"} == {"McCoy", "mccoy", "MCCOY", "Mccoy"}
    assert (spelled["Polish"], spelled["polish"], spelled["POLISH"]) == ("Polish", "polish", "Polish")
    assert {form for form, word in spelled.items() if word == "7-up"} == {"7-up", "7-UP"}
    capitals = allowed_classes(Charset.named("94"), "COFE")
    assert Lexicon(["COFFEE"], form("94", 25), capitals).folded == ["COFFEE"]


def test_words_that_cannot_be_read_are_counted_and_an_empty_rest_is_an_error() -> None:
    lexicon = Lexicon(["ok", "...", "much too long", "ÄÖ漢", "x1"], form("36", 5))
    assert (lexicon.folded, lexicon.skipped) == (["ok", "x1"], 3)
    only_letters = allowed_classes(Charset.named("36"), "oka")
    assert Lexicon(["ok", "x1"], form("36", 5), only_letters).skipped == 1
    for words in ([], ["..."], ["toolong"]):
        with pytest.raises(LexiconError, match=f"{len(words)} words"):
            Lexicon(words, form("36", 5))


class RandomModel:
    """A model whose probabilities after each beginning are random, but always the same."""

    def __init__(self, seed: int, sharpness: float) -> None:
        self.seed, self.sharpness, self.asked = seed, sharpness, 0

    def after(self, ids: tuple[int, ...]) -> np.ndarray:
        rng = np.random.default_rng((self.seed, *ids))
        return probabilities(rng.normal(size=LETTERS.num_classes) * self.sharpness)

    def __call__(self, beginnings: list[np.ndarray]) -> np.ndarray:
        assert 1 <= len(beginnings) <= _AT_ONCE
        self.asked += len(beginnings)
        return np.stack([self.after(tuple(ids.tolist())) for ids in beginnings])

    def chances(self, word: str) -> list[float]:
        ids = [*LETTERS.encode(word), LETTERS.end]
        return [float(self.after(tuple(ids[:place]))[ids[place]]) for place in range(len(ids))]


def words_of(rng: np.random.Generator, count: int) -> list[str]:
    return ["".join(rng.choice(list(LETTERS.characters), rng.integers(1, 7))) for _ in range(count)]


@pytest.mark.parametrize("sharpness", [0.0, 0.3, 2.0, 8.0])
def test_the_best_word_is_the_one_that_scoring_every_word_would_find(sharpness: float) -> None:
    for seed in range(12):
        model = RandomModel(seed, sharpness)
        words = words_of(np.random.default_rng(seed), 1 + 40 * (seed % 4))
        found = Lexicon(words, form("abcdefgh", 6)).best(model)[0]
        scores = {word: float(np.prod(model.chances(word))) for word in words}
        assert scores[found.folded] == pytest.approx(max(scores.values()), rel=1e-9)
        assert found.chances == pytest.approx(model.chances(found.folded))


def test_of_a_long_list_only_few_beginnings_are_looked_into() -> None:
    words = ["".join(letters) for n in range(1, 6) for letters in itertools.product("abcdef", repeat=n)]
    model = RandomModel(3, 6.0)
    found = Lexicon(words, form("abcdefgh", 6)).best(model)[0]
    assert len(words) > 9000
    assert model.asked < 300
    assert np.prod(found.chances) == pytest.approx(max(np.prod(model.chances(word)) for word in words))


def test_a_word_that_the_model_gives_no_chance_is_still_chosen_if_there_is_no_other() -> None:
    def nothing_but_the_end(beginnings: list[np.ndarray]) -> np.ndarray:
        chances = np.zeros((len(beginnings), LETTERS.num_classes))
        chances[:, LETTERS.end] = 1
        return chances

    (found,) = Lexicon(["cab"], form("abcdefgh", 6)).best(nothing_but_the_end)
    assert found == Choice("cab", "cab", (0.0, 0.0, 0.0, 1.0))
    assert found.reading(FREE).confidence == 0


FREE = Reading("cate", 0.75)


def test_a_choice_tells_the_lists_spelling_and_the_distance_of_what_was_read() -> None:
    reading = Choice("Café", "cafe", (0.5, 1.0, 1.0, 1.0, 0.5)).reading(FREE)
    assert (reading.text, reading.confidence) == ("Café", 0.25)
    assert "".join(character.text for character in reading.characters) == "cafe"
    assert reading.match is not None
    assert reading.match == Match("cate", 1, 0.75)


@pytest.mark.parametrize(
    ("characters", "word", "lacking"),
    [
        ("94", "日本A", "日本"),
        ("94", "£5", "£"),
        ("94", "10€", "€"),
        ("94", "½", "½"),
        ("94", "20℃", "℃"),
        ("36", "100%", "%"),
        ("36", "c&a", "&"),
        ("abcé", "caß", "ß"),
    ],
)
def test_a_word_that_the_alphabet_cannot_write_never_wins_and_is_told(
    characters: str, word: str, lacking: str
) -> None:
    lexicon = Lexicon([word, "a"], form(characters))
    assert (lexicon.skipped, set(lexicon.spellings)) == (1, {"a"})
    assert set(lexicon.lacking) == set(lacking)
    assert f"the alphabet lacks {' '.join(lacking)}" in lexicon.note
    with pytest.raises(LexiconError, match=re.escape(lacking[0])):
        Lexicon([word], form(characters))


@pytest.mark.parametrize("word", ["don’t", "co-op", "«ok»", "(ok)", "Dr."])
def test_punctuation_may_be_missing_in_an_alphabet_without_any(word: str) -> None:
    lexicon = Lexicon([word], form("36"))
    assert (lexicon.skipped, lexicon.note, lexicon.spellings) == (0, "", [word])


@pytest.mark.parametrize("wrong", ["coffee", b"coffee", 7, [2026], ["a", None]])
def test_what_is_no_list_of_words_is_refused_by_name(wrong: Any) -> None:
    with pytest.raises(InputError, match=r"^lexicon(\[\d\])? is "):
        Lexicon(wrong, form("36"))


# Allow-lists


@pytest.mark.parametrize(
    ("allow", "meant"),
    [
        ("0-9", "0123456789"),
        ("a-f0-3", "0123abcdef"),
        ("3-3", "3"),
        ("09-", "-09"),
        ("-09", "-09"),
        ("0-9-", "-0123456789"),
        ("+-*/", "*+-/"),
        ("A-C x y", "ABCxy"),
        ("0-9.,", ",.0123456789"),
        ("aa", "a"),
    ],
)
def test_ranges_are_taken_as_people_write_them(allow: str, meant: str) -> None:
    charset = Charset.named("94")
    found = np.flatnonzero(allowed_classes(charset, allow)).tolist()
    assert sorted(charset.decode(found[1:])) == sorted(meant)
    assert found[0] == charset.end


def test_a_range_of_another_script_has_its_letters() -> None:
    cyrillic = Charset("абвгдежз")
    assert np.flatnonzero(allowed_classes(cyrillic, "б-г")).tolist() == [0, 2, 3, 4]


@pytest.mark.parametrize("allow", ["9-0", "a-Z", "A-z", "0-z"])
def test_what_is_no_range_is_refused(allow: str) -> None:
    with pytest.raises(CharsetError, match=f"'{allow}', which is no range"):
        allowed_classes(Charset.named("94"), allow)


@pytest.mark.parametrize(
    ("characters", "allow", "named"), [("94", "é", "U+00E9"), ("94", "½", "U+00BD"), ("36", "ß", "U+00DF")]
)
def test_a_character_that_the_model_lacks_is_not_taken_for_another(
    characters: str, allow: str, named: str
) -> None:
    with pytest.raises(CharsetError, match=re.escape(named)):
        allowed_classes(Charset.named(characters), allow)


@pytest.mark.parametrize("wrong", [2, ["0", "1"], b"01"])
def test_an_allow_list_that_is_no_text_is_refused_by_name(wrong: Any) -> None:
    with pytest.raises(InputError, match=r"^allow is "):
        allowed_classes(ABC, wrong)


def test_an_accented_character_is_allowed_however_it_is_composed() -> None:
    assert np.flatnonzero(allowed_classes(Charset("abé"), "e\u0301")).tolist() == [0, 3]
