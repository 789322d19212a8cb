"""Matrix products in integers: near the exact ones, the same alone and in company, on every processor."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from clipstr.export.integers import INPUT_LEVELS, WEIGHT_LEVELS, integer_products

DEPTH, WIDTH = 96, 40


def product(weight: np.ndarray) -> onnx.ModelProto:
    """x (batch, tokens, depth) times ``weight``, and the result times its own transpose."""
    nodes = [
        helper.make_node("MatMul", ["x", "weight"], ["y"]),
        helper.make_node("Transpose", ["y"], ["turned"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["y", "turned"], ["z"]),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "product",
        [value("x", TensorProto.FLOAT, ["batch", "tokens", DEPTH])],
        [
            value("y", TensorProto.FLOAT, ["batch", "tokens", WIDTH]),
            value("z", TensorProto.FLOAT, ["batch", "tokens", "tokens"]),
        ],
        [numpy_helper.from_array(weight, "weight")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def run(graph: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["y"], {"x": x})[0])


@pytest.fixture(scope="module")
def weight() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((DEPTH, WIDTH)).astype(np.float32)


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """Rows of very different sizes, one of them all zero."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((5, 7, DEPTH)) * 10.0 ** rng.uniform(-4, 4, (5, 7, 1))
    x[2, 3] = 0
    return x.astype(np.float32)


def test_a_product_is_as_near_as_its_rounding_allows(weight: np.ndarray, rows: np.ndarray) -> None:
    exact = rows.astype(np.float64) @ weight
    found = run(integer_products(product(weight)), rows)
    # Each term is off by half a step of either factor at most; errors of both signs add up as their root.
    step_x = np.abs(rows).max(-1, keepdims=True) / INPUT_LEVELS
    step_w = np.abs(weight).max(0) / WEIGHT_LEVELS
    spread = np.sqrt(
        (step_x**2 / 12) * (weight**2).sum(0) + (step_w**2 / 12) * (rows**2).sum(-1, keepdims=True)
    )
    assert (np.abs(found - exact) <= 5 * spread + 1e-12).all()
    assert (found[2, 3] == 0).all()


def test_it_is_the_integers_product_exactly(weight: np.ndarray, rows: np.ndarray) -> None:
    graph = integer_products(product(weight))
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.graph.initializer}
    largest = np.maximum(np.abs(rows).max(-1, keepdims=True), np.float32(1e-12))
    integers = np.rint(rows / largest / np.float32(1 / INPUT_LEVELS)).astype(np.int64)
    exact = (integers @ stored["weight.int8"].astype(np.int64)).astype(np.float32)
    expected = exact * stored["weight.scale"] * largest
    np.testing.assert_allclose(run(graph, rows), expected, rtol=1e-6)


def test_a_row_gives_the_same_bits_alone_and_in_company(weight: np.ndarray, rows: np.ndarray) -> None:
    graph = integer_products(product(weight))
    together = run(graph, rows)
    for number in range(len(rows)):
        assert run(graph, rows[number : number + 1]).tobytes() == together[number].tobytes()


def test_two_neighbours_never_exceed_sixteen_bits(weight: np.ndarray) -> None:
    graph = integer_products(product(weight))
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.graph.initializer}
    largest = np.abs(stored["weight.int8"].astype(int)).max()
    assert largest == WEIGHT_LEVELS
    assert 2 * largest * (128 + INPUT_LEVELS) <= 2**15 - 1


def test_what_is_no_product_with_a_constant_matrix_stays_as_it_is(weight: np.ndarray) -> None:
    graph = integer_products(product(weight))
    kinds = [node.op_type for node in graph.graph.node]
    assert (kinds.count("MatMulInteger"), kinds.count("MatMul")) == (1, 1)
    plain = helper.make_model(
        helper.make_graph(
            [helper.make_node("Relu", ["x"], ["y"])],
            "plain",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [3])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [3])],
        )
    )
    assert integer_products(plain) == plain
