"""Each loss beside plain loops, and the blocked form beside the direct one."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

import golden
from clipstr.distil.blocks import consistency_in_blocks
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


def vectors(count: int, dim: int = 5, *, seed: int = 0) -> Tensor:
    """Vectors of any length: their gradients are compared, as training sees them through the norm."""
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed))


def rows(count: int, dim: int = 5, *, seed: int = 0) -> Tensor:
    return unit(vectors(count, dim, seed=seed))


def unit(given: Tensor) -> Tensor:
    return functional.normalize(given, dim=1)


def slow_intra(f: np.ndarray, t: np.ndarray) -> float:
    n = len(f)
    return sum(abs(f[i] @ f[j] - t[i] @ t[j]) for i in range(n) for j in range(n)) / n**2


def slow_inter(f: np.ndarray, t: np.ndarray, tau: float) -> float:
    total = 0.0
    for i in range(len(f)):
        scores = [f[i] @ t[j] / tau for j in range(len(t))]
        total -= scores[i] - math.log(sum(math.exp(score) for score in scores))
    return total / len(f)


def test_first_order_losses_are_their_definitions() -> None:
    f, t = rows(7, seed=1), rows(7, seed=2)
    a, b = f.double().numpy(), t.double().numpy()
    assert float(l1(f, t)) == pytest.approx(np.abs(a - b).mean(), abs=1e-6)
    assert float(cosine(f, t)) == pytest.approx(
        np.mean([1 - x @ y for x, y in zip(a, b, strict=True)]), abs=1e-6
    )
    for temperature in (1.0, 0.25):
        p, q = (np.exp(x / temperature) / np.exp(x / temperature).sum(1, keepdims=True) for x in (b, a))
        divergence = (p * np.log(p / q)).sum(1).mean()
        assert float(kl(f, t, temperature=temperature)) == pytest.approx(divergence, abs=1e-6)


def test_second_order_losses_are_equations_5_to_7() -> None:
    f, t = rows(7, seed=1), rows(7, seed=2)
    a, b = f.double().numpy(), t.double().numpy()
    assert float(intra(f, t)) == pytest.approx(slow_intra(a, b), abs=1e-6)
    for tau in (0.03, 1.0):
        assert float(inter(f, t, tau=tau)) == pytest.approx(slow_inter(a, b, tau), abs=1e-5)
    expected = 5 * slow_intra(a, b) + 0.1 * slow_inter(a, b, 0.03)
    assert float(consistency(f, t)) == pytest.approx(expected, abs=1e-5)


def test_a_student_like_its_teacher_has_no_first_order_or_intra_loss() -> None:
    f = rows(6)
    assert max(float(loss(f, f)) for loss in (l1, cosine, kl, intra)) < 1e-6


@pytest.mark.parametrize("form", [consistency, consistency_in_blocks])
def test_value_and_gradient_are_the_authors(form: object) -> None:
    expected = golden.golden_tensors()
    student = torch.from_numpy(expected["lcl_student"]).requires_grad_()
    teacher = torch.from_numpy(expected["lcl_teacher"])
    loss = form(unit(student), unit(teacher))  # type: ignore[operator]
    loss.backward()
    assert loss.item() == pytest.approx(float(expected["lcl_loss"]), abs=1e-5)
    assert student.grad is not None
    assert np.abs(student.grad.numpy() - expected["lcl_grad"]).max() < 1e-5
    for name, weights in (("intra", {"inter_weight": 0.0}), ("inter", {"intra_weight": 0.0})):
        value = form(unit(student), unit(teacher), **weights).item()  # type: ignore[operator]
        assert value == pytest.approx(float(expected[f"lcl_{name}_only"]), abs=1e-5)


WEIGHTS = [(5.0, 0.1), (5.0, 0.0), (0.0, 0.1)]


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("block", [1, 4, 7, 30, 100])
def test_blocks_give_the_value_and_the_gradients_of_the_direct_form(
    block: int, weights: tuple[float, float]
) -> None:
    settings = {"intra_weight": weights[0], "inter_weight": weights[1]}
    results = []
    for form in ("direct", "blocks"):
        student, teacher = (vectors(30, 8, seed=seed).requires_grad_() for seed in (3, 4))
        loss = (
            consistency(unit(student), unit(teacher), **settings)
            if form == "direct"
            else consistency_in_blocks(unit(student), unit(teacher), block_rows=block, **settings)
        )
        (3 * loss).backward()
        results.append((loss.detach(), student.grad, teacher.grad))
    for direct, blocked in zip(*results, strict=True):
        assert torch.allclose(blocked, torch.zeros_like(blocked) if direct is None else direct, atol=1e-5)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_blocks_with_rows_of_others_give_all_four_gradients(weights: tuple[float, float]) -> None:
    settings = {"intra_weight": weights[0], "inter_weight": weights[1]}
    results = []
    for form in (consistency, consistency_in_blocks):
        given = [vectors(n, 8, seed=s).requires_grad_() for s, n in enumerate((5, 5, 14, 14))]
        everyone = Everyone(unit(given[2]), unit(given[3]), offset=4, processes=2)
        extra = {} if form is consistency else {"block_rows": 3}
        loss = form(unit(given[0]), unit(given[1]), everyone, **settings, **extra)  # type: ignore[arg-type]
        loss.backward()
        results.append([loss.detach(), *(side.grad for side in given)])
    for direct, blocked in zip(*results, strict=True):
        assert torch.allclose(blocked, torch.zeros_like(blocked) if direct is None else direct, atol=1e-5)


def test_the_blocks_gradient_is_that_of_finite_differences() -> None:
    student, teacher = (vectors(6, 4, seed=seed).double().requires_grad_() for seed in (1, 2))

    def loss(f: Tensor, t: Tensor) -> Tensor:
        return consistency_in_blocks(unit(f), unit(t), block_rows=4, tau=0.2)

    assert torch.autograd.gradcheck(loss, (student, teacher))


def test_rows_that_need_no_gradient_get_none() -> None:
    student, teacher = rows(6, seed=1).requires_grad_(), rows(6, seed=2)
    consistency_in_blocks(student, teacher).backward()
    assert student.grad is not None
    assert teacher.grad is None
    assert not consistency_in_blocks(teacher, teacher).requires_grad


def test_half_precision_rows_are_compared_in_full_precision() -> None:
    student, teacher = rows(40, 16, seed=1).bfloat16(), rows(40, 16, seed=2).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        loss = consistency_in_blocks(student, teacher)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(consistency(student.float(), teacher.float()).item(), abs=1e-5)


class _Largest(TorchDispatchMode):
    """Remembers the most elements that any tensor had."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor):
            self.elements = max(self.elements, result.numel())
        return result


def test_blocks_never_hold_a_whole_map() -> None:
    count, block = 600, 50
    largest = []
    for call in (
        lambda f, t: consistency(f, t),
        lambda f, t: consistency_in_blocks(f, t, block_rows=block),
    ):
        student, teacher = rows(count, seed=1).requires_grad_(), rows(count, seed=2).requires_grad_()
        with _Largest() as seen:
            call(student, teacher).backward()
        largest.append(seen.elements)
    assert largest[0] == count**2
    assert largest[1] == count * block


def test_words_by_themselves_are_the_mean_of_their_own_losses() -> None:
    student, teacher = (rows(15, 6, seed=seed).reshape(3, 5, 6) for seed in (1, 2))
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 0, 0, 0, 0]]).bool()
    expected = np.mean(
        [
            5 * slow_intra(f[m].double().numpy(), t[m].double().numpy())
            + 0.1 * slow_inter(f[m].double().numpy(), t[m].double().numpy(), 0.03)
            for f, t, m in zip(student, teacher, mask, strict=True)
        ]
    )
    assert float(consistency_within_words(student, teacher, mask)) == pytest.approx(expected, abs=1e-5)


def test_padding_within_words_changes_neither_value_nor_gradient() -> None:
    mask = torch.tensor([[1, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]]).bool()
    results = []
    for filling in (0.3, -50.0):
        student, teacher = (rows(12, 6, seed=seed).reshape(3, 4, 6).clone() for seed in (1, 2))
        student[~mask], teacher[~mask] = filling, -filling
        student.requires_grad_()
        loss = consistency_within_words(student, teacher, mask)
        loss.backward()
        assert student.grad is not None
        assert torch.isfinite(student.grad).all()
        assert not student.grad[~mask].any()
        results.append((loss.detach(), student.grad))
    for one, other in zip(*results, strict=True):
        assert torch.equal(one, other)


def test_no_rows_are_no_loss() -> None:
    nothing = torch.zeros(0, 5, requires_grad=True)
    for loss in (l1, cosine, kl, intra, inter, consistency, consistency_in_blocks):
        value = loss(nothing, nothing)
        assert value.item() == 0
        value.backward()
