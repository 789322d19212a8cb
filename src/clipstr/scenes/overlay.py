"""A photograph with its words drawn over it: their outlines and, beside them, their texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from clipstr.fonts import caption_font
from clipstr.scenes.scene import Scene, Word, bounds

__all__ = ["draw_overlay"]

_FRAMES = ((0, 158, 115), (0, 114, 178), (204, 121, 167), (213, 94, 0))
"""Colours that people with any colour vision tell apart (Okabe and Ito, 2008), one a line in turn."""

_LEAST_TEXT, _MOST_TEXT = 11, 64  # pixels
_SHARE = 0.6  # of a word's height, its caption's


def draw_overlay(picture: Image.Image, scene: Scene) -> Image.Image:
    """The RGB ``picture`` with the outline and the text of each word of ``scene`` over it; a new picture.

    Each text stands on a plate of its own above its word, or below it where there is no room, so that it is
    legible on any ground.
    """
    seen = picture.copy()
    draw = ImageDraw.Draw(seen, "RGBA")
    thick = max(round(max(seen.size) / 900), 1)
    taken: list[tuple[float, float, float, float]] = []
    for number, line in enumerate(scene.lines):
        colour = _FRAMES[number % len(_FRAMES)]
        for word in line.words:
            corners = [*word.polygon, word.polygon[0]]
            draw.line(corners, fill=(255, 255, 255, 200), width=thick + 2, joint="curve")
            draw.line(corners, fill=colour, width=thick, joint="curve")
    for number, line in enumerate(scene.lines):
        for word in line.words:
            if word.text:
                _caption(draw, word, _FRAMES[number % len(_FRAMES)], seen.size, taken)
    return seen


def _caption(
    draw: ImageDraw.ImageDraw,
    word: Word,
    colour: tuple[int, int, int],
    size: tuple[int, int],
    taken: list[tuple[float, float, float, float]],
) -> None:
    """The text of ``word`` on a plate at the first free place around it."""
    corners = np.array(word.polygon)
    height = float(np.linalg.norm(corners[0] - corners[-1]))
    font = caption_font([word.text], round(min(max(_SHARE * height, _LEAST_TEXT), _MOST_TEXT)))
    _, top, right, bottom = draw.textbbox((0, 0), word.text, font=font)
    wide, high = right + 6, bottom - top + 6
    plate = _free_place(bounds(word.polygon), wide, high, size, taken)
    taken.append(plate)
    draw.rectangle(plate, fill=(*colour, 235), outline=(255, 255, 255, 235))
    draw.text((plate[0] + 3, plate[1] + 3 - top), word.text, font=font, fill=(255, 255, 255))


def _free_place(
    box: tuple[float, float, float, float],
    wide: float,
    high: float,
    size: tuple[int, int],
    taken: Sequence[tuple[float, float, float, float]],
) -> tuple[float, float, float, float]:
    """A plate of ``wide`` by ``high`` inside of ``size``, beside ``box``; above it if none is free."""
    left, top, right, bottom = box
    places = []
    for x, y in ((left, top - high - 1), (left, bottom + 1), (right + 1, top), (left - wide - 1, top)):
        x, y = min(max(x, 0), max(size[0] - wide, 0)), min(max(y, 0), max(size[1] - high, 0))
        places.append((x, y, x + wide, y + high))
    free = [
        place
        for place in places
        if not any(
            place[0] < other[2] and other[0] < place[2] and place[1] < other[3] and other[1] < place[3]
            for other in taken
        )
    ]
    return (free or places)[0]
