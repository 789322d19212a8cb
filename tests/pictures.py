"""Small pictures for tests, encoded in many ways, and how they must look when loaded."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from clipstr.imaging import load_image

WIDTH, HEIGHT = 24, 16
RED, GREEN, BLUE, WHITE = (200, 30, 20), (30, 180, 40), (20, 40, 210), (250, 250, 250)
FORMATS = ["PNG", "JPEG", "GIF", "BMP", "TIFF", "PPM", "WEBP", "JPEG2000", "AVIF"]
PILLOWS_CODEC = {"WEBP": "webp", "JPEG2000": "jpg_2000", "AVIF": "avif"}


def quarters() -> Image.Image:
    """Red, green, blue and white quarters: what is turned or mirrored shows."""
    pixels = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    pixels[: HEIGHT // 2, : WIDTH // 2] = RED
    pixels[: HEIGHT // 2, WIDTH // 2 :] = GREEN
    pixels[HEIGHT // 2 :, : WIDTH // 2] = BLUE
    pixels[HEIGHT // 2 :, WIDTH // 2 :] = WHITE
    return Image.fromarray(pixels)


def encoded(picture: Image.Image, format_: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, format_, **options)
    return stream.getvalue()


def pixels_of(source: object) -> np.ndarray:
    image = load_image(source)  # type: ignore[arg-type]
    assert image.mode == "RGB"
    return np.asarray(image).astype(int)


def assert_same(source: object, expected: Image.Image, *, within: int = 0) -> None:
    found, wanted = pixels_of(source), np.asarray(expected.convert("RGB")).astype(int)
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= within
