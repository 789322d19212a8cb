"""RandAugment for words, as the paper trains with it (section 4.2): the operations and ranges of PARSeq.

PARSeq (https://github.com/baudm/parseq, ``strhub/data/augment.py``) takes the increasing operations of timm
without sharpness, which works against blurring, with gaussian blur and Poisson noise, and tunes the geometric
ones for words at magnitude 5. What each does is what Pillow does, here in OpenCV and tables, which is several
times as quick; no other package's tables are changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

__all__ = ["OPERATIONS", "Operation", "rand_augment"]

_GREY = (128, 128, 128)  # what comes in from outside the picture
_HIGHEST = 10.0  # magnitude at which an operation is at its strongest
_CHANCE = 0.5  # of a chosen operation to be applied
_INTERPOLATIONS = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)
_LEVELS = np.arange(256)
_LUMA = np.array([19595, 38470, 7471])  # Pillow's weights of red, green and blue, over 65,536

Pixels = np.ndarray
"""(height, width, 3) in uint8 RGB."""


def rand_augment(
    pixels: Pixels, rng: np.random.Generator, *, magnitude: float = 5.0, layers: int = 3
) -> Pixels:
    """``pixels`` (height, width, 3) in uint8 RGB, changed; rotation makes room for itself.

    ``layers`` different operations are drawn, all alike likely, and each is applied with a chance of one
    half at ``magnitude`` (0 to 10). All chance comes from ``rng``. As in PARSeq a picture is changed at its
    own size, before it is resized for the model.
    """
    for number in rng.choice(len(OPERATIONS), size=layers, replace=False):
        if rng.random() < _CHANCE:
            pixels = OPERATIONS[number].apply(pixels, magnitude / _HIGHEST, rng)
    return pixels


@dataclass(frozen=True)
class Operation:
    """A change by its name in timm; ``apply`` takes pixels, a strength from 0 to 1, and chance."""

    name: str
    apply: Callable[[Pixels, float, np.random.Generator], Pixels]


def _sign(rng: np.random.Generator) -> float:
    return 1.0 if rng.random() < 0.5 else -1.0


# Geometry: Pillow's transforms map places of the result, at the middle of pixels, to places of the picture.


def moved(pixels: Pixels, matrix: np.ndarray, size: tuple[int, int], interpolation: int) -> Pixels:
    """The picture of ``size`` (width, height) whose places ``matrix`` (2, 3) maps into ``pixels``."""
    inner = matrix.astype(np.float64)
    # OpenCV counts from the middle of the first pixel, Pillow from its corner.
    inner[:, 2] += inner[:, :2] @ (0.5, 0.5) - 0.5
    return np.asarray(
        cv2.warpAffine(
            pixels,
            inner,
            size,
            flags=interpolation | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=_GREY,
        )
    )


def _affine(
    pixels: Pixels, a: float, b: float, c: float, d: float, e: float, f: float, rng: np.random.Generator
) -> Pixels:
    height, width = pixels.shape[:2]
    interpolation = _INTERPOLATIONS[int(rng.integers(2))]
    return moved(pixels, np.array([[a, b, c], [d, e, f]]), (width, height), interpolation)


def _sheared_x(pixels: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    return _affine(pixels, 1, 0.9 * strength * _sign(rng), 0, 0, 1, 0, rng)


def _sheared_y(pixels: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    return _affine(pixels, 1, 0, 0, 0.2 * strength * _sign(rng), 1, 0, rng)


def _shifted_x(pixels: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    return _affine(pixels, 1, 0, 0.1 * strength * _sign(rng) * pixels.shape[1], 0, 1, 0, rng)


def _shifted_y(pixels: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    return _affine(pixels, 1, 0, 0, 0, 1, 0.3 * strength * _sign(rng) * pixels.shape[0], rng)


def rotated(pixels: Pixels, degrees: float, interpolation: int) -> Pixels:
    """Turned counter-clockwise by ``degrees``, the picture growing so that nothing is cut."""
    height, width = pixels.shape[:2]
    angle = np.deg2rad(-degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]]) - (width / 2, height / 2)
    places = corners @ turn + (width / 2, height / 2)
    size = (np.ceil(places.max(0).round(9)) - np.floor(places.min(0).round(9))).astype(int)
    shift = (width / 2, height / 2) - turn @ (size / 2)
    return moved(pixels, np.column_stack([turn, shift]), (int(size[0]), int(size[1])), interpolation)


def _turned(pixels: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    return rotated(pixels, 30 * strength * _sign(rng), _INTERPOLATIONS[int(rng.integers(2))])


# Levels: a table for each channel, or for all.


def _by_table(pixels: Pixels, table: np.ndarray) -> Pixels:
    return np.asarray(cv2.LUT(pixels, np.clip(table, 0, 255).astype(np.uint8)))


def _inverted(pixels: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    return np.asarray(255 - pixels)


def _posterised(pixels: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    bits = 4 - int(strength * 4)
    return np.asarray(pixels & np.uint8(0xFF << (8 - bits) & 0xFF))


def _solarised(pixels: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    threshold = 256 - min(256, int(strength * 256))
    return _by_table(pixels, np.where(threshold > _LEVELS, _LEVELS, 255 - _LEVELS))


def _solarised_by_adding(pixels: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    add = min(128, int(strength * 110))
    return _by_table(pixels, np.where(_LEVELS < 128, np.minimum(_LEVELS + add, 255), _LEVELS))


def auto_contrast(pixels: Pixels) -> Pixels:
    """Each channel stretched to the full range, as ``ImageOps.autocontrast`` does."""
    tables = np.empty((1, 256, 3), np.uint8)
    for channel in range(3):
        low, high = int(pixels[..., channel].min()), int(pixels[..., channel].max())
        if high <= low:
            tables[0, :, channel] = _LEVELS
        else:
            scale = 255.0 / (high - low)
            tables[0, :, channel] = np.clip((_LEVELS * scale - low * scale).astype(int), 0, 255)
    return np.asarray(cv2.LUT(pixels, tables))


def equalised(pixels: Pixels) -> Pixels:
    """Each channel with all levels alike frequent, as ``ImageOps.equalize`` does."""
    tables = np.empty((1, 256, 3), np.uint8)
    for channel in range(3):
        counts = np.bincount(pixels[..., channel].ravel(), minlength=256)
        used = counts[counts > 0]
        step = (int(used.sum()) - int(used[-1])) // 255
        if len(used) <= 1 or not step:
            tables[0, :, channel] = _LEVELS
        else:
            before = np.concatenate([[0], np.cumsum(counts)[:-1]])
            tables[0, :, channel] = np.minimum((step // 2 + before) // step, 255)
    return np.asarray(cv2.LUT(pixels, tables))


def _auto_contrast(pixels: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    return auto_contrast(pixels)


def _equalised(pixels: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    return equalised(pixels)


def _factor(strength: float, rng: np.random.Generator) -> float:
    """By how much a picture is taken away from its grey, dark or colourless form: 1 is as it is."""
    return max(0.1, 1.0 + 0.9 * strength * _sign(rng))


def grey(pixels: Pixels) -> np.ndarray:
    """The luma (height, width) in uint8, as Pillow rounds it."""
    return np.asarray((pixels @ _LUMA + 0x8000) >> 16, dtype=np.uint8)


def coloured(pixels: Pixels, factor: float) -> Pixels:
    """More or less colourful, as ``ImageEnhance.Color``."""
    plain = cv2.cvtColor(grey(pixels), cv2.COLOR_GRAY2RGB)
    return _blended(plain.astype(np.float32), pixels, factor)


def contrasted(pixels: Pixels, factor: float) -> Pixels:
    """With more or less contrast, as ``ImageEnhance.Contrast``."""
    mean = int(grey(pixels).mean() + 0.5)
    return _by_table(pixels, (mean + factor * (_LEVELS - mean)).clip(0, 255).astype(int))


def brightened(pixels: Pixels, factor: float) -> Pixels:
    """Brighter or darker, as ``ImageEnhance.Brightness``."""
    return _by_table(pixels, (factor * _LEVELS).clip(0, 255).astype(int))


def _blended(other: np.ndarray, pixels: Pixels, factor: float) -> Pixels:
    mixed = other + np.float32(factor) * (pixels.astype(np.float32) - other)
    return np.asarray(np.clip(mixed, 0, 255), dtype=np.uint8)


def _coloured(pixels: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    return coloured(pixels, _factor(strength, rng))


def _contrasted(pixels: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    return contrasted(pixels, _factor(strength, rng))


def _brightened(pixels: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    return brightened(pixels, _factor(strength, rng))


# Blur and noise: bounded by the picture's size, so that small words survive.


def _bounded(level: float, pixels: Pixels, share: float) -> int:
    bound = float(max(1.0, share * max(pixels.shape[:2])))
    return round(min(level, bound))


def _blurred(pixels: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    radius = _bounded(4 * strength, pixels, 0.02)
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), radius)) if radius else pixels


def _noised(pixels: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    """The same Poisson noise, up or down, in all channels."""
    mean = _bounded(40 * strength, pixels, 0.2) | 1
    drawn = rng.choice(_poisson(mean), size=pixels.shape[:2])
    return np.asarray(np.clip(pixels.astype(np.int16) + drawn[..., None], 0, 255), dtype=np.uint8)


@lru_cache(maxsize=64)
def _poisson(mean: int) -> np.ndarray:
    """Noise to draw from, much quicker than a distribution: 16,384 Poisson numbers, half of them negative."""
    rng = np.random.default_rng(mean)
    return np.asarray(rng.poisson(mean, 16384) * np.tile([1, -1], 8192), dtype=np.int16)


OPERATIONS = (
    Operation("AutoContrast", _auto_contrast),
    Operation("Equalize", _equalised),
    Operation("Invert", _inverted),
    Operation("Rotate", _turned),
    Operation("PosterizeIncreasing", _posterised),
    Operation("SolarizeIncreasing", _solarised),
    Operation("SolarizeAdd", _solarised_by_adding),
    Operation("ColorIncreasing", _coloured),
    Operation("ContrastIncreasing", _contrasted),
    Operation("BrightnessIncreasing", _brightened),
    Operation("ShearX", _sheared_x),
    Operation("ShearY", _sheared_y),
    Operation("TranslateXRel", _shifted_x),
    Operation("TranslateYRel", _shifted_y),
    Operation("GaussianBlur", _blurred),
    Operation("PoissonNoise", _noised),
)
