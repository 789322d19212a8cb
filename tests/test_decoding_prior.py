"""Known words are likelier than other texts, where the picture leaves doubt."""

from __future__ import annotations

from pathlib import Path

import pytest

from clipstr.decoding.prior import UNKNOWN, no_prior, word_prior
from clipstr.errors import InputError
from clipstr.looking import agreed, assurance
from clipstr.reader import Reader
from clipstr.reading import Reading

EXAMPLES = sorted((Path(__file__).resolve().parents[1] / "examples").glob("*.png"))


@pytest.mark.parametrize(
    "text",
    ["OPEN", "open", '"Open!"', "2026", "3.50", "MÜNCHEN", "Munchen", "don't", "Łódź", "LODZ", "«crème»"],
)
def test_words_and_numbers_are_known_whatever_stands_around_them(text: str) -> None:
    assert word_prior(text) == 1.0


@pytest.mark.parametrize("text", ["0PEN", "xqzt", "a", "", "?!", "B4R", "ÖPEN", "MÚNCHEN", "é"])
def test_all_else_is_less_likely(text: str) -> None:
    assert word_prior(text) == UNKNOWN


def test_of_two_texts_alike_sure_the_known_one_is_read() -> None:
    looks = [Reading("0PEN", 0.5), Reading("OPEN", 0.3)]
    assert agreed(looks).text == "0PEN"
    assert agreed(looks, word_prior).text == "OPEN"
    assert agreed([Reading("0PEN", 0.9), Reading("OPEN", 0.08)], word_prior).text == "0PEN"


def test_unknown_texts_are_looked_at_longer() -> None:
    looks = [Reading("xqzt", 0.6), Reading("xqzt", 0.6)]
    assert assurance(looks, no_prior) == pytest.approx(1.2)
    assert assurance(looks, word_prior) == pytest.approx(1.2 * UNKNOWN)


def test_a_prior_leaves_the_confidence_of_what_is_read_as_it_was() -> None:
    assert agreed([Reading("xqzt", 0.5), Reading("", 0.5)], word_prior).confidence == 0.5


def test_what_is_sure_is_read_alike_with_and_without_known_words() -> None:
    reader = Reader("tiny", threads=1)
    sure = [reading for reading in reader.read(EXAMPLES) if reading.looks == 1]
    assert len(sure) >= 3
    without = reader.restricted(known_words=False).read(EXAMPLES)
    assert [reading for reading in without if reading.looks == 1][: len(sure)] == sure


def test_known_words_is_a_flag() -> None:
    with pytest.raises(InputError, match="known_words"):
        Reader("tiny", known_words="yes")  # type: ignore[arg-type]
