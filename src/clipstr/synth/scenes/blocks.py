"""Blocks of words, flat and upright: names, signs, running text, columns, lists, lines along curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import ImageFont

from clipstr.fonts import SIZE, FontFace, FontSet, draws, load_font
from clipstr.synth.letters import EDGE, Letter, inked, lettered, outline
from clipstr.synth.paths import any_curve
from clipstr.synth.words import Vocabulary

__all__ = ["KINDS", "FlatBlock", "FlatWord", "flat_block"]

SIZES = (28, 40, 56)  # pixels of an em: of the lines of a sign
SMALL = 0.75  # of a block's capitals: what a line of smaller letters has at least


@dataclass(frozen=True)
class FlatWord:
    """A word, its polygon (points, 2) in pixels of the block, and which of its lines it stands in."""

    text: str
    polygon: np.ndarray
    line: int


@dataclass(frozen=True)
class FlatBlock:
    """Ink (height, width) in uint8 and its words in reading order; its lowest capitals in pixels."""

    ink: np.ndarray
    words: tuple[FlatWord, ...]
    capital: float


@dataclass(frozen=True)
class _Piece:
    """A word to be written: with its font, from (left, base) on, in a line."""

    text: str
    font: ImageFont.FreeTypeFont
    left: float
    base: float
    line: int


def flat_block(kind: str, vocabulary: Vocabulary, fonts: FontSet, rng: np.random.Generator) -> FlatBlock:
    """A block of one of `KINDS`, its words from ``vocabulary``, in faces of ``fonts``."""
    return KINDS[kind](vocabulary, fonts, rng)


def _signed(
    vocabulary: Vocabulary, fonts: FontSet, rng: np.random.Generator, *, lines: int, most: int
) -> FlatBlock:
    """Up to ``lines`` short lines of up to ``most`` words, centred or all from the left."""
    left = rng.random() < 0.35
    pieces: list[_Piece] = []
    base, font = 0.0, None
    for line in range(int(rng.integers(1, lines + 1))):
        words = [vocabulary.text(rng) for _ in range(int(rng.integers(1, most + 1)))]
        words = [word for text in words for word in text.split()]
        if font is None or rng.random() < 0.35:
            size = SIZES[int(rng.integers(len(SIZES)))]
        face, words = _face(words, fonts, rng)
        font = load_font(face, size)
        base += size * float(rng.uniform(0.95, 1.35)) if line else 0.0
        row = _row(words, font, base, line)
        shift = 0.0 if left else -(row[-1].left + font.getlength(words[-1])) / 2
        pieces += [_shifted(piece, shift) for piece in row]
    return _written(pieces)


def _row(words: Sequence[str], font: ImageFont.FreeTypeFont, base: float, line: int) -> list[_Piece]:
    """``words`` one after the other, from 0 on."""
    space, place, row = max(font.getlength(" "), 0.2 * font.size), 0.0, []
    for word in words:
        row.append(_Piece(word, font, place, base, line))
        place += font.getlength(word) + space
    return row


def _shifted(piece: _Piece, right: float) -> _Piece:
    return _Piece(piece.text, piece.font, piece.left + right, piece.base, piece.line)


def _running(
    vocabulary: Vocabulary, fonts: FontSet, rng: np.random.Generator, *, columns: tuple[int, int]
) -> FlatBlock:
    """Running text in one column or more, read column by column."""
    count = int(rng.integers(columns[0], columns[1] + 1))
    width, gutter = SIZE * float(rng.uniform(6, 14)) / count**0.5, SIZE * float(rng.uniform(0.9, 2))
    lines, leading = int(rng.integers(3, 8)), SIZE * float(rng.uniform(1.05, 1.5))
    words = [_in_a_sentence(vocabulary, rng) for _ in range(count * lines * 8)]
    words = _in_capitals(words, vocabulary) if rng.random() < 0.2 else words
    face, words = _face(words, fonts, rng)
    font = load_font(face)
    align = ("left", "left", "justified", "centre", "right")[int(rng.integers(5))]
    pieces: list[_Piece] = []
    for column in range(count):
        for line in range(lines if words else 0):
            row, words = _filled(words, font, width, line * leading, column * lines + line)
            last = line == lines - 1
            row = _aligned(row, width, "left" if last and align == "justified" else align)
            pieces += [_shifted(piece, column * (width + gutter)) for piece in row]
    return _written(pieces)


def _in_a_sentence(vocabulary: Vocabulary, rng: np.random.Generator) -> str:
    chance = rng.random()
    if chance < 0.06:
        return vocabulary.number(rng)
    word = vocabulary.everyday(rng)
    other = word
    if chance < 0.2:
        other = word[:1].upper() + word[1:]
    if chance > 0.88:
        other = word + ",.;:"[int(rng.integers(4))]
    return other if vocabulary.fits(other) else word


def _in_capitals(words: Sequence[str], vocabulary: Vocabulary) -> list[str]:
    return [word.upper() if vocabulary.fits(word.upper()) else word for word in words]


def _face(words: Sequence[str], fonts: FontSet, rng: np.random.Generator) -> tuple[FontFace, list[str]]:
    """A face that can draw the first word, and the words that it can draw."""
    face = fonts.pick(words[0], rng)
    return face, [word for word in words if all(draws(face, character) for character in word)]


def _filled(
    words: list[str], font: ImageFont.FreeTypeFont, width: float, base: float, line: int
) -> tuple[list[_Piece], list[str]]:
    """A line with as many of ``words`` as go into ``width``, one at least, and those that are left."""
    row: list[_Piece] = _row(words[:12], font, base, line)
    fitting = [piece for piece in row if piece.left + font.getlength(piece.text) <= width] or row[:1]
    return fitting, words[len(fitting) :]


def _aligned(row: Sequence[_Piece], width: float, align: str) -> list[_Piece]:
    room = width - row[-1].left - row[-1].font.getlength(row[-1].text)
    if align == "justified" and len(row) > 1:
        return [_shifted(piece, room * place / (len(row) - 1)) for place, piece in enumerate(row)]
    return [_shifted(piece, room * {"right": 1.0, "centre": 0.5}.get(align, 0.0)) for piece in row]


def _listed(vocabulary: Vocabulary, fonts: FontSet, rng: np.random.Generator) -> FlatBlock:
    """Rows of a name at the left and a number at the right, as menus and price boards have them."""
    face, rows = None, []
    capitals = rng.random() < 0.4
    for _ in range(int(rng.integers(3, 8))):
        name = [vocabulary.everyday(rng) for _ in range(int(rng.integers(1, 4)))]
        name = _in_capitals(name, vocabulary) if capitals else name
        price = vocabulary.number(rng)
        face = face or fonts.pick(price, rng)
        name = [word for word in name if all(draws(face, character) for character in word)]
        if name and all(draws(face, character) for character in price):
            rows.append((name, price))
    if not rows:
        return _signed(vocabulary, fonts, rng, lines=1, most=1)
    assert face is not None
    font, leading = load_font(face), SIZE * float(rng.uniform(1.1, 1.7))
    names = [_row(name, font, line * leading, line) for line, (name, _) in enumerate(rows)]
    ends = [row[-1].left + font.getlength(row[-1].text) for row in names]
    right = max(ends) + max(font.getlength(price) for _, price in rows) + SIZE * float(rng.uniform(0.6, 5))
    pieces: list[_Piece] = []
    for line, (row, (_, price)) in enumerate(zip(names, rows, strict=True)):
        pieces += [*row, _Piece(price, font, right - font.getlength(price), line * leading, line)]
    return _written(pieces)


def _written(pieces: Sequence[_Piece]) -> FlatBlock:
    """The block of ``pieces``, each word's polygon the box of its ink."""
    drawn = [inked(piece.text, piece.font) for piece in pieces]
    places = np.array([(round(piece.left), round(piece.base)) * 2 for piece in pieces])
    boxes = np.array([box for _, box in drawn]).astype(int) + places
    first = boxes[:, :2].min(0) - EDGE
    width, height = boxes[:, 2:].max(0) + EDGE - first
    canvas, words = np.zeros((height, width), np.uint8), []
    for piece, (ink, _), box in zip(pieces, drawn, boxes, strict=True):
        left, top, right, bottom = box - np.concatenate([first, first])
        part = canvas[top:bottom, left:right]
        np.maximum(part, ink, out=part)
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)
        words.append(FlatWord(piece.text, corners, piece.line))
    return FlatBlock(canvas, tuple(words), min(_capital(piece.font) for piece in pieces))


def _capital(font: ImageFont.FreeTypeFont) -> float:
    """The height of a capital in pixels."""
    return max(-font.getbbox("H", anchor="ls")[1], SMALL * 0.7 * font.size)


def _curved(vocabulary: Vocabulary, fonts: FontSet, rng: np.random.Generator) -> FlatBlock:
    """One to four words along an arc, a circle, a wave or a curve of any shape."""
    words = [vocabulary.text(rng) for _ in range(int(rng.integers(1, 5)))]
    face, words = _face([word for text in words for word in text.split()], fonts, rng)
    text, font = " ".join(words), load_font(face)
    ink, letters = lettered(text, font, rng, course=any_curve(rng))
    return FlatBlock(ink, tuple(_words_of(text, letters)), _capital(font))


def _words_of(text: str, letters: Sequence[Letter]) -> list[FlatWord]:
    """The words of ``text``, whose ``letters`` stand without the spaces."""
    words, first = [], 0
    for word in text.split():
        own = letters[first : first + len(word)]
        words.append(FlatWord(word, outline(own), 0))
        first += len(word)
    return words


KINDS: dict[str, Callable[[Vocabulary, FontSet, np.random.Generator], FlatBlock]] = {
    "words": partial(_signed, lines=1, most=2),
    "signs": partial(_signed, lines=3, most=3),
    "paragraphs": partial(_running, columns=(1, 1)),
    "columns": partial(_running, columns=(2, 3)),
    "lists": _listed,
    "curved": _curved,
}
"""The kinds of blocks, by the names of their shares."""
