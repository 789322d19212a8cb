"""What decoding asks of a model, whatever computes it: an exported one, or a recogniser in PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from clipstr.form import WordForm

__all__ = ["Follower", "Memory", "Rows", "Scorer"]

Rows = Sequence[int] | np.ndarray | slice
"""Which pictures of a batch, by their numbers, some of them more than once if need be."""


class Memory(Protocol):
    """A batch of pictures as a model has looked at them: it says what may come next in their texts."""

    def __len__(self) -> int:
        """How many pictures there are."""

    def rows(self, rows: Rows) -> Memory:
        """Those pictures alone, in that order."""

    def logits(self, ids: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Logits (batch, queries, num_classes) in float32 of what stands at ``positions`` (queries,).

        ``ids`` (batch, length) in int64 are the begin token and the characters of the texts so far. Position
        p sees the first p + 1 of them, and nothing that stands behind changes its logits.
        """


@runtime_checkable
class Follower(Protocol):
    """A `Memory` that goes on with texts by itself, which is quicker than to be asked for each character."""

    def follow(self, ids: np.ndarray, steps: int, allowed: np.ndarray | None) -> np.ndarray:
        """Logits (batch, taken, num_classes) of what follows ``ids``, each time the likeliest being taken.

        They are those that `Memory.logits` gives. What is taken is one of those ``allowed`` (num_classes,)
        in bool, None being all. It takes at most ``steps``, and ends once half of the texts have ended.
        """


class Scorer(Protocol):
    """A model that looks at a batch of pictures once."""

    @property
    def form(self) -> WordForm:
        """What it reads."""

    def look(self, inputs: np.ndarray) -> Memory:
        """What the model keeps of normalised pictures, (batch, 3, height, width) in float32."""
