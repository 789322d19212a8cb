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

import onnx
import torch
from torch import Tensor, nn

from clipstr.student import Recogniser
from clipstr.student.decoder import KeysValues

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
    """ids, positions, keys and values of every layer -> logits."""

    def __init__(self, student: Recogniser) -> None:
        super().__init__()
        self.student = student

    def forward(self, ids: Tensor, positions: Tensor, *memory: Tensor) -> Tensor:
        picture = [KeysValues(k, v) for k, v in zip(memory[::2], memory[1::2], strict=True)]
        logits: Tensor = self.student.head(self.student.decode(ids, positions, picture).stage4)
        return logits


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
    """``module`` traced on ``inputs``; there is no branch and no loop in it that a trace could freeze."""
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
    return onnx.load_from_string(buffer.getvalue())
