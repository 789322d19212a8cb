"""A time limit counts from the command's start, and ends with the run's last validation."""

from __future__ import annotations

import time

import pytest

from clipstr.training.optimisation.schedule import Budget
from clipstr.training.run.clock import Clock


def test_what_passed_before_the_first_step_and_what_the_end_takes_is_left_for_no_steps() -> None:
    clock = Clock(100.0, started=time.monotonic() - 30)
    assert clock.since_start == pytest.approx(30, abs=1)
    assert not clock.running
    clock.begin(30.0, 0.0)
    assert clock.running
    assert clock.training == pytest.approx(70)
    clock.set_aside(5.0)
    clock.set_aside(3.0)
    assert clock.training == pytest.approx(65)
    assert Budget(samples=10**9, seconds=clock.training).progress(0, 65.0) == 1.0


def test_the_end_takes_half_of_the_limit_at_most_and_time_that_is_over_is_over() -> None:
    clock = Clock(10.0, started=None)
    clock.set_aside(60.0)
    assert clock.training == pytest.approx(5)
    clock.begin(20.0, 0.0)
    assert clock.training == 0
    assert Budget(samples=10**9, seconds=clock.training).progress(0, 0.0) == 1.0


def test_without_a_limit_there_is_none_and_seconds_go_on_from_those_of_earlier_starts() -> None:
    clock = Clock(None, started=None)
    assert clock.training is None
    assert clock.seconds == 0
    clock.begin(3.0, 50.0)
    assert clock.seconds == pytest.approx(50, abs=1)
