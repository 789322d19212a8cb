"""Words set letter by letter: each with a place, size, turn and level of its own, along any curve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import ImageFont

from clipstr.fonts import SIZE
from clipstr.synth.paths import Path, straight

__all__ = ["Letter", "Liveliness", "inked", "lettered", "outline"]

EDGE = 2  # pixels around what is drawn
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Letter:
    """A letter in its place.

    ``frame`` (2, 3) takes its own coordinates (pixels at the font's size, from its pen's place on the base
    line) to pixels of the word's mask. ``ink`` is left, top, right and bottom of its ink in its own ones.
    """

    character: str
    frame: np.ndarray
    ink: Box
    advance: float


@dataclass(frozen=True, kw_only=True)
class Liveliness:
    """How far letters go their own ways; 0 is as the font has them."""

    size: float = 0.0  # standard deviation of the logarithm
    turn: float = 0.0  # radians, standard deviation
    level: float = 0.0  # ems, standard deviation
    gap: float = 0.0  # ems, standard deviation
    spacing: float = 0.0  # ems between letters; below 0 they overlap

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Liveliness:
        """Some of it: each kind in half of the words."""
        size, turn, level, gap = rng.uniform(0, 1, 4) * (rng.random(4) < 0.5)
        spacing = rng.uniform(-0.08, 0) if rng.random() < 0.4 else rng.uniform(0, 0.35)
        return cls(size=0.22 * size, turn=0.22 * turn, level=0.12 * level, gap=0.08 * gap, spacing=spacing)


def lettered(
    text: str,
    font: ImageFont.FreeTypeFont,
    rng: np.random.Generator,
    *,
    course: Callable[[float], Path] = straight,
    lively: Liveliness | None = None,
    stroke: int = 0,
) -> tuple[np.ndarray, list[Letter]]:
    """``text`` along ``course`` as a mask (height, width) in uint8, and its letters, spaces left out.

    ``course`` makes the curve for the word's length in ems. ``stroke`` fattens letters by so many pixels. A
    text without ink gives a mask of its edges alone.
    """
    lively = lively or Liveliness()
    count = len(text)
    sizes = np.exp(rng.normal(0, 1, count) * lively.size)
    turns = rng.normal(0, 1, count) * lively.turn
    levels = rng.normal(0, 1, count) * lively.level * SIZE
    gaps = (lively.spacing + rng.normal(0, 1, count) * lively.gap) * SIZE
    advances = np.array([font.getlength(character) for character in text]) * sizes
    ends = np.cumsum(advances + gaps) - gaps
    points, headings = course(max(float(ends[-1]), 1.0) / SIZE).places((ends - advances / 2) / SIZE)
    letters, masks = [], []
    for number, character in enumerate(text):
        mask, box = inked(character, font, stroke)
        if not mask.size:
            continue
        advance = advances[number] / sizes[number]
        frame = _frame(headings[number] + turns[number], sizes[number])
        pen = points[number] * SIZE - frame @ (advance / 2, 0)
        pen += levels[number] * np.array([-np.sin(headings[number]), np.cos(headings[number])])
        letters.append(Letter(character, np.column_stack([frame, pen]), box, advance))
        masks.append(mask)
    return _put_together(letters, masks)


def inked(text: str, font: ImageFont.FreeTypeFont, stroke: int = 0) -> tuple[np.ndarray, Box]:
    """The ink of ``text``, (height, width) in uint8 without empty borders, and where it lies.

    Left, top, right and bottom are pixels from the pen's place on the base line.
    """
    mask, (left, top) = font.getmask2(text, mode="L", stroke_width=stroke, anchor="ls")
    box = mask.getbbox() if mask.size[0] and mask.size[1] else None
    if box is None:
        return np.zeros((0, 0), np.uint8), (0, 0, 0, 0)
    pixels = np.frombuffer(bytes(mask), np.uint8).reshape(mask.size[1], mask.size[0])
    ink = np.ascontiguousarray(pixels[box[1] : box[3], box[0] : box[2]])
    return ink, (box[0] + left, box[1] + top, box[2] + left, box[3] + top)


def _frame(angle: float, size: float) -> np.ndarray:
    cosine, sine = size * np.cos(angle), size * np.sin(angle)
    return np.array([[cosine, -sine], [sine, cosine]])


def _put_together(letters: Sequence[Letter], masks: Sequence[np.ndarray]) -> tuple[np.ndarray, list[Letter]]:
    """One mask of all letters, and them with frames of its pixels."""
    if not letters:
        return np.zeros((2 * EDGE, 2 * EDGE), np.uint8), []
    corners = np.concatenate([moved(letter, _corners(letter.ink)) for letter in letters])
    first = np.floor(corners.min(0)) - EDGE
    width, height = (np.ceil(corners.max(0)) + EDGE - first).astype(int)
    canvas = np.zeros((height, width), np.uint8)
    placed = []
    for letter, mask in zip(letters, masks, strict=True):
        frame = letter.frame - np.column_stack([np.zeros((2, 2)), first])
        letter = Letter(letter.character, frame, letter.ink, letter.advance)
        box = moved(letter, _corners(letter.ink))
        left, top = np.maximum(np.floor(box.min(0)).astype(int) - 1, 0)
        right, bottom = np.minimum(np.ceil(box.max(0)).astype(int) + 1, (width, height))
        shift = letter.frame @ (*letter.ink[:2], 1) - (left, top)
        matrix = np.column_stack([letter.frame[:, :2], shift])
        drawn = cv2.warpAffine(mask, matrix, (int(right - left), int(bottom - top)), flags=cv2.INTER_LINEAR)
        np.maximum(canvas[top:bottom, left:right], drawn, out=canvas[top:bottom, left:right])
        placed.append(letter)
    return canvas, placed


def moved(letter: Letter, points: np.ndarray) -> np.ndarray:
    """``points`` (n, 2) of the letter's own coordinates in those of its word's mask."""
    return np.asarray(points @ letter.frame[:, :2].T + letter.frame[:, 2])


def _corners(box: Box) -> np.ndarray:
    left, top, right, bottom = box
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)


def outline(letters: Sequence[Letter]) -> np.ndarray:
    """The polygon (2 n + 2, 2) around n ``letters``, clockwise from the first one's upper left corner.

    It runs along the tops of the letters and back below them, as high and as low as their ink goes.
    """
    top, bottom = min(letter.ink[1] for letter in letters), max(letter.ink[3] for letter in letters)
    sides = []
    for level in (top, bottom):
        lefts = [moved(letter, np.array([[0.0, level]]))[0] for letter in letters]
        rights = [moved(letter, np.array([[letter.advance, level]]))[0] for letter in letters]
        lefts[0] = moved(letters[0], np.array([[letters[0].ink[0], level]]))[0]
        rights[-1] = moved(letters[-1], np.array([[letters[-1].ink[2], level]]))[0]
        between = [(right + left) / 2 for right, left in zip(rights[:-1], lefts[1:], strict=True)]
        sides.append([lefts[0], *between, rights[-1]])
    return np.array([*sides[0], *reversed(sides[1])])
