"""The renderer: a seed and a number become a labelled picture of a word, the same one everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import cv2
import numpy as np

from clipstr.fonts import FontFace, FontSet, find_fonts
from clipstr.synth.blanks import blanked, crowded
from clipstr.synth.camera import taken
from clipstr.synth.config import Sample, SynthConfig
from clipstr.synth.drawing import Lettering, draw_line, draw_word
from clipstr.synth.geometry import place_word
from clipstr.synth.occlusion import occluder
from clipstr.synth.scene import paint, with_neighbours
from clipstr.synth.words import Vocabulary
from clipstr.wordlists import WordList

__all__ = ["Cover", "WordRenderer", "opencv_alone"]


@contextmanager
def opencv_alone() -> Iterator[None]:
    """OpenCV without Intel's IPP, whose results are others on other makes of processors."""
    before = cv2.ipp.useIPP()
    cv2.ipp.setUseIPP(False)
    try:
        yield
    finally:
        cv2.ipp.setUseIPP(before)


VISIBLE = 6.0
"""The least standard deviation of a picture, in levels of 255: the faintest of 3,150 real crops has 6.6."""

TRIES = 4
"""How often a word is painted and photographed before a picture that shows nothing is taken as it is."""

CROP = 1.6
"""How many times its letters' height a crop of a level word is high, at most."""

Cover = Callable[[Lettering, np.random.Generator], np.ndarray]
"""Makes a mask (height, width) in uint8 of what stands before a drawn word."""


class WordRenderer:
    """Renders words in ``fonts`` (by default the system's), from ``words`` (by default ours).

    ``texts`` are drawn as they are, beside words.

    ``backgrounds`` are files of pictures to put behind words, in the place of made-up things. It can be
    pickled, so that worker processes render side by side. Raises `DataError` if no font is usable, and
    `InputError` if words and alphabet leave nothing to draw.
    """

    def __init__(
        self,
        config: SynthConfig | None = None,
        *,
        fonts: Sequence[FontFace] | None = None,
        words: WordList | None = None,
        texts: WordList | None = None,
        backgrounds: Sequence[str] = (),
    ) -> None:
        self.config = config or SynthConfig()
        self.fonts = FontSet(fonts if fonts is not None else find_fonts())
        self.backgrounds = tuple(backgrounds)
        self.vocabulary = Vocabulary(self.config, words, texts=texts, drawable=self.fonts.can_draw)

    def sample(self, seed: int, index: int, difficulty: float = 1.0) -> Sample:
        """Sample ``index`` of the stream ``seed``, depending on nothing else but ``difficulty``.

        ``difficulty`` goes from 0 (clean, upright, of high contrast) to 1 (all that streets offer). The label
        is the text as drawn; folded into the alphabet it is never empty, but where the picture is to show
        nothing (``config.empty``).
        """
        rng = np.random.default_rng((seed, index))
        return self.labelled(self.vocabulary.text(rng), rng, difficulty)

    def labelled(
        self, text: str, rng: np.random.Generator, difficulty: float = 1.0, *, cover: Cover | None = None
    ) -> Sample:
        """`draw`'s picture of ``text`` with its label; of so many as ``config.empty`` says one of nothing."""
        empty = self.config.empty > 0 and rng.random() < self.config.empty
        return Sample(self.draw(text, rng, difficulty, cover=cover, empty=empty), "" if empty else text)

    def draw(
        self,
        text: str,
        rng: np.random.Generator,
        difficulty: float = 1.0,
        *,
        cover: Cover | None = None,
        empty: bool = False,
    ) -> np.ndarray:
        """A picture (height, width, 3) in uint8 of ``text``, all chance coming from ``rng``.

        Its own difficulty lies between ``config.mildest`` times ``difficulty`` and all of it, alike likely.
        ``cover`` says what stands before the word, in the place of chance. If it is to be ``empty``, nothing
        of ``text`` is left but its size, or edges that nobody can read, among more things than usual. Raises
        `DataError` if no font can draw ``text``.
        """
        with opencv_alone():
            return self._drawn(text, rng, difficulty, cover, empty)

    def _drawn(
        self, text: str, rng: np.random.Generator, difficulty: float, cover: Cover | None, empty: bool
    ) -> np.ndarray:
        config = crowded(self.config) if empty else self.config
        difficulty *= float(rng.uniform(config.mildest, 1))
        face = self.fonts.pick(text, rng)
        drawn = draw_word(text, face, rng, difficulty, config.layout, config.looks)
        if empty:
            drawn = blanked(drawn, rng)
        layers, room = [drawn.ink], (0, 0)
        if rng.random() < config.scene.neighbours * difficulty:
            around, room = with_neighbours(drawn.ink, rng, lambda: self._neighbour(face, rng))
            layers = [np.pad(drawn.ink, ((room[1],), (room[0],))), around]
        height, width = drawn.ink.shape
        before = cover(drawn, rng) if cover else occluder(height, width, rng, difficulty, config.scene)
        if before is not None:
            if len(layers) == 1:
                layers.append(np.zeros_like(layers[0]))
            layers.append(np.pad(before, ((room[1],), (room[0],))))
        flat = layers[0] if len(layers) == 1 else np.stack(layers, 2)
        box = (room[0], room[1], width, height)
        placed = place_word(flat, box, rng, difficulty, config.layout, config.camera)
        # A crop of a word that runs up or round is higher than blur may take it for.
        crop = min(float(placed.layers.shape[0]), CROP * placed.unit)
        for _ in range(TRIES):
            picture = paint(placed, rng, difficulty, config, self.backgrounds)
            photograph = taken(picture, rng, difficulty, config.camera, unit=crop)
            if cv2.meanStdDev(photograph)[1].max() >= VISIBLE:
                break
        return photograph

    def _neighbour(self, face: FontFace, rng: np.random.Generator) -> np.ndarray:
        return draw_line(self.vocabulary.context(rng), face)
