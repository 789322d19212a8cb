"""Whether a font's letters look like letters: symbol fonts draw something else in their places."""

from __future__ import annotations

import string
from functools import lru_cache

import cv2
import numpy as np
from PIL import ImageFont

__all__ = ["likeness"]

CHARACTERS = string.ascii_letters + string.digits
GRID, SOFTNESS = 16, 1.2  # pixels: of a glyph that is compared, and of what it is blurred by
SHEARS = (0.0, 0.2, 0.35)  # upright letters, and two italics
FEWEST = 26  # characters that a usable font has
_ALIKE = ("0Oo", "1lI")


def likeness(font: ImageFont.FreeTypeFont) -> float:
    """The share of the letters and digits of ``font`` whose nearest one in Pillow's own font is the same.

    Case is not looked at. Plain faces come to 0.9, handwriting to 0.3, symbols below 0.17; a font that
    lacks more than half of them comes to 0. Boxes for missing glyphs do not count.
    """
    missing = bytes(font.getmask("\uffff"))
    references = _references()
    found = right = 0
    for character in CHARACTERS:
        glyph = _ink(font, character)
        if glyph is None or bytes(font.getmask(character)) == missing:
            continue
        nearest = CHARACTERS[int((references @ _form(glyph)).argmax()) % len(CHARACTERS)]
        found += 1
        right += nearest.lower() == character.lower() or any(
            nearest in same and character in same for same in _ALIKE
        )
    return right / found if found >= FEWEST else 0.0


@lru_cache(maxsize=1)
def _references() -> np.ndarray:
    """The forms (shears x characters, pixels) of a plain sans-serif, upright and leaning."""
    font = ImageFont.load_default(28)
    assert isinstance(font, ImageFont.FreeTypeFont)
    glyphs = [_ink(font, character) for character in CHARACTERS]
    return np.array([_form(_sheared(g, shear)) for shear in SHEARS for g in glyphs if g is not None])


def _ink(font: ImageFont.FreeTypeFont, character: str) -> np.ndarray | None:
    """The glyph as (height, width) in uint8, cropped to its ink, or None if it has none."""
    mask = font.getmask(character)
    box = mask.getbbox()
    if not box:
        return None
    width, height = mask.size
    pixels = np.frombuffer(bytes(mask), np.uint8).reshape(height, width)
    return pixels[box[1] : box[3], box[0] : box[2]]


def _sheared(glyph: np.ndarray, shear: float) -> np.ndarray:
    height, width = glyph.shape
    wide = int(width + shear * height) + 1
    leaning = cv2.warpAffine(glyph, np.array([[1, -shear, shear * height], [0, 1, 0]]), (wide, height))
    columns = np.flatnonzero(np.asarray(leaning).max(0) > 20)
    return np.asarray(leaning)[:, columns[0] : columns[-1] + 1]


def _form(glyph: np.ndarray) -> np.ndarray:
    """What is compared: ink on a square grid, blurred, of mean 0 and length 1."""
    square = cv2.resize(glyph.astype(np.float32), (GRID, GRID), interpolation=cv2.INTER_AREA)
    soft = np.asarray(cv2.GaussianBlur(square, (0, 0), SOFTNESS)).ravel()
    soft = soft - soft.mean()
    return np.asarray(soft / (np.linalg.norm(soft) + 1e-6))
