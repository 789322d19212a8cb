"""Crops come quickly as they would come carefully: the oracle is `load_image`."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from clipstr.data.loading import load_crop
from clipstr.errors import DamagedImageError, EmptyImageError, ImageError, NotAnImageError
from clipstr.imaging import load_image


def picture(mode: str = "RGB", size: tuple[int, int] = (61, 23)) -> Image.Image:
    rng = np.random.default_rng(0)
    smooth = Image.fromarray(rng.integers(0, 256, (5, 9, 4), dtype=np.uint8), "RGBA")
    return smooth.resize(size, Image.Resampling.BICUBIC).convert(mode)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


PNGS = [
    encoded(picture("RGB"), "PNG"),
    encoded(picture("L"), "PNG"),
    encoded(picture("RGBA"), "PNG"),
    encoded(picture("LA"), "PNG"),
    encoded(picture("P"), "PNG"),
    encoded(picture("1"), "PNG"),
    encoded(picture("L").convert("I;16"), "PNG"),
    encoded(picture("RGB"), "PNG", transparency=(1, 2, 3)),
    encoded(picture("RGB"), "PNG", exif=turned(6)),
    encoded(picture("RGB"), "BMP"),
    encoded(picture("P"), "GIF"),
    encoded(picture("RGB"), "WEBP", lossless=True),
]
JPEGS = [
    encoded(picture("RGB"), "JPEG", quality=90),
    encoded(picture("RGB"), "JPEG", quality=40, progressive=True),
    encoded(picture("RGB"), "JPEG", quality=75, subsampling=0),
    encoded(picture("L"), "JPEG"),
    encoded(picture("CMYK"), "JPEG"),
    encoded(picture("RGB"), "JPEG", exif=turned(3)),
    encoded(picture("RGB", (700, 600)), "JPEG"),
]


@pytest.mark.parametrize("content", PNGS, ids=range(len(PNGS)))
def test_lossless_pictures_come_exactly_as_load_image_gives_them(content: bytes) -> None:
    assert np.array_equal(load_crop(content), np.asarray(load_image(content)))


@pytest.mark.parametrize("content", JPEGS, ids=range(len(JPEGS)))
def test_jpegs_come_as_load_image_gives_them_but_for_rounding(content: bytes) -> None:
    """Both decode with libjpeg-turbo; builds may round colours differently by a level or two."""
    mine, theirs = load_crop(content).astype(int), np.asarray(load_image(content)).astype(int)
    assert mine.shape == theirs.shape
    assert np.abs(mine - theirs).max() <= 2


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", EmptyImageError),
        (b"no picture", NotAnImageError),
        (PNGS[0][:-200], DamagedImageError),
        (JPEGS[0][: len(JPEGS[0]) // 2], DamagedImageError),
        (PNGS[0][:60] + b"?" + PNGS[0][61:], DamagedImageError),
    ],
)
def test_what_is_wrong_is_told_as_load_image_does(content: bytes, error: type[ImageError]) -> None:
    with pytest.raises(error):
        load_crop(content)
    with pytest.raises(error):
        load_image(content)
