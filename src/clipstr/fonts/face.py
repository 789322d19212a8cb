"""A face of a font: where it is, and how legible."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FontFace"]


@dataclass(frozen=True)
class FontFace:
    """One face of a font file, or Pillow's own where the machine has none.

    ``legibility`` is the share of its letters and digits that look like those of a plain face.
    """

    path: str
    number: int = 0  # of the face in its file
    family: str = ""
    style: str = ""
    legibility: float = 1.0
