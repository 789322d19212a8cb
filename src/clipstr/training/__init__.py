"""Training a recogniser: recipe, sample stream, loop, checkpoints."""

from __future__ import annotations

from clipstr.training.loop import Observer, Outcome, Step, Trainer
from clipstr.training.recipe import DataSettings, Optimisation, Recipe, RunSettings, load_recipe

__all__ = [
    "DataSettings",
    "Observer",
    "Optimisation",
    "Outcome",
    "Recipe",
    "RunSettings",
    "Step",
    "Trainer",
    "load_recipe",
]
