"""The decoder's graph that decodes whole texts: its step in a loop, which ends when half of the texts have.

The graph takes what the plain one takes and, fed no more than that, gives what the plain one gives, in one
pass through the loop. Two inputs have values of their own and need not be fed: ``steps``, the most characters
that are to be read after ``ids`` (1), and ``offsets`` (num_classes,), added to the logits where a character
is chosen (0; minus infinity for one that is not allowed).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

__all__ = ["whole_decoder"]

_INT, _BOOL = TensorProto.INT64, TensorProto.BOOL
_INPUTS = {"ids": "loop.ids", "positions": "loop.positions"}  # of the plain graph -> of one pass


def whole_decoder(plain: onnx.ModelProto, *, end: int) -> onnx.ModelProto:
    """``plain``, a decoder's graph, in a loop; ``end`` is the class that ends a text.

    With one position, the last of ``ids``, it gives ``logits`` (batch, taken, num_classes) of at most
    ``steps`` steps, each after what was chosen before it: fewer, if half of the texts have ended before.
    """
    whole = onnx.ModelProto()
    whole.CopyFrom(plain)
    graph = whole.graph
    classes = graph.output[0].type.tensor_type.shape.dim[-1].dim_value
    body = _body(graph.node)
    del graph.node[:]
    graph.node.extend(
        [
            # No id is below 0: nothing has ended yet.
            helper.make_node("Slice", ["ids", "loop.zero", "loop.one", "loop.one"], ["loop.first"]),
            helper.make_node("Less", ["loop.first", "loop.zero"], ["loop.none_ended"]),
            helper.make_node(
                "Loop",
                ["steps", "loop.true", "ids", "positions", "loop.none_ended"],
                ["loop.all_ids", "loop.last_positions", "loop.all_ended", "loop.passes"],
                body=body,
            ),
            helper.make_node("Transpose", ["loop.passes"], ["loop.by_text"], perm=[1, 0, 2, 3]),
            helper.make_node("Reshape", ["loop.by_text", "loop.shape"], ["logits"]),
        ]
    )
    graph.initializer.extend(_constants(classes, end))
    graph.input.extend(
        [
            helper.make_tensor_value_info("steps", _INT, []),
            helper.make_tensor_value_info("offsets", TensorProto.FLOAT, [classes]),
        ]
    )
    onnx.checker.check_model(whole)
    return whole


def _constants(classes: int, end: int) -> list[TensorProto]:
    values = {
        "steps": np.int64(1),
        "offsets": np.zeros(classes, np.float32),
        "loop.true": np.bool_(True),
        "loop.zero": np.array([0], np.int64),
        "loop.one": np.array([1], np.int64),
        "loop.last": np.array(-1, np.int64),
        "loop.half": np.float32(0.5),
        "loop.end": np.array([end], np.int64),
        "loop.shape": np.array([0, -1, classes], np.int64),
    }
    return [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()]


def _body(plain: Iterable[NodeProto]) -> onnx.GraphProto:
    """One pass: the plain graph's nodes, then what is read so far, and whether it goes on."""
    nodes = [NodeProto.FromString(node.SerializeToString()) for node in plain]
    for node in nodes:
        for place, name in enumerate(node.input):
            node.input[place] = _INPUTS.get(name, name)
        for place, name in enumerate(node.output):
            node.output[place] = "loop.logits" if name == "logits" else name
    nodes += [
        helper.make_node("Gather", ["loop.logits", "loop.last"], ["loop.newest"], axis=1),
        helper.make_node("Add", ["loop.newest", "offsets"], ["loop.allowed"]),
        helper.make_node("ArgMax", ["loop.allowed"], ["loop.choice"], axis=-1, keepdims=1),
        helper.make_node("Concat", ["loop.ids", "loop.choice"], ["loop.next_ids"], axis=1),
        helper.make_node("Add", ["loop.positions", "loop.one"], ["loop.next_positions"]),
        helper.make_node("Equal", ["loop.choice", "loop.end"], ["loop.ending"]),
        helper.make_node("Or", ["loop.ended", "loop.ending"], ["loop.now_ended"]),
        helper.make_node("Cast", ["loop.now_ended"], ["loop.counted"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["loop.counted"], ["loop.share"], keepdims=0),
        helper.make_node("Less", ["loop.share", "loop.half"], ["loop.goes_on"]),
        helper.make_node("Identity", ["loop.logits"], ["loop.pass"]),
    ]
    value = helper.make_tensor_value_info
    return helper.make_graph(
        nodes,
        "pass",
        [
            value("loop.number", _INT, []),
            value("loop.went_on", _BOOL, []),
            value("loop.ids", _INT, ["batch", "read"]),
            value("loop.positions", _INT, ["queries"]),
            value("loop.ended", _BOOL, ["batch", 1]),
        ],
        [
            value("loop.goes_on", _BOOL, []),
            value("loop.next_ids", _INT, ["batch", "read_next"]),
            value("loop.next_positions", _INT, ["queries"]),
            value("loop.now_ended", _BOOL, ["batch", 1]),
            value("loop.pass", TensorProto.FLOAT, ["batch", "queries", "classes"]),
        ],
    )
