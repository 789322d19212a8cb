"""Between logits and text: probabilities, allowed characters, whole readings, word lists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from clipstr.charset import Charset
from clipstr.errors import CharsetError, LexiconError
from clipstr.reading import CharacterReading, LexiconMatch, Reading

__all__ = ["Lexicon", "allowed_classes", "assemble", "probabilities", "reading_of", "word_log_probabilities"]

SCORED_IN_FULL = 256
"""Word lists up to this size are scored word by word; of longer ones only the nearest to the free reading."""


def allowed_classes(charset: Charset, characters: str | None) -> np.ndarray:
    """Which classes may be read, (num_classes,) in bool: the end of the text and ``characters``, or all.

    In an alphabet of one case the characters may be given in either. Raises `CharsetError` for one
    that the alphabet lacks, and if none is given.
    """
    if characters is None:
        return np.ones(charset.num_classes, bool)
    folded = {charset.fold(character) or character for character in characters if not character.isspace()}
    if not folded:
        raise CharsetError("no character is allowed: name at least one")
    allowed = np.zeros(charset.num_classes, bool)
    allowed[[charset.end, *charset.encode("".join(sorted(folded)))]] = True
    return allowed


def probabilities(logits: np.ndarray, allowed: np.ndarray | None = None) -> np.ndarray:
    """``logits`` (..., num_classes) as probabilities among the ``allowed`` classes."""
    if allowed is not None:
        logits = np.where(allowed, logits, -np.inf)
    grown = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(grown / grown.sum(-1, keepdims=True))


def assemble(logits: np.ndarray, charset: Charset, allowed: np.ndarray | None = None) -> Reading:
    """The reading that greedy ``logits`` (positions, num_classes) spell, up to the first end."""
    chances = probabilities(logits, allowed)
    # No word is longer than all but the last position, where only the end remains.
    ids = [int(row.argmax()) for row in chances[:-1]] + [charset.end]
    length = ids.index(charset.end)
    text = charset.decode(ids)
    return reading_of(
        text, [float(chances[p, ids[p]]) for p in range(length)], float(chances[length, charset.end])
    )


def reading_of(text: str, chances: Sequence[float], end: float, match: LexiconMatch | None = None) -> Reading:
    """The reading of ``text`` whose characters have the probabilities ``chances``, and its ending ``end``."""
    characters = tuple(CharacterReading(c, p) for c, p in zip(text, chances, strict=True))
    confidence = float(np.prod([*chances, end]))
    return Reading(text=text, confidence=confidence, characters=characters, match=match)


def word_log_probabilities(chances: np.ndarray, ids: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Each word's log-probability, its end included, (words,).

    ``chances`` (words, positions, num_classes) are teacher-forced, ``ids`` (words, positions) each word's
    classes, then its end, and ``lengths`` (words,) its characters.
    """
    chosen = np.take_along_axis(chances, ids[..., None], axis=-1)[..., 0]
    counted = np.arange(ids.shape[1]) <= lengths[:, None]
    with np.errstate(divide="ignore"):
        return np.asarray(np.where(counted, np.log(chosen), 0.0).sum(-1))


@dataclass(frozen=True)
class _Entry:
    spelling: str  # as the list has it
    folded: str  # as the alphabet writes it


class Lexicon:
    """A list of words to choose from, folded into an alphabet.

    Words that fold to nothing, or to more than ``max_length`` characters, are left out and counted in
    ``skipped``; of several spellings of one folded word the first stays. Raises `LexiconError` if no
    word remains.
    """

    def __init__(self, words: Iterable[str], charset: Charset, max_length: int) -> None:
        entries: dict[str, _Entry] = {}
        self.skipped = 0
        for word in words:
            spelling = word.strip()
            folded = charset.fold(spelling)
            if not folded or len(folded) > max_length:
                self.skipped += bool(spelling)
                continue
            entries.setdefault(folded, _Entry(spelling, folded))
        if not entries:
            raise LexiconError(
                f"the word list leaves nothing to choose from: {self.skipped} words, none of them of 1 to "
                f"{max_length} characters of the model's alphabet"
            )
        self.entries = list(entries.values())
        self._folded = [entry.folded for entry in self.entries]

    def __len__(self) -> int:
        return len(self.entries)

    def candidates(self, free_text: str) -> list[_Entry]:
        """The words worth scoring for a picture read as ``free_text``: all, or the 256 nearest by edits."""
        if len(self.entries) <= SCORED_IN_FULL:
            return self.entries
        nearest = process.extract(
            free_text, self._folded, scorer=Levenshtein.distance, processor=None, limit=SCORED_IN_FULL
        )
        return [self.entries[index] for _, _, index in nearest]

    @staticmethod
    def match(free_text: str, entry: _Entry) -> LexiconMatch:
        """How far ``entry`` is from ``free_text``."""
        return LexiconMatch(free_text=free_text, distance=Levenshtein.distance(free_text, entry.folded))
