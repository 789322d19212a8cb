"""What a run leaves behind and whom it tells: checkpoint, best model, log, readings, journals, observers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from clipstr.errors import TrainingError
from clipstr.files import make_folder, mend_folder, replace_folder, whole_file, write_json
from clipstr.sheets import readings_sheet
from clipstr.training.observer import Observer, Outcome, Step, Validation
from clipstr.training.recipe import Recipe, TeacherRecipe, plain_recipe
from clipstr.training.run.checkpoint import (
    Checkpoint,
    cut_log,
    load_checkpoint,
    save_checkpoint,
)
from clipstr.training.run.journals import Journal, open_journal

__all__ = ["BEST_FOLDER", "LATEST_FOLDER", "Records"]

CHECKPOINT_FILE, RECIPE_FILE, LOSSES_FILE = "last.ckpt", "recipe.json", "losses.jsonl"
BEST_FOLDER, LATEST_FOLDER = "best", "latest"
READINGS_FILE = "readings.png"


class Records:
    """The folder of a run and those who watch it.

    The folder holds ``last.ckpt`` (to resume from), ``best`` (the best model on validation, or the last
    without any), ``latest`` (that of the last validation or interruption), ``recipe.json`` (to run it
    again), ``losses.jsonl`` (every term of the loss by name, now and then, and each validation),
    ``readings.png`` (some of the last validation) and what journals write.
    """

    def __init__(self, folder: Path, recipe: Recipe | TeacherRecipe, observers: Sequence[Observer]) -> None:
        self.folder, self.recipe = folder, recipe
        self.observers: list[Observer] = list(observers)
        self.journals: list[Journal] = []
        self._noted: set[str] = set()

    @property
    def checkpoint(self) -> Path:
        """The file to resume from."""
        return self.folder / CHECKPOINT_FILE

    @property
    def kept(self) -> bool:
        """Whether a model was kept already."""
        return (self.folder / BEST_FOLDER).exists()

    def claim(self, resume: bool) -> Checkpoint | None:
        """Takes up the run in the folder, or begins one there; the state to go on from, if any.

        Raises `TrainingError` if the folder holds another run, or none to resume, or cannot be written.
        """
        state = None
        if resume:
            state = load_checkpoint(self.checkpoint)
            self._check(state.recipe)
        elif self.checkpoint.exists():
            raise TrainingError(f"{self.folder} holds a run already: use --resume, or another folder")
        samples = state.samples if state else 0
        plain = plain_recipe(self.recipe)
        try:
            make_folder(self.folder)
            write_json(self.folder / RECIPE_FILE, plain)
            for name in (BEST_FOLDER, LATEST_FOLDER):
                mend_folder(self.folder / name)
            cut_log(self.folder / LOSSES_FILE, samples)
        except OSError as error:
            raise self._unwritable(error) from error
        for name in self.recipe.run.journals:
            journal = open_journal(
                name,
                self.folder,
                run_name=self.recipe.name,
                settings=plain,
                samples=samples,
                complain=lambda message: self.note([message]),
            )
            self.journals.append(journal)
        return state

    def _check(self, saved_recipe: dict[str, Any]) -> None:
        """A run may resume with other data and pace, nothing else changed.

        What an older version could not choose yet was as it is by default.
        """
        mine, default = (_choices(plain_recipe(recipe)) for recipe in (self.recipe, type(self.recipe)()))
        saved = default | _choices(saved_recipe)
        for name in sorted(set(mine) | set(saved)):
            if mine.get(name) != saved.get(name):
                raise TrainingError(
                    f"{self.folder} holds a run of another recipe: {name} differs; "
                    "resume with the run's own, or begin in another folder"
                )

    def _unwritable(self, error: Exception) -> TrainingError:
        return TrainingError(f"{self.folder}: the run cannot be written there: {error}")

    def __enter__(self) -> Records:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for journal in self.journals:
            journal.close(None)
        self.journals = []

    def doing(self, what: str) -> None:
        """Tells what is done before the first step."""
        self._tell(lambda observer: observer.doing(what))

    def stepped(self, step: Step) -> None:
        """Tells of a step; every ``log_every``-th is written down."""
        self._tell(lambda observer: observer.stepped(step))
        number = step.samples // self.recipe.optimisation.batch_size
        if (number - 1) % self.recipe.run.log_every == 0:
            self._log(
                step, losses=step.losses, learning_rate=step.learning_rate, waited=round(step.waited, 4)
            )
            for journal in self.journals:
                journal.stepped(step)

    def validated(self, step: Step, validation: Validation) -> None:
        """Tells of a validation and writes it down."""
        self._log(step, accuracy=validation.accuracy)
        if validation.readings:
            try:
                with whole_file(self.folder / READINGS_FILE) as file:
                    readings_sheet(validation.readings).save(file, "PNG")
            except OSError as error:
                raise self._unwritable(error) from error
        self._tell(lambda observer: observer.validated(step, validation))
        for journal in self.journals:
            journal.validated(step, validation)

    def note(self, messages: Sequence[str]) -> None:
        """Tells each of ``messages`` that is new."""
        for message in messages:
            if message not in self._noted:
                self._noted.add(message)
                self._tell(lambda observer: observer.noted(message))  # noqa: B023  # told at once

    def _tell(self, what: Callable[[Observer], None]) -> None:
        """Tells those who watch; who cannot be told, such as a full disk at the end of a pipe, is left out.

        A night's training is worth more than its progress line.
        """
        for observer in list(self.observers):
            try:
                what(observer)
            except OSError:
                self.observers.remove(observer)

    def keep(self, name: str, write: Callable[[Path], None]) -> None:
        """Lets ``write`` fill the folder ``name`` of a model, whole or not at all."""
        try:
            replace_folder(self.folder / name, write)
        except OSError as error:
            raise TrainingError(
                f"{self.folder / name}: the model cannot be written: {error}; the last one is whole"
            ) from error

    def save(self, state: Checkpoint) -> None:
        """Writes the checkpoint."""
        save_checkpoint(state, self.checkpoint)

    def end(self, outcome: Outcome) -> Outcome:
        """Closes the journals with ``outcome``, which comes back."""
        for journal in self.journals:
            journal.close(outcome)
        self.journals = []
        return outcome

    def _log(self, step: Step, **values: Any) -> None:
        """Adds a line to the run's log."""
        line = {"samples": step.samples, "seconds": round(step.seconds, 1), **values}
        try:
            with (self.folder / LOSSES_FILE).open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise self._unwritable(error) from error


def _choices(recipe: dict[str, Any]) -> dict[str, Any]:
    """What decides what is learned, by dotted name: all but the name, the data and the pace."""
    choices: dict[str, Any] = {}
    for part, value in recipe.items():
        if isinstance(value, dict) and part not in ("data", "run"):
            choices |= {f"{part}.{key}": item for key, item in value.items() if key != "accumulate"}
        elif part not in ("name", "size", "data", "run"):
            choices[part] = value
    return choices
