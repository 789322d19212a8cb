"""Words with letters and signs beyond ASCII, rare ones as often as frequent ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import numpy as np

from clipstr.charset import plain_letters

__all__ = ["MarkedWords"]

Chance = np.random.Generator
T = TypeVar("T")

TRIES = 30  # words that are looked at for a letter that can take the mark
_CURRENCIES, _MARKS, _PAIRS = "€£¥¢", "©®™", {"¡": "!", "¿": "?", "«": "»", "»": "«"}


class MarkedWords:
    """Makes them of real words and of words that had none.

    ``known`` are words with marks, ``endings`` makes one that is spelled as such words are, ``word`` draws
    any word and ``number`` any number; ``cased`` writes a word as signs do. ``letters`` and ``signs`` are
    what there is beyond ASCII.
    """

    def __init__(
        self,
        known: Iterable[str],
        letters: Sequence[str],
        signs: Sequence[str],
        *,
        invented: Callable[[Chance], str],
        word: Callable[[Chance], str],
        number: Callable[[Chance], str],
        cased: Callable[[str, Chance], str],
    ) -> None:
        self.letters, self.signs = list(letters), list(signs)
        self._invented, self._word, self._number, self._cased = invented, word, number, cased
        holding: defaultdict[str, list[str]] = defaultdict(list)
        for known_word in known:
            for letter in sorted(set(known_word.lower()) & set(self.letters)):
                holding[letter].append(known_word)
        self._holding = list(holding.values())

    def __bool__(self) -> bool:
        """Whether there is anything beyond ASCII to write."""
        return bool(self.letters or self.signs)

    def __call__(self, rng: Chance) -> str:
        """One of four kinds: a real word, one as real ones are spelled, a changed one, one with a sign."""
        chance = rng.random()
        if self.signs and (chance < 0.12 or not self.letters):
            return self._signed(rng)
        if self._holding and chance < 0.42:
            return self._cased(_one(rng, _one(rng, self._holding)), rng)
        if self._holding and chance < 0.55:
            return self._cased(self._invented(rng), rng)
        return self._changed(rng)

    def _changed(self, rng: Chance) -> str:
        """A word in which one letter, or two, got marks: each letter of the alphabet alike likely."""
        word = self._marked(self._word(rng), _one(rng, self.letters), rng)
        if rng.random() < 0.35:
            return self._marked(word, _one(rng, self.letters), rng, tries=1)
        return word

    def _marked(self, word: str, letter: str, rng: Chance, tries: int = TRIES) -> str:
        """``word``, or another one, with ``letter`` in the place of one that looks like it."""
        plain = (plain_letters(letter) or [letter])[0]
        for _ in range(tries):
            for written in (word, word.upper() if letter.isupper() else word.lower()):
                places = [place for place, other in enumerate(written) if other == plain]
                if places:
                    place = _one(rng, places)
                    return written[:place] + letter + written[place + 1 :]
            if tries > 1:
                word = self._word(rng)
        return word

    def _signed(self, rng: Chance) -> str:
        """A word or a number with a sign where people write it."""
        sign = _one(rng, self.signs)
        if sign in _CURRENCIES:
            amount = self._number(rng).lstrip("$" + _CURRENCIES)
            return sign + amount if rng.random() < 0.5 else amount + sign
        if sign == "°":
            return str(int(rng.integers(0, 400))) + sign + _one(rng, ["", "", "C", "F", "C", "N", "W"])
        if sign == "§":
            return sign + str(int(rng.integers(1, 400)))
        word = self._cased(self._word(rng), rng)
        if sign in _PAIRS:
            return sign + word + _PAIRS[sign] if rng.random() < 0.7 else sign + word
        if sign == "·":
            return word + sign + self._cased(self._word(rng), rng)
        if sign in _MARKS:
            return (sign + word) if sign == "©" and rng.random() < 0.6 else word + sign
        return _one(rng, [sign + word, word + sign])


def _one(rng: Chance, choices: Sequence[T]) -> T:
    return choices[int(rng.integers(len(choices)))]
