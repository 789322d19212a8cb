"""The engine: graphs run by ONNX Runtime. Nothing else in the package knows it.

Whoever needs ONNX Runtime itself, or a package that imports it, gets it through `runtime`: it would otherwise
start telemetry, which writes into the home folder and speaks to a server.
"""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Union

import numpy as np

from clipstr.arguments import several
from clipstr.errors import InputError, ModelFileError
from clipstr.forking import unforked
from clipstr.processors import threads_within

__all__ = ["CPU", "Graph", "Held", "Session", "Shape", "Tensors", "arrays", "runtime", "simplified"]

Tensors = Mapping[str, np.ndarray]
"""Arrays by the name of the graph's input or output."""

Held = Mapping[str, Any]
"""Tensors that stay where ONNX Runtime has them, by name: from one session to the next nothing is copied."""

Shape = tuple[int | str | None, ...]
"""Of a graph's input or output: sizes, names of sizes that are free, or None for a free one without name."""

Graph = Union[bytes, str, "os.PathLike[str]", Callable[[], bytes]]
"""Where a graph comes from: its bytes, its file, or what gives its bytes. This is kept, to open it again."""

CPU = "CPUExecutionProvider"

_ERRORS_ONLY = 3  # ONNX Runtime's third level of five


def runtime() -> ModuleType:
    """ONNX Runtime itself, its telemetry off."""
    with unforked():
        # It is read while the package is imported: its own switch in Python comes too late.
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        return importlib.import_module("onnxruntime")


class Session:
    """A graph ready to run. It may be shared by threads, pickled, and used on both sides of a fork.

    ``threads`` compute one run together (None or 0: as many as this process may use processors, and never
    more); ``providers`` are ONNX Runtime's names of what may compute, the best first; ``name`` is what
    messages call the graph. Raises `ModelFileError` if it cannot be opened, `InputError` for other wrong
    arguments.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        threads: int | None = None,
        providers: Sequence[str] = (CPU,),
        name: str | None = None,
    ) -> None:
        # The working folder may be another one when the graph is opened again.
        self._graph = Path(graph).absolute() if isinstance(graph, (str, os.PathLike)) else graph
        self.name = name or (str(self._graph) if isinstance(self._graph, Path) else "the graph")
        self.threads = threads_within(threads)
        self.providers = _available(providers)
        self._open()

    def _open(self) -> None:
        graph = self._graph
        content = graph() if callable(graph) else graph
        try:
            with unforked():
                # Its fallback would try the same once more, and print so on standard output.
                self._session = runtime().InferenceSession(
                    content, _options(self.threads), providers=self.providers, enable_fallback=0
                )
            self._tell()
        except Exception as error:  # ONNX Runtime's own errors have no common base but this
            raise ModelFileError(f"{self.name}: ONNX Runtime cannot load it: {error}") from error
        self._process = os.getpid()

    def _tell(self) -> None:
        """Says what the graph has; a name in it that is no text is a UnicodeDecodeError."""
        self.inputs: dict[str, Shape] = {part.name: tuple(part.shape) for part in self._session.get_inputs()}
        self.outputs: dict[str, Shape] = {
            part.name: tuple(part.shape) for part in self._session.get_outputs()
        }
        overridable = self._session.get_overridable_initializers()
        self.optional: dict[str, Shape] = {part.name: tuple(part.shape) for part in overridable}
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)

    def run(self, feeds: Tensors, outputs: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """The ``outputs`` (None: all of them) by name, given one array for each name of `inputs`.

        Those of `optional` have values of their own unless they are given. Raises `ModelFileError` if the
        graph cannot take what it was given.
        """
        names = self._named(outputs)
        return dict(zip(names, self._run(self._session.run, names, dict(feeds)), strict=True))

    def run_held(self, feeds: Tensors | Held, outputs: Sequence[str] | None = None) -> Held:
        """As `run`, from and to tensors that stay where they are; ``feeds`` may have arrays among them."""
        names = self._named(outputs)
        held = {name: _held(value) for name, value in feeds.items()}
        run = self._session.run_with_ort_values
        return dict(zip(names, self._run(run, names, held), strict=True))

    def _named(self, outputs: Sequence[str] | None) -> list[str]:
        if self._process != os.getpid():
            self._open_after_fork()
        return list(self.outputs) if outputs is None else list(outputs)

    def _run(self, run: Callable[[list[str], dict[str, Any]], Any], names: list[str], feeds: Any) -> Any:
        try:
            return run(names, feeds)
        except Exception as error:
            raise ModelFileError(f"{self.name}: ONNX Runtime cannot run it: {error}") from error

    def _open_after_fork(self) -> None:
        """Opens the graph again: of the parent's session the threads did not come with it into a child."""
        with unforked():
            if self._process != os.getpid():
                _inherited.append(self._session)
                self._open()

    def __getstate__(self) -> dict[str, Any]:
        return {
            "graph": self._graph,
            "threads": self.threads,
            "providers": self.providers,
            "name": self.name,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]


def arrays(held: Held) -> dict[str, np.ndarray]:
    """What is `Held`, as arrays of ours."""
    return {name: value if isinstance(value, np.ndarray) else value.numpy() for name, value in held.items()}


def _held(value: Any) -> Any:
    return runtime().OrtValue.ortvalue_from_numpy(value) if isinstance(value, np.ndarray) else value


def simplified(graph: bytes) -> bytes:
    """``graph`` with all computed beforehand that is the same for every input, in ONNX's own operators.

    It computes the same with fewer nodes, on any processor and by any other engine, and opens sooner. Raises
    `ModelFileError` if ONNX Runtime cannot load it.
    """
    options = _options(1)
    options.graph_optimization_level = runtime().GraphOptimizationLevel.ORT_ENABLE_BASIC
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "graph.onnx"
        options.optimized_model_filepath = str(file)
        try:
            runtime().InferenceSession(graph, options, providers=[CPU], enable_fallback=0)
        except Exception as error:
            raise ModelFileError(f"the graph: ONNX Runtime cannot load it: {error}") from error
        return file.read_bytes()


# Sessions of a parent process are kept: to close one is to wait for its threads, which are not there.
_inherited: list[Any] = []


def _available(providers: Sequence[str]) -> list[str]:
    """``providers``, if this ONNX Runtime has all of them; else `InputError`."""
    providers = list(several(providers, "providers", meaning="ONNX Runtime's names of what may compute"))
    there = runtime().get_available_providers()
    missing = [provider for provider in providers if provider not in there]
    if missing or not providers:
        raise InputError(
            f"providers: ONNX Runtime has no {', '.join(missing)} here; it has {', '.join(there)}"
            if missing
            else f"providers: name at least one of {', '.join(there)}"
        )
    return providers


def _options(threads: int) -> Any:
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
    return options
