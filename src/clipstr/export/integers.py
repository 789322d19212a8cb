"""Matrix products in 8-bit integers: a graph that computes with them, in ONNX's own operators.

Every row of a product's input (a token) has a scale of its own, found while reading: what a picture reads
never depends on which others share its batch, as it would with one scale for all of them (ONNX Runtime's
dynamic quantisation). Weights have a scale per output channel and 64 levels on each side of zero instead
of 127: processors without VNNI instructions add the products of two neighbours in 16 bits and cut off
what does not fit; 2 x 255 x 64 does. So all processors compute the same integers.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

__all__ = ["INPUT_LEVELS", "LEAST", "WEIGHT_LEVELS", "integer_products", "rounded_weight"]

INPUT_LEVELS = 127
"""Levels on each side of zero of a product's input, which is stored unsigned around 128."""

WEIGHT_LEVELS = 64
"""Levels on each side of zero of a weight."""

LEAST = 1e-12
"""The largest value of rows and channels that are all zero."""

_ZERO_POINT = 128


def integer_products(graph: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of ``graph`` whose products with constant matrices are done in 8-bit integers.

    Products of two computed tensors (attention), convolutions and all else stay in float32. A sum over K
    terms is exact in 32 bits up to K = 2^31 / (255 x 64), far above any width.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(graph)
    constants = {weight.name: weight for weight in copy.graph.initializer}
    taken: set[str] = set()
    rounded: dict[str, str] = {}  # a product's input -> the stem of the names of its integers
    nodes: list[NodeProto] = []
    for node in copy.graph.node:
        if not _has_constant_matrix(node, constants):
            nodes.append(node)
            continue
        source, weight = node.input
        if source not in rounded:
            rounded[source] = f"{source}.rows"
            nodes += _rounding(source, rounded[source])
        taken.add(weight)
        nodes += _product(rounded[source], weight, node.output[0])
    if not taken:
        return copy
    stored = [
        tensor
        for name in sorted(taken)
        for tensor in rounded_weight(numpy_helper.to_array(constants[name]), name, levels=INPUT_LEVELS)
    ]
    kept = [weight for name, weight in constants.items() if name not in taken]
    nodes = [NodeProto.FromString(node.SerializeToString()) for node in nodes]  # the old list goes away
    del copy.graph.node[:], copy.graph.initializer[:]
    copy.graph.node.extend(nodes)
    copy.graph.initializer.extend([*kept, *stored, *_shared_constants()])
    return copy


def _has_constant_matrix(node: NodeProto, constants: dict[str, TensorProto]) -> bool:
    return node.op_type == "MatMul" and node.input[1] in constants and len(constants[node.input[1]].dims) == 2


def _shared_constants() -> Iterator[TensorProto]:
    yield numpy_helper.from_array(np.float32(1 / INPUT_LEVELS), "integers.step")
    yield numpy_helper.from_array(np.float32(LEAST), "integers.least")
    yield numpy_helper.from_array(np.uint8(_ZERO_POINT), "integers.zero")
    yield numpy_helper.from_array(np.array([-1], np.int64), "integers.last_axis")


def _rounding(source: str, stem: str) -> list[NodeProto]:
    """``source`` as unsigned integers around 128, each row divided by its own ``stem``.largest."""
    return [
        helper.make_node("Abs", [source], [f"{stem}.sizes"]),
        helper.make_node("ReduceMax", [f"{stem}.sizes", "integers.last_axis"], [f"{stem}.most"], keepdims=1),
        helper.make_node("Max", [f"{stem}.most", "integers.least"], [f"{stem}.largest"]),
        helper.make_node("Div", [source, f"{stem}.largest"], [f"{stem}.divided"]),
        helper.make_node(
            "QuantizeLinear", [f"{stem}.divided", "integers.step", "integers.zero"], [f"{stem}.integers"]
        ),
    ]


def _product(stem: str, weight: str, output: str) -> list[NodeProto]:
    return [
        helper.make_node(
            "MatMulInteger", [f"{stem}.integers", f"{weight}.int8", "integers.zero"], [f"{output}.exact"]
        ),
        helper.make_node("Cast", [f"{output}.exact"], [f"{output}.wide"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{output}.wide", f"{weight}.scale"], [f"{output}.columns"]),
        helper.make_node("Mul", [f"{output}.columns", f"{stem}.largest"], [output]),
    ]


def rounded_weight(values: np.ndarray, name: str, *, levels: int) -> Iterator[TensorProto]:
    """The matrix ``values`` (in, out) as ``name``.int8, and ``name``.scale, (1, out) in float32.

    The scale makes the product with the ``levels`` of an input whose largest value is 1 that of the values.
    """
    step = np.maximum(np.abs(values).max(axis=0, keepdims=True), LEAST) / WEIGHT_LEVELS
    yield numpy_helper.from_array(np.rint(values / step).astype(np.int8), f"{name}.int8")
    yield numpy_helper.from_array((step / levels).astype(np.float32), f"{name}.scale")
