"""A reader of whatever a folder holds: an exported model, a trained one, or one beside a frozen CLIP."""

from __future__ import annotations

from pathlib import Path

from clipstr.models import ENCODER_FILE, ModelConfig, find_model
from clipstr.reader import Reader
from clipstr.student.scorer import StudentScorer
from clipstr.student.storage import load_recogniser
from clipstr.training.tasks.prompted import TRAINED_FILE, load_trained

__all__ = ["open_reader"]


def open_reader(
    folder: str | Path, *, batch_size: int = 32, threads: int | None = None, second_looks: bool = True
) -> Reader:
    """What reads with the model in ``folder``, or with the installed one of that name.

    The others are arguments of `Reader`. An exported model is run by ONNX Runtime; a model as training
    leaves it (``best``, ``latest``, an imported checkpoint) in PyTorch, whose threads are PyTorch's. Raises a
    `ModelError` for what is no model, and a `TeacherError` if the CLIP that a model was trained beside is not
    there any more.
    """
    place = find_model(folder)
    config = ModelConfig.load(place)
    if ENCODER_FILE in config.files:
        return Reader(place, batch_size=batch_size, threads=threads, second_looks=second_looks)
    model = load_trained(place) if TRAINED_FILE in config.files else load_recogniser(place)[0]
    scorer = StudentScorer(model.eval())
    return Reader.over(
        scorer,
        name=config.name,
        batch_size=batch_size,
        second_looks=second_looks,
        calibration=config.calibration,
    )
