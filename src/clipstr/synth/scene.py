"""What a word is painted on and what stands around it: grounds, panels, rules, neighbours."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from clipstr.synth.colours import LUMA, Palette, any_colour, palette, standing_out
from clipstr.synth.config import SynthConfig
from clipstr.synth.drawing import Mask
from clipstr.synth.geometry import Placed
from clipstr.synth.looks import paint_word
from clipstr.synth.painting import over, plain, tinted
from clipstr.synth.surfaces import clutter, photograph, surface

__all__ = ["AROUND", "BEFORE", "WORD", "paint", "with_neighbours"]

WORD, AROUND, BEFORE = 0, 1, 2
"""The layers: the word's ink, that of the words around it, and what stands before all."""


def with_neighbours(
    ink: Mask, rng: np.random.Generator, draw_other: Callable[[], Mask]
) -> tuple[Mask, tuple[int, int]]:
    """A mask of words around ``ink``, and how many columns and rows it reaches beyond it on each side.

    ``draw_other`` draws another word. One to three sides have one.
    """
    height, width = ink.shape
    room = (round(0.9 * height), round(0.8 * height))
    canvas = np.zeros((height + 2 * room[1], width + 2 * room[0]), np.uint8)
    sides = rng.permutation(4)[: int(rng.integers(1, 4))]
    for side in sides:
        other = draw_other()
        gap = round(height * float(rng.uniform(0.02, 0.25)))
        shift = int(rng.integers(-width // 2, width // 2 + 1))
        if side == 0:
            _put(canvas, other, room[0] - gap - other.shape[1], room[1] + height - other.shape[0])
        elif side == 1:
            _put(canvas, other, room[0] + width + gap, room[1] + height - other.shape[0])
        elif side == 2:
            _put(canvas, other, room[0] + shift, room[1] - gap // 2 - other.shape[0])
        else:
            _put(canvas, other, room[0] + shift, room[1] + height + gap // 2)
    return canvas, room


def _put(canvas: Mask, piece: Mask, left: int, top: int) -> None:
    """``piece`` on ``canvas``, as much of it as there is room for."""
    height, width = canvas.shape
    first, last = max(left, 0), min(left + piece.shape[1], width)
    upper, lower = max(top, 0), min(top + piece.shape[0], height)
    if first < last and upper < lower:
        canvas[upper:lower, first:last] = piece[upper - top : lower - top, first - left : last - left]


def paint(
    placed: Placed,
    rng: np.random.Generator,
    difficulty: float,
    config: SynthConfig,
    backgrounds: Sequence[str],
) -> np.ndarray:
    """The picture (height, width, 3) in float32, about 0 to 1, of the ``placed`` layers."""
    scene, layers = config.scene, placed.layers
    colours = palette(rng, difficulty, scene.faint)
    if backgrounds and rng.random() < scene.photograph * difficulty:
        path = backgrounds[int(rng.integers(len(backgrounds)))]
        picture = photograph(path, layers.shape[0], layers.shape[1], rng)
        beneath = cv2.mean(picture, (layers[..., WORD] > 0.2).astype(np.uint8))[:3]
        ground = np.asarray(beneath, np.float32)
        colours = Palette(standing_out(ground, rng), ground)
    else:
        picture = _ground(layers.shape[:2], colours, rng, difficulty, config, backgrounds)
    if rng.random() < scene.rules * difficulty:
        _rule(picture, placed.unit, colours.ink if rng.random() < 0.6 else any_colour(rng, rng.random()), rng)
    if layers.shape[2] > AROUND:
        ink = colours.ink if rng.random() < 0.8 else any_colour(rng, rng.random())
        picture = over(picture, layers[..., AROUND], ink)
    if rng.random() < config.looks.counterchanged * difficulty:
        picture = _counterchanged(picture, layers[..., WORD], colours, rng)
    else:
        picture = paint_word(picture, layers[..., WORD], colours, placed.unit, rng, difficulty, config.looks)
    if layers.shape[2] > BEFORE:
        picture = over(picture, layers[..., BEFORE], _thing(picture.shape, rng))
    return picture


def _counterchanged(
    picture: np.ndarray, coverage: np.ndarray, colours: Palette, rng: np.random.Generator
) -> np.ndarray:
    """``picture`` with an edge across the word, beyond which ink and ground have each other's colours."""
    height, width = coverage.shape
    angle, middle = rng.uniform(0, np.pi), rng.uniform(0.3, 0.7, 2) * (width, height)
    columns, rows = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    away = np.cos(angle) * (columns - middle[0])[None, :] + np.sin(angle) * (rows - middle[1])[:, None]
    beyond = np.clip(np.asarray(away, np.float32) + np.float32(0.5), 0, 1)
    swapped = over(plain(height, width, colours.ink), beyond, colours.ground)
    return over(over(picture, beyond, colours.ink), coverage, swapped)


def _thing(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """The colour of what stands before a word."""
    height, width, _ = shape
    thing = any_colour(rng, float(rng.uniform(0.05, 0.95)))
    grain = surface(height, width, rng) * np.float32(rng.uniform(0, 0.08))
    return np.asarray(plain(height, width, thing) + grain)


def _ground(
    shape: tuple[int, ...],
    colours: Palette,
    rng: np.random.Generator,
    difficulty: float,
    config: SynthConfig,
    backgrounds: Sequence[str],
) -> np.ndarray:
    scene = config.scene
    height, width = shape
    contrast = abs(float((colours.ink - colours.ground) @ LUMA))
    picture = plain(height, width, colours.ground)
    chance = rng.random(4) / max(difficulty, 1e-9)
    if chance[0] < scene.gradient:
        picture += _slope(height, width, rng) * np.float32(contrast * rng.uniform(0.1, 0.5))
    if chance[1] < scene.clutter:
        if backgrounds:
            things = photograph(backgrounds[int(rng.integers(len(backgrounds)))], height, width, rng)
        else:
            things = clutter(height, width, rng)
        # Seen through the ground's colour, so that the word can still be told from it.
        share = np.float32(rng.uniform(0.3, 0.9))
        picture += (things - np.float32(things.mean())) * (share * np.float32(min(contrast * 2, 1)))
    if chance[2] < scene.surface:
        strength = rng.uniform(0.02, 0.05 + 0.25 * contrast)
        picture += surface(height, width, rng) * np.float32(strength)
    if chance[3] < scene.panel:
        _end_panel(picture, rng)
    return picture


def _slope(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    across, down = rng.normal(0, 0.7, 2).astype(np.float32)
    columns = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    rows = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    slope = across * columns + down * rows
    return tinted(cv2.merge((slope, slope, slope)), 1 + rng.normal(0, 0.3, 3))


def _end_panel(picture: np.ndarray, rng: np.random.Generator) -> None:
    """Another colour beyond an edge at one or two sides, in place."""
    height, width, _ = picture.shape
    for _ in range(int(rng.integers(1, 3))):
        colour = any_colour(rng, rng.random()).tolist()
        reach = rng.uniform(0.03, 0.16, 2) * height
        side = int(rng.integers(4))
        if side < 2:
            corners = np.array([(0, 0), (width, 0), (width, reach[1]), (0, reach[0])])
        else:
            corners = np.array([(0, 0), (reach[0], 0), (reach[1], height), (0, height)])
        if side == 1:
            corners[:, 1] = height - corners[:, 1]
        if side == 3:
            corners[:, 0] = width - corners[:, 0]
        cv2.fillPoly(picture, [np.round(corners).astype(np.int32)], colour, cv2.LINE_AA)


def _rule(picture: np.ndarray, unit: float, colour: np.ndarray, rng: np.random.Generator) -> None:
    """A line above or below, or a frame, in place."""
    height, width, _ = picture.shape
    thick = max(round(unit * float(rng.uniform(0.03, 0.1))), 1)
    inset = round(height * float(rng.uniform(0.01, 0.08)))
    shade = colour.tolist()
    if rng.random() < 0.3:
        cv2.rectangle(picture, (inset, inset), (width - 1 - inset, height - 1 - inset), shade, thick)
        return
    level = inset if rng.random() < 0.4 else height - 1 - inset
    end = (width, level + round(float(rng.normal(0, 0.04)) * height))
    cv2.line(picture, (0, level), end, shade, thick, cv2.LINE_AA)
