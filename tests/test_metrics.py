"""`clipstr.metrics`: checked against hand-made figures and a second implementation."""

from __future__ import annotations

import math
import random

import pytest

from clipstr.metrics import (
    Interval,
    ned_similarity,
    unweighted_mean,
    weighted_mean,
    wilson_interval,
    word_accuracy,
)


def plain_distance(first: str, second: str) -> int:
    """Levenshtein's distance by the textbook's table: the oracle."""
    previous = list(range(len(second) + 1))
    for row, a in enumerate(first, start=1):
        current = [row]
        for column, b in enumerate(second, start=1):
            current.append(min(previous[column] + 1, current[-1] + 1, previous[column - 1] + (a != b)))
        previous = current
    return previous[-1]


def test_accuracy_is_the_share_of_equal_words() -> None:
    assert word_accuracy(["a", "b", "C"], ["a", "b", "c"]) == pytest.approx(2 / 3)
    assert math.isnan(word_accuracy([], []))
    with pytest.raises(ValueError, match="argument 2 is longer"):
        word_accuracy(["a"], ["a", "b"])


@pytest.mark.parametrize(
    ("reading", "label", "similarity"),
    [
        ("", "", 1),
        ("", "abc", 0),
        ("abc", "", 0),
        ("abc", "abc", 1),
        ("abd", "abc", 2 / 3),
        ("ab", "abcd", 0.5),
    ],
)
def test_one_minus_ned_is_relative_to_the_longer_word(reading: str, label: str, similarity: float) -> None:
    assert ned_similarity(reading, label) == pytest.approx(similarity)


def test_one_minus_ned_equals_the_textbooks_table() -> None:
    draw = random.Random(5)
    for _ in range(300):
        first, second = ("".join(draw.choices("abc", k=draw.randint(1, 9))) for _ in range(2))
        expected = 1 - plain_distance(first, second) / max(len(first), len(second))
        assert ned_similarity(first, second) == pytest.approx(expected, abs=1e-12)


def test_the_weighted_mean_of_sets_is_the_mean_over_their_samples() -> None:
    right, counts = [90, 1, 0], [100, 2, 0]
    accuracies = [0.9, 0.5, math.nan]
    assert weighted_mean(accuracies, counts) == pytest.approx(sum(right) / sum(counts))
    assert math.isnan(weighted_mean([], []))


def test_the_papers_average_is_the_weighted_one() -> None:
    # Table 1, last row: IIIT5k, SVT, IC13 (857), IC15 (1811), SVTP, CUTE80, and their average, 93.8.
    accuracies, counts = [97.3, 94.7, 97.7, 87.2, 89.9, 93.1], [3000, 647, 857, 1811, 645, 288]
    assert sum(counts) == 7248
    assert weighted_mean(accuracies, counts) == pytest.approx(93.8, abs=0.05)
    assert unweighted_mean(accuracies) == pytest.approx(93.3, abs=0.05)


def test_the_unweighted_mean_counts_every_set_the_same() -> None:
    assert unweighted_mean([0.9, 0.5]) == pytest.approx(0.7)
    assert math.isnan(unweighted_mean([]))


def test_wilsons_interval_is_the_published_one() -> None:
    # R. G. Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for right, count, low, high in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ]:
        interval = wilson_interval(right, count)
        assert interval.low == pytest.approx(low, abs=5e-5)
        assert interval.high == pytest.approx(high, abs=5e-5)


def test_wilsons_interval_stays_in_0_to_1_and_holds_the_share() -> None:
    assert wilson_interval(0, 0) == Interval(0.0, 1.0)
    for count in range(1, 40):
        for right in range(count + 1):
            interval = wilson_interval(right, count)
            assert 0 <= interval.low <= right / count <= interval.high <= 1


def test_more_right_words_than_words_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be right"):
        wilson_interval(3, 2)
