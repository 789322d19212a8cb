"""The state of a run on disk: written aside, flushed, then renamed, so that there is always a whole one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clipstr.errors import TrainingError
from clipstr.files import read_text, text_lines, write_text
from clipstr.tensors import load_pickled, save_pickled

__all__ = ["Checkpoint", "cut_log", "load_checkpoint", "save_checkpoint"]


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """All that a run needs to go on: tensors and plain values only. Nothing in it is one process's alone."""

    learner: dict[str, Any]  # the recogniser and the heads of training
    optimiser: dict[str, Any]
    precision: dict[str, Any]  # the loss scale of 16-bit training
    average: dict[str, Any]  # of the weights, if one is taken
    samples: int  # seen so far
    seconds: float  # trained so far
    best: float  # the best accuracy on validation so far, -1 before the first
    recipe: dict[str, Any]  # as saved beside it; a run resumes only its own recipe


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Writes ``path`` so that it is whole at every moment, the previous one kept until then.

    Raises `TrainingError` if it cannot be written.
    """
    fields = {name: getattr(checkpoint, name) for name in Checkpoint.__dataclass_fields__}
    try:
        save_pickled(path, fields)
    except (OSError, RuntimeError) as error:  # PyTorch's writer tells of a full disk by the latter
        raise TrainingError(
            f"{path}: the checkpoint cannot be written, the disk may be full: {error}; the last one is whole"
        ) from error


def load_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint in ``path``; raises `TrainingError` if it is missing or damaged."""
    if not path.exists():
        raise TrainingError(f"{path}: there is no checkpoint to resume from")
    try:
        return Checkpoint(**load_pickled(path, error=TrainingError))
    except (TrainingError, TypeError) as error:
        raise TrainingError(f"{path}: the checkpoint is damaged: {error}") from error


def cut_log(path: Path, samples: int) -> None:
    """Drops the lines of a log that were written after ``samples``, or broke off: they will come again."""
    if not path.exists():
        return
    kept = []
    for line in text_lines(read_text(path, error=TrainingError)):
        try:
            if int(json.loads(line)["samples"]) <= samples:
                kept.append(line + "\n")
        except (ValueError, KeyError, TypeError):
            continue
    write_text(path, "".join(kept))
