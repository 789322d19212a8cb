"""Curves that words run along: by their heading at every step, so that lengths along them are exact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

__all__ = ["Path", "any_curve", "arc", "free_curve", "straight", "wave"]

STEPS = 128  # in which a curve is followed
SHARPEST = 0.75  # radians that a curve turns over one em at most: letters would meet beyond it
ROUNDEST = 5.6  # radians that a word turns in all: its ends would meet beyond it


@dataclass(frozen=True)
class Path:
    """A curve of ``length`` ems; ``headings`` (128,) are its directions in radians, at equal steps of it.

    0 runs to the right, and angles grow clockwise, as rows of a picture grow downwards.
    """

    headings: np.ndarray
    length: float

    def places(self, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The points (n, 2) in ems at ``distances`` (n,) from its beginning, and the headings (n,) there.

        Before the beginning and behind the end it goes on straight.
        """
        step = self.length / len(self.headings)
        moves = step * np.stack([np.cos(self.headings), np.sin(self.headings)], 1)
        corners = np.concatenate([np.zeros((1, 2)), np.cumsum(moves, 0)])
        along = np.linspace(0, self.length, len(corners))
        inside = np.clip(distances, 0, self.length)
        middles = (along[:-1] + along[1:]) / 2
        headings = np.interp(inside, middles, self.headings)
        points = np.stack([np.interp(inside, along, corners[:, axis]) for axis in (0, 1)], 1)
        beyond = (distances - inside)[:, None]
        return points + beyond * np.stack([np.cos(headings), np.sin(headings)], 1), headings


def straight(length: float) -> Path:
    """A line of ``length`` ems to the right."""
    return Path(np.zeros(STEPS), length)


def arc(length: float, turn: float) -> Path:
    """Part of a circle that turns by ``turn`` radians, its middle level; above 0 its ends hang down.

    No sharper and no rounder than letters bear.
    """
    limit = min(SHARPEST * length, ROUNDEST)
    return Path(np.linspace(-0.5, 0.5, STEPS) * float(np.clip(turn, -limit, limit)), length)


def wave(length: float, steepness: float, count: float, phase: float) -> Path:
    """``count`` waves, ``steepness`` radians steep where they are steepest, from ``phase`` (radians) on."""
    headings = steepness * np.sin(np.linspace(0, 2 * np.pi * count, STEPS) + phase)
    return Path(_tamed(headings, length), length)


def free_curve(length: float, rng: np.random.Generator) -> Path:
    """A smooth curve of any shape: three slow waves of heading, level on the whole."""
    along = np.linspace(0, 1, STEPS)
    headings = np.zeros(STEPS)
    for number in range(1, 4):
        headings += rng.normal(0, 0.7 / number) * np.cos(np.pi * number * along + rng.uniform(0, 6.3))
    headings -= headings.mean()
    return Path(_tamed(headings, length), length)


def any_curve(rng: np.random.Generator) -> Callable[[float], Path]:
    """What makes a curve for a length: mostly an arc, up to nearly a circle, or waves, or any shape."""
    chance = rng.random()
    if chance < 0.7:
        return partial(arc, turn=float(rng.uniform(0.6, 5.4)) * (1 if rng.random() < 0.65 else -1))
    if chance < 0.85:
        steepness, count = float(rng.uniform(0.3, 0.8)), float(rng.uniform(0.7, 2))
        return partial(wave, steepness=steepness, count=count, phase=float(rng.uniform(0, 6.3)))
    return partial(free_curve, rng=rng)


def _tamed(headings: np.ndarray, length: float) -> np.ndarray:
    """``headings`` with less of their turns where letters would meet."""
    sharpest = float(np.abs(np.diff(headings)).max()) * len(headings) / max(length, 1e-6)
    return headings * min(1.0, SHARPEST / max(sharpest, 1e-6))
