"""The endless stream of training samples: rendered words and real crops, mixed, prepared by workers.

The training process decides which samples come (`Request`); workers make them. A sample depends on its
request alone, so that it is the same on any number of workers and after any interruption.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from clipstr.data import LabelRule
from clipstr.data.augmentation import AUGMENTATIONS
from clipstr.errors import ClipstrError, TrainingError
from clipstr.fonts import cache_folder, find_fonts
from clipstr.form import WordForm
from clipstr.synth import SynthConfig, WordRenderer, find_backgrounds, load_words
from clipstr.training.samples.crops import Crops
from clipstr.training.samples.mixture import SYNTHETIC, Mixture, Place
from clipstr.training.settings import DataSettings, SyntheticSettings

__all__ = ["MixedWords", "Request", "Slice", "Words", "loader", "prepare_workers"]

_AHEAD = 8
"""Batches that each worker prepares in advance."""


@dataclass(frozen=True)
class Request:
    """Sample number ``index`` of the run: where it comes from, and how hard its rendering is (0 to 1)."""

    index: int
    place: Place
    difficulty: float


class Words(NamedTuple):
    """Labelled pictures (batch, height, width, 3) in uint8, and what is to be told of how they came."""

    pixels: Tensor
    texts: list[str]
    notes: list[str]


class MixedWords(Dataset["Words | ClipstrError"]):
    """Whole batches by their requests."""

    def __init__(self, settings: DataSettings, form: WordForm) -> None:
        self.settings, self.charset, self.preprocessing = settings, form.charset, form.preprocessing
        rule = LabelRule(form.charset, form.max_length, settings.unknown)
        self.crops = {name: Crops(name, source, rule) for name, source in settings.sources.items()}
        self.renderer = _renderer(settings.synthetic, form) if settings.synthetic.weight else None

    def mixture(self) -> Mixture:
        """The order in which the samples come."""
        weights = {name: source.weight for name, source in self.settings.sources.items()}
        if self.renderer is not None:
            weights[SYNTHETIC] = self.settings.synthetic.weight
        counts = {name: len(crops) for name, crops in self.crops.items()}
        return Mixture(counts, weights, seed=self.settings.seed)

    def __getitem__(self, requests: list[Request]) -> Words | ClipstrError:
        """The batch; an error of ours comes back as a value, since PyTorch would wrap it in a stack."""
        try:
            samples = [self._sample(request) for request in requests]
        except ClipstrError as error:
            return error
        pixels = torch.from_numpy(np.stack([pixels for pixels, _, _ in samples]))
        return Words(pixels, [text for _, text, _ in samples], [n for *_, notes in samples for n in notes])

    def _sample(self, request: Request) -> tuple[np.ndarray, str, list[str]]:
        rng = np.random.default_rng((self.settings.seed, request.index, 3))
        if request.place.source == SYNTHETIC:
            assert self.renderer is not None
            rendered = self.renderer.sample(self.settings.seed, request.index, request.difficulty)
            pixels, text, notes = rendered.image, self.charset.fold(rendered.label), list[str]()
            augment = self.settings.synthetic.augment
        else:
            crops = self.crops[request.place.source]
            pixels, text, notes = crops.readable(request.place.item)
            augment = crops.settings.augment
        pixels = AUGMENTATIONS[augment](pixels, rng)
        form = (self.preprocessing.height, self.preprocessing.width)
        if pixels.shape[:2] != form:
            pixels = self.preprocessing.resize(Image.fromarray(pixels))
        return pixels, text, notes


def _renderer(settings: SyntheticSettings, form: WordForm) -> WordRenderer:
    config = SynthConfig(
        characters=form.charset.characters,
        max_length=form.max_length,
        mildest=settings.mildest,
        unread=settings.unread,
        empty=settings.empty,
        shares=settings.shares,
        layout=settings.layout,
        looks=settings.looks,
        scene=settings.scene,
        camera=settings.camera,
    )
    return WordRenderer(
        config,
        fonts=find_fonts([Path(folder) for folder in settings.fonts], cache=cache_folder()),
        words=load_words(Path(settings.words)) if settings.words else None,
        texts=load_words(Path(settings.texts)) if settings.texts else None,
        backgrounds=find_backgrounds(Path(settings.backgrounds)) if settings.backgrounds else (),
    )


@dataclass(frozen=True)
class Slice:
    """Which samples of every step one of several processes takes, in how many parts."""

    batch_size: int  # samples a step, of all processes
    parts: int = 1  # that each process takes its samples in
    process: int = 0
    processes: int = 1

    def __post_init__(self) -> None:
        if self.batch_size % (self.parts * self.processes):
            raise TrainingError(
                f"a batch of {self.batch_size} cannot be shared by {self.processes} processes in "
                f"{self.parts} parts each: change optimisation.batch_size or accumulate"
            )

    def part(self, first: int, number: int) -> range:
        """The samples of part ``number`` of the step that begins with sample ``first``."""
        size = self.batch_size // (self.parts * self.processes)
        start = first + (self.process * self.parts + number) * size
        return range(start, start + size)


class _Requests(Sampler[list[Request]]):
    """The requests of one process, part by part, from sample ``start`` on, for ever."""

    def __init__(
        self, mixture: Mixture, share: Slice, start: int, difficulty: Callable[[int], float]
    ) -> None:
        self.mixture, self.share, self.start, self.difficulty = mixture, share, start, difficulty

    def __iter__(self) -> Iterator[list[Request]]:
        first = self.start
        while True:
            difficulty = self.difficulty(first)
            for number in range(self.share.parts):
                indices = self.share.part(first, number)
                yield [Request(index, self.mixture.place(index), difficulty) for index in indices]
            first += self.share.batch_size


def prepare_workers() -> None:
    """Lets the process that workers are forked from begin, which imports once what all of them need."""
    context = _workers_context()
    if context.get_start_method() == "forkserver":
        from multiprocessing import forkserver

        forkserver.ensure_running()


def _workers_context() -> Any:
    """How workers begin: forked from a fresh process that has imported everything already.

    Spawned ones import for themselves, and one after the other: the training process waits for each to take
    what it is given (4 workers on two busy cores: 81 s until all were there, 18 s this way).
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _as_it_is(batch: Any) -> Any:
    return batch


def _start_worker(_: int) -> None:
    """One thread a worker, since they are many; and Ctrl-C is the training process's to handle."""
    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def loader(
    words: MixedWords, share: Slice, *, start: int, difficulty: Callable[[int], float], workers: int
) -> Generator[Words, None, None]:
    """The parts of every step from sample ``start`` on; ``difficulty`` is that of a step's first sample.

    Raises what kept a sample from being made, and `TrainingError` if a worker died.
    """
    batches = DataLoader(
        words,
        sampler=_Requests(words.mixture(), share, start, difficulty),
        batch_size=None,
        collate_fn=_as_it_is,
        num_workers=workers,
        prefetch_factor=_AHEAD if workers else None,
        worker_init_fn=_start_worker,
        multiprocessing_context=_workers_context() if workers else None,
    )
    try:
        for batch in batches:
            if isinstance(batch, ClipstrError):
                raise batch
            yield batch
    except RuntimeError as error:
        if "exited unexpectedly" not in str(error):
            raise
        raise TrainingError(
            f"a process that prepares samples died ({error}): the memory may be full, or a data file "
            "was cut short while it was read; check both and go on"
        ) from error
