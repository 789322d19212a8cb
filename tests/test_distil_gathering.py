"""Two processes on the CPU beside one that sees their joined batch: losses and gradients."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing
from torch import Tensor
from torch.nn import functional

from clipstr.distil.gathering import gather_rows, share_of
from clipstr.distil.losses import (
    Everyone,
    consistency,
    consistency_within_words,
    cosine,
    inter,
    intra,
    kl,
    l1,
)

direct = partial(consistency, block_rows=None)


def within_words(student: Tensor, teacher: Tensor, everyone: Everyone | None) -> Tensor:
    """Each row as a word of two: itself, and itself turned by a channel."""
    words = [torch.stack([side, side.roll(1, dims=1)], dim=1) for side in (student, teacher)]
    mask = torch.ones(len(student), 2, dtype=torch.bool)
    share = share_of(len(student), student.device) if dist.is_initialized() else 1.0
    return share * consistency_within_words(*words, mask)


LOSSES: dict[str, Callable[[Tensor, Tensor, Everyone | None], Tensor]] = {
    "l1": l1,
    "cosine": cosine,
    "kl": kl,
    "intra": intra,
    "inter": inter,
    "consistency": direct,
    "in blocks": partial(consistency, block_rows=3),
    "within words": within_words,
}
SPLITS = [
    (5, 5),
    (9, 2),
    (6, 0),
    (0, 4),
    (0, 0),
]  # rows of the two processes, also where one or both have none
DIM = 6


def batch(split: tuple[int, int]) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(sum(split))
    student, teacher = torch.randn(2, sum(split), DIM, generator=generator)
    return student, teacher


def weights() -> tuple[Tensor, Tensor]:
    """A projection of the student and one of the teacher, both learned, as in training."""
    generator = torch.Generator().manual_seed(7)
    ours, theirs = torch.randn(2, DIM, DIM, generator=generator)
    return ours.requires_grad_(), theirs.requires_grad_()


def sides(student: Tensor, teacher: Tensor, learned: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    ours, theirs = learned
    return functional.normalize(student @ ours, dim=1), functional.normalize(teacher @ theirs, dim=1)


def work(rank: int, meeting: str, out: str) -> None:
    """What each process computes, and what its losses ask of the learned weights."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=2)
    results = {}
    for split in SPLITS:
        student, teacher = (side.split(split)[rank] for side in batch(split))
        for name, loss in LOSSES.items():
            learned = weights()
            ours, theirs = sides(student, teacher, learned)
            value = loss(ours, theirs, gather_rows(ours, theirs))
            gradients = torch.autograd.grad(value, learned)
            results[split, name] = [value.detach(), *gradients]
    torch.save(results, f"{out}/{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def shares(tmp_path_factory: pytest.TempPathFactory) -> list[dict[tuple[tuple[int, int], str], list[Tensor]]]:
    folder: Path = tmp_path_factory.mktemp("processes")
    multiprocessing.spawn(work, args=(f"file://{folder}/meeting", str(folder)), nprocs=2)  # type: ignore[no-untyped-call]
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.mark.parametrize("split", SPLITS, ids=str)
@pytest.mark.parametrize("name", LOSSES)
def test_the_mean_over_processes_is_the_loss_of_the_joined_batch(
    shares: list[dict[tuple[tuple[int, int], str], list[Tensor]]], name: str, split: tuple[int, int]
) -> None:
    learned = weights()
    ours, theirs = sides(*batch(split), learned)
    value = LOSSES[name](ours, theirs, None)
    joined = [value.detach(), *torch.autograd.grad(value, learned)]
    for one, other, expected in zip(*(share[split, name] for share in shares), joined, strict=True):
        assert torch.allclose((one + other) / 2, expected, atol=1e-5), name


def test_alone_nothing_is_gathered() -> None:
    assert gather_rows(torch.zeros(2, DIM), torch.zeros(2, DIM)) is None
