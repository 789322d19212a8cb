"""From a level strip of a line to its words, and of long words to pieces that can be read."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from clipstr.engine import Session

__all__ = ["HEIGHT", "STEP", "GapNetwork", "Marks", "Splitter", "Stretch", "levels", "pieces_of", "words_of"]

HEIGHT = 32  # pixels of a strip
STEP = 2  # columns of a strip for each one that is told of
NETWORK = Path(__file__).parents[1] / "assets" / "splitter.onnx"

_GAP = 0.5  # least chance of a gap between words
_SLIGHT_GAP = 0.25  # of one that may be there, where the word that it is in is read with doubt
_LEAST_WORD = 3  # columns told of; a word is no narrower
_BOUNDARY = 0.3  # least chance of a boundary between two letters
_ALONE = 4  # columns told of in which there is one boundary at most
_AT_ONCE = 8  # letters that are read in one piece; a reader's longest word is not much longer
_SLENDER = 4.0  # width over height from which a word is too much squeezed to be read in one piece
_AT_MOST = 16  # letters that may be read in one piece, if it is read with more confidence than its parts


@dataclass(frozen=True)
class Marks:
    """How likely a gap between words and a boundary of letters are, for every `STEP` columns of a strip.

    Both are (columns,) in float32, 0 to 1.
    """

    gaps: np.ndarray
    boundaries: np.ndarray


@dataclass(frozen=True)
class Stretch:
    """Where something stands along a line: from one share (0 to 1) of its length to another."""

    start: float
    stop: float


class Splitter(Protocol):
    """Anything that tells where words and letters end."""

    def marks(self, strip: np.ndarray) -> Marks:
        """The marks of ``strip``, grey (`HEIGHT`, width) in uint8."""


class GapNetwork:
    """The small network that comes with clipstr and was trained on rendered lines (`release/splitter.py`).

    It may be shared by threads. Raises `ModelFileError` if ``network`` cannot be opened.
    """

    def __init__(self, network: Path = NETWORK) -> None:
        # A strip takes a millisecond: too little to be shared by threads.
        self._session = Session(network, threads=1)

    def marks(self, strip: np.ndarray) -> Marks:
        """The marks of ``strip``, grey (`HEIGHT`, width) in uint8."""
        wide = np.pad(strip, ((0, 0), (0, -strip.shape[1] % STEP)), mode="edge")
        gaps, boundaries = self._session.run({"strips": levels(wide)[None]})["chances"][0]
        return Marks(gaps, boundaries)


def levels(strip: np.ndarray) -> np.ndarray:
    """Grey levels (`HEIGHT`, width) in uint8 as the network gets them: mean 0, deviation 1, float32."""
    values = strip.astype(np.float32)
    return np.asarray((values - values.mean()) / (values.std() + 8.0), np.float32)


def words_of(marks: Marks) -> list[Stretch]:
    """The words of a line, in order: what is left between its gaps. There is always one."""
    return _parted(marks, 0, len(marks.gaps), _GAP)


def otherwise_cut(word: Stretch, marks: Marks) -> list[Stretch]:
    """The words that ``word`` may be, cut at slighter gaps, in order: itself alone if it has none."""
    count = len(marks.gaps)
    return _parted(marks, round(word.start * count), round(word.stop * count), _SLIGHT_GAP)


def _parted(marks: Marks, begin: int, end: int, least: float) -> list[Stretch]:
    """What is left between the gaps of the columns ``begin`` to ``end``, of a chance of ``least`` or more."""
    count = len(marks.gaps)
    words, start = [], begin
    for first, stop in _runs(marks.gaps[begin:end] >= least):
        if begin + first - start >= _LEAST_WORD and end - begin - stop >= _LEAST_WORD:
            words.append(Stretch(start / count, (begin + first) / count))
            start = begin + stop
    return [*words, Stretch(start / count, end / count)]


def pieces_of(word: Stretch, marks: Marks) -> list[Stretch]:
    """``word`` itself, or, if it is too long to be read at once, its pieces in order, cut between letters."""
    number = int(np.ceil(max(_letters(word, marks) / _AT_ONCE, _slenderness(word, marks))))
    if number <= 1:
        return [word]
    count = len(marks.boundaries)
    first, last = round(word.start * count), round(word.stop * count)
    ends: list[float] = [first]
    for cut in range(1, number):
        wanted = first + (last - first) * cut / number
        ends.append(_best_cut(marks.boundaries, wanted, (last - first) / number))
    ends.append(last)
    shares = [word.start, *(end / count for end in ends[1:-1]), word.stop]
    return [Stretch(a, b) for a, b in itertools.pairwise(shares) if b > a]


def readable_at_once(word: Stretch, marks: Marks) -> bool:
    """Whether ``word`` is short enough to be read in one piece too, though less well than most."""
    return max(_letters(word, marks) / _AT_MOST, _slenderness(word, marks) / 2) <= 1


def _letters(word: Stretch, marks: Marks) -> int:
    """About how many letters ``word`` has."""
    count = len(marks.boundaries)
    return 1 + len(_peaks(marks.boundaries[round(word.start * count) : round(word.stop * count)]))


def _slenderness(word: Stretch, marks: Marks) -> float:
    """How many pieces as wide as one may be ``word`` fills."""
    columns = round(word.stop * len(marks.gaps)) - round(word.start * len(marks.gaps))
    return columns * STEP / HEIGHT / _SLENDER


def _best_cut(boundaries: np.ndarray, wanted: float, length: float) -> float:
    """The column near ``wanted`` where a boundary of letters is likeliest, nearer ones being preferred."""
    first, last = round(wanted - 0.35 * length), round(wanted + 0.35 * length) + 1
    columns = np.arange(max(first, 0), min(last, len(boundaries)))
    far = np.abs(columns - wanted) / max(length, 1)
    best = int(columns[np.argmax(boundaries[columns] - 0.5 * far)])
    return best + 0.5


def _peaks(chances: np.ndarray) -> list[int]:
    """The columns of likely boundaries, the likeliest of each few columns."""
    found: list[int] = []
    for column in np.argsort(-chances, kind="stable"):
        if chances[column] < _BOUNDARY:
            break
        if all(abs(column - other) >= _ALONE // 2 for other in found):
            found.append(int(column))
    return sorted(found)


def _runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """The first column and the one after the last of each run of True in ``mask``."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
