"""How letters are made: paint, relief, light, shadow."""

from __future__ import annotations

import cv2
import numpy as np

from clipstr.synth.colours import LUMA, Palette, any_colour, with_luma
from clipstr.synth.config import Looks
from clipstr.synth.painting import over, plain, shaded
from clipstr.synth.surfaces import surface

__all__ = ["paint_word"]


def paint_word(
    picture: np.ndarray,
    coverage: np.ndarray,
    colours: Palette,
    unit: float,
    rng: np.random.Generator,
    difficulty: float,
    looks: Looks,
) -> np.ndarray:
    """``picture`` (height, width, 3) with a word on it that covers ``coverage``.

    ``unit`` is the word's height in pixels. Behind the letters there is at most one of shadow, outline, side,
    glow and light tubes; relief, filling and wear come on top.
    """
    rates = (looks.neon, looks.shadow, looks.outline, looks.extruded, looks.glow)
    kind = int(np.searchsorted(np.cumsum(rates) * difficulty, rng.random(), side="right"))
    if kind == 0:
        return _neon(picture, coverage, unit, rng)
    if kind < len(rates):
        picture = (_shadow, _outline, _side, _glow)[kind - 1](picture, coverage, colours.ink, unit, rng)
    chance = rng.random(4) / max(difficulty, 1e-9)
    if chance[0] < looks.engraved:
        return _relief(picture, coverage, unit, rng, strength=float(rng.uniform(0.5, 1.1)))
    filling = _filling(coverage.shape, colours, rng, difficulty, looks)
    if chance[1] < looks.worn:
        coverage = _worn(coverage, rng)
    if chance[2] < looks.translucent:
        coverage = coverage * np.float32(rng.uniform(0.55, 0.95))
    picture = over(picture, coverage, filling)
    if chance[3] < looks.embossed:
        picture = _relief(picture, coverage, unit, rng, strength=float(rng.uniform(0.2, 0.7)))
    return picture


def _filling(
    shape: tuple[int, ...], colours: Palette, rng: np.random.Generator, difficulty: float, looks: Looks
) -> np.ndarray:
    """The ink's colour everywhere, (3,) or (height, width, 3)."""
    height, width = shape
    ink = colours.ink
    rates = (looks.gradient, looks.two_tone, looks.textured)
    kind = int(np.searchsorted(np.cumsum(rates) * difficulty, rng.random(), side="right"))
    if kind == len(rates):
        return ink
    if kind == 2:
        grain = surface(height, width, rng) * np.float32(rng.uniform(0.03, 0.13))
        return np.asarray(np.clip(plain(height, width, ink) + grain, 0, 1))
    # The other colour keeps to the ink's side of the ground.
    luma, ground = float(ink @ LUMA), float(colours.ground @ LUMA)
    other = any_colour(rng, float(np.clip(luma + rng.uniform(-0.3, 0.5) * (luma - ground), 0, 1)))
    if kind == 1:
        share = np.zeros((1, width), np.float32)
        share[:, int(width * rng.uniform(0.25, 0.75)) :] = 1
    elif rng.random() < 0.7:
        share = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    else:
        share = np.linspace(0, 1, width, dtype=np.float32)[None, :]
    return over(plain(height, width, ink), np.broadcast_to(share, (height, width)), other)


def _shifted(mask: np.ndarray, right: int, down: int) -> np.ndarray:
    """``mask`` moved, with nothing where it was not."""
    moved = np.zeros_like(mask)
    height, width = mask.shape
    target = (slice(max(down, 0), height + min(down, 0)), slice(max(right, 0), width + min(right, 0)))
    source = (slice(max(-down, 0), height - max(down, 0)), slice(max(-right, 0), width - max(right, 0)))
    moved[target] = mask[source]
    return moved


def _direction(rng: np.random.Generator, length: float) -> tuple[int, int]:
    angle = rng.uniform(0, 2 * np.pi)
    return round(float(np.cos(angle)) * length), round(float(np.sin(angle)) * length)


def _shadow(
    picture: np.ndarray, coverage: np.ndarray, ink: np.ndarray, unit: float, rng: np.random.Generator
) -> np.ndarray:
    shadow = _shifted(coverage, *_direction(rng, max(unit * float(rng.uniform(0.03, 0.14)), 1)))
    if rng.random() < 0.6:
        shadow = np.asarray(cv2.GaussianBlur(shadow, (0, 0), max(unit * float(rng.uniform(0.02, 0.08)), 0.5)))
    tone = 0.0 if float(ink @ LUMA) > 0.35 else float(rng.uniform(0.5, 1))
    return over(picture, shadow * np.float32(rng.uniform(0.4, 0.9)), np.full(3, tone, np.float32))


def _outline(
    picture: np.ndarray, coverage: np.ndarray, ink: np.ndarray, unit: float, rng: np.random.Generator
) -> np.ndarray:
    reach = max(round(unit * float(rng.uniform(0.04, 0.12))), 1)
    shape = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return over(picture, np.asarray(cv2.dilate(coverage, shape)), _contrasting(ink, rng))


def _contrasting(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A colour that the ink stands out from."""
    luma = float(ink @ LUMA)
    darker = rng.random() < luma
    bounds = (0.0, max(luma - 0.25, 0.0)) if darker else (min(luma + 0.25, 1.0), 1.0)
    return any_colour(rng, float(rng.uniform(*bounds)))


def _side(
    picture: np.ndarray, coverage: np.ndarray, ink: np.ndarray, unit: float, rng: np.random.Generator
) -> np.ndarray:
    """The side of solid letters, darker or brighter than their front."""
    right, down = _direction(rng, max(unit * float(rng.uniform(0.06, 0.2)), 1.5))
    steps = max(abs(right), abs(down), 1)
    side = coverage
    for step in range(1, steps + 1):
        side = np.maximum(side, _shifted(coverage, round(right * step / steps), round(down * step / steps)))
    luma = float(ink @ LUMA)
    other = luma * float(rng.uniform(0.25, 0.65)) if luma > 0.25 else luma + float(rng.uniform(0.15, 0.4))
    return over(picture, side, with_luma(ink, other))


def _glow(
    picture: np.ndarray, coverage: np.ndarray, ink: np.ndarray, unit: float, rng: np.random.Generator
) -> np.ndarray:
    reach = max(unit * float(rng.uniform(0.05, 0.2)), 0.7)
    halo = np.asarray(cv2.GaussianBlur(coverage, (0, 0), reach)) * np.float32(1.6)
    colour = _contrasting(ink, rng) if rng.random() < 0.5 else ink
    return over(picture, np.minimum(halo, 1), colour)


def _neon(picture: np.ndarray, coverage: np.ndarray, unit: float, rng: np.random.Generator) -> np.ndarray:
    """Tubes of light before a dark ground."""
    picture = picture * np.float32(rng.uniform(0.1, 0.5))
    colour = any_colour(rng, 0.6)
    colour = np.clip(0.6 + (colour - 0.6) * np.float32(3), 0, 1)
    if unit > 20 and rng.random() < 0.5:
        coverage = np.asarray(cv2.morphologyEx(coverage, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)))
    halo = np.asarray(cv2.GaussianBlur(coverage, (0, 0), max(0.12 * unit, 1)))
    lit = picture + halo[..., None] * (colour * np.float32(rng.uniform(0.4, 0.9)))
    core = colour + np.float32(rng.uniform(0.2, 0.9)) * (1 - colour)
    return over(lit, coverage, core)


def _relief(
    picture: np.ndarray, coverage: np.ndarray, unit: float, rng: np.random.Generator, *, strength: float
) -> np.ndarray:
    """Edges that turn to the light bright, and those that turn away dark."""
    soft = np.asarray(cv2.GaussianBlur(coverage, (0, 0), max(0.03 * unit, 0.5)))
    angle = rng.uniform(0, 2 * np.pi)
    across, down = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    kernel = np.array([[0, -down, 0], [-across, 0, across], [0, down, 0]], np.float32)
    slope = np.asarray(cv2.filter2D(soft, -1, kernel))
    return shaded(picture, slope * np.float32(strength))


def _worn(coverage: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """``coverage`` with paint come off in flakes."""
    height, width = coverage.shape
    left = surface(height, width, rng)[..., 0] * np.float32(2) + np.float32(rng.uniform(2.2, 3.6))
    return np.asarray(coverage * np.clip(left, 0, 1), np.float32)
