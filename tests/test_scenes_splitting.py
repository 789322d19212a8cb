"""Lines are cut into words and long words into pieces, and no letter is lost or doubled on the way."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from rapidfuzz.distance import Levenshtein

from clipstr.scenes import SceneReader
from clipstr.scenes.splitting import (
    STEP,
    GapNetwork,
    Marks,
    Stretch,
    levels,
    otherwise_cut,
    pieces_of,
    readable_at_once,
    words_of,
)
from scenes import line_picture, scene_reader

WORDS = ("street", "coffee", "garden", "market", "window", "number", "station", "morning", "island", "bridge")


def marks(count: int, gaps: tuple[int, ...] = (), boundaries: tuple[int, ...] = ()) -> Marks:
    both = np.zeros((2, count), np.float32)
    both[0, list(gaps)] = 0.9
    both[1, list(boundaries)] = 0.9
    return Marks(both[0], both[1])


def test_words_are_what_gaps_leave():
    assert words_of(marks(100, (30, 31, 60))) == [Stretch(0, 0.3), Stretch(0.32, 0.6), Stretch(0.61, 1.0)]


def test_a_line_without_gaps_is_one_word():
    assert words_of(marks(50)) == [Stretch(0, 1)]


def test_gaps_at_the_ends_make_no_words():
    assert words_of(marks(50, (0, 1, 49))) == [Stretch(0, 1)]


def test_a_word_may_be_several_where_gaps_are_slight_and_only_within_it():
    slight = marks(100, (30, 31, 60, 61))
    slight.gaps[[60, 61]] = 0.3
    second = words_of(slight)[1]
    assert second == Stretch(0.32, 1.0)
    assert otherwise_cut(second, slight) == [Stretch(0.32, 0.6), Stretch(0.62, 1.0)]
    assert otherwise_cut(words_of(slight)[0], slight) == words_of(slight)[:1]


@pytest.mark.parametrize(("letters", "readable"), [(12, True), (20, False)])
def test_words_that_are_cut_may_be_read_whole_unless_they_are_much_too_long(letters, readable):
    many = marks(letters * 8, boundaries=tuple(range(8, letters * 8, 8)))
    assert len(pieces_of(Stretch(0, 1), many)) > 1
    assert readable_at_once(Stretch(0, 1), many) is readable


def test_a_short_word_stays_whole():
    assert pieces_of(Stretch(0, 1), marks(60, boundaries=(20, 40))) == [Stretch(0, 1)]


def test_a_long_word_is_cut_between_letters_into_pieces_that_meet():
    letters = tuple(range(6, 240, 6))
    pieces = pieces_of(Stretch(0, 1), marks(240, boundaries=letters))
    assert len(pieces) > 3
    assert pieces[0].start == 0
    assert pieces[-1].stop == 1
    for before, after in pairwise(pieces):
        assert before.stop == after.start
        assert round(before.stop * 240 - 0.5) in letters


def test_levels_do_not_depend_on_brightness_and_contrast():
    strip = np.random.default_rng(0).integers(100, 200, (32, 64), np.uint8)
    np.testing.assert_allclose(levels(strip), levels(strip - 50), atol=1e-5)


def test_the_network_tells_of_every_second_column():
    network = GapNetwork()
    for width in (1, 33, 64):
        found = network.marks(np.full((32, width), 128, np.uint8))
        assert found.gaps.shape == found.boundaries.shape == ((width + 1) // STEP,)
        assert ((found.gaps >= 0) & (found.gaps <= 1)).all()


@pytest.mark.parametrize("length", [10, 25, 40, 60, 90, 120])
def test_lines_of_any_length_keep_all_their_words(length):
    text = ""
    for word in WORDS * 3:
        if len(text) >= length:
            break
        text += f" {word}" if text else word
    read = scene_reader().read(line_picture(text)).text
    assert [len(word) for word in read.split(" ")] == [len(word) for word in text.split(" ")]
    assert Levenshtein.distance(read, text) <= 1  # the reader may take a letter for another


@pytest.mark.parametrize("count", [2, 5, 9, 14])
def test_words_without_spaces_keep_all_their_letters_at_the_seams(count):
    text = "".join((WORDS * 2)[:count])
    read = scene_reader().read(line_picture(text)).text.replace(" ", "")
    assert len(read) == len(text)  # nothing doubled, nothing dropped
    assert Levenshtein.distance(read, text) <= 1  # the reader may take a letter for another


class Doubtful(GapNetwork):
    """Sees gaps, and is never sure of them."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def marks(self, strip: np.ndarray) -> Marks:
        marks = super().marks(strip)
        return Marks(marks.gaps * self.share, marks.boundaries)


@pytest.mark.parametrize(("share", "count"), [(0.0, 1), (0.4, 3)])
def test_words_that_are_read_with_doubt_are_cut_where_a_gap_may_be(share, count):
    reader = SceneReader(threads=1, splitter=Doubtful(share), min_confidence=0.0)
    words = reader.read(line_picture("the coffee market")).words
    assert len(words) == count
    if count > 1:
        assert [word.text for word in words] == ["the", "coffee", "market"]
