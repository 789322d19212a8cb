"""The text decoder: position queries that read the text so far and the picture, layer by layer.

Each layer has a *query* stream (one learned query per position, asking for the next character)
and the *content* (begin token and characters so far). The content is never updated between the
layers, so its self-attention keys and values depend on layer, position and character alone; the
cross-attention's are fixed for each picture.
Parameter names are those of the authors' checkpoints.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from clipstr.student.config import NUM_STAGES, StudentConfig

__all__ = ["Attention", "Decoder", "DecoderLayer", "KeysValues", "PictureMemory"]


@dataclass(frozen=True)
class KeysValues:
    """What one attention looks at.

    ``keys`` is (batch, heads, head_dim, length), ready for the product with queries, and ``values``
    (batch, heads, length, head_dim).
    """

    keys: Tensor
    values: Tensor


PictureMemory = list[KeysValues]
"""The cross-attention's keys and values of a picture, one pair per layer."""


class Attention(nn.Module):
    """Multi-head attention with PyTorch's parameter names, its keys and values made apart from its queries.

    It is written out as matrix products: texts are short, PyTorch's fused kernel is slow backwards on
    CPUs, and the plain form exports to a third of the nodes.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.width = heads, width
        self.dropout = nn.Dropout(dropout)
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)

    def keys_values(self, content: Float[Tensor, "batch length dim"]) -> KeysValues:
        """The keys and values of ``content``."""
        weight, bias = self.in_proj_weight[self.width :], self.in_proj_bias[self.width :]
        split = _heads(functional.linear(content, weight, bias), 2, self.heads)
        keys, values = split.unbind(2)  # batch length heads head_dim
        return KeysValues(keys.permute(0, 2, 3, 1), values.transpose(1, 2))

    def shares(
        self,
        queries: Float[Tensor, "batch queries dim"],
        memory: KeysValues,
        hidden: Float[Tensor, "*shape"] | None = None,
    ) -> Float[Tensor, "batch heads queries length"]:
        """How each of ``queries`` shares its attention over ``memory``, head by head; they sum to 1."""
        return self._shares(self.projected(queries), memory, hidden)

    def projected(self, queries: Float[Tensor, "*shape dim"]) -> Float[Tensor, "*shape dim"]:
        """``queries`` ready to be compared with keys."""
        # Weights are scaled in the place of what they make: a graph then has one node less.
        scale = (self.width // self.heads) ** -0.5
        weight, bias = self.in_proj_weight[: self.width], self.in_proj_bias[: self.width]
        return functional.linear(queries, weight * scale, bias * scale)

    def _shares(
        self,
        projected: Float[Tensor, "_ queries dim"],
        memory: KeysValues,
        hidden: Float[Tensor, "*shape"] | None,
    ) -> Float[Tensor, "batch heads queries length"]:
        scores = _heads(projected, self.heads).transpose(1, 2) @ memory.keys
        if hidden is not None:
            scores = scores + hidden
        return scores.softmax(-1)

    def forward(
        self,
        queries: Float[Tensor, "batch queries dim"],
        memory: KeysValues,
        hidden: Float[Tensor, "*shape"] | None = None,
    ) -> Float[Tensor, "batch queries dim"]:
        """What ``queries`` find in ``memory``.

        ``hidden`` is added to the scores and broadcasts to (batch, heads, queries, length): 0 where a
        query may look, minus infinity where it may not.
        """
        return self.found(self.projected(queries), memory, hidden)

    def found(
        self,
        projected: Float[Tensor, "_ queries dim"],
        memory: KeysValues,
        hidden: Float[Tensor, "*shape"] | None = None,
    ) -> Float[Tensor, "batch queries dim"]:
        """What queries that are ``projected`` already find in ``memory``."""
        found = self.dropout(self._shares(projected, memory, hidden)) @ memory.values
        attended: Tensor = self.out_proj(found.transpose(1, 2).flatten(2))
        return attended


def _heads(tokens: Tensor, *sizes: int) -> Tensor:
    """``tokens`` with their last dimension split into ``sizes`` and what remains."""
    return tokens.reshape(*tokens.shape[:-1], *sizes, -1)


class DecoderLayer(nn.Module):
    """One pre-norm layer: look at the text so far, look at the picture, think."""

    def __init__(self, config: StudentConfig) -> None:
        super().__init__()
        width, hidden = config.width, round(config.width * config.decoder_mlp_ratio)
        self.self_attn = Attention(width, config.decoder_heads, config.dropout)
        self.cross_attn = Attention(width, config.decoder_heads, config.dropout)
        self.linear1, self.linear2 = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.norm_q, self.norm_c = nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout = nn.Dropout(config.dropout)

    def content_keys_values(self, content: Float[Tensor, "batch length dim"]) -> KeysValues:
        """The self-attention's keys and values of the content."""
        return self.self_attn.keys_values(self.norm_c(content))

    def forward(
        self,
        query: Float[Tensor, "batch queries dim"],
        content: KeysValues,
        picture: KeysValues,
        hidden: Float[Tensor, "*shape"] | None,
    ) -> Float[Tensor, "batch queries dim"]:
        query = query + self.dropout(self.self_attn(self.norm_q(query), content, hidden))
        query = query + self.dropout(self.cross_attn(self.norm1(query), picture))
        thought = self.dropout(functional.gelu(self.linear1(self.norm2(query))))
        answered: Tensor = query + self.dropout(self.linear2(thought))
        return answered


class Decoder(nn.Module):
    """The layers and the one final norm that every stage passes on its way out.

    A decoder of one layer is that layer replicated four times (paper, section 4.9): the same weights run
    once for each stage.
    """

    def __init__(self, config: StudentConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList([DecoderLayer(config) for _ in range(config.decoder_depth)])
        self.norm = nn.LayerNorm(config.width)
        self.passes = NUM_STAGES if config.decoder_depth == 1 else 1
        self.per_stage = self.passes * config.decoder_depth // NUM_STAGES

    def picture_memory(self, memory: Float[Tensor, "batch tokens dim"]) -> PictureMemory:
        """Every layer's cross-attention keys and values of the encoder's last stage."""
        return [layer.cross_attn.keys_values(memory) for layer in self._layers]

    @property
    def _layers(self) -> list[DecoderLayer]:
        return cast("list[DecoderLayer]", list(self.layers))

    def forward(
        self,
        query: Float[Tensor, "batch queries dim"],
        content: Float[Tensor, "batch length dim"],
        picture: PictureMemory,
        hidden: Float[Tensor, "*shape"] | None,
    ) -> list[Float[Tensor, "batch queries dim"]]:
        """The four stages of the query stream."""
        seen = [layer.content_keys_values(content) for layer in self._layers]
        steps = list(zip(self._layers, seen, picture, strict=True)) * self.passes
        stages = []
        for step, (layer, text, image) in enumerate(steps):
            query = layer(query, text, image, hidden)
            if (step + 1) % self.per_stage == 0:
                stages.append(self.norm(query))
        return stages


class TokenEmbedding(nn.Module):
    """Token embeddings scaled by the square root of their width, as in the authors' code."""

    def __init__(self, num_tokens: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(num_tokens, width)
        self.scale = math.sqrt(width)

    def forward(self, ids: Int[Tensor, "batch length"]) -> Float[Tensor, "batch length dim"]:
        embedded: Tensor = self.embedding(ids)
        return embedded * self.scale
