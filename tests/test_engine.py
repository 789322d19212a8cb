"""`clipstr.engine`: graphs run by name, in few threads, after a pickle and a fork, and nobody is told."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from clipstr.devices import AUTO, CPU, DEVICES, Device
from clipstr.engine import Session, arrays, runtime, simplified
from clipstr.errors import DeviceError, InputError, ModelFileError
from clipstr.providers import problem_with


def sum_and_product() -> bytes:
    """A graph of two inputs, (rows, 2) and (rows, 2), and their sum and product."""
    tensor = partial(helper.make_tensor_value_info, elem_type=TensorProto.FLOAT, shape=["rows", 2])
    nodes = [
        helper.make_node("Add", ["a", "b"], ["sum"]),
        helper.make_node("Mul", ["a", "b"], ["product"]),
    ]
    graph = helper.make_graph(nodes, "toy", [tensor("a"), tensor("b")], [tensor("sum"), tensor("product")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"letters": "abc"})
    onnx.checker.check_model(model)
    return model.SerializeToString()


FEEDS = {"a": np.array([[1, 2], [3, 4]], np.float32), "b": np.array([[5, 6], [7, 8]], np.float32)}


def test_a_graph_tells_its_names_shapes_and_notes() -> None:
    session = Session(sum_and_product())
    assert session.inputs == {"a": ("rows", 2), "b": ("rows", 2)}
    assert session.outputs == {"sum": ("rows", 2), "product": ("rows", 2)}
    assert session.metadata == {"letters": "abc"}


def test_all_outputs_come_by_name_or_those_that_are_asked_for() -> None:
    session = Session(sum_and_product())
    both = session.run(FEEDS)
    assert list(both) == ["sum", "product"]
    assert both["sum"].tolist() == [[6, 8], [10, 12]]
    assert both["product"].tolist() == [[5, 12], [21, 32]]
    assert list(session.run(FEEDS, ["product"])) == ["product"]


def test_tensors_go_from_session_to_session_as_they_are() -> None:
    first, second = Session(sum_and_product()), Session(sum_and_product())
    held = first.run_held(FEEDS)
    found = second.run_held({"a": held["sum"], "b": held["product"]}, ["sum"])
    assert arrays(found)["sum"].tolist() == [[11, 20], [31, 44]]
    with pytest.raises(ModelFileError, match="cannot run it"):
        second.run_held({"a": held["sum"]})


def test_an_input_with_a_value_of_its_own_need_not_be_given() -> None:
    model = onnx.load_from_string(sum_and_product())
    model.graph.initializer.append(numpy_helper.from_array(np.ones((2, 2), np.float32), "b"))
    session = Session(model.SerializeToString())
    assert list(session.inputs) == ["a"]
    assert list(session.optional) == ["b"]
    assert session.run({"a": FEEDS["a"]})["sum"].tolist() == [[2, 3], [4, 5]]
    assert session.run(FEEDS)["sum"].tolist() == [[6, 8], [10, 12]]


def test_a_simplified_graph_computes_the_same_with_fewer_nodes_and_no_foreign_ones() -> None:
    model = onnx.load_from_string(sum_and_product())
    model.graph.node[1].input[1] = "shifted"
    model.graph.node.extend(
        [helper.make_node("Neg", ["one"], ["minus"]), helper.make_node("Add", ["b", "minus"], ["shifted"])]
    )
    model.graph.node.append(model.graph.node.pop(1))
    model.graph.initializer.append(numpy_helper.from_array(np.ones(2, np.float32), "one"))
    simpler = onnx.load_from_string(simplified(model.SerializeToString()))
    assert [node.op_type for node in simpler.graph.node].count("Neg") == 0
    assert {node.domain for node in simpler.graph.node} == {""}
    both = [Session(graph.SerializeToString()).run(FEEDS)["product"].tolist() for graph in (model, simpler)]
    assert both[0] == both[1] == [[4, 10], [18, 28]]
    with pytest.raises(ModelFileError, match="cannot load it"):
        simplified(b"no graph")


def test_a_graph_comes_from_bytes_a_path_or_a_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "graph.onnx").write_bytes(sum_and_product())
    monkeypatch.chdir(tmp_path)
    for graph in (sum_and_product(), "graph.onnx", Path("graph.onnx"), sum_and_product):
        assert Session(graph).run(FEEDS)["sum"][0, 0] == 6
    named = Session("graph.onnx")
    monkeypatch.chdir("/")
    assert pickle.loads(pickle.dumps(named)).run(FEEDS)["sum"][0, 0] == 6


def test_a_session_comes_out_of_a_pickle_as_it_went_in() -> None:
    session = pickle.loads(pickle.dumps(Session(sum_and_product, threads=1, name="adder")))
    assert (session.name, session.threads, session.device) == ("adder", 1, CPU)
    assert session.run(FEEDS)["product"][1, 1] == 32


def test_threads_are_no_more_than_this_process_may_use() -> None:
    most = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    assert 1 <= Session(sum_and_product(), threads=200).threads <= most
    assert 1 <= Session(sum_and_product()).threads <= most


@pytest.mark.parametrize("threads", [-1, 1.5, "2", True, 10**12])
def test_threads_that_are_no_number_of_threads_are_refused(threads: object) -> None:
    with pytest.raises(InputError, match="threads is "):
        Session(sum_and_product(), threads=threads)  # type: ignore[arg-type]


@pytest.mark.parametrize("device", ["tpu", "", "CPU", "cuda:", "cpu:1", 3, None])
def test_what_is_no_device_is_refused_and_the_devices_are_named(device: object) -> None:
    with pytest.raises(InputError, match="^device is .*cpu"):
        Session(sum_and_product(), device=device)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(DEVICES))
def test_a_device_computes_or_says_what_to_install_and_nothing_else_computes_for_it(name: str) -> None:
    if problem_with(DEVICES[name]):
        with pytest.raises(DeviceError, match=rf"^the device {name}: .*pip install"):
            Session(sum_and_product(), device=name)
        return
    session = Session(sum_and_product(), device=name)
    assert session.device.name == name
    assert session.run(FEEDS)["sum"].tolist() == [[6, 8], [10, 12]]


@pytest.fixture
def helpless(monkeypatch: pytest.MonkeyPatch) -> Device:
    """A device that begins and computes nothing, which ONNX Runtime's package brings along."""
    device = Device(name="azure", provider="AzureExecutionProvider", install="pip install onnxruntime")
    if device.provider not in runtime().get_available_providers():
        pytest.skip("this ONNX Runtime has no provider that computes nothing")
    monkeypatch.setitem(DEVICES, "azure", device)
    return device


def product() -> bytes:
    """A graph of one matrix product."""
    tensor = partial(helper.make_tensor_value_info, elem_type=TensorProto.FLOAT, shape=["rows", "rows"])
    nodes = [helper.make_node("MatMul", ["a", "b"], ["product"])]
    graph = helper.make_graph(nodes, "toy", [tensor("a"), tensor("b")], [tensor("product")])
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    ).SerializeToString()


def test_a_device_that_leaves_all_products_to_the_processor_is_an_error(helpless: Device) -> None:
    with pytest.raises(DeviceError, match="azure cannot compute 1 of 1 matrix products.*the adder"):
        Session(product(), device="azure", name="the adder")
    assert Session(sum_and_product(), device="azure").device == helpless  # there is none in it to be left


def test_where_the_quickest_cannot_compute_auto_takes_the_processor_and_says_so(
    helpless: Device, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("clipstr.providers.QUICKER", ("azure",))
    session = Session(product(), device=AUTO, name="the adder")
    assert session.device == CPU
    assert [record.message for record in caplog.records] == [
        "the device azure cannot compute 1 of 1 matrix products and convolutions of the adder: choose the "
        "device cpu, or, if the model is in 8 bits, export it with --precision half; the adder goes on "
        "without it"
    ]
    assert pickle.loads(pickle.dumps(session)).device == CPU


def test_free_sizes_of_inputs_can_be_fixed() -> None:
    session = Session(sum_and_product(), sizes={"rows": 2})
    assert session.inputs["a"] == (2, 2)
    assert session.in_sizes({"rows": 1}).inputs["a"] == (1, 2)
    assert pickle.loads(pickle.dumps(session)).inputs["a"] == (2, 2)
    with pytest.raises(ModelFileError, match="cannot run it"):
        session.run({name: value[:1] for name, value in FEEDS.items()})


@pytest.mark.parametrize("graph", [b"", b"no graph", "nowhere.onnx"])
def test_what_is_no_graph_is_told_by_its_name(graph: bytes | str) -> None:
    with pytest.raises(ModelFileError, match="the thing: ONNX Runtime cannot load it"):
        Session(graph, name="the thing")


def test_a_graph_that_is_no_text_in_places_is_an_error_and_prints_nothing(
    toy_model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    graph = (toy_model / "encoder.onnx").read_bytes()
    for part in (b"ReduceMean", b"images", b"keys"):  # an operation, an input and an output
        with pytest.raises(ModelFileError, match="ONNX Runtime cannot load it"):
            Session(graph.replace(part, part[:-1] + b"\xff"))
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    "feeds", [{"a": FEEDS["a"]}, FEEDS | {"c": FEEDS["a"]}, FEEDS | {"b": np.ones((2, 3))}]
)
def test_feeds_that_do_not_fit_are_an_error_of_ours(feeds: dict[str, np.ndarray]) -> None:
    with pytest.raises(ModelFileError, match="cannot run it"):
        Session(sum_and_product()).run(feeds)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_session_runs_in_a_child_of_a_fork_with_threads_of_its_own() -> None:
    session = Session(sum_and_product(), threads=2)
    session.run(FEEDS)
    child = os.fork()
    if not child:
        os._exit(int(session.run(FEEDS)["sum"][0, 0]))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 6
    assert session.run(FEEDS)["sum"][0, 0] == 6


def test_onnx_runtime_writes_nothing_and_calls_nobody(tmp_path: Path) -> None:
    """Its telemetry would leave an identifier and a database in the home folder when it is imported."""
    program = (
        "import socket\n"
        "def refused(*_, **__): raise AssertionError('a socket')\n"
        "socket.socket = socket.create_connection = refused\n"
        "from clipstr.engine import runtime\n"
        "runtime().get_available_providers()\n"
    )
    environment = {
        "HOME": str(tmp_path),
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment | kept, cwd=tmp_path, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert list(tmp_path.rglob("*")) == []
    assert runtime().__name__ == "onnxruntime"
