"""Training recognisers and teachers: recipe, sample stream, objective, loop, checkpoints."""

from __future__ import annotations

from clipstr.training.loop import BEST_FOLDER, Observer, Outcome, Step, Trainer
from clipstr.training.recipe import (
    ClipSettings,
    DataSettings,
    Optimisation,
    Recipe,
    RunSettings,
    TeacherRecipe,
    load_recipe,
    load_teacher_recipe,
)

__all__ = [
    "BEST_FOLDER",
    "ClipSettings",
    "DataSettings",
    "Observer",
    "Optimisation",
    "Outcome",
    "Recipe",
    "RunSettings",
    "Step",
    "TeacherRecipe",
    "Trainer",
    "load_recipe",
    "load_teacher_recipe",
]
