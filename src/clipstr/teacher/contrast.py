"""CLIP's own objective (Radford et al. 2021, section 2.3) for word pictures and their spelled-out labels."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

__all__ = ["contrastive_loss"]


def contrastive_loss(
    logits: Float[Tensor, "images texts"], same: Bool[Tensor, "images texts"]
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The cross-entropies of choosing each picture's text, and each text's pictures.

    Each picture has one text in ``same``; a text's right pictures share the probability evenly.
    """
    to_text = functional.cross_entropy(logits, same.int().argmax(1))
    shares = same.T.to(logits.dtype) / same.sum(0)[:, None].to(logits.dtype)
    return to_text, functional.cross_entropy(logits.T, shares)
