"""A photograph and pages for tests, made of the examples, so that no font is needed."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

EXAMPLES = Path(__file__).parents[1] / "examples"


def photograph() -> Image.Image:
    """Four of the examples on a grey wall, two beside each other and two below."""
    wall = Image.new("RGB", (800, 520), (200, 196, 190))
    for name, place in {
        "hotel": (60, 40),
        "coffee": (420, 60),
        "station": (80, 300),
        "market": (460, 330),
    }.items():
        wall.paste(Image.open(EXAMPLES / f"{name}.png").convert("RGB"), place)
    return wall


def pdf_of(*pages: Image.Image) -> bytes:
    stream = io.BytesIO()
    pages[0].save(stream, "PDF", save_all=True, append_images=pages[1:], resolution=200)
    return stream.getvalue()
