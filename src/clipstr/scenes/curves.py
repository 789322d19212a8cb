"""The edges of a piece of text that bends, whichever way: an arc, a wave, most of a circle."""

from __future__ import annotations

import numpy as np

__all__ = ["bent_outline"]

_POINTS = 13  # of each edge
_LEVELS = 2  # levels of distance a thickness, whose middles make the line
_SMOOTH = np.array([1, 2, 3, 2, 1]) / 9


def bent_outline(mask: np.ndarray, widening: float) -> np.ndarray | None:
    """The outline (corners, 2) of the one piece in ``mask`` (height, width), 0 or 1, in its pixels.

    Distances inside of the piece are measured from one of its ends; the middles of what is equally far make
    its middle line, and the edges run beside it. They are moved out by ``widening`` times area over
    circumference. None if the piece is too short for that.
    """
    far = _distances(mask, _farthest(mask, _some(mask)))
    length = float(far.max())
    thickness = float(np.count_nonzero(mask)) / max(length, 1.0)
    bins = int(length / thickness * _LEVELS)
    if bins < 2 * len(_SMOOTH):
        return None
    rows, columns = np.nonzero(mask)
    level = np.minimum((far[rows, columns] / length * bins).astype(int), bins - 1)
    counts = np.bincount(level, minlength=bins)
    if (counts == 0).any():
        return None
    line = np.stack([np.bincount(level, values, bins) / counts for values in (columns + 0.5, rows + 0.5)], -1)
    line = line[_LEVELS // 2 : len(line) - _LEVELS // 2]  # the ends are round: their middles are elsewhere
    line = np.stack([np.convolve(_mirrored(line[:, axis]), _SMOOTH, "valid") for axis in (0, 1)], -1)
    if line[len(line) // 2 + 1, 0] < line[len(line) // 2 - 1, 0]:
        line = line[::-1]
    pixels = np.stack([columns, rows], -1) + 0.5
    beyond = [
        _beyond(pixels, line[end], line[end] - line[inner], thickness) for end, inner in ((0, 1), (-1, -2))
    ]
    length = _length(line) + sum(beyond)
    thickness = len(pixels) / length
    out = widening * length * thickness / (2 * (length + thickness))
    return _beside(line, thickness / 2 + out, (beyond[0] + out, beyond[1] + out))


def _beyond(pixels: np.ndarray, end: np.ndarray, ahead: np.ndarray, thickness: float) -> float:
    """How far ``pixels`` (pixels, 2) reach beyond the ``end`` of the line, going on ``ahead``."""
    way = ahead / np.linalg.norm(ahead)
    apart = pixels - end
    near = np.linalg.norm(apart, axis=1) < 2 * thickness
    # The corners of an end that is not square to the line say less than its middle.
    return max(float(np.quantile(apart[near] @ way, 0.98)), 0.0)


def _some(mask: np.ndarray) -> tuple[int, int]:
    row, column = np.argwhere(mask)[0]
    return int(row), int(column)


def _farthest(mask: np.ndarray, start: tuple[int, int]) -> tuple[int, int]:
    far = _distances(mask, start)
    row, column = np.unravel_index(int(far.argmax()), far.shape)
    return int(row), int(column)


def _distances(mask: np.ndarray, start: tuple[int, int]) -> np.ndarray:
    """How far each pixel of ``mask`` (height, width) is from ``start`` inside of it, in pixels; 0 outside."""
    import cv2

    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    square = np.ones((3, 3), np.uint8)
    reached = np.zeros_like(mask)
    reached[start] = 1
    far = np.zeros(mask.shape, np.float32)
    steps, passed = 0, 1
    while True:
        # A cross and a square in turn reach about as far in all directions: an octagon.
        steps += 1
        grown = cv2.dilate(reached, square if steps % 2 else cross) & mask
        new = (grown > 0) & (reached == 0)
        if not new.any():
            return far
        far[new] = passed
        passed += 1
        reached = np.asarray(grown)


def _mirrored(values: np.ndarray) -> np.ndarray:
    """``values`` going straight on at both ends, as far as smoothing looks."""
    reach = len(_SMOOTH) // 2
    before = 2 * values[0] - values[reach:0:-1]
    after = 2 * values[-1] - values[-2 : -2 - reach : -1]
    return np.concatenate([before, values, after])


def _length(line: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())


def _beside(line: np.ndarray, half: float, longer: tuple[float, float]) -> np.ndarray:
    """The outline at the distance ``half`` from ``line``, which goes on by ``longer`` before and behind."""
    first, last = line[0] - line[1], line[-1] - line[-2]
    line = np.concatenate(
        [
            [line[0] + first / np.linalg.norm(first) * longer[0]],
            line,
            [line[-1] + last / np.linalg.norm(last) * longer[1]],
        ]
    )
    passed = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    wanted = np.linspace(0, passed[-1], _POINTS)
    points = np.stack([np.interp(wanted, passed, line[:, axis]) for axis in (0, 1)], -1)
    ahead = np.gradient(points, axis=0)
    normal = np.stack([-ahead[:, 1], ahead[:, 0]], -1) / np.linalg.norm(ahead, axis=1)[:, None]
    return np.concatenate([points - half * normal, (points + half * normal)[::-1]])
