"""What a word is painted on and with: colours, surfaces, shadows, outlines, things beside it."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

__all__ = ["paint"]

LUMA = np.array([0.299, 0.587, 0.114])  # how bright red, green and blue look (ITU-R BT.601)
SURFACES, SURFACE_HEIGHT, SURFACE_WIDTH = 24, 256, 512
COLOUR_TRIES = 20


def paint(coverage: np.ndarray, rng: np.random.Generator, difficulty: float) -> np.ndarray:
    """The picture (height, width, 3) in float32, about 0 to 1, of a word that covers ``coverage``."""
    ink, ground = _colours(rng, difficulty)
    height, width = coverage.shape
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = ground
    if rng.random() < 0.05 + 0.6 * difficulty:
        picture += _surface(height, width, rng) * rng.uniform(0.02, 0.04 + 0.14 * difficulty)
    if rng.random() < 0.25 * difficulty:
        _add_neighbour(picture, coverage, ink, rng)
    _add_behind(picture, coverage, ink, rng, difficulty)
    filling: np.ndarray = ink
    if rng.random() < 0.25 * difficulty:
        filling = np.clip(ink + 0.08 * _surface(height, width, rng), 0, 1)
    if rng.random() < 0.08 * difficulty:
        coverage = coverage * np.float32(rng.uniform(0.6, 0.95))
    return _over(picture, coverage, filling)


def _over(picture: np.ndarray, coverage: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """``picture`` with ``colour`` laid over it where ``coverage`` is."""
    return np.asarray(picture + coverage[..., None] * (colour - picture), np.float32)


def _colours(rng: np.random.Generator, difficulty: float) -> tuple[np.ndarray, np.ndarray]:
    """Colours of ink and ground that differ enough in brightness, less where it is difficult."""
    contrast = 0.55 - 0.4 * difficulty * rng.random()
    for _ in range(COLOUR_TRIES):
        ink, ground = _colour(rng), _colour(rng)
        if abs((ink - ground) @ LUMA) > contrast:
            return ink, ground
    dark, light = np.float32(rng.uniform(0, 0.2, 3)), np.float32(rng.uniform(0.8, 1, 3))
    return (dark, light) if rng.random() < 0.5 else (light, dark)


def _colour(rng: np.random.Generator) -> np.ndarray:
    """Any colour, or as often nearly a grey."""
    if rng.random() < 0.5:
        return rng.random(3, np.float32)
    return np.asarray(np.clip(rng.random() + rng.normal(0, 0.05, 3), 0, 1), np.float32)


@lru_cache(maxsize=1)
def _surfaces() -> list[np.ndarray]:
    """Surfaces like those of nature, coarse and fine, each (256, 512, 3) of mean 0 and deviation 1.

    They are sums of smooth noise whose strength grows with its size, as in photographs, and the same in
    every process.
    """
    rng = np.random.default_rng(1923)
    surfaces = []
    for _ in range(SURFACES):
        total = np.zeros((SURFACE_HEIGHT, SURFACE_WIDTH, 3), np.float32)
        slope, chroma = rng.uniform(0.2, 1.0), rng.uniform(0, 0.8)
        for size in (4, 8, 16, 32, 64, 128):
            grains = (max(SURFACE_HEIGHT // size, 2), max(SURFACE_WIDTH // size, 2), 3)
            noise = rng.normal(0, 1, grains).astype(np.float32)
            layer = cv2.resize(noise, (SURFACE_WIDTH, SURFACE_HEIGHT), interpolation=cv2.INTER_CUBIC)
            total += np.asarray(layer) * np.float32(size**slope)
        grey = total.mean(2, keepdims=True)
        total = grey + (total - grey) * np.float32(chroma)
        surfaces.append(np.asarray((total - total.mean()) / total.std(), np.float32))
    return surfaces


def _surface(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """A random piece of a random surface, (height, width, 3) of deviation about 1."""
    surface = _surfaces()[int(rng.integers(SURFACES))]
    zoom = rng.uniform(0.3, 1.5)
    rows = max(int(min(height * zoom, SURFACE_HEIGHT - 1)), 2)
    columns = max(int(min(width * zoom, SURFACE_WIDTH - 1)), 2)
    top = int(rng.integers(SURFACE_HEIGHT - rows + 1))
    left = int(rng.integers(SURFACE_WIDTH - columns + 1))
    piece = surface[top : top + rows, left : left + columns]
    return np.asarray(cv2.resize(piece, (width, height), interpolation=cv2.INTER_LINEAR))


def _add_neighbour(
    picture: np.ndarray, coverage: np.ndarray, ink: np.ndarray, rng: np.random.Generator
) -> None:
    """A cut-off line of text above or below, or a stroke across, as crops often have them."""
    height, width = coverage.shape
    if rng.random() < 0.6:
        lines = max(int(height * rng.uniform(0.08, 0.25)), 1)
        start = int(rng.integers(width))
        if rng.random() < 0.5:
            piece, rows = coverage[-lines:], slice(0, lines)
        else:
            piece, rows = coverage[:lines], slice(height - lines, height)
        picture[rows] = _over(picture[rows], np.roll(piece[:, ::-1], start, 1), ink)
        return
    level = int(rng.integers(height))
    end = (width, int(level + rng.normal(0, 3)))
    colour = tuple(float(value) for value in rng.random(3))
    cv2.line(picture, (0, level), end, colour, int(rng.integers(1, 3)), cv2.LINE_AA)


def _add_behind(
    picture: np.ndarray, coverage: np.ndarray, ink: np.ndarray, rng: np.random.Generator, difficulty: float
) -> None:
    """A shadow or an outline behind the letters, in place."""
    chance = rng.random()
    if chance < 0.02 + 0.12 * difficulty:
        right, down = (int(step) for step in rng.integers(-3, 4, 2))
        shadow = np.roll(coverage, (down, right), (0, 1))
        if rng.random() < 0.5:
            shadow = np.asarray(cv2.GaussianBlur(shadow, (0, 0), 1.2))
        tone = np.full(3, 0.0 if ink.mean() > 0.4 else 1.0, np.float32)
        picture[:] = _over(picture, 0.7 * shadow, tone)
    elif chance < 0.02 + 0.25 * difficulty:
        outline = np.asarray(cv2.dilate(coverage, np.ones((3, 3), np.uint8)))
        colour = np.float32(rng.random(3))
        if abs((colour - ink) @ LUMA) > 0.2:
            picture[:] = _over(picture, outline, colour)
