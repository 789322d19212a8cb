"""Answers as documents: text, hOCR, ALTO and searchable PDF, by the writers of `clipstr.scenes`."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image

from clipstr import __version__
from clipstr.reading import Reading
from clipstr.scenes import Line, Scene, Word
from clipstr.scenes.formats import as_alto, as_hocr, as_pdf
from clipstr.scenes.pages import pages_of

__all__ = ["KINDS", "Leaf", "document", "word_scene"]

KINDS = {
    "text": "text/plain; charset=utf-8",
    "hocr": "application/xhtml+xml",
    "alto": "application/xml",
    "pdf": "application/pdf",
}
"""The media type of each format."""


@dataclass(frozen=True)
class Leaf:
    """A picture that was read, as it was sent, and the scene of each of its pages; or a word alone in it."""

    name: str
    content: bytes
    scenes: Sequence[Scene] | Reading


def document(format_: str, leaves: Sequence[Leaf]) -> bytes:
    """``leaves`` as one document of ``format_``, in bytes. Pictures are unpacked again, one at a time."""
    if format_ == "pdf":
        out = io.BytesIO()
        as_pdf(((picture, scene) for _, picture, scene in _drawn(leaves)), out)
        return out.getvalue()
    if format_ == "text":
        return "".join(f"{text}\n" for text in _texts(leaves)).encode()
    writer = {"hocr": as_hocr, "alto": as_alto}[format_]
    return writer([(name, scene) for name, _, scene in _drawn(leaves)], version=__version__).encode()


def word_scene(picture: Image.Image, reading: Reading) -> Scene:
    """The scene of a ``picture`` that is one word, cut out."""
    width, height = picture.size
    outline = ((0.0, 0.0), (float(width), 0.0), (float(width), float(height)), (0.0, float(height)))
    word = Word(reading.text, outline, reading.confidence, reading.characters, reading.legible)
    return Scene(width, height, (Line((word,), outline),) if reading.text else ())


def _drawn(leaves: Sequence[Leaf]) -> Iterator[tuple[str, Image.Image, Scene]]:
    for leaf in leaves:
        for number, page in enumerate(pages_of(leaf.content)):
            if isinstance(leaf.scenes, Reading):
                yield leaf.name, page.picture, word_scene(page.picture, leaf.scenes)
            else:
                name = leaf.name if page.number is None else f"{leaf.name}, page {page.number}"
                yield name, page.picture, leaf.scenes[number]


def _texts(leaves: Sequence[Leaf]) -> Iterator[str]:
    for leaf in leaves:
        if isinstance(leaf.scenes, Reading):
            yield leaf.scenes.text
        else:
            yield "\n\n".join(scene.text for scene in leaf.scenes)
