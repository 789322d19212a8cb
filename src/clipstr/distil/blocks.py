"""How `losses.consistency` works in blocks: the value and gradients of its equations in linear memory.

The direct form holds several maps of rows x rows, four for the backward pass alone. Here a block of rows
meets everybody, its part of the loss and of all gradients is taken at once, and the block's maps are
forgotten. The loss is one number, so that its backward pass only scales the gradients.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from clipstr.errors import InputError

__all__ = ["BLOCK_ROWS", "BlockSettings", "in_blocks"]

BLOCK_ROWS = 512
"""Rows a block: maps of 512 x 26,624 in float32 are 55 MB each, and larger blocks are not faster.

Processor seconds of a pass forward and back at 4,096 rows of 512 on one thread, best of two: 0.76 with blocks
of 64, 0.64 with 256 and 512, 0.65 with 1,024, 0.71 with 2,048, 0.84 with all rows at once.
"""


class BlockSettings(NamedTuple):
    """What the loss weighs, and how many rows a block has."""

    intra_weight: float
    inter_weight: float
    tau: float
    block_rows: int


def in_blocks(
    own: tuple[Tensor, Tensor],
    alls: tuple[Tensor, Tensor] | None,
    offset: int,
    processes: int,
    settings: BlockSettings,
) -> Float[Tensor, ""]:
    """Equation 7 of ``own`` rows of student and teacher, each (rows, dim), and everyone's (None: the same).

    It calculates in float32 (float64 stays), also under autocast, and can be differentiated once. Raises
    `InputError` for a block without rows.
    """
    if settings.block_rows < 1:
        raise InputError(f"block_rows is {settings.block_rows}; a block needs 1 row or more")
    with torch.autocast(own[0].device.type, enabled=False):
        sides = [*own, *(alls or ())]
        sides = [side if side.dtype == torch.float64 else side.float() for side in sides]
        loss: Tensor = _Consistency.apply(
            *sides[:2], *(sides[2:] or (None, None)), offset, processes, settings
        )
        return loss


class _Consistency(torch.autograd.Function):
    """The loss with gradients for our rows of both sides and, if they are not the same, everyone's."""

    @staticmethod
    def forward(
        ctx: Any,
        student: Tensor,
        teacher: Tensor,
        student_all: Tensor | None,
        teacher_all: Tensor | None,
        offset: int,
        processes: int,
        settings: BlockSettings,
    ) -> Tensor:
        own = (student, teacher)
        alls = own if student_all is None or teacher_all is None else (student_all, teacher_all)
        work = _Work(own, alls, alone=student_all is None, learn=any(ctx.needs_input_grad[:4]))
        count = max(len(alls[0]), 1)
        loss = student.new_zeros(())
        for start in range(0, len(student), settings.block_rows):
            rows = slice(start, min(start + settings.block_rows, len(student)))
            if settings.intra_weight:
                loss += work.intra(rows, settings.intra_weight * processes / count**2)
            if settings.inter_weight:
                loss += work.inter(rows, offset, settings.inter_weight * processes / count, settings.tau)
        gradients = zip(work.gradients, ctx.needs_input_grad, strict=False)
        ctx.save_for_backward(*(gradient for gradient, asked in gradients if asked))
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, ...]:
        saved = iter(ctx.saved_tensors)
        asked = ctx.needs_input_grad[:4]
        return (*(next(saved) * scale if wanted else None for wanted in asked), None, None, None)


class _Work:
    """The sums over blocks: gradients of our rows of student and teacher, then of everyone's.

    ``alone``, our rows are everyone's: there are two gradients, and each holds both parts.
    """

    def __init__(
        self, own: tuple[Tensor, Tensor], alls: tuple[Tensor, Tensor], *, alone: bool, learn: bool
    ) -> None:
        self.own, self.alls, self.alone, self.learn = own, alls, alone, learn
        sides = own if alone else (*own, *alls)
        self.gradients = [torch.zeros_like(side) for side in sides] if learn else []

    def intra(self, rows: slice, weight: float) -> Tensor:
        """Equation 5's sum over a block of rows, times ``weight``."""
        sides = tuple(zip(self.own, self.alls, (weight, -weight), strict=True))
        difference = self.own[0][rows] @ self.alls[0].T
        difference -= self.own[1][rows] @ self.alls[1].T
        loss = difference.abs().sum() * weight
        if self.learn:
            sign = difference.sign_()
            for place, (own, everyone, share) in enumerate(sides):
                # Alone, the map is symmetric: a row's part as a column is its part as a row.
                self.gradients[place][rows].addmm_(sign, everyone, alpha=2 * share if self.alone else share)
                if not self.alone:
                    self.gradients[2 + place].addmm_(sign.T, own[rows], alpha=share)
        return loss

    def inter(self, rows: slice, offset: int, weight: float, tau: float) -> Tensor:
        """Equation 6's sum over a block of rows, times ``weight``."""
        student, teacher = self.own[0][rows], self.alls[1]
        scores = (student @ teacher.T).div_(tau)
        normaliser = scores.logsumexp(1)
        places = torch.arange(len(student), device=student.device)
        own = places + offset + rows.start
        loss = (normaliser - scores[places, own]).sum() * weight
        if self.learn:
            chances = scores.sub_(normaliser[:, None]).exp_()
            chances[places, own] -= 1
            self.gradients[0][rows].addmm_(chances, teacher, alpha=weight / tau)
            self.gradients[-1].addmm_(chances.T, student, alpha=weight / tau)
        return loss
