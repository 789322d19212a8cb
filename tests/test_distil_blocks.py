"""The consistency loss in blocks: the direct form's value and gradients, without its maps."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

import golden
from clipstr.distil.losses import Everyone, consistency
from clipstr.errors import InputError

direct = partial(consistency, block_rows=None)

WEIGHTS = [(5.0, 0.1), (5.0, 0.0), (0.0, 0.1)]


def vectors(count: int, dim: int = 8, *, seed: int = 0) -> Tensor:
    """Vectors of any length: their gradients are compared, as training sees them through the norm."""
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed))


def unit(given: Tensor) -> Tensor:
    return functional.normalize(given, dim=1)


def assert_same(direct: list[Tensor | None], blocked: list[Tensor]) -> None:
    """To 1e-5; what the direct form leaves out of its graph has no gradient there, and zeros in blocks."""
    for one, other in zip(direct, blocked, strict=True):
        torch.testing.assert_close(other, torch.zeros_like(other) if one is None else one, atol=1e-5, rtol=0)


class Watched(TorchDispatchMode):
    """Counts operations, and remembers the most elements that any of their results had."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()
        self.elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        result = func(*args, **(kwargs or {}))
        self.calls[func.overloadpacket.__name__] += 1
        if isinstance(result, Tensor):
            self.elements = max(self.elements, result.numel())
        return result


def test_value_and_gradient_are_the_authors() -> None:
    expected = golden.golden_tensors()
    student = torch.from_numpy(expected["lcl_student"]).requires_grad_()
    teacher = torch.from_numpy(expected["lcl_teacher"])
    loss = consistency(unit(student), unit(teacher), block_rows=16)
    loss.backward()
    assert loss.item() == pytest.approx(float(expected["lcl_loss"]), abs=1e-5)
    assert student.grad is not None
    assert np.abs(student.grad.numpy() - expected["lcl_grad"]).max() < 1e-5
    for name, weights in (("intra", {"inter_weight": 0.0}), ("inter", {"intra_weight": 0.0})):
        value = consistency(unit(student), unit(teacher), block_rows=16, **weights).item()  # type: ignore[arg-type]
        assert value == pytest.approx(float(expected[f"lcl_{name}_only"]), abs=1e-5)


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("block", [1, 4, 7, 30, 100])
def test_blocks_give_the_value_and_the_gradients_of_the_direct_form(
    block: int, weights: tuple[float, float]
) -> None:
    results = []
    for size in (None, block):
        given = [vectors(30, seed=seed).requires_grad_() for seed in (3, 4)]
        settings = {"intra_weight": weights[0], "inter_weight": weights[1]}
        sides = [unit(side) for side in given]
        loss = (
            direct(*sides, **settings)  # type: ignore[arg-type]
            if size is None
            else consistency(*sides, block_rows=size, **settings)  # type: ignore[arg-type]
        )
        (3 * loss).backward()
        results.append([loss.detach(), *(side.grad for side in given)])
    assert_same(*results)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_blocks_with_rows_of_others_give_all_four_gradients(weights: tuple[float, float]) -> None:
    results = []
    for form in (direct, consistency):
        given = [vectors(n, seed=seed).requires_grad_() for seed, n in enumerate((5, 5, 14, 14))]
        everyone = Everyone(unit(given[2]), unit(given[3]), offset=4, processes=2)
        settings = {"intra_weight": weights[0], "inter_weight": weights[1]}
        extra = {} if form is direct else {"block_rows": 3}
        loss = form(unit(given[0]), unit(given[1]), everyone, **settings, **extra)  # type: ignore[arg-type]
        loss.backward()
        results.append([loss.detach(), *(side.grad for side in given)])
    assert_same(*results)


def test_the_gradient_is_that_of_finite_differences() -> None:
    def alone(f: Tensor, t: Tensor) -> Tensor:
        return consistency(unit(f), unit(t), block_rows=4, tau=0.2)

    def among_others(f: Tensor, t: Tensor, all_f: Tensor, all_t: Tensor) -> Tensor:
        everyone = Everyone(unit(all_f), unit(all_t), offset=2, processes=3)
        return consistency(unit(f), unit(t), everyone, block_rows=4, tau=0.2)

    given = [vectors(n, 4, seed=seed).double().requires_grad_() for seed, n in enumerate((6, 6, 9, 9))]
    assert torch.autograd.gradcheck(alone, given[:2])
    assert torch.autograd.gradcheck(among_others, given)


def test_equal_maps_have_no_intra_gradient() -> None:
    """Where the difference is zero its sign is zero, as PyTorch's ``abs`` has it."""
    rows = torch.eye(6, 8).requires_grad_()
    consistency(rows, rows.detach(), inter_weight=0.0).backward()
    assert rows.grad is not None
    assert not rows.grad.any()


def test_rows_that_need_no_gradient_get_none() -> None:
    student, teacher = unit(vectors(6, seed=1)).requires_grad_(), unit(vectors(6, seed=2))
    consistency(student, teacher).backward()
    assert student.grad is not None
    assert teacher.grad is None
    assert not consistency(teacher, teacher).requires_grad


def test_no_gradient_is_worked_out_that_nobody_asked_for() -> None:
    student, teacher = unit(vectors(6, seed=1)), unit(vectors(6, seed=2))
    with Watched() as seen:
        consistency(student, teacher)
    assert seen.calls["mm"] == 3  # the two maps of equation 5 and the one of equation 6
    assert not seen.calls["addmm_"]


@pytest.mark.parametrize(("weights", "maps"), [((0.0, 0.1), 1), ((5.0, 0.0), 2)])
def test_a_part_without_weight_costs_no_map(weights: tuple[float, float], maps: int) -> None:
    student, teacher = unit(vectors(6, seed=1)), unit(vectors(6, seed=2))
    with Watched() as seen:
        consistency(student, teacher, intra_weight=weights[0], inter_weight=weights[1])
    assert seen.calls["mm"] == maps


def test_half_precision_rows_are_compared_in_full_precision() -> None:
    given = [unit(vectors(40, 16, seed=seed)).bfloat16() for seed in (1, 2)]
    student = given[0].clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        loss = consistency(student, given[1])
    loss.backward()
    exact = given[0].float().requires_grad_()
    expected = direct(exact, given[1].float())
    expected.backward()
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(expected.item(), abs=1e-5)
    assert student.grad is not None
    assert student.grad.dtype == torch.bfloat16
    assert torch.allclose(student.grad.float(), exact.grad, rtol=1e-2, atol=1e-4)  # type: ignore[arg-type]


COMPILED = """
import torch
from clipstr.distil.losses import consistency

def caller(student):
    return 2 * consistency(torch.nn.functional.normalize(student, dim=1), teacher, block_rows=4)

vectors, teacher, results = torch.randn(10, 8), torch.eye(10, 8), []
for call in (caller, torch.compile(caller, backend="aot_eager", fullgraph=True)):
    student = vectors.clone().requires_grad_()
    loss = call(student)
    loss.backward()
    results.append((loss.detach(), student.grad))
torch.testing.assert_close(*results)
"""


def test_a_compiled_caller_gets_the_same_value_and_gradient_in_one_graph() -> None:
    """In a process of its own: the checker of shapes that the tests put around it cannot be compiled."""
    done = subprocess.run([sys.executable, "-c", COMPILED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_blocks_never_hold_a_whole_map() -> None:
    count, block, largest = 600, 50, []
    for form in ("direct", "blocks"):
        student, teacher = (unit(vectors(count, seed=seed)).requires_grad_() for seed in (1, 2))
        with Watched() as seen:
            if form == "direct":
                direct(student, teacher).backward()
            else:
                consistency(student, teacher, block_rows=block).backward()
        largest.append(seen.elements)
    assert largest == [count**2, count * block]


def test_what_waits_for_the_backward_pass_is_no_larger_than_the_rows() -> None:
    kept: list[int] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor.numel())
        return tensor

    student, teacher = (unit(vectors(600, seed=seed)).requires_grad_() for seed in (1, 2))
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        consistency(student, teacher)
    assert kept == [student.numel(), teacher.numel()]


def test_no_rows_are_no_loss() -> None:
    nothing = torch.zeros(0, 5, requires_grad=True)
    value = consistency(nothing, nothing)
    value.backward()
    assert value.item() == 0


@pytest.mark.parametrize("block", [0, -1])
def test_a_block_without_rows_is_an_error(block: int) -> None:
    with pytest.raises(InputError, match=f"block_rows is {block}"):
        consistency(torch.eye(3), torch.eye(3), block_rows=block)
