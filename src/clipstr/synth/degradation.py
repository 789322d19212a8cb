"""What light, lenses, sensors and files do to a picture before anybody reads it."""

from __future__ import annotations

import cv2
import numpy as np

__all__ = ["degraded"]


def degraded(picture: np.ndarray, rng: np.random.Generator, difficulty: float) -> np.ndarray:
    """The float ``picture`` (height, width, 3) as a file would have it, in uint8."""
    if rng.random() < 0.3 * difficulty:
        picture = picture * _uneven_light(picture.shape[0], picture.shape[1], rng)
    if rng.random() < 0.12 * difficulty:
        picture = picture + _glare(picture.shape[0], picture.shape[1], rng)
    if rng.random() < 0.05 + 0.4 * difficulty:
        picture = _blurred(picture, rng, difficulty)
    if rng.random() < 0.3 * difficulty:
        noise = rng.standard_normal(picture.shape, np.float32)
        picture = picture + noise * np.float32(rng.uniform(0.01, 0.09))
    if rng.random() < 0.1 * difficulty:
        picture = 1 - picture
    if rng.random() < 0.1:
        picture = np.repeat(picture.mean(2, keepdims=True), 3, axis=2)
    pixels = np.clip(picture * 255, 0, 255).astype(np.uint8)
    if rng.random() < 0.35 * difficulty:
        quality = int(rng.integers(18, 80))
        _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
        pixels = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))
    return np.asarray(pixels)


def _uneven_light(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    across, down = rng.normal(0, 0.25, 2).astype(np.float32)
    columns = np.linspace(-1, 1, width, dtype=np.float32)[None, :, None]
    rows = np.linspace(-1, 1, height, dtype=np.float32)[:, None, None]
    return np.asarray(1 + across * columns + down * rows)


def _glare(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """A soft spot, brighter or darker."""
    spot = np.zeros((height, width), np.float32)
    centre = (int(rng.integers(width)), int(rng.integers(height)))
    cv2.circle(spot, centre, int(rng.integers(3, max(height, 4))), 1.0, -1)
    soft = np.asarray(cv2.GaussianBlur(spot, (0, 0), max(height / 6, 1)))
    return np.asarray(soft[..., None] * np.float32(rng.uniform(-0.3, 0.4)))


def _blurred(picture: np.ndarray, rng: np.random.Generator, difficulty: float) -> np.ndarray:
    """Out of focus, moved, or taken from far away."""
    height, width = picture.shape[:2]
    kind = rng.random()
    if kind < 0.5:
        return np.asarray(
            cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 0.05 * height * difficulty + 0.5))
        )
    if kind < 0.7:
        return np.asarray(cv2.filter2D(picture, -1, _motion(int(rng.integers(3, 4 + height // 5)), rng)))
    scale = rng.uniform(8, 22) / height
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
