"""A training recipe: every choice of a run, from a TOML file, validated before anything starts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from clipstr.charset import ALPHABETS, Charset
from clipstr.distil import Distillation
from clipstr.errors import InputError, ModelError, RecipeError
from clipstr.form import Preprocessing, WordForm
from clipstr.models import ModelConfig, find_model
from clipstr.plain import built, read_values, with_changes
from clipstr.student import SIZES, StudentConfig
from clipstr.teacher import TeacherConfig
from clipstr.training.settings import DataSettings, Optimisation, RunSettings, StartSettings

__all__ = [
    "ClipSettings",
    "Recipe",
    "TeacherRecipe",
    "load_recipe",
    "load_teacher_recipe",
    "plain_recipe",
    "recipe_from_dict",
]


@dataclass(frozen=True, kw_only=True)
class ClipSettings:
    """The teacher that a run trains, and what it is told."""

    architecture: str = "ViT-S-16"  # of OpenCLIP, or a JSON file in its format
    characters: str = ALPHABETS["36"]
    max_length: int = 25  # characters of the longest word
    image_height: int = 32  # pixels
    image_width: int = 128  # pixels
    tokens: Literal["characters", "words"] = "characters"  # what one text token stands for
    case: Literal["fold", "keep"] = "fold"  # whether A and a are the same token

    def __post_init__(self) -> None:
        Charset(self.characters)
        TeacherConfig(tokens=self.tokens, case=self.case)
        if self.max_length < 1:
            raise RecipeError(f"clip.max_length is {self.max_length}; it must be at least 1")

    @property
    def form(self) -> WordForm:
        """The form of the words that it is told."""
        return WordForm(
            charset=Charset(self.characters),
            max_length=self.max_length,
            preprocessing=Preprocessing(height=self.image_height, width=self.image_width),
        )


@dataclass(frozen=True, kw_only=True)
class TeacherRecipe:
    """A whole run that trains a teacher."""

    name: str = "teacher"
    clip: ClipSettings = field(default_factory=ClipSettings)
    data: DataSettings = field(default_factory=DataSettings)
    optimisation: Optimisation = field(default_factory=Optimisation)
    run: RunSettings = field(default_factory=RunSettings)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A whole run that trains a recogniser."""

    name: str = "recogniser"
    size: str = (
        "base"  # of `clipstr.student.SIZES`, or "" for start.model's; [student] changes single settings
    )
    encoder: Literal["student", "clip"] = "student"  # "clip": the teacher's own, frozen (table 7, last row)
    prompts: int = 16  # learned tokens in a frozen CLIP encoder
    start: StartSettings = field(default_factory=StartSettings)
    student: StudentConfig = field(default_factory=StudentConfig)
    teacher: TeacherConfig = field(default_factory=TeacherConfig)  # without weights there is none
    distillation: Distillation = field(default_factory=Distillation)
    data: DataSettings = field(default_factory=DataSettings)
    optimisation: Optimisation = field(default_factory=Optimisation)
    run: RunSettings = field(default_factory=RunSettings)

    def __post_init__(self) -> None:
        if self.encoder not in ("student", "clip"):
            raise RecipeError(f"encoder is {self.encoder!r}; it can be student or clip")
        if self.encoder == "clip" and (not self.teacher.weights or self.optimisation.ctc_weight):
            raise RecipeError(
                "encoder = 'clip' needs teacher.weights, and optimisation.ctc_weight = 0: "
                "a CTC loss is for the student's own columns"
            )
        if self.encoder == "clip" and self.start.model:
            raise RecipeError("encoder = 'clip' cannot start from a model, whose encoder is another")
        if self.prompts < 0:
            raise RecipeError(f"prompts is {self.prompts}; it must be 0 or more")


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
        return built(TeacherRecipe, values, "", TeacherRecipe())
    except InputError as error:
        raise RecipeError(f"{path}: {error}") from error


def recipe_from_dict(values: dict[str, Any]) -> Recipe:
    """The recipe that nested plain values describe.

    Raises `RecipeError`, or a `ModelError` if the model to start from is not there.
    """
    chosen = built(_Chosen, {key: values[key] for key in ("size", "start") if key in values}, "", _Chosen())
    start, size = chosen.start, chosen.size
    if start.model:
        if size:
            raise RecipeError(f"size is {size!r}, but start.model has its own: leave size out")
        config = ModelConfig.load(find_model(start.model))
        default = Recipe(size="", student=StudentConfig.of(config.form, config.architecture))
        return _named_alphabet(built(Recipe, values, "", default))
    size = size or "base"
    if size not in SIZES:
        raise RecipeError(f"size is {size!r}; there are {', '.join(sorted(SIZES))}")
    return _named_alphabet(built(Recipe, values, "", Recipe(size=size, student=SIZES[size])))


@dataclass(frozen=True, kw_only=True)
class _Chosen:
    """What decides the defaults of all the rest."""

    size: str = ""
    start: StartSettings = field(default_factory=StartSettings)


def _named_alphabet(recipe: Recipe) -> Recipe:
    """``recipe`` with the field's alphabets by name, "36", "62" or "94", written out."""
    characters = Charset.named(recipe.student.characters).characters
    return replace(recipe, student=replace(recipe.student, characters=characters))


def plain_recipe(recipe: Recipe | TeacherRecipe) -> dict[str, Any]:
    """``recipe`` as JSON would give it back, so that recipes compare equal after a round trip."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))
    return plain
