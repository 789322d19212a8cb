"""The rows of all processes, so that every row finds all others: outside the losses, which stay pure."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor

from clipstr.distil.losses import Everyone

__all__ = ["gather_rows", "share_of"]


def gather_rows(student: Float[Tensor, "rows dim"], teacher: Float[Tensor, "rows dim"]) -> Everyone | None:
    """Everyone's rows of both sides, in the order of the processes; None where there is but one process.

    Processes may have different numbers of rows, none too. Gradients that other processes take of our
    rows come back to us.
    """
    lengths = _everyones(len(student), student.device)
    if len(lengths) == 1:
        return None
    return Everyone(
        student=_Gather.apply(student.float(), lengths),
        teacher=_Gather.apply(teacher.float(), lengths),
        offset=sum(lengths[: dist.get_rank()]),
        processes=len(lengths),
    )


def share_of(count: int, device: torch.device) -> float:
    """What our mean of ``count`` things counts in everyone's, times the number of processes.

    The mean over processes of means so weighted is the mean of all things: 1 for even counts.
    """
    counts = _everyones(count, device)
    return len(counts) * count / max(sum(counts), 1)


def _everyones(count: int, device: torch.device) -> list[int]:
    """The ``count`` of every process, in their order; ours alone where there is but one."""
    if not dist.is_available() or not dist.is_initialized() or dist.get_world_size() == 1:
        return [count]
    mine = torch.tensor([count], device=device)
    counts = [torch.zeros_like(mine) for _ in range(dist.get_world_size())]
    dist.all_gather(counts, mine)
    return [int(each) for each in counts]


class _Gather(torch.autograd.Function):
    """All processes' rows one below the other; backwards, the sum of what all ask of ours."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, lengths: list[int]) -> Tensor:
        ctx.lengths = lengths
        # Rows travel padded to the longest: collectives want equal shapes.
        padded = rows.new_zeros(max(lengths), rows.shape[1])
        padded[: len(rows)] = rows
        gathered = [torch.empty_like(padded) for _ in lengths]
        dist.all_gather(gathered, padded)
        return torch.cat([part[:length] for part, length in zip(gathered, lengths, strict=True)])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        start = sum(ctx.lengths[: dist.get_rank()])
        return total[start : start + ctx.lengths[dist.get_rank()]], None
