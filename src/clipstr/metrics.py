"""How well words were read: accuracy, 1 - NED, averages over sets, intervals, calibration, a test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from rapidfuzz.distance import Levenshtein

__all__ = [
    "Interval",
    "calibration_error",
    "mcnemar",
    "ned_similarity",
    "unweighted_mean",
    "weighted_mean",
    "wilson_interval",
    "word_accuracy",
]

Z_95 = 1.959963984540054  # the standard normal's 97.5 % quantile: two-sided 95 %


@dataclass(frozen=True)
class Interval:
    """The ends of an interval of shares, from 0 to 1."""

    low: float
    high: float


def word_accuracy(readings: Sequence[str], labels: Sequence[str]) -> float:
    """The share (0 to 1) of ``readings`` that equal their label; not a number if there are none.

    Raises `ValueError` if there are not as many readings as labels.
    """
    right = sum(reading == label for reading, label in zip(readings, labels, strict=True))
    return right / len(labels) if labels else math.nan


def ned_similarity(reading: str, label: str) -> float:
    """1 - NED of one word (0 to 1): 1 - Levenshtein distance / the longer length; two empty words give 1."""
    longer = max(len(reading), len(label))
    return 1 - Levenshtein.distance(reading, label) / longer if longer else 1.0


def weighted_mean(values: Sequence[float], weights: Sequence[float]) -> float:
    """The mean of ``values``, each counted ``weights`` times; not a number if the weights sum to 0.

    A value of weight 0 is passed over, even if it is not a number (an empty data set's accuracy).
    """
    pairs = [(value, weight) for value, weight in zip(values, weights, strict=True) if weight]
    total = math.fsum(weight for _, weight in pairs)
    return math.fsum(value * weight for value, weight in pairs) / total if total else math.nan


def unweighted_mean(values: Sequence[float]) -> float:
    """The plain mean of ``values``; not a number if there are none."""
    return math.fsum(values) / len(values) if values else math.nan


def wilson_interval(right: int, count: int, *, z: float = Z_95) -> Interval:
    """Wilson's score interval of the share ``right / count``, at 95 % by default.

    It says how sure a share of ``count`` words is, given that they were drawn at random. Without any
    words it is all of 0 to 1. Source: E. B. Wilson, JASA 22 (1927), 209-212.
    """
    if not 0 <= right <= count:
        raise ValueError(f"of {count} words, {right} cannot be right")
    if not count:
        return Interval(0.0, 1.0)
    share, squared = right / count, z * z
    centre = (share + squared / (2 * count)) / (1 + squared / count)
    reach = z / (1 + squared / count) * math.sqrt(share * (1 - share) / count + squared / (4 * count * count))
    # At the ends the formula gives 0 and 1 exactly, but for rounding.
    low = 0.0 if right == 0 else centre - reach
    high = 1.0 if right == count else centre + reach
    return Interval(low, high)


def calibration_error(bins: Sequence[tuple[int, int, float]]) -> float:
    """The expected calibration error (0 to 1) of words in ``bins``: count, right ones, summed confidence.

    It is the mean over words of how far the accuracy of their bin is from its mean confidence; not a number
    if there are none. Source: Guo et al. 2017, "On calibration of modern neural networks".
    """
    total = sum(count for count, _, _ in bins)
    if not total:
        return math.nan
    return math.fsum(abs(right - confidence) for _, right, confidence in bins) / total


def mcnemar(first_only: int, second_only: int) -> float:
    """McNemar's exact p-value (0 to 1): two-sided, that two readers that differ on so many words are as good.

    ``first_only`` words were read right by the first alone, ``second_only`` by the second alone. It is twice
    the lower tail of a binomial of one half, at most 1. Source: McNemar 1947, Psychometrika 12, 153-157.
    """
    if min(first_only, second_only) < 0:
        raise ValueError(f"{first_only} and {second_only} words cannot be counts")
    total = first_only + second_only
    # Exact in whole numbers: each term of the tail from the one before.
    term = tail = 1
    for chosen in range(min(first_only, second_only)):
        term = term * (total - chosen) // (chosen + 1)
        tail += term
    return min(1.0, float(Fraction(2 * tail, 1 << total)))
