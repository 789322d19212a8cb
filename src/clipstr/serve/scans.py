"""Photographs in a service: found and read one at a time, so that memory and time stay within bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from clipstr.errors import ImageError, ImageTooLargeError
from clipstr.scenes import Scene, SceneReader, plain_scene
from clipstr.scenes.pages import is_pdf
from clipstr.serve.asks import Options, Picture
from clipstr.serve.readers import Readers, problem_of
from clipstr.serve.refusals import error_values, failed_values
from clipstr.serve.settings import ServiceSettings

__all__ = ["Scan", "Scans", "scan_values"]


@dataclass(frozen=True)
class Scan:
    """What was read in one photograph or on the pages of a PDF, in order; or the error."""

    pages: tuple[tuple[int | None, Scene], ...]  # a page's number from 1; None of a photograph
    error: ImageError | None = None


class Scans:
    """Finds and reads the words in photographs with the readers of a service.

    Raises `MissingExtraError` without the packages for it.
    """

    def __init__(self, settings: ServiceSettings, readers: Readers) -> None:
        self._limits, self._readers = settings.limits, readers
        self._scene_reader = SceneReader(settings.models[0], threads=settings.threads, device=settings.device)

    def scan(self, options: Options, pictures: Sequence[Picture]) -> list[Scan]:
        """What is read in each of ``pictures``, in order."""
        reader = self._scene_reader.restricted(min_confidence=options.min_confidence)  # a copy
        reader.reader = self._readers.reader(options)
        return [self._one(reader, picture) for picture in pictures]

    def _one(self, reader: SceneReader, picture: Picture) -> Scan:
        if picture.problem is not None or not is_pdf(picture.content):
            problem = problem_of(picture, self._limits.pixels)
            if problem is not None:
                return Scan((), problem)
        pages: list[tuple[int | None, Scene]] = []
        for outcome in reader.stream([picture.content]):
            if outcome.scene is None:
                return Scan((), outcome.error)
            if len(pages) == self._limits.pages:
                message = f"the PDF has more than {self._limits.pages} pages; send fewer at a time"
                return Scan((), ImageTooLargeError(message))
            pages.append((outcome.page, outcome.scene))
        return Scan(tuple(pages))


def scan_values(picture: Picture, scan: Scan | BaseException) -> dict[str, Any]:
    """What JSON says of one photograph: its pages with their lines and words, or the error."""
    values: dict[str, Any] = {} if picture.name is None else {"name": picture.name}
    if isinstance(scan, BaseException):
        return values | failed_values()
    if scan.error is not None:
        return values | {"error": error_values(type(scan.error).__name__, str(scan.error))}
    return values | {"pages": [{"page": number, **plain_scene(scene)} for number, scene in scan.pages]}
