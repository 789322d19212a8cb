"""Which sample comes when: sources and rendered words mixed by weight, every crop once before any twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from clipstr.errors import RecipeError

__all__ = ["SYNTHETIC", "Mixture", "Place"]

SYNTHETIC = ""
"""The name under which rendered words are mixed in."""

_BLOCK = 1000
"""Samples of which each source has its exact share, in random order."""


@dataclass(frozen=True)
class Place:
    """Where a sample comes from: which source, and which of its crops, from 0."""

    source: str
    item: int


class Mixture:
    """The order of an endless run over several sources: a pure function of the sample's number.

    ``counts`` are the crops of each source; rendered words have none. ``weights`` are relative. Each
    thousand samples hold each source's share, and a source's crops all come once, in an order of their
    own, before any of them comes again.
    """

    def __init__(self, counts: Mapping[str, int], weights: Mapping[str, float], *, seed: int) -> None:
        self.names, self.counts, self.seed = list(weights), counts, seed
        self._parts = self._apportion(np.array([weights[name] for name in self.names]))
        self._block: tuple[int, list[Place]] | None = None
        self._orders: dict[str, tuple[int, np.ndarray]] = {}

    def _apportion(self, weights: np.ndarray) -> list[int]:
        """How many samples of a block each source has: the largest remainders get what rounding leaves."""
        exact = weights / weights.sum() * _BLOCK
        parts = np.floor(exact).astype(int)
        parts[np.argsort(parts - exact, kind="stable")[: _BLOCK - parts.sum()]] += 1
        for name, part in zip(self.names, parts, strict=True):
            if not part:
                raise RecipeError(
                    f"the weight of {name or 'the rendered words'} is below a thousandth of all"
                )
        return [int(part) for part in parts]

    @property
    def shares(self) -> dict[str, float]:
        """Each source's share of the samples, 0 to 1."""
        return {name: part / _BLOCK for name, part in zip(self.names, self._parts, strict=True)}

    @property
    def samples_an_epoch(self) -> float:
        """How many samples it takes until every source's crops have all come; 0 if all are rendered."""
        needed = [self.counts[name] / share for name, share in self.shares.items() if name != SYNTHETIC]
        return max(needed, default=0.0)

    def place(self, index: int) -> Place:
        """Where sample ``index`` of the run comes from."""
        number, offset = divmod(index, _BLOCK)
        if self._block is None or self._block[0] != number:
            self._block = number, self._places(number)
        return self._block[1][offset]

    def _places(self, block: int) -> list[Place]:
        order = np.repeat(np.arange(len(self.names)), self._parts)
        order = np.random.default_rng((self.seed, 1, block)).permutation(order)
        reached = [block * part for part in self._parts]
        places = []
        for number in order:
            name, nth = self.names[number], reached[number]
            reached[number] += 1
            places.append(Place(name, nth if name == SYNTHETIC else self._item(name, nth)))
        return places

    def _item(self, name: str, nth: int) -> int:
        """The crop that comes as the ``nth`` of its source."""
        turn, offset = divmod(nth, self.counts[name])
        known = self._orders.get(name)
        if known is None or known[0] != turn:
            rng = np.random.default_rng((self.seed, 2, self.names.index(name), turn))
            known = self._orders[name] = turn, rng.permutation(self.counts[name])
        return int(known[1][offset])
