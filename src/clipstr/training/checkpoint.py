"""The state of a run on disk: written aside, flushed, then renamed, so that there is always a whole one."""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from clipstr.errors import TrainingError

__all__ = ["Checkpoint", "load_checkpoint", "save_checkpoint"]


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """All that a run needs to go on: tensors and plain values only."""

    learner: dict[str, Any]  # the recogniser and the heads of training
    optimiser: dict[str, Any]
    samples: int  # seen so far
    seconds: float  # trained so far
    best: float  # the best accuracy on validation so far, -1 before the first
    recipe: dict[str, Any]  # as saved beside it; a run resumes only its own recipe


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Writes ``path`` so that it is whole at every moment, the previous one kept until then."""
    temporary = path.with_suffix(path.suffix + ".new")
    fields = {name: getattr(checkpoint, name) for name in Checkpoint.__dataclass_fields__}
    try:
        with temporary.open("wb") as file:
            torch.save(fields, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise TrainingError(
            f"{path}: the checkpoint cannot be written: {error}; the last one is whole"
        ) from error


def load_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint in ``path``; raises `TrainingError` if it is missing or damaged."""
    try:
        fields = torch.load(path, map_location="cpu", weights_only=True)
        return Checkpoint(**fields)
    except FileNotFoundError as error:
        raise TrainingError(f"{path}: there is no checkpoint to resume from") from error
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError, TypeError) as error:
        raise TrainingError(f"{path}: the checkpoint is damaged: {error}") from error
