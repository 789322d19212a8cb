"""Recipes: what a file may say, and how it is told what is wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from clipstr.charset import ALPHABETS
from clipstr.distil import pairs_of
from clipstr.errors import RecipeError
from clipstr.student import BASE, TINY
from clipstr.training import Optimisation, Recipe, SyntheticSettings, load_recipe, load_teacher_recipe
from clipstr.training.recipe import plain_recipe

RECIPES = Path(__file__).resolve().parents[1] / "recipes"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.name)
def test_every_recipe_we_ship_is_valid(path: Path) -> None:
    load = load_teacher_recipe if path.name == "teacher.toml" else load_recipe
    assert load(path).name == {"finetune": "finetuned"}.get(path.stem, path.stem)


@pytest.mark.parametrize("name", ["baseline", "image", "text", "clipocr", "clip-encoder"])
def test_the_recipes_of_the_paper_hold_its_values(name: str) -> None:
    """Section 4.2, and the authors' code for what it leaves open."""
    recipe = load_recipe(RECIPES / f"{name}.toml")
    assert recipe.student == BASE
    assert recipe.student.charset.characters == "0123456789abcdefghijklmnopqrstuvwxyz"
    assert (recipe.student.image_height, recipe.student.image_width) == (32, 128)
    assert (recipe.student.encoder_depth, recipe.student.decoder_depth) == (12, 4)
    settings = recipe.optimisation
    assert (settings.learning_rate, settings.batch_size) == (1.4e-3, 320)
    assert (settings.warm_up, settings.gradient_clip, settings.weight_decay) == (0.075, 20.0, 0.0)
    assert settings.samples == 5 * (8_900_000 + 5_500_000)
    assert (settings.ctc_weight, settings.label_smoothing) == (0.0, 0.0)
    assert recipe.encoder == ("clip" if name == "clip-encoder" else "student")
    if name == "baseline":
        assert not recipe.teacher.weights
        return
    teacher = recipe.teacher
    assert (teacher.architecture, teacher.weights) == ("ViT-B-16-quickgelu", "openai")
    assert (teacher.positions, teacher.tokens) == ("cut", "characters")


def test_the_recipes_of_table_1_differ_in_who_teaches() -> None:
    pairs = {
        name: [pair.name for pair in pairs_of(load_recipe(RECIPES / f"{name}.toml").distillation)]
        for name in ("image", "text", "clipocr")
    }
    encoders = [f"encoder {i} ~ image {i}" for i in (1, 2, 3)]
    decoders = [f"decoder {i} ~ text {4 - i}" for i in (1, 2, 3)]
    assert pairs["image"] == [*encoders, "encoder 4 ~ image 4"]
    assert pairs["text"] == decoders
    assert pairs["clipocr"] == [*encoders, "encoder 4 ~ text 4", *decoders]


def test_clip_ocrs_loss_has_the_papers_weights() -> None:
    settings = load_recipe(RECIPES / "clipocr.toml").distillation
    assert (settings.loss, settings.weight) == ("consistency", 1.0)
    assert (settings.intra_weight, settings.inter_weight, settings.tau) == (5.0, 0.1, 0.03)


def test_stages_are_lists_of_whole_numbers(tmp_path: Path) -> None:
    recipe = load_recipe(written(tmp_path, "[distillation]\ndecoder_stages = [1, 3]"))
    assert recipe.distillation.decoder_stages == (1, 3)
    with pytest.raises(
        RecipeError, match=r"distillation\.decoder_stages is \[True\]; it must be a list of whole numbers"
    ):
        load_recipe(written(tmp_path, "[distillation]\ndecoder_stages = [true]"))


def test_clips_own_encoder_needs_clip_and_no_ctc(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="encoder = 'clip' needs teacher.weights"):
        load_recipe(written(tmp_path, 'encoder = "clip"'))
    with pytest.raises(RecipeError, match=r"optimisation\.ctc_weight = 0"):
        load_recipe(
            written(tmp_path, 'encoder = "clip"\n[teacher]\nweights = "x"\n[optimisation]\nctc_weight = 1')
        )


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
        (
            '[optimisation]\nbatch_size = "64"',
            "optimisation.batch_size is '64'; it must be a whole number from 1 to",
        ),
        ("[optimisation]\nbatch_size = true", "optimisation.batch_size is True; it must be a whole number"),
        ("[optimisation]\nbatch_size = 0", "optimisation.batch_size is 0; it must be a whole number from 1"),
        (
            "[optimisation]\nwarm_up = 1.5",
            "optimisation.warm_up is 1.5; it must be a number from 0 to below 1",
        ),
        ("data = 3", "data is a section"),
        ("[data]\nvalidation = [1]", "data.validation is .*; it must be a list of texts"),
        ("[data.synthetic]\nweight = 0", "data: there is nothing to train on"),
        ("[data.synthetic]\nweight = -1", "data.synthetic.weight is -1; it must be a number of at least 0"),
        (
            "[data.synthetic]\neasy_until = 0.9",
            "data.synthetic: easy_until is 0.9 and hard_from 0.5: .* in this order",
        ),
        ("[data.sources]\nmine = 3", "data.sources.mine is a section"),
        (
            "[data.sources.mine]\npath = 'x'",
            "unknown key data.sources.mine.path; did you mean data.sources.mine.paths",
        ),
        ("[data.sources.mine]\nweight = 1", "data.sources.mine: a source needs paths"),
        (
            "[data.sources.mine]\npaths = ['x']\nweight = 0",
            "data.sources.mine.weight is 0; it must be a number above 0",
        ),
        (
            "[data.sources.mine]\npaths = ['x']\naugment = 'blur'",
            "data.sources.mine.augment is 'blur'; it must be none, camera or rand",
        ),
        ("[data]\nunknown = 'keep'", "data.unknown is 'keep'; it must be delete or drop"),
        (
            "[run]\njournals = ['paper']",
            "run.journals is .*; it must be a list of tensorboard, wandb and mlflow",
        ),
        ("[optimisation]\naccumulate = 0", "optimisation.accumulate is 0"),
        ("[optimisation]\nscaling = 'linear'", "optimisation.scaling is 'linear'"),
        (
            "[optimisation]\naverage = 1.0",
            "optimisation.average is 1.0; it must be a number from 0 to below 1",
        ),
        ("size = 'tiny'\n[start]\nmodel = 'tiny'", "start.model has its own"),
        ("[start]\nmodel = 'nowhere'", "no model called 'nowhere'"),
        ("[data]\nworkers = -1", "data.workers is -1"),
        ('[run]\nprecision = "8"', "run.precision is '8'"),
        ("[run]\nvalidate_every = 0", "run.validate_every is 0"),
        ("[student]\nencoder_depth = 5", "student: encoder_depth is 5"),
        ("[clip]\ncharacters = 94", "unknown key clip"),
        ("[student]\ncharacters = 94", "student.characters is 94; it must be a text: 36, 62, 94, latin or"),
        ("[student]\ncharacters = 'aa'", "student.characters: each character of an alphabet stands once"),
        ("[teacher]\ntokens = 'words'\ncase = 'keep'", "teacher: case = 'keep' needs"),
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
    settings = SyntheticSettings(easy_until=0.2, hard_from=0.6, easiest=0.1)
    assert [settings.difficulty(p) for p in (0.0, 0.2, 0.4, 0.6, 1.0)] == pytest.approx(
        [0.1, 0.1, 0.55, 1, 1]
    )
    step = SyntheticSettings(easy_until=0.5, hard_from=0.5)
    assert [step.difficulty(p) for p in (0.0, 0.49, 0.5, 1.0)] == [0, 0, 1, 1]


def test_changes_are_put_into_the_recipe(tmp_path: Path) -> None:
    changes = [
        "optimisation.samples = 7",
        "name=mine",
        "data.sources.a.paths=x",
        'data.sources.a.augment = "rand"',
        "data.validation=['u', 'v']",
        "run.compile=true",
        "student.characters=94",
        "size=tiny",
    ]
    recipe = load_recipe(written(tmp_path, "name = 'other'\n[optimisation]\nsamples = 5"), changes)
    assert (recipe.name, recipe.optimisation.samples, recipe.run.compile) == ("mine", 7, True)
    assert recipe.student == replace(TINY, characters=ALPHABETS["94"])
    assert recipe.data.sources["a"].paths == ("x",)
    assert recipe.data.sources["a"].augment == "rand"
    assert recipe.data.validation == ("u", "v")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("optimisation.sample=7", "unknown key optimisation.sample; did you mean optimisation.samples"),
        ("optimisation.samples", "changes nothing: write section.key=value"),
        ("=7", "changes nothing"),
        ("name.x=7", "name is a value and has no x"),
        ("optimisation.samples=many", "optimisation.samples is 'many'; it must be a whole number"),
    ],
)
def test_a_wrong_change_is_told(tmp_path: Path, change: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe(written(tmp_path, "name = 'x'"), [change])


def test_a_saved_recipe_is_the_same_recipe(tmp_path: Path) -> None:
    for path in sorted(RECIPES.glob("*.toml")):
        if path.name == "teacher.toml":
            continue
        recipe = load_recipe(path)
        saved = tmp_path / "recipe.json"
        saved.write_text(json.dumps(plain_recipe(recipe)), encoding="utf-8")
        assert load_recipe(saved) == recipe


def test_the_papers_recipe_is_the_authors_training() -> None:
    """Section 4.2, and what their code does where it says nothing."""
    recipe = load_recipe(RECIPES / "paper.toml")
    settings = recipe.optimisation
    assert recipe.student == BASE
    assert (settings.epochs, settings.batch_size, settings.learning_rate) == (5, 320, 1.4e-3)
    assert settings.peak(2) == pytest.approx(1.4e-3 * 2**0.5 * 160 / 256)
    assert settings.peak(1) == pytest.approx(1.4e-3 * 320 / 256)
    assert (settings.warm_up, settings.gradient_clip, settings.weight_decay) == (0.075, 20.0, 0.0)
    assert (recipe.distillation.padding, recipe.distillation.rows) == ("include", "batch")
    assert recipe.run.precision == "16-mixed"
    assert recipe.data.synthetic.weight == 0
    assert [source.augment for source in recipe.data.sources.values()] == ["rand"]
    assert Optimisation(learning_rate=1.0).peak(8) == 1.0
