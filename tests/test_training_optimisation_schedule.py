"""The schedule against PyTorch's own one-cycle, and budgets of samples and seconds."""

from __future__ import annotations

import pytest
import torch

from clipstr.training.optimisation.schedule import Budget, Schedule, learning_rate


def test_the_learning_rate_is_pytorchs_one_cycle() -> None:
    steps, highest, warm_up = 200, 1.4e-3, 0.075
    optimiser = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    oracle = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, highest, total_steps=steps + 1, pct_start=warm_up, cycle_momentum=False
    )
    turn = (warm_up * (steps + 1) - 1) / steps  # PyTorch counts the turning step from 0
    for step in range(steps + 1):
        assert learning_rate(step / steps, highest=highest, warm_up=turn) == pytest.approx(
            oracle.get_last_lr()[0], rel=1e-6, abs=1e-12
        )
        optimiser.step()
        if step < steps:
            oracle.step()


def test_without_warm_up_the_learning_rate_starts_at_its_highest() -> None:
    assert learning_rate(0.0, highest=1.0, warm_up=0.0) == pytest.approx(1.0)


def test_progress_is_the_larger_share_of_samples_and_time() -> None:
    budget = Budget(samples=1000, seconds=100.0)
    assert budget.progress(500, 10.0) == 0.5
    assert budget.progress(100, 70.0) == 0.7
    assert budget.progress(5000, 1.0) == 1.0
    assert Budget(samples=1000).progress(250, 1e9) == 0.25


def test_a_constant_rate_rises_and_then_stays() -> None:
    rates = [learning_rate(p / 100, highest=2.0, warm_up=0.1, schedule="constant") for p in range(0, 101, 5)]
    assert rates[0] == pytest.approx(2.0 / 25)
    assert rates[1] == learning_rate(0.05, highest=2.0, warm_up=0.1)  # as one cycle rises
    assert rates[2:] == [2.0] * 19


def test_a_decay_falls_with_the_root_of_progress_to_nearly_nothing() -> None:
    def rate(progress: float) -> float:
        return learning_rate(progress, highest=2.0, warm_up=0.0, schedule="decay")

    assert rate(0.0) == pytest.approx(2.0)
    for progress in (0.04, 0.25, 0.64):
        assert rate(progress) == pytest.approx(2.0 * (1 - progress**0.5), rel=1e-4, abs=1e-4)
    assert rate(1.0) == pytest.approx(2.0 / 25 / 1e4)


def test_a_decay_may_begin_late_in_a_run_of_one_piece() -> None:
    def rate(progress: float, schedule: Schedule = "decay") -> float:
        return learning_rate(progress, highest=2.0, warm_up=0.1, schedule=schedule, decay_from=0.6)

    assert rate(0.05) == learning_rate(0.05, highest=2.0, warm_up=0.1)
    assert [rate(p) for p in (0.1, 0.3, 0.6)] == [2.0] * 3
    assert rate(0.7) == pytest.approx(2.0 * (1 - 0.25**0.5), rel=1e-4)
    assert rate(1.0) == pytest.approx(2.0 / 25 / 1e4)
    assert rate(0.5, "one-cycle") < 2.0
    assert rate(0.9, "constant") == 2.0
