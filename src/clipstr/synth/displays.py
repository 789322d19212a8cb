"""Letters that are not drawn with a pen: dots, segments, stencils."""

from __future__ import annotations

import cv2
import numpy as np

__all__ = ["as_dots", "as_segments", "shown_on_segments", "stencilled"]

# Which of the segments a (top), b, c (right), d (bottom), e, f (left) and g (middle) each digit has.
_SEGMENTS = {
    "0": "abcdef",
    "1": "bc",
    "2": "abged",
    "3": "abgcd",
    "4": "fgbc",
    "5": "afgcd",
    "6": "afgedc",
    "7": "abc",
    "8": "abcdefg",
    "9": "abcdfg",
    "-": "g",
}
_POINTS = ".:"
_WIDE, _HIGH = 24, 44  # pixels of a digit


def shown_on_segments(text: str) -> bool:
    """Whether a seven-segment display can show ``text``, and it has a digit."""
    return any(c.isdigit() for c in text) and all(c in _SEGMENTS or c in _POINTS for c in text)


def as_segments(text: str, rng: np.random.Generator) -> np.ndarray:
    """``text`` on a seven-segment display, (height, width) in uint8; dark segments may shimmer through."""
    thick, gap = int(rng.integers(4, 8)), int(rng.integers(6, 12))
    unlit = int(rng.integers(10, 40)) if rng.random() < 0.3 else 0
    canvas = np.zeros((_HIGH + 8, len(text) * (_WIDE + gap) + 8), np.uint8)
    place = 4
    for character in text:
        if character in _POINTS:
            for level in (_HIGH,) if character == "." else (_HIGH // 3, 2 * _HIGH // 3 + 4):
                cv2.circle(canvas, (place + 3, level), thick // 2 + 1, 255, -1, cv2.LINE_AA)
            place += thick + gap // 2
            continue
        for name in "abcdefg":
            level = 255 if name in _SEGMENTS[character] else unlit
            if level:
                cv2.fillConvexPoly(canvas, _segment(name, place, thick), level, cv2.LINE_AA)
        place += _WIDE + gap
    lean = float(rng.uniform(0, 0.15))
    turn = np.array([[1, -lean, lean * _HIGH], [0, 1, 0]])
    return np.asarray(cv2.warpAffine(canvas, turn, (canvas.shape[1] + 8, canvas.shape[0])))


def _segment(name: str, left: int, thick: int) -> np.ndarray:
    """The six corners of a segment of the digit that begins at ``left``."""
    half, top, middle = thick / 2, 4 + thick / 2, 4 + _HIGH / 2
    bottom, right = 4 + _HIGH - thick / 2, left + _WIDE
    ends = {
        "a": ((left, top), (right, top)),
        "g": ((left, middle), (right, middle)),
        "d": ((left, bottom), (right, bottom)),
        "f": ((left, top), (left, middle)),
        "b": ((right, top), (right, middle)),
        "e": ((left, middle), (left, bottom)),
        "c": ((right, middle), (right, bottom)),
    }
    start, end = (np.array(point, float) for point in ends[name])
    along = (end - start) / np.linalg.norm(end - start)
    across = np.array([-along[1], along[0]]) * half
    start, end, tip = start + along, end - along, along * half
    corners = [start, start + tip + across, end - tip + across, end, end - tip - across, start + tip - across]
    return np.round(corners).astype(np.int32)


def as_dots(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """``ink`` as lamps of a dot matrix show it: 9 to 14 rows of dots."""
    height, width = ink.shape
    rows = int(rng.integers(9, 15))
    columns = max(round(width * rows / height), 2)
    cells = np.asarray(cv2.resize(ink, (columns, rows), interpolation=cv2.INTER_AREA)) > 90
    pitch = max(44 // rows, 3)
    dot = np.zeros((pitch, pitch), np.uint8)
    if rng.random() < 0.7:
        cv2.circle(dot, (pitch // 2, pitch // 2), max((pitch - 1) // 2, 1), 255, -1, cv2.LINE_AA)
    else:
        dot[: pitch - 1, : pitch - 1] = 255
    return np.asarray(np.kron(cells.astype(np.uint8), dot))


def stencilled(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """``ink`` cut by the bridges of a stencil, upright or lying."""
    height, width = ink.shape
    cut: np.ndarray = ink.copy()
    bridge = max(int(0.05 * height), 2)
    if rng.random() < 0.3:
        level = int(height * rng.uniform(0.4, 0.6))
        cut[level : level + bridge] = 0
        return cut
    pitch = 0.6 * height
    for place in np.arange(rng.uniform(0.15, 0.45) * pitch, width, pitch):
        cut[:, int(place) : int(place) + bridge] = 0
    return cut
