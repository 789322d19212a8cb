"""Where a word lies in its picture: seen from the side, turned, slanted, cropped well or badly."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from clipstr.fonts import SIZE
from clipstr.synth.config import Camera, Layout

__all__ = ["Placed", "place_word", "warped"]

WIDEST, HIGHEST, LOWEST = 480, 192, 6  # pixels of a crop
LETTERS = (8.0, 64.0)  # pixels: the lowest and the highest letters
LOW, HIGH = 0.4, 1.2  # of an em, in which letters stand; a dash is lower, and what is higher is stacked
DEEPEST_CUT = -0.06  # letter heights: what a crop takes off a word; more would change what can be read
NARROWEST = 0.3  # letter heights: of a crop


@dataclass(frozen=True)
class Placed:
    """How much of each layer covers each pixel of the crop, (height, width, layers) in float32, 0 to 1.

    ``unit`` is how many pixels high its letters are.
    """

    layers: np.ndarray
    unit: float


def place_word(
    flat: np.ndarray,
    box: tuple[int, int, int, int],
    rng: np.random.Generator,
    difficulty: float,
    layout: Layout,
    camera: Camera,
) -> Placed:
    """The ``flat`` layers (height, width, layers) in uint8 as a crop around the word in ``box`` sees them.

    ``box`` is the word's left, top, width and height in pixels. The crop has about the size that crops of
    words have.
    """
    left, top, width, height = box
    unit = float(np.exp(rng.normal(np.log(0.8 * camera.height), camera.height_spread)))
    unit = min(max(unit, LETTERS[0]), LETTERS[1])
    letter = min(max(height, LOW * SIZE), HIGH * SIZE)  # of stacked letters the height of one
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    seen = _seen(corners, rng, difficulty, layout) / letter
    seen += rng.normal(0, 0.01 + difficulty * layout.perspective, (4, 2))
    margins = np.maximum(rng.normal(layout.margin, 0.02 + difficulty * layout.looseness, 4), DEEPEST_CUT)
    first, last = seen.min(0) - margins[:2], seen.max(0) + margins[2:]
    last = np.maximum(last, first + NARROWEST)
    unit = min(unit, WIDEST / (last[0] - first[0]), HIGHEST / (last[1] - first[1]))
    size = np.maximum(np.round((last - first) * unit), LOWEST).astype(int)
    target = (seen - first) * unit
    source = (corners + np.array([left, top])).astype(np.float32)
    transform = cv2.getPerspectiveTransform(source, target.astype(np.float32))
    return Placed(warped(flat, transform, (int(size[0]), int(size[1])), unit / letter), unit)


def warped(flat: np.ndarray, transform: np.ndarray, size: tuple[int, int], scale: float) -> np.ndarray:
    """``flat`` (height, width[, layers]) in uint8 as ``transform`` (3, 3) shows it, in float32, 0 to 1.

    The answer is (height, width, layers) for a ``size`` of width and height; ``scale`` is about how much
    larger things become.
    """
    if scale < 0.7:  # warping skips pixels when it shrinks: smooth first
        flat = np.asarray(cv2.GaussianBlur(flat, (0, 0), 0.35 / scale))
    seen = cv2.warpPerspective(flat, transform, size, flags=cv2.INTER_LINEAR)
    return np.asarray(seen, np.float32).reshape(size[1], size[0], -1) / 255


def _seen(corners: np.ndarray, rng: np.random.Generator, difficulty: float, layout: Layout) -> np.ndarray:
    """The corners stretched, slanted and turned about their middle, at full size."""
    chance = rng.random() / max(difficulty, 1e-9)
    if chance < layout.upright:
        angle = 90.0 * (1 if rng.random() < 0.5 else -1) + rng.normal(0, 3)
    elif chance < layout.upright + layout.turned:
        angle = rng.uniform(-40, 40)
    elif chance < layout.upright + layout.turned + layout.upside_down:
        angle = 180 + rng.normal(0, 4)
    else:
        angle = rng.normal(0, 0.5 + difficulty * layout.rotation)
    slant = rng.normal(0, 0.02 + difficulty * layout.slant)
    stretch = np.exp(rng.normal(-0.1, 0.05 + difficulty * layout.stretch))
    cosine, sine = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    turn = np.array([[cosine, -sine], [sine, cosine]])
    side = -1.0 if rng.random() < layout.mirrored * difficulty else 1.0
    flat = (corners - corners.mean(0)) * [side * stretch, 1.0]
    return np.asarray(flat @ (turn @ np.array([[1, slant], [0, 1]])).T)
