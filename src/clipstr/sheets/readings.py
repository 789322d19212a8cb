"""Readings of a validation on one sheet: the picture, what it says, and what was read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rapidfuzz.distance import Levenshtein

from clipstr.fonts import caption_font

__all__ = ["SampleReading", "readings_sheet"]

_SCALE = 2  # of the pictures
_COLUMNS, _GAP, _LINE = 4, 10, 18  # pictures a row, pixels between them, pixels of a line of text
_SIZE, _BASE = 14, 13  # pixels of the font, and from the top of a line to where letters stand
_RIGHT, _WRONG, _LABEL = "#1a7f37", "#cf222e", "#57606a"
_CUT = "..."

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, kw_only=True)
class SampleReading:
    """How a model reads one labelled picture."""

    picture: np.ndarray  # (height, width, 3) in uint8, as the model sees it
    label: str  # folded
    text: str  # folded
    confidence: float  # 0 to 1


def readings_sheet(readings: Sequence[SampleReading]) -> Image.Image:
    """A sheet of ``readings`` (one at least, pictures of one size), four a row.

    The label is grey, the reading green or red, its confidence beside it. Letters missed are underlined in
    the label, wrong ones in the reading. What no font of the machine can write stands as its code point;
    characters stand from left to right in the order of the text, whatever the script.
    """
    height, width = (_SCALE * size for size in readings[0].picture.shape[:2])
    cell = (width + _GAP, height + 2 * _LINE + _GAP)
    rows = -(-len(readings) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * cell[0] + _GAP, rows * cell[1] + _GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for number, reading in enumerate(readings):
        left, top = _GAP + number % _COLUMNS * cell[0], _GAP + number // _COLUMNS * cell[1]
        sheet.paste(Image.fromarray(reading.picture).resize((width, height)), (left, top))
        font = caption_font(filter(str.isprintable, reading.label + reading.text), _SIZE)
        missed, wrong = _differences(reading.label, reading.text)
        colour = _WRONG if missed or wrong else _RIGHT
        confidence = f"{reading.confidence:.0%}"
        room = width - draw.textlength(f" {confidence}", font=font)
        base = top + height + _BASE
        _write(draw, (left, base), reading.label, missed, fill=_LABEL, font=font, room=width)
        base += _LINE
        text = reading.text or "(nothing)"
        end = _write(draw, (left, base), text, wrong, fill=colour, font=font, room=room)
        draw.text((end, base), f" {confidence}", fill=_LABEL, font=font, anchor="ls")
    return sheet


def _differences(label: str, text: str) -> tuple[set[int], set[int]]:
    """The places of ``label`` that were missed, and those of ``text`` that are wrong, by fewest edits."""
    missed: set[int] = set()
    wrong: set[int] = set()
    for edit in Levenshtein.editops(label, text):
        if edit.tag != "insert":
            missed.add(edit.src_pos)
        if edit.tag != "delete":
            wrong.add(edit.dest_pos)
    return missed, wrong


def _write(
    draw: ImageDraw.ImageDraw,
    place: tuple[int, int],
    text: str,
    marked: Collection[int],
    *,
    fill: str,
    font: _Font,
    room: float,
) -> float:
    """Where ``text`` ends, written from ``place`` on the base line, its ``marked`` characters underlined.

    What has no room is cut off. Written character by character, so that each can be marked.
    """
    left, base = float(place[0]), place[1]
    end, cut = left + room, draw.textlength(_CUT, font=font)
    for number, character in enumerate(text):
        piece = character if _can_write(font, character) else character.encode("unicode_escape").decode()
        length = draw.textlength(piece, font=font)
        if left + length + (cut if number + 1 < len(text) else 0) > end:
            draw.text((left, base), _CUT, fill=fill, font=font, anchor="ls")
            return left + cut
        draw.text((left, base), piece, fill=fill, font=font, anchor="ls")
        if number in marked:
            draw.line([(left, base + 3), (left + max(length, 3) - 1, base + 3)], fill=_WRONG)
        left += length
    return left


def _can_write(font: _Font, character: str) -> bool:
    """Whether ``font`` has a visible sign for ``character``, and not just the box for what it lacks."""
    if character.isascii() or not character.isprintable():
        return character.isprintable()
    glyph = font.getmask(character)
    return bool(glyph.getbbox()) and bytes(glyph) != bytes(font.getmask("\uffff"))
