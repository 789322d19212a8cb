"""Random changes that leave a real crop readable: another view, another light, another camera."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from clipstr.data.randaugment import rand_augment

__all__ = ["AUGMENTATIONS", "augment"]

_WORKING_HEIGHT = 64  # pixels: twice what a recogniser sees, and small enough to be quick


def augment(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A changed copy of ``pixels`` (height, width, 3) in uint8 RGB, at most 64 pixels high.

    All chance comes from ``rng``.
    """
    pixels = _shrunk(pixels)
    if rng.random() < 0.7:
        pixels = _seen_otherwise(pixels, rng)
    if rng.random() < 0.5:
        pixels = _lit_otherwise(pixels, rng)
    if rng.random() < 0.3:
        pixels = _blurred(pixels, rng)
    if rng.random() < 0.25:
        noise = rng.normal(0, rng.uniform(3, 18), pixels.shape).astype(np.float32)
        pixels = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.25:
        pixels = _compressed(pixels, int(rng.integers(15, 75)))
    return pixels


def _shrunk(pixels: np.ndarray) -> np.ndarray:
    height, width = pixels.shape[:2]
    if height <= _WORKING_HEIGHT:
        return pixels
    size = (max(round(width * _WORKING_HEIGHT / height), 1), _WORKING_HEIGHT)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))


def _seen_otherwise(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rotated a little, sheared, its corners moved, its borders cut or widened."""
    height, width = pixels.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    jitter = rng.normal(0, 0.045, (4, 2)) * (height, height)
    margin = rng.normal(0, 0.04, (2,)) * (height, height)  # one sign cuts, the other widens
    outwards = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    angle = np.deg2rad(rng.normal(0, 5))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shear = np.array([[1, rng.normal(0, 0.12)], [0, 1]])
    centre = corners.mean(0)
    moved = (corners - centre) @ (turn @ shear).T + centre + jitter + outwards * margin
    transform = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    moved_pixels = cv2.warpPerspective(pixels, transform, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved_pixels)


def _lit_otherwise(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Other contrast, brightness, gamma and colour; now and then a negative or grey."""
    values = pixels.astype(np.float32) / 255
    values = values ** np.float32(np.exp(rng.normal(0, 0.3)))
    values = (values - 0.5) * np.float32(np.exp(rng.normal(0, 0.25))) + 0.5 + np.float32(rng.normal(0, 0.08))
    values *= np.exp(rng.normal(0, 0.08, 3)).astype(np.float32)
    if rng.random() < 0.15:
        values = 1 - values
    if rng.random() < 0.15:
        values = np.repeat(values.mean(2, keepdims=True), 3, axis=2)
    return np.clip(values * 255, 0, 255).astype(np.uint8)


def _blurred(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Out of focus, or taken from farther away."""
    height, width = pixels.shape[:2]
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.3, 0.03 * height + 0.5)))
    scale = rng.uniform(0.3, 0.9)
    small = (max(round(width * scale), 8), max(round(height * scale), 8))
    coarse = cv2.resize(pixels, small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR))


def _compressed(pixels: np.ndarray, quality: int) -> np.ndarray:
    _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))


def _unchanged(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """``pixels`` as they are."""
    return pixels


AUGMENTATIONS: Mapping[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "none": _unchanged,
    "camera": augment,
    "rand": rand_augment,
}
"""The augmentations by name; "rand" is the paper's."""
