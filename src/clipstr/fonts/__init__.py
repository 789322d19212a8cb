"""Fonts: which of them can write Latin words, how legible they are, and which one draws a text."""

from __future__ import annotations

from clipstr.fonts.cache import cache_folder
from clipstr.fonts.face import FontFace
from clipstr.fonts.faces import SIZE, FontSet, caption_font, draws, find_fonts, load_font

__all__ = ["SIZE", "FontFace", "FontSet", "cache_folder", "caption_font", "draws", "find_fonts", "load_font"]
