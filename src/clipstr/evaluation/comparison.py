"""Whether one reader is better than another on the same words: paired tests, word by word.

Both readers read the same pictures, so that what tells them apart are the words that only one of them read
right. Two intervals that overlap may well differ in a paired test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from clipstr.data import LabelRule
from clipstr.evaluation.protocol import Word
from clipstr.metrics import Interval, mcnemar

__all__ = ["DRAWS", "Comparison", "Pairs", "compare", "pair"]

DRAWS = 10_000
"""Sets of words drawn anew by the bootstrap; their seed is always the same."""


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """How many words of a set (or several) were read right by both readers, by one alone, and by none."""

    name: str
    both: int
    first_only: int
    second_only: int
    neither: int

    @property
    def count(self) -> int:
        """How many words were compared."""
        return self.both + self.first_only + self.second_only + self.neither

    @property
    def difference(self) -> float:
        """The first reader's accuracy less the second's (-1 to 1); not a number over nothing."""
        return (self.first_only - self.second_only) / self.count if self.count else float("nan")

    @property
    def p_value(self) -> float:
        """McNemar's exact p-value (0 to 1) of the two being as good."""
        return mcnemar(self.first_only, self.second_only)

    @property
    def interval(self) -> Interval:
        """The 95 % interval of the difference, by the bootstrap."""
        return _middle(_differences(self, np.random.default_rng(0)))


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two readers on the same sets, in one alphabet."""

    first: str
    second: str
    sets: tuple[Pairs, ...]

    @property
    def together(self) -> Pairs:
        """All words as one set."""
        return Pairs(
            name="all words",
            both=sum(pairs.both for pairs in self.sets),
            first_only=sum(pairs.first_only for pairs in self.sets),
            second_only=sum(pairs.second_only for pairs in self.sets),
            neither=sum(pairs.neither for pairs in self.sets),
        )

    @property
    def weighted_interval(self) -> Interval:
        """The 95 % interval of the difference of the means over words, drawn within each set."""
        return self._interval(lambda rows, counts: counts @ rows / counts.sum())

    @property
    def unweighted_interval(self) -> Interval:
        """The 95 % interval of the difference of the means over sets, drawn within each set."""
        return self._interval(lambda rows, counts: rows.mean(0))

    @property
    def unweighted_difference(self) -> float:
        """The difference of the means over sets."""
        values = [pairs.difference for pairs in self.sets if pairs.count]
        return sum(values) / len(values) if values else float("nan")

    def _interval(self, mean: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Interval:
        compared = [pairs for pairs in self.sets if pairs.count]
        if not compared:
            return Interval(-1.0, 1.0)
        rng = np.random.default_rng(0)
        rows = np.stack([_differences(pairs, rng) for pairs in compared])
        return _middle(mean(rows, np.array([pairs.count for pairs in compared], float)))


def pair(first: Iterable[Word], second: Iterable[Word], name: str, rule: LabelRule) -> Pairs:
    """The words of the set ``name`` as both readers read them, compared by ``rule``.

    Raises `ValueError` if they are not the same words.
    """
    counts = {(a, b): 0 for a in (True, False) for b in (True, False)}
    for one, other in zip(first, second, strict=True):
        if (one.index, one.label) != (other.index, other.label):
            raise ValueError(f"{name}: the readers read other words: {one.index} and {other.index}")
        label = None if one.label is None else rule.apply(one.label).text
        if label is not None:
            counts[_right(one, label, rule), _right(other, label, rule)] += 1
    return Pairs(
        name=name,
        both=counts[True, True],
        first_only=counts[True, False],
        second_only=counts[False, True],
        neither=counts[False, False],
    )


def compare(first: str, second: str, sets: Sequence[Pairs]) -> Comparison:
    """The comparison of the readers called so, over the ``sets``."""
    return Comparison(first=first, second=second, sets=tuple(sets))


def _right(word: Word, label: str, rule: LabelRule) -> bool:
    return word.error is None and rule.charset.fold(word.text) == label


def _differences(pairs: Pairs, rng: np.random.Generator) -> np.ndarray:
    """The differences of accuracy (`DRAWS`,) in sets of as many words, drawn from these with replacement.

    A word matters by its kind alone, so that drawing words is drawing how many of each kind there are.
    """
    if not pairs.count:
        return np.full(DRAWS, np.nan)
    kinds = np.array([pairs.first_only, pairs.second_only, pairs.both + pairs.neither])
    drawn = rng.multinomial(pairs.count, kinds / pairs.count, size=DRAWS)
    return np.asarray((drawn[:, 0] - drawn[:, 1]) / pairs.count)


def _middle(differences: np.ndarray) -> Interval:
    low, high = np.quantile(differences, [0.025, 0.975])
    return Interval(float(low), float(high))
