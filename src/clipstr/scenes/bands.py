"""A band of text, straight or curved: its way back and forth between the photograph and a level strip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clipstr.scenes.scene import Outline

__all__ = ["Band"]

_SHRINK = 2.0  # times that a band is higher than its strip, from which on it is made smaller by area first
_ROOM = 2  # pixels around the band that interpolation may look at


@dataclass(frozen=True)
class Band:
    """The ruled surface between an upper and a lower edge, each (points, 2) in pixels along the reading.

    Both have as many points, at the same shares of their lengths.
    """

    upper: np.ndarray
    lower: np.ndarray

    @classmethod
    def of(cls, polygon: np.ndarray) -> Band:
        """The band in ``polygon`` (an even number of corners, 2), from the text's upper left on."""
        half = len(polygon) // 2
        points = np.asarray(polygon, np.float64)
        return cls(points[:half], points[: half - 1 : -1])

    @classmethod
    def joined(cls, bands: Sequence[Band]) -> Band:
        """The band from the first of ``bands`` to the last, which follow each other on a line."""
        edges = [
            np.concatenate([band.upper for band in bands]),
            np.concatenate([band.lower for band in bands]),
        ]
        if all(band.straight for band in bands):
            edges = [edge[[0, -1]] for edge in edges]
        return cls(*edges)

    @property
    def height(self) -> float:
        """The mean distance of the edges, in pixels."""
        return max(float(np.linalg.norm(self.upper - self.lower, axis=1).mean()), 1e-6)

    @property
    def length(self) -> float:
        """The mean length of the edges, in pixels."""
        return max(float((_lengths(self.upper)[-1] + _lengths(self.lower)[-1]) / 2), 1e-6)

    @property
    def straight(self) -> bool:
        """Whether it has four corners."""
        return len(self.upper) == 2

    def widened(self, by: float) -> Band:
        """The band with ``by`` times its height more on all four sides."""
        longer = self.part(-by * self.height / self.length, 1 + by * self.height / self.length)
        across = longer.lower - longer.upper
        return Band(longer.upper - by * across, longer.lower + by * across)

    @property
    def steep(self) -> bool:
        """Whether it runs up or down rather than across."""
        ahead = np.abs((self.upper[-1] - self.upper[0]) + (self.lower[-1] - self.lower[0]))
        return bool(ahead[1] > ahead[0])

    def turned(self, quarters: int) -> Band:
        """The band read after ``quarters`` turns of 90 degrees with the clock; of curved ones only two."""
        quarters %= 4
        if quarters == 2:
            return Band(self.lower[::-1], self.upper[::-1])
        if quarters == 0 or not self.straight:
            return self
        corners = np.concatenate([self.upper, self.lower[::-1]])
        return Band.of(np.roll(corners, quarters, axis=0))

    def part(self, start: float, stop: float) -> Band:
        """The band between two shares (0 to 1, or a little beyond) of its length."""
        inner = np.linspace(0, 1, len(self.upper))
        inner = inner[(inner > start + 1e-6) & (inner < stop - 1e-6)]
        shares = np.concatenate([[start], inner, [stop]]) if not self.straight else np.array([start, stop])
        return Band(_along(self.upper, shares), _along(self.lower, shares))

    def outline(self) -> Outline:
        """Its corners, the lower edge backwards."""
        corners = np.concatenate([self.upper, self.lower[::-1]])
        return tuple((float(x), float(y)) for x, y in corners)

    def strip(self, picture: np.ndarray, height: int) -> np.ndarray:
        """What ``picture`` (height, width, 3) shows in the band, levelled: (``height``, length, 3) in uint8.

        What lies beyond the picture's edge repeats the edge.
        """
        import cv2

        width = max(round(self.length * height / self.height), 1)
        upper = _along(self.upper, (np.arange(width) + 0.5) / width)
        lower = _along(self.lower, (np.arange(width) + 0.5) / width)
        share = ((np.arange(height) + 0.5) / height)[:, None, None]
        places = upper * (1 - share) + lower * share  # height width 2
        first = np.maximum(np.floor(places.min((0, 1))).astype(int) - _ROOM, 0)
        last = np.ceil(places.max((0, 1))).astype(int) + _ROOM + 1
        around = picture[first[1] : max(last[1], 1), first[0] : max(last[0], 1)]
        if 0 in around.shape:  # wholly beyond the picture
            return np.zeros((height, width, 3), np.uint8)
        factor = self.height / height
        if factor >= _SHRINK:
            small = (max(round(around.shape[1] / factor), 1), max(round(around.shape[0] / factor), 1))
            scale = np.array(small) / (around.shape[1], around.shape[0])
            around = np.asarray(cv2.resize(around, small, interpolation=cv2.INTER_AREA))
        else:
            scale = np.ones(2)
        places = ((places - first) * scale - 0.5).astype(np.float32)
        return np.asarray(
            cv2.remap(
                np.ascontiguousarray(around),
                np.ascontiguousarray(places[..., 0]),
                np.ascontiguousarray(places[..., 1]),
                cv2.INTER_CUBIC if factor < 1 else cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
        )


def _lengths(edge: np.ndarray) -> np.ndarray:
    """How far each point of ``edge`` is from its first one along it."""
    return np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(edge, axis=0), axis=1))])


def _along(edge: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The points (shares, 2) at ``shares`` of ``edge``'s length, going straight on beyond its ends."""
    lengths = _lengths(edge)
    total = max(float(lengths[-1]), 1e-9)
    wanted = shares * total
    points = np.stack([np.interp(wanted, lengths, edge[:, axis]) for axis in (0, 1)], -1)
    points += np.minimum(wanted, 0)[:, None] * _way(edge[0], edge[1])
    points += np.maximum(wanted - total, 0)[:, None] * _way(edge[-2], edge[-1])
    return points


def _way(start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """The direction from ``start`` to ``stop``, of length 1; nowhere if they are the same."""
    ahead = stop - start
    return np.asarray(ahead / max(float(np.linalg.norm(ahead)), 1e-9))
