"""Things before a word: bars, stains, leaves, and one letter covered (after OST's weak and heavy sets)."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from clipstr.synth.config import Scene
from clipstr.synth.drawing import Lettering

__all__ = ["cover_letter", "occluder"]


def occluder(
    height: int, width: int, rng: np.random.Generator, difficulty: float, scene: Scene
) -> np.ndarray | None:
    """What stands before the word, (height, width) in uint8, or None: mostly nothing does."""
    rates = (scene.bars, scene.stains, scene.leaves)
    kind = int(np.searchsorted(np.cumsum(rates) * difficulty, rng.random(), side="right"))
    if kind == len(rates):
        return None
    mask = np.zeros((height, width), np.uint8)
    makers: tuple[Callable[[np.ndarray, np.random.Generator], None], ...] = (_bar, _stain, _leaves)
    makers[kind](mask, rng)
    return mask


def _bar(mask: np.ndarray, rng: np.random.Generator) -> None:
    """A wire or a pole across."""
    height, width = mask.shape
    thick = max(int(height * rng.uniform(0.03, 0.12)), 1)
    if rng.random() < 0.6:
        levels = rng.uniform(0.05, 0.95, 2) * height
        start, end = (0, int(levels[0])), (width, int(levels[1]))
    else:
        places = rng.uniform(0, width) + rng.normal(0, 0.2 * height, 2)
        start, end = (int(places[0]), 0), (int(places[1]), height)
    cv2.line(mask, start, end, 255, thick, cv2.LINE_AA)


def _stain(mask: np.ndarray, rng: np.random.Generator) -> None:
    """A blot, or a few."""
    height, width = mask.shape
    for _ in range(int(rng.integers(1, 4))):
        centre = (rng.uniform(0, width), rng.uniform(0, height))
        _blob(mask, centre, float(rng.uniform(0.06, 0.2)) * height, rng)


def _blob(mask: np.ndarray, centre: tuple[float, float], reach: float, rng: np.random.Generator) -> None:
    angles = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    radii = reach * rng.uniform(0.6, 1.3, 14)
    points = np.stack([centre[0] + radii * np.cos(angles), centre[1] + radii * np.sin(angles)], 1)
    cv2.fillPoly(mask, [np.round(points).astype(np.int32)], 255, cv2.LINE_AA)


def _leaves(mask: np.ndarray, rng: np.random.Generator) -> None:
    """Leaves from one side."""
    height, width = mask.shape
    root = rng.uniform(0, width)
    for _ in range(int(rng.integers(2, 7))):
        centre = (int(root + rng.normal(0, 0.5 * height)), int(rng.uniform(-0.1, 0.5) * height))
        axes = (int(height * rng.uniform(0.1, 0.25)), max(int(height * rng.uniform(0.03, 0.09)), 1))
        cv2.ellipse(mask, centre, axes, float(rng.uniform(0, 180)), 0, 360, 255, -1, cv2.LINE_AA)


def cover_letter(drawn: Lettering, rng: np.random.Generator, *, heavy: bool) -> np.ndarray:
    """A mask over one letter of ``drawn``, (height, width) in uint8: half of it, or, if ``heavy``, all of it.

    Half a letter can mostly still be told from what is left; a whole one only from the word.
    """
    height, width = drawn.ink.shape
    mask = np.zeros((height, width), np.uint8)
    spans = drawn.spans() or ((0.0, min(float(height), float(width))),)
    left, right = spans[int(rng.integers(len(spans)))]
    if heavy:
        cv2.rectangle(mask, (round(left), 0), (round(right), height), 255, -1)
        return mask
    side = int(rng.integers(4))  # the half that is covered: left, right, upper, lower
    middle, level = round((left + right) / 2), height // 2
    first = (middle if side == 1 else round(left), level if side == 3 else 0)
    last = (middle if side == 0 else round(right), level if side == 2 else height)
    cv2.rectangle(mask, first, last, 255, -1)
    return mask
