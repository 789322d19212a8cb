"""Surfaces: what walls, boards, paper and streets look like behind and on letters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from clipstr.errors import DataError, ImageError
from clipstr.imaging import load_image

__all__ = ["clutter", "find_backgrounds", "photograph", "surface"]

NUMBER, HEIGHT, WIDTH = 16, 192, 384  # of the surfaces of each kind, and their pixels
SHAPES = 70  # on a cluttered surface
PHOTOGRAPH = 384  # pixels of the longer side of a background
PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}


def surface(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """A piece of a surface such as nature makes, (height, width, 3) of deviation about 1."""
    return _piece(_surfaces()[int(rng.integers(NUMBER))], height, width, rng)


def clutter(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """A piece of a place full of things with edges, (height, width, 3) from 0 to 1."""
    return _piece(_cluttered()[int(rng.integers(NUMBER))], height, width, rng)


def photograph(path: str, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """A piece of the picture ``path``, (height, width, 3) from 0 to 1. Raises `DataError` if it is gone."""
    return np.asarray(_piece(_photograph(path), height, width, rng) / np.float32(255))


def find_backgrounds(folder: Path) -> tuple[str, ...]:
    """The pictures in ``folder`` and below, all of which can be read.

    Raises `DataError` if there are none, naming those that cannot be read.
    """
    paths = sorted(str(file) for file in folder.rglob("*") if file.suffix.lower() in PICTURES)
    if not paths:
        raise DataError(f"{folder}: no pictures there to put behind words ({', '.join(sorted(PICTURES))})")
    broken = [str(error) for path in paths if (error := _trouble(path))]
    if broken:
        more = f" (and {len(broken) - 3} more)" if len(broken) > 3 else ""
        raise DataError(f"{folder}: backgrounds that cannot be read: {'; '.join(broken[:3])}{more}")
    return tuple(paths)


def _trouble(path: str) -> ImageError | None:
    try:
        load_image(path)
    except ImageError as error:
        return error
    return None


def _piece(whole: np.ndarray, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """A random piece of ``whole``, enlarged or shrunk, now and then mirrored."""
    zoom = float(rng.uniform(0.3, 1.5))
    rows = max(int(min(height * zoom, whole.shape[0] - 1)), 2)
    columns = max(int(min(width * zoom, whole.shape[1] - 1)), 2)
    top = int(rng.integers(whole.shape[0] - rows + 1))
    left = int(rng.integers(whole.shape[1] - columns + 1))
    piece = whole[top : top + rows, left : left + columns]
    if rng.random() < 0.5:
        piece = piece[:, ::-1]
    resized = cv2.resize(np.ascontiguousarray(piece), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, np.float32)


@lru_cache(maxsize=1)
def _surfaces() -> list[np.ndarray]:
    """Sums of smooth noise whose strength grows with its size, as in photographs; a third with a grain.

    Each is (192, 384, 3) of mean 0 and deviation 1, and the same in every process.
    """
    rng = np.random.default_rng(1923)
    made = []
    for number in range(NUMBER):
        total = np.zeros((HEIGHT, WIDTH, 3), np.float32)
        slope, chroma = rng.uniform(0.2, 1.0), rng.uniform(0, 0.6)
        stretch = 6 if number % 3 == 0 else 1  # wood, brushed metal, cloth
        for size in (2, 4, 8, 16, 32, 64, 128):
            grains = (max(HEIGHT // size, 2), max(WIDTH // (size * stretch), 2), 3)
            noise = rng.normal(0, 1, grains).astype(np.float32)
            layer = cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
            total += np.asarray(layer) * np.float32(size**slope)
        if number % 5 == 1:
            total += _joints(rng) * np.float32(2 * total.std())
        grey = total.mean(2, keepdims=True)
        total = grey + (total - grey) * np.float32(chroma)
        made.append(np.asarray((total - total.mean()) / total.std(), np.float32))
    return made


def _joints(rng: np.random.Generator) -> np.ndarray:
    """The joints of bricks or boards, (192, 384, 1), 0 or -1."""
    joints = np.zeros((HEIGHT, WIDTH, 1), np.float32)
    course, length = int(rng.integers(16, 40)), int(rng.integers(40, 90))
    for row, top in enumerate(range(0, HEIGHT, course)):
        joints[top : top + 2] = -1
        for left in range((row % 2) * length // 2, WIDTH, length):
            joints[top : top + course, left : left + 2] = -1
    return joints


@lru_cache(maxsize=1)
def _cluttered() -> list[np.ndarray]:
    """Grounds covered with rectangles, discs, triangles and lines, (192, 384, 3) from 0 to 1."""
    rng = np.random.default_rng(1924)
    made = []
    for number in range(NUMBER):
        tone = rng.uniform(0.1, 0.9)
        canvas = np.full((HEIGHT, WIDTH, 3), tone, np.float32)
        for _ in range(SHAPES):
            grey = float(np.clip(rng.normal(tone, 0.3), 0, 1))
            colour = [float(value) for value in np.clip(grey + rng.normal(0, 0.1, 3), 0, 1)]
            _put_shape(canvas, colour, rng)
        canvas += _surfaces()[number] * np.float32(0.04)
        made.append(np.clip(np.asarray(cv2.GaussianBlur(canvas, (0, 0), 1.0)), 0, 1))
    return made


def _put_shape(canvas: np.ndarray, colour: Sequence[float], rng: np.random.Generator) -> None:
    place = (int(rng.integers(WIDTH)), int(rng.integers(HEIGHT)))
    reach = int(rng.integers(4, 60))
    kind = int(rng.integers(4))
    if kind == 0:
        other = (place[0] + reach * 2, place[1] + int(rng.integers(4, 60)))
        cv2.rectangle(canvas, place, other, colour, -1)
    elif kind == 1:
        cv2.circle(canvas, place, reach // 2, colour, -1, cv2.LINE_AA)
    elif kind == 2:
        corners = np.array(place) + rng.integers(-reach, reach + 1, (3, 2))
        cv2.fillConvexPoly(canvas, corners.astype(np.int32), colour, cv2.LINE_AA)
    else:
        angle = float(rng.choice((0, 0, np.pi / 2, rng.uniform(0, np.pi))))
        end = (int(place[0] + 4 * reach * np.cos(angle)), int(place[1] + 4 * reach * np.sin(angle)))
        cv2.line(canvas, place, end, colour, int(rng.integers(1, 6)), cv2.LINE_AA)


@lru_cache(maxsize=256)
def _photograph(path: str) -> np.ndarray:
    try:
        picture = load_image(path)
    except ImageError as error:
        raise DataError(f"a background cannot be read any more: {error}") from error
    picture.thumbnail((PHOTOGRAPH, PHOTOGRAPH))
    return np.asarray(picture)
