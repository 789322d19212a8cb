"""Training recognisers and teachers: recipe, sample stream, objective, loop, checkpoints."""

from __future__ import annotations

from clipstr.training.observer import Observer, Outcome, SampleReading, Step, Validation
from clipstr.training.recipe import ClipSettings, Recipe, TeacherRecipe, load_recipe, load_teacher_recipe
from clipstr.training.run.loop import Trainer
from clipstr.training.run.records import BEST_FOLDER
from clipstr.training.settings import (
    DataSettings,
    Optimisation,
    RunSettings,
    SoftLabelSettings,
    SourceSettings,
    StartSettings,
    SyntheticSettings,
)
from clipstr.training.tasks.readers import open_reader

__all__ = [
    "BEST_FOLDER",
    "ClipSettings",
    "DataSettings",
    "Observer",
    "Optimisation",
    "Outcome",
    "Recipe",
    "RunSettings",
    "SampleReading",
    "SoftLabelSettings",
    "SourceSettings",
    "StartSettings",
    "Step",
    "SyntheticSettings",
    "TeacherRecipe",
    "Trainer",
    "Validation",
    "load_recipe",
    "load_teacher_recipe",
    "open_reader",
]
