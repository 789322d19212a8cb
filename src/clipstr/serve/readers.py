"""The readers of a service: its models, loaded before it is ready, and readers for each request's options."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from clipstr.errors import ImageError, ImageTooLargeError, InputError, NotAnImageError
from clipstr.imaging import picture_size
from clipstr.looking import Looked
from clipstr.reader import Outcome, Reader
from clipstr.scenes import MIN_CONFIDENCE
from clipstr.serve.asks import Options, Picture
from clipstr.serve.batching import Later
from clipstr.serve.refusals import RefusalError, error_values, failed_values
from clipstr.serve.settings import ServiceSettings

__all__ = ["Doubtful", "Readers", "item_values", "problem_of"]

LOOKS = 2  # of a stage of second looks, about: it takes as long as so many new pictures
KEPT = 32  # readers with options of their own that are kept, the last used ones


@dataclass(frozen=True)
class Doubtful:
    """A picture that was looked at, and is worth more looks."""

    content: bytes
    looked: Looked


class Readers:
    """The loaded models of a service by their names. Threads may share it.

    Raises `ModelError` if a model cannot be loaded, and `InputError` for two of one name.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        self._limits = settings.limits
        self.models: dict[str, Reader] = {}
        for model in settings.models:
            reader = Reader(
                model, batch_size=settings.batch_size, threads=settings.threads, device=settings.device
            )
            if reader.name in self.models:
                raise InputError(f"two models are called {reader.name!r}: serve one of them")
            self.models[reader.name] = reader
        self.default = next(iter(self.models))
        self._restricted: OrderedDict[Options, Reader] = OrderedDict()
        self._lock = threading.Lock()

    def warm_up(self) -> None:
        """Reads a blank picture with each model, so that the first request is as quick as the others."""
        for reader in self.models.values():
            reader.read(Image.new("RGB", (128, 32), "white"))

    def settled(self, options: Options) -> Options:
        """``options`` with the model's name; raises a `RefusalError` for a model that is not served."""
        name = options.model or self.default
        if name not in self.models:
            known = ", ".join(self.models)
            raise RefusalError(
                422, "unknown_model", f"the model {name!r} is not served here; there are {known}"
            )
        return replace(options, model=name)

    def reader(self, options: Options) -> Reader:
        """The reader for settled ``options``; raises a `RefusalError` (422) if they make no sense.

        A long lexicon takes a moment to be prepared: call it on a thread.
        """
        options = replace(options, min_confidence=MIN_CONFIDENCE)  # no matter of a word's reader
        with self._lock:
            if options in self._restricted:
                self._restricted.move_to_end(options)
                return self._restricted[options]
        try:
            reader = self.models[options.model or self.default].restricted(
                allow=options.allow,
                lexicon=options.lexicon,
                second_looks=options.second_looks,
                known_words=options.known_words,
            )
        except InputError as error:
            raise RefusalError(422, "bad_option", str(error)) from error
        with self._lock:
            self._restricted[options] = reader
            while len(self._restricted) > KEPT:
                self._restricted.popitem(last=False)
        return reader

    def read(
        self, options: Options, items: Sequence[Picture | Doubtful]
    ) -> list[Outcome | Later[Picture | Doubtful]]:
        """What becomes of each of ``items``, in order, all of them looked at once, as one batch.

        What is in doubt after that is to be looked at again later.
        """
        reader = self.reader(options)
        before = [self._looked(reader, item) for item in items]
        after = iter(reader.look([looked for looked in before if isinstance(looked, Looked)]))
        found: list[Outcome | Later[Picture | Doubtful]] = []
        for item, place in zip(items, before, strict=True):
            if isinstance(place, ImageError):
                found.append(Outcome(item.content, None, place))
            elif reader.doubts(looked := next(after)):
                found.append(Later(Doubtful(item.content, looked), LOOKS))
            else:
                found.append(Outcome(item.content, reader.settled(looked), None))
        return found

    def _looked(self, reader: Reader, item: Picture | Doubtful) -> Looked | ImageError:
        """``item`` as it was seen so far, or why it cannot be looked at."""
        if isinstance(item, Doubtful):
            return item.looked
        problem = problem_of(item, self._limits.pixels)
        if problem is not None:
            return problem
        try:
            return Looked(reader.view(item.content))
        except ImageError as error:
            return error


def problem_of(picture: Picture, pixels: int) -> ImageError | None:
    """Why ``picture`` need not be decoded to know that it cannot be read."""
    if picture.problem is not None:
        return NotAnImageError(picture.problem)
    try:
        width, height = picture_size(picture.content)
    except ImageError as error:
        return error
    if width * height > pixels:
        return ImageTooLargeError(
            f"{width}x{height} pixels, and this service reads {pixels} at most; make it smaller"
        )
    return None


def item_values(picture: Picture, outcome: Outcome | BaseException) -> dict[str, Any]:
    """What JSON says of one picture: what was read, or the error; and its name, if it has one."""
    values: dict[str, Any] = {} if picture.name is None else {"name": picture.name}
    if isinstance(outcome, BaseException):
        return values | failed_values()
    if outcome.reading is None:
        return values | {"error": error_values(type(outcome.error).__name__, str(outcome.error))}
    return values | outcome.reading.to_dict()
