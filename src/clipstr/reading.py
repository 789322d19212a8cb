"""What a reader says of one picture, and what every reader can do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from PIL import Image

__all__ = ["Candidate", "CharacterReading", "Match", "Reading", "WordReader", "candidate_of"]


@dataclass(frozen=True)
class CharacterReading:
    """One character and the model's probability for it, given the characters before it (0 to 1)."""

    text: str
    confidence: float


@dataclass(frozen=True)
class Match:
    """What is read without the lexicon or the limit to some characters, and how far the text is from it."""

    free_text: str
    distance: int  # Levenshtein, in characters
    free_confidence: float  # the model's probability of the free text

    @classmethod
    def of(cls, free_text: str, free_confidence: float, chosen: str) -> Match:
        """The match of the text ``chosen`` within a limit with what is read without it."""
        # Who reads without limits, as most do, shows a first word sooner without these modules.
        from rapidfuzz.distance import Levenshtein

        return cls(free_text, Levenshtein.distance(free_text, chosen), free_confidence)


@dataclass(frozen=True)
class Candidate:
    """A text that may stand in the picture, its probability (0 to 1), and those of its characters."""

    text: str
    confidence: float
    characters: tuple[CharacterReading, ...] = ()


@dataclass(frozen=True)
class Reading:
    """One word as read.

    ``confidence`` is the product of the characters' probabilities and that of the text ending
    where it does: the model's own probability of exactly this text, so that one doubtful letter shows. Of
    several ``looks`` at a picture it is that of the surest. If the model's config has a calibration, all
    probabilities are bent by it, so that of texts with a confidence of 0.9 nine in ten are right. A limit to
    some characters or words makes no text likelier: ``match`` is there if there was one. ``candidates``, if
    they were asked for, are the likeliest texts, this one first. ``legible`` is the probability that there is
    something to be read at all, whatever it says: that of the
    text not ending before its first character, at the middle one of all looks. It is 1 of readers that do not
    say.
    """

    text: str
    confidence: float
    characters: tuple[CharacterReading, ...] = ()
    match: Match | None = None
    looks: int = 1  # at the picture, on which it was agreed
    candidates: tuple[Candidate, ...] = ()
    legible: float = 1.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON: text, confidence, legible, characters and, if there was a limit, the match;
        the candidates, if they were asked for."""
        values: dict[str, Any] = {"text": self.text, "confidence": round(self.confidence, 6)}
        values["legible"] = round(self.legible, 6)
        values["characters"] = [
            {"text": character.text, "confidence": round(character.confidence, 6)}
            for character in self.characters
        ]
        if self.match is not None:
            values["match"] = {
                "free_text": self.match.free_text,
                "distance": self.match.distance,
                "free_confidence": round(self.match.free_confidence, 6),
            }
        if self.candidates:
            values["candidates"] = [
                {"text": candidate.text, "confidence": round(candidate.confidence, 6)}
                for candidate in self.candidates
            ]
        return values


def candidate_of(reading: Reading) -> Candidate:
    """``reading`` as one of several candidates."""
    return Candidate(reading.text, reading.confidence, reading.characters)


class WordReader(Protocol):
    """Anything that reads word pictures: ours, or another engine behind the same face."""

    @property
    def name(self) -> str:
        """A short name for tables."""

    def read_images(self, images: Iterable[Image.Image | np.ndarray]) -> list[Reading]:
        """One reading per picture, in order."""
