"""clipstr reads words in photographs, and trains such readers by letting CLIP teach them.

    >>> import clipstr
    >>> clipstr.read("photo.jpg")
    Reading(text='coffee', confidence=0.98, ...)

`read` is the short way, `Reader` the full one. Nothing here needs PyTorch, and nothing is downloaded.
"""

from __future__ import annotations

import threading
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
from clipstr.reading import CharacterReading, LexiconMatch, Reading, WordReader

if TYPE_CHECKING:
    from clipstr.imaging import ImageSource
    from clipstr.reader import Outcome, Reader

__all__ = [
    "CharacterReading",
    "CharsetError",
    "ClipstrError",
    "DataError",
    "ImageError",
    "InputError",
    "LexiconError",
    "LexiconMatch",
    "MissingExtraError",
    "ModelError",
    "Outcome",
    "Reader",
    "Reading",
    "WordReader",
    "__version__",
    "read",
]

__version__ = "0.1.0"


_readers: dict[str, Reader] = {}
_loading = threading.Lock()


@overload  # a str is a sequence too, but always one path
def read(  # type: ignore[overload-overlap]
    source: ImageSource, *, model: str = ..., allow: str | None = ..., lexicon: Iterable[str] | None = ...
) -> Reading: ...


@overload
def read(
    source: Sequence[ImageSource],
    *,
    model: str = ...,
    allow: str | None = ...,
    lexicon: Iterable[str] | None = ...,
) -> list[Reading]: ...


def read(
    source: ImageSource | Sequence[ImageSource],
    *,
    model: str = "tiny",
    allow: str | None = None,
    lexicon: Iterable[str] | None = None,
) -> Reading | list[Reading]:
    """The reading of one picture, or the readings of a list or tuple of them, in order.

    A picture is a path, encoded bytes, an open binary file, a Pillow image or an array. ``allow`` and
    ``lexicon`` limit what can be read, as in `Reader`. The model is loaded at the first call and kept; a long
    lexicon is prepared in every call, so make a `Reader` with it to read many pictures. Raises `ImageError`
    for a picture that cannot be read; `Reader.stream` goes on past those.
    """
    reader = _loaded(model)
    if allow is not None or lexicon is not None:
        reader = reader.restricted(allow=allow, lexicon=lexicon)
    return reader.read(source)


def _loaded(model: str) -> Reader:
    """The one reader of ``model`` in this process; many threads may ask for it at once."""
    from clipstr.reader import Reader

    with _loading:
        if model not in _readers:
            _readers[model] = Reader(model)
        return _readers[model]


def __getattr__(name: str) -> Any:
    """`Reader` and `Outcome` when they are first asked for: they bring ONNX Runtime, which takes its time."""
    if name in ("Outcome", "Reader"):
        from clipstr import reader

        return getattr(reader, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, those to be loaded included."""
    return sorted(__all__)
