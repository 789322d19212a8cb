"""What may compute a model besides the processor, by the names that people use, and what has to be installed.

A device is written as its name, such as "cuda", or with which of them after a colon, such as "cuda:1" or
"openvino:GPU". "auto" is the quickest that is there, which is found out by the engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from clipstr.arguments import text
from clipstr.errors import InputError

__all__ = ["AUTO", "CPU", "DEVICES", "QUICKER", "Device", "device_named"]

AUTO = "auto"


@dataclass(frozen=True, kw_only=True)
class Device:
    """A way to compute.

    ``provider`` is ONNX Runtime's name of it, ``install`` what brings it, ``which`` the option that says
    which of several is meant, and ``options`` are the others. If it ``decodes``, it computes the short steps
    of the decoder too, which are the processor's otherwise. If it ``compiles`` a graph, it does so for the
    sizes of its inputs, of which there must be few.
    """

    name: str
    provider: str
    install: str
    which: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    decodes: bool = False
    compiles: bool = False

    @property
    def full_name(self) -> str:
        """The name with which of them it is, if that was said."""
        which = self.options.get(self.which or "")
        return self.name if which is None else f"{self.name}:{which}"


CPU = Device(name="cpu", provider="CPUExecutionProvider", install="pip install onnxruntime", decodes=True)

_INSTEAD = "pip uninstall -y onnxruntime && pip install"  # they are one module: one can be there

DEVICES = {
    device.name: device
    for device in (
        CPU,
        Device(
            name="cuda",
            provider="CUDAExecutionProvider",
            install=f"{_INSTEAD} 'onnxruntime-gpu[cuda,cudnn]' (an NVIDIA card and its driver)",
            which="device_id",
            # The exhaustive search tries every algorithm for every size of batch: seconds each time.
            options={"cudnn_conv_algo_search": "HEURISTIC"},
            decodes=True,
        ),
        Device(
            name="openvino",
            provider="OpenVINOExecutionProvider",
            install=f"{_INSTEAD} onnxruntime-openvino (and openvino on Windows)",
            which="device_type",
        ),
        Device(
            name="coreml",
            provider="CoreMLExecutionProvider",
            install="pip install onnxruntime on macOS, whose package has it",
            options={"ModelFormat": "MLProgram", "RequireStaticInputShapes": "1"},
            compiles=True,
        ),
        Device(
            name="directml",
            provider="DmlExecutionProvider",
            install=f"{_INSTEAD} onnxruntime-directml on Windows",
            which="device_id",
        ),
        Device(
            name="tensorrt",
            provider="TensorrtExecutionProvider",
            install=f"{_INSTEAD} 'onnxruntime-gpu[cuda,cudnn]' tensorrt (an NVIDIA card and its driver)",
            which="device_id",
            compiles=True,
        ),
    )
}

QUICKER = ("cuda", "directml")
"""What "auto" takes before the processor, the first that is there. The others are slower with our models
(docs/engines.md), or compile for so long that a person should ask for it."""


def device_named(name: str) -> Device:
    """The device that is written ``name``. Raises `InputError`, which lists them, if there is none."""
    written = text(name, "device", meaning="what computes, such as 'cpu' or 'cuda'")
    kind, colon, which = written.partition(":")
    device = DEVICES.get(kind)
    if device is None or (colon and (device.which is None or not which)):
        known = ", ".join(
            one.name if one.which is None else f"{one.name}[:WHICH]" for one in DEVICES.values()
        )
        raise InputError(f"device is {name!r}; it must be {AUTO} or one of {known}")
    if device.which is not None and colon:
        device = replace(device, options={**device.options, device.which: which})
    if device.name == "openvino" and device.options.get("device_type", "CPU") != "CPU":
        device = replace(device, compiles=True)  # its processor takes any size, its other devices do not
    return device
