"""What is behind the words of a scene: walls, fronts of windows, streets, or a photograph."""

from __future__ import annotations

import cv2
import numpy as np

from clipstr.errors import DataError, ImageError
from clipstr.imaging import load_image
from clipstr.synth.colours import any_colour
from clipstr.synth.painting import over, plain, shaded
from clipstr.synth.surfaces import clutter, surface

__all__ = ["made_up", "photographed"]


def photographed(path: str, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """The picture ``path``, cut and resized to (height, width, 3), 0 to 1; now and then mirrored.

    Raises `DataError` if it is gone.
    """
    try:
        pixels = np.asarray(load_image(path), np.uint8)
    except ImageError as error:
        raise DataError(f"a background cannot be read any more: {error}") from error
    scale = max(height / pixels.shape[0], width / pixels.shape[1])
    rows = min(round(height / scale), pixels.shape[0])
    columns = min(round(width / scale), pixels.shape[1])
    top = int(rng.integers(pixels.shape[0] - rows + 1))
    left = int(rng.integers(pixels.shape[1] - columns + 1))
    piece = pixels[top : top + rows, left : left + columns]
    if rng.random() < 0.5:
        piece = piece[:, ::-1]
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = cv2.resize(np.ascontiguousarray(piece), (width, height), interpolation=method)
    return np.asarray(np.asarray(resized, np.float32) / np.float32(255))


def made_up(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """A made-up place (height, width, 3), about 0 to 1: planes, fronts, small things, maybe out of focus."""
    picture = plain(height, width, any_colour(rng, float(rng.uniform(0.2, 0.9))))
    picture += surface(height, width, rng) * np.float32(rng.uniform(0.01, 0.05))
    picture = shaded(picture, _slope(height, width, rng) * np.float32(rng.uniform(0, 0.2)))
    for _ in range(int(rng.integers(2, 8))):
        picture = _with_plane(picture, rng)
    if rng.random() < 0.6:
        _put_front(picture, rng)
    for _ in range(int(rng.integers(0, 3))):
        picture = _with_things(picture, rng)
    if rng.random() < 0.6:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.5, 4))))
    return picture


def _slope(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    columns, rows = np.linspace(-1, 1, width)[None, :], np.linspace(-1, 1, height)[:, None]
    return np.asarray(rng.normal(0, 0.7) * columns + rng.normal(0, 0.7) * rows, np.float32)


def _with_plane(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """``picture`` with a wall, a door, a board, a road: four corners, with a surface of its own."""
    height, width, _ = picture.shape
    centre, reach = rng.uniform(0, 1, 2), rng.uniform(0.08, 0.6, 2)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * reach + centre
    corners = (corners + rng.normal(0, 0.02, (4, 2))) * (width, height)
    left, top = np.maximum(np.floor(corners.min(0)), 0).astype(int)
    right, bottom = np.minimum(np.ceil(corners.max(0)), (width, height)).astype(int)
    if right - left < 4 or bottom - top < 4:
        return picture
    mask = np.zeros((bottom - top, right - left), np.uint8)
    cv2.fillConvexPoly(mask, np.round(corners - (left, top)).astype(np.int32), 255, cv2.LINE_AA)
    high, wide = mask.shape
    colour = plain(high, wide, any_colour(rng, float(rng.uniform(0.05, 0.95))))
    colour += surface(high, wide, rng) * np.float32(rng.uniform(0.005, 0.045))
    part = picture[top:bottom, left:right]
    picture[top:bottom, left:right] = over(part, mask.astype(np.float32) / 255, colour)
    return picture


def _put_front(picture: np.ndarray, rng: np.random.Generator) -> None:
    """Rows of windows, slats or tiles, seen from the side, in place: a pattern as regular as letters."""
    height, width, _ = picture.shape
    rows, columns = int(rng.integers(1, 8)), int(rng.integers(2, 16))
    share = rng.uniform(0.3, 0.9, 2)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * rng.uniform(0.2, 0.7, 2) + rng.uniform(0, 0.6, 2)
    corners = ((corners + rng.normal(0, 0.03, (4, 2))) * (width, height)).astype(np.float32)
    unit = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    seen = cv2.getPerspectiveTransform(unit, corners)
    shade = any_colour(rng, float(rng.uniform(0.05, 0.95))).tolist()
    for row in range(rows):
        for column in range(columns):
            pane = (unit * share + (column, row)) / (columns, rows)
            points = cv2.perspectiveTransform(pane[None].astype(np.float32), seen)[0]
            cv2.fillConvexPoly(picture, np.round(points).astype(np.int32), shade, cv2.LINE_AA)


def _with_things(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """``picture`` with a piece full of small things, as shelves and crowds are."""
    height, width, _ = picture.shape
    size = rng.uniform(0.15, 0.5, 2) * (width, height)
    wide, high = max(int(size[0]), 8), max(int(size[1]), 8)
    left, top = int(rng.integers(width - wide + 1)), int(rng.integers(height - high + 1))
    mask = np.zeros((high, wide), np.float32)
    centre, axes = (wide // 2, high // 2), (int(wide * 0.46), int(high * 0.46))
    cv2.ellipse(mask, centre, axes, 0, 0, 360, 1.0, -1, cv2.LINE_AA)
    if rng.random() < 0.8:
        mask[:] = 1
    part = picture[top : top + high, left : left + wide]
    picture[top : top + high, left : left + wide] = over(part, mask, clutter(high, wide, rng))
    return picture
