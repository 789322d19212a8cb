"""A word as a mask: how much ink is where, before any colour, flat and upright."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from clipstr.synth.fonts import FontFace, draws, load_font

__all__ = ["Mask", "bent", "draw_word"]

Mask = np.ndarray
"""Ink, (height, width) in uint8: 0 nothing, 255 full."""

SIZES = (28, 36, 44)  # pixels: few, so that opened fonts are used again
MARGIN = 4  # pixels around what is drawn, so that nothing is cut
TRIES = 6  # faces to try before a word is given up on


def draw_word(text: str, faces: Sequence[FontFace], rng: np.random.Generator, difficulty: float) -> Mask:
    """``text`` in a random face, cropped to its ink.

    Letters may stand apart or close, dance on the line, or be bolder than the face has them. A face that
    lacks a character of ``text`` is not used, unless all that were tried do.
    """
    for _ in range(TRIES):
        face = faces[int(rng.integers(len(faces)))]
        font = load_font(face, int(rng.choice(SIZES)))
        if all(draws(face, character) for character in text):
            break
    stroke = int(rng.integers(1, 3)) if rng.random() < 0.12 * difficulty else 0
    if len(text) > 1 and rng.random() < 0.05 + 0.2 * difficulty:
        ink = _letter_by_letter(text, font, stroke, rng, difficulty)
    else:
        ink = _at_once(text, font, stroke)
    return _cropped(ink)


def _at_once(text: str, font: ImageFont.FreeTypeFont, stroke: int) -> Mask:
    left, top, right, bottom = (round(edge) for edge in font.getbbox(text, stroke_width=stroke))
    canvas = Image.new("L", (right - left + 2 * MARGIN, bottom - top + 2 * MARGIN))
    place = (MARGIN - left, MARGIN - top)
    ImageDraw.Draw(canvas).text(place, text, font=font, fill=255, stroke_width=stroke)
    return np.asarray(canvas)


def _letter_by_letter(
    text: str, font: ImageFont.FreeTypeFont, stroke: int, rng: np.random.Generator, difficulty: float
) -> Mask:
    """Each letter at a place of its own: spaced out or squeezed, and sometimes off the line."""
    gap = rng.uniform(-0.05, 0.35) * font.size
    dance = 0.05 * font.size if rng.random() < 0.3 * difficulty else 0.0
    left, top, right, bottom = (round(edge) for edge in font.getbbox(text, stroke_width=stroke))
    width = round(right - left + max(gap, 0) * len(text)) + 2 * MARGIN + int(font.size)
    canvas = Image.new("L", (width, bottom - top + 2 * MARGIN + int(4 * dance)))
    draw = ImageDraw.Draw(canvas)
    place = float(MARGIN - left)
    for letter in text:
        above = MARGIN - top + 2 * dance + (rng.normal(0, dance) if dance else 0.0)
        draw.text((place, above), letter, font=font, fill=255, stroke_width=stroke)
        place += font.getlength(letter) + gap
    return np.asarray(canvas)


def _cropped(ink: Mask) -> Mask:
    """``ink`` without its empty borders; a word without any ink is a dot."""
    rows, columns = np.flatnonzero(ink.max(1)), np.flatnonzero(ink.max(0))
    if not len(rows):
        return np.full((8, 8), 255, np.uint8)
    return np.ascontiguousarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def bent(ink: Mask, rng: np.random.Generator) -> Mask:
    """``ink`` along an arc or a wave."""
    height, width = ink.shape
    depth = float(rng.normal(0, 0.25)) * height * min(width / height / 4, 1.5)
    room = int(abs(depth)) + 2
    columns, rows = np.meshgrid(
        np.arange(width, dtype=np.float32), np.arange(height + 2 * room, dtype=np.float32)
    )
    along = columns / width * 2 - 1
    if rng.random() < 0.75:
        shift = depth * (1 - 2 * along**2)
    else:
        shift = 0.7 * depth * np.sin(np.pi * along + rng.uniform(0, 2 * np.pi))
    moved = cv2.remap(ink, columns, (rows - room + shift).astype(np.float32), cv2.INTER_LINEAR)
    return _cropped(moved)
