"""What a run would be: its sizes, time and memory, found by making a few steps of it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from clipstr.processors import peak_memory
from clipstr.training.observer import Step
from clipstr.training.recipe import Recipe, TeacherRecipe
from clipstr.training.run.loop import Trainer
from clipstr.training.samples.mixture import SYNTHETIC

__all__ = ["Plan", "plan"]

_STEPS = 3
"""Steps that are made: the first ones allocate and warm up, the last one is timed."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run would be."""

    parameters: int  # that are trained, heads of training included
    read_parameters: int  # of the model that is kept
    samples: int
    steps: int
    shares: dict[str, float]  # of the samples, by source; "" is what is rendered
    epochs: dict[str, float]  # passes over each source
    notes: list[str]  # what is left out of the sources, and what else a person should know
    validation: dict[str, int]  # words of each validation set, as they are stored
    step_seconds: float  # of a step, data included
    waited_share: float  # of that, waiting for data
    memory_mib: float  # the process's or the GPU's, at its highest
    checkpoint_mib: float
    device: str
    precision: str  # of the matrices' products, as the device is best at them if the recipe leaves it open
    processes: int
    pictures: np.ndarray  # (count, height, width, 3) in uint8: samples as the model would get them
    labels: list[str]

    @property
    def seconds(self) -> float:
        """How long the samples would take, validation left out."""
        return self.steps * self.step_seconds


class _Timer:
    """Remembers the steps."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def doing(self, what: str) -> None:
        """A few steps are soon made."""

    def stepped(self, step: Step) -> None:
        self.steps.append(step)

    def validated(self, step: Step, validation: object) -> None:
        """Nothing is validated."""

    def noted(self, message: str) -> None:
        """The notes of the sources are asked for."""


def plan(recipe: Recipe | TeacherRecipe) -> Plan:
    """What a run of ``recipe`` would be. Nothing is written, but for a folder that is gone afterwards.

    Raises what the run itself would: `RecipeError`, `DataError`, `ModelError`, `TrainingError`.
    """
    quiet = replace(recipe, run=replace(recipe.run, journals=()))
    timer = _Timer()
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(quiet, Path(folder), observers=[timer], resume=False, max_seconds=None)
        words = trainer.rehearse(_STEPS)
        weights = sum(value.nbytes for value in trainer.task.learner.state_dict().values())
        last, before = timer.steps[-1], timer.steps[-2]
        mixture, settings = trainer.words.mixture(), trainer.recipe.optimisation
        seconds = max(last.seconds - before.seconds, 1e-9)
        averages = 1 if settings.average else 0
        result = Plan(
            parameters=_count(trainer.task.learner),
            read_parameters=_count(trainer.task.model),
            samples=settings.samples,
            steps=-(-settings.samples // settings.batch_size),
            shares=mixture.shares,
            epochs={
                name: settings.samples * share / mixture.counts[name]
                for name, share in mixture.shares.items()
                if name != SYNTHETIC
            },
            notes=trainer.notes,
            validation={name: len(source) for name, source in trainer.task.sets.items()},
            step_seconds=seconds,
            waited_share=min(last.waited / seconds, 1.0),
            memory_mib=_memory(trainer.fabric.device),
            checkpoint_mib=weights * (3 + averages) / 2**20,  # with two moments of the optimiser
            device=str(trainer.fabric.device),
            precision=trainer.processes.precision,
            processes=trainer.processes.count,
            pictures=words.pixels.numpy(),
            labels=words.texts,
        )
        trainer.processes.close()
    return result


def _count(module: nn.Module) -> int:
    return sum(value.numel() for value in module.parameters())


def _memory(device: torch.device) -> float:
    """The highest use of memory so far, MiB: the GPU's, or else the process's; 0 where nobody counts it."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return peak_memory() / 2**20
