"""The recogniser: encoder, decoder and head, for training (all positions at once) and for reading."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from clipstr.student.config import StudentConfig
from clipstr.student.decoder import Decoder, PictureMemory, TokenEmbedding
from clipstr.student.encoder import Encoder

__all__ = ["Features", "Recogniser", "Stages"]


@dataclass(frozen=True)
class Stages:
    """The tokens after each quarter of an encoder or decoder, each (batch, tokens, dim)."""

    stage1: Tensor
    stage2: Tensor
    stage3: Tensor
    stage4: Tensor


@dataclass(frozen=True)
class Features:
    """All that one teacher-forced pass computes.

    ``encoder``'s tokens are the class token and the image tokens row by row (only stage 4 has passed
    the final norm); ``decoder``'s are one per position, all through the decoder's final norm;
    ``logits`` is (batch, positions, num_classes) for the end of text and the characters.
    """

    encoder: Stages
    decoder: Stages
    logits: Tensor


@runtime_checkable
class StagedEncoder(Protocol):
    """What a recogniser needs of its encoder, which is a module."""

    def forward_stages(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> list[Float[Tensor, "batch tokens dim"]]:
        """The tokens after each quarter of the layers, the last being the decoder's memory."""


class Recogniser(nn.Module):
    """A ViT encoder and an autoregressive decoder in four stages each (paper, section 4.2).

    Another ``encoder`` may be put in: what matters is its ``forward_stages``.
    """

    def __init__(self, config: StudentConfig, encoder: StagedEncoder | None = None) -> None:
        super().__init__()
        self.config = config
        charset = config.charset
        self.encoder: StagedEncoder = Encoder(config) if encoder is None else encoder
        self.decoder = Decoder(config)
        self.text_embed = TokenEmbedding(charset.num_tokens, config.width)
        self.head = nn.Linear(config.width, charset.num_classes)
        self.pos_queries = nn.Parameter(torch.empty(1, config.max_length + 1, config.width))
        self.dropout = nn.Dropout(config.dropout)
        self._initialise()

    def _initialise(self) -> None:
        nn.init.trunc_normal_(self.pos_queries, std=0.02)
        for part in (self.decoder, self.text_embed, self.head):
            part.apply(partial(_initialise_part, std=0.02))

    def forward(
        self, images: Float[Tensor, "batch 3 height width"], tokens: Int[Tensor, "batch length"]
    ) -> Features:
        """Everything for a batch of known texts: ``tokens`` is begin, then characters, then end or padding.

        Position p sees tokens 0..p and predicts token p + 1; padding at the end changes nothing before it.
        """
        encoder = Stages(*self.encoder.forward_stages(images))
        picture = self.decoder.picture_memory(encoder.stage4)
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        decoder = self.decode(tokens, positions, picture, readable=self._readable(tokens))
        return Features(encoder, decoder, self.head(decoder.stage4))

    def decode(
        self,
        tokens: Int[Tensor, "batch length"],
        positions: Int[Tensor, " queries"],
        picture: PictureMemory,
        *,
        readable: Bool[Tensor, "batch length"] | None = None,
    ) -> Stages:
        """The decoder's stages at ``positions``; position p sees those ``readable`` of tokens 0..p."""
        places = torch.arange(tokens.shape[1], device=tokens.device)
        visible = (places[None, :] <= positions[:, None])[None, None]  # batch heads queries length
        if readable is not None:
            visible = visible & readable[:, None, None, :]
        hidden = torch.zeros_like(visible, dtype=self.pos_queries.dtype).masked_fill(~visible, -torch.inf)
        query = self.dropout(self.pos_queries[:, positions].expand(tokens.shape[0], -1, -1))
        return Stages(*self.decoder(query, self._content(tokens), picture, hidden))

    def _content(self, tokens: Int[Tensor, "batch length"]) -> Float[Tensor, "batch length dim"]:
        """Embedded tokens, each but begin with the query of the place before."""
        embedded: Tensor = self.text_embed(tokens)
        before = self.pos_queries[:, : tokens.shape[1] - 1]
        shifted = torch.cat([torch.zeros_like(self.pos_queries[:, :1]), before], dim=1)
        content: Tensor = self.dropout(embedded + shifted)
        return content

    def _readable(self, tokens: Int[Tensor, "batch length"]) -> Bool[Tensor, "batch length"]:
        """False where a token is end or padding: nobody looks at those in training."""
        charset = self.config.charset
        return (tokens != charset.end) & (tokens != charset.padding)


def _initialise_part(module: nn.Module, *, std: float) -> None:
    """Truncated normal weights and zero biases, as PARSeq initialises its decoder."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=std)
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Embedding):
        nn.init.trunc_normal_(module.weight, std=std)
