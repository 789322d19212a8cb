"""What a run tells those who watch it: progress lines, journals, tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from clipstr.sheets import SampleReading

__all__ = ["Observer", "Outcome", "SampleReading", "Step", "Validation"]


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one step did."""

    samples: int  # seen since the run began, this step's included
    seconds: float  # trained since the run began
    waited: float  # seconds of this step in which the loop waited for data
    progress: float  # of the run, 0 to 1
    learning_rate: float
    losses: dict[str, float]  # means over the batch by name; "total" is what was minimised


@dataclass(frozen=True, kw_only=True)
class Validation:
    """How the model did on the validation sets."""

    accuracy: dict[str, float]  # shares of right answers by set, 0 to 1; "mean" is the one that counts
    readings: tuple[SampleReading, ...] = ()  # a few, the same pictures every time


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Where a run ended."""

    samples: int
    seconds: float
    best: float  # share of right answers on validation, 0 to 1; -1 if there was none
    finished: bool  # false if it was interrupted


class Observer(Protocol):
    """Who watches a run."""

    def doing(self, what: str) -> None:
        """``what`` is done now, before the first step."""

    def stepped(self, step: Step) -> None:
        """A step was made."""

    def validated(self, step: Step, validation: Validation) -> None:
        """The model was validated after ``step``."""

    def noted(self, message: str) -> None:
        """Something is worth a line: samples left out, a picture that cannot be decoded, a slow loader."""
