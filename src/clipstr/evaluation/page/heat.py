"""Pictures with the decoder's attention laid over them: each character in a colour of its own."""

from __future__ import annotations

import base64
import colorsys
import io

import numpy as np
from PIL import Image

__all__ = ["SHOWN", "colours", "data_uri", "overlaid"]

SHOWN = (256, 64)
"""Width and height in pixels of an overlaid picture."""


def colours(count: int) -> list[str]:
    """Colours for ``count`` characters as ``#rrggbb``: neighbours differ, and so do all of a usual word."""
    turns = [(0.02 + 0.381966 * number) % 1 for number in range(count)]
    rgb = [colorsys.hsv_to_rgb(turn, 0.85, 0.95) for turn in turns]
    return ["#" + "".join(f"{round(255 * part):02x}" for part in colour) for colour in rgb]


def overlaid(picture: Image.Image, maps: np.ndarray) -> Image.Image:
    """``picture`` in grey with the ``maps`` (characters, rows, columns) over it, at the size `SHOWN`.

    Each map is stretched to its own maximum; where several are strong the strongest gives the colour.
    """
    grey = picture.resize(SHOWN, Image.Resampling.BICUBIC).convert("L").convert("RGB")
    if not len(maps):
        return grey
    layers = np.stack([_stretched(one) for one in maps])
    strongest = layers.argmax(0)
    tints = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours(len(maps))], float)
    weight = 0.75 * layers.max(0)[..., None]
    mixed = np.asarray(grey, float) * (1 - weight) + tints[strongest] * weight
    return Image.fromarray(mixed.round().astype(np.uint8))


def _stretched(one: np.ndarray) -> np.ndarray:
    scaled = Image.fromarray((one / max(float(one.max()), 1e-12)).astype(np.float32))
    return np.asarray(scaled.resize(SHOWN, Image.Resampling.BICUBIC)).clip(0, 1) ** 1.5


def data_uri(picture: Image.Image, *, quality: int | None = None) -> str:
    """``picture`` as a data URI: a PNG, or a JPEG of that ``quality``."""
    buffer = io.BytesIO()
    if quality is None:
        picture.save(buffer, "PNG", optimize=True)
    else:
        picture.save(buffer, "JPEG", quality=quality)
    kind = "png" if quality is None else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
