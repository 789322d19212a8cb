"""Small real runs for tests: crops that a small recogniser learns in seconds, and who watches it."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from clipstr.data import write_lmdb
from clipstr.student import TINY
from clipstr.training import (
    DataSettings,
    Optimisation,
    Outcome,
    Recipe,
    RunSettings,
    SourceSettings,
    Step,
    SyntheticSettings,
    TeacherRecipe,
    Trainer,
    Validation,
)

STUDENT = replace(
    TINY, width=48, encoder_heads=2, decoder_heads=2, encoder_mlp_ratio=1.0, characters="abc", max_length=2
)


class Watcher:
    """Remembers all that a run tells, and interrupts it after so many steps."""

    def __init__(self, *, stop_after: int = 10**9) -> None:
        self.steps: list[Step] = []
        self.validations: list[Validation] = []
        self.notes: list[str] = []
        self.phases: list[str] = []
        self.stop_after = stop_after

    @property
    def losses(self) -> list[dict[str, float]]:
        return [step.losses for step in self.steps]

    def doing(self, what: str) -> None:
        self.phases.append(what)

    def stepped(self, step: Step) -> None:
        self.steps.append(step)
        if len(self.steps) == self.stop_after:
            os.kill(os.getpid(), signal.SIGINT)

    def validated(self, step: Step, validation: Validation) -> None:
        self.validations.append(validation)

    def noted(self, message: str) -> None:
        self.notes.append(message)


def write_bars(folder: Path) -> Path:
    """``folder`` with words of one or two letters with gaps between them: ``train/bars`` and ``val/bars``."""
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


def bars(crops: Path, **changes: object) -> DataSettings:
    """Those crops alone, prepared in the training process."""
    settings: dict[str, object] = {
        "sources": {"bars": SourceSettings(paths=(str(crops / "train"),))},
        "synthetic": SyntheticSettings(weight=0),
        "validation": (str(crops / "val"),),
        "workers": 0,
    }
    return DataSettings(**(settings | changes))  # type: ignore[arg-type]


def bars_recipe(crops: Path, **optimisation: object) -> Recipe:
    """A run of 12 steps of 8 on those crops."""
    settings: dict[str, object] = {"samples": 96, "batch_size": 8, "learning_rate": 2e-3, "ctc_weight": 1.0}
    return Recipe(
        name="bars",
        student=STUDENT,
        data=bars(crops),
        optimisation=Optimisation(**(settings | optimisation)),  # type: ignore[arg-type]
        run=RunSettings(precision="32-true", validate_every=48, journals=()),
    )


def new_trainer(
    recipe: Recipe | TeacherRecipe,
    folder: Path,
    watcher: Watcher,
    *,
    resume: bool = False,
    seconds: float | None = None,
) -> Trainer:
    return Trainer(recipe, folder, observers=[watcher], resume=resume, max_seconds=seconds)


def run(
    recipe: Recipe | TeacherRecipe,
    folder: Path,
    *,
    resume: bool = False,
    seconds: float | None = None,
    stop_after: int = 10**9,
) -> tuple[Watcher, Outcome]:
    """What was told of a run, and where it ended."""
    watcher = Watcher(stop_after=stop_after)
    outcome = new_trainer(recipe, folder, watcher, resume=resume, seconds=seconds).run()
    return watcher, outcome
