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
_SPARE = 1.3  # of the texts that are asked for: so many may be computed, in order to copy no pictures


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
    least: float = 0.0,
) -> list[list[Spelled]]:
    """The likeliest texts of each picture in ``memory``, at most ``count``, the likeliest first.

    ``logits`` are those of `greedy` with the same ``allowed`` classes. Of each picture's beginnings the
    ``width`` likeliest are gone on with, as long as they may become one of the ``count``: a text never
    becomes likelier by growing. Other texts than the greedy one that are not as likely as ``least`` (0 to 1)
    are not looked for: of most pictures little is left to be asked for then. The steps of the greedy text
    are known, and not asked for again.
    """
    search = _Search(form, logits, width, count, allowed, least)
    repeated, rows = memory, list(range(len(memory)))
    for position in range(form.max_length + 1):
        if not search.going:
            break
        asked = [(row, text) for row, text in search.going if not search.knows(row, text)]
        found = np.zeros((0, form.charset.num_classes), np.float32)
        if asked:
            wanted = [row for row, _ in asked]
            places = _places(wanted, rows)
            if places is None:
                repeated, rows = memory.rows(wanted), wanted
                places = list(range(len(rows)))
            ids = np.full((len(rows), position + 1), form.charset.begin, np.int64)
            ids[places, 1:] = [text.ids for _, text in asked]
            found = repeated.logits(ids, np.array([position], np.int64))[places, 0]
        search.step(position, found)
    return search.whole


def _places(wanted: Sequence[int], rows: Sequence[int]) -> list[int] | None:
    """Where each of the ``wanted`` rows stands in ``rows``, each place taken once.

    None if one has no place left, or if so many places would stay empty that it is quicker to copy anew.
    """
    if not len(wanted) <= len(rows) <= _SPARE * len(wanted):
        return None
    free: dict[int, list[int]] = {}
    for place in reversed(range(len(rows))):
        free.setdefault(rows[place], []).append(place)
    try:
        return [free[row].pop() for row in wanted]
    except (KeyError, IndexError):
        return None


class _Search:
    """The texts of a batch of pictures, whole ones and beginnings that are ``going`` on."""

    def __init__(
        self,
        form: WordForm,
        logits: np.ndarray,
        width: int,
        count: int,
        allowed: np.ndarray | None,
        least: float,
    ) -> None:
        self._form, self._width, self._count, self._allowed = form, width, count, allowed
        self._floor = math.log(least) if least else -math.inf
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
        unknown = iter(probabilities(logits))
        chances = np.stack(
            [
                self._greedy[row][position] if self.knows(row, text) else next(unknown)
                for row, text in self.going
            ]
        )
        longer: list[list[Spelled]] = [[] for _ in self.whole]
        for number, id_ in np.argwhere(self._worth(chances, position)).tolist():
            row, text = self.going[number]
            longer[row].append(text.then(id_, float(chances[number, id_])))
        self.going = []
        for row, texts in enumerate(longer):
            texts.sort(key=lambda text: -text.score)
            kept = texts[: self._width]
            if whole := [text for text in kept if text.ids[-1] == self._form.charset.end]:
                self._keep(row, whole)
            least = self.whole[row][-1].score if len(self.whole[row]) == self._count else -math.inf
            beginnings = [text for text in kept if text.ids[-1] != self._form.charset.end]
            self.going += [(row, text) for text in beginnings if text.score > least]

    def _worth(self, chances: np.ndarray, position: int) -> np.ndarray:
        """Which classes each text that goes on is tried with, (texts, num_classes) in bool.

        They are the likeliest, as many as the beam is wide, and make a text that is likely enough.
        """
        least = [math.exp(min(self._floor - text.score, 0.0)) for _, text in self.going]
        if position == self._form.max_length:
            within = np.where(np.arange(chances.shape[1]) == self._form.charset.end, chances, -1.0)
        else:
            within = chances if self._allowed is None else np.where(self._allowed, chances, -1.0)
        place = max(chances.shape[1] - self._width, 0)
        widest = np.partition(within, place, axis=1)[:, place]
        return np.asarray(within >= np.maximum(np.maximum(least, widest), 0.0)[:, None])

    def _keep(self, row: int, texts: Sequence[Spelled]) -> None:
        known = {text.ids for text in self.whole[row]}
        together = [*self.whole[row], *(text for text in texts if text.ids not in known)]
        # By their product and not by its logarithm, whose last bits may order them otherwise.
        together.sort(key=lambda text: (-math.prod(text.chances), -text.score))
        self.whole[row] = together[: self._count]
