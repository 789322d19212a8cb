"""Recipes: what a file may say, and how it is told what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from clipstr.errors import RecipeError
from clipstr.student import BASE, TINY
from clipstr.training import DataSettings, Optimisation, Recipe, load_recipe

RECIPES = Path(__file__).resolve().parents[1] / "recipes"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.name)
def test_every_recipe_we_ship_is_valid(path: Path) -> None:
    assert load_recipe(path).name


def test_an_empty_recipe_is_the_papers_student(tmp_path: Path) -> None:
    assert load_recipe(written(tmp_path, "")) == Recipe(student=BASE)


def test_the_defaults_are_the_papers() -> None:
    defaults = Optimisation()
    assert (defaults.batch_size, defaults.learning_rate, defaults.warm_up) == (320, 1.4e-3, 0.075)
    assert (defaults.gradient_clip, defaults.weight_decay) == (20.0, 0.0)


def test_a_size_is_chosen_and_changed_setting_by_setting(tmp_path: Path) -> None:
    recipe = load_recipe(written(tmp_path, 'size = "tiny"\n[student]\nmax_length = 40\n'))
    assert recipe.student.width == TINY.width
    assert recipe.student.max_length == 40


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[optimisation]\nlerning_rate = 1",
            "unknown key optimisation.lerning_rate; did you mean optimisation.learning_rate",
        ),
        ("zzz = 1", "unknown key zzz; there are name, size"),
        ('size = "huge"', "size is 'huge'; there are base, tiny"),
        ('[optimisation]\nbatch_size = "64"', "optimisation.batch_size is '64'; it must be of type int"),
        ("[optimisation]\nbatch_size = true", "must be of type int"),
        ("[optimisation]\nbatch_size = 0", "must be above 0"),
        ("[optimisation]\nwarm_up = 1.5", "it is a share of the run"),
        ("data = 3", "data is a section"),
        ("[data]\nreal = [1]", "must be a list of texts"),
        ("[data]\nsynthetic_share = 0.5", "data.real names no folder"),
        ("[data]\nsynthetic_share = 2.0", "it is a share"),
        ("[data]\neasy_until = 0.9", "in this order"),
        ("[data]\nworkers = -1", "data.workers is -1"),
        ('[run]\nprecision = "8"', "run.precision is '8'"),
        ("[run]\nvalidate_every = 0", "must be above 0"),
        ("[student]\nencoder_depth = 5", "encoder_depth is 5"),
        ("= 3", "is no TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="nothing.toml: cannot be read"):
        load_recipe(tmp_path / "nothing.toml")


def test_difficulty_is_easy_first_then_a_ramp_then_all() -> None:
    settings = DataSettings(easy_until=0.2, hard_from=0.6, easiest=0.1)
    assert [settings.difficulty(p) for p in (0.0, 0.2, 0.4, 0.6, 1.0)] == pytest.approx(
        [0.1, 0.1, 0.55, 1, 1]
    )
    step = DataSettings(easy_until=0.5, hard_from=0.5)
    assert [step.difficulty(p) for p in (0.0, 0.49, 0.5, 1.0)] == [0, 0, 1, 1]
