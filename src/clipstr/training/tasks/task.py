"""What the loop needs to know of that which it trains."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from clipstr.data import Source
from clipstr.form import Preprocessing, WordForm
from clipstr.training.observer import Validation

__all__ = ["Task", "compile_blocks", "normalised"]


class Task(Protocol):
    """A model in training: its losses, its judgement and its file."""

    @property
    def learner(self) -> nn.Module:
        """What is optimised and stands in checkpoints; called with `inputs`, it gives the losses by name."""

    @property
    def model(self) -> nn.Module:
        """What is kept in the end."""

    @property
    def sets(self) -> dict[str, Source]:
        """The validation sets by name."""

    @property
    def notes(self) -> list[str]:
        """What a person should know of the model before it is trained, a line each."""

    @property
    def form(self) -> WordForm:
        """The form of the model's words, and so of the samples that are made for it."""

    def place(self, device: torch.device, dtype: torch.dtype) -> None:
        """Moves what the learner does not hold to ``device``; ``dtype`` is that of matrix products there."""

    def inputs(self, images: Tensor, texts: list[str], share: Tensor, progress: float) -> tuple[Any, ...]:
        """What the learner is called with for ``images`` (batch, 3, height, width) that read ``texts``.

        ``share`` is how much this part of a step counts where a loss is a mean over characters, ``progress``
        how far the run is, 0 to 1.
        """

    def validate(self) -> Validation:
        """How the model does on the validation sets; no accuracies without any set."""

    def save(self, folder: Path, source: dict[str, Any]) -> None:
        """Writes the model alone; ``source`` says where it comes from."""


def normalised(pixels: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Pixels (batch, height, width, 3) in uint8 as inputs (batch, 3, height, width), where they are.

    The same numbers as `Preprocessing.normalise` gives.
    """
    scaled = (pixels.float() / 255 - preprocessing.mean) / preprocessing.deviation
    return scaled.permute(0, 3, 1, 2).contiguous()


def compile_blocks(blocks: Iterable[nn.Module], *, backend: str | Callable[..., Any] = "inductor") -> None:
    """Lets each of ``blocks``, which are alike, be compiled at its first call: one graph serves all.

    A whole model takes minutes to compile, and again for every length of words.
    """
    for block in blocks:
        block.compile(dynamic=False, backend=backend)
