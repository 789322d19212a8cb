"""Fitting a calibration: the confidences of words whose labels are known, and how far they can be trusted.

A curve is fitted by Platt's logistic regression on the log odds, held near to the straight line as if by
a few words more. Whatever is told of it is told of words that it was not fitted on: the words are dealt into
parts, and each part is bent by the curves that the others give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clipstr.calibration import Calibration, Curve, shared_power
from clipstr.data import LabelRule, find_sources
from clipstr.errors import DataError
from clipstr.evaluation.protocol import evaluate
from clipstr.evaluation.results import CONFIDENCE_BINS, Bin, WordResult, error_of
from clipstr.reader import Reader
from clipstr.reading import Reading

__all__ = ["LEAST_WORDS", "Calibrated", "Check", "calibrated", "curve_of"]

LEAST_WORDS = 50
"""Of fewer words the curve would say more about chance than about the model."""

PARTS = 5  # of the words, each bent by what the others give
_DEALS = 10  # of the words into parts: a word's confidence is the mean, for one deal decides half a point
_DRAWS = 200  # of words that are right as often as they say, for what chance alone does
_EDGE = 1e-6  # log odds of 0 and 1 are infinite
_ROUNDS = 50  # of Newton's method, which needs six
_NEAR = 1e-9  # a step of slope and offset that is none


@dataclass(frozen=True, kw_only=True)
class Check:
    """How confidence and accuracy are apart in one way of reading: expected calibration errors, 0 to 1.

    It holds of ``count`` words or characters. ``before`` is that of the model's own probabilities, ``after``
    that of words bent by curves that were fitted on others, and ``chance`` the mean of what as many words
    would show that are right exactly as often as their confidence says. ``bins`` are the words after bending.
    """

    count: int
    before: float
    after: float
    chance: float
    bins: tuple[Bin, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "count": self.count,
            "before": round(self.before, 6),
            "after": round(self.after, 6),
            "chance": round(self.chance, 6),
        }


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """A model's calibration, and how far its confidence can be trusted.

    ``checks`` are by the way of reading, each of words and of their characters.
    """

    calibration: Calibration
    checks: dict[str, Check]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "calibration": self.calibration.to_dict(),
            "checks": {way: check.to_dict() for way, check in self.checks.items()},
        }


_Key = tuple[str, int, bool]  # of a word: its set, its number there, and whether it was looked at again


def _key(word: WordResult) -> _Key:
    return word.set_name, word.index, word.looks > 1


def calibrated(
    reader: Reader,
    data: str | Path,
    rule: LabelRule,
    *,
    blanks: str | Path | None = None,
    watch: Callable[[WordResult], None] | None = None,
) -> Calibrated:
    """The calibration of the model of ``reader`` by the words below ``data``, compared by ``rule``.

    They are read at one look and with second looks; ``watch`` is told of each word, twice. A curve that makes
    words that it was not fitted on no more probable is left straight. With ``blanks``, data sets of pictures
    without any text, the curve of `Reading.legible` is fitted, too: how often a picture has a text if half of
    all have; without them it stays the reader's. Raises `DataError` for fewer than `LEAST_WORDS`.
    """
    first, second = _Noting(reader, second_looks=False), _Noting(reader, second_looks=True)
    once = _words(first, data, rule, watch)
    if len(once) < LEAST_WORDS:
        raise DataError(
            f"{data}: {len(once)} words that can be compared, and a calibration needs {LEAST_WORDS}: give "
            "more data, or compare in another alphabet"
        )
    more = _words(second, data, rule, watch)
    one_look, bent = _fitted(once)
    first_look, bent_first = _fitted([word for word in more if word.looks == 1])
    several_looks, bent_again = _fitted([word for word in more if word.looks > 1])
    ways = {"one look": (once, bent), "second looks": (more, bent_first | bent_again)}
    checks = {
        name: check
        for way, (words, told) in ways.items()
        for name, check in _checks(way, words, told).items()
    }
    legible = (reader.calibration or Calibration()).legible
    if blanks is not None:
        legible, checks["legible"] = _legible([first, second], blanks)
    return Calibrated(
        calibration=Calibration(
            one_look=one_look, first_look=first_look, several_looks=several_looks, legible=legible
        ),
        checks=checks,
    )


class _Noting:
    """A reader that tells the model's own probabilities, and notes how legible pictures are."""

    def __init__(self, reader: Reader, *, second_looks: bool) -> None:
        self._reader = reader.uncalibrated().restricted(second_looks=second_looks)
        self.name, self.batch_size = reader.name, reader.batch_size
        self.legible: list[float] = []

    def read_images(self, images: Iterable[Any]) -> list[Reading]:
        """One reading per picture, in order."""
        readings = self._reader.read_images(images)
        self.legible += [reading.legible for reading in readings]
        return readings

    def blanks(self, data: str | Path) -> list[float]:
        """How legible the pictures of the data sets below ``data`` are."""
        sources = find_sources(Path(data))
        pictures = (source.image_bytes(index) for source in sources for index in range(len(source)))
        return [reading.legible for reading in self._reader.read_images(pictures)]


def _legible(readers: Sequence[_Noting], blanks: str | Path) -> tuple[Curve, Check]:
    """The curve of legible by what ``readers`` noted of words and by ``blanks``, as many of each.

    With it how far it is right of pictures that it was not fitted on.
    """
    words = [value for reader in readers for value in reader.legible]
    others = [value for reader in readers for value in reader.blanks(blanks)]
    count = min(len(words), len(others))
    if count < LEAST_WORDS:
        raise DataError(f"{blanks}: {len(others)} pictures without text, and {LEAST_WORDS} are needed")
    evenly = [np.array(values)[np.arange(count) * len(values) // count] for values in (words, others)]
    told, there, looks = np.concatenate(evenly), np.repeat([True, False], count), np.ones(2 * count)
    bent = np.stack([_held_out(told, there, looks, deal) for deal in range(_DEALS)]).mean(axis=0)
    return curve_of(told, there), _check(told.tolist(), bent.tolist(), there.tolist())


def _words(
    reader: _Noting, data: str | Path, rule: LabelRule, watch: Callable[[WordResult], None] | None
) -> list[WordResult]:
    """The words below ``data`` that could be read, with the model's own probabilities."""
    words: list[WordResult] = []

    def seen(word: WordResult) -> None:
        words.append(word)
        if watch is not None:
            watch(word)

    evaluate(reader, data, rule, batch_size=reader.batch_size, watch=seen)
    return [word for word in words if word.error is None]


def curve_of(confidences: np.ndarray, right: np.ndarray, looks: np.ndarray | None = None) -> Curve:
    """The curve that makes ``right`` (bool) likeliest, given the model's own ``confidences``.

    ``looks`` is how many each word had; None: one. Slope, offset and doubling are held at 1, 0 and 0 by a
    normal distribution of width 1, which a few words outweigh. The maximum is Newton's, whose steps are
    halved until they help. A slope that would not rise is 0.01.
    """
    odds = _log_odds(confidences)
    doublings = np.zeros(len(odds)) if looks is None else np.log2(looks)
    columns, signs = np.stack([odds, np.ones(len(odds)), doublings], axis=1), np.where(right, 1.0, -1.0)
    begin = np.array([1.0, 0.0, 0.0])

    def cost(at: np.ndarray) -> float:
        return float(np.logaddexp(0, -signs * (columns @ at)).sum() + ((at - begin) ** 2).sum() / 2)

    found = begin
    for _ in range(_ROUNDS):
        shares = np.exp(-np.logaddexp(0, -(columns @ found)))
        slope = columns.T @ (shares - right) + (found - begin)
        step = np.linalg.solve((columns.T * (shares * (1 - shares))) @ columns + np.eye(3), slope)
        while cost(found - step) > cost(found) and np.abs(step).max() > _NEAR:
            step = step / 2
        found = found - step
        if np.abs(step).max() <= _NEAR:
            break
    values = [round(float(value), 6) for value in found]
    return Curve(slope=max(values[0], 0.01), offset=values[1], doubling=values[2])


def _log_odds(confidences: np.ndarray) -> np.ndarray:
    certain = np.clip(confidences.astype(np.float64), _EDGE, 1 - _EDGE)
    return np.asarray(np.log(certain) - np.log1p(-certain))


def _fitted(words: Sequence[WordResult]) -> tuple[Curve, dict[_Key, float]]:
    """The curve of ``words``, and each one's confidence bent by that of the other parts.

    Both are straight unless the bent confidences are the better ones by their log loss.
    """
    confidences = np.array([word.confidence for word in words])
    right = np.array([word.right for word in words], bool)
    looks = np.array([word.looks for word in words])
    bent = np.stack([_held_out(confidences, right, looks, deal) for deal in range(_DEALS)]).mean(axis=0)
    better = len(words) > 0 and _loss(bent, right) < _loss(confidences, right)
    chosen = bent if better else confidences
    keys = map(_key, words)
    curve = curve_of(confidences, right, looks) if better else Curve()
    return curve, dict(zip(keys, chosen.tolist(), strict=True))


def _held_out(confidences: np.ndarray, right: np.ndarray, looks: np.ndarray, deal: int) -> np.ndarray:
    """The confidences, each bent by the curve of the parts in which its word is not."""
    # Dealt in an order that has nothing to do with sets and places, always the same.
    parts = np.random.default_rng((deal, len(right))).permutation(len(right)) % PARTS
    bent = confidences.copy()
    for part in range(PARTS):
        inside = parts == part
        curve = curve_of(confidences[~inside], right[~inside], looks[~inside])
        bent[inside] = [
            curve(float(value), int(count))
            for value, count in zip(confidences[inside], looks[inside], strict=True)
        ]
    return np.asarray(bent)


def _loss(confidences: np.ndarray, right: np.ndarray) -> float:
    """How unlikely it is that just the ``right`` ones are right: the mean negative log-likelihood."""
    return float(np.logaddexp(0, np.where(right, -1, 1) * _log_odds(confidences)).mean())


def _checks(way: str, words: Sequence[WordResult], bent: dict[_Key, float]) -> dict[str, Check]:
    """What holds of ``words`` read in that ``way``, and of their characters."""
    after = [bent[_key(word)] for word in words]
    characters = [part for word, told in zip(words, after, strict=True) for part in _characters(word, told)]
    return {
        way: _check([word.confidence for word in words], after, [word.right for word in words]),
        f"characters, {way}": _check(*map(list, zip(*characters, strict=True))),
    }


def _characters(word: WordResult, told: float) -> Iterator[tuple[float, float, bool]]:
    """Of each character up to the first wrong one: its own probability, the bent one, and if it is right.

    ``told`` is the word's bent confidence. A word of which something was folded away has none to compare.
    """
    if len(word.text) != len(word.characters):
        return
    power = shared_power(word.confidence, told)
    for place, probability in enumerate(word.characters):
        right = word.text[place] == word.label[place : place + 1]
        yield probability, probability**power, right
        if not right:
            return


def _check(before: Sequence[float], after: Sequence[float], right: Sequence[bool]) -> Check:
    shares, bins = np.array(after), _bins(after, right)
    random = np.random.default_rng(0)
    drawn = [error_of(_bins(shares, random.random(len(shares)) < shares)) for _ in range(_DRAWS)]
    return Check(
        count=len(shares),
        before=error_of(_bins(before, right)),
        after=error_of(bins),
        chance=float(np.mean(drawn)),
        bins=bins,
    )


def _bins(confidences: Sequence[float] | np.ndarray, right: Sequence[bool] | np.ndarray) -> tuple[Bin, ...]:
    """Words or characters by their confidence, in the bins of every evaluation."""
    shares = np.asarray(confidences, np.float64)
    numbers = np.minimum((shares * CONFIDENCE_BINS).astype(int), CONFIDENCE_BINS - 1)
    columns = [
        np.bincount(numbers, weights, CONFIDENCE_BINS)
        for weights in (None, np.asarray(right, np.float64), shares)
    ]
    return tuple(
        Bin(count=int(count), right=int(rights), confidence=float(total))
        for count, rights, total in zip(*columns, strict=True)
    )
