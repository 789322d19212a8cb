"""`clipstr.decoding.beam`: several texts of a picture, against an oracle that tries every text there is."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import toy
from clipstr.charset import Charset
from clipstr.decoding import Decoder, Rows, allowed_classes, assemble, greedy
from clipstr.decoding.beam import Spelled, beam
from clipstr.errors import InputError
from clipstr.form import WordForm
from clipstr.looking import SURE, agreed
from clipstr.reader import Reader
from clipstr.reading import Candidate, Match, Reading

ABC = WordForm(charset=Charset("abc"), max_length=4)


class RandomMemory:
    """The `Memory` of pictures whose logits after each beginning are random, but always the same."""

    def __init__(self, seeds: list[int], sharpness: float = 2.0) -> None:
        self.seeds, self.sharpness, self.asked = seeds, sharpness, 0

    def __len__(self) -> int:
        return len(self.seeds)

    def rows(self, rows: Rows) -> RandomMemory:
        chosen = RandomMemory(np.asarray(self.seeds)[rows].tolist(), self.sharpness)
        chosen._count = self._count  # type: ignore[method-assign]
        return chosen

    def _count(self, rows: int) -> None:
        self.asked += rows

    def logits(self, ids: np.ndarray, positions: np.ndarray) -> np.ndarray:
        self._count(len(ids) * len(positions))
        return np.stack(
            [
                np.stack([self.after(seed, row[1 : 1 + p].tolist()) for p in positions])
                for seed, row in zip(self.seeds, ids, strict=True)
            ]
        )

    def after(self, seed: int, ids: list[int]) -> np.ndarray:
        random = np.random.default_rng((seed, *ids, 99))
        return (random.normal(size=ABC.charset.num_classes) * self.sharpness).astype(np.float32)

    def chance(self, seed: int, text: str) -> float:
        """The oracle's probability of exactly ``text``."""
        ids = [*ABC.charset.encode(text), ABC.charset.end]
        product = 1.0
        for place, id_ in enumerate(ids):
            grown = np.exp(self.after(seed, ids[:place]).astype(np.float64))
            product *= float(grown[id_] / grown.sum())
        return product


def every_text(characters: str = "abc") -> list[str]:
    return ["".join(letters) for n in range(5) for letters in itertools.product(characters, repeat=n)]


def read(memory: RandomMemory, width: int, count: int, allow: str | None = None) -> list[list[Reading]]:
    """What a beam finds of each picture, as readings."""
    allowed = None if allow is None else allowed_classes(ABC.charset, allow)
    found = beam(memory, ABC, greedy(memory, ABC, allowed), width=width, count=count, allowed=allowed)
    return [
        [Reading(ABC.charset.decode(list(t.ids)), float(np.prod(t.chances))) for t in texts]
        for texts in found
    ]


@pytest.mark.parametrize("allow", [None, "ac"])
def test_a_beam_as_wide_as_all_beginnings_finds_the_likeliest_of_all_texts(allow: str | None) -> None:
    memory = RandomMemory(list(range(12)))
    texts = every_text(allow or "abc")
    for seed, readings in zip(memory.seeds, read(memory, 400, 7, allow), strict=True):
        best = sorted(texts, key=lambda text, seed=seed: -memory.chance(seed, text))[:7]
        assert [reading.text for reading in readings] == best
        assert [r.confidence for r in readings] == pytest.approx(
            [memory.chance(seed, t) for t in best], rel=1e-5
        )


@pytest.mark.parametrize("allow", [None, "ac"])
@pytest.mark.parametrize("sharpness", [0.3, 1.0, 3.0])
def test_the_best_of_a_beam_is_never_less_likely_than_greedily_and_one_is_greedy_to_the_bit(
    sharpness: float, allow: str | None
) -> None:
    memory = RandomMemory(list(range(60)), sharpness)
    allowed = None if allow is None else allowed_classes(ABC.charset, allow)
    plain = [assemble(logits, ABC.charset, allowed) for logits in greedy(memory, ABC, allowed)]
    one = [readings[0] for readings in read(memory, 1, 1, allow)]
    assert [(r.text, r.confidence) for r in one] == [(r.text, r.confidence) for r in plain]
    better = 0
    for width in (2, 3, 5):
        for first, readings in zip(plain, read(memory, width, 2, allow), strict=True):
            assert readings[0].confidence >= first.confidence
            assert readings[0].confidence >= readings[-1].confidence
            assert len({reading.text for reading in readings}) == len(readings)
            better += readings[0].confidence > first.confidence
    assert better > 0 or sharpness > 2


@pytest.mark.parametrize("sharpness", [1.0, 3.0])
def test_all_texts_that_are_likely_enough_are_found_and_nothing_else_is_asked_for(sharpness: float) -> None:
    memory = RandomMemory(list(range(30)), sharpness)
    logits = greedy(memory, ABC)
    memory.asked = 0
    found = beam(memory, ABC, logits, width=20, count=20, least=0.05)
    asked, memory.asked = memory.asked, 0
    beam(memory, ABC, logits, width=20, count=20)
    assert asked < memory.asked / 2
    for seed, texts in zip(memory.seeds, found, strict=True):
        likely = {text for text in every_text() if memory.chance(seed, text) >= 0.05}
        plain = assemble(greedy(RandomMemory([seed], sharpness), ABC)[0], ABC.charset).text
        assert {ABC.charset.decode(list(text.ids)) for text in texts} == likely | {plain}


def test_a_word_without_doubt_is_asked_for_no_further() -> None:
    memory = RandomMemory([1, 2, 3, 4], sharpness=3000.0)
    logits = greedy(memory, ABC)
    memory.asked = 0
    assert len(beam(memory, ABC, logits, width=5, count=1)) == 4
    assert memory.asked == 0


def test_no_picture_at_all_has_no_texts() -> None:
    memory = RandomMemory([])
    assert beam(memory, ABC, greedy(memory, ABC), width=5, count=2) == []


def test_a_beginning_grows_by_one_more() -> None:
    text = Spelled().then(2, 0.5).then(0, 0.0)
    assert (text.ids, text.chances) == ((2, 0), (0.5, 0.0))
    assert np.isfinite(text.score)


# Readers


def pictures(count: int = 40) -> list[Any]:
    random = np.random.default_rng(8)
    return [toy.picture(random.uniform(0.6, 8.4, random.integers(1, 7)).tolist()) for _ in range(count)]


@pytest.fixture(scope="module")
def plain(toy_model: Path) -> Reader:
    return Reader(toy_model, threads=1, second_looks=False, known_words=False)


def like(reader: Reader, model: Path, **settings: Any) -> Reader:
    return Reader(model, threads=1, second_looks=False, known_words=False, **settings)


def test_a_beam_of_one_reads_as_without_to_the_bit(toy_model: Path, plain: Reader) -> None:
    assert like(plain, toy_model, beam=1).read(pictures()) == plain.read(pictures())


@pytest.mark.parametrize("limits", [{}, {"allow": "a-d"}])
def test_candidates_are_the_oracles_likeliest_texts(
    toy_model: Path, plain: Reader, limits: dict[str, str]
) -> None:
    reader = like(plain, toy_model, beam=8, candidates=3, **limits)
    greedily = plain.restricted(**limits).read(pictures())
    random = np.random.default_rng(8)
    for reading, first in zip(reader.read(pictures()), greedily, strict=True):
        levels = random.uniform(0.6, 8.4, random.integers(1, 7)).tolist()
        assert reading.confidence >= first.confidence
        assert reading.candidates[0] == Candidate(reading.text, reading.confidence, reading.characters)
        assert reading.legible == first.legible
        assert len(reading.candidates) == 3
        chances = [candidate.confidence for candidate in reading.candidates]
        assert chances == sorted(chances, reverse=True)
        expected = [toy.chance_of(candidate.text, levels) for candidate in reading.candidates]
        assert chances == pytest.approx(expected, rel=1e-4)
        if limits:
            assert all(set(candidate.text) <= set("abcd") for candidate in reading.candidates)
            assert reading.match is not None


def test_candidates_of_a_lexicon_are_its_likeliest_words(toy_model: Path, plain: Reader) -> None:
    random = np.random.default_rng(3)
    words = sorted({"".join(random.choice(list("abcdefgh"), random.integers(1, 7))) for _ in range(200)})
    reader = like(plain, toy_model, candidates=4, lexicon=words)
    random = np.random.default_rng(8)
    for reading in reader.read(pictures(12)):
        levels = random.uniform(0.6, 8.4, random.integers(1, 7)).tolist()
        best = sorted(words, key=lambda word, levels=levels: -toy.chance_of(word, levels))[:4]
        assert [candidate.text for candidate in reading.candidates] == best
        assert reading.legible == pytest.approx(1 - toy.chance_of("", levels), abs=1e-5)
        assert reading.text == best[0]


def test_a_lexicon_of_few_words_has_no_more_candidates(toy_model: Path, plain: Reader) -> None:
    reader = like(plain, toy_model, candidates=3, lexicon=["Bad", "BAD", "cab"])
    assert [candidate.text for candidate in reader.read(toy.spelled("bad")).candidates] == ["Bad", "cab"]


def test_candidates_go_along_with_second_looks_limits_and_calibration(sharp_toy: Path) -> None:
    reader = Reader(sharp_toy, threads=1, candidates=3, known_words=False)
    assert (reader.beam, reader.candidates) == (5, 3)
    for reading in reader.read(pictures()):
        assert 1 <= len(reading.candidates) <= 3
        assert reading.candidates[0].text == reading.text
        assert len({candidate.text for candidate in reading.candidates}) == len(reading.candidates)
    assert reader.restricted(allow="abc").candidates == 3
    told = reader.read(pictures(1)[0]).to_dict()["candidates"]
    assert list(told[0]) == ["text", "confidence"]
    assert "candidates" not in Reader(sharp_toy, threads=1).read(pictures(1)[0]).to_dict()


@pytest.mark.parametrize(
    "wrong", [{"beam": 0}, {"beam": 65}, {"candidates": 0}, {"beam": 2, "candidates": 3}]
)
def test_beams_and_candidates_that_cannot_be_are_refused(toy_model: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match="beam|candidates"):
        Reader(toy_model, **wrong)  # type: ignore[arg-type]


def test_a_recogniser_in_pytorch_has_them_too() -> None:
    torch = pytest.importorskip("torch")
    from clipstr.student import Recogniser, StudentConfig
    from clipstr.student.scorer import StudentScorer

    torch.manual_seed(0)
    config = StudentConfig(
        characters="abc",
        max_length=4,
        image_height=16,
        image_width=32,
        patch_height=8,
        patch_width=8,
        width=32,
        encoder_depth=4,
        encoder_heads=2,
        decoder_depth=1,
        decoder_heads=2,
    )
    scorer = StudentScorer(Recogniser(config).eval())
    random = np.random.default_rng(0)
    pixels = list(random.integers(0, 255, (6, 16, 32, 3), np.uint8))
    plain = Decoder(scorer.form).read(scorer, pixels)
    wide = Decoder(scorer.form, beam=6, candidates=3).read(scorer, pixels)
    assert Decoder(scorer.form, beam=1).read(scorer, pixels) == plain
    for first, reading in zip(plain, wide, strict=True):
        assert reading.confidence >= first.confidence
        assert len(reading.candidates) == 3
        assert first.text in [candidate.text for candidate in reading.candidates] or (
            first.confidence <= reading.candidates[-1].confidence
        )


def test_what_is_enough_or_hopeless_is_told_alone_and_else_what_is_likely_enough(toy_model: Path) -> None:
    scorer = Reader(toy_model, threads=1)._scorer
    pixels = [np.asarray(picture) for picture in pictures()]
    plain = Decoder(scorer.form).read(scorer, pixels)
    whole = Decoder(scorer.form, beam=9).with_candidates(9).read(scorer, pixels)
    decoder = Decoder(scorer.form, beam=9, enough=lambda reading: reading.confidence > 0.5, least=0.1)
    kinds = set()
    for one, first, texts in zip(decoder.with_candidates(9).read(scorer, pixels), plain, whole, strict=True):
        alone = not 0.1 <= first.confidence <= 0.5
        kinds.add(alone)
        expected = [text for text in texts.candidates if text.confidence >= 0.1]
        assert one == first if alone else list(one.candidates) == expected
    assert kinds == {True, False}


# Several looks


def of(*texts: tuple[str, float]) -> Reading:
    """A look's reading with the candidates ``texts``."""
    candidates = tuple(Candidate(text, confidence) for text, confidence in texts)
    return Reading(*texts[0], candidates=candidates)


def test_the_second_best_of_all_looks_may_be_the_best_of_all() -> None:
    looks = [
        of(("card", 0.4), ("cord", 0.35)),
        of(("care", 0.4), ("cord", 0.35)),
        of(("curd", 0.3), ("cord", 0.3)),
    ]
    best = agreed(looks)
    assert (best.text, best.confidence, best.looks) == ("cord", 0.35, 3)
    assert [one.text for one in best.candidates] == ["cord", "card", "care", "curd"]
    assert agreed([Reading("card", 0.4), Reading("care", 0.4), Reading("curd", 0.3)]).text == "card"


def test_a_look_that_read_nothing_says_nothing_with_its_candidates_either() -> None:
    assert agreed([of(("", 0.9), ("i", 0.1)), of(("cab", 0.2), ("", 0.15))]).text == "cab"
    assert agreed([of(("", 0.6), ("i", 0.3)), of(("", 0.5), ("l", 0.3))]).text == ""


def test_what_is_known_is_preferred_among_candidates_unless_the_look_is_sure() -> None:
    def prior(text: str) -> float:
        return 1.0 if text == "coffee" else 0.1

    doubtful = of(("c0ffee", SURE - 0.1), ("coffee", 0.1))
    assert agreed([doubtful], prior).text == "coffee"
    assert agreed([of(("c0ffee", SURE), ("coffee", 0.1))], prior).text == "c0ffee"
    assert agreed([doubtful]).text == "c0ffee"


def test_the_match_of_candidates_is_what_is_read_without_the_limit() -> None:
    look = Reading(
        "bc", 0.3, match=Match("xy", 2, 0.5), candidates=(Candidate("bc", 0.3), Candidate("b", 0.2))
    )
    assert agreed([look]).match == Match("xy", 2, 0.5)
