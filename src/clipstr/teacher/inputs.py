"""Our pictures as CLIP wants them: the one place where the two normalisations meet."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from clipstr.form import Preprocessing
from clipstr.teacher.architecture import Architecture

__all__ = ["InputConversion"]


class InputConversion:
    """Turns a student's inputs into those of a CLIP.

    Both are (v - mean) / deviation of values v from 0 to 1, with other numbers; CLIP's are per colour.
    """

    def __init__(self, preprocessing: Preprocessing, architecture: Architecture) -> None:
        deviation = torch.tensor(architecture.deviation)
        self.scale = (preprocessing.deviation / deviation)[:, None, None]
        self.shift = ((preprocessing.mean - torch.tensor(architecture.mean)) / deviation)[:, None, None]

    def __call__(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch 3 height width"]:
        """The same pictures in CLIP's normalisation."""
        return images * self.scale.to(images.device) + self.shift.to(images.device)
