"""Pictures in: bytes to a safe RGB image as a person sees it, and from there to a model's input.

This is the one preprocessing, used in training, evaluation and reading alike.
"""

from __future__ import annotations

import io
import os
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Union

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from clipstr.errors import (
    DamagedImageError,
    EmptyImageError,
    ImageError,
    ImageNotFoundError,
    ImageTooLargeError,
    InputError,
    NotAnImageError,
)

__all__ = ["MAX_PIXELS", "ImageSource", "Preprocessing", "describe", "load_image"]

ImageSource = Union[str, "os.PathLike[str]", bytes, BinaryIO, Image.Image, np.ndarray]
"""What can be read: a path, encoded bytes, an open binary file, a Pillow image or an array of pixels."""

MAX_PIXELS = 1 << 27
"""The most pixels that are unpacked (134 million): beyond are mistakes and decompression bombs."""

_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)


def describe(source: ImageSource) -> str:
    """A short name of ``source`` for messages: its path, or what kind of thing it is."""
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source)
    if isinstance(source, np.ndarray):
        return f"array of shape {source.shape}"
    if isinstance(source, Image.Image):
        return f"{source.mode} image of {source.width}x{source.height} pixels"
    return f"{len(source)} bytes" if isinstance(source, bytes) else str(getattr(source, "name", "open file"))


def load_image(source: ImageSource) -> Image.Image:
    """``source`` as an RGB image as a person sees it.

    EXIF orientation is applied; transparency lies on white, or on black where the picture itself is so
    light that it would vanish; 16-bit and floating-point greys are scaled to 8 bits; of an animation
    the first frame counts. Arrays are (height, width), or (height, width, 1, 3 or 4), in uint8, uint16,
    bool, or float from 0 to 1.

    Raises an `ImageError` of the kind that tells what is wrong, naming the source.
    """
    name = describe(source)
    if isinstance(source, np.ndarray):
        return _from_array(source, name)
    try:
        if isinstance(source, Image.Image):
            return _as_seen(source, name)
        with _opened(source, name) as picture:
            return _as_seen(picture, name)
    except ImageError:
        raise
    except (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        IndexError,
        KeyError,
        TypeError,
        MemoryError,
    ) as error:
        # Pillow's decoders raise all of these on damaged files.
        raise DamagedImageError(f"{name}: the picture is damaged or cut short: {error}") from error


def _opened(source: str | os.PathLike[str] | bytes | BinaryIO, name: str) -> Image.Image:
    """The opened, not yet decoded picture, after checking that it may be decoded."""
    content = source if isinstance(source, bytes) else _content(source, name)
    if not content:
        raise EmptyImageError(f"{name}: empty, there are no bytes to read")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # we have a limit of our own, and tell damage ourselves
            picture = Image.open(io.BytesIO(content))
    except Image.DecompressionBombError as error:
        raise ImageTooLargeError(f"{name}: {error}") from error
    except UnidentifiedImageError as error:
        raise NotAnImageError(f"{name}: no picture in a format we know") from error
    return picture


def _content(source: str | os.PathLike[str] | BinaryIO, name: str) -> bytes:
    if not isinstance(source, (str, os.PathLike)):
        return source.read()
    try:
        return Path(source).read_bytes()
    except FileNotFoundError as error:
        raise ImageNotFoundError(f"{name}: there is no such file") from error
    except IsADirectoryError as error:
        raise ImageNotFoundError(f"{name}: a folder, not a picture") from error
    except (OSError, ValueError) as error:
        raise ImageNotFoundError(f"{name}: cannot be opened: {error}") from error


def _as_seen(picture: Image.Image, name: str) -> Image.Image:
    """``picture`` decoded, turned upright, without transparency, in 8-bit RGB."""
    width, height = picture.size
    if not width or not height:
        raise EmptyImageError(f"{name}: the picture has no pixels ({width}x{height})")
    if width * height > MAX_PIXELS:
        raise ImageTooLargeError(
            f"{name}: {width}x{height} pixels are more than the {MAX_PIXELS} that we unpack; "
            "crop it, or make it smaller"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        picture.load()
        upright = ImageOps.exif_transpose(picture)
        if upright.mode in ("I", "F") or upright.mode.startswith("I;16"):
            return _grey_levels(np.asarray(upright), upright.mode).convert("RGB")
        if "transparency" in upright.info or upright.mode in ("RGBA", "LA", "PA", "La", "RGBa"):
            return _on_background(upright.convert("RGBA"))
        return upright.convert("RGB")


def _grey_levels(levels: np.ndarray, mode: str) -> Image.Image:
    """High-range greys in 8 bits: 16-bit ones by their full range, others stretched if they exceed 8 bits."""
    values = np.nan_to_num(levels.astype(np.float64))
    if mode == "F" and values.min() >= 0 and values.max() <= 1:
        values = values * 255
    elif mode.startswith("I") and values.min() >= 0 and 255 < values.max() <= 65535:
        values = values / 257
    elif values.min() < 0 or values.max() > 255:
        values = (values - values.min()) * (255 / max(float(np.ptp(values)), 1e-12))
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def _on_background(picture: Image.Image) -> Image.Image:
    """A transparent picture laid on white, or on black if what is opaque is nearly white itself."""
    pixels = np.asarray(picture)
    alpha = pixels[..., 3].astype(np.float64)
    lightness = (pixels[..., :3].mean(-1) * alpha).sum() / max(alpha.sum(), 1.0)
    hidden = alpha.min() < 128 and lightness > 224
    background = Image.new("RGBA", picture.size, (*(_BLACK if hidden else _WHITE), 255))
    return Image.alpha_composite(background, picture).convert("RGB")


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


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """How a picture becomes a model's input; it travels inside the model's config."""

    height: int = 32  # pixels
    width: int = 128  # pixels
    mean: float = 0.5  # subtracted from values of 0 to 1
    deviation: float = 0.5  # divided by, after that

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1 or self.deviation <= 0:
            raise InputError(f"a picture cannot be prepared as {self}: sizes and deviation must be above 0")

    def resize(self, picture: Image.Image) -> np.ndarray:
        """The RGB ``picture`` as pixels (height, width, 3) in uint8: bicubic, its aspect not kept."""
        # A huge picture is halved by box filter first, which is quicker and looks the same.
        small = picture.resize((self.width, self.height), Image.Resampling.BICUBIC, reducing_gap=3.0)
        return np.asarray(small)

    def normalise(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels (..., height, width, 3) in uint8 as inputs (..., 3, height, width) in float32."""
        scaled = (pixels.astype(np.float32) / 255 - self.mean) / self.deviation
        return np.ascontiguousarray(np.moveaxis(scaled, -1, -3), dtype=np.float32)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for `config.json`."""
        return asdict(self)
