"""A word as a mask: how much ink is where, before any colour, flat and upright."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from clipstr.fonts import SIZE, FontFace, load_font
from clipstr.synth.config import Layout, Looks
from clipstr.synth.displays import as_dots, as_segments, shown_on_segments, stencilled
from clipstr.synth.letters import Liveliness, lettered
from clipstr.synth.paths import any_curve, straight

__all__ = ["Lettering", "Mask", "draw_line", "draw_word"]

Mask = np.ndarray
"""Ink, (height, width) in uint8: 0 nothing, 255 full."""

ROOM = SIZE // 2  # pixels around what is drawn, for letters that reach beyond their places


@dataclass(frozen=True)
class Lettering:
    """A drawn word: its ink, cropped, and what measures the left and right end of each letter in pixels.

    Of letters on a curve or a display nothing is known.
    """

    ink: Mask
    spans: Callable[[], Sequence[tuple[float, float]]] = tuple


def draw_word(
    text: str, face: FontFace, rng: np.random.Generator, difficulty: float, layout: Layout, looks: Looks
) -> Lettering:
    """``text`` in ``face``, cropped to its ink.

    Letters may stand apart or close, below each other, dance on the line, go their own ways, run along an
    arc, a circle, a wave or any curve, be bolder than the face has them, be hollow, stencilled, or of dots or
    segments.
    """
    if rng.random() < looks.segments * difficulty and shown_on_segments(text):
        return Lettering(_cropped(as_segments(text, rng))[0])
    font = load_font(face)
    stroke = int(rng.integers(1, 4)) if rng.random() < looks.bold * difficulty else 0
    chance = rng.random()
    if 1 < len(text) <= 9 and chance < layout.stacked * difficulty:
        return Lettering(_cropped(_stacked(text, font, stroke, rng))[0])
    free, rates = rng.random() / max(difficulty, 1e-9), (layout.curved, layout.letters)
    if len(text) > 1 and free < sum(rates):
        ink = _freely(text, font, stroke, rng, curved=free < rates[0] and len(text) > 2)
        return Lettering(_styled(_cropped(ink)[0], rng, difficulty, looks))
    if len(text) > 1 and chance < (layout.stacked + layout.tracked + layout.dance) * difficulty:
        dances = chance > (layout.stacked + layout.tracked) * difficulty
        drawn = _letter_by_letter(text, font, stroke, rng, 0.07 * SIZE if dances else 0.0)
    else:
        drawn = _at_once(text, font, stroke)
    ink = drawn.ink
    if len(text) > 2 and rng.random() < (layout.arc + layout.wave) * difficulty:
        share = layout.wave / (layout.arc + layout.wave)
        return Lettering(_styled(_bent(ink, rng, wave=rng.random() < share), rng, difficulty, looks))
    return Lettering(_styled(ink, rng, difficulty, looks), drawn.spans)


def _freely(
    text: str, font: ImageFont.FreeTypeFont, stroke: int, rng: np.random.Generator, *, curved: bool
) -> Mask:
    """Letter by letter, each its own way, or along a curve; now and then both."""
    lively = None if curved and rng.random() < 0.6 else Liveliness.drawn(rng)
    course = any_curve(rng) if curved else straight
    return lettered(text, font, rng, course=course, lively=lively, stroke=stroke)[0]


def draw_line(text: str, face: FontFace) -> Mask:
    """``text`` as it comes, for what stands beside a word."""
    return _at_once(text, load_font(face), 0).ink


def _styled(ink: Mask, rng: np.random.Generator, difficulty: float, looks: Looks) -> Mask:
    chance = rng.random() / max(difficulty, 1e-9)
    if chance < looks.hollow:
        width = int(rng.integers(3, 5))
        return np.asarray(cv2.morphologyEx(ink, cv2.MORPH_GRADIENT, np.ones((width, width), np.uint8)))
    if chance < looks.hollow + looks.stencil:
        return stencilled(ink, rng)
    if chance < looks.hollow + looks.stencil + looks.dot_matrix:
        return as_dots(ink, rng)
    return ink


def _at_once(text: str, font: ImageFont.FreeTypeFont, stroke: int) -> Lettering:
    ascent, descent = font.getmetrics()
    length = font.getlength(text)
    canvas = Image.new("L", (int(length) + 2 * ROOM, ascent + descent + 2 * ROOM))
    place = (ROOM, ROOM + ascent)
    ImageDraw.Draw(canvas).text(place, text, font=font, fill=255, stroke_width=stroke, anchor="ls")
    ink, left = _cropped(np.asarray(canvas))

    def spans() -> list[tuple[float, float]]:
        ends = [ROOM - left + font.getlength(text[:number]) for number in range(len(text) + 1)]
        return list(pairwise(ends))

    return Lettering(ink, spans)


def _letter_by_letter(
    text: str, font: ImageFont.FreeTypeFont, stroke: int, rng: np.random.Generator, dance: float
) -> Lettering:
    """Each letter at a place of its own: spaced out or squeezed, and sometimes off the line."""
    gap = float(rng.uniform(0.05, 0.5) if rng.random() < 0.7 else rng.uniform(-0.07, 0)) * SIZE
    advances = [font.getlength(letter) for letter in text]
    ascent, descent = font.getmetrics()
    width = sum(advances) + max(gap, 0) * len(text)
    canvas = Image.new("L", (int(width) + 2 * ROOM, ascent + descent + 2 * ROOM))
    draw, place, ends = ImageDraw.Draw(canvas), float(ROOM), []
    for letter, advance in zip(text, advances, strict=True):
        level = ROOM + ascent + (rng.normal(0, dance) if dance else 0.0)
        draw.text((place, level), letter, font=font, fill=255, stroke_width=stroke, anchor="ls")
        ends.append((place, place + advance))
        place += advance + gap
    ink, left = _cropped(np.asarray(canvas))
    return Lettering(ink, lambda: [(first - left, last - left) for first, last in ends])


def _stacked(text: str, font: ImageFont.FreeTypeFont, stroke: int, rng: np.random.Generator) -> Mask:
    """The letters upright below each other, as on narrow signs."""
    pitch = SIZE * float(rng.uniform(0.8, 1.15))
    ascent, descent = font.getmetrics()
    canvas = Image.new("L", (4 * ROOM + SIZE, int(pitch * len(text)) + ascent + descent + 2 * ROOM))
    draw = ImageDraw.Draw(canvas)
    for number, letter in enumerate(text):
        place = (2 * ROOM + SIZE / 2, ROOM + ascent + number * pitch)
        draw.text(place, letter, font=font, fill=255, stroke_width=stroke, anchor="ms")
    return np.asarray(canvas)


def _cropped(ink: Mask) -> tuple[Mask, int]:
    """``ink`` without its empty borders, and how much went on the left; no ink at all becomes a dot."""
    left, top, width, height = cv2.boundingRect(ink)
    if not width:
        return np.full((8, 8), 255, np.uint8), 0
    return np.ascontiguousarray(ink[top : top + height, left : left + width]), left


def _bent(ink: Mask, rng: np.random.Generator, *, wave: bool) -> Mask:
    """``ink`` along a wave, or along an arc whose letters stand upright or lean with it."""
    height, width = ink.shape
    if wave:
        depth = float(rng.uniform(0.1, 0.35)) * height
    else:
        depth = float(rng.uniform(-0.6, 0.6)) * height * min(width / height / 4, 1.5)
    room = int(abs(depth)) + 2
    columns, rows = np.meshgrid(
        np.arange(width, dtype=np.float32), np.arange(height + 2 * room, dtype=np.float32)
    )
    along = columns / width * 2 - 1
    if wave:
        shift = depth * np.sin(np.float32(rng.uniform(2, 5)) * along + np.float32(rng.uniform(0, 6.3)))
    else:
        shift = depth * (1 - 2 * along**2)
        if rng.random() < 0.6:  # letters lean: what is above the line moves along its slope
            slope = 8 * depth * along / width
            columns = columns + slope * (rows - room - height / 2)
    moved = cv2.remap(
        ink, columns.astype(np.float32), (rows - room + shift).astype(np.float32), cv2.INTER_LINEAR
    )
    return _cropped(np.asarray(moved))[0]
