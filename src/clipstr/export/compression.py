"""Smaller graphs that compute the same way: weights stored in fewer bits, widened when a session loads them.

The arithmetic stays float32. Quantising the activations too (ONNX Runtime's dynamic quantisation) was
hardly faster for a recogniser of this size, and it takes one scale for a whole batch, so that a word's
reading would depend on its neighbours.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import onnx
from onnx import helper, numpy_helper

__all__ = ["Precision", "compressed"]

Precision = Literal["float32", "half", "int8"]

_SMALLEST = 1024  # elements: what is smaller (biases, norms, scalars) stays as it is


def compressed(graph: onnx.ModelProto, precision: Precision) -> onnx.ModelProto:
    """A copy of ``graph`` whose large float32 weights are stored in ``precision``.

    "half" is float16; "int8" has one symmetric scale per output channel of a matrix product or
    convolution, and leaves other large weights in half.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(graph)
    if precision == "float32":
        return copy
    channel_axes = _channel_axes(copy)
    stored, widening = [], []
    for weight in copy.graph.initializer:
        if weight.data_type != onnx.TensorProto.FLOAT or int(np.prod(weight.dims)) < _SMALLEST:
            stored.append(weight)
            continue
        values = numpy_helper.to_array(weight)
        if precision == "int8" and weight.name in channel_axes:
            tensors, nodes = _as_int8(weight.name, values, channel_axes[weight.name])
        else:
            tensors, nodes = _as_half(weight.name, values)
        stored += tensors
        widening += nodes
    del copy.graph.initializer[:]
    copy.graph.initializer.extend(stored)
    nodes = [*widening, *copy.graph.node]
    del copy.graph.node[:]
    copy.graph.node.extend(nodes)
    onnx.checker.check_model(copy)
    return copy


def _channel_axes(graph: onnx.ModelProto) -> dict[str, int]:
    """The axis of the output channels of every weight of a matrix product or convolution, by its name."""
    axes = {}
    for node in graph.graph.node:
        if node.op_type == "MatMul":
            axes[node.input[1]] = -1
        elif node.op_type == "Gemm":
            transposed = any(a.name == "transB" and a.i for a in node.attribute)
            axes[node.input[1]] = 0 if transposed else -1
        elif node.op_type == "Conv":
            axes[node.input[1]] = 0
    return axes


def _as_half(name: str, values: np.ndarray) -> tuple[list[onnx.TensorProto], list[onnx.NodeProto]]:
    stored = numpy_helper.from_array(values.astype(np.float16), f"{name}.half")
    return [stored], [helper.make_node("Cast", [stored.name], [name], to=onnx.TensorProto.FLOAT)]


def _as_int8(
    name: str, values: np.ndarray, channels: int
) -> tuple[list[onnx.TensorProto], list[onnx.NodeProto]]:
    others = tuple(axis for axis in range(values.ndim) if axis != channels % values.ndim)
    scale = np.maximum(np.abs(values).max(axis=others, keepdims=True) / 127, np.finfo(np.float32).tiny)
    rounded = np.clip(np.rint(values / scale), -127, 127).astype(np.int8)
    stored = numpy_helper.from_array(rounded, f"{name}.int8")
    scales = numpy_helper.from_array(scale.astype(np.float32), f"{name}.scale")
    wide = f"{name}.wide"
    return [stored, scales], [
        helper.make_node("Cast", [stored.name], [wide], to=onnx.TensorProto.FLOAT),
        helper.make_node("Mul", [wide, scales.name], [name]),
    ]
