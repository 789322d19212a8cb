"""Whatever a folder holds reads: exported, trained, or trained beside a frozen CLIP."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import save_file
from typer.testing import CliRunner

import clips
from clipstr.cli.main import app
from clipstr.data import LabelRule, LmdbDataset
from clipstr.errors import ModelFileError, ModelNotFoundError
from clipstr.evaluation import evaluate_set
from clipstr.export import export_model
from clipstr.reader import Reader
from clipstr.reading import WordReader
from clipstr.teacher import TeacherConfig
from clipstr.training import open_reader
from runs import STUDENT, Watcher, bars_recipe, new_trainer, run


def accuracy(reader: WordReader, crops: Path) -> float:
    rule = LabelRule(STUDENT.charset, STUDENT.max_length)
    return evaluate_set(reader, "bars", LmdbDataset(crops / "val" / "bars"), rule).means.accuracy


@pytest.fixture(scope="module")
def trained(crops: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """The model of a short run, and what its validation said of it."""
    folder = tmp_path_factory.mktemp("run")
    _, outcome = run(bars_recipe(crops, samples=480, batch_size=16, learning_rate=3e-3), folder)
    return folder / "best", outcome.best


def test_a_trained_model_reads_as_its_validation_said(trained: tuple[Path, float], crops: Path) -> None:
    folder, best = trained
    reader = open_reader(folder, second_looks=False)
    assert reader.name == "bars"
    assert accuracy(reader, crops) == best


def test_an_exported_model_is_read_with_as_always(
    trained: tuple[Path, float], crops: Path, tmp_path: Path
) -> None:
    folder, best = trained
    export_model(folder, tmp_path / "model")
    reader = open_reader(tmp_path / "model", second_looks=False)
    assert isinstance(reader, Reader)
    assert accuracy(reader, crops) == best


def test_a_model_that_is_not_exported_can_be_evaluated(trained: tuple[Path, float], crops: Path) -> None:
    folder, best = trained
    arguments = ["evaluate", "--model", str(folder), "--data", str(crops / "val"), "--charset", "model"]
    result = CliRunner().invoke(app, [*arguments, "--no-second-looks", "--json", "-"], catch_exceptions=False)
    (figures,) = json.loads(result.stdout)["readers"][0]["alphabets"].values()
    assert figures["means"][0]["by_words"]["accuracy"] == pytest.approx(best)


def test_a_model_beside_a_frozen_clip_reads_as_its_validation_said(crops: Path, tmp_path: Path) -> None:
    described = clips.architecture(tmp_path)
    save_file(clips.weights(described), tmp_path / "w.safetensors")
    teacher = TeacherConfig(
        weights=str(tmp_path / "w.safetensors"),
        architecture=str(tmp_path / "clip.json"),
        positions="interpolate",
    )
    recipe = bars_recipe(crops, samples=64, ctc_weight=0.0, learning_rate=1e-2)
    recipe = replace(recipe, encoder="clip", prompts=3, teacher=teacher)
    trainer = new_trainer(recipe, tmp_path / "run", Watcher())
    outcome = trainer.run()
    reader = open_reader(tmp_path / "run" / "best", second_looks=False)
    assert accuracy(reader, crops) == outcome.best
    weights = tmp_path / "run" / "best" / "trained.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4])
    with pytest.raises(ModelFileError, match="damaged"):
        open_reader(tmp_path / "run" / "best")


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="no model there"):
        open_reader(tmp_path)
