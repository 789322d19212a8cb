"""Which parts of a photograph are looked at, and how large: the whole, then small text, enlarged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clipstr.scenes.bands import Band
from clipstr.scenes.detector import Region

__all__ = ["Tile", "map_of_tiles", "merged", "small_text", "tiles_over", "whole"]

STRIDE = 32  # pixels: the sizes that a map's network takes are multiples of it
CELL = 32  # pixels a side of the grid that tiles are made of
MARGIN = 64  # pixels around a tile that are looked at and thrown away
_ROOM = 1  # cells around what is wanted that tiles have too
_LARGEST = 1 << 20  # pixels of a tile with its margin
_LEAST_HINT = 8  # pixels of the box around what may be text
_COVERED = 0.5  # share of a piece above which it counts as the same as what covers it


@dataclass(frozen=True)
class Tile:
    """A rectangle of the enlarged picture: what it adds to the map, in pixels of the map."""

    left: int
    top: int
    right: int
    bottom: int


def whole(width: int, height: int) -> Tile:
    """The one tile that covers a map of that size."""
    return Tile(0, 0, width, height)


def tiles_over(wanted: np.ndarray, size: tuple[int, int]) -> list[Tile]:
    """Tiles over all that is ``wanted`` (height, width), 0 or 1, on a map of ``size`` (width, height).

    Each is as narrow as what is wanted in it allows, with a little room around it, and is cut in two where
    there is less to look at then, or if it were too large. None overlaps another.
    """
    import cv2

    width, height = size
    cells = _cells(_cells(wanted, height, 0), width, 1).astype(np.uint8)
    around = np.ones((2 * _ROOM + 1, 2 * _ROOM + 1), np.uint8)
    parts = [
        small for part in _parts(np.asarray(cv2.dilate(cells, around)) > 0, 0, 0) for small in _cut(part)
    ]
    return [
        Tile(
            part.left * CELL,
            part.top * CELL,
            min((part.left + part.cells.shape[1]) * CELL, width),
            min((part.top + part.cells.shape[0]) * CELL, height),
        )
        for part in parts
    ]


def _cells(wanted: np.ndarray, length: int, axis: int) -> np.ndarray:
    """Whether anything is wanted in each `CELL` of ``length`` pixels along ``axis``."""
    share = wanted.shape[axis] / length
    cells = [
        range(int(start * share), int(np.ceil(min(start + CELL, length) * share)))
        for start in range(0, length, CELL)
    ]
    return np.stack([wanted.take(cell, axis).any(axis) for cell in cells], axis)


@dataclass(frozen=True)
class _Part:
    """Cells of a map (rows, columns), True where something is wanted, as in each outer row and column."""

    cells: np.ndarray
    left: int
    top: int

    @property
    def pixels(self) -> int:
        """How many are looked at in it, its margin included."""
        rows, columns = self.cells.shape
        return int((rows * CELL + 2 * MARGIN) * (columns * CELL + 2 * MARGIN))

    def halves(self) -> Iterator[list[_Part]]:
        """What is left of it, cut in two in each way that there is."""
        rows, columns = self.cells.shape
        for row in range(1, rows):
            below = _parts(self.cells[row:], self.left, self.top + row)
            yield _parts(self.cells[:row], self.left, self.top) + below
        for column in range(1, columns):
            right = _parts(self.cells[:, column:], self.left + column, self.top)
            yield _parts(self.cells[:, :column], self.left, self.top) + right


def _parts(cells: np.ndarray, left: int, top: int) -> list[_Part]:
    """``cells`` (rows, columns) without its empty outer rows and columns, as a part; none if all are."""
    rows, columns = np.flatnonzero(cells.any(1)), np.flatnonzero(cells.any(0))
    if not len(rows):
        return []
    inner = cells[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return [_Part(inner, left + int(columns[0]), top + int(rows[0]))]


def _cut(part: _Part) -> list[_Part]:
    """``part``, or smaller ones that have all that is wanted in it."""
    large = part.pixels > _LARGEST
    judged = max if large else sum  # what is too large becomes even parts
    best = min(part.halves(), key=lambda two: judged([half.pixels for half in two]), default=[part])
    if not large and sum(half.pixels for half in best) >= part.pixels:
        return [part]
    return [small for half in best for small in _cut(half)]


def map_of_tiles(
    picture: np.ndarray,
    size: tuple[int, int],
    tiles: Iterable[Tile],
    look: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """The map (height, width) in uint8 of ``picture`` at ``size`` (width, height), 0 outside of ``tiles``.

    ``look`` gives the map of a part (height, width, 3), both sides multiples of `STRIDE`. Each tile is cut
    out with a margin, so that text on a seam is seen whole on both of its sides.
    """
    width, height = size
    chances = np.zeros((height, width), np.uint8)
    for tile in tiles:
        left, top = max(tile.left - MARGIN, 0), max(tile.top - MARGIN, 0)
        right, bottom = min(tile.right + MARGIN, width), min(tile.bottom + MARGIN, height)
        shares = (left / width, top / height, right / width, bottom / height)
        seen = look(_padded(_resized(picture, shares, (right - left, bottom - top))))
        chances[tile.top : tile.bottom, tile.left : tile.right] = seen[
            tile.top - top : tile.bottom - top, tile.left - left : tile.right - left
        ]
    return chances


def small_text(chances: np.ndarray, regions: Sequence[Region], small: float, hint: float) -> np.ndarray:
    """Where on a map text is, or may be, that is lower than ``small`` pixels: (height, width), 1 there.

    ``chances`` (height, width) in uint8 is the map and ``regions`` what was found on it; what may be text has
    at least the chance ``hint`` (0 to 1).
    """
    import cv2

    wanted, large = np.zeros_like(chances), np.zeros_like(chances)
    for region in regions:
        is_small = Band.of(region.polygon).height < small
        cv2.fillPoly(wanted if is_small else large, [np.round(region.polygon).astype(np.int32)], 1)
    hints = (chances > hint * 255).astype(np.uint8)
    hints[large > 0] = 0
    # Contours need no picture of 32-bit numbers as connected components do: maps have many megapixels.
    contours, _ = cv2.findContours(hints, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    for left, top, width, height in map(cv2.boundingRect, contours):
        if width * height >= _LEAST_HINT and min(width, height) < small:
            wanted[top : top + height, left : left + width] = 1
    return wanted


def merged(coarse: Sequence[Region], fine: Sequence[Region], small: float) -> list[Region]:
    """What was found on a map and on the next finer one, each piece of text once, in pixels of the picture.

    The finer map saw some places only, and may have seen a part of what is large: of what is lower than
    ``small`` pixels it knows more, of the rest the coarser one.
    """
    import shapely

    lower = [region for region in fine if Band.of(region.polygon).height < small]
    seen = shapely.union_all([_shape(region) for region in lower])
    kept = [
        region
        for region in coarse
        if Band.of(region.polygon).height >= small
        or seen.intersection(_shape(region)).area <= _COVERED * _shape(region).area
    ]
    taken = shapely.union_all([_shape(region) for region in kept])
    return kept + [
        region
        for region in lower
        if taken.intersection(_shape(region)).area <= _COVERED * _shape(region).area
    ]


def _shape(region: Region) -> Any:
    import shapely

    return shapely.make_valid(shapely.Polygon(region.polygon))


def _resized(
    picture: np.ndarray, shares: tuple[float, float, float, float], size: tuple[int, int]
) -> np.ndarray:
    """The part of ``picture`` between ``shares`` of its width and height, at ``size`` (width, height)."""
    import cv2

    height, width = picture.shape[:2]
    left, top = min(int(shares[0] * width), width - 1), min(int(shares[1] * height), height - 1)
    right, bottom = max(round(shares[2] * width), left + 1), max(round(shares[3] * height), top + 1)
    part = picture[top:bottom, left:right]
    way = cv2.INTER_AREA if part.shape[1] > size[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, size, interpolation=way))


def _padded(part: np.ndarray) -> np.ndarray:
    """``part`` with its last row and column repeated, up to multiples of `STRIDE`."""
    down, across = -part.shape[0] % STRIDE, -part.shape[1] % STRIDE
    return np.pad(part, ((0, down), (0, across), (0, 0)), mode="edge") if down or across else part
