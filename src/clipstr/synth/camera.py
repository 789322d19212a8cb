"""What light, lenses, sensors and files do to a picture before anybody reads it."""

from __future__ import annotations

import cv2
import numpy as np

from clipstr.synth.colours import LUMA
from clipstr.synth.config import Camera
from clipstr.synth.painting import shaded, tinted

__all__ = ["taken"]


def taken(
    picture: np.ndarray,
    rng: np.random.Generator,
    difficulty: float,
    rates: Camera,
    *,
    unit: float | None = None,
) -> np.ndarray:
    """The float ``picture`` (height, width, 3), 0 to 1, as a file would have it, in uint8.

    ``unit`` is the height in pixels of a crop of its words, which says how much blur they bear; without one
    the picture is such a crop.
    """
    height, width = picture.shape[:2]
    unit = unit or float(height)
    chance = rng.random(9) / max(difficulty, 1e-9)
    if chance[0] < rates.light:
        light = _uneven_light(height, width, rng)
        picture = picture * cv2.merge((light, light, light))
    if chance[1] < rates.glare:
        picture = shaded(picture, _glare(height, width, rng))
    if chance[2] < rates.cast:
        picture = tinted(picture, np.exp(rng.normal(0, 0.12, 3)))
    if chance[3] < rates.exposure:
        gamma = float(np.exp(rng.normal(0, 0.35)))
        picture = np.asarray(cv2.pow(np.clip(picture, 0, 1), gamma))
    if rng.random() < rates.bloom * difficulty:
        picture = _bloomed(picture, rng, unit)
    if chance[4] < rates.motion + rates.small + rates.defocus:
        picture = _blurred(picture, chance[4], rng, rates, unit)
    if chance[5] < rates.noise:
        picture = picture + _noise(height, width, rng) * np.float32(rng.uniform(0.001, 0.018))
    if chance[6] < rates.sharpened:
        soft = np.asarray(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.6, 1.6))))
        picture = picture + (picture - soft) * np.float32(rng.uniform(0.5, 1.8))
    if chance[7] < rates.grey:
        picture = np.asarray(cv2.transform(picture, np.tile(LUMA, (3, 1))))
    # Rounded and cut to 0 ... 255 by OpenCV, which sees one channel, since a number is one channel's.
    pixels = np.asarray(cv2.multiply(picture.reshape(height, -1), 255.0, dtype=cv2.CV_8U))
    pixels = pixels.reshape(height, width, 3)
    if chance[8] < rates.compression:
        quality = int(rng.integers(15, 85))
        _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
        pixels = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))
    return np.asarray(pixels)


def _uneven_light(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """A slope of light, or now and then the straight edge of a shadow."""
    across, down = rng.normal(0, 0.25, 2).astype(np.float32)
    columns = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    rows = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    slope = across * columns + down * rows
    if rng.random() < 0.3:
        dark = 1 / (1 + np.exp(-np.clip(slope * np.float32(rng.uniform(20, 120)), -30, 30)))
        return np.asarray(1 - np.float32(rng.uniform(0.2, 0.5)) * dark, np.float32)
    return np.asarray(1 + slope, np.float32)


def _noise(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """A sensor's noise (height, width, 3) of deviation 1; the channels share a pattern, each shifted."""
    grain = rng.standard_normal((height, width), np.float32)
    return np.asarray(cv2.merge((grain, np.roll(grain, (1, 7), (0, 1)), np.roll(grain, (3, 2), (0, 1)))))


def _glare(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """A soft spot, brighter or darker."""
    spot = np.zeros((height, width), np.float32)
    centre = (int(rng.integers(width)), int(rng.integers(height)))
    cv2.circle(spot, centre, int(rng.integers(3, max(height, 4))), 1.0, -1)
    soft = np.asarray(cv2.GaussianBlur(spot, (0, 0), max(height / 6, 1)))
    return np.asarray(soft * np.float32(rng.uniform(-0.3, 0.6)))


def _bloomed(picture: np.ndarray, rng: np.random.Generator, unit: float) -> np.ndarray:
    """``picture`` exposed so long that what is bright spills over, as lit signs do."""
    bright = np.clip(picture * np.float32(rng.uniform(1.0, 1.7)), 0, 1)
    halo = np.asarray(cv2.GaussianBlur(np.maximum(bright - 0.6, 0), (0, 0), 0.03 * unit + 0.5))
    return np.asarray(bright + halo * np.float32(rng.uniform(0.5, 2.0)))


def _blurred(
    picture: np.ndarray, chance: float, rng: np.random.Generator, rates: Camera, unit: float
) -> np.ndarray:
    """``picture`` moved, enlarged from a tiny one, or out of focus: that whose rate ``chance`` falls in."""
    if chance < rates.motion:
        size = int(rng.integers(3, 4 + int(unit) // 5))
        return np.asarray(cv2.filter2D(picture, -1, _motion(size, rng)))
    if chance < rates.motion + rates.small:
        return _enlarged(picture, rng, unit)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.3, 0.4 + 0.055 * unit))))


def _enlarged(picture: np.ndarray, rng: np.random.Generator, unit: float) -> np.ndarray:
    """``picture`` taken from far away, and enlarged again."""
    height, width = picture.shape[:2]
    scale = float(rng.uniform(8, 20)) / unit
    if scale >= 1:
        return picture
    small = (max(int(width * scale), 4), max(int(height * scale), 4))
    coarse = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
    again = cv2.INTER_LINEAR if rng.random() < 0.5 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=again))


def _motion(size: int, rng: np.random.Generator) -> np.ndarray:
    """The kernel of a straight movement over ``size`` pixels."""
    kernel = np.zeros((size, size), np.float32)
    angle = rng.uniform(0, np.pi)
    middle, reach = size / 2, np.array([np.cos(angle), np.sin(angle)]) * size / 2
    start = (int(middle - reach[0]), int(middle - reach[1]))
    end = (int(middle + reach[0]), int(middle + reach[1]))
    cv2.line(kernel, start, end, 1.0, 1)
    kernel[size // 2, size // 2] = 1
    return np.asarray(kernel / kernel.sum())
