"""The similarity matrix as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

__all__ = ["draw_matrix"]

_ROW, _HEAD, _LEFT, _MARGIN = 56, 64, 176, 8  # pixels
_NARROWEST = 96  # pixels of a cell whose label is short
_DARKEST = (40, 40, 147)  # a cell of shade 1; its grey falls evenly from white, so that it prints
_WHITE_INK = 0.7  # the shade from which white figures stand out more than black ones


def draw_matrix(
    pictures: Sequence[Image.Image],
    labels: Sequence[str],
    tokenisings: Sequence[str],
    values: Sequence[Sequence[float]],
    shades: Sequence[Sequence[float]],
    *,
    title: str,
) -> Image.Image:
    """A picture a row, a column a label and tokenising; ``shades`` are from 0, white, to 1, darkest.

    ``values`` and ``shades`` are (pictures, labels x tokenisings), the tokenisings of a label together.
    """
    large, small = ImageFont.load_default(16), ImageFont.load_default(13)
    widest = max(large.getlength(label) for label in labels) + 2 * _MARGIN
    cell = max(_NARROWEST, math.ceil(widest / len(tokenisings)))
    group = cell * len(tokenisings)
    sheet = Image.new("RGB", (_LEFT + group * len(labels), _HEAD + _ROW * len(pictures)), "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN, 46), title, "dimgray", small, anchor="lm")
    for number, label in enumerate(labels):
        left = _LEFT + number * group
        draw.line((left, 0, left, sheet.height), "silver")
        draw.text((left + group / 2, 20), label, "black", large, anchor="mm")
        for place, tokens in enumerate(tokenisings):
            draw.text((left + (place + 0.5) * cell, 46), tokens, "dimgray", small, anchor="mm")
    for row, (picture, figures, greys) in enumerate(zip(pictures, values, shades, strict=True)):
        top = _HEAD + row * _ROW
        thumbnail = _fitted(picture, _LEFT - 2 * _MARGIN, _ROW - _MARGIN)
        sheet.paste(thumbnail, (_MARGIN, top + (_ROW - thumbnail.height) // 2))
        for column, (figure, shade) in enumerate(zip(figures, greys, strict=True)):
            left = _LEFT + column * cell
            colour = tuple(round(255 + (dark - 255) * shade) for dark in _DARKEST)
            draw.rectangle((left + 2, top + 2, left + cell - 2, top + _ROW - 2), colour)
            ink = "white" if shade >= _WHITE_INK else "black"
            draw.text((left + cell / 2, top + _ROW / 2), f"{figure:.2f}", ink, large, anchor="mm")
    return sheet


def _fitted(picture: Image.Image, width: int, height: int) -> Image.Image:
    """``picture`` as large as fits; small ones grow, and the narrowest keep a line of pixels."""
    scale = min(width / picture.width, height / picture.height)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS)
