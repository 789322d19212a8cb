"""The two graphs that read: pictures to keys and values, then texts so far to logits.

The split is where reading splits: the encoder runs once a picture, the decoder once a character. The
decoder keeps nothing between its steps: it makes the keys and values of the few characters so far
anew, which costs less than carrying them in and out (the big ones, the picture's, are made once by
the encoder's graph). So rows may leave a batch at any step, and the same graph also scores a whole
known word in one call.
"""

from __future__ import annotations

import io
import warnings
from typing import cast

import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional

from clipstr.export.simplification import simpler
from clipstr.student import Recogniser
from clipstr.student.decoder import DecoderLayer, KeysValues

__all__ = ["decoder_graph", "encoder_graph"]

OPSET = 18


class _Encode(nn.Module):
    """images -> keys and values of every decoder layer, one after the other."""

    def __init__(self, student: Recogniser) -> None:
        super().__init__()
        self.student = student

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        memory = self.student.encoder.forward_stages(images)[-1]
        picture = self.student.decoder.picture_memory(memory)
        return tuple(tensor for layer in picture for tensor in (layer.keys, layer.values))


class _Decode(nn.Module):
    """ids, positions, keys and values of every layer -> logits.

    It computes what `Recogniser.decode` does, in fewer and larger products: the keys and values that all
    layers make of the text so far are one, and the first layer's queries, which depend on the position alone,
    are none.
    """

    places: Tensor  # the query of each position
    shifted: Tensor  # of each place in a text the query of the place before, which begin does not have
    embedding: Tensor
    first: Tensor  # the first layer's queries, projected
    weight: Tensor
    bias: Tensor

    def __init__(self, student: Recogniser) -> None:
        super().__init__()
        self.decoder, self.head, self.width = student.decoder, student.head, student.config.width
        layers, places = self._layers, student.pos_queries[0].detach()
        self.heads = layers[0].self_attn.heads
        tokens = torch.arange(student.config.charset.num_tokens)
        folded = [_keys_values_of_normal(layer) for layer in layers]
        with torch.no_grad():
            self.register_buffer("places", places)
            self.register_buffer("shifted", torch.cat([torch.zeros_like(places[:1]), places[:-1]]))
            self.register_buffer("embedding", student.text_embed(tokens[None])[0])
            self.register_buffer("first", layers[0].self_attn.projected(layers[0].norm_q(places)))
            self.register_buffer("weight", torch.cat([weight for weight, _ in folded]))
            self.register_buffer("bias", torch.cat([bias for _, bias in folded]))

    @property
    def _layers(self) -> list[DecoderLayer]:
        return cast("list[DecoderLayer]", list(self.decoder.layers))

    def forward(self, ids: Tensor, positions: Tensor, *memory: Tensor) -> Tensor:
        later = torch.arange(ids.shape[1])[None, :] > positions[:, None]
        hidden = torch.zeros(1).masked_fill(later, -torch.inf)
        pictures = [KeysValues(k, v) for k, v in zip(memory[::2], memory[1::2], strict=True)]
        steps = list(zip(self._layers, self._texts(ids), pictures, strict=True)) * self.decoder.passes
        query, queries = self.places[positions], self.first[positions][None]
        for number, (layer, text, picture) in enumerate(steps):
            if number:
                queries = layer.self_attn.projected(layer.norm_q(query))
            query = query + layer.self_attn.found(queries, text, hidden)
            query = query + layer.cross_attn(layer.norm1(query), picture)
            query = query + layer.linear2(functional.gelu(layer.linear1(layer.norm2(query))))
        logits: Tensor = self.head(self.decoder.norm(query))
        return logits

    def _texts(self, ids: Tensor) -> list[KeysValues]:
        """The keys and values that each layer's self-attention makes of the text so far."""
        content = self.embedding[ids] + self.shifted[: ids.shape[1]]
        normal = functional.layer_norm(content, (self.width,), eps=self._layers[0].norm_c.eps)
        both = functional.linear(normal, self.weight, self.bias)
        sizes = (2 * len(self._layers), self.heads, self.width // self.heads)
        parts = both.reshape(*ids.shape, *sizes).permute(2, 0, 3, 1, 4).unbind(0)
        return [  # of each part: batch heads length head_dim
            KeysValues(keys.transpose(-1, -2), values)
            for keys, values in zip(parts[::2], parts[1::2], strict=True)
        ]


def _keys_values_of_normal(layer: DecoderLayer) -> tuple[Tensor, Tensor]:
    """Weight and bias that make a layer's keys and values of content that is normalised and no more."""
    attention, norm = layer.self_attn, layer.norm_c
    weight, bias = attention.in_proj_weight[attention.width :], attention.in_proj_bias[attention.width :]
    return weight * norm.weight, bias + weight @ norm.bias


def _memory_names(student: Recogniser) -> list[str]:
    """The names of what goes from the encoder's graph to the decoder's."""
    return [f"{kind}{layer}" for layer in range(student.config.decoder_depth) for kind in ("keys", "values")]


def encoder_graph(student: Recogniser) -> onnx.ModelProto:
    """The encoder of ``student`` as a graph; the batch may have any size.

    It takes ``images`` (batch, 3, height, width) and gives, for each decoder layer, ``keys0`` and so on
    (batch, heads, head_dim, tokens) and ``values0`` and so on (batch, heads, tokens, head_dim).
    """
    config = student.config
    images = torch.zeros(2, 3, config.image_height, config.image_width)
    names = _memory_names(student)
    axes = {name: {0: "batch"} for name in ("images", *names)}
    return _traced(_Encode(student), (images,), ["images"], names, axes)


def decoder_graph(student: Recogniser) -> onnx.ModelProto:
    """The decoder of ``student`` as a graph; batch, length and queries may have any size.

    It takes ``ids`` (batch, length), ``positions`` (queries,) and the encoder's keys and values, and gives
    ``logits`` (batch, queries, num_classes). ``ids`` are the begin token and the characters so far;
    position p sees the first p + 1 of them.
    """
    config = student.config
    images = torch.zeros(2, 3, config.image_height, config.image_width)
    with torch.no_grad():
        memory = _Encode(student).eval()(images)
    names = _memory_names(student)
    ids = torch.full((2, 3), config.charset.begin)
    axes = {
        "ids": {0: "batch", 1: "length"},
        "positions": {0: "queries"},
        "logits": {0: "batch", 1: "queries"},
    }
    axes |= {name: {0: "batch"} for name in names}
    inputs = (ids, torch.arange(3), *memory)
    return _traced(_Decode(student), inputs, ["ids", "positions", *names], ["logits"], axes)


def _traced(
    module: nn.Module,
    inputs: tuple[Tensor, ...],
    input_names: list[str],
    output_names: list[str],
    axes: dict[str, dict[int, str]],
) -> onnx.ModelProto:
    """``module`` traced on ``inputs`` and simplified.

    There is no branch and no loop in it that a trace could freeze.
    """
    buffer = io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        # PyTorch prefers its newer exporter, which needs one more package and makes more of the shapes
        # fixed; the tracer's warnings are about shapes that are the same for every input here.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            inputs,
            buffer,  # type: ignore[arg-type]  # the exporter takes files too
            input_names=input_names,
            output_names=output_names,
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
    return simpler(onnx.load_from_string(buffer.getvalue()))
