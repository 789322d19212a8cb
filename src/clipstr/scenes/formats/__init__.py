"""Scenes as files of other programs: text, JSON, CSV, hOCR, ALTO and searchable PDF."""

from __future__ import annotations

from clipstr.scenes.formats.alto import as_alto
from clipstr.scenes.formats.hocr import as_hocr
from clipstr.scenes.formats.pdf import as_pdf
from clipstr.scenes.formats.rows import COLUMNS, word_rows

__all__ = ["COLUMNS", "as_alto", "as_hocr", "as_pdf", "word_rows"]
