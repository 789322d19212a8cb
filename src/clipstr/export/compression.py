"""Smaller graphs: weights stored in fewer bits, and in 8 bits matrix products done in integers.

What is not a matrix product is widened when a session loads it, and computed in float32.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import onnx
from onnx import helper, numpy_helper

from clipstr.export.convolutions import integer_convolutions
from clipstr.export.integers import integer_products
from clipstr.export.simplification import simpler

__all__ = ["Precision", "compressed"]

Precision = Literal["float32", "half", "int8"]

_SMALLEST = 1024  # elements: what is smaller (biases, norms, scalars) stays as it is


def compressed(graph: onnx.ModelProto, precision: Precision) -> onnx.ModelProto:
    """A copy of ``graph`` whose large float32 weights are stored in ``precision``.

    "half" is float16; "int8" has one symmetric scale per output channel of a matrix product or
    convolution, leaves other large weights in half, and does the products in integers
    (`integer_products`: half the time of float32, and faster still where the processor has VNNI).
    """
    if precision == "int8":
        # Simplified once more: between convolutions transpositions that meet cancel each other.
        copy = simpler(integer_products(integer_convolutions(graph)))
    else:
        copy = onnx.ModelProto()
        copy.CopyFrom(graph)
    if precision == "float32":
        return copy
    kernels = {node.input[1] for node in copy.graph.node if node.op_type == "Conv"}
    stored, widening = [], []
    for weight in copy.graph.initializer:
        if weight.data_type != onnx.TensorProto.FLOAT or int(np.prod(weight.dims)) < _SMALLEST:
            stored.append(weight)
            continue
        values = numpy_helper.to_array(weight)
        if precision == "int8" and weight.name in kernels:
            tensors, nodes = _kernel_as_int8(weight.name, values)
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


def _as_half(name: str, values: np.ndarray) -> tuple[list[onnx.TensorProto], list[onnx.NodeProto]]:
    stored = numpy_helper.from_array(values.astype(np.float16), f"{name}.half")
    return [stored], [helper.make_node("Cast", [stored.name], [name], to=onnx.TensorProto.FLOAT)]


def _kernel_as_int8(name: str, values: np.ndarray) -> tuple[list[onnx.TensorProto], list[onnx.NodeProto]]:
    """A convolution's kernel (out, in, height, width) in 8 bits, with one scale for each output channel."""
    others = tuple(range(1, values.ndim))
    scale = np.maximum(np.abs(values).max(axis=others, keepdims=True) / 127, np.finfo(np.float32).tiny)
    stored = numpy_helper.from_array(np.rint(values / scale).astype(np.int8), f"{name}.int8")
    scales = numpy_helper.from_array(scale.astype(np.float32), f"{name}.scale")
    wide = f"{name}.wide"
    return [stored, scales], [
        helper.make_node("Cast", [stored.name], [wide], to=onnx.TensorProto.FLOAT),
        helper.make_node("Mul", [wide, scales.name], [name]),
    ]
