"""What the loop needs to know of that which it trains."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from clipstr.charset import Charset
from clipstr.imaging import Preprocessing

__all__ = ["SampleFormat", "Task"]


@dataclass(frozen=True)
class SampleFormat:
    """How samples are made for a model: its alphabet, its longest word and its pictures."""

    charset: Charset
    max_length: int  # characters
    preprocessing: Preprocessing


class Task(Protocol):
    """A model in training: its losses, its judgement and its file."""

    @property
    def learner(self) -> nn.Module:
        """What is optimised and stands in checkpoints; called with `inputs`, it gives the losses by name."""

    @property
    def format(self) -> SampleFormat:
        """How samples are made for the model."""

    def place(self, device: torch.device, dtype: torch.dtype) -> None:
        """Moves what the learner does not hold to ``device``; ``dtype`` is that of matrix products there."""

    def inputs(self, images: Tensor, texts: list[str]) -> tuple[Any, ...]:
        """What the learner is called with for ``images`` (batch, 3, height, width) that read ``texts``."""

    def validate(self) -> dict[str, float]:
        """Shares of right answers by validation set, "mean" the one that counts; empty without any set."""

    def save(self, folder: Path, source: dict[str, Any]) -> None:
        """Writes the model alone; ``source`` says where it comes from."""
