"""Convolutions in 8-bit integers: what each place of a picture sees is gathered, and multiplied as a matrix.

They take a third of the time of convolutions in float32 in ONNX Runtime. Only those of what a ReLU
made are done so: nothing in it is below zero, and its integers have all 255 levels above it. A picture has
one scale, found while reading: what it reads never depends on which others share its batch.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from clipstr.export.integers import LEAST, rounded_weight

__all__ = ["INPUT_LEVELS", "integer_convolutions"]

INPUT_LEVELS = 255
"""Levels above zero of what a convolution is given."""


def integer_convolutions(graph: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of ``graph`` whose convolutions of what a ReLU made are done in 8-bit integers.

    Kernels must be constant and in one group, and heights and widths known; others stay as they are.
    """
    inferred = onnx.shape_inference.infer_shapes(graph, data_prop=True)
    shapes = {value.name: _sizes(value) for value in inferred.graph.value_info}
    copy = onnx.ModelProto()
    copy.CopyFrom(graph)
    constants = {weight.name: weight for weight in copy.graph.initializer}
    positive = {node.output[0] for node in copy.graph.node if node.op_type == "Relu"}
    nodes: list[NodeProto] = []
    stored: list[TensorProto] = []
    taken: set[str] = set()
    for node in copy.graph.node:
        seen = shapes.get(node.input[0]) if node.op_type == "Conv" and node.input[0] in positive else None
        if seen is None or node.input[1] not in constants or _attribute(node, "group", [1]) != [1]:
            nodes.append(node)
            continue
        kernel = numpy_helper.to_array(constants[node.input[1]])
        taken.add(node.input[1])
        stored += _stored(node, kernel, seen)
        nodes += _product(node)
    if not taken:
        return copy
    kept = [weight for name, weight in constants.items() if name not in taken]
    nodes = [NodeProto.FromString(node.SerializeToString()) for node in nodes]  # the old list goes away
    del copy.graph.node[:], copy.graph.initializer[:]
    copy.graph.node.extend(nodes)
    copy.graph.initializer.extend([*kept, *stored, *_shared_constants()])
    return copy


def _sizes(value: onnx.ValueInfoProto) -> tuple[int, int, int] | None:
    """Channels, height and width of a batch of pictures, if they are known."""
    sizes = [part.dim_value for part in value.type.tensor_type.shape.dim]
    return (sizes[1], sizes[2], sizes[3]) if len(sizes) == 4 and all(sizes[1:]) else None


def _attribute(node: NodeProto, name: str, otherwise: list[int]) -> list[int]:
    for attribute in node.attribute:
        if attribute.name == name:
            return list(attribute.ints) or [attribute.i]
    return otherwise


def _places(node: NodeProto, kernel: tuple[int, int], seen: tuple[int, int, int]) -> np.ndarray:
    """Which places each place of the result sees, (rows, columns, height of the kernel, its width).

    A place is row x width + column; what lies beyond the edge is the place behind the last.
    """
    _, height, width = seen
    rows, columns = kernel
    down, right = _attribute(node, "strides", [1, 1])
    above, left, below, after = _attribute(node, "pads", [0, 0, 0, 0])
    y = np.arange((height + above + below - rows) // down + 1)[:, None, None, None] * down - above
    x = np.arange((width + left + after - columns) // right + 1)[None, :, None, None] * right - left
    y, x = y + np.arange(rows)[:, None], x + np.arange(columns)
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    return np.where(inside, y * width + x, height * width)


def _shared_constants() -> Iterator[TensorProto]:
    yield numpy_helper.from_array(np.float32(1 / INPUT_LEVELS), "convolutions.step")
    yield numpy_helper.from_array(np.float32(LEAST), "convolutions.least")
    yield numpy_helper.from_array(np.uint8(0), "convolutions.zero")
    yield numpy_helper.from_array(np.array([1, 2, 3], np.int64), "convolutions.axes")
    yield numpy_helper.from_array(np.array([0, 0, 0, 0, 1, 0], np.int64), "convolutions.beyond")


def _stored(node: NodeProto, kernel: np.ndarray, seen: tuple[int, int, int]) -> Iterator[TensorProto]:
    """The kernel (out, in, height, width) as a matrix in int8 with its scales, the places, and shapes."""
    name, (out, incoming, rows, columns) = node.input[1], kernel.shape
    matrix = kernel.transpose(2, 3, 1, 0).reshape(-1, out)  # (row column in) out
    yield from rounded_weight(matrix, name, levels=INPUT_LEVELS)
    places = _places(node, (rows, columns), seen)
    yield numpy_helper.from_array(places.reshape(-1), f"{name}.places")
    shapes = {
        "flat": [0, seen[1] * seen[2], incoming],
        "gathered": [0, places.shape[0] * places.shape[1], len(matrix)],
        "picture": [0, *places.shape[:2], out],
    }
    for which, shape in shapes.items():
        yield numpy_helper.from_array(np.array(shape, np.int64), f"{name}.{which}")


def _product(node: NodeProto) -> list[NodeProto]:
    """The nodes in the place of the convolution ``node``; transpositions that meet cancel each other."""
    source, kernel, stem = node.input[0], node.input[1], node.output[0]
    bias = node.input[2] if len(node.input) > 2 else ""
    return [
        helper.make_node("Transpose", [source], [f"{stem}.last"], perm=[0, 2, 3, 1]),
        helper.make_node(
            "ReduceMax", [f"{stem}.last", "convolutions.axes"], [f"{stem}.brightest"], keepdims=1
        ),
        helper.make_node("Max", [f"{stem}.brightest", "convolutions.least"], [f"{stem}.largest"]),
        helper.make_node("Div", [f"{stem}.last", f"{stem}.largest"], [f"{stem}.divided"]),
        helper.make_node(
            "QuantizeLinear",
            [f"{stem}.divided", "convolutions.step", "convolutions.zero"],
            [f"{stem}.integers"],
        ),
        helper.make_node("Reshape", [f"{stem}.integers", f"{kernel}.flat"], [f"{stem}.row"]),
        helper.make_node("Pad", [f"{stem}.row", "convolutions.beyond"], [f"{stem}.padded"]),
        helper.make_node("Gather", [f"{stem}.padded", f"{kernel}.places"], [f"{stem}.seen"], axis=1),
        helper.make_node("Reshape", [f"{stem}.seen", f"{kernel}.gathered"], [f"{stem}.rows"]),
        helper.make_node("MatMulInteger", [f"{stem}.rows", f"{kernel}.int8"], [f"{stem}.exact"]),
        helper.make_node("Reshape", [f"{stem}.exact", f"{kernel}.picture"], [f"{stem}.shaped"]),
        helper.make_node("Cast", [f"{stem}.shaped"], [f"{stem}.wide"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{stem}.wide", f"{kernel}.scale"], [f"{stem}.columns"]),
        helper.make_node("Mul", [f"{stem}.columns", f"{stem}.largest"], [f"{stem}.scaled"]),
        *([helper.make_node("Add", [f"{stem}.scaled", bias], [f"{stem}.biased"])] if bias else []),
        helper.make_node(
            "Transpose", [f"{stem}.biased" if bias else f"{stem}.scaled"], [stem], perm=[0, 3, 1, 2]
        ),
    ]
