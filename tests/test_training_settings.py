"""No setting is without effect: whatever a recipe may say is read by what it is said to."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from safetensors.torch import save_file

import clips
from clipstr.distil import Distillation
from clipstr.teacher import TeacherConfig
from clipstr.training import (
    ClipSettings,
    DataSettings,
    Recipe,
    SoftLabelSettings,
    SourceSettings,
    StartSettings,
    SyntheticSettings,
    TeacherRecipe,
)
from clipstr.training.recipe import _Chosen, plain_recipe, recipe_from_dict
from runs import Watcher, bars, bars_recipe, new_trainer

Setting = tuple[type, str]

WHOLE = {"__post_init__", "plain_recipe", "sizes", "adapt", "_with_samples"}
"""Functions that take settings as a whole: to check, store or copy them, which is no effect."""


def settings_of(made: Any) -> Iterator[Setting]:
    """Every setting below ``made`` that is no section."""
    for name, value in vars(made).items():
        if is_dataclass(value):
            yield from settings_of(value)
        elif isinstance(value, Mapping):
            yield from settings_of(SourceSettings(paths=("x",)))
        else:
            yield type(made), name


def reader_of(frame: FrameType | None) -> FrameType | None:
    """The first frame outside the library of dataclasses, which reads for others."""
    while frame is not None and frame.f_globals.get("__name__") == "dataclasses":
        frame = frame.f_back
    return frame


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> set[Setting]:
    """The settings that clipstr read since the test began."""
    found: set[Setting] = set()

    def attribute(self: Any, name: str) -> Any:
        value = object.__getattribute__(self, name)
        if name in type(self).__dataclass_fields__:
            frame = reader_of(sys._getframe(1))
            module = frame.f_globals.get("__name__", "") if frame else ""
            outside = module.startswith("clipstr.") and not module.startswith("clipstr.settings")
            if frame is not None and outside and frame.f_code.co_name not in WHOLE:
                found.add((type(self), name))
        return value

    for kind in {kind for whole in (Recipe(), TeacherRecipe(), _Chosen()) for kind, _ in settings_of(whole)}:
        monkeypatch.setattr(kind, "__getattribute__", attribute)
    return found


def rehearsed(recipe: Recipe | TeacherRecipe, folder: Path) -> None:
    """A step of ``recipe``, and its validation; rendered words in all the ways there are."""
    trainer = new_trainer(recipe, folder, Watcher())
    trainer.run()
    if trainer.words.renderer is not None:
        for index in range(60):
            trainer.words.renderer.sample(1, index, 1.0)


def test_every_setting_of_every_recipe_is_read(read: set[Setting], crops: Path, tmp_path: Path) -> None:
    described = clips.architecture(tmp_path)
    save_file(clips.weights(described), tmp_path / "w.safetensors")
    clip = TeacherConfig(
        weights=str(tmp_path / "w.safetensors"),
        architecture=str(tmp_path / "clip.json"),
        positions="interpolate",
    )
    plain = bars_recipe(crops, samples=8)
    assert recipe_from_dict(plain_recipe(plain)) == plain
    mixed = DataSettings(
        sources=plain.data.sources, synthetic=SyntheticSettings(), validation=plain.data.validation, workers=0
    )
    recipes: list[Recipe | TeacherRecipe] = [
        replace(plain, data=mixed, teacher=clip),
        replace(plain, teacher=clip, distillation=Distillation(loss="kl")),
        replace(bars_recipe(crops, samples=8, ctc_weight=0.0), teacher=clip, encoder="clip", prompts=2),
        replace(plain, start=StartSettings(model=str(tmp_path / "0" / "best"))),
        replace(plain, soft_labels=SoftLabelSettings(model=str(tmp_path / "0" / "best"))),
        TeacherRecipe(
            clip=ClipSettings(architecture=clip.architecture, characters="abc", max_length=2),
            data=bars(crops),
            optimisation=plain.optimisation,
            run=replace(plain.run, journals=("tensorboard",)),
        ),
    ]
    for number, recipe in enumerate(recipes):
        rehearsed(recipe, tmp_path / str(number))
    wanted = set(settings_of(Recipe())) | set(settings_of(TeacherRecipe()))
    wanted.remove((Recipe, "size"))  # which is read before there is a recipe
    wanted.add((_Chosen, "size"))
    assert sorted(f"{kind.__name__}.{name}" for kind, name in wanted - read) == []
