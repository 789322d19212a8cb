"""The quick way from an encoded crop to its pixels, for training; reading goes by `clipstr.imaging` alone."""

from __future__ import annotations

import cv2
import numpy as np

from clipstr.imaging import load_image

__all__ = ["load_crop"]

_LARGEST = 512 * 512  # pixels; what is larger is no crop of a word, and may be reduced while decoding
_FRAMES = frozenset({0xC0, 0xC1, 0xC2})  # JPEG's markers of a picture's size: baseline and progressive


def load_crop(content: bytes) -> np.ndarray:
    """The encoded picture ``content`` as pixels (height, width, 3) in uint8 RGB.

    The pixels are those of `load_image`: equal for PNG, and for JPEG but for rounding. OpenCV decodes what
    is plain: 8-bit JPEG and PNG without rotation, transparency or other modes. `load_image` decodes the rest,
    and says what is wrong with what cannot be decoded: it raises an `ImageError`.
    """
    if _plain_jpeg(content) or _plain_png(content):
        pixels = cv2.imdecode(
            np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
        )
        if pixels is not None:
            return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
    return np.asarray(load_image(content))


def _plain_jpeg(content: bytes) -> bool:
    """Whether it is a whole, small JPEG of one or three channels that says nothing of its orientation."""
    if content[:3] != b"\xff\xd8\xff" or content[-2:] != b"\xff\xd9":
        return False
    place = 2
    while place + 9 < len(content) and content[place] == 0xFF:
        marker, length = content[place + 1], int.from_bytes(content[place + 2 : place + 4], "big")
        if marker in _FRAMES:
            height, width = (int.from_bytes(content[at : at + 2], "big") for at in (place + 5, place + 7))
            plain = content[place + 4] == 8 and content[place + 9] in (1, 3)
            return plain and 0 < height * width <= _LARGEST
        if marker == 0xEE or content[place + 4 : place + 8] == b"Exif":  # Adobe's colours, a camera's notes
            return False
        place += 2 + length
    return False


def _plain_png(content: bytes) -> bool:
    """Whether it is a whole, small PNG of 8-bit grey or RGB without transparency."""
    if content[:8] != b"\x89PNG\r\n\x1a\n" or content[12:16] != b"IHDR" or content[-8:-4] != b"IEND":
        return False
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
    depth, kind = content[24], content[25]
    start = content.find(b"IDAT")
    return (
        depth == 8
        and kind in (0, 2)
        and 0 < height * width <= _LARGEST
        and not any(chunk in content[33:start] for chunk in (b"tRNS", b"eXIf"))
    )
