"""Kinds of data sets: words to train on, and the tests of the paper's appendix (tables 8 and 13)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from clipstr.synth.config import Sample, SynthConfig, WordShares
from clipstr.synth.occlusion import cover_letter
from clipstr.synth.renderer import WordRenderer
from clipstr.synth.words import Vocabulary

__all__ = ["KINDS", "KindRenderer", "settings_of_kind"]

_NOTHING = dict.fromkeys(WordShares.__dataclass_fields__, 0.0)
_WORDS = WordShares(**(_NOTHING | {"english": 0.6, "signs": 0.4}))
_RANDOM = WordShares(**(_NOTHING | {"random": 1.0}))
_FEWEST = 4  # letters of a word of which one may be hidden


@dataclass(frozen=True)
class _Kind:
    text: Callable[[Vocabulary, np.random.Generator], str] = Vocabulary.text
    shares: WordShares | None = None  # in the place of the settings'
    covers: bool | None = None  # one letter: by half (False), whole (True)
    difficulty: float = 1.0  # unless another is asked for


def _shuffled(vocabulary: Vocabulary, rng: np.random.Generator) -> str:
    """A word with its characters in another order, if there is one."""
    for _ in range(100):
        word = vocabulary.word(rng)
        mixed = "".join(word[i] for i in rng.permutation(len(word)))
        if mixed != word:
            return mixed
    return word


def _long_enough(vocabulary: Vocabulary, rng: np.random.Generator) -> str:
    for _ in range(1000):
        word = vocabulary.word(rng)
        if len(word) >= _FEWEST and word.isalpha():
            return word
    return word


def _repeating(vocabulary: Vocabulary, rng: np.random.Generator) -> str:
    """What readers lose characters of: repeats, numbers and prices, long codes; a third of each."""
    makers = (vocabulary.hard.repeated, vocabulary.number, vocabulary.hard.codes)
    for _ in range(1000):
        text = makers[int(rng.integers(len(makers)))](rng)
        if vocabulary.may_be_drawn(text, rng):
            return text
    return vocabulary.text(rng)


_KINDS = {
    "words": _Kind(),
    "shuffle": _Kind(_shuffled, _WORDS, difficulty=0.3),
    "random": _Kind(shares=_RANDOM, difficulty=0.3),
    "repeats": _Kind(_repeating, difficulty=0.3),
    "occluded-weak": _Kind(_long_enough, _WORDS, covers=False, difficulty=0.3),
    "occluded-heavy": _Kind(_long_enough, _WORDS, covers=True, difficulty=0.3),
}

KINDS: tuple[str, ...] = tuple(_KINDS)
"""words; shuffle and random, without linguistic information (table 13); repeats, numbers and codes, of which
readers lose characters; one letter half or wholly covered (as OST's weak and heavy sets, table 8)."""


def settings_of_kind(kind: str, config: SynthConfig) -> SynthConfig:
    """``config`` with the words of ``kind``, and with nothing but its cover before a word that has one."""
    chosen = _KINDS[kind]
    if chosen.shares is not None:
        config = replace(config, shares=chosen.shares)
    if chosen.covers is None:
        return config
    return replace(
        config,
        layout=replace(config.layout, arc=0.0, wave=0.0, stacked=0.0, letters=0.0, curved=0.0),
        looks=replace(config.looks, segments=0.0, dot_matrix=0.0, stencil=0.0),
        scene=replace(config.scene, bars=0.0, stains=0.0, leaves=0.0),
    )


@dataclass(frozen=True)
class KindRenderer:
    """The samples of one of `KINDS`, rendered by ``renderer``, whose settings are `settings_of_kind`'s."""

    renderer: WordRenderer
    kind: str

    def sample(self, seed: int, index: int, difficulty: float | None = None) -> Sample:
        """Sample ``index`` of the stream ``seed``; by default as hard as the kind usually is."""
        kind = _KINDS[self.kind]
        rng = np.random.default_rng((seed, index))
        text = kind.text(self.renderer.vocabulary, rng)
        cover = None if kind.covers is None else partial(cover_letter, heavy=kind.covers)
        hard = kind.difficulty if difficulty is None else difficulty
        return self.renderer.labelled(text, rng, hard, cover=cover)
