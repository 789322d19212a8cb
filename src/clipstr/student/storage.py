"""A trained recogniser on disk: ``model.safetensors`` and ``config.json``, no code and no teacher."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from clipstr.errors import InputError, ModelFileError
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
    # safetensors' own way to a file makes one that only its owner may read, and errors of its own.
    temporary.write_bytes(save(weights))
    temporary.replace(folder / WEIGHTS_FILE)
    config = ModelConfig(name=name, form=model.config.form, architecture=model.config.sizes, source=source)
    config.with_files(folder, [WEIGHTS_FILE]).save(folder)


def save_trainable(model: Recogniser, folder: Path) -> None:
    """Writes the weights of ``model`` into ``folder`` in a quarter of their size, to be trained on from."""
    (folder / TRAINABLE_FILE).write_bytes(save(compacted(model.state_dict())))


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
        model = Recogniser(StudentConfig.of(description.form, description.architecture))
        stored = load(content)
        # A scale that fits no matrix makes a product of another shape, or none: RuntimeError.
        weights = restored(stored) if name == TRAINABLE_FILE else stored
    except (InputError, SafetensorError, OSError, RuntimeError) as error:
        raise ModelFileError(f"{folder}: the recogniser cannot be loaded: {error}") from error
    wrong = mismatches(weights, model)
    if wrong:
        raise ModelFileError(f"{folder / name} does not fit its config: {'; '.join(wrong)}")
    model.load_state_dict(weights)
    return model.eval(), description


def mismatches(weights: dict[str, torch.Tensor], model: Recogniser) -> list[str]:
    """What keeps ``weights`` from being ``model``'s, a line each: missing, unexpected, misshapen, mistyped.

    Floating point of any precision is one type: loading widens it.
    """
    expected = model.state_dict()
    missing = [f"missing {name}" for name in expected if name not in weights]
    extra = [f"unexpected {name}" for name in weights if name not in expected]
    misshapen = [
        f"{name} has shape {tuple(weights[name].shape)}, not {tuple(value.shape)}"
        for name, value in expected.items()
        if name in weights and weights[name].shape != value.shape
    ]
    mistyped = [
        f"{name} is of {weights[name].dtype}, not {value.dtype}"
        for name, value in expected.items()
        if name in weights and weights[name].is_floating_point() != value.is_floating_point()
    ]
    return missing + extra + misshapen + mistyped
