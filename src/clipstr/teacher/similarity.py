"""How near a CLIP finds pictures to labels: figure 5 of the paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from clipstr.teacher.clip import GLOBAL_STAGE, Teacher
from clipstr.teacher.tokens import LabelTokens

__all__ = ["TOKENISINGS", "Similarity", "similarity"]

TOKENISINGS: tuple[Literal["words"], Literal["characters"]] = ("words", "characters")
"""How a label is put to CLIP, in the order of the paper's columns."""


@dataclass(frozen=True)
class Similarity:
    """``cosines`` and ``chances`` (pictures, labels, tokenisings), and the labels.

    ``chances`` are a softmax of CLIP's scaled cosines over all texts of a row, both tokenisings together.
    The paper does not say how figure 5 is normalised. This reading fits it: its rows, both tokenisings
    together, sum to 1.00, 0.99 and 0.99, and those of one tokenising to anything from 0.09 to 0.90.
    """

    labels: tuple[str, ...]
    cosines: Tensor
    chances: Tensor


@torch.no_grad()
def similarity(
    teacher: Teacher, images: Float[Tensor, "pictures 3 height width"], labels: Sequence[str]
) -> Similarity:
    """How near ``images``, a student's inputs, are to ``labels``. Raises `TeacherError` as `LabelTokens`."""
    pictures = functional.normalize(teacher.image_stages(images, {GLOBAL_STAGE})[GLOBAL_STAGE], dim=1)
    cosines = []
    for tokens in TOKENISINGS:
        case = teacher.config.case if tokens == "characters" else "fold"
        context = teacher.tokens.context_length
        ids = LabelTokens(tokens=tokens, case=case, context_length=context).batch(labels)
        texts = teacher.text_stages(ids.to(images.device), {GLOBAL_STAGE})[GLOBAL_STAGE]
        cosines.append(pictures @ functional.normalize(texts, dim=1).T)
    near = torch.stack(cosines, dim=2)  # pictures labels tokenisings
    scores = (near * teacher.clip.logit_scale.exp()).flatten(1)
    return Similarity(tuple(labels), near, scores.softmax(1).reshape(near.shape))
