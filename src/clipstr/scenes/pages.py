"""Pictures of what is to be read: one of a photograph, one a page of a PDF."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from clipstr.errors import (
    DamagedImageError,
    EmptyImageError,
    ImageNotFoundError,
    ImageTooLargeError,
    MissingExtraError,
)
from clipstr.imaging import MAX_PIXELS, ImageSource, describe, load_image

__all__ = ["PDF_SUFFIX", "Page", "is_pdf", "pages_of"]

PDF_SUFFIX = ".pdf"
PDF_DOTS = 200.0  # an inch, of a page's picture
_SIGNATURE = b"%PDF-"
_SEARCHED = 1024  # bytes in which a PDF's signature may begin
_POINTS = 72.0  # an inch


@dataclass(frozen=True)
class Page:
    """A picture in RGB, whole and as a person sees it, and its number in the PDF, from 1; None of none."""

    picture: Image.Image
    number: int | None = None


def pages_of(source: ImageSource) -> Iterator[Page]:
    """The picture that ``source`` is, or the pages of the PDF, one after the other.

    Raises an `ImageError` of the kind that tells what is wrong, and `MissingExtraError` for a PDF without
    the package that opens it.
    """
    name = describe(source)
    if isinstance(source, (str, os.PathLike)) and _is_pipe(source):
        with Path(source).open("rb") as file:  # once: what was taken from a pipe does not come again
            if is_pdf(file.peek(_SEARCHED)):
                yield from _pdf_pages(file.read(), name)
            else:
                yield Page(load_image(file, enough=None))
        return
    content = _as_pdf(source)
    if content is None:
        yield Page(load_image(source, enough=None))
    else:
        yield from _pdf_pages(content, name)


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


def _pdf_pages(content: bytes | str, name: str) -> Iterator[Page]:
    pdfium = _pdfium(name)
    try:
        document = pdfium.PdfDocument(io.BytesIO(content) if isinstance(content, bytes) else content)
    except FileNotFoundError as error:
        raise ImageNotFoundError(f"{name}: there is no such file") from error
    except pdfium.PdfiumError as error:
        raise DamagedImageError(f"{name}: the PDF is damaged or locked by a password: {error}") from error
    try:
        count = len(document)
        if not count:
            raise EmptyImageError(f"{name}: the PDF has no pages")
        for index in range(count):
            yield Page(_drawn(document, index, name, pdfium), index + 1)
    finally:
        document.close()


def _drawn(document: Any, index: int, name: str, pdfium: Any) -> Image.Image:
    """The picture of a page, at `PDF_DOTS`; a page that would have too many pixels is refused undrawn."""
    try:
        page = document[index]
        width, height = page.get_size()
        scale = PDF_DOTS / _POINTS
        if math.ceil(width * scale) * math.ceil(height * scale) > MAX_PIXELS:
            page.close()
            raise ImageTooLargeError(
                f"{name}: page {index + 1} of the PDF is {width:.0f}x{height:.0f} points, more than "
                f"{MAX_PIXELS} pixels at {PDF_DOTS:.0f} dots an inch; make it smaller"
            )
        picture = page.render(scale=scale).to_pil().convert("RGB")
        page.close()
    except pdfium.PdfiumError as error:
        raise DamagedImageError(f"{name}: page {index + 1} of the PDF is damaged: {error}") from error
    return load_image(picture)


def _pdfium(name: str) -> Any:
    try:
        import pypdfium2
    except ImportError as error:
        raise MissingExtraError(
            f"{name}: pages of a PDF need the package pypdfium2: pip install 'clipstr[scenes]'"
        ) from error
    return pypdfium2
