"""Symmetrical distillation, whole: the pairs, their projections and the loss between them (equation 3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from clipstr.distil import losses
from clipstr.distil.alignment import AdaptiveAlignment, Aligned, GlobalAlignment, PairSizes
from clipstr.distil.config import Distillation
from clipstr.distil.gathering import gather_rows, share_of
from clipstr.distil.pairing import Pair, pairs_of
from clipstr.stages import Stage

__all__ = ["SymmetricalDistillation"]


class SymmetricalDistillation(nn.Module):
    """The terms of equation 3 by name, from the stages of a student and those of its teacher.

    ``sizes`` gives the shapes that meet in a pair.
    """

    def __init__(self, settings: Distillation, sizes: Callable[[Pair], PairSizes]) -> None:
        super().__init__()
        self.settings, self.pairs = settings, pairs_of(settings)
        self.alignments = nn.ModuleList(
            AdaptiveAlignment(sizes(pair)) if pair.module == "adaptive" else GlobalAlignment(sizes(pair))
            for pair in self.pairs
        )

    @property
    def wanted(self) -> tuple[Stage, ...]:
        """The teacher's stages that are needed."""
        return tuple(pair.teacher for pair in self.pairs)

    def forward(
        self,
        student: Mapping[Stage, Tensor],
        teacher: Mapping[Stage, Tensor],
        readable: Bool[Tensor, "batch positions"],
    ) -> dict[str, Tensor]:
        """Each pair's loss by its name.

        ``student``'s encoder and decoder stages are (batch, tokens, dim), a decoder token for each position;
        ``teacher``'s text stages have the start token first, dropped here, so that the character of a
        position meets the prediction of it. ``readable`` is true where a position's character or end is
        the label's on both sides.
        """
        terms = {}
        for pair, alignment in zip(self.pairs, self.alignments, strict=True):
            ours, theirs = student[pair.student], teacher[pair.teacher]
            mask = None
            if pair.textual:
                length = min(ours.shape[1], theirs.shape[1] - 1)
                ours, theirs, mask = ours[:, :length], theirs[:, 1 : length + 1], readable[:, :length]
            aligned = alignment(ours, theirs)
            with torch.autocast(ours.device.type, enabled=False):  # similarities need the digits
                terms[pair.name] = self._loss(aligned, mask)
        return terms

    def _loss(self, aligned: Aligned, mask: Bool[Tensor, "batch tokens"] | None) -> Float[Tensor, ""]:
        """The loss between both sides of a pair, padding left out where ``mask`` is false if so wished."""
        settings = self.settings
        if settings.padding == "include":
            mask = None
        if settings.rows == "word" and aligned.student.ndim == 3:
            intra, inter = self._weights()
            if mask is None:
                mask = aligned.student.new_ones(aligned.student.shape[:2]).bool()
            share = share_of(int(mask.any(1).sum()), mask.device)
            return share * losses.consistency_within_words(
                *aligned, mask, intra_weight=intra, inter_weight=inter, tau=settings.tau
            )
        if aligned.student.ndim == 3:
            student, teacher = (
                side.flatten(0, 1) if mask is None else side[mask] for side in aligned
            )  # rows dim
        else:
            student, teacher = aligned
        return self._rows_loss(student, teacher)

    def _rows_loss(
        self, student: Float[Tensor, "rows dim"], teacher: Float[Tensor, "rows dim"]
    ) -> Float[Tensor, ""]:
        """The loss over rows, those of other processes as further negatives."""
        settings, everyone = self.settings, gather_rows(student, teacher)
        if settings.loss == "l1":
            return losses.l1(student, teacher, everyone)
        if settings.loss == "cosine":
            return losses.cosine(student, teacher, everyone)
        if settings.loss == "kl":
            return losses.kl(student, teacher, everyone, temperature=settings.kl_temperature)
        intra, inter = self._weights()
        return losses.consistency(
            student, teacher, everyone, intra_weight=intra, inter_weight=inter, tau=settings.tau
        )

    def _weights(self) -> tuple[float, float]:
        """The weights of the intra and the inter loss; table 2 leaves out one of them."""
        settings = self.settings
        return (
            0.0 if settings.loss == "inter" else settings.intra_weight,
            0.0 if settings.loss == "intra" else settings.inter_weight,
        )
