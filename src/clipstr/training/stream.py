"""The endless stream of training samples: rendered words and real crops, mixed, prepared by workers.

The training process decides which samples come (`Request`); workers make them. A sample depends on its
request alone, so that it is the same on any number of workers and after any interruption.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from clipstr.data import LabelRule, LmdbDataset, find_lmdbs
from clipstr.data.augmentation import augment
from clipstr.errors import DataError, ImageError
from clipstr.imaging import load_image
from clipstr.synth import SynthConfig, WordRenderer, find_fonts, load_words
from clipstr.training.recipe import DataSettings
from clipstr.training.task import SampleFormat

__all__ = ["MixedWords", "Request", "loader", "validation_sets"]


@dataclass(frozen=True)
class Request:
    """Sample number ``index`` of the run, its rendering as hard as ``difficulty`` (0 to 1)."""

    index: int
    difficulty: float


@dataclass(frozen=True)
class _Crop:
    """Where a real crop is, and its folded label."""

    source: int
    index: int
    text: str


class MixedWords(Dataset[tuple[np.ndarray, str]]):
    """Pictures (height, width, 3) in uint8 and their folded labels, by `Request`."""

    def __init__(self, settings: DataSettings, form: SampleFormat) -> None:
        self.settings, self.charset, self.preprocessing = settings, form.charset, form.preprocessing
        rule = LabelRule(form.charset, form.max_length)
        self.sources = [LmdbDataset(path) for root in settings.real for path in find_lmdbs(Path(root))]
        self.crops: list[_Crop] = []
        for number, source in enumerate(self.sources):
            kept = rule.apply_all(source.label(index) for index in range(len(source)))
            self.crops += [_Crop(number, i, t) for i, t in zip(kept.indices, kept.texts, strict=True)]
        if settings.synthetic_share < 1 and not self.crops:
            raise DataError(f"no real crop is left after the label rule in {', '.join(settings.real)}")
        self.renderer = _renderer(settings, form)

    def __getitem__(self, request: Request) -> tuple[np.ndarray, str]:
        rng = np.random.default_rng((self.settings.seed, request.index))
        if rng.random() < self.settings.synthetic_share and self.renderer is not None:
            sample = self.renderer.sample(self.settings.seed, request.index, request.difficulty)
            return sample.image, self.charset.fold(sample.label)
        return self._real(rng)

    def _real(self, rng: np.random.Generator) -> tuple[np.ndarray, str]:
        """A real crop, augmented; one that does not decode is replaced by another."""
        while True:
            crop = self.crops[int(rng.integers(len(self.crops)))]
            try:
                picture = load_image(self.sources[crop.source].image_bytes(crop.index))
            except ImageError:
                continue
            return self.preprocessing.resize(augment(picture, rng)), crop.text


def validation_sets(settings: DataSettings) -> list[LmdbDataset]:
    """Every data set below the validation folders."""
    return [LmdbDataset(path) for root in settings.validation for path in find_lmdbs(Path(root))]


def _renderer(settings: DataSettings, form: SampleFormat) -> WordRenderer | None:
    """The renderer that the settings ask for, or None if they ask for no rendered sample."""
    if settings.synthetic_share == 0:
        return None
    config = SynthConfig(
        characters=form.charset.characters,
        max_length=form.max_length,
        height=form.preprocessing.height,
        width=form.preprocessing.width,
    )
    fonts = find_fonts([Path(folder) for folder in settings.fonts])
    words = load_words(Path(settings.words) if settings.words else None)
    return WordRenderer(config, fonts=fonts, words=words)


class _Requests(Sampler[list[Request]]):
    """Batches of requests from sample ``start`` on, for ever."""

    def __init__(self, start: int, batch_size: int, difficulty: Callable[[], float]) -> None:
        self.start, self.batch_size, self.difficulty = start, batch_size, difficulty

    def __iter__(self) -> Iterator[list[Request]]:
        first = self.start
        while True:
            difficulty = self.difficulty()
            yield [Request(first + offset, difficulty) for offset in range(self.batch_size)]
            first += self.batch_size


def _collate(samples: list[tuple[np.ndarray, str]]) -> tuple[Tensor, list[str]]:
    return torch.from_numpy(np.stack([image for image, _ in samples])), [text for _, text in samples]


def _start_worker(_: int) -> None:
    """One thread a worker, since they are many; and Ctrl-C is the training process's to handle."""
    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def loader(
    words: MixedWords, *, start: int, batch_size: int, difficulty: Callable[[], float], workers: int
) -> Iterator[tuple[Tensor, list[str]]]:
    """Batches of pictures (batch, height, width, 3) in uint8 and texts, from sample ``start`` on."""
    return iter(
        DataLoader(
            words,
            batch_sampler=_Requests(start, batch_size, difficulty),
            collate_fn=_collate,
            num_workers=workers,
            prefetch_factor=8 if workers else None,
            worker_init_fn=_start_worker,
            multiprocessing_context="spawn" if workers else None,
        )
    )
