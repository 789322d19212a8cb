"""Lexicons: lists of words of which the model's likeliest is read."""

from __future__ import annotations

import heapq
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from clipstr.arguments import several
from clipstr.charset import Charset, normal_form
from clipstr.decoding.assembly import probabilities, reading_of
from clipstr.decoding.scorer import Memory
from clipstr.errors import LexiconError
from clipstr.form import WordForm
from clipstr.reading import Match, Reading, candidate_of

__all__ = ["Choice", "Lexicon"]

_AT_ONCE = 8
"""How many beginnings of words are looked into together: more waste work, fewer waste calls."""

_MEANING = frozenset("%&@#*§‰†‡")
"""Signs that Unicode calls punctuation, and that a word is not the same without."""


@dataclass(frozen=True)
class Choice:
    """A word of a lexicon and the model's probabilities of it."""

    spelling: str  # as the list has it
    folded: str  # as the alphabet writes it
    chances: tuple[float, ...]  # of each character after those before it, and of the end after them all

    def reading(self, free: Reading) -> Reading:
        """The choice as a reading; ``free`` is what was read without the lexicon."""
        match = Match.of(free.text, free.confidence, self.folded)
        folded = reading_of(self.folded, self.chances[:-1], self.chances[-1])
        return replace(folded, text=self.spelling, match=match, legible=free.legible)


class Lexicon:
    """A list of words to choose from, folded into an alphabet.

    In an alphabet of both cases a word is found as it is spelled, in small letters, in capitals, and with a
    first capital, unless the list has that as a word of its own. Words that fold to nothing, to more than the
    longest word, or to characters that are not ``allowed``, and words that lose more than punctuation to the
    alphabet, are left out and counted in ``skipped``; ``lacking`` counts the words that lacked a character by
    it. Of several spellings of one folded word the first stays. Raises `LexiconError` if no word remains, and
    `InputError` if ``words`` are not words.
    """

    def __init__(self, words: Iterable[str], form: WordForm, allowed: np.ndarray | None = None) -> None:
        charset, self._longest = form.charset, form.max_length
        self._readable = {c for n, c in enumerate(charset.characters, 1) if allowed is None or allowed[n]}
        self.skipped = 0
        self.lacking: Counter[str] = Counter()
        spellings = self._folded(several(words, "lexicon", meaning="words"), charset)
        if not spellings:
            raise LexiconError(
                f"the word list leaves nothing to choose from: {self.skipped} words, none of them of 1 to "
                f"{self._longest} characters that may be read{self._lacking_told()}"
            )
        self._count = len(spellings)
        if not charset.single_case:
            for folded, spelling in list(spellings.items()):
                for other in (folded.lower(), folded.upper(), folded.capitalize()):
                    if self._can_be_read(other):
                        spellings.setdefault(other, spelling)
        # In order, so that words with the same beginning stand together.
        self.folded = sorted(spellings)
        self.spellings = [spellings[folded] for folded in self.folded]
        self._ids = np.full((len(self.folded), self._longest + 1), charset.end, np.int64)
        for row, folded in zip(self._ids, self.folded, strict=True):
            row[: len(folded)] = charset.encode(folded)
        self._charset = charset

    def _folded(self, words: Iterable[str], charset: Charset) -> dict[str, str]:
        """The words as they may stand in a picture, with their spellings."""
        spellings: dict[str, str] = {}
        for word in words:
            spelling = normal_form(word.strip())
            written = charset.written(spelling)
            missing = [c for c in written.lost if not _may_be_missing(c)] + list(written.parted)
            if not missing and self._can_be_read(written.text):
                spellings.setdefault(written.text, spelling)
            else:
                self.skipped += bool(spelling)
                self.lacking.update(missing)
        return spellings

    def _can_be_read(self, folded: str) -> bool:
        return 0 < len(folded) <= self._longest and self._readable.issuperset(folded)

    def _lacking_told(self) -> str:
        if not self.lacking:
            return ""
        return f"; the alphabet lacks {' '.join(c for c, _ in self.lacking.most_common(12))}"

    @property
    def note(self) -> str:
        """What a person should know of the words that are left out; nothing if none are."""
        if not self.skipped:
            return ""
        return (
            f"{self.skipped} words of the lexicon cannot be read and are left out: {len(self)} remain"
            f"{self._lacking_told()}"
        )

    def __len__(self) -> int:
        return self._count

    def choose(self, memory: Memory, free: Reading, count: int = 1) -> Reading:
        """The likeliest word for the one picture in ``memory``, which was read as ``free``.

        Its probabilities are the model's own, among all characters. If ``count`` is above 1 it has so many
        candidates, if there are as many words.
        """
        repeated = memory.rows([0] * _AT_ONCE)

        def chances_after(beginnings: list[np.ndarray]) -> np.ndarray:
            lengths = np.array([len(ids) for ids in beginnings], np.int64)
            told = np.full((len(beginnings), 1 + lengths.max()), self._charset.padding, np.int64)
            told[:, 0] = self._charset.begin
            for row, ids in zip(told, beginnings, strict=True):
                row[1 : 1 + len(ids)] = ids
            # One position for each row is wanted; what stands behind a position does not change it.
            positions, which = np.unique(lengths, return_inverse=True)
            logits = repeated.rows(slice(len(beginnings))).logits(told, positions)
            return probabilities(logits[np.arange(len(beginnings)), which].astype(np.float64))

        found = self.best(chances_after, count)
        readings = [choice.reading(free) for choice in found]
        candidates = tuple(candidate_of(one) for one in readings)
        return replace(readings[0], candidates=candidates if count > 1 else ())

    def best(self, chances_after: Callable[[list[np.ndarray]], np.ndarray], count: int = 1) -> list[Choice]:
        """The ``count`` words to which the model gives the highest probabilities, their ends included.

        The likeliest comes first. Of the ways to write a word (in capitals or not) the likeliest counts.

        ``chances_after`` takes beginnings of words, each an array of ids, and gives the probabilities of
        what comes next, (beginnings, num_classes). Beginnings are looked into from the likeliest on, and
        none that is less likely than ``count`` whole words already found: a text never becomes likelier by
        growing, so no better word is missed, and few of a long list are looked at.
        """
        found: dict[str, tuple[float, Choice]] = {}  # by their spelling

        def least() -> float:
            return min(score for score, _ in found.values()) if len(found) == count else -np.inf

        # The log-probability of a beginning, negated for the heap; the words that begin so; its chances.
        waiting: list[tuple[float, int, int, tuple[float, ...]]] = [(0.0, 0, len(self.folded), ())]
        while waiting and (len(found) < count or -waiting[0][0] > least()):
            taken = [heapq.heappop(waiting) for _ in range(min(_AT_ONCE, len(waiting)))]
            following = chances_after([self._ids[first, : len(past)] for _, first, _, past in taken])
            for (cost, first, stop, past), row in zip(taken, following, strict=True):
                for id_, low, high in _runs(self._ids[first:stop, len(past)]):
                    chance = float(row[id_])
                    score = np.log(max(chance, np.finfo(np.float64).tiny)) - cost
                    if len(found) == count and score <= least():
                        continue
                    if id_ == self._charset.end:
                        at = first + low
                        choice = Choice(self.spellings[at], self.folded[at], (*past, chance))
                        _keep(found, score, choice, count)
                    else:
                        heapq.heappush(waiting, (-score, first + low, first + high, (*past, chance)))
        return [choice for _, choice in sorted(found.values(), key=lambda pair: -pair[0])]


def _keep(found: dict[str, tuple[float, Choice]], score: float, choice: Choice, count: int) -> None:
    """Puts ``choice`` into ``found`` if it is one of the ``count`` best by their scores."""
    if choice.spelling in found and found[choice.spelling][0] >= score:
        return
    found[choice.spelling] = (score, choice)
    if len(found) > count:
        del found[min(found, key=lambda spelling: found[spelling][0])]


def _runs(ids: np.ndarray) -> list[tuple[int, int, int]]:
    """Each run of equal ``ids`` as (id, first, stop)."""
    starts = [0, *(np.flatnonzero(np.diff(ids)) + 1).tolist()]
    return [(int(ids[a]), a, b) for a, b in zip(starts, [*starts[1:], len(ids)], strict=True)]


def _may_be_missing(character: str) -> bool:
    """Whether a word is the same word where an alphabet lacks ``character``: don't and dont, not £5 and 5."""
    return unicodedata.category(character).startswith("P") and character not in _MEANING
