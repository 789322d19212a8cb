"""PyTorch's multi-head attention for short sequences: the same numbers and weights, much less copying."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["quicken"]


class _SelfAttention(nn.Module):
    """Takes the weights of an `nn.MultiheadAttention` over, by the same names, and its place.

    PyTorch's own turns (batch, tokens, dim) round inside, and its products on what is then scattered in
    memory first copy the weights for each token: two thirds of the time of a CLIP on the CPU.
    """

    def __init__(self, attention: nn.MultiheadAttention) -> None:
        super().__init__()
        self.heads = attention.num_heads
        self.in_proj_weight, self.in_proj_bias = attention.in_proj_weight, attention.in_proj_bias
        self.out_proj = attention.out_proj

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        *,
        need_weights: bool,
        attn_mask: Tensor | None = None,
    ) -> tuple[Tensor, None]:
        """What (batch, tokens, dim) attends to in itself, and no weights; called as PyTorch's is."""
        if need_weights or key is not query or value is not query:
            raise NotImplementedError("only self-attention whose weights nobody asks for")
        projected = functional.linear(query, self.in_proj_weight, self.in_proj_bias)
        split = projected.reshape(*projected.shape[:2], 3, self.heads, -1)  # batch tokens 3 heads head_dim
        queries, keys, values = split.permute(2, 0, 3, 1, 4)
        if query.is_cuda or not torch.is_grad_enabled():
            found = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=attn_mask)
        else:  # PyTorch's fused attention is slower backwards than plain products on CPUs
            scores = queries @ keys.transpose(2, 3) * queries.shape[-1] ** -0.5
            chances = (scores if attn_mask is None else scores + attn_mask).softmax(-1)
            found = chances.to(values.dtype) @ values
        attended: Tensor = self.out_proj(found.transpose(1, 2).flatten(2))
        return attended, None


def quicken(model: nn.Module) -> None:
    """Puts the quicker attention everywhere in ``model`` where it fits; names of weights stay."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if (
                isinstance(child, nn.MultiheadAttention)
                and child.batch_first
                and child.in_proj_weight is not None
                and child.bias_k is None
                and not child.add_zero_attn
                and child.dropout == 0
            ):
                setattr(parent, name, _SelfAttention(child))
