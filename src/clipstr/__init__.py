"""clipstr reads words in photographs, and trains such readers by letting CLIP teach them.

    >>> import clipstr
    >>> clipstr.read("photo.jpg")
    Reading(text='coffee', confidence=0.98, ...)

`read` is the short way, `Reader` the full one. Nothing here needs PyTorch, and nothing is downloaded.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
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


@overload  # a str is a sequence too, but always one path
def read(source: ImageSource, *, model: str = ..., allow: str | None = ...) -> Reading: ...  # type: ignore[overload-overlap]


@overload
def read(source: Sequence[ImageSource], *, model: str = ..., allow: str | None = ...) -> list[Reading]: ...


def read(
    source: ImageSource | Sequence[ImageSource], *, model: str = "tiny", allow: str | None = None
) -> Reading | list[Reading]:
    """The reading of one picture, or the readings of a list or tuple of them, in order.

    A picture is a path, encoded bytes, an open binary file, a Pillow image or an array. The model is loaded
    at the first call and kept. Raises `ImageError` for a picture that cannot be read; `Reader.stream` goes
    on past those.
    """
    return _reader(model, allow).read(source)


@functools.lru_cache(maxsize=4)
def _reader(model: str, allow: str | None) -> Reader:
    from clipstr.reader import Reader

    return Reader(model, allow=allow)


def __getattr__(name: str) -> Any:
    """`Reader` and `Outcome` when they are first asked for: they bring ONNX Runtime, which takes its time."""
    if name in ("Outcome", "Reader"):
        from clipstr import reader

        return getattr(reader, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
