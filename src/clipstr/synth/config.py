"""What the renderer draws, and how large."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clipstr.charset import ALPHABETS, Charset
from clipstr.errors import InputError

__all__ = ["Sample", "SynthConfig"]


@dataclass(frozen=True, kw_only=True)
class SynthConfig:
    """The words' alphabet and length, the pictures' size, and the shares of the kinds of words.

    Shares need not add up to 1. Raises `InputError` for sizes that cannot be drawn.
    """

    characters: str = ALPHABETS["36"]
    max_length: int = 25  # characters of the longest word
    height: int = 32  # pixels
    width: int = 128  # pixels
    dictionary: float = 0.38  # share of words of the word list, all alike likely
    common: float = 0.22  # of the words of shops, streets and signs
    numbers: float = 0.12  # of numbers, prices, times, dates
    invented: float = 0.16  # of words that could exist
    random: float = 0.12  # of strings of any characters of the alphabet

    def __post_init__(self) -> None:
        Charset(self.characters)
        if self.max_length < 1 or self.height < 8 or self.width < 8:
            raise InputError(
                f"cannot draw {self}: max_length is at least 1, height and width at least 8 pixels"
            )
        if min(self.shares) < 0 or not sum(self.shares):
            raise InputError("the shares of words are not negative, and not all 0")

    @property
    def shares(self) -> tuple[float, ...]:
        """The shares of dictionary, common, number, invented and random words."""
        return self.dictionary, self.common, self.numbers, self.invented, self.random

    @property
    def charset(self) -> Charset:
        """The alphabet."""
        return Charset(self.characters)


@dataclass(frozen=True)
class Sample:
    """One rendered word: its picture (height, width, 3) in uint8 RGB, and its text as drawn."""

    image: np.ndarray
    label: str
