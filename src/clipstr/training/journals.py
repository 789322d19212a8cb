"""Where a run is written down for people to look at: TensorBoard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol

from clipstr.errors import MissingExtraError
from clipstr.training.observer import Outcome, Step, Validation
from clipstr.training.readings import readings_sheet

__all__ = ["Journal", "open_journal"]


class Journal(Protocol):
    """An observer that is closed in the end."""

    def stepped(self, step: Step) -> None:
        """A step was made that is to be written down."""

    def validated(self, step: Step, validation: Validation) -> None:
        """The model was validated after ``step``."""

    def noted(self, message: str) -> None:
        """Something is worth a line."""

    def close(self, outcome: Outcome | None) -> None:
        """The run is over, or it broke off."""


class TensorBoard:
    """Event files in the run's folder, for ``tensorboard --logdir``; the horizontal axis counts samples."""

    def __init__(self, folder: Path, settings: dict[str, Any], samples: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingExtraError(
                f"run.journals names tensorboard: pip install tensorboard ({error})"
            ) from error
        self.writer = SummaryWriter(str(folder / "tensorboard"), purge_step=samples + 1 if samples else None)
        self.writer.add_text("recipe", f"```json\n{json.dumps(settings, indent=2)}\n```", 0)

    def stepped(self, step: Step) -> None:
        """Every term of the loss, and the learning rate."""
        for name, value in step.losses.items():
            self.writer.add_scalar(f"loss/{name}", value, step.samples)
        self.writer.add_scalar("learning_rate", step.learning_rate, step.samples)

    def validated(self, step: Step, validation: Validation) -> None:
        """The accuracy of every set, and some readings."""
        for name, value in validation.accuracy.items():
            self.writer.add_scalar(f"accuracy/{name}", value, step.samples)
        if validation.readings:
            import numpy as np

            sheet = np.asarray(readings_sheet(validation.readings))
            self.writer.add_image("readings", sheet, step.samples, dataformats="HWC")
        self.writer.flush()

    def noted(self, message: str) -> None:
        """Notes are for the console."""

    def close(self, outcome: Outcome | None) -> None:
        """Writes what is left."""
        self.writer.close()


def open_journal(
    name: str, folder: Path, *, run_name: str, settings: dict[str, Any], samples: int
) -> Journal:
    """The journal called ``name``; what was written after ``samples`` of a resumed run is dropped."""
    return TensorBoard(folder, settings, samples)
