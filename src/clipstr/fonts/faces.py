"""The fonts of this machine that can write Latin words, and which of them is drawn with."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import ImageFont

from clipstr.charset import plain_letters
from clipstr.errors import DataError
from clipstr.fonts.cache import FontCache
from clipstr.fonts.face import FontFace
from clipstr.fonts.glyphs import likeness

__all__ = ["SIZE", "FontSet", "caption_font", "draws", "find_fonts", "load_font"]

SIZE = 40  # pixels of an em, of all that is drawn: one opened font a face
SUFFIXES = {".ttf", ".otf", ".ttc", ".otc", ".pfb"}
_BUILT_IN = ":pillow:"
_LIKE_LETTERS = 0.2  # share of letters and digits that must look like themselves; symbols stay below 0.17
_STYLES = (
    (("bold", "black", "heavy", "demi"), 3.0),
    (("italic", "oblique", "slant", "inclined"), 0.3),
    (("light", "thin", "hair"), 0.4),
    (("mono", "courier", "typewriter", "code"), 0.3),
)
_TRIES = 8  # faces drawn by weight before all are searched


class FontSet:
    """Faces to draw with: legible ones more often, and those of a large family less often each.

    Raises `DataError` if there is none.
    """

    def __init__(self, faces: Sequence[FontFace]) -> None:
        if not faces:
            raise DataError("there is no usable font: install one, or name a folder of .ttf or .otf files")
        self.faces = tuple(faces)
        sizes = Counter(face.family for face in faces)
        weights = np.array([_frequency(face) / np.sqrt(sizes[face.family]) for face in faces])
        self._bounds = np.cumsum(weights) / weights.sum()

    def __len__(self) -> int:
        return len(self.faces)

    def pick(self, text: str, rng: np.random.Generator) -> FontFace:
        """A face that has all characters of ``text``, spaces aside. Raises `DataError` if none has."""
        text = "".join(text.split())
        for _ in range(_TRIES):
            number = int(np.searchsorted(self._bounds, rng.random(), side="right"))
            face = self.faces[min(number, len(self.faces) - 1)]
            if all(draws(face, character) for character in text):
                return face
        first = int(rng.integers(len(self.faces)))
        for face in self.faces[first:] + self.faces[:first]:
            if all(draws(face, character) for character in text):
                return face
        lacking = [c for c in dict.fromkeys(text) if not self.can_draw(c)]
        why = f"none has {' '.join(lacking)}" if lacking else "none has all of its characters"
        raise DataError(f"none of {self} can draw {text!r} ({why}): add one that can")

    def can_draw(self, text: str) -> bool:
        """Whether any face has all of ``text``."""
        return any(all(draws(face, character) for character in text) for face in self.faces)

    def __str__(self) -> str:
        """How many there are, and from where."""
        folders = {str(Path(face.path).parent) for face in self.faces if face.path != _BUILT_IN}
        place = f" below {os.path.commonpath(folders)}" if folders else ", Pillow's own"
        return f"{len(self.faces)} fonts{place}"


def _frequency(face: FontFace) -> float:
    """How often a face is drawn beside others: signs are bold and upright more often than fonts are."""
    frequency = face.legibility
    for words, factor in _STYLES:
        if any(word in f"{face.family} {face.style}".lower() for word in words):
            frequency *= factor
    return frequency


def find_fonts(folders: Sequence[str | Path] = (), *, cache: Path | None = None) -> tuple[FontFace, ...]:
    """The faces that can write Latin words, in ``folders`` or else in the system's own, sorted by path.

    A machine without fonts gets the one that Pillow carries. What is seen is kept in the folder ``cache``, so
    that the next process need not look at every letter again (`cache_folder` says where people want such
    things); without one nothing is read or written there. Raises `DataError` if one of ``folders`` does not
    exist or holds none.
    """
    faces: list[FontFace] = []
    for folder in folders:
        found = _faces_below(Path(folder), cache)
        if not found:
            raise DataError(f"{folder}: no font there that can write Latin words")
        faces += found
    for folder in () if folders else _system_folders():
        faces += _faces_below(folder, cache)
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
def _faces_below(folder: Path, cache: Path | None) -> tuple[FontFace, ...]:
    """The usable faces, each file once, however many links lead to it."""
    files = (Path(root) / name for root, _, names in os.walk(folder) for name in names)
    paths = sorted(file for file in files if file.suffix.lower() in SUFFIXES)
    real = {file.resolve(): str(file) for file in reversed(paths)}
    if cache is None or not real:
        return tuple(face for path in sorted(real.values()) for face in _faces_of(path))
    known, faces = FontCache(cache, folder), list[FontFace]()
    for path in sorted(real.values()):
        found = known.faces(path)
        if found is None:
            found = list(_faces_of(path))
            known.learn(path, found)
        faces += found
    known.keep()
    return tuple(faces)


def _faces_of(path: str) -> Iterable[FontFace]:
    """The faces of a file whose letters and digits look like letters and digits."""
    for number in range(64 if path.lower().endswith(("ttc", "otc")) else 1):
        try:
            font = ImageFont.truetype(path, SIZE, index=number, layout_engine=ImageFont.Layout.BASIC)
            legibility = likeness(font)
        except (OSError, ValueError):  # no font, or no such face
            return
        if legibility >= _LIKE_LETTERS:
            family, style = font.getname()
            yield FontFace(path, number, family or path, style or "", round(legibility, 3))


@lru_cache(maxsize=4096)
def load_font(face: FontFace, size: int = SIZE) -> ImageFont.FreeTypeFont:
    """The face at ``size`` pixels; kept, since opening a file costs more than drawing a word."""
    if face.path == _BUILT_IN:
        font = ImageFont.load_default(size)
        assert isinstance(font, ImageFont.FreeTypeFont)
        return font
    return ImageFont.truetype(face.path, size, index=face.number, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=262_144)
def draws(face: FontFace, character: str) -> bool:
    """Whether the face has a glyph with ink for ``character``, and not just the box for what it lacks.

    Some faces have the letter alone in the place of a letter with marks: they do not draw it.
    """
    font = load_font(face)
    glyph = font.getmask(character)
    if not glyph.getbbox() or bytes(glyph) == _box_for_missing(face):
        return False
    plain = () if character.isascii() else plain_letters(character)
    return all(bytes(glyph) != bytes(font.getmask(letter)) for letter in plain)


@lru_cache(maxsize=4096)
def _box_for_missing(face: FontFace) -> bytes:
    return bytes(load_font(face).getmask("\uffff"))


def caption_font(texts: Iterable[str], size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A font of ``size`` pixels that can write ``texts``: Pillow's own, or else one of the system."""
    wanted = {character for text in texts for character in text if not character.isascii()}
    for face in sorted(find_fonts(), key=lambda face: -face.legibility) if wanted else ():
        if all(draws(face, character) for character in wanted):
            return load_font(face, size)
    return ImageFont.load_default(size)
