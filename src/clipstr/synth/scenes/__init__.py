"""Whole rendered scenes: photographs of made-up places with words, and where each of them stands, exactly."""

from __future__ import annotations

from clipstr.synth.scenes.config import SceneConfig, load_scenes
from clipstr.synth.scenes.renderer import SceneRenderer
from clipstr.synth.scenes.truth import RenderedScene, SceneWord, marked, write_scenes

__all__ = [
    "RenderedScene",
    "SceneConfig",
    "SceneRenderer",
    "SceneWord",
    "load_scenes",
    "marked",
    "write_scenes",
]
