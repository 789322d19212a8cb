"""How far a run is, and what the learning rate is there."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Budget", "learning_rate"]


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a run may use: samples, and seconds if there is a time limit.

    Progress is the larger share of the two, so that a run with a time limit
    lives through its whole schedule however fast the machine is.
    """

    samples: int
    seconds: float | None = None

    def progress(self, samples: int, seconds: float) -> float:
        """The share of the run that is over, 0 to 1, after ``samples`` and ``seconds``."""
        by_time = seconds / self.seconds if self.seconds else 0.0
        return min(max(samples / self.samples, by_time), 1.0)


def learning_rate(progress: float, *, highest: float, warm_up: float) -> float:
    """The one-cycle learning rate at ``progress`` (0 to 1) of the run.

    It rises along a cosine from 1/25 of ``highest`` during the first ``warm_up`` of the run, then falls
    along a cosine to nearly nothing (Smith 2018, with the constants of PyTorch's `OneCycleLR`).
    """
    start, end = highest / 25, highest / 25 / 1e4
    if progress < warm_up:
        return _cosine(start, highest, progress / warm_up)
    return _cosine(highest, end, (progress - warm_up) / (1 - warm_up))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
