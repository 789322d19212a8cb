"""Pictures that stand in two data sets, or twice in one, also when they were stored anew in between.

Whoever trains on a picture that is tested on reports a score that means nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

__all__ = ["Duplicate", "Fingerprint", "duplicates", "fingerprint"]

_THUMBNAIL = (20, 8)  # width and height of what pictures are compared by: what small crops hold when halved
_ALIKE = 0.965  # correlation of thumbnails from which two pictures are the same: docs/data.md has the shares
_FLAT = 3.0  # levels of standard deviation below which there is nothing to compare
_BLOCK = 4096  # pictures compared at a time with as many others


@dataclass(frozen=True)
class Fingerprint:
    """What a picture is known by."""

    place: tuple[str, int]  # data set, and number there
    label: str
    exact: bytes  # of its pixels
    thumbnail: np.ndarray | None  # normalised grey levels, flat; None for a picture of one level


@dataclass(frozen=True)
class Duplicate:
    """Two samples with the same picture: the same pixels, or nearly."""

    first: Fingerprint
    second: Fingerprint
    kind: Literal["same", "near"]

    @property
    def same_label(self) -> bool:
        """Whether both are labelled alike, case aside."""
        return self.first.label.lower() == self.second.label.lower()


def fingerprint(picture: Image.Image, place: tuple[str, int], label: str) -> Fingerprint:
    """What the RGB ``picture``, sample ``place`` with its ``label``, is known by."""
    exact = hashlib.sha256(repr(picture.size).encode() + picture.tobytes()).digest()
    # A smooth filter: enlarged by boxes, a small crop and its half differ by where their pixels end.
    small = picture.convert("L").resize(_THUMBNAIL, Image.Resampling.LANCZOS)
    levels = np.asarray(small, np.float32).ravel()
    spread = float(levels.std())
    thumbnail = None
    if spread >= _FLAT:
        normalised = (levels - levels.mean()) / (spread * np.sqrt(levels.size))
        thumbnail = normalised.astype(np.float16)
    return Fingerprint(place, label, exact, thumbnail)


def duplicates(first: Sequence[Fingerprint], second: Sequence[Fingerprint] | None = None) -> list[Duplicate]:
    """The pairs of ``first`` and ``second`` that show the same picture, or those within ``first``.

    They are the same if their pixels are equal, and nearly the same if their thumbnails correlate by 0.965
    or more: copies that were resized, compressed anew or lit otherwise, not those that were cut otherwise.
    Everyone is compared with everyone, by products of matrices: 100,000 with 100,000 take about a minute on
    one core.
    """
    others = first if second is None else second
    pairs = dict.fromkeys(_equal(first, others), "same") if first and others else {}
    for pair in _correlated(first, others):
        pairs.setdefault(pair, "near")
    return [
        Duplicate(first[a], others[b], "same" if pairs[a, b] == "same" else "near")
        for a, b in sorted(pairs)
        if second is not None or a < b
    ]


def _equal(first: Sequence[Fingerprint], second: Sequence[Fingerprint]) -> Iterator[tuple[int, int]]:
    """Pairs of numbers of pictures with equal pixels."""
    places: dict[bytes, list[int]] = {}
    for number, known in enumerate(second):
        places.setdefault(known.exact, []).append(number)
    for number, known in enumerate(first):
        for other in places.get(known.exact, ()):
            yield number, other


def _correlated(first: Sequence[Fingerprint], second: Sequence[Fingerprint]) -> Iterator[tuple[int, int]]:
    """Pairs of numbers of pictures whose thumbnails correlate."""
    mine, theirs = _thumbnails(first), _thumbnails(second)
    for start in range(0, len(mine), _BLOCK):
        block = mine[start : start + _BLOCK].astype(np.float32)
        for other in range(0, len(theirs), _BLOCK):
            alike = block @ theirs[other : other + _BLOCK].astype(np.float32).T >= _ALIKE
            for a, b in np.argwhere(alike):
                yield start + int(a), other + int(b)


def _thumbnails(prints: Sequence[Fingerprint]) -> np.ndarray:
    """The thumbnails (pictures, levels) in float16; zeros, which correlate with nothing, for blank ones."""
    blank = np.zeros(_THUMBNAIL[0] * _THUMBNAIL[1], np.float16)
    rows = [blank if known.thumbnail is None else known.thumbnail for known in prints]
    return np.stack(rows) if rows else blank[None, :][:0]
