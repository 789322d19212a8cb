"""The reader: many kinds of pictures, in batches and in order; what is read in doubt is looked at again."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TypeVar, overload

import numpy as np
from PIL import Image

from clipstr.arguments import flag, whole_number
from clipstr.calibration import Calibration
from clipstr.decoding import BEAM, Decoder, Scorer
from clipstr.decoding.prior import LEAST, Prior, no_prior, word_prior
from clipstr.devices import AUTO, CPU
from clipstr.errors import ImageError, InputError
from clipstr.exported import ExportedModel
from clipstr.form import WordForm
from clipstr.imaging import ImageSource, load_image
from clipstr.looking import Looked, View, agreed, enough
from clipstr.models import DEFAULT_MODEL, ModelConfig, find_model
from clipstr.reading import Reading

__all__ = ["LARGEST_BATCH", "Outcome", "Reader"]

LARGEST_BATCH = 4096
"""Pictures: more in a batch make nothing quicker, and their tensors would fill the memory."""

T = TypeVar("T")


@dataclass(frozen=True)
class Outcome:
    """What became of one source: a reading, or the error that kept it from being read."""

    source: ImageSource
    reading: Reading | None
    error: ImageError | None


class Reader:
    """Reads words in pictures with an exported model. It may be shared by threads, pickled and forked with.

    ``model`` is the name of an embedded model or a folder; ``batch_size`` pictures are read together;
    ``threads`` is how many the encoder computes with (None or 0: as many as this process may use processors,
    and never more); ``allow`` limits the characters that can be read, ``0-9`` being all figures; ``lexicon``
    is a list of words of which the likeliest is read: the one to which the model gives the highest
    probability, however long the list; ``second_looks`` says whether words that are read with doubt are
    looked at again, cut and turned a little (`clipstr.looking`), which reads more of them right and takes
    longer; ``known_words`` says whether a word read with doubt is rather taken for one that is known than for
    another that looks alike (`clipstr.decoding.prior`; None: with second looks), which a lexicon makes
    needless and codes do not want; that takes several texts of each look, and so a beam for doubtful words;
    ``beam`` is how many beginnings of a text are gone on with at a time (1: only the likeliest; None: 5 where
    known words are preferred or candidates asked for, else 1), and ``candidates`` how many texts a reading
    tells; ``device`` is what computes: "cpu", "cuda", "openvino" and others (`clipstr.devices`), never
    another than that, or "auto" for the quickest that is there. `device` says what it is.

    `prior` is what a text counts before it is looked at.

    Probabilities are bent by the calibration in the model's config, if it has one (`uncalibrated` gives a
    reader that tells the model's own). Readings do not depend on which pictures share a batch. Raises
    `ModelError` if the model cannot be loaded, `CharsetError` for a wrong ``allow``, `LexiconError` for a
    wrong ``lexicon``, `DeviceError` for a ``device`` that is not there, and `InputError` for other wrong
    arguments.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = DEFAULT_MODEL,
        *,
        batch_size: int = 32,
        threads: int | None = None,
        allow: str | None = None,
        lexicon: Iterable[str] | None = None,
        second_looks: bool = True,
        device: str = AUTO,
        known_words: bool | None = None,
        beam: int | None = None,
        candidates: int = 1,
    ) -> None:
        folder = find_model(model)
        config = ModelConfig.load(folder)
        self._begin(config.name, batch_size, second_looks, known_words, config.calibration)
        self.config = config
        exported = ExportedModel.open(config, folder, threads=threads, device=device)
        self._scorer: Scorer = exported
        self.device = exported.device
        self._decode(config.form, allow, lexicon, beam, candidates)

    @classmethod
    def over(
        cls,
        scorer: Scorer,
        *,
        name: str,
        batch_size: int = 32,
        second_looks: bool = True,
        known_words: bool | None = None,
        calibration: Calibration | None = None,
        device: str = CPU.name,
        beam: int | None = None,
        candidates: int = 1,
    ) -> Reader:
        """A reader that asks ``scorer``, such as a recogniser in PyTorch; ``name`` is for tables.

        ``device`` says what computes.
        """
        reader = cls.__new__(cls)
        reader.device = device
        reader._begin(name, batch_size, second_looks, known_words, calibration)
        reader._scorer = scorer
        reader._decode(scorer.form, None, None, beam, candidates)
        return reader

    def _begin(
        self,
        name: str,
        batch_size: int,
        second_looks: bool,
        known_words: bool | None,
        calibration: Calibration | None,
    ) -> None:
        self.name, self.calibration = name, calibration
        self.batch_size = whole_number(
            batch_size, "batch_size", least=1, most=LARGEST_BATCH, meaning="pictures read together"
        )
        self.second_looks = flag(second_looks, "second_looks")
        self._known_words = None if known_words is None else flag(known_words, "known_words")

    @property
    def known_words(self) -> bool:
        """Whether known words are preferred where there is doubt."""
        return self.second_looks if self._known_words is None else self._known_words

    def _decode(
        self,
        form: WordForm,
        allow: str | None,
        lexicon: Iterable[str] | None,
        beam: int | None,
        candidates: int,
    ) -> None:
        """Sets how texts are found; where looks are to agree, as many of each as the beam is wide.

        Known words can be preferred among several texts alone: doubtful ones are looked for with a beam then.
        """
        self._beam = beam
        known = self.known_words and lexicon is None
        self.prior: Prior = word_prior if known else no_prior
        if known and beam is None and candidates == 1:
            worth = partial(enough, prior=self.prior)
            asked = Decoder(form, allow=allow, lexicon=lexicon, beam=BEAM, enough=worth, least=LEAST)
        else:
            asked = Decoder(form, allow=allow, lexicon=lexicon, beam=beam, candidates=candidates)
        self.beam, self.candidates = asked.beam, asked.candidates
        self._decoder = asked if self.beam == 1 else asked.with_candidates(self.beam)

    @property
    def form(self) -> WordForm:
        """What it reads: the alphabet, the longest word, and how pictures are prepared."""
        return self._scorer.form

    def restricted(
        self,
        *,
        allow: str | None = None,
        lexicon: Iterable[str] | None = None,
        second_looks: bool | None = None,
        known_words: bool | None = None,
    ) -> Reader:
        """A reader with this one's model, already loaded, and its own ``allow`` and ``lexicon``.

        ``second_looks`` and ``known_words`` None leave them as they are here. Raises `CharsetError` and
        `LexiconError` as making a reader does.
        """
        reader = copy.copy(self)
        if second_looks is not None:
            reader.second_looks = flag(second_looks, "second_looks")
        if known_words is not None:
            reader._known_words = flag(known_words, "known_words")
        reader._decode(self.form, allow, lexicon, self._beam, self.candidates)
        return reader

    def uncalibrated(self) -> Reader:
        """A reader with this one's model, already loaded, that tells the model's own probabilities."""
        reader = copy.copy(self)
        reader.calibration = None
        return reader

    @overload  # a str is a sequence too, but always one path
    def read(self, source: ImageSource) -> Reading: ...  # type: ignore[overload-overlap]

    @overload
    def read(self, source: Sequence[ImageSource]) -> list[Reading]: ...

    def read(self, source: ImageSource | Sequence[ImageSource]) -> Reading | list[Reading]:
        """The reading of one picture, or the readings of a list or tuple of them, in order.

        Raises the first `ImageError`; `stream` goes on past pictures that cannot be read.
        """
        if isinstance(source, (list, tuple)):
            return self.read_images(source)
        return self.read_images([source])[0]  # type: ignore[list-item]

    def stream(self, sources: Iterable[ImageSource], *, first_batch: int = 1) -> Iterator[Outcome]:
        """What becomes of each of ``sources``, in order, as it is known; a bad one never stops the others.

        The first batch is ``first_batch`` pictures and each next one twice as many, up to ``batch_size``:
        from one on, the first words come at once. Of a batch only one picture is held unpacked. No more of
        ``sources`` is taken than the batch needs.
        """
        first = whole_number(first_batch, "first_batch", least=1, most=LARGEST_BATCH)
        return self._stream(_several(sources, "sources"), min(first, self.batch_size))

    def _stream(self, sources: Iterable[ImageSource], size: int) -> Iterator[Outcome]:
        remaining = iter(sources)
        while batch := list(islice(remaining, size)):
            loaded = [self._view_or_error(source) for source in batch]
            readings = iter(self._read([item for item in loaded if isinstance(item, View)]))
            for source, item in zip(batch, loaded, strict=True):
                if isinstance(item, ImageError):
                    yield Outcome(source, None, item)
                else:
                    yield Outcome(source, next(readings), None)
            size = min(2 * size, self.batch_size)

    def read_images(self, images: Iterable[ImageSource]) -> list[Reading]:
        """One reading per picture, in order. Raises the first `ImageError`."""
        readings: list[Reading] = []
        for batch in _batches(_several(images, "images"), self.batch_size):
            readings += self._read([self.view(image) for image in batch])
        return readings

    def _view_or_error(self, source: ImageSource) -> View | ImageError:
        try:
            return self.view(source)
        except ImageError as error:
            return error

    def _read(self, views: Sequence[View]) -> list[Reading]:
        """The readings of one batch of pictures, second looks included."""
        found = [Looked(view) for view in views]
        rows = list(range(len(found)))
        while rows:
            for row, looked in zip(rows, self.look([found[row] for row in rows]), strict=True):
                found[row] = looked
            rows = [row for row in rows if self.doubts(found[row])]
        return [self.settled(looked) for looked in found]

    def view(self, source: ImageSource) -> View:
        """``source`` ready for `look`. Raises `ImageError`."""
        return View.of(load_image(source), self.form.preprocessing)

    def look(self, several: Sequence[Looked]) -> list[Looked]:
        """``several`` after their next looks, in order: the first one, or those of their next stage.

        With `doubts` and `settled`, for who decides himself which looks are taken together; all other
        methods do that for one batch.
        """
        resize = self.form.preprocessing.resize
        looks = [
            (row, pixels)
            for row, looked in enumerate(several)
            for pixels in (map(resize, looked.ways()) if looked.readings else [looked.view.pixels])
        ]
        found: list[list[Reading]] = [[] for _ in several]
        for batch in _batches(looks, self.batch_size):
            readings = self._decoder.read(self._scorer, [pixels for _, pixels in batch])
            for (row, _), reading in zip(batch, readings, strict=True):
                found[row].append(reading)
        return [looked.more(readings) for looked, readings in zip(several, found, strict=True)]

    def doubts(self, looked: Looked) -> bool:
        """Whether ``looked`` is worth more looks."""
        return looked.doubtful(self.prior) and (self.second_looks or not looked.readings)

    def settled(self, looked: Looked) -> Reading:
        """What all looks at it together say, calibrated if the model is."""
        last = agreed(looked.readings, self.prior)
        told = last.candidates[: self.candidates] if self.candidates > 1 else ()
        last = replace(last, candidates=told)
        if self.calibration is None:
            return last
        return self.calibration.of(last, second_looks=self.second_looks)


def _several(pictures: Iterable[ImageSource], name: str) -> Iterable[ImageSource]:
    """``pictures``, unless it is a single one: its letters, bytes or rows would be taken for pictures."""
    single = isinstance(pictures, (str, bytes, bytearray, memoryview, os.PathLike, Image.Image))
    rows = isinstance(pictures, np.ndarray) and pictures.ndim < 4
    if single or rows or hasattr(pictures, "read") or not isinstance(pictures, Iterable):
        raise InputError(
            f"{name} is one {type(pictures).__name__}, and it must be a list of pictures; read() takes a "
            "single one"
        )
    return pictures


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
