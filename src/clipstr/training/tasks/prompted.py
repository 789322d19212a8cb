"""CLIP's own image encoder as the recogniser's: the other way to use CLIP, last row of the paper's table 7.

CLIP stays frozen; what learns are prompt tokens beside its image tokens (prompt learning, after Zhou et al.
2022), a projection to the decoder's width, and the decoder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from clipstr.errors import InputError, ModelFileError
from clipstr.files import make_folder
from clipstr.models import ModelConfig
from clipstr.student import Recogniser
from clipstr.student.config import NUM_STAGES
from clipstr.teacher import Teacher
from clipstr.tensors import mismatches, save_tensors, tensors_in
from clipstr.training.recipe import Recipe, recipe_from_dict

__all__ = ["TRAINED_FILE", "PromptedClip", "load_trained", "prompted_recogniser", "save_trained"]

TRAINED_FILE = "trained.safetensors"
"""What was trained of a recogniser beside a frozen CLIP."""


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


def save_trained(model: Recogniser, folder: Path, *, name: str, source: dict[str, Any]) -> None:
    """Writes what was trained of ``model`` into ``folder``, and a config as other models have it.

    ``source`` holds the recipe, by which `load_trained` finds the frozen CLIP again.
    """
    make_folder(folder)
    save_tensors(folder / TRAINED_FILE, model.state_dict())
    config = ModelConfig(name=name, form=model.config.form, architecture=model.config.sizes, source=source)
    config.with_files(folder, [TRAINED_FILE]).save(folder)


def load_trained(folder: Path) -> Recogniser:
    """The recogniser that `save_trained` wrote, around the CLIP that its recipe names.

    Raises `ModelFileError` where its files are damaged or do not fit each other, and `TeacherError` if that
    CLIP is not there or is another.
    """
    config = ModelConfig.load(folder)
    content = config.verified(folder, TRAINED_FILE)
    try:
        recipe = recipe_from_dict(config.source["recipe"])
        weights = tensors_in(content, folder / TRAINED_FILE, error=ModelFileError)
    except (KeyError, InputError) as error:
        raise ModelFileError(f"{folder}: the recogniser cannot be loaded: {error}") from error
    model = prompted_recogniser(recipe, Teacher(recipe.teacher, config.form.preprocessing))
    if wrong := mismatches(weights, model.state_dict()):
        raise ModelFileError(f"{folder / TRAINED_FILE} does not fit its config: {'; '.join(wrong)}")
    model.load_state_dict(weights)
    return model


def prompted_recogniser(recipe: Recipe, teacher: Teacher) -> Recogniser:
    """A new recogniser of ``recipe`` whose encoder is the ``teacher``'s own."""
    encoder = PromptedClip(teacher, prompts=recipe.prompts, width=recipe.student.width)
    return Recogniser(recipe.student, encoder)
