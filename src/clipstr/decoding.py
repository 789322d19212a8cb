"""Between logits and text: probabilities, allowed characters, whole readings, word lists."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz.distance import Levenshtein

from clipstr.charset import Charset
from clipstr.errors import CharsetError, LexiconError
from clipstr.reading import CharacterReading, LexiconMatch, Reading

__all__ = ["Choice", "Lexicon", "allowed_classes", "assemble", "probabilities", "reading_of"]

AT_ONCE = 8
"""How many beginnings of words are looked into together: more waste work, fewer waste calls."""


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


@dataclass(frozen=True)
class Choice:
    """A word of a lexicon and the model's probabilities of it."""

    spelling: str  # as the list has it
    folded: str  # as the alphabet writes it
    chances: tuple[float, ...]  # of each character after those before it, and of the end after them all

    def reading(self, free_text: str) -> Reading:
        """The choice as a reading; ``free_text`` is what was read without the lexicon."""
        match = LexiconMatch(free_text, Levenshtein.distance(free_text, self.folded))
        folded = reading_of(self.folded, self.chances[:-1], self.chances[-1])
        return Reading(self.spelling, folded.confidence, folded.characters, match)


class Lexicon:
    """A list of words to choose from, folded into an alphabet.

    In an alphabet of both cases a word is found as it is spelled, in small letters, in capitals, and with a
    first capital, unless the list has that as a word of its own. Words that fold to nothing, to more than
    ``max_length`` characters, or to characters that are not ``allowed`` are left out and counted in
    ``skipped``; of several spellings of one folded word the first stays. Raises `LexiconError` if no word
    remains.
    """

    def __init__(
        self, words: Iterable[str], charset: Charset, max_length: int, allowed: np.ndarray | None = None
    ) -> None:
        readable = {c for n, c in enumerate(charset.characters, 1) if allowed is None or allowed[n]}
        spellings: dict[str, str] = {}  # by how it may stand in a picture
        self.skipped = 0
        for word in words:
            spelling = word.strip()
            folded = charset.fold(spelling)
            if 0 < len(folded) <= max_length and readable.issuperset(folded):
                spellings.setdefault(folded, spelling)
            else:
                self.skipped += bool(spelling)
        if not spellings:
            raise LexiconError(
                f"the word list leaves nothing to choose from: {self.skipped} words, none of them of 1 to "
                f"{max_length} characters that may be read"
            )
        self._count = len(spellings)
        if not charset.single_case:
            for folded, spelling in list(spellings.items()):
                for form in (folded.lower(), folded.upper(), folded.capitalize()):
                    if len(form) <= max_length and readable.issuperset(form):
                        spellings.setdefault(form, spelling)
        # In order, so that words with the same beginning stand together.
        self.folded = sorted(spellings)
        self.spellings = [spellings[folded] for folded in self.folded]
        self._ids = np.full((len(self.folded), max_length + 1), charset.end, np.int64)
        for row, folded in zip(self._ids, self.folded, strict=True):
            row[: len(folded)] = charset.encode(folded)
        self._end = charset.end

    def __len__(self) -> int:
        return self._count

    def best(self, chances_after: Callable[[list[np.ndarray]], np.ndarray]) -> Choice:
        """The word to which the model gives the highest probability, its end included.

        ``chances_after`` takes beginnings of words, each an array of ids, and gives the probabilities of
        what comes next, (beginnings, num_classes). Beginnings are looked into from the likeliest on, and
        none that is less likely than a whole word already found: a text never becomes likelier by growing,
        so no better word is missed, and few of a long list are looked at.
        """
        best, found = -np.inf, Choice("", "", ())
        # The log-probability of a beginning, negated for the heap; the words that begin so; its chances.
        waiting: list[tuple[float, int, int, tuple[float, ...]]] = [(0.0, 0, len(self.folded), ())]
        while waiting and (not found.folded or -waiting[0][0] > best):
            taken = [heapq.heappop(waiting) for _ in range(min(AT_ONCE, len(waiting)))]
            following = chances_after([self._ids[first, : len(past)] for _, first, _, past in taken])
            for (cost, first, stop, past), row in zip(taken, following, strict=True):
                for id_, low, high in _runs(self._ids[first:stop, len(past)]):
                    chance = float(row[id_])
                    score = np.log(max(chance, np.finfo(np.float64).tiny)) - cost
                    if found.folded and score <= best:
                        continue
                    if id_ == self._end:
                        at = first + low
                        best, found = score, Choice(self.spellings[at], self.folded[at], (*past, chance))
                    else:
                        heapq.heappush(waiting, (-score, first + low, first + high, (*past, chance)))
        return found


def _runs(ids: np.ndarray) -> list[tuple[int, int, int]]:
    """Each run of equal ``ids`` as (id, first, stop)."""
    starts = [0, *(np.flatnonzero(np.diff(ids)) + 1).tolist()]
    return [(int(ids[a]), a, b) for a, b in zip(starts, [*starts[1:], len(ids)], strict=True)]
