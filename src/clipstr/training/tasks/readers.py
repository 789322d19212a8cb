"""A reader of whatever a folder holds: an exported model, a trained one, or one beside a frozen CLIP."""

from __future__ import annotations

from pathlib import Path

from clipstr.models import ENCODER_FILE, ModelConfig, find_model
from clipstr.reader import Reader
from clipstr.reading import WordReader
from clipstr.student.storage import load_recogniser
from clipstr.training.tasks.prompted import TRAINED_FILE, load_trained
from clipstr.training.tasks.validation import StudentReader

__all__ = ["open_reader"]


def open_reader(
    folder: str | Path, *, batch_size: int = 32, threads: int | None = None, second_looks: bool = True
) -> WordReader:
    """What reads with the model in ``folder``, or with the installed one of that name.

    An exported model is read with as it always is, by `Reader`, whose arguments the others are; a model as
    training leaves it (``best``, ``latest``, an imported checkpoint) is read with in PyTorch, greedily and
    at one look. Raises a `ModelError` for what is no model, and a `TeacherError` if the CLIP that a model
    was trained beside is not there any more.
    """
    place = find_model(folder)
    config = ModelConfig.load(place)
    if ENCODER_FILE in config.files:
        return Reader(place, batch_size=batch_size, threads=threads, second_looks=second_looks)
    model = load_trained(place) if TRAINED_FILE in config.files else load_recogniser(place)[0]
    return StudentReader(model.eval(), name=config.name, batch_size=batch_size)
