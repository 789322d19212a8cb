"""A contact sheet: many labelled pictures at one glance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from clipstr.fonts import caption_font

__all__ = ["contact_sheet"]

CELL = (128, 40)  # pixels for a picture
CAPTION, GAP, COLUMNS = 14, 4, 8  # pixels, pixels, pictures a row
CAPTION_SIZE = 11  # pixels


def contact_sheet(pictures: Sequence[tuple[np.ndarray, str]]) -> Image.Image:
    """``pictures`` (one at least), eight a row, as large as they fit, above their texts.

    Each is (height, width, 3) in uint8.
    """
    rows = -(-len(pictures) // COLUMNS)
    pitch = (CELL[0] + GAP, CELL[1] + CAPTION + GAP)
    sheet = Image.new("RGB", (COLUMNS * pitch[0] + GAP, rows * pitch[1] + GAP), "white")
    draw = ImageDraw.Draw(sheet)
    plain = caption_font([], CAPTION_SIZE)
    for number, (pixels, text) in enumerate(pictures):
        left, top = GAP + number % COLUMNS * pitch[0], GAP + number // COLUMNS * pitch[1]
        picture = Image.fromarray(pixels)
        scale = min(CELL[0] / picture.width, CELL[1] / picture.height)
        size = (max(round(picture.width * scale), 1), max(round(picture.height * scale), 1))
        sheet.paste(picture.resize(size, Image.Resampling.BICUBIC), (left, top + CELL[1] - size[1]))
        font = plain if text.isascii() else caption_font([text], CAPTION_SIZE)
        draw.text((left, top + CELL[1]), text, fill="black", font=font)
    return sheet
