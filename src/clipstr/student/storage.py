"""A trained recogniser on disk: ``model.safetensors`` and ``config.json``, no code and no teacher."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clipstr.errors import InputError, ModelFileError
from clipstr.files import make_folder
from clipstr.models import ENCODER_FILE, ModelConfig
from clipstr.student.compact import compacted, restored
from clipstr.student.config import StudentConfig
from clipstr.student.recogniser import Recogniser
from clipstr.tensors import mismatches, save_tensors, tensors_in

__all__ = [
    "TRAINABLE_FILE",
    "WEIGHTS_FILE",
    "load_recogniser",
    "save_recogniser",
    "save_trainable",
]

WEIGHTS_FILE = "model.safetensors"
TRAINABLE_FILE = "trainable.safetensors"


def save_recogniser(model: Recogniser, folder: Path, *, name: str, source: dict[str, Any]) -> None:
    """Writes ``model`` into ``folder``; ``source`` says where the weights come from, in plain values."""
    make_folder(folder)
    save_tensors(folder / WEIGHTS_FILE, model.state_dict())
    config = ModelConfig(name=name, form=model.config.form, architecture=model.config.sizes, source=source)
    config.with_files(folder, [WEIGHTS_FILE]).save(folder)


def save_trainable(model: Recogniser, folder: Path) -> None:
    """Writes the weights of ``model`` into ``folder`` in a quarter of their size, to be trained on from."""
    save_tensors(folder / TRAINABLE_FILE, compacted(model.state_dict()))


def load_recogniser(folder: Path) -> tuple[Recogniser, ModelConfig]:
    """The recogniser in ``folder``, in eval mode on the CPU, and its config.

    The folder is one of a training or import, or of a model exported to be trained on. Raises
    `ModelFileError` where a file is missing, damaged or does not fit the config: every weight must be
    there, of the right shape, and no other.
    """
    description = ModelConfig.load(folder)
    name = TRAINABLE_FILE if TRAINABLE_FILE in description.files else WEIGHTS_FILE
    if name not in description.files and ENCODER_FILE in description.files:
        raise ModelFileError(
            f"{folder}: an exported model without weights to train on: name the folder of its training, "
            "or export it with --trainable"
        )
    content = description.verified(folder, name)
    try:
        model = Recogniser(StudentConfig.of(description.form, description.architecture))
        stored = tensors_in(content, folder / name, error=ModelFileError)
        # A scale that fits no matrix makes a product of another shape, or none: RuntimeError.
        weights = restored(stored) if name == TRAINABLE_FILE else stored
    except (InputError, RuntimeError) as error:
        raise ModelFileError(f"{folder}: the recogniser cannot be loaded: {error}") from error
    wrong = mismatches(weights, model.state_dict())
    if wrong:
        raise ModelFileError(f"{folder / name} does not fit its config: {'; '.join(wrong)}")
    model.load_state_dict(weights)
    return model.eval(), description
