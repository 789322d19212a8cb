"""Where a word lies in its picture: seen from the side, turned, slanted, cropped well or badly."""

from __future__ import annotations

import cv2
import numpy as np

from clipstr.synth.drawing import Mask

__all__ = ["place_word"]

WIDEST, HIGHEST = 600, 160  # pixels of the largest canvas


def place_word(ink: Mask, rng: np.random.Generator, difficulty: float) -> np.ndarray:
    """How much of ``ink`` covers each pixel of its picture, (height, width) in float32 from 0 to 1.

    The picture has about the size that word crops have, and is seen from somewhere.

    Letters are 24 to 60 pixels high, or 12 to 28 for small ones.
    """
    height, width = ink.shape
    letter_height = rng.uniform(12, 28) if rng.random() < 0.3 * difficulty else rng.uniform(24, 60)
    letter_height = min(letter_height, 0.8 * WIDEST * height / width)
    scale = letter_height / height
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    seen = _seen(corners, scale, rng, difficulty)
    seen += rng.normal(0, 0.01 + 0.05 * difficulty, (4, 2)) * letter_height
    margins = rng.normal(0.07, 0.02 + 0.06 * difficulty, 4) * letter_height
    left_top, right_bottom = seen.min(0) - margins[:2], seen.max(0) + margins[2:]
    canvas = np.clip(right_bottom - left_top, (6, 6), (WIDEST, HIGHEST)).astype(int)
    transform = cv2.getPerspectiveTransform(corners, (seen - left_top).astype(np.float32))
    if scale < 0.7:  # warping skips pixels when it shrinks: smooth first
        ink = np.asarray(cv2.GaussianBlur(ink, (0, 0), 0.35 / scale))
    warped = cv2.warpPerspective(ink, transform, (int(canvas[0]), int(canvas[1])), flags=cv2.INTER_LINEAR)
    return np.asarray(warped, np.float32) / 255


def _seen(corners: np.ndarray, scale: float, rng: np.random.Generator, difficulty: float) -> np.ndarray:
    """The corners scaled, stretched, slanted and turned about their middle."""
    if rng.random() < 0.1 * difficulty:
        angle = np.deg2rad(rng.uniform(-30, 30) * difficulty)
    else:
        angle = np.deg2rad(rng.normal(0, 1 + 5 * difficulty))
    slant = rng.normal(0, 0.03 + 0.15 * difficulty)
    stretch = np.exp(rng.normal(0, 0.05 + 0.15 * difficulty))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    flat = (corners - corners.mean(0)) * [scale * stretch, scale]
    return np.asarray(flat @ (turn @ np.array([[1, slant], [0, 1]])).T)
