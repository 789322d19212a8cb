"""The reader: ONNX Runtime runs the encoder once a picture and the decoder once a character, in batches."""

from __future__ import annotations

import copy
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar, overload

import numpy as np

from clipstr.decoding import AT_ONCE, Lexicon, allowed_classes, assemble, probabilities
from clipstr.engine import Session
from clipstr.errors import ImageError, InputError, ModelFileError
from clipstr.imaging import ImageSource, load_image
from clipstr.looking import MORE_LOOKS, View, agreed
from clipstr.models import DECODER_FILE, DEFAULT_MODEL, ENCODER_FILE, ModelConfig, find_model
from clipstr.reading import Reading

__all__ = ["Outcome", "Reader"]

_log = logging.getLogger("clipstr")

T = TypeVar("T")
Memory = dict[str, np.ndarray]  # the pictures' keys and values by name, rows first


@dataclass(frozen=True)
class Outcome:
    """What became of one source: a reading, or the error that kept it from being read."""

    source: ImageSource
    reading: Reading | None
    error: ImageError | None


class Reader:
    """Reads words in pictures with an exported model. It may be shared by threads.

    ``model`` is the name of an embedded model or a folder; ``batch_size`` pictures are read together;
    ``threads`` is how many the encoder computes with (None: as many as this process may use cores);
    ``allow`` limits the characters that can be read; ``lexicon`` is a list of words of which the likeliest
    is read: the one to which the model gives the highest probability, however long the list;
    ``second_looks`` says whether words that are read with doubt are looked at again, cut and turned a little
    (`clipstr.looking`), which reads more of them right and takes longer.

    Readings do not depend on which pictures share a batch. Raises `ModelError` if the model cannot be
    loaded, `CharsetError` for a wrong ``allow`` and `LexiconError` for a wrong ``lexicon``.
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
    ) -> None:
        if batch_size < 1:
            raise InputError(f"batch_size is {batch_size}; it must be at least 1")
        folder = find_model(Path(model) if isinstance(model, os.PathLike) else model)
        self.config = ModelConfig.load(folder)
        self.batch_size, self.second_looks = batch_size, second_looks
        self._encoder = _session(self.config, folder, ENCODER_FILE, threads)
        # The decoder's steps are too short to be shared: a second thread makes words slower.
        self._decoder = _session(self.config, folder, DECODER_FILE, 1)
        _check_fit(self.config, folder, self._encoder, self._decoder)
        self._restrict(allow, lexicon)

    def _restrict(self, allow: str | None, lexicon: Iterable[str] | None) -> None:
        charset = self.config.form.charset
        self._allowed = allowed_classes(charset, allow)
        self._lexicon = None
        if lexicon is not None:
            self._lexicon = Lexicon(lexicon, charset, self.config.form.max_length, self._allowed)
            if self._lexicon.skipped:
                _log.warning(
                    "%d words of the lexicon cannot be read and are left out: %d remain",
                    self._lexicon.skipped,
                    len(self._lexicon),
                )

    def restricted(
        self,
        *,
        allow: str | None = None,
        lexicon: Iterable[str] | None = None,
        second_looks: bool | None = None,
    ) -> Reader:
        """A reader with this one's model, already loaded, and its own ``allow`` and ``lexicon``.

        ``second_looks`` None leaves them as they are here. Raises `CharsetError` and `LexiconError` as making
        a reader does.
        """
        reader = copy.copy(self)
        reader.second_looks = self.second_looks if second_looks is None else second_looks
        reader._restrict(allow, lexicon)
        return reader

    @property
    def name(self) -> str:
        """The model's name."""
        return self.config.name

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
        remaining, size = iter(sources), min(max(first_batch, 1), self.batch_size)
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
        for batch in _batches(images, self.batch_size):
            readings += self._read([self._view(image) for image in batch])
        return readings

    def _view(self, source: ImageSource) -> View:
        return View.of(load_image(source), self.config.form.preprocessing)

    def _view_or_error(self, source: ImageSource) -> View | ImageError:
        try:
            return self._view(source)
        except ImageError as error:
            return error

    def _read(self, views: Sequence[View]) -> list[Reading]:
        """The readings of one batch of pictures, second looks included."""
        found = [[reading] for reading in self._look([view.pixels for view in views])]
        for ways, doubt in MORE_LOOKS if self.second_looks else ():
            doubtful = [row for row, readings in enumerate(found) if agreed(readings).confidence < doubt]
            looks = [(row, look) for row in doubtful for look in ways(views[row].picture)]
            for batch in _batches(looks, self.batch_size):
                pixels = [self.config.form.preprocessing.resize(look) for _, look in batch]
                for (row, _), reading in zip(batch, self._look(pixels), strict=True):
                    found[row].append(reading)
        return [agreed(readings) for readings in found]

    def _look(self, pixels: Sequence[np.ndarray]) -> list[Reading]:
        """The readings of one batch of resized pictures, each (height, width, 3), at one look."""
        if not pixels:
            return []
        inputs = self.config.form.preprocessing.normalise(np.stack(pixels))
        memory = self._encoder.run({"images": inputs})
        charset = self.config.form.charset
        free = [assemble(logits, charset, self._allowed) for logits in self._greedy(memory, len(pixels))]
        if self._lexicon is None:
            return free
        return [
            self._choose(self._lexicon, reading, _rows(memory, [row] * AT_ONCE))
            for row, reading in enumerate(free)
        ]

    def _greedy(self, memory: Memory, count: int) -> np.ndarray:
        """The logits (batch, positions, num_classes) of reading character by character.

        A row whose text has ended is not computed further (its remaining logits are 0): once half of the
        rows have ended the others go on alone, so that one long word does not cost a whole batch.
        """
        charset, positions = self.config.form.charset, self.config.form.max_length + 1
        logits = np.zeros((count, positions, charset.num_classes), np.float32)
        rows = np.arange(count)
        ended = np.zeros(count, bool)
        ids = np.full((count, 1), charset.begin, np.int64)
        for position in range(positions):
            step = self._decode(ids, np.array([position], np.int64), memory)[:, 0]
            logits[rows, position] = step
            choice = np.where(self._allowed, step, -np.inf).argmax(-1)
            ended |= choice == charset.end
            if ended.all():
                break
            ids = np.concatenate([ids, choice[:, None]], axis=1)
            if 2 * np.count_nonzero(ended) >= len(rows):
                going = np.flatnonzero(~ended)
                rows, ids, ended, memory = rows[going], ids[going], ended[going], _rows(memory, going)
        return logits

    def _decode(self, ids: np.ndarray, positions: np.ndarray, memory: Memory) -> np.ndarray:
        """Logits (batch, queries, num_classes) at ``positions``, given the tokens ``ids`` (batch, length)."""
        return self._decoder.run({"ids": ids, "positions": positions, **memory}, ["logits"])["logits"]

    def _choose(self, lexicon: Lexicon, free: Reading, memory: Memory) -> Reading:
        """The lexicon's likeliest word for the picture that was read as ``free``; its ``memory`` repeated."""
        charset = self.config.form.charset

        def chances_after(beginnings: list[np.ndarray]) -> np.ndarray:
            lengths = np.array([len(ids) for ids in beginnings], np.int64)
            told = np.full((len(beginnings), 1 + lengths.max()), charset.padding, np.int64)
            told[:, 0] = charset.begin
            for row, ids in zip(told, beginnings, strict=True):
                row[1 : 1 + len(ids)] = ids
            # One position for each row is wanted; what stands behind a position does not change it.
            positions, which = np.unique(lengths, return_inverse=True)
            logits = self._decode(told, positions, _rows(memory, slice(len(beginnings))))
            wanted = logits[np.arange(len(beginnings)), which]
            return probabilities(wanted.astype(np.float64), self._allowed)

        return lexicon.best(chances_after).reading(free.text)


def _session(config: ModelConfig, folder: Path, name: str, threads: int | None) -> Session:
    return Session(
        partial(config.verified, folder.absolute(), name), threads=threads, name=str(folder / name)
    )


def _check_fit(
    config: ModelConfig,
    folder: Path,
    encoder: Session,
    decoder: Session,
) -> None:
    """Raises `ModelFileError` unless the two graphs fit each other and the config."""
    inputs = encoder.inputs | decoder.inputs
    if set(inputs) != {"images", "ids", "positions", *encoder.outputs}:
        raise ModelFileError(f"{folder}: its encoder and decoder do not fit each other: {sorted(inputs)}")
    prepared = config.form.preprocessing
    wanted = [3, prepared.height, prepared.width, config.form.charset.num_classes]
    found = [*inputs["images"][1:], decoder.outputs["logits"][-1]]
    if found != wanted:
        raise ModelFileError(
            f"{folder}: its graphs do not fit its config: channels, height, width and classes are {found} "
            f"there and {wanted} here"
        )


def _rows(memory: Memory, rows: Sequence[int] | np.ndarray | slice) -> Memory:
    return {name: tensor[rows] for name, tensor in memory.items()}


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
