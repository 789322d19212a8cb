"""How a batch of pictures is read: greedily, within the allowed characters, or by a lexicon."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from clipstr.arguments import whole_number
from clipstr.charset import Charset
from clipstr.decoding.allowed import allowed_classes
from clipstr.decoding.assembly import assemble, chosen, reading_of
from clipstr.decoding.beam import Spelled, beam
from clipstr.decoding.greedy import greedy
from clipstr.decoding.lexicon import Lexicon
from clipstr.decoding.scorer import Memory, Scorer
from clipstr.errors import InputError
from clipstr.form import WordForm
from clipstr.reading import Match, Reading, candidate_of

__all__ = ["BEAM", "WIDEST", "Decoder"]

_log = logging.getLogger("clipstr")


BEAM = 5
"""How wide a beam is if candidates are asked for and nothing is said of it."""

WIDEST = 64


def _never(reading: Reading) -> bool:
    return False


class Decoder:
    """Reads what a `Scorer` of words of ``form`` has looked at, whatever computes it.

    ``allow`` limits the characters that can be read; of ``lexicon`` the likeliest word is read. Readings
    within such limits have the model's own probabilities, and a `Match` says what it reads without them.
    ``beam`` is how many beginnings of a text are gone on with at a time (1: greedily), and ``candidates`` how
    many texts are told; None is a beam of 1, or of `BEAM` with candidates. Greedy readings that are
    ``enough`` are told alone, without a beam, as are those that are not as likely as ``least``, and other
    texts that are not so are not looked for. With a ``lexicon`` candidates are its likeliest words, whatever
    the beam. Raises `CharsetError` for a wrong ``allow``, `LexiconError` for a wrong ``lexicon``, and
    `InputError` for more candidates than the beam is wide.
    """

    def __init__(
        self,
        form: WordForm,
        *,
        allow: str | None = None,
        lexicon: Iterable[str] | None = None,
        beam: int | None = None,
        candidates: int = 1,
        enough: Callable[[Reading], bool] = _never,
        least: float = 0.0,
    ) -> None:
        self.form, self._enough, self.least = form, enough, least
        self.candidates = whole_number(candidates, "candidates", least=1, most=WIDEST, meaning="texts told")
        usual = 1 if candidates == 1 else max(BEAM, candidates)
        self.beam = usual if beam is None else whole_number(beam, "beam", least=1, most=WIDEST)
        if self.beam < candidates:
            raise InputError(
                f"candidates is {candidates}, and a beam of {beam} finds no more than {beam}: widen the beam"
            )
        self._allowed = None if allow is None else allowed_classes(form.charset, allow)
        self._lexicon = None if lexicon is None else Lexicon(lexicon, form, self._allowed)
        if self._lexicon is not None and self._lexicon.note:
            _log.warning("%s", self._lexicon.note)

    def with_candidates(self, candidates: int) -> Decoder:
        """The same with so many candidates, at most as many as the beam is wide."""
        other = copy.copy(self)
        other.candidates = min(candidates, self.beam)
        return other

    def read(self, scorer: Scorer, pixels: Sequence[np.ndarray]) -> list[Reading]:
        """One reading for each of resized pictures, (height, width, 3) in uint8, at one look."""
        if not pixels:
            return []
        memory = scorer.look(self.form.preprocessing.normalise(np.stack(pixels)))
        if self._lexicon is not None:
            free = self._free(memory)
            return [
                self._lexicon.choose(memory.rows([row]), free[row], self.candidates)
                for row in range(len(free))
            ]
        if self._allowed is not None:
            return self._within(memory, self._allowed)
        return self._free(memory)

    def _free(self, memory: Memory) -> list[Reading]:
        return self._texts(memory, greedy(memory, self.form))

    def _texts(self, memory: Memory, logits: np.ndarray, allowed: np.ndarray | None = None) -> list[Reading]:
        """The readings with the ``allowed`` classes, given the greedy ``logits`` with them."""
        readings = [assemble(steps, self.form.charset, allowed) for steps in logits]
        rows = [row for row, reading in enumerate(readings) if self._wants_beam(reading)]
        if rows:
            some = memory if len(rows) == len(readings) else memory.rows(rows)
            found = beam(
                some,
                self.form,
                logits[rows],
                width=self.beam,
                count=self.candidates,
                allowed=allowed,
                least=self.least,
            )
            for row, texts in zip(rows, found, strict=True):
                readings[row] = replace(self._told(texts), legible=readings[row].legible)
        return readings

    def _wants_beam(self, reading: Reading) -> bool:
        return self.beam > 1 and reading.confidence >= self.least and not self._enough(reading)

    def _told(self, texts: Sequence[Spelled]) -> Reading:
        """The likeliest of ``texts``, with all of them as its candidates if more than one is to be told."""
        readings = [
            reading_of(self.form.charset.decode(text.ids), text.chances[:-1], text.chances[-1])
            for text in texts
        ]
        if self.candidates == 1:
            return readings[0]
        return replace(readings[0], candidates=tuple(map(candidate_of, readings)))

    def _within(self, memory: Memory, allowed: np.ndarray) -> list[Reading]:
        """The readings with the ``allowed`` classes, each beside the one without that limit."""
        charset, limited = self.form.charset, greedy(memory, self.form, allowed)
        within = self._texts(memory, limited, allowed)
        # Where the likeliest class was allowed at every step the model reads the same without the limit; of
        # several beginnings others may have been shut out.
        other = [
            row
            for row, logits in enumerate(limited)
            if self._wants_beam(within[row]) or _differs(logits, charset, allowed)
        ]
        free = dict(enumerate(within)) | dict(zip(other, self._free(memory.rows(other)), strict=True))
        return [replace(reading, match=_match(reading, free[row])) for row, reading in enumerate(within)]


def _differs(logits: np.ndarray, charset: Charset, allowed: np.ndarray) -> bool:
    return chosen(logits, charset, allowed) != chosen(logits, charset)


def _match(reading: Reading, free: Reading) -> Match:
    return Match.of(free.text, free.confidence, reading.text)
