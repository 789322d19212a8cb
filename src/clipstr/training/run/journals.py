"""Where a run is written down for people to look at: TensorBoard, Weights & Biases, MLflow."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from clipstr.errors import MissingExtraError, TrainingError
from clipstr.files import write_text
from clipstr.sheets import readings_sheet
from clipstr.training.observer import Outcome, Step, Validation

__all__ = ["Backend", "Journal", "open_journal"]


class Backend(Protocol):
    """What a journal is written into: numbers and pictures by name, along the number of samples."""

    def numbers(self, values: Mapping[str, float], samples: int) -> None:
        """Writes ``values``."""

    def picture(self, name: str, pixels: np.ndarray, samples: int) -> None:
        """Writes a picture (height, width, 3) in uint8."""

    def close(self, outcome: Outcome | None) -> None:
        """The run is over, or it broke off."""


class Journal:
    """An observer that writes what it is told into a backend, and gives up quietly if that fails.

    A full disk or a server that is gone must not end a night's training: ``complain`` is told once.
    """

    def __init__(self, name: str, backend: Backend, complain: Callable[[str], None]) -> None:
        self.name, self.complain = name, complain
        self._backend: Backend | None = backend
        self._before: Step | None = None

    def stepped(self, step: Step) -> None:
        """Every term of the loss, the learning rate, the speed and the wait for data."""
        values = {f"loss/{name}": value for name, value in step.losses.items()}
        values["learning_rate"] = step.learning_rate
        before = self._before
        if before is not None and step.seconds > before.seconds:
            values["samples_per_second"] = (step.samples - before.samples) / (step.seconds - before.seconds)
        values["waited_for_data"] = step.waited
        self._before = step
        self._try(lambda backend: backend.numbers(values, step.samples))

    def validated(self, step: Step, validation: Validation) -> None:
        """The accuracy of every set, and some readings."""
        self._before = None  # the time of a validation is no part of the speed
        values = {f"accuracy/{name}": value for name, value in validation.accuracy.items()}
        self._try(lambda backend: backend.numbers(values, step.samples))
        if validation.readings:
            pixels = np.asarray(readings_sheet(validation.readings))
            self._try(lambda backend: backend.picture("readings", pixels, step.samples))

    def noted(self, message: str) -> None:
        """Notes are for the console."""

    def close(self, outcome: Outcome | None) -> None:
        """Ends the journal; ``outcome`` is None if the run broke off."""
        self._try(lambda backend: backend.close(outcome))
        self._backend = None

    def _try(self, write: Callable[[Backend], None]) -> None:
        if self._backend is None:
            return
        try:
            write(self._backend)
        except Exception as error:  # of whatever kind the backend's package has
            self._backend = None
            self.complain(f"{self.name} is no longer written: {error}")


class _TensorBoard:
    """Event files in the run's folder, for ``tensorboard --logdir``."""

    def __init__(self, folder: Path, run_name: str, settings: dict[str, Any], samples: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(folder / "tensorboard"), purge_step=samples + 1 if samples else None)
        if not samples:
            self.writer.add_text("recipe", f"```json\n{json.dumps(settings, indent=2)}\n```", 0)

    def numbers(self, values: Mapping[str, float], samples: int) -> None:
        for name, value in values.items():
            self.writer.add_scalar(name, value, samples)

    def picture(self, name: str, pixels: np.ndarray, samples: int) -> None:
        self.writer.add_image(name, pixels, samples, dataformats="HWC")
        self.writer.flush()

    def close(self, outcome: Outcome | None) -> None:
        self.writer.close()


class _Wandb:
    """A run of Weights & Biases, its files in the run's folder; a resumed run goes on in the same one."""

    def __init__(self, folder: Path, run_name: str, settings: dict[str, Any], samples: int) -> None:
        import wandb

        known = folder / "wandb-run.txt"
        name = known.read_text(encoding="utf-8").strip() if samples and known.exists() else None
        self.wandb = wandb
        self.run = wandb.init(
            dir=str(folder), name=run_name, config=settings, id=name, resume="allow" if name else None
        )
        write_text(known, self.run.id)
        self.run.define_metric("samples")
        self.run.define_metric("*", step_metric="samples")

    def numbers(self, values: Mapping[str, float], samples: int) -> None:
        self.run.log({**values, "samples": samples})

    def picture(self, name: str, pixels: np.ndarray, samples: int) -> None:
        self.run.log({name: self.wandb.Image(pixels), "samples": samples})

    def close(self, outcome: Outcome | None) -> None:
        self.run.finish(exit_code=1 if outcome is None else 0)


class _Mlflow:
    """A run of MLflow, where MLflow's own settings say; a resumed run goes on in the same one."""

    def __init__(self, folder: Path, run_name: str, settings: dict[str, Any], samples: int) -> None:
        import mlflow

        known = folder / "mlflow-run.txt"
        name = known.read_text(encoding="utf-8").strip() if samples and known.exists() else None
        self.client = mlflow.MlflowClient()
        self.metric = mlflow.entities.Metric
        if name is not None:
            self.client.update_run(name, status="RUNNING")
        else:
            experiment = self.client.get_experiment_by_name("clipstr")
            number = experiment.experiment_id if experiment else self.client.create_experiment("clipstr")
            name = self.client.create_run(number, run_name=run_name).info.run_id
            self.client.log_dict(name, settings, "recipe.json")
        self.run = name
        write_text(known, name)

    def numbers(self, values: Mapping[str, float], samples: int) -> None:
        now = int(1000 * time.time())
        # MLflow allows few signs in names: no tilde, by which pairs of stages are named, and no brackets.
        metrics = [
            self.metric(re.sub(r"[^A-Za-z0-9_./ -]", "-", name), value, now, samples)
            for name, value in values.items()
        ]
        self.client.log_batch(self.run, metrics=metrics)  # one request: the training waits for it

    def picture(self, name: str, pixels: np.ndarray, samples: int) -> None:
        self.client.log_image(self.run, pixels, f"{name}-{samples}.png")

    def close(self, outcome: Outcome | None) -> None:
        status = "FAILED" if outcome is None else "FINISHED" if outcome.finished else "KILLED"
        self.client.set_terminated(self.run, status)


_BACKENDS: dict[str, Callable[[Path, str, dict[str, Any], int], Backend]] = {
    "tensorboard": _TensorBoard,
    "wandb": _Wandb,
    "mlflow": _Mlflow,
}


def open_journal(
    name: str,
    folder: Path,
    *,
    run_name: str,
    settings: dict[str, Any],
    samples: int,
    complain: Callable[[str], None],
) -> Journal:
    """The journal called ``name`` of the run in ``folder``, whose recipe is ``settings``.

    What was written after ``samples`` of a resumed run is dropped where the backend can. Raises
    `MissingExtraError` if its package is not there, and `TrainingError` if the journal cannot be begun:
    nobody is logged in, no server answers.
    """
    try:
        backend = _BACKENDS[name](folder, run_name, settings, samples)
    except ImportError as error:
        raise MissingExtraError(f"run.journals names {name}: pip install {name} ({error})") from error
    except Exception as error:  # of whatever kind the backend's package has
        raise TrainingError(f"run.journals names {name}, which cannot be begun: {error}") from error
    return Journal(name, backend, complain)
