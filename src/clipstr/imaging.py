"""Pictures in: bytes to a safe RGB image as a person sees it, for training, evaluation and reading alike."""

from __future__ import annotations

import importlib
import io
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO, Union, cast

import numpy as np
from PIL import Image

from clipstr.errors import (
    DamagedImageError,
    EmptyImageError,
    ImageError,
    ImageNotFoundError,
    ImageTooLargeError,
    NotAnImageError,
)

__all__ = ["MAX_PIXELS", "ImageSource", "describe", "load_image", "picture_size"]

ImageSource = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview, BinaryIO, Image.Image, np.ndarray]
"""What can be read: a path, encoded bytes, an open binary file, a Pillow image or an array of pixels."""

MAX_PIXELS = 1 << 27
"""The most pixels that are unpacked (134 million): beyond are mistakes and decompression bombs."""

_FORMATS = (  # where in the file, what stands there, Pillow's name of the format and of its plugin
    (0, (b"\x89PNG\r\n\x1a\n",), "PNG", "PngImagePlugin"),
    (0, (b"\xff\xd8\xff",), "JPEG", "JpegImagePlugin"),
    (8, (b"WEBP",), "WEBP", "WebPImagePlugin"),
    (0, (b"GIF87a", b"GIF89a"), "GIF", "GifImagePlugin"),
    (0, (b"BM",), "BMP", "BmpImagePlugin"),
    (0, (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "TIFF", "TiffImagePlugin"),
    (0, (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6"), "PPM", "PpmImagePlugin"),
    (0, (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"), "JPEG2000", "Jpeg2KImagePlugin"),
    (4, (b"ftypavif", b"ftypavis"), "AVIF", "AvifImagePlugin"),
    (4, (b"ftyphei", b"ftyphev", b"ftypmif1", b"ftypmsf1"), "HEIF", "HeifImagePlugin"),
)
_LONGEST_SIGNATURE = 16  # bytes

_ENOUGH = 1024  # pixels a side: a larger JPEG may be unpacked at a fraction of its size, but not below this
_LEAST_CONTRAST = 64  # of 255: a transparent picture with less than this on white would hardly be seen

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

_warnings_lock = threading.Lock()


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
        return _as_seen(source, name)
    with _stream(source, name) as stream, _opened(stream, name) as picture:
        if enough is not None:
            _draft(picture, name, enough)
        return _as_seen(picture, name)


def picture_size(source: str | os.PathLike[str] | bytes | BinaryIO) -> tuple[int, int]:
    """Width and height in pixels as the head of the file ``source`` says them; nothing is decoded.

    Raises an `ImageError` as `load_image` does for what a head can tell.
    """
    name = describe(source)
    with _stream(source, name) as stream, _opened(stream, name) as picture:
        width, height = picture.size
    return width, height


def _stream(source: ImageSource, name: str) -> AbstractContextManager[BinaryIO]:
    """The encoded bytes of ``source``, to be closed by leaving the context unless the caller opened them."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return io.BytesIO(source)
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        try:
            return path.open("rb")
        except FileNotFoundError as error:
            raise ImageNotFoundError(f"{name}: there is no such file") from error
        except (OSError, ValueError) as error:
            # Windows speaks of a folder as of a missing permission.
            problem = "a folder, not a picture" if path.is_dir() else f"cannot be opened: {error}"
            raise ImageNotFoundError(f"{name}: {problem}") from error
    if hasattr(source, "read"):
        return nullcontext(cast("BinaryIO", source))
    raise NotAnImageError(f"{name}: give a path, bytes, an open file, a Pillow image or an array")


def _opened(stream: BinaryIO, name: str) -> Image.Image:
    """The picture in ``stream``, its header read and nothing decoded yet."""
    try:
        rewinds = hasattr(stream, "seekable") and stream.seekable()
        if rewinds:
            stream.seek(0)
        start = stream.read(_LONGEST_SIGNATURE)
        format_ = _format(start, name)
        content = stream if rewinds else io.BytesIO(start + stream.read())
    except (OSError, ValueError, TypeError) as error:
        if isinstance(error, ImageError):
            raise
        raise ImageNotFoundError(f"{name}: cannot be read as a binary file: {error}") from error
    try:
        with _quietly():
            return Image.open(content, formats=(format_,))
    except Image.DecompressionBombError as error:
        raise ImageTooLargeError(f"{name}: {error}") from error
    except Exception as error:  # Pillow's plugins raise nearly anything on damaged headers
        raise DamagedImageError(f"{name}: a {format_} file, damaged or cut short at its beginning") from error


def _draft(picture: Image.Image, name: str, enough: int) -> None:
    """Has a JPEG of many megapixels unpacked at a fraction of its size; only a JPEG can do it."""
    try:
        picture.draft(None, (enough, enough))
    except Exception as error:
        raise DamagedImageError(f"{name}: the picture is damaged at its beginning") from error


def _format(start: bytes, name: str) -> str:
    """Pillow's name of the format that begins with the bytes ``start``, its plugin being there."""
    if not start:
        raise EmptyImageError(f"{name}: empty, there are no bytes to read")
    for offset, signatures, format_, plugin in _FORMATS:
        if not start[offset:].startswith(signatures):
            continue
        try:
            if format_ not in Image.OPEN:
                importlib.import_module(f"PIL.{plugin}")
        except ImportError as error:  # HEIF's comes from another package
            raise NotAnImageError(f"{name}: Pillow cannot open {format_} here; save it as PNG") from error
        return format_
    raise NotAnImageError(f"{name}: no picture in a format we know; save it as PNG or JPEG")


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
        with _quietly() if picture.format == "TIFF" else nullcontext():  # it warns while it decodes
            picture.load()
        turn = _UPRIGHT.get(_orientation(picture))
        upright = picture if turn is None else picture.transpose(turn)
        if upright.mode in ("I", "F") or upright.mode.startswith("I;16"):
            seen = _grey_levels(upright, picture.format).convert("RGB")
        elif upright.has_transparency_data:
            seen = _on_background(upright.convert("RGBA"))
        else:
            seen = upright.convert("RGB")
    except Exception as error:  # and on damaged pixels, too
        raise DamagedImageError(f"{name}: the picture is damaged or cut short: {error}") from error
    # It would otherwise say that it is to be turned, and would be, if it came here again.
    seen.info.clear()
    return seen


def _orientation(picture: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) where there is none or what is there cannot be understood."""
    try:
        with _quietly():
            return int(picture.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # a picture with damaged notes on it is still a picture
        return 1


@contextmanager
def _quietly() -> Iterator[None]:
    """Pillow's warnings are not shown: we have limits and errors of our own.

    Python keeps one list of warning filters for all threads, so only one may change it at a time, and
    whatever takes long is better done outside.
    """
    with _warnings_lock, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


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
    """A transparent picture laid on white, or on black if it can hardly be seen there and better here."""
    on_white, on_black = (_laid_on(level, picture) for level in (255, 0))
    contrast = _contrast(on_white)
    return on_black if contrast < min(_LEAST_CONTRAST, _contrast(on_black)) else on_white


def _laid_on(level: int, picture: Image.Image) -> Image.Image:
    background = Image.new("RGBA", picture.size, (level, level, level, 255))
    return Image.alpha_composite(background, picture).convert("RGB")


def _contrast(picture: Image.Image) -> int:
    levels = np.asarray(picture.convert("L"))
    return int(levels.max()) - int(levels.min())


def _from_array(pixels: np.ndarray, name: str) -> Image.Image:
    """An array of pixels as an RGB image."""
    if 0 in pixels.shape or pixels.ndim < 2:
        raise EmptyImageError(f"{name}: the array has no pixels")
    if pixels.ndim > 3 or (pixels.ndim == 3 and pixels.shape[2] not in (1, 3, 4)):
        raise NotAnImageError(f"{name}: pixels are (height, width) or (height, width, 1, 3 or 4)")
    if pixels.shape[0] * pixels.shape[1] > MAX_PIXELS:
        raise ImageTooLargeError(f"{name}: more than {MAX_PIXELS} pixels")
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
