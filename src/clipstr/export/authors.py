"""The authors' checkpoints (https://github.com/wzx99/CLIPOCR) as recognisers of ours.

Theirs is a PyTorch Lightning file whose ``state_dict`` holds the recogniser, the distillation heads
and CLIP itself. Ours has the recogniser's parameter names from them, so that importing means to take
those and nothing else, and to be sure that none is missing, misshapen or left over.
"""

from __future__ import annotations

import re
from pathlib import Path

from torch import Tensor

from clipstr.errors import CheckpointError
from clipstr.files import file_sha256
from clipstr.student import BASE, Recogniser
from clipstr.student.storage import save_recogniser
from clipstr.tensors import listed, load_state, mismatches

__all__ = ["import_checkpoint"]

_TEACHER = re.compile(
    r"(clip|clip_model)\.|align_proj\d+$|(align_head|norm_head|align_head_vis|norm_head_vis)\d+\.|word_embed\."
)
"""What an authors' file holds beside the recogniser: CLIP, the projections and their norms."""


def import_checkpoint(checkpoint: Path, out: Path, *, name: str = "clip-ocr") -> None:
    """Writes the recogniser in the authors' file ``checkpoint`` to the folder ``out``, in our format.

    Raises `CheckpointError` if the file cannot be read without running code from it, or if a weight
    of the recogniser is missing, misshapen or unknown (PARSeq's own checkpoints, say).
    """
    weights = _weights(checkpoint)
    recogniser = {key: value for key, value in weights.items() if not _TEACHER.match(key)}
    model = Recogniser(BASE)
    wrong = mismatches(recogniser, model.state_dict())
    if wrong:
        raise CheckpointError(
            f"{checkpoint} is no checkpoint of the authors' CLIP-OCR with its 36 characters: "
            f"{listed(wrong)}{_guess(weights)}"
        )
    model.load_state_dict(recogniser)
    source = {
        "imported_from": checkpoint.name,
        "sha256": file_sha256(checkpoint),
        "code": "https://github.com/wzx99/CLIPOCR",
    }
    save_recogniser(model, out, name=name, source=source)


def _weights(checkpoint: Path) -> dict[str, Tensor]:
    """The tensors of a Lightning file's ``state_dict``, or of a bare one, by name."""
    weights = load_state(checkpoint, error=CheckpointError)
    # Lightning wrappers put the network below one attribute; the names behind it are the same.
    if weights and all(key.startswith("model.") for key in weights):
        return {key.removeprefix("model."): value for key, value in weights.items()}
    return weights


def _guess(weights: dict[str, Tensor]) -> str:
    """What the checkpoint seems to be instead, for the error's end."""
    head = weights.get("head.weight")
    if head is not None and head.shape[0] != BASE.charset.num_classes:
        return f" (its head has {head.shape[0]} classes and not {BASE.charset.num_classes})"
    layers = {key.split(".")[2] for key in weights if key.startswith("decoder.layers.")}
    if len(layers) == 1:
        return " (its decoder has one layer, as PARSeq's own models have)"
    return ""
