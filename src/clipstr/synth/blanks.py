"""Pictures with nothing to read: what a detector takes for a word, and what is left of one that was cut."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from clipstr.synth.config import SynthConfig
from clipstr.synth.drawing import Lettering

__all__ = ["blanked", "crowded"]

_EDGE = 0.3
"""Rate of words of which an edge is left, too thin to say which letters they were."""

_THIN = (0.04, 0.14)
"""How much of the height such an edge has."""


def crowded(config: SynthConfig) -> SynthConfig:
    """``config`` with more things in the scene and no other words: fences, windows, leaves, stains."""
    scene = replace(
        config.scene, neighbours=0.0, clutter=0.5, panel=0.3, rules=0.25, bars=0.15, stains=0.15, leaves=0.1
    )
    return replace(config, scene=scene)


def blanked(drawn: Lettering, rng: np.random.Generator) -> Lettering:
    """``drawn`` without its ink, or with the upper or lower edge of it alone."""
    ink = np.zeros_like(drawn.ink)
    if rng.random() < _EDGE:
        rows = max(round(len(ink) * float(rng.uniform(*_THIN))), 1)
        edge = slice(0, rows) if rng.random() < 0.5 else slice(len(ink) - rows, len(ink))
        ink[edge] = drawn.ink[edge]
    return replace(drawn, ink=ink)
