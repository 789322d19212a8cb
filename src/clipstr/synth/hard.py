"""Hard texts: what readers that know words by heart get wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

__all__ = ["HARD", "HardTexts"]

Chance = np.random.Generator

INSIDE = "-./&+_@:'|~*,"  # punctuation that stands inside words
LONG = (15, 25)  # characters of long texts
TRIES = 30  # words that are looked at for a rare letter


class HardTexts:
    """Makes them of ``word``'s words and of the alphabet's ``letters``, up to ``longest`` characters.

    ``random`` makes a string of any letters.
    """

    def __init__(
        self,
        word: Callable[[Chance], str],
        random: Callable[[Chance], str],
        letters: Sequence[str],
        longest: int,
    ) -> None:
        self._word, self._any, self.longest = word, random, longest
        self.letters = list(letters)
        self.signs = [letter for letter in letters if letter.isalnum()] or self.letters
        self.digits = [letter for letter in letters if letter.isdigit()] or self.signs
        self.marks = [letter for letter in letters if letter in INSIDE]

    def truncated(self, rng: Chance) -> str:
        """A word that ends or begins too soon: at a crop's edge, behind a pole."""
        word = self._word(rng)
        if len(word) < 3:
            return word
        cut = 1 + int(rng.integers(max(len(word) // 2, 1)))
        first = cut if rng.random() < 0.5 else 0
        rest = word[first:] if first else word[:-cut]
        return rest[1:] if len(rest) > 3 and rng.random() < 0.15 else rest

    def phrases(self, rng: Chance) -> str:
        """Two to four words with spaces between."""
        return self._joined(rng, " ", int(rng.integers(2, 5)))

    def repeated(self, rng: Chance) -> str:
        """Letters that stand several times in a row, as in 1000000, coooool, 00110011."""
        form = int(rng.integers(5))
        if form == 0:
            return _one(rng, self.signs) * int(rng.integers(2, 1 + min(12, max(self.longest, 2))))
        if form == 1:
            two = _one(rng, self.signs) + _one(rng, self.signs)
            return two * int(rng.integers(2, 7))
        if form == 2:
            few = [_one(rng, self.digits) for _ in range(2)]
            return "".join(_one(rng, few) for _ in range(int(rng.integers(4, 17))))
        if form == 3:
            lead = _one(rng, self.digits) * int(rng.integers(1, 3))
            return lead + _one(rng, self.digits) * int(rng.integers(2, 10))
        word = self._word(rng)
        place = int(rng.integers(len(word)))
        return word[:place] + word[place] * int(rng.integers(2, 6)) + word[place + 1 :]

    def long(self, rng: Chance) -> str:
        """Words run together, or a code, of 15 to 25 characters."""
        wanted = min(int(rng.integers(LONG[0], LONG[1] + 1)), self.longest)
        if rng.random() < 0.4:
            pool = self.digits if rng.random() < 0.5 else self.signs
            return "".join(_one(rng, pool) for _ in range(wanted))
        text = ""
        while len(text) < wanted:
            text += self._word(rng) or self._any(rng)
        return text[:wanted]

    def mixed(self, rng: Chance) -> str:
        """A word whose letters are large or small by chance."""
        flips = self._word(rng)
        return "".join(c.upper() if rng.random() < 0.5 else c.lower() for c in flips)

    def punctuated(self, rng: Chance) -> str:
        """Two or three words with punctuation between them."""
        if not self.marks:
            return self._word(rng)
        return self._joined(rng, _one(rng, self.marks), int(rng.integers(2, 4)))

    def rare(self, rng: Chance) -> str:
        """A word with a letter that was drawn first, all alike likely: q and z as often as e."""
        letter = _one(rng, self.letters)
        for _ in range(TRIES):
            word = self._word(rng)
            if letter in word:
                return word
            if letter in word.upper():
                return word.upper()
            if letter in word.lower():
                return word.lower()
        text = self._any(rng)
        place = int(rng.integers(len(text)))
        return text[:place] + letter + text[place + 1 :]

    def codes(self, rng: Chance) -> str:
        """Long codes: card numbers, serial numbers, 10 to 20 characters."""
        pool = self.digits if rng.random() < 0.5 else self.signs
        return "".join(_one(rng, pool) for _ in range(int(rng.integers(10, 21))))

    def _joined(self, rng: Chance, between: str, count: int) -> str:
        words = [self._word(rng) for _ in range(count)]
        while len(words) > 1 and len(between.join(words)) > self.longest:
            words.pop()
        return between.join(words)


HARD = ("truncated", "phrases", "repeated", "long", "mixed", "punctuated", "rare")
"""The kinds that have shares of their own."""


def _one(rng: Chance, choices: Sequence[str]) -> str:
    return choices[int(rng.integers(len(choices)))]
