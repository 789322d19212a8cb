"""Laying colour on a picture, quickly: NumPy is slow where three channels share one value a pixel."""

from __future__ import annotations

import cv2
import numpy as np

__all__ = ["over", "plain", "shaded", "tinted"]


def plain(height: int, width: int, colour: np.ndarray) -> np.ndarray:
    """A picture (height, width, 3) in float32 of one ``colour`` (3,)."""
    return np.asarray(cv2.merge([np.full((height, width), float(value), np.float32) for value in colour]))


def over(picture: np.ndarray, coverage: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """``picture`` with ``colour``, (3,) or a picture, laid over it where ``coverage`` (height, width) is."""
    away = cv2.subtract(picture, _scalar(colour)) if colour.ndim == 1 else picture - colour
    return np.asarray(picture - np.asarray(away) * _three(coverage))


def shaded(picture: np.ndarray, light: np.ndarray) -> np.ndarray:
    """``picture`` with all channels brightened by ``light`` (height, width)."""
    return np.asarray(picture + _three(light))


def tinted(picture: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """``picture`` with each channel times its one of ``factors`` (3,)."""
    return np.asarray(cv2.transform(picture, np.diag(factors).astype(np.float32)))


def _three(mask: np.ndarray) -> np.ndarray:
    mask = np.asarray(mask, np.float32)
    return np.asarray(cv2.merge((mask, mask, mask)))


def _scalar(colour: np.ndarray) -> tuple[float, float, float, float]:
    return float(colour[0]), float(colour[1]), float(colour[2]), 0.0
