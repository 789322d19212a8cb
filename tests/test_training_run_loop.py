"""Real runs of the trainer, small enough for a test: it learns, keeps, goes on and gives up clearly."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from clipstr.data import LmdbDataset, write_lmdb
from clipstr.errors import ClipstrError, DataError, RecipeError, TrainingError
from clipstr.student import Recogniser
from clipstr.student.storage import load_recogniser, save_recogniser
from clipstr.training import (
    SoftLabelSettings,
    SourceSettings,
    StartSettings,
    Step,
    SyntheticSettings,
    Trainer,
    Validation,
    load_recipe,
)
from clipstr.training.run.checkpoint import load_checkpoint, save_checkpoint
from clipstr.training.samples.crops import Crops
from clipstr.training.samples.stream import Request
from runs import STUDENT, Watcher, bars, bars_recipe, new_trainer, run


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_checkpoint(folder / "last.ckpt").learner


def same(first: Path, second: Path) -> bool:
    mine, theirs = weights(first), weights(second)
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_a_run_learns_to_read_and_keeps_its_best_model(crops: Path, tmp_path: Path) -> None:
    recipe = bars_recipe(crops, samples=3200, batch_size=16, learning_rate=3e-3)
    watcher, outcome = run(recipe, tmp_path / "run")
    assert outcome.finished
    assert outcome.best > 0.5
    assert outcome.best == max(validation.accuracy["mean"] for validation in watcher.validations)
    model, config = load_recogniser(tmp_path / "run" / "best")
    assert config.name == "bars"
    assert config.source["validation"]["mean"] == outcome.best
    assert not any("ctc" in name for name in model.state_dict())


def test_validation_shows_the_same_readings_each_time(crops: Path, tmp_path: Path) -> None:
    watcher, _ = run(bars_recipe(crops), tmp_path / "run")
    first, second = (validation.readings for validation in watcher.validations)
    assert len(first) == 16
    assert [reading.label for reading in first] == [reading.label for reading in second]
    assert first[0].picture.shape == (32, 128, 3)
    assert (tmp_path / "run" / "readings.png").stat().st_size > 0


@pytest.mark.parametrize("stop_after", [3, 8])
def test_an_interrupted_run_resumes_to_the_same_weights(crops: Path, tmp_path: Path, stop_after: int) -> None:
    recipe = replace(bars_recipe(crops), student=replace(STUDENT, dropout=0.1))
    whole, _ = run(recipe, tmp_path / "whole")
    first, outcome = run(recipe, tmp_path / "parts", stop_after=stop_after)
    assert not outcome.finished
    assert outcome.samples < 96
    second, outcome = run(recipe, tmp_path / "parts", resume=True)
    assert outcome.finished
    assert first.losses + second.losses == whole.losses
    assert same(tmp_path / "whole", tmp_path / "parts")


def test_an_average_of_the_weights_is_kept_and_resumed(crops: Path, tmp_path: Path) -> None:
    recipe = bars_recipe(crops, average=0.9)
    run(recipe, tmp_path / "whole")
    run(recipe, tmp_path / "parts", stop_after=5)
    run(recipe, tmp_path / "parts", resume=True)
    whole, parts = (load_checkpoint(tmp_path / name / "last.ckpt").average for name in ("whole", "parts"))
    assert all(torch.equal(torch.as_tensor(whole[name]), torch.as_tensor(parts[name])) for name in whole)
    blind = replace(recipe, data=replace(recipe.data, validation=()))  # so that the last model is kept
    run(blind, tmp_path / "blind")
    kept, _ = load_recogniser(tmp_path / "blind" / "best")
    for name, value in kept.named_parameters():
        assert torch.equal(value, torch.as_tensor(whole[f"student.{name}"]))
    assert not torch.equal(kept.head.weight, weights(tmp_path / "whole")["student.head.weight"])


def test_samples_are_the_same_on_any_number_of_workers(crops: Path, tmp_path: Path) -> None:
    mixed = bars_recipe(crops, samples=24)
    source = SourceSettings(paths=(str(crops / "train"),), augment="camera")
    synthetic = SyntheticSettings(easy_until=0.0, hard_from=1.0)
    mixed = replace(mixed, data=replace(mixed.data, sources={"bars": source}, synthetic=synthetic))
    alone, _ = run(mixed, tmp_path / "alone")
    helped, _ = run(replace(mixed, data=replace(mixed.data, workers=2)), tmp_path / "helped")
    assert helped.losses == alone.losses


def test_a_step_in_parts_is_the_same_step(crops: Path, tmp_path: Path) -> None:
    settings = bars_recipe(crops)
    settings = replace(settings, student=replace(STUDENT, stem="patch"))  # batch norms see their part alone
    whole, _ = run(settings, tmp_path / "whole")
    optimisation = replace(settings.optimisation, accumulate=4)
    parts, _ = run(replace(settings, optimisation=optimisation), tmp_path / "parts")
    for mine, theirs in zip(parts.losses, whole.losses, strict=True):
        assert mine == pytest.approx(theirs, abs=1e-4)


def test_a_batch_that_cannot_be_divided_is_an_error(crops: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="a batch of 8 cannot be shared by 1 processes in 3 parts"):
        run(bars_recipe(crops, accumulate=3), tmp_path / "run")


def test_epochs_are_passes_over_the_crops(crops: Path, tmp_path: Path) -> None:
    _, outcome = run(bars_recipe(crops, epochs=1.5), tmp_path / "run")
    assert outcome.samples == 96
    saved = json.loads((tmp_path / "run" / "recipe.json").read_text(encoding="utf-8"))
    assert saved["optimisation"]["samples"] == 96
    rendered = replace(
        bars_recipe(crops, epochs=1.0), data=replace(bars(crops), sources={}, synthetic=SyntheticSettings())
    )
    with pytest.raises(RecipeError, match="passes over data.sources, and there are none"):
        run(rendered, tmp_path / "rendered")


def test_a_time_limit_ends_the_run_with_its_schedule(crops: Path, tmp_path: Path) -> None:
    watcher, outcome = run(bars_recipe(crops, samples=10**9), tmp_path / "run", seconds=2.0)
    assert outcome.finished
    assert watcher.steps[-1].learning_rate < watcher.steps[len(watcher.steps) // 2].learning_rate / 2
    assert watcher.validations


def test_a_time_limit_counts_from_the_start_of_the_command(crops: Path, tmp_path: Path) -> None:
    """A run whose start took all but two of its seconds ends two seconds later, its schedule whole."""
    watcher = Watcher()
    started = time.monotonic() - 1000
    trainer = Trainer(
        bars_recipe(crops, samples=10**9),
        tmp_path / "run",
        observers=[watcher],
        resume=False,
        max_seconds=1002 + (time.monotonic() - started - 1000) + 2,
        started=started,
    )
    outcome = trainer.run()
    assert outcome.finished
    assert outcome.seconds < 60
    rates = [step.learning_rate for step in watcher.steps]
    assert rates[0] < max(rates) / 2


def test_a_run_says_what_it_does_until_its_first_step(crops: Path, tmp_path: Path) -> None:
    watcher, _ = run(bars_recipe(crops, samples=16), tmp_path / "run")
    assert watcher.phases == [
        "reading labels, and looking at fonts",
        "making the model",
        "preparing the first samples",
        "making the first step",
    ]


def test_an_interrupted_run_leaves_its_averaged_weights(crops: Path, tmp_path: Path) -> None:
    recipe = bars_recipe(crops, average=0.9)
    run(recipe, tmp_path / "run", stop_after=2)
    assert not (tmp_path / "run" / "best").exists()
    model, config = load_recogniser(tmp_path / "run" / "latest")
    state = load_checkpoint(tmp_path / "run" / "last.ckpt")
    assert config.source["samples"] == state.samples > 0
    for name, value in model.named_parameters():
        assert torch.equal(value, torch.as_tensor(state.average[f"student.{name}"]))


def test_weights_come_out_at_every_validation(crops: Path, tmp_path: Path) -> None:
    recipe = bars_recipe(crops, samples=24)
    recipe = replace(recipe, run=replace(recipe.run, validate_every=8))
    trainer = new_trainer(recipe, tmp_path / "run", Watcher())
    accuracies = iter([0.5, 0.25, 0.125])
    seen = []

    def validate() -> Validation:
        if (tmp_path / "run" / "latest").exists():
            seen.append(load_recogniser(tmp_path / "run" / "latest")[1].source["samples"])
        return Validation(accuracy={"mean": next(accuracies)})

    trainer.task.validate = validate  # type: ignore[method-assign]
    trainer.run()
    assert seen == [8, 16]
    assert load_recogniser(tmp_path / "run" / "latest")[1].source["validation"] == {"mean": 0.125}
    assert load_recogniser(tmp_path / "run" / "best")[1].source["samples"] == 8


def test_new_heads_of_a_run_that_starts_from_a_model_learn_alone_at_first(
    crops: Path, tmp_path: Path
) -> None:
    """The encoder hears nothing of their loss for so long, and of a run from nothing never less."""
    run(bars_recipe(crops, samples=16, ctc_weight=0.0), tmp_path / "first")
    start = StartSettings(model=str(tmp_path / "first" / "best"))
    for begins, expected in ((start, [True, True, False, False]), (StartSettings(), [False] * 4)):
        recipe = replace(bars_recipe(crops, samples=32, head_warm_up=0.5), start=begins)
        trainer = new_trainer(recipe, tmp_path / str(bool(begins.model)), Watcher())
        alone = []
        inputs = trainer.task.inputs

        def noted(*arguments: Any, inputs: Any = inputs, alone: list[bool] = alone) -> Any:
            made = inputs(*arguments)
            alone.append(made[0].heads_alone)
            return made

        trainer.task.inputs = noted  # type: ignore[method-assign]
        trainer.run()
        assert alone == expected


_VIEWS = {
    getattr(torch.ops.aten, name).default
    for name in ("detach", "view", "t", "expand", "_unsafe_view", "transpose", "unbind")
    if hasattr(getattr(torch.ops.aten, name), "default")
} | {torch.ops.aten.transpose.int, torch.ops.aten.unbind.int}


class Operators(TorchDispatchMode):
    """Counts the operators that are called, views left out, and those that wait for the device."""

    def __init__(self) -> None:
        super().__init__()
        self.count, self.waits = 0, list[str]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func not in _VIEWS
        if func in (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default):
            self.waits.append(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(("optimiser", "taught"), [("adamw", False), ("muon", False), ("muon", True)])
def test_a_step_never_waits_for_the_device_and_moves_all_weights_in_few_calls(
    crops: Path, tmp_path: Path, optimiser: str, taught: bool
) -> None:
    recipe = bars_recipe(crops, optimiser=optimiser, average=0.9)
    if taught:
        save_recogniser(Recogniser(STUDENT), tmp_path / "better", name="better", source={})
        recipe = replace(recipe, soft_labels=SoftLabelSettings(model=str(tmp_path / "better")))
    trainer = new_trainer(recipe, tmp_path / "run", Watcher())
    trainer.rehearse(2)  # the optimiser's state is there
    with Operators() as learning:
        words = trainer.words[[Request(i, trainer.words.mixture().place(i), 1.0) for i in range(8)]]
        assert not isinstance(words, ClipstrError)
        losses = trainer._learn([words])
        trainer.fabric.clip_gradients(
            trainer.module, trainer.optimiser, max_norm=1.0, error_if_nonfinite=False
        )
        trainer.processes.everyones([*losses.values(), 1.0, 0.0])
    with Operators() as moving:
        trainer.optimiser.step()
        assert trainer.average is not None
        trainer.average.update()
    assert learning.waits == moving.waits == []
    # Muon turns the matrices of each shape together, in 45 calls; AdamW and the average need a few in all.
    shapes = {p.flatten(1).shape for p in trainer.task.learner.parameters() if p.ndim >= 2}
    assert len(list(trainer.task.learner.parameters())) == 160
    assert moving.count <= 12 + (45 * len(shapes) if optimiser == "muon" else 0)


def test_a_run_whose_time_is_over_when_it_resumes_still_keeps_a_model(crops: Path, tmp_path: Path) -> None:
    recipe = bars_recipe(crops, samples=10**6)
    _, outcome = run(recipe, tmp_path / "run", stop_after=2)
    assert not (tmp_path / "run" / "best").exists()
    watcher, again = run(recipe, tmp_path / "run", resume=True, seconds=outcome.seconds / 2)
    assert again.finished
    assert again.samples == outcome.samples
    assert len(watcher.validations) == 1
    load_recogniser(tmp_path / "run" / "best")


def test_a_folder_with_a_run_is_not_overwritten(crops: Path, tmp_path: Path) -> None:
    run(bars_recipe(crops, samples=8), tmp_path / "run")
    with pytest.raises(TrainingError, match="holds a run already: use --resume"):
        run(bars_recipe(crops), tmp_path / "run")


def test_resuming_needs_the_runs_own_recipe(crops: Path, tmp_path: Path) -> None:
    run(bars_recipe(crops, samples=8), tmp_path / "run")
    with pytest.raises(TrainingError, match="optimisation.samples differs"):
        run(bars_recipe(crops, samples=16), tmp_path / "run", resume=True)


def test_a_run_of_an_older_version_resumes_with_what_could_not_be_chosen_then(
    crops: Path, tmp_path: Path
) -> None:
    recipe = bars_recipe(crops)
    run(recipe, tmp_path / "run", stop_after=2)
    path = tmp_path / "run" / "last.ckpt"
    state = load_checkpoint(path)
    del state.recipe["soft_labels"], state.recipe["optimisation"]["decay_from"]
    save_checkpoint(state, path)
    changed = replace(recipe, optimisation=replace(recipe.optimisation, decay_from=0.5))
    with pytest.raises(TrainingError, match="decay_from differs"):
        run(changed, tmp_path / "run", resume=True)
    assert run(recipe, tmp_path / "run", resume=True)[1].finished


def test_resuming_nothing_or_a_damaged_checkpoint_is_an_error(crops: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="there is no checkpoint to resume from"):
        run(bars_recipe(crops), tmp_path / "none", resume=True)
    run(bars_recipe(crops, samples=8), tmp_path / "run")
    checkpoint = tmp_path / "run" / "last.ckpt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(TrainingError, match="the checkpoint is damaged"):
        run(bars_recipe(crops, samples=8), tmp_path / "run", resume=True)


def test_a_loss_that_is_no_number_stops_the_run_and_leaves_the_checkpoint(
    crops: Path, tmp_path: Path
) -> None:
    run(bars_recipe(crops), tmp_path / "run", stop_after=4)
    before = (tmp_path / "run" / "last.ckpt").read_bytes()
    trainer = new_trainer(bars_recipe(crops), tmp_path / "run", Watcher(), resume=True)
    with torch.no_grad():
        dict(trainer.task.learner.named_parameters())["student.head.bias"].fill_(float("nan"))
    with pytest.raises(TrainingError, match="the loss is nan after .* samples"):
        trainer.run()
    assert (tmp_path / "run" / "last.ckpt").read_bytes() == before


def test_a_folder_without_crops_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        run(bars_recipe(tmp_path), tmp_path / "run")


def test_labels_with_unknown_characters_are_left_out_if_the_recipe_says_so(
    crops: Path, tmp_path: Path
) -> None:
    picture = LmdbDataset(crops / "train" / "bars").image_bytes(0)
    write_lmdb(tmp_path / "train" / "some", [(picture, label) for label in ("a", "b-", "c")])
    recipe = bars_recipe(crops)
    source = SourceSettings(paths=(str(tmp_path / "train"),))
    for unknown, count in (("delete", 3), ("drop", 2)):
        data = replace(recipe.data, sources={"some": source}, unknown=unknown)
        trainer = new_trainer(replace(recipe, data=data), tmp_path / unknown, Watcher())
        assert len(trainer.words.crops["some"]) == count


def test_who_cannot_be_told_any_more_does_not_stop_the_run(crops: Path, tmp_path: Path) -> None:
    """A progress line into a full disk or a closed pipe."""

    class Full(Watcher):
        def stepped(self, step: Step) -> None:
            super().stepped(step)
            raise OSError(28, "No space left on device")

    full, other = Full(), Watcher()
    recipe = bars_recipe(crops, samples=24)
    outcome = Trainer(recipe, tmp_path / "run", observers=[full, other], resume=False, max_seconds=None).run()
    assert outcome.finished
    assert (len(full.steps), len(other.steps)) == (1, 3)
    assert load_checkpoint(tmp_path / "run" / "last.ckpt").samples == 24


def gradients_of(trainer: Trainer) -> list[float]:
    """The norm of the gradient at each step of a run, as the optimiser gets it."""
    norms: list[float] = []
    step = trainer.optimiser.optimizer.step

    def noted(*arguments: object, **others: object) -> object:
        parts = [p.grad for group in trainer.optimiser.param_groups for p in group["params"]]
        norms.append(float(torch.nn.utils.get_total_norm([p for p in parts if p is not None])))
        return step(*arguments, **others)

    trainer.optimiser.optimizer.step = noted
    trainer.run()
    return norms


def test_gradients_are_clipped_to_the_norm_of_the_recipe(crops: Path, tmp_path: Path) -> None:
    free = gradients_of(new_trainer(bars_recipe(crops, samples=16), tmp_path / "free", Watcher()))
    assert min(free) > 0.1
    short = bars_recipe(crops, samples=16, gradient_clip=0.1)
    clipped = gradients_of(new_trainer(short, tmp_path / "clipped", Watcher()))
    assert clipped == pytest.approx([0.1, 0.1], rel=1e-4)


def test_of_models_that_read_as_well_the_first_is_kept(crops: Path, tmp_path: Path) -> None:
    recipe = bars_recipe(crops, samples=32)
    recipe = replace(recipe, run=replace(recipe.run, validate_every=8))
    trainer = new_trainer(recipe, tmp_path / "run", Watcher())
    accuracies = iter([0.25, 0.5, 0.5, 0.25])
    trainer.task.validate = lambda: Validation(accuracy={"mean": next(accuracies)})  # type: ignore[method-assign]
    assert trainer.run().best == 0.5
    _, config = load_recogniser(tmp_path / "run" / "best")
    assert config.source["samples"] == 16


@pytest.mark.parametrize("workers", [0, 2])
def test_crops_that_cannot_be_read_are_told_and_replaced(tmp_path: Path, crops: Path, workers: int) -> None:
    samples = [(b"no picture", "a"), (b"", "b"), *list(LmdbDataset(crops / "train" / "bars"))[:6]]
    write_lmdb(tmp_path / "train" / "some", samples)
    recipe = bars_recipe(crops, samples=24)
    source = SourceSettings(paths=(str(tmp_path / "train"),))
    watcher, outcome = run(
        replace(recipe, data=replace(recipe.data, sources={"some": source}, workers=workers)),
        tmp_path / "run",
    )
    assert outcome.finished
    told = [note for note in watcher.notes if "is left out" in note]
    assert len(told) == 2
    assert all("data.sources.some: crop" in note for note in told)


class Vanishing(Crops):
    """Crops of which nothing can be read any more from one of them on."""

    lost: int

    def readable(self, item: int) -> tuple[np.ndarray, str, list[str]]:
        if item == self.lost:
            raise DataError("the disk is gone")
        return super().readable(item)


@pytest.mark.parametrize("workers", [0, 1])
def test_data_that_vanishes_stops_the_run_after_saving_it(tmp_path: Path, crops: Path, workers: int) -> None:
    recipe = bars_recipe(crops, samples=10**6)
    watcher = Watcher()
    trainer = new_trainer(
        replace(recipe, data=replace(recipe.data, workers=workers)), tmp_path / "run", watcher
    )
    source = trainer.words.crops["bars"]
    source.__class__ = Vanishing
    source.lost = trainer.words.mixture().place(30).item
    with pytest.raises(DataError, match="the disk is gone"):
        trainer.run()
    assert load_checkpoint(tmp_path / "run" / "last.ckpt").samples == 24
    assert [step.samples for step in watcher.steps] == [8, 16, 24]


def test_a_folder_that_cannot_be_written_is_told_before_training(crops: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    with pytest.raises(TrainingError, match="the run cannot be written there"):
        run(bars_recipe(crops), tmp_path / "file" / "run")


def test_the_recipe_saved_with_the_run_reproduces_it(crops: Path, tmp_path: Path) -> None:
    run(bars_recipe(crops), tmp_path / "run")
    again = load_recipe(tmp_path / "run" / "recipe.json")
    assert again == bars_recipe(crops)
    run(again, tmp_path / "again")
    assert same(tmp_path / "run", tmp_path / "again")


def test_without_validation_the_last_model_is_kept(crops: Path, tmp_path: Path) -> None:
    blind = bars_recipe(crops, samples=16)
    watcher, outcome = run(replace(blind, data=replace(blind.data, validation=())), tmp_path / "run")
    assert outcome.best == -1
    assert not watcher.validations
    model, _ = load_recogniser(tmp_path / "run" / "best")
    last = weights(tmp_path / "run")
    assert all(torch.equal(value, last[f"student.{name}"]) for name, value in model.state_dict().items())


def test_the_log_of_a_resumed_run_has_each_line_once(crops: Path, tmp_path: Path) -> None:
    recipe = replace(bars_recipe(crops), run=replace(bars_recipe(crops).run, log_every=1))
    run(recipe, tmp_path / "run", stop_after=5)
    with (tmp_path / "run" / "losses.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"samples": 88, "losses": {}}\n{"samples": 9')  # what a killed process had come to
    run(recipe, tmp_path / "run", resume=True)
    lines = [json.loads(line) for line in (tmp_path / "run" / "losses.jsonl").read_text().splitlines()]
    assert [line["samples"] for line in lines if "losses" in line] == list(range(8, 97, 8))
    assert [line["samples"] for line in lines if "accuracy" in line] == [48, 96]
