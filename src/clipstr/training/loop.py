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

from clipstr.data import LabelRule, LmdbDataset, find_lmdbs
from clipstr.errors import TrainingError
from clipstr.evaluation import Evaluation, evaluate_set
from clipstr.imaging import Preprocessing
from clipstr.student import Recogniser
from clipstr.student.storage import save_recogniser
from clipstr.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from clipstr.training.interruption import Interruption
from clipstr.training.objective import Learner, make_batch
from clipstr.training.recipe import Recipe
from clipstr.training.schedule import Budget, learning_rate
from clipstr.training.stream import MixedWords, loader
from clipstr.training.validation import StudentReader

__all__ = ["BEST_FOLDER", "Observer", "Outcome", "Step", "Trainer"]

CHECKPOINT_FILE, RECIPE_FILE, BEST_FOLDER, LAST_FOLDER = "last.ckpt", "recipe.json", "best", "last"


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
    best: float  # word accuracy on validation, 0 to 1; -1 if there was none
    finished: bool  # false if it was interrupted


class Observer(Protocol):
    """Who watches a run."""

    def stepped(self, step: Step) -> None:
        """A step was made."""

    def validated(self, step: Step, accuracy: dict[str, float]) -> None:
        """The model was validated: word accuracy (0 to 1) by set, "mean" the sample-weighted mean."""


class Trainer:
    """One run of a recipe in a folder.

    ``folder`` gets ``last.ckpt`` (to resume from), ``best`` and ``last`` (model folders) and ``recipe.json``.
    Raises `TrainingError` if the folder holds another run, or none to resume, or the run cannot go on.
    """

    def __init__(
        self, recipe: Recipe, folder: Path, *, observer: Observer, resume: bool, max_seconds: float | None
    ) -> None:
        self.recipe, self.folder, self.observer = recipe, folder, observer
        self.budget = Budget(samples=recipe.optimisation.samples, seconds=max_seconds)
        if recipe.run.threads:
            torch.set_num_threads(recipe.run.threads)
        torch.manual_seed(recipe.run.seed)
        self.fabric = Fabric(accelerator="auto", devices=1, precision=recipe.run.precision)
        self.student = Recogniser(recipe.student)
        self.preprocessing = Preprocessing(
            height=recipe.student.image_height, width=recipe.student.image_width
        )
        if recipe.run.compile:
            self.student.compile()
        self.learner = Learner(
            self.student,
            ctc_weight=recipe.optimisation.ctc_weight,
            label_smoothing=recipe.optimisation.label_smoothing,
        )
        self.module, self.optimiser = self.fabric.setup(self.learner, self._new_optimiser())
        self.sets = [LmdbDataset(path) for root in recipe.data.validation for path in find_lmdbs(Path(root))]
        self.samples, self.seconds, self.best = 0, 0.0, -1.0
        self._claim(resume)

    def _new_optimiser(self) -> torch.optim.Optimizer:
        settings = self.recipe.optimisation
        parameters = list(self.learner.parameters())
        groups = [
            {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": settings.weight_decay},
            {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, settings.beta2))

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
        """Takes over ``checkpoint``; a run resumes with its own student and optimisation only."""
        recipe = _plain(self.recipe)
        for part in ("student", "optimisation"):
            changed = [
                key for key, value in recipe[part].items() if checkpoint.recipe[part].get(key) != value
            ]
            if changed:
                raise TrainingError(
                    f"{self.folder} holds a run of another recipe: {part}.{changed[0]} differs; "
                    "resume with the run's own, or begin in another folder"
                )
        self.learner.load_state_dict(checkpoint.learner)
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
        with Interruption() as interruption:
            for pixels, texts in self._batches():
                if interruption.wanted or self.progress >= 1:
                    break
                step = self._step(pixels, texts)
                self.seconds = time.monotonic() - started
                self.observer.stepped(step)
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
        words = MixedWords(
            data, self.recipe.student.charset, self.recipe.student.max_length, self.preprocessing
        )
        return loader(
            words,
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
        images = torch.from_numpy(self.preprocessing.normalise(pixels.numpy())).to(self.fabric.device)
        losses: dict[str, Tensor] = self.module(make_batch(images, texts, self.recipe.student.charset))
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
        """Reads the validation sets and keeps the model if it reads better than any before."""
        if not self.sets:
            return
        reader = StudentReader(self.student, self.preprocessing, name=self.recipe.name)
        rule = LabelRule(self.recipe.student.charset, self.recipe.student.max_length)
        results = [
            evaluate_set(reader, s.path.name, s, rule, batch_size=reader.batch_size) for s in self.sets
        ]
        mean = Evaluation(model=reader.name, rule=rule, sets=tuple(results)).weighted.accuracy
        accuracy = {result.name: result.means.accuracy for result in results} | {"mean": mean}
        self.observer.validated(step, accuracy)
        if mean > self.best:
            self.best = mean
            self._save_model(BEST_FOLDER, accuracy)

    def _save_model(self, name: str, accuracy: dict[str, float]) -> None:
        source = {
            "recipe": _plain(self.recipe),
            "samples": self.samples,
            "minutes": round(self.seconds / 60, 1),
            "validation": accuracy,
        }
        save_recogniser(self.student, self.folder / name, name=self.recipe.name, source=source)

    def _save(self) -> None:
        checkpoint = Checkpoint(
            learner=self.learner.state_dict(),
            optimiser=self.optimiser.state_dict(),
            samples=self.samples,
            seconds=self.seconds,
            best=self.best,
            recipe=_plain(self.recipe),
        )
        save_checkpoint(checkpoint, self.folder / CHECKPOINT_FILE)


def _plain(recipe: Recipe) -> dict[str, Any]:
    """``recipe`` as JSON would give it back, so that recipes compare equal after a round trip."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))
    return plain
