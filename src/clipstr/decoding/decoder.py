"""How a batch of pictures is read: greedily, within the allowed characters, or by a lexicon."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from clipstr.charset import Charset
from clipstr.decoding.allowed import allowed_classes
from clipstr.decoding.assembly import assemble, chosen
from clipstr.decoding.greedy import greedy
from clipstr.decoding.lexicon import Lexicon
from clipstr.decoding.scorer import Memory, Scorer
from clipstr.form import WordForm
from clipstr.reading import Match, Reading

__all__ = ["Decoder"]

_log = logging.getLogger("clipstr")


class Decoder:
    """Reads what a `Scorer` of words of ``form`` has looked at, whatever computes it.

    ``allow`` limits the characters that can be read; of ``lexicon`` the likeliest word is read. Readings
    within such limits have the model's own probabilities, and a `Match` says what it reads without them.
    Raises `CharsetError` for a wrong ``allow`` and `LexiconError` for a wrong ``lexicon``.
    """

    def __init__(
        self, form: WordForm, *, allow: str | None = None, lexicon: Iterable[str] | None = None
    ) -> None:
        self.form = form
        self._allowed = None if allow is None else allowed_classes(form.charset, allow)
        self._lexicon = None if lexicon is None else Lexicon(lexicon, form, self._allowed)
        if self._lexicon is not None and self._lexicon.note:
            _log.warning("%s", self._lexicon.note)

    @property
    def has_lexicon(self) -> bool:
        """Whether one of given words is read."""
        return self._lexicon is not None

    def read(self, scorer: Scorer, pixels: Sequence[np.ndarray]) -> list[Reading]:
        """One reading for each of resized pictures, (height, width, 3) in uint8, at one look."""
        if not pixels:
            return []
        memory = scorer.look(self.form.preprocessing.normalise(np.stack(pixels)))
        if self._lexicon is not None:
            free = self._free(memory)
            return [self._lexicon.choose(memory.rows([row]), free[row]) for row in range(len(free))]
        if self._allowed is not None:
            return self._within(memory, self._allowed)
        return self._free(memory)

    def _free(self, memory: Memory) -> list[Reading]:
        return [assemble(logits, self.form.charset) for logits in greedy(memory, self.form)]

    def _within(self, memory: Memory, allowed: np.ndarray) -> list[Reading]:
        """The readings with the ``allowed`` classes, each beside the one without that limit."""
        charset, limited = self.form.charset, greedy(memory, self.form, allowed)
        within = [assemble(logits, charset, allowed) for logits in limited]
        # Where the likeliest class was allowed at every step the model reads the same without the limit.
        other = [row for row, logits in enumerate(limited) if _differs(logits, charset, allowed)]
        free = dict(enumerate(within)) | dict(zip(other, self._free(memory.rows(other)), strict=True))
        return [replace(reading, match=_match(reading, free[row])) for row, reading in enumerate(within)]


def _differs(logits: np.ndarray, charset: Charset, allowed: np.ndarray) -> bool:
    return chosen(logits, charset, allowed) != chosen(logits, charset)


def _match(reading: Reading, free: Reading) -> Match:
    return Match.of(free.text, free.confidence, reading.text)
