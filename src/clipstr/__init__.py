"""clipstr reads words in photographs, and trains such readers by letting CLIP teach them.

    >>> import clipstr
    >>> clipstr.read("photo.jpg")
    Reading(text='coffee', confidence=0.98, ...)

`read` is the short way, `Reader` the full one; of whole photographs `scan` and `SceneReader` (the extra
"scenes"). Nothing here needs PyTorch, and nothing is downloaded.
"""

from __future__ import annotations

import importlib
import os
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, overload

from clipstr.errors import (
    CharsetError,
    ClipstrError,
    DataError,
    ImageError,
    InputError,
    LexiconError,
    MissingExtraError,
    ModelError,
)
from clipstr.forking import unforked
from clipstr.reading import Candidate, CharacterReading, Match, Reading, WordReader

if TYPE_CHECKING:
    from clipstr.imaging import ImageSource
    from clipstr.reader import Outcome, Reader
    from clipstr.scenes import Detector, Line, Region, Scene, SceneOutcome, SceneReader, Word

__all__ = [
    "Candidate",
    "CharacterReading",
    "CharsetError",
    "ClipstrError",
    "DataError",
    "Detector",
    "ImageError",
    "InputError",
    "LexiconError",
    "Line",
    "Match",
    "MissingExtraError",
    "ModelError",
    "Outcome",
    "Reader",
    "Reading",
    "Region",
    "Scene",
    "SceneOutcome",
    "SceneReader",
    "Word",
    "WordReader",
    "__version__",
    "read",
    "scan",
]

__version__ = "0.2.0"


_Identity = tuple[str, int, int, int]

_MOST_KEPT = 4
_kept: OrderedDict[tuple[str, _Identity], Any] = OrderedDict()  # readers, the last used last


@overload  # a str is a sequence too, but always one path
def read(  # type: ignore[overload-overlap]
    source: ImageSource,
    *,
    model: str | os.PathLike[str] = ...,
    allow: str | None = ...,
    lexicon: Iterable[str] | None = ...,
) -> Reading: ...


@overload
def read(
    source: Sequence[ImageSource],
    *,
    model: str | os.PathLike[str] = ...,
    allow: str | None = ...,
    lexicon: Iterable[str] | None = ...,
) -> list[Reading]: ...


def read(
    source: ImageSource | Sequence[ImageSource],
    *,
    model: str | os.PathLike[str] = "full",
    allow: str | None = None,
    lexicon: Iterable[str] | None = None,
) -> Reading | list[Reading]:
    """The reading of one picture, or the readings of a list or tuple of them, in order.

    A picture is a path, encoded bytes, an open binary file, a Pillow image or an array. ``allow`` and
    ``lexicon`` limit what can be read, as in `Reader`. The model is loaded at the first call and kept, as the
    last four are; a long lexicon is prepared in every call, so make a `Reader` with it to read many pictures.
    Raises `ImageError` for a picture that cannot be read; `Reader.stream` goes on past those.
    """
    reader: Reader = _loaded("Reader", model)
    if allow is not None or lexicon is not None:
        reader = reader.restricted(allow=allow, lexicon=lexicon)
    return reader.read(source)


def _loaded(kind: str, model: str | os.PathLike[str]) -> Any:
    """The reader of that ``kind`` with ``model``: the one of the last few that is kept, or a new one.

    Many threads may ask at once. A model is known by its file and not by its name: another working folder may
    have another one of that name, and a folder a newer one.
    """
    with unforked():
        key = (kind, _identity(model))
        if key not in _kept:
            _kept[key] = __getattr__(kind)(model)
        _kept.move_to_end(key)
        while len(_kept) > _MOST_KEPT:
            _kept.popitem(last=False)
        return _kept[key]


def _identity(model: str | os.PathLike[str]) -> _Identity:
    """Which file describes ``model``, and which state of it."""
    from clipstr.models import CONFIG_FILE, find_model

    file = find_model(model).resolve() / CONFIG_FILE
    there = file.stat()
    return str(file), there.st_ino, there.st_size, there.st_mtime_ns


def scan(
    source: ImageSource,
    *,
    model: str | os.PathLike[str] = "full",
    allow: str | None = None,
    lexicon: Iterable[str] | None = None,
    min_confidence: float | None = None,
) -> Scene:
    """The lines and words in the photograph ``source``, or on the first page of a PDF, and where they stand.

    ``source`` is what `read` takes; ``allow``, ``lexicon`` and ``min_confidence`` are those of `SceneReader`.
    The model and the detector are loaded at the first call and kept. Raises `ImageError` for a photograph
    that cannot be read and `MissingExtraError` without the extra "scenes"; `SceneReader.stream` goes on past
    the first, and reads all pages.
    """
    reader: SceneReader = _loaded("SceneReader", model)
    if allow is not None or lexicon is not None or min_confidence is not None:
        reader = reader.restricted(allow=allow, lexicon=lexicon, min_confidence=min_confidence)
    return reader.read(source)


_SCENES = {"Detector", "Line", "Region", "Scene", "SceneOutcome", "SceneReader", "Word"}


def __getattr__(name: str) -> Any:
    """What brings ONNX Runtime, when it is first asked for: that takes its time."""
    home = "scenes" if name in _SCENES else "reader" if name in ("Outcome", "Reader") else ""
    if home:
        with unforked():  # a child would wait for ever for a module that another thread was importing
            return getattr(importlib.import_module(f"clipstr.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, those to be loaded included."""
    return sorted(__all__)
