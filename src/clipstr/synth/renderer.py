"""The renderer: a seed and a number become a labelled picture of a word, the same one everywhere."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from clipstr.synth.config import Sample, SynthConfig
from clipstr.synth.degradation import degraded
from clipstr.synth.drawing import bent, draw_word
from clipstr.synth.fonts import FontFace, find_fonts
from clipstr.synth.geometry import place_word
from clipstr.synth.scene import paint
from clipstr.synth.words import Vocabulary, load_words

__all__ = ["WordRenderer"]


class WordRenderer:
    """Renders words in ``fonts`` (by default the system's) from ``words`` (by default the system's list).

    It can be pickled, so that worker processes render side by side.
    """

    def __init__(
        self,
        config: SynthConfig | None = None,
        *,
        fonts: Sequence[FontFace] | None = None,
        words: Sequence[str] | None = None,
    ) -> None:
        self.config = config or SynthConfig()
        self.fonts = tuple(fonts if fonts is not None else find_fonts())
        self.vocabulary = Vocabulary(self.config, words if words is not None else load_words())

    def sample(self, seed: int, index: int, difficulty: float = 1.0) -> Sample:
        """Sample ``index`` of the stream ``seed``, depending on nothing else but ``difficulty``.

        ``difficulty`` goes from 0 (clean, upright, of high contrast) to 1 (all that streets offer). The label
        is the text as drawn; folded into the alphabet it is never empty.
        """
        rng = np.random.default_rng((seed, index))
        text = self.vocabulary.text(rng)
        return Sample(self.draw(text, rng, difficulty), text)

    def draw(self, text: str, rng: np.random.Generator, difficulty: float = 1.0) -> np.ndarray:
        """A picture (height, width, 3) in uint8 of ``text``, all chance coming from ``rng``."""
        ink = draw_word(text, self.fonts, rng, difficulty)
        if len(text) > 3 and rng.random() < 0.2 * difficulty:
            ink = bent(ink, rng)
        coverage = place_word(ink, rng, difficulty)
        pixels = degraded(paint(coverage, rng, difficulty), rng, difficulty)
        shrinks = pixels.shape[0] > self.config.height
        size = (self.config.width, self.config.height)
        return np.asarray(
            cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
        )
