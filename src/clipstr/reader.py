"""The reader: ONNX Runtime runs the encoder once a picture and the decoder once a character, in batches."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar, overload

import numpy as np
import onnxruntime
from PIL import Image

from clipstr.decoding import (
    Lexicon,
    allowed_classes,
    assemble,
    probabilities,
    reading_of,
    word_log_probabilities,
)
from clipstr.errors import ImageError, InputError, ModelFileError
from clipstr.imaging import ImageSource, load_image
from clipstr.models import DEFAULT_MODEL, ModelConfig, find_model
from clipstr.reading import Reading

__all__ = ["Outcome", "Reader"]

ENCODER_FILE, DECODER_FILE = "encoder.onnx", "decoder.onnx"
WORDS_AT_ONCE = 64  # how many words of a lexicon are scored in one call

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
    ``threads`` limits ONNX Runtime's (None: as many as there are cores); ``allow`` limits the characters
    that can be read; ``lexicon`` is a list of words of which the likeliest is chosen.

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
    ) -> None:
        if batch_size < 1:
            raise InputError(f"batch_size is {batch_size}; it must be at least 1")
        if threads is not None and threads < 1:
            raise InputError(f"threads is {threads}; it must be at least 1")
        folder = find_model(Path(model) if isinstance(model, os.PathLike) else model)
        self.config = ModelConfig.load(folder)
        self.batch_size = batch_size
        charset = self.config.charset
        self._allowed = allowed_classes(charset, allow)
        self._lexicon = None if lexicon is None else Lexicon(lexicon, charset, self.config.max_length)
        self._encoder = _session(self.config, folder, ENCODER_FILE, threads)
        self._decoder = _session(self.config, folder, DECODER_FILE, threads)
        self._memory_names = [output.name for output in self._encoder.get_outputs()]

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
            return self.read_images(load_image(item) for item in source)
        return self.read_images([load_image(source)])[0]  # type: ignore[arg-type]

    def stream(self, sources: Iterable[ImageSource]) -> Iterator[Outcome]:
        """What becomes of each of ``sources``, in order, as it is known; a bad one never stops the others."""
        for batch in _batches(sources, self.batch_size):
            loaded = [_load(source) for source in batch]
            readings = iter(self.read_images(item for item in loaded if isinstance(item, Image.Image)))
            for source, item in zip(batch, loaded, strict=True):
                if isinstance(item, ImageError):
                    yield Outcome(source, None, item)
                else:
                    yield Outcome(source, next(readings), None)

    def read_images(self, images: Iterable[Image.Image | np.ndarray]) -> list[Reading]:
        """One reading per picture, in order; arrays are as `clipstr.imaging.load_image` takes them."""
        readings: list[Reading] = []
        prepare = self.config.preprocessing
        for batch in _batches(images, self.batch_size):
            pixels = np.stack([prepare.resize(load_image(image)) for image in batch])
            readings += self._read(prepare.normalise(pixels))
        return readings

    def _read(self, inputs: np.ndarray) -> list[Reading]:
        """The readings of ``inputs`` (batch, 3, height, width)."""
        outputs = self._encoder.run(None, {"images": inputs})
        memory = dict(zip(self._memory_names, outputs, strict=True))
        charset = self.config.charset
        free = [assemble(logits, charset, self._allowed) for logits in self._greedy(memory, len(inputs))]
        if self._lexicon is None:
            return free
        return [self._choose(reading, _rows(memory, [row])) for row, reading in enumerate(free)]

    def _greedy(self, memory: Memory, count: int) -> np.ndarray:
        """The logits (batch, positions, num_classes) of reading character by character.

        A row whose text has ended is not computed further (its remaining logits are 0): once half of the
        rows have ended the others go on alone, so that one long word does not cost a whole batch.
        """
        charset, positions = self.config.charset, self.config.max_length + 1
        logits = np.zeros((count, positions, charset.num_classes), np.float32)
        rows = np.arange(count)
        ended = np.zeros(count, bool)
        ids = np.full((count, 1), charset.begin, np.int64)
        for position in range(positions):
            step = self._decode(ids, np.array([position]), memory)[:, 0]
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
        result = self._decoder.run(None, {"ids": ids, "positions": positions, **memory})
        return np.asarray(result[0])

    def _choose(self, free: Reading, memory: Memory) -> Reading:
        """The lexicon's likeliest word for the picture that was read as ``free``."""
        assert self._lexicon is not None
        charset = self.config.charset
        best: tuple[float, Reading] | None = None
        for words in _batches(self._lexicon.candidates(free.text), WORDS_AT_ONCE):
            lengths = np.array([len(word.folded) for word in words])
            ids = np.full((len(words), 1 + lengths.max()), charset.end, np.int64)
            for row, word in enumerate(words):
                ids[row, : lengths[row]] = charset.encode(word.folded)
            told = np.concatenate([np.full((len(words), 1), charset.begin), ids[:, :-1]], axis=1)
            logits = self._decode(told, np.arange(told.shape[1]), _rows(memory, [0] * len(words)))
            chances = probabilities(logits, self._allowed)
            scores = word_log_probabilities(chances, ids, lengths)
            top = int(scores.argmax())
            if best is None or scores[top] > best[0]:
                word, length = words[top], int(lengths[top])
                each = [float(chances[top, place, ids[top, place]]) for place in range(length + 1)]
                match = self._lexicon.match(free.text, word)
                spelled = reading_of(word.folded, each[:-1], each[-1], match)
                reading = Reading(word.spelling, spelled.confidence, spelled.characters, match)
                best = float(scores[top]), reading
        assert best is not None
        return best[1]


def _session(
    config: ModelConfig, folder: Path, name: str, threads: int | None
) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    options.intra_op_num_threads = threads or 0
    # The decoder's steps are too short for threads to wait for each other busily: on two cores with
    # anything else running, spinning doubles the time of a word.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    content = config.verified(folder, name)
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own errors have no common base but this
        raise ModelFileError(f"{folder / name}: ONNX Runtime cannot load it: {error}") from error


def _rows(memory: Memory, rows: Sequence[int] | np.ndarray) -> Memory:
    return {name: tensor[rows] for name, tensor in memory.items()}


def _load(source: ImageSource) -> Image.Image | ImageError:
    try:
        return load_image(source)
    except ImageError as error:
        return error


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
