"""`clipstr.looking`: what is read with doubt is looked at again, and what the looks agree on is read."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import toy
from clipstr.decoding import Decoder, Scorer
from clipstr.decoding.prior import word_prior
from clipstr.form import Preprocessing
from clipstr.looking import DOUBT, KNOWN_DOUBT, MORE_LOOKS, View, agreed, assurance, enough
from clipstr.reader import Reader
from clipstr.reading import Match, Reading

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def all_looks(picture: Image.Image) -> list[Image.Image]:
    return [look for looks in MORE_LOOKS for look in looks(picture)]


@pytest.fixture(scope="module")
def reader(sharp_toy: Path) -> Reader:
    return Reader(sharp_toy, threads=1, batch_size=4, known_words=False)  # its words are none


def framed(text: str) -> Image.Image:
    """``text`` between lines of something else, above and below, that make it unreadable at first."""
    word = np.asarray(toy.spelled(text).resize((280, 80), Image.Resampling.NEAREST))
    other = np.full((11, 280, 3), 255, np.uint8)
    return Image.fromarray(np.concatenate([other, word, other]))


def test_what_is_read_without_limits_is_agreed_on_by_itself() -> None:
    """An upside-down look may suit a limit best, and is not what the picture says."""
    first = Reading("140", 1e-6, match=Match("hotel", 5, 0.99))
    turned = Reading("1410", 1e-5, match=Match("TALLOH", 6, 0.2))
    chosen = agreed([first, turned])
    assert (chosen.text, chosen.confidence) == ("1410", 1e-5)
    assert chosen.match is not None
    assert (chosen.match.free_text, chosen.match.free_confidence) == ("hotel", 0.99)


@pytest.mark.parametrize("turn", [Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270])
def test_words_that_run_upwards_or_downwards_are_read(turn: Image.Transpose) -> None:
    paths = sorted(EXAMPLES.glob("*.png"))
    running = [Image.open(path).transpose(turn) for path in paths]
    running = [picture for picture in running if picture.height > 2 * picture.width]
    words = [path.stem for path in paths if Image.open(path).width > 2 * Image.open(path).height]
    assert len(words) >= 4
    assert [reading.text.lower() for reading in Reader(threads=1).read(running)] == words


def test_most_words_that_stand_upside_down_are_read() -> None:
    paths = sorted(EXAMPLES.glob("*.png"))
    readings = Reader("tiny", threads=1).read([Image.open(path).rotate(180) for path in paths])
    assert sum(r.text.lower() == path.stem for r, path in zip(readings, paths, strict=True)) >= 4


def test_a_tight_look_reads_a_word_between_other_things(sharp_toy: Path, reader: Reader) -> None:
    once = Reader(sharp_toy, threads=1, second_looks=False)
    words = ["abab", "caca", "dbdb"]
    pictures = [framed(word) for word in words]
    assert all(reading.confidence < DOUBT for reading in once.read(pictures))
    again, first = reader.read(pictures), once.read(pictures)
    assert [reading.text for reading in again] == words
    assert all(a.confidence > b.confidence for a, b in zip(again, first, strict=True))


def test_words_that_are_read_without_doubt_are_looked_at_once(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    read = Decoder.read

    def counted(self: Decoder, scorer: Scorer, pixels: list[np.ndarray]) -> list[Reading]:
        looks.append(len(pixels))
        return read(self, scorer, pixels)

    monkeypatch.setattr(Decoder, "read", counted)
    reader.read([toy.spelled("abc"), toy.spelled("fed")])
    assert looks == [2]
    looks.clear()
    reader.read([toy.spelled("abc"), framed("abab"), toy.spelled("fed")])
    assert looks == [3, 1, 2]  # one of them is turned; then cut or widened, and sure


def test_nobody_is_looked_at_again_who_was_sure_at_a_stage_before(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def looks(picture: Image.Image) -> list[Image.Image]:
        seen.append(picture.width)
        return [picture.copy()]

    monkeypatch.setattr("clipstr.looking.MORE_LOOKS", [looks, looks, looks])
    monkeypatch.setattr("clipstr.looking.SURE", 1.1)
    monkeypatch.setattr("clipstr.looking.assurance", lambda readings, prior: DOUBT)
    reader.read([toy.spelled("abc")])
    assert not seen
    sure = {1: 0.6, 2: 0.9}
    monkeypatch.setattr("clipstr.looking.assurance", lambda readings, prior: sure[len(readings)])
    reader.read([toy.spelled("abc")])
    assert len(seen) == 1


def test_looks_that_say_the_same_are_sure_together() -> None:
    readings = [Reading("cord", 0.5), Reading("card", 0.4), Reading("card", 0.3), Reading("", 0.9)]
    assert assurance(readings) == pytest.approx(0.7)
    assert assurance(readings[:1]) == 0.5
    assert assurance([Reading("", 0.25), Reading("", 0.25)]) == 0.5


def test_second_looks_change_neither_order_nor_the_sure_words(reader: Reader) -> None:
    words = ["abc", "abab", "fed", "caca", "h", "dbdb"]
    pictures = [framed(word) if word[:2] == word[2:] else toy.spelled(word) for word in words]
    assert [reading.text for reading in reader.read(pictures)] == words
    assert [outcome.reading.text for outcome in reader.stream(pictures) if outcome.reading] == words


def test_the_text_with_most_confidence_in_all_is_read_as_its_surest_look_read_it() -> None:
    readings = [Reading("cord", 0.5), Reading("card", 0.3), Reading("cand", 0.1), Reading("card", 0.35)]
    assert agreed(readings) == Reading("card", 0.35, looks=4)
    assert agreed([Reading("cord", 0.5)]) == Reading("cord", 0.5)
    assert agreed([Reading("", 0.0), Reading("", 0.0)]) == Reading("", 0.0, looks=2)
    assert agreed([Reading("card", 0.3), Reading("", 0.9)]) == Reading("card", 0.3, looks=2)


def test_how_legible_a_picture_is_says_the_middle_one_of_its_looks() -> None:
    looks = [
        Reading("card", 0.3, legible=0.9),
        Reading("", 0.8, legible=0.2),
        Reading("card", 0.5, legible=0.6),
    ]
    assert agreed(looks).legible == 0.6
    assert agreed(looks[:1]).legible == 0.9


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 2), (1, 400), (400, 1), (3, 4), (100, 32)])
def test_a_picture_of_any_size_can_be_looked_at_again(size: tuple[int, int]) -> None:
    looks = all_looks(Image.new("RGB", size, (10, 200, 30)))
    upright = size[1] > 1.5 * size[0]
    assert len(looks) == 2 if upright else len(looks) >= 4
    for look in looks:
        assert min(look.size) >= 1
        assert look.mode == "RGB"
        assert np.asarray(look.resize((8, 8))).reshape(-1, 3).mean(0) == pytest.approx((10, 200, 30), abs=2)


@pytest.mark.parametrize("degrees", [15, -15, 30, -30])
def test_of_a_word_that_lies_askew_one_look_is_the_level_word(degrees: float) -> None:
    level = Image.open(EXAMPLES / "coffee.png").convert("RGB").resize((120, 40))
    looks = all_looks(level.rotate(degrees, Image.Resampling.BICUBIC, expand=True))
    likeness = {}
    for number, look in enumerate(looks):
        as_wide = abs(look.width - 120) <= 4 and abs(look.height - 40) <= 4
        pixels = [np.asarray(p.resize((60, 20)).convert("L"), float).ravel() for p in (look, level)]
        likeness[number] = float(np.corrcoef(*pixels)[0, 1]) if as_wide else 0.0
    assert max(likeness.values()) > 0.85
    assert sum(value > 0.5 for value in likeness.values()) == 1


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (400, 1), (3, 4), (100, 32), (64, 64)])
def test_the_last_looks_are_the_crop_upside_down_and_words_that_can_lie_in_it(size: tuple[int, int]) -> None:
    upside_down, *levelled = MORE_LOOKS[-1](Image.new("RGB", size, (10, 200, 30)))
    assert upside_down.size == size
    for look in levelled:
        assert (look.height + 2) / max(look.width - 2, 1) >= 0.1
        assert max(look.size) <= math.hypot(*size) + 2
    assert len(MORE_LOOKS[-1](Image.new("RGB", (400, 30)))) == 1  # no room for a word at such an angle
    assert not MORE_LOOKS[-1](Image.new("RGB", (20, 60)))


def test_what_a_look_is_sure_of_by_itself_needs_no_other_texts() -> None:
    assert enough(Reading("xqzt", 0.9), word_prior)
    assert enough(Reading("card", KNOWN_DOUBT), word_prior)
    assert not enough(Reading("xqzt", 0.89), word_prior)
    assert not enough(Reading("card", 0.1), word_prior)


def test_of_a_large_photograph_little_is_kept_for_second_looks() -> None:
    view = View.of(Image.new("RGB", (4000, 3000)), Preprocessing())
    assert view.pixels.shape == (32, 128, 3)
    assert max(view.picture.size) < 1024
    assert View.of(Image.new("RGB", (300, 100)), Preprocessing()).picture.size == (300, 100)
