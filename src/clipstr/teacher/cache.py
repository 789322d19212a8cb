"""Text features of labels seen before: they depend on the label alone, and words repeat."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

__all__ = ["TextCache", "TextFeatures"]


class TextFeatures(NamedTuple):
    """Text stages of some labels by number, (labels, tokens, dim) or (labels, dim).

    ``readable`` (labels, tokens) tells which tokens are theirs: true for start, the label's tokens and end.
    """

    stages: dict[int, Tensor]
    readable: Tensor


class _Entry(NamedTuple):
    """One label's tokens and features, without padding."""

    length: int
    stages: dict[int, Tensor]

    @property
    def bytes(self) -> int:
        """The memory that the features take."""
        return sum(value.nbytes for value in self.stages.values())


class TextCache:
    """Remembers text features up to ``limit`` bytes and forgets the labels not asked for longest.

    The labels of the batch at hand always fit. ``hits`` and ``misses`` count labels asked for.
    """

    def __init__(self, *, limit: int) -> None:
        self.limit, self.bytes = limit, 0
        self.hits, self.misses = 0, 0
        self._known: OrderedDict[str, _Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def unknown(self, labels: Sequence[str]) -> list[str]:
        """Those of ``labels`` that have to be computed, each once; the others are as good as new again."""
        missing: dict[str, None] = {}
        for label in labels:
            if label in self._known:
                self._known.move_to_end(label)
            else:
                missing[label] = None
        self.misses += len(missing)
        self.hits += len(labels) - len(missing)
        return list(missing)

    def add(self, labels: Sequence[str], features: TextFeatures) -> None:
        """Remembers the ``features`` of ``labels``, without the rows of padding."""
        lengths = features.readable.sum(1).tolist()
        for row, (label, length) in enumerate(zip(labels, lengths, strict=True)):
            # Copies: a view would keep the whole batch alive.
            stages = {
                number: (value[row, :length] if value.ndim == 3 else value[row]).clone()
                for number, value in features.stages.items()
            }
            self._known[label] = _Entry(length, stages)
            self.bytes += self._known[label].bytes

    def gather(self, labels: Sequence[str]) -> TextFeatures:
        """The features of ``labels``, all known, zeros behind each end; then forgets what is too much."""
        entries = [self._known[label] for label in labels]
        stages = {
            number: pad_sequence([entry.stages[number] for entry in entries], batch_first=True)
            if value.ndim == 2
            else torch.stack([entry.stages[number] for entry in entries])
            for number, value in entries[0].stages.items()
        }
        device = next(iter(stages.values())).device
        lengths = torch.tensor([entry.length for entry in entries], device=device)
        readable = torch.arange(int(lengths.max()), device=device) < lengths[:, None]
        while self.bytes > self.limit and self._known:
            _, oldest = self._known.popitem(last=False)
            self.bytes -= oldest.bytes
        return TextFeatures(stages, readable)
