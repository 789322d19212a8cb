"""``clipstr train``, ``export`` and ``import`` as a user calls them, from crops to a reading."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from clipstr.cli.follow import duration
from clipstr.cli.main import app
from clipstr.data import write_lmdb
from clipstr.errors import CheckpointError, InputError, MissingExtraError, RecipeError
from clipstr.reader import Reader
from clipstr.student.storage import load_recogniser

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"

RECIPE = """
name = "trial"
size = "tiny"
[student]
width = 48
encoder_heads = 2
decoder_heads = 2
[data]
validation = ["{crops}"]
workers = 0
sources.crops.paths = ["{crops}"]
[optimisation]
samples = {samples}
batch_size = 4
ctc_weight = 1.0
[run]
precision = "bf16-mixed"
journals = []
"""


def call(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    return result.output


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    crops = sorted(EXAMPLES.glob("*.png"))
    write_lmdb(tmp_path / "crops" / "set", [(path.read_bytes(), path.stem) for path in crops])
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE.format(crops=tmp_path / "crops", samples=12), encoding="utf-8")
    return path


def test_a_model_is_trained_exported_and_read_with(recipe: Path, tmp_path: Path) -> None:
    output = call("train", str(recipe), "--out", str(tmp_path / "run"))
    assert "validated after 12 samples: set" in output
    assert "12 samples in" in output
    output = call(
        "export", str(tmp_path / "run" / "best"), "--out", str(tmp_path / "model"), "--precision", "int8"
    )
    assert "words read the same" in output
    assert len(Reader(tmp_path / "model").read(sorted(EXAMPLES.glob("*.png")))) == 8


def test_a_finished_run_is_not_trained_again_but_resumes_to_its_end(recipe: Path, tmp_path: Path) -> None:
    call("train", str(recipe), "--out", str(tmp_path / "run"))
    assert "12 samples in" in call("train", str(recipe), "--out", str(tmp_path / "run"), "--resume")


@pytest.mark.parametrize("verb", [["train"], ["teacher", "train"], ["synth"]], ids=" ".join)
def test_every_setting_is_printed_as_a_file_without_anything_else_to_give(verb: list[str]) -> None:
    printed = call(*verb, "--settings")
    assert "# rate of light tubes [a number from 0 to 1]\nneon = 0.015\n" in printed


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("45m", 2700), ("1.5h", 5400), ("2d", 172800)])
def test_times_are_numbers_with_a_unit(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["90", "m", "-5m", "0m", "5 minutes"])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="write a number and s, m, h or d"):
        duration(text)


def test_a_wrong_recipe_and_a_wrong_checkpoint_are_told(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"none\.toml: cannot be read"):
        call("train", str(tmp_path / "none.toml"), "--out", str(tmp_path / "run"))
    with pytest.raises(CheckpointError, match="there is no such file"):
        call("import", str(tmp_path / "none.ckpt"), "--out", str(tmp_path / "model"))


@pytest.mark.parametrize(
    ("arguments", "module"),
    [
        (["train", "x.toml", "--out", "x"], "clipstr.training"),
        (["export", "x", "--out", "y"], "clipstr.export"),
        (["import", "x", "--out", "y"], "clipstr.export"),
        (["synth", "x"], "clipstr.synth"),
    ],
)
def test_a_missing_extra_is_named(
    arguments: list[str], module: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'clipstr\["):
        call(*arguments)


def test_a_dry_run_shows_the_plan_and_trains_nothing(recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    output = call("train", str(recipe), "--out", str(out), "--dry-run", "--set", "optimisation.samples=640")
    assert "640 in 160 steps of 4" in output
    assert "50.0% crops, 40.0 times each; 50.0% rendered" in output
    assert "crops: 8 crops in 1 data sets" in output
    assert "set 8; every 50,000 samples" in output
    assert "MiB for checkpoints" in output
    assert [path.name for path in out.iterdir()] == ["dry-run.png"]
    call("train", str(recipe), "--out", str(out))
    assert "holds a run already" in call("train", str(recipe), "--out", str(out), "--dry-run")


def test_the_embedded_model_learns_a_new_alphabet_from_a_folder_of_pictures(tmp_path: Path) -> None:
    crops = tmp_path / "crops"
    crops.mkdir()
    rows = []
    for path in sorted(EXAMPLES.glob("*.png")):
        (crops / path.name).write_bytes(path.read_bytes())
        rows.append(f"{path.name},€{path.stem}~\n")
    (crops / "labels.csv").write_text("".join(rows), encoding="utf-8")
    changes = [
        f"data.sources.mine.paths={crops}",
        f"data.validation={crops}",
        "data.workers=0",
        "data.synthetic.weight=0",
        "student.characters=0123456789abcdefghijklmnopqrstuvwxyz€",
        "student.max_length=30",
        "optimisation.samples=16",
        "optimisation.batch_size=8",
        "run.journals=[]",
    ]
    recipe = EXAMPLES.parent / "recipes" / "finetune.toml"
    output = call("train", str(recipe), "--out", str(tmp_path / "run"), *(f"--set={c}" for c in changes))
    assert "new characters that start from one that the model knows: € from C" in output
    assert "words may be 5 characters longer" in output
    assert "mine: characters outside the alphabet, deleted from labels: ~ (8)" in output
    assert "mine: 8 crops in 1 data sets" in output
    model, _ = load_recogniser(tmp_path / "run" / "best")
    assert (model.config.charset.num_classes, model.config.max_length) == (38, 30)
