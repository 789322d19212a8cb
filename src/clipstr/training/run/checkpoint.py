"""The state of a run on disk: written aside, flushed, then renamed, so that there is always a whole one."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from clipstr.errors import TrainingError

__all__ = ["Checkpoint", "cut_log", "load_checkpoint", "mend_folder", "replace_folder", "save_checkpoint"]


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
    temporary = path.with_suffix(path.suffix + ".new")
    fields = {name: getattr(checkpoint, name) for name in Checkpoint.__dataclass_fields__}
    try:
        with temporary.open("wb") as file:
            torch.save(fields, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _flush_folder(path.parent)
    except (OSError, RuntimeError) as error:  # PyTorch's writer tells of a full disk by the latter
        temporary.unlink(missing_ok=True)
        raise TrainingError(
            f"{path}: the checkpoint cannot be written, the disk may be full: {error}; the last one is whole"
        ) from error


def load_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint in ``path``; raises `TrainingError` if it is missing or damaged."""
    try:
        fields = torch.load(path, map_location="cpu", weights_only=True)
        return Checkpoint(**fields)
    except FileNotFoundError as error:
        raise TrainingError(f"{path}: there is no checkpoint to resume from") from error
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError, TypeError, KeyError) as error:
        raise TrainingError(f"{path}: the checkpoint is damaged: {error}") from error


def replace_folder(folder: Path, write: Callable[[Path], None]) -> None:
    """Lets ``write`` fill a new folder and puts it in the place of ``folder``.

    If the process dies between the two renames, `mend_folder` brings the old one back. Raises `OSError`,
    and whatever ``write`` does, the old one left in its place.
    """
    new, old = _beside(folder)
    shutil.rmtree(new, ignore_errors=True)
    try:
        write(new)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    mend_folder(folder)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    _flush_folder(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def mend_folder(folder: Path) -> None:
    """Undoes what an interrupted `replace_folder` left half done."""
    old = _beside(folder)[1]
    if old.exists() and not folder.exists():
        old.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _beside(folder: Path) -> tuple[Path, Path]:
    return folder.with_name(folder.name + ".new"), folder.with_name(folder.name + ".old")


def cut_log(path: Path, samples: int) -> None:
    """Drops the lines of a log that were written after ``samples``, or broke off: they will come again."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            if int(json.loads(line)["samples"]) <= samples:
                kept.append(line + "\n")
        except (ValueError, KeyError, TypeError):
            continue
    temporary = path.with_suffix(path.suffix + ".new")
    temporary.write_text("".join(kept), encoding="utf-8")
    temporary.replace(path)


def _flush_folder(folder: Path) -> None:
    """Makes a rename in ``folder`` survive a power cut, where the system lets folders be flushed."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        return
    finally:
        os.close(handle)
