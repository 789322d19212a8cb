"""What finds text in a photograph, and what it says of each piece of text that it finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np

__all__ = ["Detector", "Region", "Unit"]


class Unit(str, Enum):
    """What a detector's regions are: lines, which are cut into words before they are read, or words."""

    line = "line"
    word = "word"


@dataclass(frozen=True)
class Region:
    """A piece of text: its outline and how sure the detector is that it is one (0 to 1).

    ``polygon`` (corners, 2) in float are pixels (x, y) of the picture: an even number of corners, four or
    more, from the text's own upper left on, the first half along its upper edge and the other half back along
    its lower one. Whether text stands upside down, or runs up or down, need not be known: it is found out by
    reading it.
    """

    polygon: np.ndarray
    confidence: float = 1.0


class Detector(Protocol):
    """Anything that finds text in photographs."""

    @property
    def name(self) -> str:
        """A short name for tables."""

    @property
    def unit(self) -> Unit:
        """Whether it finds lines or words."""

    def find(self, picture: np.ndarray) -> list[Region]:
        """The text in ``picture`` (height, width, 3) in uint8, colours in the order RGB; in any order."""
