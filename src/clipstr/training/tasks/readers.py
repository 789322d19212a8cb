"""A reader of whatever a folder holds: an exported model, a trained one, or one beside a frozen CLIP."""

from __future__ import annotations

from pathlib import Path

import torch

from clipstr.devices import AUTO, CPU, device_named
from clipstr.errors import DeviceError
from clipstr.models import ENCODER_FILE, ModelConfig, find_model
from clipstr.reader import Reader
from clipstr.student.scorer import StudentScorer
from clipstr.student.storage import load_recogniser
from clipstr.training.tasks.prompted import TRAINED_FILE, load_trained

__all__ = ["open_reader"]


def open_reader(
    folder: str | Path,
    *,
    batch_size: int = 32,
    threads: int | None = None,
    second_looks: bool = True,
    device: str = AUTO,
) -> Reader:
    """What reads with the model in ``folder``, or with the installed one of that name.

    The others are arguments of `Reader`. An exported model is run by ONNX Runtime; a model as training
    leaves it (``best``, ``latest``, an imported checkpoint) in PyTorch, whose threads are PyTorch's and whose
    devices are the processor, which "auto" is here, and CUDA's cards. Raises a `ModelError` for what is no
    model, a `TeacherError` if the CLIP that a model was trained beside is not there any more, and a
    `DeviceError` for a device that is not there.
    """
    place = find_model(folder)
    config = ModelConfig.load(place)
    if ENCODER_FILE in config.files:
        return Reader(place, batch_size=batch_size, threads=threads, second_looks=second_looks, device=device)
    where = _torch_device(device)
    model = load_trained(place) if TRAINED_FILE in config.files else load_recogniser(place)[0]
    scorer = StudentScorer(model.eval().to(where))
    return Reader.over(
        scorer,
        name=config.name,
        batch_size=batch_size,
        second_looks=second_looks,
        calibration=config.calibration,
        device=str(where),
    )


def _torch_device(device: str) -> torch.device:
    """PyTorch's device for ours; raises `DeviceError` if it has none, or it is not there."""
    if device in (AUTO, CPU.name):
        return torch.device("cpu")
    if device_named(device).name != "cuda":
        raise DeviceError(
            f"the device {device}: a model that is not exported is read by PyTorch, on cpu or cuda; "
            "clipstr export makes one for the others"
        )
    found = torch.device(device)
    if not torch.cuda.is_available() or (found.index or 0) >= torch.cuda.device_count():
        raise DeviceError(
            f"the device {device}: PyTorch finds {torch.cuda.device_count()} of CUDA's cards here; look at "
            "its driver, and install a PyTorch with CUDA (pytorch.org)"
        )
    return found
