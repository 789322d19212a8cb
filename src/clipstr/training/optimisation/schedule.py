"""How far a run is, and what the learning rate is there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

__all__ = ["Budget", "Schedule", "learning_rate"]

Schedule = Literal["one-cycle", "constant", "decay"]


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a run may use: samples, and seconds if there is a time limit (0: its time is over).

    Progress is the larger share of the two, so that a run with a time limit
    lives through its whole schedule however fast the machine is.
    """

    samples: int
    seconds: float | None = None

    def progress(self, samples: int, seconds: float) -> float:
        """The share of the run that is over, 0 to 1, after ``samples`` and ``seconds``."""
        by_time = 0.0
        if self.seconds is not None:
            by_time = seconds / self.seconds if self.seconds > 0 else 1.0
        return min(max(samples / self.samples, by_time), 1.0)


def learning_rate(
    progress: float,
    *,
    highest: float,
    warm_up: float,
    schedule: Schedule = "one-cycle",
    decay_from: float = 0.0,
) -> float:
    """The learning rate at ``progress`` (0 to 1) of the run.

    "one-cycle" rises along a cosine from 1/25 of ``highest`` during the first ``warm_up`` of the run, then
    falls along a cosine to nearly nothing (Smith 2018, with the constants of PyTorch's `OneCycleLR`).
    "constant" rises likewise and stays: a run without an end. "decay" is such a run's end, or from
    ``decay_from`` on all of one: after the rise, and not before that share of the run, it falls with the
    square root of the progress (Hägele et al. 2024, warm-up-stable-decay).
    """
    start, end = highest / 25, highest / 25 / 1e4
    if progress < warm_up:
        return _cosine(start, highest, progress / warm_up)
    turn = max(warm_up, decay_from) if schedule == "decay" else warm_up
    if schedule == "constant" or progress < turn:
        return highest
    since = (progress - turn) / (1 - turn)
    if schedule == "decay":
        return end + (highest - end) * (1 - math.sqrt(since))
    return _cosine(highest, end, since)


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
