"""Photographs to find words in, drawn with Pillow's own font, and the one scene reader of the tests."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from clipstr.scenes import Line, Scene, SceneReader, Word
from clipstr.scenes.bands import Band


@lru_cache(maxsize=1)
def scene_reader() -> SceneReader:
    return SceneReader(threads=1, second_looks=False)


def page(*lines: tuple[str, int, int], size: tuple[int, int] = (640, 320), height: int = 28) -> Image.Image:
    """A white picture with each of ``lines`` (text, left, top) in black, ``height`` pixels an em."""
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    for text, left, top in lines:
        draw.text((left, top), text, font=ImageFont.load_default(height), fill="black")
    return picture


def line_picture(text: str, height: int = 28) -> Image.Image:
    font = ImageFont.load_default(height)
    return page((text, 30, height), size=(round(font.getlength(text)) + 60, 3 * height), height=height)


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)


def small_scene() -> Scene:
    """Two lines, the second one slanted, in two paragraphs."""
    words = [
        Word("Grüße & <Tee>", Band.of(box(10, 10, 110, 30)).outline(), 0.9),
        Word("two", Band.of(box(120, 10, 160, 30)).outline(), 0.8),
    ]
    slanted = Word("three", ((20.0, 60.0), (90.0, 70.0), (88.0, 90.0), (18.0, 80.0)), 0.5)
    return Scene(
        200,
        100,
        (
            Line(tuple(words), Band.of(box(10, 10, 160, 30)).outline(), 0),
            Line((slanted,), slanted.polygon, 1),
        ),
    )
