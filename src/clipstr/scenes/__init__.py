"""Whole photographs: finding the words in them, reading them, and telling where they stand."""

from __future__ import annotations

from clipstr.scenes.detector import Detector, Region, Unit
from clipstr.scenes.reader import MIN_CONFIDENCE, SceneOutcome, SceneReader
from clipstr.scenes.scene import Line, Outline, Scene, Word, plain_scene

__all__ = [
    "MIN_CONFIDENCE",
    "Detector",
    "Line",
    "Outline",
    "Region",
    "Scene",
    "SceneOutcome",
    "SceneReader",
    "Unit",
    "Word",
    "plain_scene",
]
