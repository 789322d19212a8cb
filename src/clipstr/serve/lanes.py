"""The two ways through a service: word crops, read in batches, and photographs, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from clipstr.reader import Outcome
from clipstr.reading import Reading
from clipstr.scenes import Scene
from clipstr.serve.asks import OPTIONS, SCAN_OPTIONS, Options, Picture
from clipstr.serve.batching import Batcher
from clipstr.serve.metrics import Metrics
from clipstr.serve.readers import Doubtful, Readers, item_values
from clipstr.serve.scans import Scan, Scans, scan_values
from clipstr.serve.settings import ServiceSettings

__all__ = ["READ", "SCAN", "Lane", "scan_lane", "word_lane"]

READ, SCAN = "/v1/read", "/v1/scan"

Result = TypeVar("Result")


@dataclass(frozen=True)
class Lane(Generic[Result]):
    """What answers the requests of one ``path``."""

    path: str
    known: tuple[str, ...]  # the options that it has
    batcher: Batcher[Options, Any, Result]  # of pictures, and of what is left to do about them
    values: Callable[[Picture, Result | BaseException], dict[str, Any]]  # what JSON says of a picture
    scenes: Callable[[Result], Sequence[Scene] | Reading | None]  # what a document needs; None of an error
    seconds: Callable[[int], float]  # that a request of so many pictures may take


def word_lane(settings: ServiceSettings, readers: Readers, metrics: Metrics) -> Lane[Outcome]:
    """The lane of word crops."""
    limits = settings.limits
    batcher: Batcher[Options, Picture | Doubtful, Outcome] = Batcher(
        readers.read,
        size=settings.batch_size,
        wait=settings.wait_seconds,
        workers=settings.workers,
        room=limits.queue,
        patience=limits.seconds,
        observe=metrics.lane(READ, "words", lambda: batcher.waiting),
    )
    return Lane(
        path=READ,
        known=OPTIONS,
        batcher=batcher,
        values=item_values,
        scenes=lambda outcome: outcome.reading,
        seconds=lambda _: limits.seconds,
    )


def scan_lane(settings: ServiceSettings, readers: Readers, metrics: Metrics) -> Lane[Scan]:
    """The lane of photographs. Raises `MissingExtraError` without the packages for it."""
    limits = settings.limits
    batcher: Batcher[Options, Picture, Scan] = Batcher(
        Scans(settings, readers).scan,
        size=1,  # a photograph takes memory, and so does the process that draws a PDF's pages
        room=limits.photographs,
        patience=limits.seconds,
        observe=metrics.lane(SCAN, "photographs", lambda: batcher.waiting),
    )
    return Lane(
        path=SCAN,
        known=SCAN_OPTIONS,
        batcher=batcher,
        values=scan_values,
        scenes=lambda scan: None if scan.error else [scene for _, scene in scan.pages],
        seconds=lambda photographs: photographs * limits.seconds,
    )
