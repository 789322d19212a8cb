"""The processes of a run, on one machine or many, and what they must agree on."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Literal, TypeVar

import torch
import torch.distributed as dist
from lightning.fabric import Fabric
from torch import Tensor, nn

from clipstr.errors import ClipstrError, TrainingError
from clipstr.training.settings import RunSettings

__all__ = ["Processes", "quick_precision"]

T = TypeVar("T")


class Processes:
    """All processes of a run through Fabric: one, several on this machine, or those of torchrun.

    With several, each of them runs everything; the main one alone writes and speaks.
    """

    def __init__(self, run: RunSettings) -> None:
        devices, nodes = _shape(run)
        many = devices * nodes > 1
        self.precision = quick_precision() if run.precision == "auto" else run.precision
        self.fabric = Fabric(
            accelerator="auto",
            devices=devices,
            num_nodes=nodes,
            strategy="ddp" if many else "auto",
            precision=self.precision,
        )
        if many:
            self.fabric.launch()

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self.fabric.world_size)

    @property
    def rank(self) -> int:
        """Which one this is, from 0."""
        return int(self.fabric.global_rank)

    @property
    def main(self) -> bool:
        """Whether this is the one that writes and speaks."""
        return self.rank == 0

    def everyones(self, values: Sequence[float | Tensor]) -> Tensor:
        """The ``values`` of each process (processes, values) on the device, which is not waited for."""
        row = _row(values, self.fabric.device)
        if self.count == 1:
            return row[None]
        rows = row.new_empty(self.count * len(row))
        dist.all_gather_into_tensor(rows, row)
        return rows.reshape(self.count, -1)

    def with_common_norms(self, module: nn.Module) -> nn.Module:
        """``module``, its batch norms taken over all processes where there are several, on GPUs.

        PyTorch cannot do it on CPUs: there each process has norms of its own words.
        """
        if self.count > 1 and self.fabric.device.type == "cuda":
            convert: Callable[[nn.Module], nn.Module] = nn.SyncBatchNorm.convert_sync_batchnorm
            return convert(module)
        return module

    def synchronised(self, module: nn.Module, last: bool) -> AbstractContextManager[None]:
        """The context of a part of a step: gradients meet in its ``last`` part alone."""
        if self.count == 1 or last:
            return nullcontext()
        waits: AbstractContextManager[None] = self.fabric.no_backward_sync(module)
        return waits

    def on_main(self, action: Callable[[], T]) -> T:
        """What ``action`` returns in the main process, for all; an error of ours there is raised in all."""
        result: T | None = None
        failure: ClipstrError | None = None
        if self.main:
            try:
                result = action()
            except ClipstrError as error:
                if self.count == 1:
                    raise
                failure = error
        if self.count > 1:
            result, failure = self.fabric.broadcast((result, failure))
        if failure is not None:
            raise failure
        return result  # type: ignore[return-value]

    def close(self) -> None:
        """Parts from the others."""
        if self.count > 1:
            dist.destroy_process_group()


def _row(values: Sequence[float | Tensor], device: torch.device) -> Tensor:
    """``values``, tensors before numbers, in a row on ``device``: few copies, and none of them waited for."""
    tensors = [value.float() for value in values if isinstance(value, Tensor)]
    numbers = torch.tensor([v for v in values if not isinstance(v, Tensor)], dtype=torch.float32)
    numbers = numbers.to(device, non_blocking=True)
    return torch.cat([torch.stack(tensors), numbers]) if tensors else numbers


def quick_precision() -> Literal["32-true", "bf16-mixed"]:
    """The quickest precision of this machine that needs no scaling of the loss.

    A CPU without instructions for bfloat16 takes ten times as long with it as with float32.
    """
    if torch.cuda.is_available():
        quick = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        quick = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return "bf16-mixed" if quick else "32-true"


def _shape(run: RunSettings) -> tuple[int, int]:
    """Devices on each machine, and machines: as torchrun started us, or else as the recipe says."""
    world, local = os.environ.get("WORLD_SIZE"), os.environ.get("LOCAL_WORLD_SIZE")
    if world and local:  # by torchrun alone; Fabric's own children know their number from the recipe
        return int(local), int(world) // int(local)
    available = torch.cuda.device_count()
    if not run.devices:
        return max(available, 1), 1
    if available and run.devices > available:
        raise TrainingError(f"run.devices is {run.devices}, and this machine has {available} GPUs")
    return run.devices, 1
