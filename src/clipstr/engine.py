"""The engine: graphs run by ONNX Runtime. Nothing else in the package knows it.

Whoever needs ONNX Runtime itself, or a package that imports it, gets it through `runtime`: it would otherwise
start telemetry, which writes into the home folder and speaks to a server.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Union

import numpy as np

from clipstr.devices import AUTO, CPU, Device
from clipstr.errors import DeviceError, ModelFileError
from clipstr.forking import unforked
from clipstr.processors import threads_within
from clipstr.providers import candidates, options_of, problem_with, products, runtime, session_options

__all__ = ["Graph", "Held", "Session", "Shape", "Tensors", "arrays", "runtime", "simplified"]

Tensors = Mapping[str, np.ndarray]
"""Arrays by the name of the graph's input or output."""

Held = Mapping[str, Any]
"""Tensors that stay where ONNX Runtime has them, by name: from one session to the next nothing is copied."""

Shape = tuple[int | str | None, ...]
"""Of a graph's input or output: sizes, names of sizes that are free, or None for a free one without name."""

Graph = Union[bytes, str, "os.PathLike[str]", Callable[[], bytes]]
"""Where a graph comes from: its bytes, its file, or what gives its bytes. This is kept, to open it again."""

_log = logging.getLogger("clipstr")


class Session:
    """A graph ready to run. It may be shared by threads, pickled, and used on both sides of a fork.

    ``threads`` compute one run together (None or 0: as many as this process may use processors, and never
    more); ``device`` is what computes (`clipstr.devices`), and `device` says what that is: nothing else takes
    its place unless "auto" is asked for. ``sizes`` fix free sizes of inputs by their names, for devices that
    compile for sizes. ``name`` is what messages call the graph. Raises `ModelFileError` if it cannot be
    opened, `DeviceError` if the device is not there or computes nothing of it, `InputError` for other wrong
    arguments.
    """

    device: Device

    def __init__(
        self,
        graph: Graph,
        *,
        threads: int | None = None,
        device: str = CPU.name,
        sizes: Mapping[str, int] | None = None,
        name: str | None = None,
    ) -> None:
        # The working folder may be another one when the graph is opened again.
        self._graph = Path(graph).absolute() if isinstance(graph, (str, os.PathLike)) else graph
        self.name = name or (str(self._graph) if isinstance(self._graph, Path) else "the graph")
        self.threads = threads_within(threads)
        self._asked, self.sizes = device, dict(sizes or {})
        self._open()

    def _open(self) -> None:
        graph = self._graph
        content = graph() if callable(graph) else graph
        for device in candidates(self._asked):
            try:
                self._open_on(device, content)
                break
            except DeviceError as error:
                if self._asked != AUTO:
                    raise
                _log.warning("%s; %s goes on without it", error, self.name)
        self._process = os.getpid()

    def _open_on(self, device: Device, content: Any) -> None:
        if problem := problem_with(device):
            raise DeviceError(f"the device {device.full_name}: {problem}")
        try:
            with unforked():
                # Its fallback would try the same once more, and print so on standard output.
                self._session = runtime().InferenceSession(
                    content,
                    session_options(self.threads, device, self.sizes),
                    providers=[(device.provider, options_of(device, self.threads))],
                    enable_fallback=0,
                )
            self._tell()
        except Exception as error:  # ONNX Runtime's own errors have no common base but this
            if device.provider == CPU.provider:
                raise ModelFileError(f"{self.name}: ONNX Runtime cannot load it: {error}") from error
            raise DeviceError(
                f"the device {device.full_name} cannot take {self.name}: choose the device cpu ({error})"
            ) from error
        self.device = device
        if device.provider != CPU.provider:
            self._judge(device)

    def _judge(self, device: Device) -> None:
        """Tells of products that are left to the processor; raises `DeviceError` if all of them are.

        ONNX Runtime gives the processor whatever a device cannot compute, and does not say so.
        """
        if device.provider not in self._session.get_providers():
            raise DeviceError(
                f"the device {device.full_name} does not take {self.name}: choose the device cpu"
            )
        theirs, all_of_them = products(self._session, device)
        if theirs == all_of_them:
            return
        left = f"{all_of_them - theirs} of {all_of_them} matrix products and convolutions of {self.name}"
        if not theirs or self._asked == AUTO:
            raise DeviceError(
                f"the device {device.full_name} cannot compute {left}: choose the device cpu, or, if the "
                "model is in 8 bits, export it with --precision half"
            )
        _log.warning(
            "the device %s cannot compute %s: the processor does, which may be slower than the processor "
            "alone; if the model is in 8 bits, export it with --precision half",
            device.full_name,
            left,
        )

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
        held_as = runtime().OrtValue.ortvalue_from_numpy
        held = {
            name: held_as(value) if isinstance(value, np.ndarray) else value for name, value in feeds.items()
        }
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

    def in_sizes(self, sizes: Mapping[str, int]) -> Session:
        """The same graph on the same device for other ``sizes``."""
        return Session(**{**self.__getstate__(), "device": self.device.full_name, "sizes": sizes})

    def __getstate__(self) -> dict[str, Any]:
        return {
            "graph": self._graph,
            "threads": self.threads,
            "device": self._asked,
            "sizes": self.sizes,
            "name": self.name,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]


def arrays(held: Held) -> dict[str, np.ndarray]:
    """What is `Held`, as arrays of ours."""
    return {name: value if isinstance(value, np.ndarray) else value.numpy() for name, value in held.items()}


def simplified(graph: bytes) -> bytes:
    """``graph`` with all computed beforehand that is the same for every input, in ONNX's own operators.

    It computes the same with fewer nodes, on any processor and by any other engine, and opens sooner. Raises
    `ModelFileError` if ONNX Runtime cannot load it.
    """
    options = session_options(1, CPU, {})
    options.graph_optimization_level = runtime().GraphOptimizationLevel.ORT_ENABLE_BASIC
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "graph.onnx"
        options.optimized_model_filepath = str(file)
        try:
            runtime().InferenceSession(graph, options, providers=[CPU.provider], enable_fallback=0)
        except Exception as error:
            raise ModelFileError(f"the graph: ONNX Runtime cannot load it: {error}") from error
        return file.read_bytes()


# Sessions of a parent process are kept: to close one is to wait for its threads, which are not there.
_inherited: list[Any] = []
