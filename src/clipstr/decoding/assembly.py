"""From logits to readings: probabilities, and texts with the probability of each character."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from clipstr.charset import Charset
from clipstr.reading import CharacterReading, Match, Reading

__all__ = ["assemble", "chosen", "probabilities", "reading_of"]


def probabilities(logits: np.ndarray) -> np.ndarray:
    """``logits`` (..., num_classes) as probabilities among all classes."""
    grown = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(grown / grown.sum(-1, keepdims=True))


def chosen(logits: np.ndarray, charset: Charset, allowed: np.ndarray | None = None) -> list[int]:
    """The ids of the text that greedy ``logits`` (positions, num_classes) spell, its end included.

    Of each position it is the likeliest of the ``allowed`` classes, up to the first end.
    """
    # No word is longer than all but the last position, where only the end remains.
    within = logits[:-1] if allowed is None else np.where(allowed, logits[:-1], -np.inf)
    ids: list[int] = [*within.argmax(-1).tolist(), charset.end]
    return ids[: 1 + ids.index(charset.end)]


def assemble(logits: np.ndarray, charset: Charset, allowed: np.ndarray | None = None) -> Reading:
    """The reading that greedy ``logits`` (positions, num_classes) spell with the ``allowed`` classes.

    It is as legible as it is likely that the text does not end before its first character. Its probabilities
    are the model's own, among all classes: that others were not allowed makes no text likelier.
    """
    ids = chosen(logits, charset, allowed)
    classes = probabilities(logits[: len(ids)])
    chances = classes[np.arange(len(ids)), ids].tolist()
    reading = reading_of(charset.decode(ids), chances[:-1], chances[-1])
    return replace(reading, legible=1.0 - float(classes[0, charset.end]))


def reading_of(text: str, chances: Sequence[float], end: float, match: Match | None = None) -> Reading:
    """The reading of ``text`` whose characters have the probabilities ``chances``, and its ending ``end``."""
    characters = tuple(CharacterReading(c, p) for c, p in zip(text, chances, strict=True))
    confidence = float(np.prod([*chances, end]))
    return Reading(text=text, confidence=confidence, characters=characters, match=match)
