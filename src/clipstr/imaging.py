"""Pictures in: bytes to a safe RGB image as a person sees it, for training, evaluation and reading alike."""

from __future__ import annotations

import os
from contextlib import nullcontext
from typing import BinaryIO, Union

import numpy as np
from PIL import Image

from clipstr.encoded import content_of, is_encoded, not_decoded, opened, quietly, without_notes
from clipstr.errors import DamagedImageError, EmptyImageError, ImageTooLargeError, NotAnImageError
from clipstr.forking import ObjectLocks

__all__ = ["MAX_PIXELS", "ImageSource", "describe", "load_image", "picture_size"]

ImageSource = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview, BinaryIO, Image.Image, np.ndarray]
"""What can be read: a path, encoded bytes, an open binary file, a Pillow image or an array of pixels."""

MAX_PIXELS = 1 << 27
"""The most pixels that are unpacked (134 million): beyond are mistakes and decompression bombs."""

_ENOUGH = 1024  # pixels a side: a larger JPEG may be unpacked at a fraction of its size, but not below this
_LEAST_CONTRAST = 96  # of 255: letters that are nearer to white, on the whole, are put on black
_PANEL = 0.75  # of a transparent picture: if more is opaque it is no bare letters

_ORIENTATION_TAG = 274  # EXIF 2.32, section 4.6.4; what undoes each of its values:
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_locks = ObjectLocks()


def describe(source: ImageSource) -> str:
    """A short name of ``source`` for messages: its path, or what kind of thing it is."""
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source)
    if isinstance(source, np.ndarray):
        return f"array of shape {source.shape}"
    if isinstance(source, Image.Image):
        return f"{source.mode} image of {source.width}x{source.height} pixels"
    if isinstance(source, (bytes, bytearray, memoryview)):
        return f"{len(source)} bytes"
    return str(getattr(source, "name", f"{type(source).__name__} object"))


def load_image(source: ImageSource, *, enough: int | None = _ENOUGH) -> Image.Image:
    """``source`` as an RGB image as a person sees it, always a new one.

    EXIF orientation is applied; transparency lies on white, or on black where the picture would vanish on
    white; 16-bit and floating-point greys are scaled to 8 bits; of an animation the first frame counts. A
    JPEG of many megapixels may come at a half, a quarter or an eighth of its size, but with ``enough``
    pixels a side; with ``enough`` None it comes whole. Arrays are (height, width), or (height, width, 1, 3
    or 4) with colours in the order RGB, in uint8, uint16, bool, or float from 0 to 1.

    Raises an `ImageError` of the kind that tells what is wrong, naming the source. The formats are
    told by their first bytes and are raster formats only: nothing in a file is ever run.
    """
    name = describe(source)
    if isinstance(source, np.ndarray):
        return _from_array(source, name)
    if isinstance(source, Image.Image):
        # Another thread may be the first to look at the same picture, and both would unpack it.
        with _locks.of(source):
            return _as_seen(source, name)
    with content_of(source, name) as content:
        try:
            return _decoded(content, name, enough)
        except DamagedImageError:
            plain = without_notes(content)
            if plain is None:
                raise
            return _decoded(plain, name, enough)


def picture_size(source: str | os.PathLike[str] | bytes | BinaryIO) -> tuple[int, int]:
    """Width and height in pixels as the head of the file ``source`` says them; nothing is decoded.

    Raises an `ImageError` as `load_image` does for what a head can tell.
    """
    name = describe(source)
    with content_of(source, name) as content:
        try:
            width, height = opened(content, name).size
        except DamagedImageError:
            plain = without_notes(content)
            if plain is None:
                raise
            width, height = opened(plain, name).size
    return width, height


def _decoded(content: BinaryIO, name: str, enough: int | None) -> Image.Image:
    picture = opened(content, name)
    if enough is not None:
        _draft(picture, name, enough)
    return _as_seen(picture, name)


def _draft(picture: Image.Image, name: str, enough: int) -> None:
    """Has a JPEG of many megapixels unpacked at a fraction of its size; only a JPEG can do it."""
    try:
        picture.draft(None, (enough, enough))
    except Exception as error:
        raise DamagedImageError(f"{name}: the picture is damaged at its beginning") from error


def _check_size(picture: Image.Image, name: str) -> None:
    width, height = picture.size
    if not width or not height:
        raise EmptyImageError(f"{name}: the picture has no pixels ({width}x{height})")
    if width * height > MAX_PIXELS:
        raise ImageTooLargeError(f"{name}: {width}x{height} pixels, more than {MAX_PIXELS}; make it smaller")


def _as_seen(picture: Image.Image, name: str) -> Image.Image:
    """``picture`` decoded, turned upright, without transparency, in 8-bit RGB; a new image."""
    _check_size(picture, name)
    try:
        with quietly() if picture.format == "TIFF" else nullcontext():  # it warns while it decodes
            picture.load()
        turn = _UPRIGHT.get(_orientation(picture))
        upright = picture if turn is None else picture.transpose(turn)
        if upright.mode in ("I", "F") or upright.mode.startswith("I;16"):
            seen = _grey_levels(upright, picture.format).convert("RGB")
        elif upright.has_transparency_data:
            # Pillow goes from this one only to its plain sibling.
            plain = upright.convert("LA") if upright.mode == "La" else upright
            seen = _on_background(plain.convert("RGBA"))
        else:
            seen = upright.convert("RGB")
    except Exception as error:  # and on damaged pixels, too
        raise not_decoded(error, name) from error
    # It would otherwise say that it is to be turned, and would be, if it came here again.
    seen.info.clear()
    return seen


def _orientation(picture: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) where there is none or what is there cannot be understood."""
    try:
        with quietly():
            return int(picture.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # a picture with damaged notes on it is still a picture
        return 1


def _grey_levels(picture: Image.Image, format_: str | None) -> Image.Image:
    """High-range greys in 8 bits: 16-bit ones by their full range, others stretched if they exceed it.

    Pillow holds 16-bit greys in 32 bits, too: always those of PNG and PPM, and else those that fit.
    """
    levels = np.asarray(picture)
    if picture.mode.startswith("I;16"):
        return Image.fromarray(((levels.astype(np.uint32) + 128) // 257).astype(np.uint8))
    values = np.nan_to_num(levels.astype(np.float32), posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if picture.mode == "I" and (format_ in ("PNG", "PPM") or (low >= 0 and 255 < high <= 65535)):
        values /= 257
    elif picture.mode == "F" and low >= 0 and high <= 1:
        values *= 255
    elif low < 0 or high > 255:
        values = (values - low) * (255 / max(high - low, 1e-12))
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def _on_background(picture: Image.Image) -> Image.Image:
    """A transparent picture laid on white, or on black if its letters could hardly be seen on white.

    What covers most of its picture has a ground of its own. Else the opaque pixels are the letters, and how
    far all of them are from white decides: a few stray pixels say nothing.
    """
    levels = np.asarray(picture.convert("RGB").convert("L"), np.float32)
    weights = np.asarray(picture.getchannel("A"), np.float32) / 255
    if weights.mean() > _PANEL or not weights.any():
        return _laid_on(255, picture)
    level = float((levels * weights).sum() / weights.sum())
    return _laid_on(0 if 255 - level < min(_LEAST_CONTRAST, level) else 255, picture)


def _laid_on(level: int, picture: Image.Image) -> Image.Image:
    background = Image.new("RGBA", picture.size, (level, level, level, 255))
    return Image.alpha_composite(background, picture).convert("RGB")


def _from_array(pixels: np.ndarray, name: str) -> Image.Image:
    """An array of pixels as an RGB image."""
    if 0 in pixels.shape or pixels.ndim == 0:
        raise EmptyImageError(f"{name}: the array has no pixels")
    if pixels.dtype == np.uint8 and pixels.size == max(pixels.shape) and is_encoded(pixels.tobytes()[:64]):
        return load_image(pixels.tobytes())  # what an encoder returned, as cv2.imencode does
    if pixels.ndim == 1:
        raise NotAnImageError(f"{name}: a row of numbers is no picture; pixels are (height, width)")
    if pixels.ndim > 3 or (pixels.ndim == 3 and pixels.shape[2] not in (1, 3, 4)):
        raise NotAnImageError(f"{name}: pixels are (height, width) or (height, width, 1, 3 or 4)")
    if pixels.shape[0] * pixels.shape[1] > MAX_PIXELS:
        raise ImageTooLargeError(f"{name}: more than {MAX_PIXELS} pixels")
    pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)  # files may be big-endian
    if pixels.dtype == np.bool_:
        pixels = pixels * np.uint8(255)
    elif pixels.dtype == np.uint16:
        pixels = np.rint(pixels / 257).astype(np.uint8)
    elif np.issubdtype(pixels.dtype, np.floating):
        if not np.isfinite(pixels).all() or pixels.min() < 0 or pixels.max() > 1:
            raise NotAnImageError(f"{name}: floating-point pixels go from 0 to 1")
        pixels = np.rint(pixels * 255).astype(np.uint8)
    elif pixels.dtype != np.uint8:
        raise NotAnImageError(f"{name}: pixels of type {pixels.dtype}; use uint8, uint16, bool or float")
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    return _as_seen(Image.fromarray(np.ascontiguousarray(pixels)), name)
