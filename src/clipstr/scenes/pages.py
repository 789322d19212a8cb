"""Pictures of what is to be read: one of a photograph, one a page of a PDF."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from clipstr.imaging import ImageSource, describe, load_image
from clipstr.scenes.pdfs import PdfLimits, pdf_pictures

__all__ = ["PDF_SUFFIX", "Page", "is_pdf", "pages_of"]

PDF_SUFFIX = ".pdf"
_SIGNATURE = b"%PDF-"
_SEARCHED = 1024  # bytes in which a PDF's signature may begin


@dataclass(frozen=True)
class Page:
    """A picture in RGB, whole and as a person sees it, and its number in the PDF, from 1; None of none."""

    picture: Image.Image
    number: int | None = None


def pages_of(source: ImageSource, *, limits: PdfLimits = PdfLimits()) -> Iterator[Page]:  # noqa: B008
    """The picture that ``source`` is, or the pages of the PDF, one after the other, drawn within ``limits``.

    Raises an `ImageError` of the kind that tells what is wrong, `MissingExtraError` for a PDF without the
    package that opens it, and `ClipstrError` if no process can be started that draws its pages.
    """
    name = describe(source)
    if isinstance(source, (str, os.PathLike)) and _is_pipe(source):
        with Path(source).open("rb") as file:  # once: what was taken from a pipe does not come again
            if is_pdf(file.peek(_SEARCHED)):
                yield from _numbered(pdf_pictures(file.read(), name, limits))
            else:
                yield Page(load_image(file, enough=None))
        return
    content = _as_pdf(source)
    if content is None:
        yield Page(load_image(source, enough=None))
    else:
        yield from _numbered(pdf_pictures(content, name, limits))


def _numbered(pictures: Iterator[Image.Image]) -> Iterator[Page]:
    for number, picture in enumerate(pictures, 1):
        yield Page(picture, number)


def is_pdf(content: bytes) -> bool:
    """Whether ``content`` is a PDF, by its signature."""
    return _SIGNATURE in bytes(content[:_SEARCHED])


def _is_pipe(path: str | os.PathLike[str]) -> bool:
    """Whether ``path`` is there and neither a file nor a folder: a pipe, or a device."""
    place = Path(path)
    try:
        return place.exists() and not place.is_file() and not place.is_dir()
    except (OSError, ValueError):
        return False  # `load_image` tells what is wrong


def _as_pdf(source: ImageSource) -> bytes | str | None:
    """The bytes or path of ``source``, if it is a PDF."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source) if is_pdf(bytes(source[:_SEARCHED])) else None
    if isinstance(source, (str, os.PathLike)):
        try:
            with Path(source).open("rb") as file:
                start = file.read(_SEARCHED)
        except (OSError, ValueError):
            return None  # `load_image` tells what is wrong
        return os.fspath(source) if _SIGNATURE in start else None
    return None
