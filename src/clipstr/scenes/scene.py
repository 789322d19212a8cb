"""What is read in a whole photograph: its lines in reading order, their words, and where they stand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from clipstr.reading import CharacterReading

__all__ = ["Line", "Outline", "Scene", "Word", "bounds", "plain_scene"]

Outline = tuple[tuple[float, float], ...]
"""Corners (x, y) in pixels of the picture as a person sees it, from the text's own upper left on, first
along its upper edge and then back along its lower one: four of straight text, more of curved."""


@dataclass(frozen=True)
class Word:
    """One word: its text, where it stands, and the reader's probability of exactly this text (0 to 1).

    Of a long word that was read in pieces it is the confidence of the least sure one. ``characters`` is empty
    where the word was found and not read. ``legible`` is how likely it is that there is something to be read.
    """

    text: str
    polygon: Outline
    confidence: float
    characters: tuple[CharacterReading, ...] = ()
    legible: float = 1.0


@dataclass(frozen=True)
class Line:
    """Words that follow each other on one line. Lines of the same ``paragraph`` belong together."""

    words: tuple[Word, ...]
    polygon: Outline
    paragraph: int = 0  # counted from 0 in reading order

    @property
    def text(self) -> str:
        """The words with a space between each two."""
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True)
class Scene:
    """A photograph of ``width`` by ``height`` pixels and its lines in reading order."""

    width: int
    height: int
    lines: tuple[Line, ...]

    @property
    def words(self) -> tuple[Word, ...]:
        """All words in reading order."""
        return tuple(word for line in self.lines for word in line.words)

    @property
    def paragraphs(self) -> tuple[tuple[Line, ...], ...]:
        """The lines of each paragraph, in reading order."""
        return tuple(tuple(lines) for _, lines in groupby(self.lines, key=lambda line: line.paragraph))

    @property
    def text(self) -> str:
        """A line of text for each line, and an empty one between paragraphs."""
        return "\n\n".join("\n".join(line.text for line in lines) for lines in self.paragraphs)


def bounds(polygon: Iterable[tuple[float, float]]) -> tuple[float, float, float, float]:
    """The left, top, right and bottom of the upright box around ``polygon``."""
    across, down = zip(*polygon, strict=True)
    return min(across), min(down), max(across), max(down)


def plain_scene(scene: Scene) -> dict[str, Any]:
    """``scene`` as plain values for `json.dumps`; pixels with two decimals, shares with six."""
    return {
        "width": scene.width,
        "height": scene.height,
        "lines": [
            {
                "text": line.text,
                "polygon": _plain(line.polygon),
                "paragraph": line.paragraph,
                "words": [_plain_word(word) for word in line.words],
            }
            for line in scene.lines
        ],
    }


def _plain_word(word: Word) -> dict[str, Any]:
    return {
        "text": word.text,
        "confidence": round(word.confidence, 6),
        "legible": round(word.legible, 6),
        "polygon": _plain(word.polygon),
        "characters": [
            {"text": character.text, "confidence": round(character.confidence, 6)}
            for character in word.characters
        ],
    }


def _plain(polygon: Outline) -> list[list[float]]:
    return [[round(x, 2), round(y, 2)] for x, y in polygon]
