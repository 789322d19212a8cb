"""Each loss beside plain loops and the authors' numbers."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

import golden
from clipstr.distil.losses import (
    consistency,
    consistency_within_words,
    cosine,
    inter,
    intra,
    kl,
    l1,
)

direct = partial(consistency, block_rows=None)


def rows(count: int, dim: int = 5, *, seed: int = 0) -> Tensor:
    return unit(torch.randn(count, dim, generator=torch.Generator().manual_seed(seed)))


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
    assert float(direct(f, t)) == pytest.approx(expected, abs=1e-5)


def test_a_student_like_its_teacher_has_no_first_order_or_intra_loss() -> None:
    f = rows(6)
    assert max(float(loss(f, f)) for loss in (l1, cosine, kl, intra)) < 1e-6


def test_value_and_gradient_are_the_authors() -> None:
    expected = golden.golden_tensors()
    student = torch.from_numpy(expected["lcl_student"]).requires_grad_()
    teacher = torch.from_numpy(expected["lcl_teacher"])
    loss = direct(unit(student), unit(teacher))
    loss.backward()
    assert loss.item() == pytest.approx(float(expected["lcl_loss"]), abs=1e-5)
    assert student.grad is not None
    assert np.abs(student.grad.numpy() - expected["lcl_grad"]).max() < 1e-5
    for name, weights in (("intra", {"inter_weight": 0.0}), ("inter", {"intra_weight": 0.0})):
        value = direct(unit(student), unit(teacher), **weights).item()
        assert value == pytest.approx(float(expected[f"lcl_{name}_only"]), abs=1e-5)


def test_words_by_themselves_are_the_mean_of_their_own_losses() -> None:
    student, teacher = (rows(20, 6, seed=seed).reshape(4, 5, 6) for seed in (1, 2))
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0], [1, 0, 0, 0, 0]]).bool()
    expected = np.mean(
        [
            5 * slow_intra(f[m].double().numpy(), t[m].double().numpy())
            + 0.1 * slow_inter(f[m].double().numpy(), t[m].double().numpy(), 0.03)
            for f, t, m in zip(student, teacher, mask, strict=True)
            if m.any()
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
    for loss in (l1, cosine, kl, intra, inter, consistency):
        value = loss(nothing, nothing)
        assert value.item() == 0
        value.backward()
