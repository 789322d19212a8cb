"""CLIP's own image encoder as the recogniser's: the other way to use CLIP, last row of the paper's table 7.

CLIP stays frozen; what learns are prompt tokens beside its image tokens (prompt learning, after Zhou et al.
2022), a projection to the decoder's width, and the decoder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors.torch import save_file
from torch import Tensor, nn

from clipstr.student.config import NUM_STAGES
from clipstr.teacher import Teacher

__all__ = ["PromptedClip", "save_trained"]


class PromptedClip(nn.Module):
    """A frozen CLIP image encoder with ``prompts`` learned tokens, in the place of a student's encoder.

    CLIP's weights are in no ``state_dict`` of it: they come from the teacher's file each time.
    """

    def __init__(self, teacher: Teacher, *, prompts: int, width: int) -> None:
        super().__init__()
        inner = teacher.sizes.image[NUM_STAGES - 1].width
        self.prompts = nn.Parameter(torch.empty(1, prompts, inner))
        self.norm, self.project = nn.LayerNorm(inner), nn.Linear(inner, width)
        nn.init.trunc_normal_(self.prompts, std=0.02)
        self._teacher = [teacher]  # in a list, so that it is no part of this module

    def forward_stages(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> list[Float[Tensor, "batch tokens dim"]]:
        """The tokens after CLIP's quarter points, the class token first, prompts dropped, at our width."""
        teacher = self._teacher[0]
        outputs = teacher.prompted_stages(images, self.prompts.expand(len(images), -1, -1))
        return [self.project(self.norm(outputs[stage])) for stage in range(1, NUM_STAGES + 1)]


def save_trained(model: nn.Module, folder: Path, *, source: dict[str, Any]) -> None:
    """Writes what was trained of ``model`` to ``trained.safetensors``, with ``source`` in its header."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    temporary = folder / "trained.safetensors.new"
    save_file(weights, temporary, metadata={key: str(value) for key, value in source.items()})
    temporary.replace(folder / "trained.safetensors")
