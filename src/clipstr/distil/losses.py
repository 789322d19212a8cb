"""Losses between a student's rows and its teacher's: equations 4 to 7 as they are written.

Rows are unit vectors (the alignments make them so). Each function is pure. On several processes a row of
ours is compared with `Everyone`'s rows, and each process returns its own rows' share so that the *mean* over
processes, which is what data-parallel training takes of gradients, is the loss of the joined batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from clipstr.distil.blocks import BLOCK_ROWS, BlockSettings, in_blocks

__all__ = [
    "Everyone",
    "consistency",
    "consistency_within_words",
    "cosine",
    "inter",
    "intra",
    "kl",
    "l1",
]


@dataclass(frozen=True)
class Everyone:
    """The rows of all processes, one process after the other, of which ours begin at ``offset``."""

    student: Tensor  # (all rows, dim)
    teacher: Tensor  # (all rows, dim)
    offset: int
    processes: int


def l1(
    student: Float[Tensor, "rows dim"], teacher: Float[Tensor, "rows dim"], everyone: Everyone | None = None
) -> Float[Tensor, ""]:
    """The mean absolute difference (equation 4)."""
    return _share((student - teacher).abs().mean(1), everyone)


def cosine(
    student: Float[Tensor, "rows dim"], teacher: Float[Tensor, "rows dim"], everyone: Everyone | None = None
) -> Float[Tensor, ""]:
    """The mean of 1 - cosine similarity (table 3)."""
    return _share(1 - functional.cosine_similarity(student, teacher, dim=1), everyone)


def kl(
    student: Float[Tensor, "rows dim"],
    teacher: Float[Tensor, "rows dim"],
    everyone: Everyone | None = None,
    *,
    temperature: float = 1.0,
) -> Float[Tensor, ""]:
    """The mean Kullback-Leibler divergence of the student's channels from the teacher's (table 3).

    Each row is made a distribution over its channels by a softmax. The paper names no temperature.
    """
    ours, theirs = (side.div(temperature).log_softmax(1) for side in (student, teacher))
    return _share((theirs.exp() * (theirs - ours)).sum(1), everyone)


def intra(
    student: Float[Tensor, "rows dim"], teacher: Float[Tensor, "rows dim"], everyone: Everyone | None = None
) -> Float[Tensor, ""]:
    """How much the rows' similarities to each other differ between both sides (equation 5)."""
    alls = everyone or Everyone(student, teacher, 0, 1)
    difference = student @ alls.student.T - teacher @ alls.teacher.T
    return _share(difference.abs().mean(1), everyone)


def inter(
    student: Float[Tensor, "rows dim"],
    teacher: Float[Tensor, "rows dim"],
    everyone: Everyone | None = None,
    *,
    tau: float = 0.03,
) -> Float[Tensor, ""]:
    """The cross-entropy of finding each row's own teacher row among all of them (equation 6)."""
    alls = everyone or Everyone(student, teacher, 0, 1)
    own = torch.arange(len(student), device=student.device) + alls.offset
    found = functional.cross_entropy(student @ alls.teacher.T / tau, own, reduction="none")
    return _share(found, everyone)


def consistency(
    student: Float[Tensor, "rows dim"],
    teacher: Float[Tensor, "rows dim"],
    everyone: Everyone | None = None,
    *,
    intra_weight: float = 5.0,
    inter_weight: float = 0.1,
    tau: float = 0.03,
    block_rows: int | None = BLOCK_ROWS,
) -> Float[Tensor, ""]:
    """The linguistic consistency loss LCL (equation 7): the weighted sum of `intra` and `inter`.

    ``block_rows`` rows meet everybody at a time, which needs memory for the rows alone and changes neither
    value nor gradients (`clipstr.distil.blocks`); with None all do at once, as the equation is written.
    """
    if block_rows is None:
        alike = intra(student, teacher, everyone)
        return intra_weight * alike + inter_weight * inter(student, teacher, everyone, tau=tau)
    settings = BlockSettings(intra_weight, inter_weight, tau, block_rows)
    if everyone is None:
        return in_blocks((student, teacher), None, 0, 1, settings)
    alls = (everyone.student, everyone.teacher)
    return in_blocks((student, teacher), alls, everyone.offset, everyone.processes, settings)


def consistency_within_words(
    student: Float[Tensor, "words length dim"],
    teacher: Float[Tensor, "words length dim"],
    mask: Bool[Tensor, "words length"],
    *,
    intra_weight: float = 5.0,
    inter_weight: float = 0.1,
    tau: float = 0.03,
) -> Float[Tensor, ""]:
    """LCL with a word's own rows as the paper's N, the mean over words that have a row.

    Rows where ``mask`` is false change nothing, neither the value nor a gradient.
    """
    student, teacher = (side * mask[..., None] for side in (student, teacher))
    counts = mask.sum(1)
    there = counts.clamp(min=1)
    difference = student @ student.transpose(1, 2) - teacher @ teacher.transpose(1, 2)
    alike = difference.abs().sum((1, 2)) / there**2
    scores = (student @ teacher.transpose(1, 2) / tau).masked_fill(~mask[:, None, :], -torch.inf)
    # A row of padding has nothing to choose from: it gets a harmless row, and no part in the sum.
    scores = torch.where(mask[..., None], scores, torch.zeros_like(scores))
    own = scores.log_softmax(-1).diagonal(dim1=1, dim2=2)
    found = -torch.where(mask, own, torch.zeros_like(own)).sum(1) / there
    words = (counts > 0).sum().clamp(min=1)
    return (intra_weight * alike + inter_weight * found).sum() / words


def _share(rows: Float[Tensor, " rows"], everyone: Everyone | None) -> Float[Tensor, ""]:
    """The mean of ``rows``, or our part of the mean over everyone's, times the number of processes."""
    if everyone is None:
        return rows.sum() / max(len(rows), 1)
    return rows.sum() * everyone.processes / max(len(everyone.student), 1)
