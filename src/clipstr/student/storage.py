"""A trained recogniser on disk: ``model.safetensors`` and ``config.json``, no code and no teacher."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file

from clipstr.errors import InputError, ModelFileError
from clipstr.imaging import Preprocessing
from clipstr.models import ModelConfig
from clipstr.student.compact import compacted, restored
from clipstr.student.config import StudentConfig
from clipstr.student.recogniser import Recogniser

__all__ = [
    "TRAINABLE_FILE",
    "WEIGHTS_FILE",
    "load_recogniser",
    "mismatches",
    "save_recogniser",
    "save_trainable",
]

WEIGHTS_FILE = "model.safetensors"
TRAINABLE_FILE = "trainable.safetensors"


def save_recogniser(model: Recogniser, folder: Path, *, name: str, source: dict[str, Any]) -> None:
    """Writes ``model`` into ``folder``; ``source`` says where the weights come from, in plain values."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    temporary = folder / f"{WEIGHTS_FILE}.new"
    save_file(weights, temporary)
    temporary.replace(folder / WEIGHTS_FILE)
    config = model.config
    ModelConfig(
        name=name,
        charset=config.charset,
        max_length=config.max_length,
        preprocessing=Preprocessing(height=config.image_height, width=config.image_width),
        architecture=config.to_dict(),
        source=source,
    ).with_files(folder, [WEIGHTS_FILE]).save(folder)


def save_trainable(model: Recogniser, folder: Path) -> None:
    """Writes the weights of ``model`` into ``folder`` in a quarter of their size, to be trained on from."""
    save_file(compacted(model.state_dict()), folder / TRAINABLE_FILE)


def load_recogniser(folder: Path) -> tuple[Recogniser, ModelConfig]:
    """The recogniser in ``folder``, in eval mode on the CPU, and its config.

    The folder is one of a training or import, or of a model exported to be trained on. Raises
    `ModelFileError` where a file is missing, damaged or does not fit the config: every weight must be
    there, of the right shape, and no other.
    """
    description = ModelConfig.load(folder)
    name = TRAINABLE_FILE if TRAINABLE_FILE in description.files else WEIGHTS_FILE
    content = description.verified(folder, name)
    try:
        model = Recogniser(StudentConfig.from_dict(description.architecture))
        weights = restored(load(content))
    except (InputError, SafetensorError, OSError) as error:
        raise ModelFileError(f"{folder}: the recogniser cannot be loaded: {error}") from error
    wrong = mismatches(weights, model)
    if wrong:
        raise ModelFileError(f"{folder / name} does not fit its config: {'; '.join(wrong)}")
    model.load_state_dict(weights)
    return model.eval(), description


def mismatches(weights: dict[str, torch.Tensor], model: Recogniser) -> list[str]:
    """What keeps ``weights`` from being ``model``'s, a line each: missing, unexpected and misshapen ones."""
    expected = model.state_dict()
    missing = [f"missing {name}" for name in expected if name not in weights]
    extra = [f"unexpected {name}" for name in weights if name not in expected]
    misshapen = [
        f"{name} has shape {tuple(weights[name].shape)}, not {tuple(value.shape)}"
        for name, value in expected.items()
        if name in weights and weights[name].shape != value.shape
    ]
    return missing + extra + misshapen
