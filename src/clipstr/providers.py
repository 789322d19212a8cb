"""ONNX Runtime's providers: which of them can compute here, with which options, and how much of a graph.

ONNX Runtime falls back to the processor wherever a device cannot begin, or cannot compute a part of a graph,
and says so at most in its own log. All that tells it stands here.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import Any

from clipstr.devices import AUTO, CPU, DEVICES, QUICKER, Device, device_named
from clipstr.forking import unforked

__all__ = ["candidates", "options_of", "problem_with", "products", "runtime", "session_options"]

_WARNINGS, _ERRORS_ONLY, _NOTHING = 2, 3, 4  # of ONNX Runtime's five levels; the first is its own choice


def runtime() -> ModuleType:
    """ONNX Runtime itself, its telemetry off."""
    with unforked():
        # It is read while the package is imported: its own switch in Python comes too late.
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        return importlib.import_module("onnxruntime")


_PRODUCTS = {"Conv", "ConvInteger", "FusedConv", "FusedMatMul", "Gemm", "MatMul", "MatMulInteger", "QGemm"}
"""What nearly all of a reader's time goes into, as ONNX and ONNX Runtime call it."""

# As ONNX writes a graph that multiplies one number by itself.
_PROBE = (
    b'\x08\x08\x12\x00:D\n\x11\n\x01x\n\x01x\x12\x01y"\x06MatMul\x12\x05probeZ\x13\n\x01x\x12\x0e\n\x0c\x08\x01\x12\x08'
    b"\n\x02\x08\x01\n\x02\x08\x01b\x13\n\x01y\x12\x0e\n\x0c\x08\x01\x12\x08\n\x02\x08\x01\n\x02\x08\x01B\x04\n\x00\x10\x11"
)


def problem_with(device: Device) -> str | None:
    """Why ``device`` cannot compute here, and what to do; None if it can."""
    if device.provider == CPU.provider:
        return None
    return _problem(device.provider, tuple(sorted(device.options.items())), device.install)


@cache  # for the life of the process: to try a graphics card takes a second
def _problem(provider: str, given: tuple[tuple[str, str], ...], install: str) -> str | None:
    if provider not in runtime().get_available_providers():
        return f"not in this installation of ONNX Runtime; to have it: {install}"
    options = runtime().SessionOptions()
    options.log_severity_level = _NOTHING
    # What it says of a missing library goes to standard error past everything else; we say it ourselves.
    runtime().set_default_logger_severity(_NOTHING)
    try:
        with unforked():
            session = runtime().InferenceSession(
                _PROBE, options, providers=[(provider, dict(given))], enable_fallback=0
            )
    except Exception as error:
        return f"ONNX Runtime cannot begin with it: {error}"
    finally:
        runtime().set_default_logger_severity(_WARNINGS)
    # Where it cannot begin ONNX Runtime takes the processor, without a word.
    if provider not in session.get_providers():
        return (
            "ONNX Runtime has it and cannot begin with it: its driver, its libraries or the device itself "
            f"are missing; to have it: {install}"
        )
    return None


def candidates(asked: str) -> list[Device]:
    """The devices to be tried for what was ``asked`` for, in order."""
    if asked != AUTO:
        return [device_named(asked)]
    there = runtime().get_available_providers()
    return [*(device for name in QUICKER if (device := DEVICES[name]).provider in there), CPU]


def products(session: Any, device: Device) -> tuple[int, int]:
    """How many products of the graph are computed by ``device``, and how many there are in all.

    Both are 0 where ONNX Runtime does not tell, before its version 1.24.
    """
    if not hasattr(session, "get_provider_graph_assignment_info"):
        return 0, 0
    theirs = all_of_them = 0
    for part in session.get_provider_graph_assignment_info():
        count = sum(node.op_type in _PRODUCTS for node in part.get_nodes())
        all_of_them += count
        theirs += count if part.ep_name == device.provider else 0
    return theirs, all_of_them


def options_of(device: Device, threads: int) -> dict[str, str]:
    """What ONNX Runtime is told of ``device``."""
    # OpenVINO computes with threads of its own.
    return {**device.options, **({"num_of_threads": str(threads)} if device.name == "openvino" else {})}


def session_options(threads: int, device: Device, sizes: Mapping[str, int]) -> Any:
    """How ONNX Runtime opens a graph: with so many ``threads``, on ``device``, its free sizes as given."""
    options = runtime().SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.intra_op_num_threads = threads
    # It would plan the memory for every size of input anew and keep all plans: photographs have many sizes.
    options.enable_mem_pattern = False
    # Threads that wait for each other busily cost a third of a word's time on two idle cores, and double
    # it where anything else runs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Our integers are products of integers: what looks for pairs of rounding and widening takes time, and
    # puts pairs in that nobody needs.
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    if device.provider != CPU.provider:
        options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    for name, size in sizes.items():
        options.add_free_dimension_override_by_name(name, size)
    return options
