"""Beam search: several beginnings of a text are gone on with at a time, and so several texts are found.

The greedy text is among what is found, always: a beam alone may lose it on the way, and what it found instead
need not be likelier.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clipstr.decoding.assembly import chosen, probabilities
from clipstr.decoding.scorer import Memory
from clipstr.form import WordForm

__all__ = ["Spelled", "beam"]

_LEAST = np.finfo(np.float64).tiny  # of a probability, that it may have a logarithm


@dataclass(frozen=True)
class Spelled:
    """A text or its beginning: its ids, and the probability of each after those before it.

    A whole text ends with the end.
    """

    ids: tuple[int, ...] = ()
    chances: tuple[float, ...] = ()
    score: float = 0.0  # the logarithm of their product

    def then(self, id_: int, chance: float) -> Spelled:
        """This and one more."""
        score = self.score + math.log(max(chance, _LEAST))
        return Spelled((*self.ids, id_), (*self.chances, chance), score)


def beam(
    memory: Memory,
    form: WordForm,
    logits: np.ndarray,
    *,
    width: int,
    count: int,
    allowed: np.ndarray | None = None,
) -> list[list[Spelled]]:
    """The likeliest texts of each picture in ``memory``, at most ``count``, the likeliest first.

    ``logits`` are those of `greedy` with the same ``allowed`` classes. Of each picture's beginnings the
    ``width`` likeliest are gone on with, as long as they may become one of the ``count``: a text never
    becomes likelier by growing. The steps of the greedy text are known, and not asked for again.
    """
    search = _Search(form, logits, width, count, allowed)
    repeated, rows = memory, list(range(len(memory)))
    for position in range(form.max_length + 1):
        asked = [(row, text) for row, text in search.going if not search.knows(row, text)]
        found = np.zeros((0, form.charset.num_classes), np.float32)
        if asked:
            wanted = [row for row, _ in asked]
            if wanted != rows:
                repeated, rows = memory.rows(wanted), wanted
            ids = np.array([[form.charset.begin, *text.ids] for _, text in asked], np.int64)
            found = repeated.logits(ids, np.array([position], np.int64))[:, 0]
        search.step(position, found)
        if not search.going:
            break
    return search.whole


class _Search:
    """The texts of a batch of pictures, whole ones and beginnings that are ``going`` on."""

    def __init__(
        self, form: WordForm, logits: np.ndarray, width: int, count: int, allowed: np.ndarray | None
    ) -> None:
        self._form, self._width, self._count, self._allowed = form, width, count, allowed
        # Computed as the greedy reading's are, so that they are the same to the bit.
        self._greedy = [probabilities(steps) for steps in logits]
        self._greedy_ids = [tuple(chosen(steps, form.charset, allowed)) for steps in logits]
        self.whole: list[list[Spelled]] = []
        for ids, chances in zip(self._greedy_ids, self._greedy, strict=True):
            text = Spelled()
            for step, id_ in zip(chances, ids, strict=False):
                text = text.then(id_, float(step[id_]))
            self.whole.append([text])
        self.going = [(row, Spelled()) for row in range(len(logits))]

    def knows(self, row: int, text: Spelled) -> bool:
        """Whether what follows ``text`` is known: it is a beginning of the greedy text."""
        return self._greedy_ids[row][: len(text.ids)] == text.ids

    def step(self, position: int, logits: np.ndarray) -> None:
        """Goes on by a character, given the ``logits`` (texts, num_classes) of those that are not known."""
        unknown = iter(logits)
        longer: list[list[Spelled]] = [[] for _ in self.whole]
        for row, text in self.going:
            known = self.knows(row, text)
            chances = self._greedy[row][position] if known else probabilities(next(unknown))
            longer[row] += [text.then(id_, float(chances[id_])) for id_ in self._best(chances, position)]
        self.going = []
        for row, texts in enumerate(longer):
            texts.sort(key=lambda text: -text.score)
            kept = texts[: self._width]
            self._keep(row, [text for text in kept if text.ids[-1] == self._form.charset.end])
            least = self.whole[row][-1].score if len(self.whole[row]) == self._count else -math.inf
            beginnings = [text for text in kept if text.ids[-1] != self._form.charset.end]
            self.going += [(row, text) for text in beginnings if text.score > least]

    def _best(self, chances: np.ndarray, position: int) -> list[int]:
        """The classes that may stand at ``position``, the likeliest first, as many as the beam is wide."""
        if position == self._form.max_length:
            return [self._form.charset.end]
        within = chances if self._allowed is None else np.where(self._allowed, chances, -1.0)
        best = np.argsort(-within, kind="stable")[: self._width]
        return [int(id_) for id_ in best if within[id_] >= 0]

    def _keep(self, row: int, texts: Sequence[Spelled]) -> None:
        known = {text.ids for text in self.whole[row]}
        together = [*self.whole[row], *(text for text in texts if text.ids not in known)]
        # By their product and not by its logarithm, whose last bits may order them otherwise.
        together.sort(key=lambda text: (-math.prod(text.chances), -text.score))
        self.whole[row] = together[: self._count]
