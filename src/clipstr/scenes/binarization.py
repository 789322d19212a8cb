"""From a map of how likely each pixel is the core of text to outlines of lines.

The map is that of a detector trained by differentiable binarization (Liao et al., AAAI 2020): it shows the
lines shrunk, so that neighbours stay apart, and their outlines are widened again (section 3.4 there). In the
place of the smallest rectangle around each piece two edges are laid along it: straight ones, which may lie
aslant to each other, or curved ones where the piece bends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from clipstr.scenes.curves import bent_outline
from clipstr.scenes.detector import Region

__all__ = ["MapSettings", "regions_in"]

_BENT = 0.3  # how far the middle may lie off its chord, over the thickness, before a piece counts as curved
_LONG = 3.0  # length over thickness below which no piece does
_FULL = 0.55  # share of its rectangle that a piece fills, below which it is taken to bend
_TALL = 1.5  # length over thickness from which a piece may run up or down


@dataclass(frozen=True, kw_only=True)
class MapSettings:
    """How a map is read. Chosen on rendered scenes: there a widening of 1.6, as is usual, gives outlines so
    much larger than the words that of small ones a fifth no longer meets its own.
    """

    threshold: float = 0.3  # of a pixel, 0 to 1
    confidence: float = 0.5  # least mean over a piece, 0 to 1
    widening: float = 1.1  # area times this over circumference is how far outlines are moved out
    thinnest: float = 3.0  # pixels of the map, of a piece before it is widened


def regions_in(chances: np.ndarray, settings: MapSettings) -> list[Region]:
    """The outlines of the text in ``chances`` (height, width) in uint8, 255 being certain; map's pixels."""
    import cv2

    mask = (chances > settings.threshold * 255).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return list(_outlined(contours, chances, settings))


def _outlined(contours: Sequence[np.ndarray], chances: np.ndarray, settings: MapSettings) -> Iterator[Region]:
    import cv2

    for contour in contours:
        centre, size, degrees = cv2.minAreaRect(contour)
        if min(size) + 1 < settings.thinnest:  # it goes through the middles of pixels
            continue
        left, top, width, height = cv2.boundingRect(contour)
        inside = np.zeros((height, width), np.uint8)
        cv2.drawContours(inside, [contour], -1, 1, -1, offset=(-left, -top))
        confidence = float(cv2.mean(chances[top : top + height, left : left + width], inside)[0]) / 255
        if confidence < settings.confidence:
            continue
        along = _direction(size, np.deg2rad(degrees))
        across = np.array([-along[1], along[0]])
        points = contour.reshape(-1, 2) + 0.5 - np.array(centre)
        profile = _profile(points @ along, points @ across)
        curved = None
        if profile.bends or np.count_nonzero(inside) < _FULL * (size[0] + 1) * (size[1] + 1):
            curved = bent_outline(inside, settings.widening)
        if curved is not None:
            yield Region(curved + np.array([left, top]), confidence)
        else:
            outline = _straight(profile, settings.widening)
            yield Region(outline @ np.stack([along, across]) + centre, confidence)


def _direction(size: Sequence[float], angle: float) -> np.ndarray:
    """The direction (2,) in which text in a rectangle of ``size`` runs: the long way, else the level one.

    To the right; straight up or down, downwards.
    """
    width, height = size
    along = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-along[1], along[0]])
    if max(size) >= _TALL * max(min(size), 1e-6):
        chosen = along if width >= height else across
    else:
        chosen = along if abs(along[0]) >= abs(across[0]) else across
    upright = abs(chosen[0]) < abs(chosen[1])
    return -chosen if (chosen[1] if upright else chosen[0]) < 0 else chosen


@dataclass(frozen=True)
class _Profile:
    """How far a piece reaches up and down at ``places`` along it, and where it starts and stops."""

    start: float
    stop: float
    places: np.ndarray
    upper: np.ndarray
    lower: np.ndarray

    @property
    def bends(self) -> bool:
        """Whether its middle lies far off its chord."""
        if len(self.places) < 4:
            return False
        length, thickness = self.stop - self.start, float(np.median(self.lower - self.upper))
        middle = (self.upper + self.lower) / 2
        bow = np.polyfit(self.places, middle, 2)[0] * (length / 2) ** 2
        return bool(length > _LONG * thickness and abs(bow) > _BENT * thickness)


def _profile(along: np.ndarray, across: np.ndarray) -> _Profile:
    """The profile of a piece whose contour is ``along`` and ``across`` its direction."""
    start, stop = float(along.min()) - 0.5, float(along.max()) + 0.5
    length = stop - start
    count = int(np.clip(length / 2, 2, 64))
    bins = np.minimum(((along - start) / length * count).astype(int), count - 1)
    upper, lower = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(upper, bins, across - 0.5)
    np.maximum.at(lower, bins, across + 0.5)
    places = start + (np.arange(count) + 0.5) * length / count
    # The ends are round: what lies between tells of the edges.
    inner = np.isfinite(upper) & (places > start + 0.1 * length) & (places < stop - 0.1 * length)
    if np.count_nonzero(inner) < 4:
        middle = np.array([(start + stop) / 2])
        return _Profile(start, stop, middle, np.array([upper.min()]), np.array([lower.max()]))
    return _Profile(start, stop, places[inner], upper[inner], lower[inner])


def _straight(profile: _Profile, widening: float) -> np.ndarray:
    """The widened outline (4, 2), along and across, of a piece with straight edges."""
    top, bottom = _line(profile.places, profile.upper), _line(profile.places, profile.lower)
    length = profile.stop - profile.start
    thickness = np.polyval(bottom, profile.places) - np.polyval(top, profile.places)
    thick = max(float(np.mean(thickness)), 1.0)
    out = widening * length * thick / (2 * (length + thick))
    ends = np.array([profile.start - out, profile.stop + out])
    first = np.stack([ends, np.polyval(top, ends) - out], -1)
    second = np.stack([ends, np.polyval(bottom, ends) + out], -1)
    return np.concatenate([first, second[::-1]])


def _line(places: np.ndarray, edge: np.ndarray) -> np.ndarray:
    """The straight line that most of ``edge`` lies on: fitted twice, the second time without what is off."""
    if len(places) < 4:
        return np.array([float(edge.mean())])
    line = np.polyfit(places, edge, 1)
    off = np.abs(edge - np.polyval(line, places))
    near = off <= np.quantile(off, 0.8) + 1e-6
    return np.polyfit(places[near], edge[near], 1) if np.count_nonzero(near) >= 3 else line
