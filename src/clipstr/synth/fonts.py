"""The fonts of this machine that can write Latin words."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from PIL import ImageFont

from clipstr.errors import DataError

__all__ = ["FontFace", "caption_font", "draws", "find_fonts", "load_font"]

SUFFIXES = {".ttf", ".otf", ".ttc", ".pfb"}
_PROBE = "aegkmRSW0258"  # a face that cannot draw these differently writes no Latin words
_PROBE_SIZE = 28  # pixels
_BUILT_IN = ":pillow:"
_NO_LETTERS = ("barcode", "dingbat", "emoji", "icon", "mathematical", "ornament", "symbol")


@dataclass(frozen=True)
class FontFace:
    """One face of a font file, or Pillow's own where the machine has none."""

    path: str
    number: int = 0  # of the face in its file


def find_fonts(folders: Sequence[str | Path] = ()) -> tuple[FontFace, ...]:
    """The faces that can write Latin words, in ``folders`` and in the system's own, sorted by path.

    A machine without fonts gets the one that Pillow carries. Raises `DataError` if one of ``folders``
    does not exist or holds none.
    """
    faces: list[FontFace] = []
    for folder in folders:
        found = _faces_below(Path(folder))
        if not found:
            raise DataError(f"{folder}: no font there that can write Latin words")
        faces += found
    for folder in _system_folders():
        faces += _faces_below(folder)
    return tuple(dict.fromkeys(faces)) or (FontFace(_BUILT_IN),)


def _system_folders() -> Iterable[Path]:
    """Where this system keeps its fonts."""
    home = Path.home()
    if sys.platform == "win32":
        return [Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts"]
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts"]
    return [
        Path("/usr/share/fonts"),
        Path("/usr/local/share/fonts"),
        home / ".local/share/fonts",
        home / ".fonts",
    ]


@lru_cache(maxsize=32)
def _faces_below(folder: Path) -> tuple[FontFace, ...]:
    files = (Path(root) / name for root, _, names in os.walk(folder) for name in names)
    paths = sorted(str(file) for file in files if file.suffix.lower() in SUFFIXES)
    return tuple(FontFace(path) for path in paths if _writes_latin(path))


def _writes_latin(path: str) -> bool:
    """Whether the face draws letters and digits, all differently and none of them empty."""
    if any(word in path.lower() for word in _NO_LETTERS):
        return False
    try:
        font = ImageFont.truetype(path, 24, layout_engine=ImageFont.Layout.BASIC)
        missing = bytes(font.getmask("\uffff"))
        glyphs = [font.getmask(character) for character in _PROBE]
    except (OSError, ValueError):
        return False
    drawn = {bytes(glyph) for glyph in glyphs}
    return len(drawn) == len(_PROBE) and missing not in drawn and all(glyph.getbbox() for glyph in glyphs)


@lru_cache(maxsize=4096)
def load_font(face: FontFace, size: int) -> ImageFont.FreeTypeFont:
    """The face at ``size`` pixels; kept, since opening a file costs more than drawing a word."""
    if face.path == _BUILT_IN:
        font = ImageFont.load_default(size)
        assert isinstance(font, ImageFont.FreeTypeFont)
        return font
    content = BytesIO(_content(face.path))  # one copy of the file for all sizes
    return ImageFont.truetype(content, size, index=face.number, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=65536)
def draws(face: FontFace, character: str) -> bool:
    """Whether the face has a glyph with ink for ``character``, and not just the box for what it lacks."""
    font = load_font(face, _PROBE_SIZE)
    glyph = font.getmask(character)
    return bool(glyph.getbbox()) and bytes(glyph) != bytes(font.getmask("\uffff"))


def caption_font(texts: Iterable[str], size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A font of ``size`` pixels that can write ``texts``: Pillow's own, or else one of the system."""
    wanted = {character for text in texts for character in text if not character.isascii()}
    for face in find_fonts() if wanted else ():
        if all(draws(face, character) for character in wanted):
            return load_font(face, size)
    return ImageFont.load_default(size)


@lru_cache(maxsize=4096)
def _content(path: str) -> bytes:
    return Path(path).read_bytes()
