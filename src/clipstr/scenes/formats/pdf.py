"""Scenes as a searchable PDF: each picture a page, and over it its words, invisible, where they stand.

The words' font has no glyphs to show, one width for all characters, and a table from codes to characters, so
that text of any script can be found and copied. Source: ISO 32000-1:2008, sections 7.5, 8.9, 9.3 and 9.7.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable
from typing import BinaryIO

from PIL import Image

from clipstr.scenes.scene import Scene, Word

__all__ = ["as_pdf"]

_DOTS = 72.0  # points an inch, PDF's unit
_QUALITY = 90  # of the pictures as JPEG
_CHARACTER = 0.5  # ems, the width of all characters
_ASCENT = 0.8  # ems above the line that letters stand on
_SLANT = math.radians(25)  # up to which words are laid level
_INVISIBLE = 3  # the text rendering mode


def as_pdf(
    pages: Iterable[tuple[Image.Image, Scene]], out: BinaryIO, *, dots_per_inch: float = 150.0
) -> None:
    """Writes ``pages``, each an RGB picture and what is read in it, as one PDF into ``out``.

    ``dots_per_inch`` says how large the pages are. One picture is held at a time.
    """
    writer = _Writer(out)
    catalog, tree, font = writer.reserve(), writer.reserve(), writer.reserve()
    used: set[str] = set()
    numbers = []
    for picture, scene in pages:
        numbers.append(_page(writer, picture, scene, tree, font, _DOTS / dots_per_inch))
        used.update(character for word in scene.words for character in word.text)
    _font(writer, font, used)
    kids = " ".join(f"{number} 0 R" for number in numbers)
    writer.put(tree, f"<< /Type /Pages /Kids [{kids}] /Count {len(numbers)} >>")
    writer.put(catalog, f"<< /Type /Catalog /Pages {tree} 0 R >>")
    writer.end(catalog)


def _page(writer: _Writer, picture: Image.Image, scene: Scene, tree: int, font: int, scale: float) -> int:
    """Writes a page and gives its number; ``scale`` is points a pixel."""
    jpeg = io.BytesIO()
    picture.save(jpeg, "JPEG", quality=_QUALITY)
    image, content, page = writer.reserve(), writer.reserve(), writer.reserve()
    writer.put(
        image,
        f"<< /Type /XObject /Subtype /Image /Width {picture.width} /Height {picture.height} "
        f"/ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode /Length {jpeg.tell()} >>",
        jpeg.getvalue(),
    )
    width, height = scene.width * scale, scene.height * scale
    drawn = f"q {width:.2f} 0 0 {height:.2f} 0 0 cm /Picture Do Q\nBT {_INVISIBLE} Tr\n"
    for line in scene.lines:
        for number, word in enumerate(line.words):
            drawn += _shown(word, scene.height, scale, last=number + 1 == len(line.words))
    stream = (drawn + "ET\n").encode("ascii")
    writer.put(content, f"<< /Length {len(stream)} >>", stream)
    writer.put(
        page,
        f"<< /Type /Page /Parent {tree} 0 R /MediaBox [0 0 {width:.2f} {height:.2f}] /Contents {content} 0 R "
        f"/Resources << /XObject << /Picture {image} 0 R >> /Font << /Words {font} 0 R >> >> >>",
    )
    return page


def _shown(word: Word, page_height: int, scale: float, *, last: bool) -> str:
    """The operators that show ``word``, as wide as it stands there, and the space after it."""
    text = _characters(word.text)
    if not text:
        return ""
    half = len(word.polygon) // 2
    start, end, below = word.polygon[0], word.polygon[half - 1], word.polygon[-1]
    length = max(math.dist(start, end) * scale, 1e-3)
    size = max(math.dist(start, below) * scale, 1e-3)
    cosine, sine = _direction((end[0] - start[0], start[1] - end[1]))
    across = sum(corner[0] for corner in word.polygon) / len(word.polygon) * scale
    up = (page_height - sum(corner[1] for corner in word.polygon) / len(word.polygon)) * scale
    # From the middle of the word back to where its line of letters begins.
    x = across - cosine * length / 2 + sine * size * (_ASCENT - 0.5)
    y = up - sine * length / 2 - cosine * size * (_ASCENT - 0.5)
    stretch = 100 * length / (len(text) * _CHARACTER * size)
    codes = "".join(f"{ord(character):04X}" for character in text) + ("" if last else "0020")
    return (
        f"/Words {size:.3f} Tf {stretch:.3f} Tz "
        f"{cosine:.5f} {sine:.5f} {-sine:.5f} {cosine:.5f} {x:.3f} {y:.3f} Tm <{codes}> Tj\n"
    )


def _characters(text: str) -> str:
    """``text`` in characters whose number fits the font's two bytes, others as question marks."""
    return "".join(character if ord(character) < 0xFFFF else "?" for character in text)


def _direction(way: tuple[float, float]) -> tuple[float, float]:
    """The cosine and sine of ``way``; of a word that is a little aslant, of the level or upright it is near.

    Programs that look for words in a PDF take slanted ones apart.
    """
    angle = math.atan2(way[1], way[0])
    quarter = round(angle / (math.pi / 2)) * (math.pi / 2)
    if abs(angle - quarter) < _SLANT:
        angle = quarter
    return math.cos(angle), math.sin(angle)


def _font(writer: _Writer, font: int, used: set[str]) -> None:
    """The font without glyphs, whose codes are the characters' own numbers."""
    descendant, descriptor, to_text = writer.reserve(), writer.reserve(), writer.reserve()
    writer.put(
        font,
        f"<< /Type /Font /Subtype /Type0 /BaseFont /Glyphless /Encoding /Identity-H "
        f"/DescendantFonts [{descendant} 0 R] /ToUnicode {to_text} 0 R >>",
    )
    writer.put(
        descendant,
        f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Glyphless /DW {round(1000 * _CHARACTER)} "
        f"/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> "
        f"/FontDescriptor {descriptor} 0 R /CIDToGIDMap /Identity >>",
    )
    ascent, descent = round(1000 * _ASCENT), round(1000 * (_ASCENT - 1))
    writer.put(
        descriptor,
        f"<< /Type /FontDescriptor /FontName /Glyphless /Flags 5 /FontBBox [0 {descent} "
        f"{round(1000 * _CHARACTER)} {ascent}] /ItalicAngle 0 /Ascent {ascent} /Descent {descent} "
        f"/CapHeight {ascent} /StemV 80 >>",
    )
    stream = _codes_to_text(used | {" "}).encode("ascii")
    writer.put(to_text, f"<< /Length {len(stream)} >>", stream)


def _codes_to_text(used: set[str]) -> str:
    codes = sorted({ord(character) for text in used for character in _characters(text)})
    pairs = [f"<{code:04X}> <{code:04X}>" for code in codes]
    blocks = [pairs[first : first + 100] for first in range(0, len(pairs), 100)]  # no more may stand in one
    tables = "\n".join(f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks)
    return (
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
        "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
        "1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n"
        f"{tables}\nendcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
    )


class _Writer:
    """Writes numbered objects and, at the end, the table of where they begin."""

    def __init__(self, out: BinaryIO) -> None:
        self._out, self._length = out, 0
        self._places: list[int] = []
        self._write(b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n")

    def _write(self, content: bytes) -> None:
        self._out.write(content)
        self._length += len(content)

    def reserve(self) -> int:
        """The number of an object that will be put later."""
        self._places.append(0)
        return len(self._places)

    def put(self, number: int, dictionary: str, stream: bytes | None = None) -> None:
        """Writes the object ``number``."""
        self._places[number - 1] = self._length
        self._write(f"{number} 0 obj\n{dictionary}\n".encode("ascii"))
        if stream is not None:
            self._write(b"stream\n" + stream + b"\nendstream\n")
        self._write(b"endobj\n")

    def end(self, catalog: int) -> None:
        """Writes the table and the trailer."""
        start, count = self._length, len(self._places) + 1
        self._write(f"xref\n0 {count}\n0000000000 65535 f \n".encode("ascii"))
        for place in self._places:
            self._write(f"{place:010d} 00000 n \n".encode("ascii"))
        self._write(
            f"trailer\n<< /Size {count} /Root {catalog} 0 R >>\nstartxref\n{start}\n%%EOF\n".encode("ascii")
        )
