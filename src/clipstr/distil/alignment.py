"""The projections between student and teacher: AAM and GAM (paper, section 3.2 and figure 3).

The two sides of every pair end as unit vectors of the teacher's width, on which a consistency loss works.
Where figure 3 leaves room, the layers are those of the authors' code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["AdaptiveAlignment", "Aligned", "GlobalAlignment", "PairSizes"]


@dataclass(frozen=True, kw_only=True)
class PairSizes:
    """The shapes that meet in a pair; token counts are None where tokens are positions of the text."""

    student_width: int
    teacher_width: int
    student_tokens: int | None = None
    teacher_tokens: int | None = None


class Aligned(NamedTuple):
    """Both sides of a pair, of unit length: (batch, tokens, dim), or (batch, dim) of a global one."""

    student: Tensor
    teacher: Tensor


class AdaptiveAlignment(nn.Module):
    """AAM, equation 1: norm(P x f x W1) beside norm(F).

    P, from student tokens to teacher tokens, starts as the mean; there is none where both sides are
    positions of the same text. A norm is a trained layer norm and then the unit length.
    """

    def __init__(self, sizes: PairSizes) -> None:
        super().__init__()
        self.tokens: nn.Parameter | None = None
        if sizes.student_tokens is not None and sizes.teacher_tokens is not None:
            mean = torch.full((sizes.teacher_tokens, sizes.student_tokens), 1 / sizes.student_tokens)
            self.tokens = nn.Parameter(mean)
        self.project = nn.Linear(sizes.student_width, sizes.teacher_width)
        self.student_norm = nn.LayerNorm(sizes.teacher_width)
        self.teacher_norm = nn.LayerNorm(sizes.teacher_width)

    def forward(
        self,
        student: Float[Tensor, "batch student_tokens student_dim"],
        teacher: Float[Tensor, "batch teacher_tokens teacher_dim"],
    ) -> Aligned:
        """Both sides as (batch, teacher tokens, teacher dim)."""
        if self.tokens is not None:
            student = self.tokens @ student
        projected = self.student_norm(self.project(student))
        return Aligned(_unit(projected), _unit(self.teacher_norm(teacher)))


class GlobalAlignment(nn.Module):
    """GAM, equation 2: norm(g(f_cls x W1) x W2) beside norm(F_cls), g a layer norm and ReLU.

    The student's class token is the first of its tokens; the teacher's side is already projected.
    """

    def __init__(self, sizes: PairSizes) -> None:
        super().__init__()
        self.hidden = nn.Linear(sizes.student_width, sizes.student_width)
        self.norm = nn.LayerNorm(sizes.student_width)
        self.project = nn.Linear(sizes.student_width, sizes.teacher_width)

    def forward(
        self,
        student: Float[Tensor, "batch student_tokens student_dim"],
        teacher: Float[Tensor, "batch teacher_dim"],
    ) -> Aligned:
        """Both sides as (batch, teacher dim)."""
        hidden = functional.relu(self.norm(self.hidden(student[:, 0])))
        return Aligned(_unit(self.project(hidden)), _unit(teacher))


def _unit(vectors: Tensor) -> Tensor:
    """``vectors`` at length 1, in float32: similarities of unit vectors need the digits."""
    return functional.normalize(vectors.float(), dim=-1)
