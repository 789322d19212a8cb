"""Colours of ink and ground as streets have them."""

from __future__ import annotations

import colorsys
from typing import NamedTuple

import numpy as np

__all__ = ["LUMA", "Palette", "any_colour", "palette", "standing_out", "with_luma"]

LUMA = np.array([0.299, 0.587, 0.114])  # how bright red, green and blue look (ITU-R BT.601)

# Measured on 2,020 real crops (IIIT5k, SVT, IC13 and IC15, training parts), each cut into two colours: values
# at these shares of the crops; what blur and light took from colour is added again, and of contrast so much
# that finished pictures have that of real ones.
_SHARES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_GROUND_LUMA = (0.0, 0.07, 0.22, 0.39, 0.62, 0.95, 1.0)
_COLOURFULNESS = (0.0, 0.01, 0.04, 0.10, 0.24, 0.62, 0.95)
_CONTRAST = (0.08, 0.13, 0.23, 0.35, 0.55, 0.86, 0.97)
_GROUND_AT, _LIGHT_INK = (0.1, 0.3, 0.5, 0.7, 0.9), (0.98, 0.77, 0.42, 0.13, 0.01)
_HUES = (0.23, 0.17, 0.04, 0.02, 0.02, 0.03, 0.14, 0.20, 0.04, 0.02, 0.02, 0.07)  # of twelfths, from red on
_HUE_BOUNDS = np.cumsum(_HUES) / sum(_HUES)

FAINT = (0.05, 0.14)  # contrast of a word that can hardly be seen
STANDING_OUT = 0.35  # contrast of a word with what happens to be there, at least
CLEAR = 0.45  # the least contrast of an easy picture
WEAK, TINT, HUES_TRIED = 0.12, 0.1, 3  # colourfulness of any hue; how much brighter than pure a strong one is


class Palette(NamedTuple):
    """Ink and ground, each (3,) in float32 from 0 to 1."""

    ink: np.ndarray
    ground: np.ndarray


def palette(rng: np.random.Generator, difficulty: float, faint: float) -> Palette:
    """Ink and ground of one picture; ``faint`` is the rate of hardly any contrast."""
    ground = float(np.interp(rng.random(), _SHARES, _GROUND_LUMA))
    if rng.random() < faint * difficulty:
        contrast = float(rng.uniform(*FAINT))
    else:
        contrast = float(np.interp(rng.random(), _SHARES, _CONTRAST))
        contrast += (1 - difficulty) * max(CLEAR - contrast, 0)
    light = rng.random() < np.interp(ground, _GROUND_AT, _LIGHT_INK)
    room = 1 - ground if light else ground
    if room < contrast:  # the ground gives way
        ground = 1 - contrast if light else contrast
    ink = ground + contrast if light else ground - contrast
    return Palette(any_colour(rng, ink), any_colour(rng, ground))


def standing_out(ground: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An ink that is told from ``ground`` (3,), on whichever side of it there is room."""
    luma = float(np.clip(ground @ LUMA, 0, 1))
    both = abs(luma - 0.5) < 0.5 - STANDING_OUT
    lighter = rng.random() < (1 - luma if both else float(luma < 0.5))
    bounds = (min(luma + STANDING_OUT, 1.0), 1.0) if lighter else (0.0, max(luma - STANDING_OUT, 0.0))
    return any_colour(rng, float(rng.uniform(*bounds)))


def any_colour(rng: np.random.Generator, luma: float) -> np.ndarray:
    """A colour of the brightness ``luma``: of strong ones rather yellow if bright, and red or blue if dark.

    Paint and light are seldom pink or lavender: a strong colour is hardly brighter than its pure form.
    """
    strength = float(np.interp(rng.random(), _SHARES, _COLOURFULNESS))
    for _ in range(HUES_TRIED):
        pure = np.array(colorsys.hsv_to_rgb(_hue(rng), 1.0, 1.0), np.float32)
        if strength < WEAK or luma < float(pure @ LUMA) + TINT:
            break
    else:
        strength = WEAK
    return with_luma(pure * np.float32(strength), luma)


def with_luma(colour: np.ndarray, luma: float) -> np.ndarray:
    """``colour`` made as bright as ``luma``."""
    return np.asarray(np.clip(colour + np.float32(luma - float(colour @ LUMA)), 0, 1), np.float32)


def _hue(rng: np.random.Generator) -> float:
    twelfth = min(int(np.searchsorted(_HUE_BOUNDS, rng.random(), side="right")), len(_HUES) - 1)
    return float((twelfth + rng.random()) / len(_HUES))
