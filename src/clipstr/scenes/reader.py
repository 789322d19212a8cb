"""Whole photographs: a detector finds text, it is levelled and cut into words, and our reader reads them."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image

from clipstr.calibration import Calibration
from clipstr.decoding.prior import Prior, no_prior
from clipstr.devices import AUTO
from clipstr.errors import ImageError, InputError, MissingExtraError
from clipstr.imaging import ImageSource
from clipstr.models import DEFAULT_MODEL
from clipstr.reader import Reader
from clipstr.reading import Reading
from clipstr.scenes.bands import Band
from clipstr.scenes.crops import FoundText, WordCrop
from clipstr.scenes.detector import Detector, Unit
from clipstr.scenes.ordering import reading_order
from clipstr.scenes.pages import pages_of
from clipstr.scenes.scene import Line, Scene, Word
from clipstr.scenes.splitting import GapNetwork, Splitter

__all__ = ["MIN_CONFIDENCE", "SceneOutcome", "SceneReader"]

MIN_CONFIDENCE = 0.3
"""Words that are surer than this are told. Of words whose confidence is how often they are right, those above
half of the best H-mean that can be reached are worth keeping (Lipton et al., 2014); it is about 0.6."""

_LEAST = 3.0  # pixels of height and length, of text that may be read
_DOUBTED_BELOW = (
    0.85  # text that is read with less confidence is read in its other directions, and cut otherwise
)


@dataclass(frozen=True)
class SceneOutcome:
    """What became of one picture, or one ``page`` (from 1) of a PDF: what is read there, or the error.

    ``picture`` is the picture in RGB as a person sees it, and None with an error.
    """

    source: ImageSource
    page: int | None
    picture: Image.Image | None
    scene: Scene | None
    error: ImageError | None


@dataclass(frozen=True)
class _Placed:
    """A word, the crop that it was read in, and how sure its pieces are, 0 to 1, long ones counting more.

    That sureness is by the model's own probabilities.
    """

    crop: WordCrop
    word: Word
    sureness: float

    def otherwise(self) -> tuple[tuple[WordCrop, ...], ...]:
        """The crops of the same, cut otherwise."""
        return self.crop.others


class SceneReader:
    """Finds and reads the words in photographs. It may be shared by threads.

    ``model`` is the name of an embedded word reader or a folder, as of `Reader`, and so are ``batch_size``,
    ``threads``, ``allow``, ``lexicon``, ``second_looks``, ``known_words`` and ``device``; ``detector`` is
    what finds text (by default PP-OCRv6's, which the extra "scenes" brings), ``splitter`` what tells words in
    a line apart. Words with less than ``min_confidence`` are left out, confidence being calibrated as that of
    `Reader`. Second looks find a few more words and make many wrong ones sure, so that here they are looked
    at once (docs/scenes.md has the figures).

    Raises what `Reader` does, `MissingExtraError` if the extra is not installed, and `InputError` for a
    ``min_confidence`` that is none.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = DEFAULT_MODEL,
        *,
        detector: Detector | None = None,
        splitter: Splitter | None = None,
        min_confidence: float = MIN_CONFIDENCE,
        batch_size: int = 32,
        threads: int | None = None,
        allow: str | None = None,
        lexicon: Iterable[str] | None = None,
        second_looks: bool = False,
        device: str = AUTO,
        known_words: bool = True,
    ) -> None:
        self.min_confidence = _probability(min_confidence)
        _check_extra()
        if detector is None:
            from clipstr.scenes.paddle import PaddleDetector

            detector = PaddleDetector(threads=threads, device=device)
        self.detector: Detector = detector
        self.splitter: Splitter = splitter or GapNetwork()
        self.reader = Reader(
            model,
            batch_size=batch_size,
            threads=threads,
            allow=allow,
            lexicon=lexicon,
            second_looks=second_looks,
            device=device,
            known_words=known_words,
        )

    @property
    def device(self) -> str:
        """What computes the word reader's encoder."""
        return self.reader.device

    def restricted(
        self,
        *,
        allow: str | None = None,
        lexicon: Iterable[str] | None = None,
        min_confidence: float | None = None,
    ) -> SceneReader:
        """A scene reader with this one's parts, already loaded, and limits of its own."""
        other = copy.copy(self)
        if min_confidence is not None:
            other.min_confidence = _probability(min_confidence)
        other.reader = self.reader.restricted(allow=allow, lexicon=lexicon)
        return other

    @property
    def name(self) -> str:
        """The detector's and the word reader's names."""
        return f"{self.detector.name} + {self.reader.name}"

    def read(self, source: ImageSource) -> Scene:
        """What is read in the picture ``source``, or on the first page of a PDF. Raises `ImageError`."""
        return self._read(next(iter(pages_of(source))).picture)

    def find(self, source: ImageSource) -> Scene:
        """Where words stand in the picture ``source``, without reading them: their texts are empty.

        Their confidence is the detector's. Raises `ImageError`.
        """
        return self._find(next(iter(pages_of(source))).picture)

    def stream(self, sources: Iterable[ImageSource], *, boxes_only: bool = False) -> Iterator[SceneOutcome]:
        """What becomes of each picture and page of ``sources``, in order; a bad one never stops the others.

        With ``boxes_only`` words are found and not read.
        """
        does = self._find if boxes_only else self._read
        for source in sources:
            try:
                for page in pages_of(source):
                    yield SceneOutcome(source, page.number, page.picture, does(page.picture), None)
            except ImageError as error:
                yield SceneOutcome(source, None, None, None, error)

    def _read(self, picture: Image.Image) -> Scene:
        found = self._found(picture)
        level = self._words([text.level for text in found])
        lines = self._surest(level, [text.otherwise for text in found], no_prior)
        words = [placed for line in lines for placed in line]
        cut = self._surest(
            [[placed] for placed in words], [placed.otherwise for placed in words], self.reader.prior
        )
        kept = [
            placed
            for words in cut
            for placed in words
            if placed.word.text and placed.word.confidence >= self.min_confidence
        ]
        return _arranged(picture, kept)

    def _surest(
        self,
        read: list[list[_Placed]],
        otherwise: Sequence[Callable[[], Sequence[tuple[WordCrop, ...]]]],
        prior: Prior,
    ) -> list[list[_Placed]]:
        """Of each of ``read``, if it is doubtful, the surest of it and what is read ``otherwise``.

        A text is as sure as its reading times its ``prior``.
        """
        best = list(read)
        doubtful = [number for number, words in enumerate(read) if _sureness(words, prior) < _DOUBTED_BELOW]
        others = [(number, way) for number in doubtful for way in otherwise[number]()]
        for (number, _), words in zip(others, self._words([way for _, way in others]), strict=True):
            if _sureness(words, prior) > _sureness(best[number], prior):
                best[number] = words
        return best

    def _find(self, picture: Image.Image) -> Scene:
        return _arranged(
            picture,
            [
                _Placed(crop, Word("", crop.band.outline(), text.confidence), text.confidence)
                for text in self._found(picture)
                for crop in text.level
            ],
        )

    def _found(self, picture: Image.Image) -> list[FoundText]:
        pixels = np.asarray(picture)
        whole = self.detector.unit is Unit.word
        texts = [
            FoundText(pixels, Band.of(region.polygon), region.confidence, self.splitter, whole)
            for region in self.detector.find(pixels)
        ]
        return [text for text in texts if min(text.band.height, text.band.length) >= _LEAST]

    def _words(self, texts: Sequence[tuple[WordCrop, ...]]) -> list[list[_Placed]]:
        """The words of each of ``texts``, all of them read together."""
        # How text lies is decided by the model's own probabilities, whatever its calibration.
        reader, calibration = self.reader.uncalibrated(), self.reader.calibration or Calibration()
        told = partial(calibration.of, second_looks=reader.second_looks)
        readings = iter(
            reader.read_images(piece for crops in texts for crop in crops for piece in crop.pieces)
        )
        return [
            [_word(crop, [next(readings) for _ in crop.pieces], told) for crop in crops] for crops in texts
        ]


def _probability(value: float) -> float:
    """``value``, which is from 0 to 1; else `InputError`."""
    if not 0 <= value <= 1:
        raise InputError(f"min_confidence is {value}; it is a probability, from 0 to 1")
    return float(value)


def _check_extra() -> None:
    """Raises `MissingExtraError` unless the packages that scenes need are there."""
    try:
        import cv2  # noqa: F401
        import shapely  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            f"reading whole photographs needs a package that is not there ({error.name}): "
            "pip install 'clipstr[scenes]'"
        ) from error


def _word(crop: WordCrop, readings: Sequence[Reading], bent: Callable[[Reading], Reading]) -> _Placed:
    """The word that the readings of its pieces make, its probabilities ``bent``."""
    told = [bent(reading) for reading in readings]
    confidence = min(reading.confidence for reading in told)
    characters = tuple(character for reading in told for character in reading.characters)
    text = "".join(reading.text for reading in readings)
    sure = sum(reading.confidence * len(reading.text) for reading in readings)
    legible = max(reading.legible for reading in told)
    word = Word(text, crop.band.outline(), confidence, characters, legible)
    return _Placed(crop, word, sure / max(len(text), 1))


def _sureness(words: Sequence[_Placed], prior: Prior) -> float:
    """The mean sureness of ``words`` times their ``prior``, long ones counting more; 0 without any text."""
    letters = sum(len(placed.word.text) for placed in words)
    sure = sum(
        len(placed.word.text) * placed.sureness * prior(placed.word.text)
        for placed in words
        if placed.word.text
    )
    return sure / letters if letters else 0.0


def _arranged(picture: Image.Image, words: Sequence[_Placed]) -> Scene:
    """The scene of ``words`` in reading order."""
    lines = []
    for placement in reading_order([placed.crop.band for placed in words]):
        members = [words[number] for number in placement.pieces]
        band = Band.joined([placed.crop.band for placed in members])
        lines.append(Line(tuple(placed.word for placed in members), band.outline(), placement.paragraph))
    return Scene(picture.width, picture.height, tuple(lines))
