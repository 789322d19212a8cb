"""A training recipe: every choice of a run, from a TOML file, validated before anything starts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from clipstr.charset import ALPHABETS, Charset
from clipstr.distil import Distillation
from clipstr.errors import InputError, ModelError, RecipeError
from clipstr.form import LONGEST, Preprocessing, WordForm
from clipstr.models import ModelConfig, find_model
from clipstr.settings import Alphabet, built, read_values, section, setting, settings, with_changes
from clipstr.student import SIZES, StudentConfig
from clipstr.teacher import TeacherConfig
from clipstr.teacher.config import check_tokens
from clipstr.training.settings import (
    DataSettings,
    Optimisation,
    RunSettings,
    SoftLabelSettings,
    StartSettings,
)

__all__ = [
    "ClipSettings",
    "Recipe",
    "TeacherRecipe",
    "load_recipe",
    "load_teacher_recipe",
    "plain_recipe",
    "recipe_from_dict",
]


@settings(frozen=True, kw_only=True)
class ClipSettings:
    """The teacher that a run trains, and what it is told."""

    architecture: str = setting("ViT-S-16", "its name in OpenCLIP, or a JSON file in its format")
    characters: Alphabet = setting(ALPHABETS["36"], "the alphabet of its labels")
    max_length: int = setting(25, "the longest word", unit="characters", least=1, most=LONGEST)
    image_height: int = setting(
        32, "height of the pictures that it sees", unit="pixels", least=1, most=LONGEST
    )
    image_width: int = setting(
        128, "width of the pictures that it sees", unit="pixels", least=1, most=8 * LONGEST
    )
    tokens: Literal["characters", "words"] = setting("characters", "what one text token stands for")
    case: Literal["fold", "keep"] = setting("fold", "whether A and a are the same token")

    def __post_init__(self) -> None:
        check_tokens(self.tokens, self.case)

    @property
    def form(self) -> WordForm:
        """The form of the words that it is told."""
        return WordForm(
            charset=Charset(self.characters),
            max_length=self.max_length,
            preprocessing=Preprocessing(height=self.image_height, width=self.image_width),
        )


@settings(frozen=True, kw_only=True)
class TeacherRecipe:
    """A whole run that trains a teacher."""

    name: str = setting("teacher", "what the run is called")
    clip: ClipSettings = section(ClipSettings)
    data: DataSettings = section(DataSettings)
    optimisation: Optimisation = section(Optimisation)
    run: RunSettings = section(RunSettings)

    @property
    def form(self) -> WordForm:
        """The form of the words that are trained on."""
        return self.clip.form


@settings(frozen=True, kw_only=True)
class Recipe:
    """A whole run that trains a recogniser."""

    name: str = setting("recogniser", "what the run, and its model, are called")
    size: str = setting("base", "base or tiny, or empty for start.model's; [student] changes single settings")
    encoder: Literal["student", "clip"] = setting(
        "student", "whose encoder reads; clip: the teacher's own, frozen (table 7, last row)"
    )
    prompts: int = setting(16, "learned tokens in a frozen CLIP encoder", least=0, most=1024)
    start: StartSettings = section(StartSettings)
    student: StudentConfig = section(StudentConfig)
    teacher: TeacherConfig = section(TeacherConfig)
    distillation: Distillation = section(Distillation)
    soft_labels: SoftLabelSettings = section(SoftLabelSettings)
    data: DataSettings = section(DataSettings)
    optimisation: Optimisation = section(Optimisation)
    run: RunSettings = section(RunSettings)

    def __post_init__(self) -> None:
        if self.encoder == "clip" and (not self.teacher.weights or self.optimisation.ctc_weight):
            raise RecipeError(
                "encoder = 'clip' needs teacher.weights, and optimisation.ctc_weight = 0: "
                "a CTC loss is for the student's own columns"
            )
        if self.encoder == "clip" and self.start.model:
            raise RecipeError("encoder = 'clip' cannot start from a model, whose encoder is another")

    @property
    def form(self) -> WordForm:
        """The form of the words that are trained on."""
        return self.student.form


def load_recipe(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """The recipe in the TOML file ``path``, or in the ``recipe.json`` of a run, with ``changes`` put in.

    ``changes`` are texts such as ``optimisation.samples=1000``. Folders are relative to the working
    directory. Raises `RecipeError` naming what is wrong and, for an unknown key, the nearest known one.
    """
    values = with_changes(read_values(path), changes)
    try:
        return recipe_from_dict(values)
    except (InputError, ModelError) as error:
        raise RecipeError(f"{path}: {error}") from error


def load_teacher_recipe(path: Path, changes: Sequence[str] = ()) -> TeacherRecipe:
    """The recipe of a teacher, under the same rules as `load_recipe`."""
    values = with_changes(read_values(path), changes)
    try:
        return built(TeacherRecipe, values, TeacherRecipe())
    except InputError as error:
        raise RecipeError(f"{path}: {error}") from error


def recipe_from_dict(values: dict[str, Any]) -> Recipe:
    """The recipe that nested plain values describe.

    Raises `RecipeError`, or a `ModelError` if the model to start from is not there.
    """
    chosen = built(_Chosen, {key: values[key] for key in ("size", "start") if key in values}, _Chosen())
    start, size = chosen.start, chosen.size
    if start.model:
        if size:
            raise RecipeError(f"size is {size!r}, but start.model has its own: leave size out")
        config = ModelConfig.load(find_model(start.model))
        default = Recipe(size="", student=StudentConfig.of(config.form, config.architecture))
        return built(Recipe, values, default)
    size = size or "base"
    if size not in SIZES:
        raise RecipeError(f"size is {size!r}; there are {', '.join(sorted(SIZES))}")
    return built(Recipe, values, Recipe(size=size, student=SIZES[size]))


@settings(frozen=True, kw_only=True)
class _Chosen:
    """What decides the defaults of all the rest."""

    size: str = setting("", "of `clipstr.student.SIZES`")
    start: StartSettings = section(StartSettings)


def plain_recipe(recipe: Recipe | TeacherRecipe) -> dict[str, Any]:
    """``recipe`` as JSON would give it back, so that recipes compare equal after a round trip."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))
    return plain
