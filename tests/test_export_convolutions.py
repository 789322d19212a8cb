"""Convolutions in integers: near the exact ones, the same alone and in company; others stay as they are."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from clipstr.export.convolutions import INPUT_LEVELS, integer_convolutions
from clipstr.export.integers import WEIGHT_LEVELS

INCOMING, OUTGOING, HEIGHT, WIDTH = 6, 10, 8, 12


def convolution(
    kernel: np.ndarray,
    bias: np.ndarray,
    *,
    strides: tuple[int, int] = (1, 1),
    pads: tuple[int, int, int, int] = (1, 1, 1, 1),
    positive: bool = True,
    group: int = 1,
) -> onnx.ModelProto:
    """A ReLU (or none) of x (batch, in, height, width), then the convolution."""
    nodes = [
        helper.make_node("Relu" if positive else "Identity", ["x"], ["seen"]),
        helper.make_node("Conv", ["seen", "kernel", "bias"], ["y"], strides=strides, pads=pads, group=group),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "convolution",
        [value("x", TensorProto.FLOAT, ["batch", INCOMING, HEIGHT, WIDTH])],
        [value("y", TensorProto.FLOAT, ["batch", len(bias), "rows", "columns"])],
        [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(bias, "bias")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def run(graph: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["y"], {"x": x})[0])


def weights(height: int = 3, width: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    kernel = rng.standard_normal((OUTGOING, INCOMING, height, width)).astype(np.float32)
    return kernel, rng.standard_normal(OUTGOING).astype(np.float32)


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """Pictures of very different brightness, one of them black."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((5, INCOMING, HEIGHT, WIDTH)) * 10.0 ** np.arange(-2, 3)[:, None, None, None]
    x[2] = 0
    return x.astype(np.float32)


@pytest.mark.parametrize(
    ("size", "strides", "pads"),
    [
        ((3, 3), (1, 1), (1, 1, 1, 1)),
        ((3, 3), (2, 1), (1, 1, 1, 1)),
        ((3, 3), (2, 2), (0, 1, 1, 0)),
        ((1, 1), (1, 1), (0, 0, 0, 0)),
        ((4, 2), (3, 2), (0, 2, 1, 3)),
    ],
)
def test_it_is_the_convolution_of_the_rounded_picture_and_kernel(
    pictures: np.ndarray, size: tuple[int, int], strides: tuple[int, int], pads: tuple[int, int, int, int]
) -> None:
    kernel, bias = weights(*size)
    found = run(integer_convolutions(convolution(kernel, bias, strides=strides, pads=pads)), pictures)
    seen = np.maximum(pictures, 0).astype(np.float64)
    step = np.maximum(seen.max((1, 2, 3), keepdims=True), 1e-12) / INPUT_LEVELS
    sizes = np.abs(kernel).max((1, 2, 3), keepdims=True) / WEIGHT_LEVELS
    above, left, below, right = pads
    rounded = np.pad(np.rint(seen / step) * step, ((0, 0), (0, 0), (above, below), (left, right)))
    expected = torch.nn.functional.conv2d(
        torch.from_numpy(rounded),
        torch.from_numpy((np.rint(kernel / sizes) * sizes).astype(np.float64)),
        torch.from_numpy(bias.astype(np.float64)),
        stride=strides,
    ).numpy()
    # A value that lies between two levels may be rounded to either: each moves a sum by less than this.
    loose = 2 * (np.abs(kernel).max() * step) + 1e-5 * np.abs(expected).max((1, 2, 3), keepdims=True)
    assert found.shape == expected.shape
    assert (np.abs(found - expected) <= loose).all()


def test_it_is_near_the_exact_convolution(pictures: np.ndarray) -> None:
    exact = run(convolution(*weights()), pictures)
    found = run(integer_convolutions(convolution(*weights())), pictures)
    for picture in range(len(pictures)):
        deviation = np.abs(found[picture] - exact[picture]).mean() / np.abs(exact[picture]).mean()
        assert deviation < 0.02
    np.testing.assert_array_equal(found[2], exact[2])  # of a black picture the bias alone remains


def test_a_picture_gives_the_same_bits_alone_and_in_company(pictures: np.ndarray) -> None:
    graph = integer_convolutions(convolution(*weights()))
    together = run(graph, pictures)
    for number in range(len(pictures)):
        assert run(graph, pictures[number : number + 1]).tobytes() == together[number].tobytes()


def test_two_neighbours_never_exceed_sixteen_bits() -> None:
    graph = integer_convolutions(convolution(*weights()))
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.graph.initializer}
    largest = np.abs(stored["kernel.int8"].astype(int)).max()
    assert largest == WEIGHT_LEVELS
    assert 2 * largest * INPUT_LEVELS <= 2**15 - 1


def test_what_may_be_below_zero_or_comes_in_groups_stays_as_it_is() -> None:
    kernel, bias = weights()
    signed = convolution(kernel, bias, positive=False)
    assert integer_convolutions(signed) == signed
    grouped = convolution(kernel[:, :3], bias, group=2)
    assert integer_convolutions(grouped) == grouped
