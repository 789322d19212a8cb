"""Text features of labels seen before: they depend on the label alone, and words repeat."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
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

    def unknown(self, labels: Sequence[str], wanted: Collection[int]) -> list[str]:
        """Those of ``labels`` without all ``wanted`` stages, each once; the others are as good as new."""
        missing: dict[str, None] = {}
        for label in labels:
            entry = self._known.get(label)
            if entry is not None and entry.stages.keys() >= set(wanted):
                self._known.move_to_end(label)
            else:
                missing[label] = None
        self.misses += len(missing)
        self.hits += len(labels) - len(missing)
        return list(missing)

    def add(self, labels: Sequence[str], features: TextFeatures) -> None:
        """Remembers the ``features`` of ``labels`` beside what is known of them, without rows of padding."""
        lengths = features.readable.sum(1).tolist()
        for row, (label, length) in enumerate(zip(labels, lengths, strict=True)):
            # Copies: a view would keep the whole batch alive.
            stages = {
                number: (value[row, :length] if value.ndim == 3 else value[row]).clone()
                for number, value in features.stages.items()
            }
            known = self._known.pop(label, None)
            if known is not None:
                self.bytes -= known.bytes
                stages = known.stages | stages
            self._known[label] = _Entry(length, stages)
            self.bytes += self._known[label].bytes

    def gather(self, labels: Sequence[str], wanted: Collection[int]) -> TextFeatures:
        """The ``wanted`` stages of ``labels``, all known, zeros behind each end.

        Then what is too much is forgotten.
        """
        entries = [self._known[label] for label in labels]
        stages = {
            number: pad_sequence([entry.stages[number] for entry in entries], batch_first=True)
            if entries[0].stages[number].ndim == 2
            else torch.stack([entry.stages[number] for entry in entries])
            for number in sorted(wanted)
        }
        device = next(iter(stages.values())).device
        lengths = torch.tensor([entry.length for entry in entries], device=device)
        readable = torch.arange(int(lengths.max()), device=device) < lengths[:, None]
        while self.bytes > self.limit and self._known:
            _, oldest = self._known.popitem(last=False)
            self.bytes -= oldest.bytes
        return TextFeatures(stages, readable)
