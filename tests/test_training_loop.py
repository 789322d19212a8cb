"""Real runs of the trainer, small enough for a test: it learns, keeps, goes on and gives up clearly."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from clipstr.data import write_lmdb
from clipstr.errors import DataError, TrainingError
from clipstr.student import TINY
from clipstr.student.storage import load_recogniser
from clipstr.training import DataSettings, Optimisation, Recipe, RunSettings, Step, Trainer
from clipstr.training.checkpoint import load_checkpoint

STUDENT = replace(
    TINY, width=48, encoder_heads=2, decoder_heads=2, encoder_mlp_ratio=1.0, characters="abc", max_length=2
)


class Watcher:
    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.accuracies: list[dict[str, float]] = []
        self.stop_after = 10**9
        self.trainer: Trainer | None = None

    def stepped(self, step: Step) -> None:
        self.steps.append(step)
        if len(self.steps) == self.stop_after:
            import os
            import signal

            os.kill(os.getpid(), signal.SIGINT)

    def validated(self, step: Step, accuracy: dict[str, float]) -> None:
        self.accuracies.append(accuracy)


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Words of one or two letters with gaps between them: a small recogniser learns them in seconds."""
    folder = tmp_path_factory.mktemp("crops")
    rng = np.random.default_rng(0)

    def samples(count: int) -> list[tuple[bytes, str]]:
        made = []
        for _ in range(count):
            text = "".join(rng.choice(list("abc"), size=int(rng.integers(1, 3))))
            pixels = np.full((32, 128), 128, np.uint8)
            for place, letter in enumerate(text):
                top, bottom = {"a": (2, 10), "b": (12, 20), "c": (22, 30)}[letter]
                pixels[top:bottom, 8 + 60 * place : 60 + 60 * place] = 255
            buffer = BytesIO()
            Image.fromarray(pixels).save(buffer, "PNG")
            made.append((buffer.getvalue(), text))
        return made

    write_lmdb(folder / "train" / "bars", samples(64))
    write_lmdb(folder / "val" / "bars", samples(16))
    return folder


def recipe(crops: Path, **optimisation: object) -> Recipe:
    settings: dict[str, object] = {"samples": 96, "batch_size": 8, "learning_rate": 2e-3, "ctc_weight": 1.0}
    return Recipe(
        name="bars",
        student=STUDENT,
        data=DataSettings(
            synthetic_share=0.0, real=(str(crops / "train"),), validation=(str(crops / "val"),), workers=0
        ),
        optimisation=Optimisation(**(settings | optimisation)),  # type: ignore[arg-type]
        run=RunSettings(precision="32-true", validate_every=48),
    )


def trainer(
    recipe: Recipe, folder: Path, watcher: Watcher, *, resume: bool = False, seconds: float | None = None
) -> Trainer:
    return Trainer(recipe, folder, observer=watcher, resume=resume, max_seconds=seconds)


def test_a_run_learns_to_read_and_keeps_its_best_model(crops: Path, tmp_path: Path) -> None:
    watcher = Watcher()
    outcome = trainer(
        recipe(crops, samples=3200, batch_size=16, learning_rate=3e-3), tmp_path / "run", watcher
    ).run()
    assert outcome.finished
    assert outcome.best > 0.5
    assert outcome.best == max(accuracy["mean"] for accuracy in watcher.accuracies)
    model, config = load_recogniser(tmp_path / "run" / "best")
    assert config.name == "bars"
    assert config.source["validation"]["mean"] == outcome.best
    assert not any("ctc" in name for name in model.state_dict())


def test_an_interrupted_run_resumes_to_the_same_weights(crops: Path, tmp_path: Path) -> None:
    whole, first, second = Watcher(), Watcher(), Watcher()
    trainer(recipe(crops), tmp_path / "whole", whole).run()
    first.stop_after = 5
    outcome = trainer(recipe(crops), tmp_path / "parts", first).run()
    assert not outcome.finished
    assert outcome.samples == 40
    assert trainer(recipe(crops), tmp_path / "parts", second, resume=True).run().finished
    steps = [step.losses for step in first.steps + second.steps]
    assert steps == [step.losses for step in whole.steps]
    expected = load_checkpoint(tmp_path / "whole" / "last.ckpt").learner
    weights = load_checkpoint(tmp_path / "parts" / "last.ckpt").learner
    assert all(torch.equal(weights[name], value) for name, value in expected.items())


def test_samples_are_the_same_on_any_number_of_workers(crops: Path, tmp_path: Path) -> None:
    alone, helped = Watcher(), Watcher()
    one = recipe(crops, samples=24)
    trainer(one, tmp_path / "alone", alone).run()
    trainer(replace(one, data=replace(one.data, workers=2)), tmp_path / "helped", helped).run()
    assert [step.losses for step in helped.steps] == [step.losses for step in alone.steps]


def test_a_time_limit_ends_the_run_with_its_schedule(crops: Path, tmp_path: Path) -> None:
    watcher = Watcher()
    outcome = trainer(recipe(crops, samples=10**9), tmp_path / "run", watcher, seconds=2.0).run()
    assert outcome.finished
    assert watcher.steps[-1].learning_rate < watcher.steps[len(watcher.steps) // 2].learning_rate / 2


def test_a_folder_with_a_run_is_not_overwritten(crops: Path, tmp_path: Path) -> None:
    trainer(recipe(crops, samples=8), tmp_path / "run", Watcher()).run()
    with pytest.raises(TrainingError, match="holds a run already: use --resume"):
        trainer(recipe(crops), tmp_path / "run", Watcher())


def test_resuming_needs_the_runs_own_recipe(crops: Path, tmp_path: Path) -> None:
    trainer(recipe(crops, samples=8), tmp_path / "run", Watcher()).run()
    with pytest.raises(TrainingError, match="optimisation.samples differs"):
        trainer(recipe(crops, samples=16), tmp_path / "run", Watcher(), resume=True)


def test_resuming_nothing_or_a_damaged_checkpoint_is_an_error(crops: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="there is no checkpoint to resume from"):
        trainer(recipe(crops), tmp_path / "none", Watcher(), resume=True)
    trainer(recipe(crops, samples=8), tmp_path / "run", Watcher()).run()
    checkpoint = tmp_path / "run" / "last.ckpt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(TrainingError, match="the checkpoint is damaged"):
        trainer(recipe(crops, samples=8), tmp_path / "run", Watcher(), resume=True)


def test_a_loss_that_is_no_number_stops_the_run(crops: Path, tmp_path: Path) -> None:
    run = trainer(recipe(crops), tmp_path / "run", Watcher())
    with torch.no_grad():
        dict(run.task.learner.named_parameters())["student.head.bias"].fill_(float("nan"))
    with pytest.raises(TrainingError, match="the loss is nan after 0 samples"):
        run.run()


def test_a_folder_without_crops_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        trainer(recipe(tmp_path), tmp_path / "run", Watcher())


def test_the_recipe_is_saved_with_the_run(crops: Path, tmp_path: Path) -> None:
    trainer(recipe(crops, samples=8), tmp_path / "run", Watcher()).run()
    saved = json.loads((tmp_path / "run" / "recipe.json").read_text(encoding="utf-8"))
    assert saved["optimisation"]["samples"] == 8
    assert saved["student"]["characters"] == "abc"


def test_without_validation_the_last_model_is_kept(crops: Path, tmp_path: Path) -> None:
    blind = recipe(crops, samples=16)
    blind = replace(blind, data=replace(blind.data, validation=()))
    watcher = Watcher()
    assert trainer(blind, tmp_path / "run", watcher).run().best == -1
    assert not watcher.accuracies
    model, _ = load_recogniser(tmp_path / "run" / "best")
    last = load_checkpoint(tmp_path / "run" / "last.ckpt").learner
    assert all(torch.equal(value, last[f"student.{name}"]) for name, value in model.state_dict().items())
