"""The training loop, top to bottom: sample, learn, validate, keep, and go on after an interruption."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from lightning.fabric import Fabric
from torch import Tensor

from clipstr.errors import TrainingError
from clipstr.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from clipstr.training.contrast import Contrast
from clipstr.training.interruption import Interruption
from clipstr.training.recipe import Recipe, TeacherRecipe
from clipstr.training.recognition import Recognition
from clipstr.training.schedule import Budget, learning_rate
from clipstr.training.stream import MixedWords, loader
from clipstr.training.task import Task

__all__ = ["BEST_FOLDER", "Observer", "Outcome", "Step", "Trainer"]

CHECKPOINT_FILE, RECIPE_FILE, LOSSES_FILE, BEST_FOLDER = "last.ckpt", "recipe.json", "losses.jsonl", "best"

_PRODUCTS = {"32-true": torch.float32, "bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}
"""In what matrices are multiplied, by precision."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one step did."""

    samples: int  # seen since the run began
    seconds: float  # trained since the run began
    progress: float  # of the run, 0 to 1
    learning_rate: float
    losses: dict[str, float]  # means over the batch by name; "total" is what was minimised


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Where a run ended."""

    samples: int
    seconds: float
    best: float  # share of right answers on validation, 0 to 1; -1 if there was none
    finished: bool  # false if it was interrupted


class Observer(Protocol):
    """Who watches a run."""

    def stepped(self, step: Step) -> None:
        """A step was made."""

    def validated(self, step: Step, accuracy: dict[str, float]) -> None:
        """The model was validated: shares of right answers by set (see `Task.validate`)."""


class Trainer:
    """One run of a recipe in a folder.

    ``folder`` gets ``last.ckpt`` (to resume from), ``best`` (the best model on validation, or the last
    without any), ``recipe.json`` and ``losses.jsonl``
    (every term of the loss by name, now and then, and each validation).
    Raises `TrainingError` if the folder holds another run, or none to resume, or the run cannot go on.
    """

    def __init__(
        self,
        recipe: Recipe | TeacherRecipe,
        folder: Path,
        *,
        observer: Observer,
        resume: bool,
        max_seconds: float | None,
    ) -> None:
        self.recipe, self.folder, self.observer = recipe, folder, observer
        self.budget = Budget(samples=recipe.optimisation.samples, seconds=max_seconds)
        if recipe.run.threads:
            torch.set_num_threads(recipe.run.threads)
        torch.manual_seed(recipe.run.seed)
        self.fabric = Fabric(accelerator="auto", devices=1, precision=recipe.run.precision)
        self.task: Task = Recognition(recipe) if isinstance(recipe, Recipe) else Contrast(recipe)
        self.task.place(self.fabric.device, _PRODUCTS[recipe.run.precision])
        self.module, self.optimiser = self.fabric.setup(self.task.learner, self._new_optimiser())
        self.samples, self.seconds, self.best = 0, 0.0, -1.0
        self._claim(resume)

    def _new_optimiser(self) -> torch.optim.Optimizer:
        settings = self.recipe.optimisation
        parameters = [p for p in self.task.learner.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": settings.weight_decay},
            {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(
            groups,
            lr=settings.learning_rate,
            betas=(0.9, settings.beta2),
            # One kernel for all weights is far quicker; with 16-bit gradients Fabric could not clip them.
            fused=self.recipe.run.precision != "16-mixed",
        )

    def _claim(self, resume: bool) -> None:
        """Takes up the run in the folder, or begins one there."""
        if resume:
            self._restore(load_checkpoint(self.folder / CHECKPOINT_FILE))
            return
        if (self.folder / CHECKPOINT_FILE).exists():
            raise TrainingError(f"{self.folder} holds a run already: use --resume, or another folder")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            text = json.dumps(asdict(self.recipe), indent=2) + "\n"
            (self.folder / RECIPE_FILE).write_text(text, encoding="utf-8")
        except OSError as error:
            raise TrainingError(f"{self.folder}: the run cannot be written there: {error}") from error

    def _restore(self, checkpoint: Checkpoint) -> None:
        """Takes over ``checkpoint``: a run may resume with other data and pace, nothing else changed."""
        mine, saved = (_choices(recipe) for recipe in (_plain(self.recipe), checkpoint.recipe))
        for name in sorted(set(mine) | set(saved)):
            if mine.get(name) != saved.get(name):
                raise TrainingError(
                    f"{self.folder} holds a run of another recipe: {name} differs; "
                    "resume with the run's own, or begin in another folder"
                )
        self.task.learner.load_state_dict(checkpoint.learner)
        self.optimiser.load_state_dict(checkpoint.optimiser)
        self.samples, self.seconds, self.best = checkpoint.samples, checkpoint.seconds, checkpoint.best

    @property
    def progress(self) -> float:
        """How far the run is, 0 to 1."""
        return self.budget.progress(self.samples, self.seconds)

    def run(self) -> Outcome:
        """Trains until the samples or the time are spent, or until it is interrupted; saves in each case."""
        settings = self.recipe.run
        saved = time.monotonic()
        started = saved - self.seconds
        step: Step | None = None
        next_validation = self.samples + settings.validate_every
        steps = 0
        with Interruption() as interruption:
            for pixels, texts in self._batches():
                if interruption.wanted or self.progress >= 1:
                    break
                step = self._step(pixels, texts)
                self.seconds = time.monotonic() - started
                self.observer.stepped(step)
                steps += 1
                if steps % settings.log_every == 1 or settings.log_every == 1:
                    self._log(step, losses=step.losses, learning_rate=step.learning_rate)
                if self.samples >= next_validation and self.progress < 1:
                    self._validate(step)
                    next_validation += settings.validate_every
                if time.monotonic() - saved > settings.checkpoint_every:
                    self._save()
                    saved = time.monotonic()
            if step is not None and self.progress >= 1:
                self._validate(step)
            self._save()
        finished = self.progress >= 1
        return Outcome(samples=self.samples, seconds=self.seconds, best=self.best, finished=finished)

    def _batches(self) -> Iterator[tuple[Tensor, list[str]]]:
        data = self.recipe.data
        return loader(
            MixedWords(data, self.task.format),
            start=self.samples,
            batch_size=self.recipe.optimisation.batch_size,
            difficulty=lambda: data.difficulty(self.progress),
            workers=data.workers,
        )

    def _step(self, pixels: Tensor, texts: list[str]) -> Step:
        """One step of the optimiser on one batch. Raises `TrainingError` if the loss is no number."""
        settings = self.recipe.optimisation
        rate = learning_rate(self.progress, highest=settings.learning_rate, warm_up=settings.warm_up)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        normalised = self.task.format.preprocessing.normalise(pixels.numpy())
        images = torch.from_numpy(normalised).to(self.fabric.device)
        with self.fabric.autocast():
            inputs = self.task.inputs(images, texts)
        losses: dict[str, Tensor] = self.module(*inputs)
        self.fabric.backward(losses["total"])
        self.fabric.clip_gradients(
            self.module, self.optimiser, max_norm=settings.gradient_clip, error_if_nonfinite=False
        )
        values = {name: float(value.detach()) for name, value in losses.items()}
        if not torch.isfinite(losses["total"]):
            raise TrainingError(
                f"the loss is {values['total']} after {self.samples} samples; "
                f"{self.folder / CHECKPOINT_FILE} is from before: begin anew with a lower learning rate"
            )
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.samples += len(texts)
        return Step(
            samples=self.samples,
            seconds=self.seconds,
            progress=self.progress,
            learning_rate=rate,
            losses=values,
        )

    def _validate(self, step: Step) -> None:
        """Judges the model and keeps it if it is better than any before, or if nothing can judge it."""
        accuracy = self.task.validate()
        if accuracy:
            self.observer.validated(step, accuracy)
            self._log(step, accuracy=accuracy)
        if not accuracy or accuracy["mean"] > self.best:
            self.best = accuracy.get("mean", self.best)
            source = {
                "recipe": _plain(self.recipe),
                "samples": self.samples,
                "minutes": round(self.seconds / 60, 1),
                "validation": accuracy,
            }
            self.task.save(self.folder / BEST_FOLDER, source)

    def _log(self, step: Step, **values: Any) -> None:
        """Adds a line to the run's log."""
        line = {"samples": step.samples, "seconds": round(step.seconds, 1), **values}
        try:
            with (self.folder / LOSSES_FILE).open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise TrainingError(f"{self.folder}: the run cannot be written there: {error}") from error

    def _save(self) -> None:
        checkpoint = Checkpoint(
            learner=self.task.learner.state_dict(),
            optimiser=self.optimiser.state_dict(),
            samples=self.samples,
            seconds=self.seconds,
            best=self.best,
            recipe=_plain(self.recipe),
        )
        save_checkpoint(checkpoint, self.folder / CHECKPOINT_FILE)


def _choices(recipe: dict[str, Any]) -> dict[str, Any]:
    """What decides what is learned, by dotted name: all but the name, the data and the pace."""
    choices: dict[str, Any] = {}
    for part, value in recipe.items():
        if isinstance(value, dict) and part not in ("data", "run"):
            choices |= {f"{part}.{key}": item for key, item in value.items()}
        elif part not in ("name", "size", "data", "run"):
            choices[part] = value
    return choices


def _plain(recipe: Recipe | TeacherRecipe) -> dict[str, Any]:
    """``recipe`` as JSON would give it back, so that recipes compare equal after a round trip."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))
    return plain
