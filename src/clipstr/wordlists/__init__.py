"""Word lists of our own making, and those of the machine and of the user."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from clipstr.errors import DataError
from clipstr.files import read_text, text_lines

__all__ = [
    "LANGUAGES",
    "WordList",
    "known_spellings",
    "known_words",
    "load_words",
    "our_list",
    "skeleton",
    "spelling",
    "system_list",
]

LANGUAGES = (
    "german",
    "french",
    "spanish",
    "italian",
    "portuguese",
    "dutch",
    "polish",
    "swedish",
    "turkish",
    "czech",
    "indonesian",
    "vietnamese",
)

SYSTEM_LISTS = (
    "/usr/share/dict/american-english-large",
    "/usr/share/dict/british-english-large",
    "/usr/share/dict/words",
    "/usr/share/dict/american-english",
)


@dataclass(frozen=True)
class WordList:
    """Words, and how often each is drawn beside the others."""

    words: tuple[str, ...]
    weights: tuple[float, ...]

    @classmethod
    def ranked(cls, words: Sequence[str], *, slope: float = 0.0, head: int = 20) -> WordList:
        """``words`` from the most to the least frequent: the weight of number n is (n + head) ** -slope."""
        weights = (np.arange(len(words)) + float(head)) ** -slope
        return cls(tuple(words), tuple(weights.tolist()))

    def __add__(self, other: WordList) -> WordList:
        return WordList(self.words + other.words, self.weights + other.weights)


@lru_cache(maxsize=32)
def our_list(name: str) -> tuple[str, ...]:
    """The words of the list ``name`` that comes with the package, the most frequent first."""
    return tuple((files(__package__) / f"{name}.txt").read_text(encoding="utf-8").split())


_UNMARKED = str.maketrans(dict(zip("øłđðħıŧ", "olddhit", strict=True)) | {"æ": "ae", "œ": "oe"})


def skeleton(text: str) -> str:
    """The letters and digits of ``text``, small and without marks: what a word is known by."""
    bare = unicodedata.normalize("NFKD", text).casefold().translate(_UNMARKED)
    return "".join(character for character in bare if character.isalnum())


def spelling(text: str) -> str:
    """The letters and digits of ``text``, small and with their marks."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFC", text).casefold()))


@lru_cache(maxsize=1)
def known_words() -> frozenset[str]:
    """The `skeleton` of every word of two letters and more of all our lists."""
    return frozenset(bare for bare in map(skeleton, _all_words()) if len(bare) > 1)


@lru_cache(maxsize=1)
def known_spellings() -> frozenset[str]:
    """The `spelling` of every word of two letters and more of all our lists that has marks."""
    spelled = (spelling(word) for word in _all_words() if not word.isascii())
    return frozenset(word for word in spelled if len(word) > 1)


def _all_words() -> list[str]:
    lists = sorted(entry.name for entry in files(__package__).iterdir() if entry.name.endswith(".txt"))
    return [word for name in lists for word in our_list(name.removesuffix(".txt"))]


@lru_cache(maxsize=1)
def system_list() -> WordList:
    """The machine's own list of words, all alike likely, or an empty one where it has none."""
    found = [Path(name) for name in SYSTEM_LISTS if Path(name).is_file()]
    return load_words(found[0]) if found else WordList((), ())


@lru_cache(maxsize=4)
def load_words(path: Path) -> WordList:
    """The words of the list ``path``, one a line, alike likely or as often as a number behind a tab says.

    Raises `DataError` if ``path`` cannot be read, is empty, or has a line with a wrong number.
    """
    lines = text_lines(read_text(path, error=DataError))
    weights: dict[str, float] = {}
    for number, line in enumerate(lines, start=1):
        word, tab, weight = line.strip().partition("\t")
        if word:
            weights[word.strip()] = _weight(weight, f"{path}, line {number}") if tab else 1.0
    if not weights:
        raise DataError(f"{path}: the word list is empty")
    return WordList(tuple(weights), tuple(weights.values()))


def _weight(text: str, where: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = -1.0
    if not 0 < weight < float("inf"):
        raise DataError(f"{where}: {text!r} says how often the word is drawn; it must be a number above 0")
    return weight
