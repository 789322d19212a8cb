"""The training loop, top to bottom: sample, learn, validate, keep, and go on after an interruption."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from clipstr.errors import RecipeError, TrainingError
from clipstr.training.observer import Observer, Outcome, Step
from clipstr.training.optimisation.averaging import Average
from clipstr.training.optimisation.optimiser import new_optimiser
from clipstr.training.optimisation.schedule import Budget, learning_rate
from clipstr.training.recipe import Recipe, TeacherRecipe, plain_recipe
from clipstr.training.run.checkpoint import Checkpoint
from clipstr.training.run.clock import Clock
from clipstr.training.run.interruption import Interruption
from clipstr.training.run.processes import Processes
from clipstr.training.run.records import BEST_FOLDER, LATEST_FOLDER, Records
from clipstr.training.samples.stream import MixedWords, Slice, Words, loader, prepare_workers
from clipstr.training.tasks.contrast import Contrast
from clipstr.training.tasks.recognition import Recognition
from clipstr.training.tasks.task import Task, normalised

__all__ = ["PRODUCTS", "Trainer", "new_task"]

PRODUCTS = {"32-true": torch.float32, "bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}
"""In what matrices are multiplied, by precision."""


class _LostDataError(Exception):
    """The samples cannot go on; what was learned so far is sound. Its cause says why."""


@dataclass(frozen=True)
class _Report:
    """What a step did, its numbers perhaps still being calculated on the device."""

    step: Step
    names: list[str]
    everyones: Tensor  # (processes, losses by these names, then seconds, then whether to stop)


def new_task(recipe: Recipe | TeacherRecipe) -> Task:
    """The task that ``recipe`` describes."""
    return Recognition(recipe) if isinstance(recipe, Recipe) else Contrast(recipe)


class Trainer:
    """One run of a recipe in a folder (see `Records` for what it holds).

    In several processes each makes its own, and they work as one: the same weights come out as of one
    process with the same recipe, to rounding. ``observers`` are told in the main process alone.
    ``max_seconds`` count from ``started`` (of `time.monotonic`), or else from now. Raises `TrainingError` if
    the folder holds another run, or none to resume, or the run cannot go on.
    """

    def __init__(
        self,
        recipe: Recipe | TeacherRecipe,
        folder: Path,
        *,
        observers: Sequence[Observer],
        resume: bool,
        max_seconds: float | None,
        started: float | None = None,
    ) -> None:
        self.clock = Clock(max_seconds, started)
        if recipe.run.threads:
            torch.set_num_threads(recipe.run.threads)
        self.processes = Processes(recipe.run)
        self.records = Records(folder, recipe, observers if self.processes.main else ())
        if recipe.data.workers:
            prepare_workers()  # meanwhile the model is made
        self.records.doing("reading labels, and looking at fonts")
        self.words = MixedWords(recipe.data, recipe.form)
        self.recipe = self.records.recipe = _with_samples(recipe, self.words)
        self.records.doing("making the model")
        torch.manual_seed(recipe.run.seed)
        self.task = new_task(recipe)
        settings = self.recipe.optimisation
        self.share = Slice(
            settings.batch_size, settings.accumulate, self.processes.rank, self.processes.count
        )
        self.fabric = self.processes.fabric
        self.task.place(self.fabric.device, PRODUCTS[self.processes.precision])
        self.module, self.optimiser = self.fabric.setup(
            self.processes.with_common_norms(self.task.learner),
            new_optimiser(self.task.learner, settings, self.processes.precision),
        )
        self.average = Average(self.task.learner, settings.average) if settings.average else None
        self.samples, self.seconds, self.best = 0, 0.0, -1.0
        state = self.processes.on_main(lambda: self.records.claim(resume))
        if state is not None:
            self._restore(state)

    def _restore(self, state: Checkpoint) -> None:
        self.task.learner.load_state_dict(state.learner)
        self.optimiser.load_state_dict(state.optimiser)
        self.fabric.strategy.precision.load_state_dict(state.precision)
        if self.average is not None:
            self.average.load_state_dict(state.average)
        self.samples, self.seconds, self.best = state.samples, state.seconds, state.best

    @property
    def notes(self) -> list[str]:
        """What a person should know of the model and of the data before they are trained on, a line each."""
        return [*self.task.notes, *(line for crops in self.words.crops.values() for line in crops.notes())]

    @property
    def progress(self) -> float:
        """How far the run is, 0 to 1."""
        budget = Budget(samples=self.recipe.optimisation.samples, seconds=self.clock.training)
        return budget.progress(self.samples, self.seconds)

    def run(self) -> Outcome:
        """Trains until the samples or the time are spent, or until it is interrupted; saves in each case.

        What stops it for good, such as data that vanished, is raised when what was learned is saved.
        """
        settings = self.recipe.run
        self._report: _Report | None = None
        self._stopping = False
        saved, judged = self.seconds, self.samples
        if self.recipe.data.workers:
            self.records.doing(f"starting {self.recipe.data.workers} processes that prepare samples")
        with Interruption() as interruption, closing(self._batches()) as batches, self.records:
            if self.processes.main:
                self.records.note(self.notes)
            try:
                while not self._stopping and self.progress < 1:
                    before = self.samples
                    self._step(batches, stop=interruption.wanted)
                    if self.samples // settings.validate_every > before // settings.validate_every:
                        self._validate()
                        judged = self.samples
                    if self.seconds - saved > settings.checkpoint_every:
                        self._save()
                        saved = self.seconds
            except _LostDataError as loss:
                if self.processes.count == 1:  # the others would not come to save
                    self._save()
                    self._keep_latest()
                raise loss.args[0] from loss
            if self.progress >= 1 and (judged != self.samples or not self.records.kept):
                self._validate()
            elif judged != self.samples:
                self._keep_latest()
            self._save()
            outcome = self.records.end(
                Outcome(
                    samples=self.samples, seconds=self.seconds, best=self.best, finished=self.progress >= 1
                )
            )
        self.processes.close()
        return outcome

    def rehearse(self, steps: int) -> Words:
        """Makes ``steps`` steps and keeps nothing; gives the samples that come next."""
        self._report = None
        with closing(self._batches()) as batches:
            for _ in range(steps):
                self._step(batches, stop=False)
                self._settle()
            return self._next(batches)

    def _batches(self) -> Generator[Words, None, None]:
        synthetic, samples = self.recipe.data.synthetic, self.recipe.optimisation.samples
        by_time = self.clock.limit is not None
        return loader(
            self.words,
            self.share,
            start=self.samples,
            # Of the sample's number and not of the clock, so that a resumed run gets the same samples.
            difficulty=lambda first: synthetic.difficulty(self.progress if by_time else first / samples),
            workers=self.recipe.data.workers,
        )

    def _step(self, batches: Generator[Words, None, None], *, stop: bool) -> None:
        """One step of the optimiser on one batch, in parts."""
        settings = self.recipe.optimisation
        first = not self.clock.running
        if first:
            self.records.doing("preparing the first samples")
        started = time.monotonic()
        parts = [self._next(batches) for _ in range(settings.accumulate)]
        waited = time.monotonic() - started
        if first:
            self.clock.begin(self._agreed(self.clock.since_start), self.seconds)
            self.records.doing("compiling the model" if self.recipe.run.compile else "making the first step")
        peak = settings.peak(self.processes.count)
        rate = learning_rate(
            self.progress,
            highest=peak,
            warm_up=settings.warm_up,
            schedule=settings.schedule,
            decay_from=settings.decay_from,
        )
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        # The chance of a step depends on its number alone: nothing of it need be kept to resume.
        torch.manual_seed(_seed(self.recipe.run.seed, self.samples, self.processes.rank))
        losses = self._learn(parts)
        self.fabric.clip_gradients(
            self.module, self.optimiser, max_norm=settings.gradient_clip, error_if_nonfinite=False
        )
        self.optimiser.step()
        self.optimiser.zero_grad()
        if self.average is not None:
            self.average.update()
        self.samples += settings.batch_size
        step = replace(self._now(), waited=waited)
        everyones = self.processes.everyones([*losses.values(), self.clock.seconds, float(stop)])
        self._settle()  # the last step: the device works on this one meanwhile
        self._report = _Report(step, list(losses), everyones)

    def _settle(self) -> None:
        """Reads what the last step gave, and tells. Raises `TrainingError` if the loss is no number."""
        if self._report is None:
            return
        report, self._report = self._report, None
        *values, seconds, stop = zip(*report.everyones.tolist(), strict=True)
        losses = {name: sum(each) / len(each) for name, each in zip(report.names, values, strict=True)}
        self.seconds, self._stopping = max(seconds), max(stop) > 0
        if not math.isfinite(losses["total"]):
            before = report.step.samples - self.recipe.optimisation.batch_size
            raise TrainingError(
                f"the loss is {losses['total']} after {before} samples; "
                f"{self.records.checkpoint} is from before: begin anew with a lower learning rate"
            )
        if self.processes.main:
            self.records.stepped(replace(report.step, seconds=self.seconds, losses=losses))

    def _next(self, batches: Generator[Words, None, None]) -> Words:
        try:
            words = next(batches)
        except Exception as error:
            raise _LostDataError(error) from error
        self.records.note(words.notes)
        return words

    def _learn(self, parts: list[Words]) -> dict[str, Tensor]:
        """The gradients of all ``parts`` of a step; the losses by name, this process's means."""
        preprocessing, device = self.task.form.preprocessing, self.fabric.device
        shares = self._shares(parts)
        sums: dict[str, Tensor] = {}
        for number, words in enumerate(parts):
            images = normalised(words.pixels.to(device, non_blocking=True), preprocessing)
            with self.processes.synchronised(self.module, last=number + 1 == len(parts)):
                with self.fabric.autocast():
                    inputs = self.task.inputs(images, words.texts, shares[number], self.progress)
                losses: dict[str, Tensor] = self.module(*inputs)
                self.fabric.backward(losses["total"] / len(parts))
            for name, value in losses.items():
                mine = value.detach() / len(parts) if len(parts) > 1 else value.detach()
                sums[name] = sums[name] + mine if name in sums else mine
        return sums

    def _shares(self, parts: list[Words]) -> Tensor:
        """How much each of our ``parts`` has to say in proportion to the step's average part.

        Means over characters count by their number, so that the loss of a step is the same however it
        is divided.
        """
        counts = [float(sum(len(text) + 1 for text in words.texts)) for words in parts]  # with the end
        everyones = self.processes.everyones(counts)
        return everyones[self.processes.rank] / everyones.mean()

    def _validate(self) -> None:
        """Judges the model and keeps it, as the best too if it is better than any or nothing can judge it."""
        self._settle()
        began = time.monotonic()
        with self._averaged():
            validation = self.processes.on_main(self.task.validate)
            mean = validation.accuracy.get("mean")
            better = mean is None or mean > self.best
            self.best = mean if better and mean is not None else self.best
            self._keep([LATEST_FOLDER, BEST_FOLDER] if better else [LATEST_FOLDER], validation.accuracy)
        self.clock.set_aside(self._agreed(time.monotonic() - began))
        if self.processes.main and mean is not None:
            self.records.validated(self._now(), validation)

    def _keep_latest(self) -> None:
        """Keeps the model as it is, unjudged."""
        self._settle()
        with self._averaged():
            self._keep([LATEST_FOLDER], {})

    def _averaged(self) -> AbstractContextManager[None]:
        """The context in which the model has its averaged weights, if an average is taken."""
        return nullcontext() if self.average is None else self.average.in_place()

    def _keep(self, folders: Sequence[str], accuracy: dict[str, float]) -> None:
        """Writes the model, of which ``accuracy`` is known, into ``folders`` of the run's."""
        source = {
            "recipe": plain_recipe(self.recipe),
            "samples": self.samples,
            "minutes": round(self.seconds / 60, 1),
            "validation": accuracy,
        }

        def write() -> None:
            for name in folders:
                self.records.keep(name, lambda to: self.task.save(to, source))

        self.processes.on_main(write)

    def _agreed(self, seconds: float) -> float:
        """The longest of all processes' ``seconds``, so that all see the same progress."""
        return float(self.processes.everyones([seconds]).max())

    def _now(self) -> Step:
        """Where the run is, as a step that did nothing."""
        return Step(
            samples=self.samples,
            seconds=self.seconds,
            waited=0.0,
            progress=self.progress,
            learning_rate=self.optimiser.param_groups[0]["lr"],
            losses={},
        )

    def _save(self) -> None:
        """Writes a checkpoint."""
        self._settle()
        state = Checkpoint(
            learner=self.task.learner.state_dict(),
            optimiser=self.optimiser.state_dict(),
            precision=self.fabric.strategy.precision.state_dict(),
            average=self.average.state_dict() if self.average is not None else {},
            samples=self.samples,
            seconds=self.seconds,
            best=self.best,
            recipe=plain_recipe(self.recipe),
        )
        self.processes.on_main(lambda: self.records.save(state))


def _with_samples(recipe: Recipe | TeacherRecipe, words: MixedWords) -> Recipe | TeacherRecipe:
    """``recipe`` with its epochs counted out in samples, whole batches of them."""
    settings = recipe.optimisation
    if not settings.epochs:
        return recipe
    needed = words.mixture().samples_an_epoch * settings.epochs
    if not needed:
        raise RecipeError("optimisation.epochs counts passes over data.sources, and there are none")
    steps = math.ceil(needed / settings.batch_size)
    return replace(recipe, optimisation=replace(settings, samples=steps * settings.batch_size))


def _seed(*numbers: int) -> int:
    """A seed of 63 bits that differs wherever one of ``numbers`` does."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))
