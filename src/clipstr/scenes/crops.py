"""From found text to crops that a word reader can read: levelled, cut into words, long words into pieces."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from PIL import Image

from clipstr.scenes.bands import Band
from clipstr.scenes.splitting import (
    HEIGHT,
    Marks,
    Splitter,
    Stretch,
    otherwise_cut,
    pieces_of,
    readable_at_once,
    words_of,
)

__all__ = ["AROUND", "STRIP", "FoundText", "WordCrop", "crops_of"]

STRIP = 48  # pixels of the strips that words are cut from
AROUND = 0.12  # of the height, that strips show more than the outline on all sides
_ROOM = 0.12  # of the height, kept on both sides of a word, but never more than half of the gap
_SLENDER = 1.5  # length over height from which text may stand on its head, or run up or down
_STACKED = 12.0  # length over height up to which letters may stand upright below each other

Room = tuple[float, float]  # before and behind a word, in shares of the line


@dataclass(frozen=True)
class WordCrop:
    """A word before it is read: where it stands, and pictures of its pieces in order, most often one.

    ``others`` are the same cut otherwise: into several words, or not into pieces.
    """

    band: Band
    pieces: tuple[Image.Image, ...]
    others: tuple[tuple[WordCrop, ...], ...] = ()


@dataclass(frozen=True)
class FoundText:
    """A piece of text in a picture and how sure the detector is of it; whether it is ``whole``: one word."""

    picture: np.ndarray
    band: Band
    confidence: float
    splitter: Splitter
    whole: bool

    @cached_property
    def level(self) -> tuple[WordCrop, ...]:
        """Its words as it most likely runs: to the right, or down."""
        return crops_of(self.picture, self.band, self.splitter, whole=self.whole)

    def otherwise(self) -> list[tuple[WordCrop, ...]]:
        """Its words as it may run too: on its head, or upwards, or letter below letter."""
        band = self.band
        if band.length < _SLENDER * band.height:
            return []
        ways = [crops_of(self.picture, band.turned(2), self.splitter, whole=self.whole)]
        if band.straight and band.steep and band.length < _STACKED * band.height:
            # Of a band that runs down, a turn with the clock begins at its upper left as people see it.
            upright = band.turned(-1)
            strip = upright.strip(self.picture, max(round(STRIP * upright.height / upright.length), STRIP))
            ways.append((WordCrop(upright, (Image.fromarray(strip),)),))
        return ways


def crops_of(picture: np.ndarray, band: Band, splitter: Splitter, *, whole: bool) -> tuple[WordCrop, ...]:
    """The words of the line in ``band`` of ``picture`` (height, width, 3); the one word if ``whole``."""
    import cv2

    wider = band.widened(AROUND)
    strip = wider.strip(picture, STRIP)
    width = max(round(strip.shape[1] * HEIGHT / STRIP), 1)
    grey = cv2.resize(cv2.cvtColor(strip, cv2.COLOR_RGB2GRAY), (width, HEIGHT), interpolation=cv2.INTER_AREA)
    marks = splitter.marks(np.asarray(grey))
    line = _Line(strip, marks, wider, band)
    if whole:
        return (line.crop(Stretch(0.0, 1.0), (0.0, 0.0)),)
    words = words_of(marks)
    return tuple(line.with_others(word, room) for word, room in zip(words, line.rooms(words), strict=True))


@dataclass(frozen=True)
class _Line:
    """The strip of a line, (height, width, 3) in uint8, its marks, its band, and the text's within it."""

    strip: np.ndarray
    marks: Marks
    wider: Band
    band: Band

    def rooms(self, words: Sequence[Stretch], ends: tuple[float, float] = (0.0, 0.0)) -> list[Room]:
        """How much more than itself is cut out before and behind each word: ``ends`` at the outer ones."""
        most = _ROOM * self.wider.height / self.wider.length
        between = [min(most, (after.start - before.stop) / 2) for before, after in itertools.pairwise(words)]
        return list(itertools.pairwise([ends[0], *between, ends[1]]))

    def crop(self, word: Stretch, room: Room, pieces: Sequence[Stretch] | None = None) -> WordCrop:
        """The crop of ``word``, in pieces that can be read if none are named."""
        parts = _widened(pieces or pieces_of(word, self.marks), room)
        return WordCrop(self._place(word), tuple(_cut(self.strip, part) for part in parts))

    def with_others(self, word: Stretch, room: Room) -> WordCrop:
        """The crop of ``word``, and what it is cut otherwise, if it can be: several words, or one piece."""
        crop, words = self.crop(word, room), otherwise_cut(word, self.marks)
        ways = []
        if len(words) > 1:
            rooms = self.rooms(words, room)
            ways.append(tuple(self.crop(part, near) for part, near in zip(words, rooms, strict=True)))
        if len(crop.pieces) > 1 and readable_at_once(word, self.marks):
            ways.append((self.crop(word, room, [word]),))
        return replace(crop, others=tuple(ways))

    def _place(self, word: Stretch) -> Band:
        """The band of ``word``: a share of the wider band as one of the band itself."""
        first, scale = AROUND * self.band.height / self.wider.length, self.wider.length / self.band.length
        return self.band.part(max((word.start - first) * scale, 0.0), min((word.stop - first) * scale, 1.0))


def _widened(pieces: Sequence[Stretch], room: Room) -> list[Stretch]:
    """``pieces`` with ``room`` before the first and behind the last."""
    starts = [pieces[0].start - room[0], *(piece.start for piece in pieces[1:])]
    stops = [*(piece.stop for piece in pieces[:-1]), pieces[-1].stop + room[1]]
    return [Stretch(start, stop) for start, stop in zip(starts, stops, strict=True)]


def _cut(strip: np.ndarray, part: Stretch) -> Image.Image:
    width = strip.shape[1]
    first = min(max(round(part.start * width), 0), width - 1)
    last = max(min(round(part.stop * width), width), first + 1)
    return Image.fromarray(np.ascontiguousarray(strip[:, first:last]))
