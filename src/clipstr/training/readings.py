"""Readings of a validation on one sheet: the picture, what it says, and what was read."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from clipstr.synth.fonts import caption_font
from clipstr.training.observer import SampleReading

__all__ = ["readings_sheet"]

_SCALE = 2  # of the pictures
_COLUMNS, _GAP, _LINE = 4, 10, 18  # pictures a row, pixels between them, pixels of a line of text
_RIGHT, _WRONG, _LABEL = "#1a7f37", "#cf222e", "#57606a"


def readings_sheet(readings: Sequence[SampleReading]) -> Image.Image:
    """A sheet of ``readings``, four a row: the label in grey, the reading in green or red, its confidence.

    Of a wrong reading the characters that differ from the label's at their place are underlined.
    """
    height, width = (_SCALE * size for size in readings[0].picture.shape[:2])
    cell = (width + _GAP, height + 2 * _LINE + _GAP)
    rows = -(-len(readings) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * cell[0] + _GAP, rows * cell[1] + _GAP), "white")
    draw = ImageDraw.Draw(sheet)
    font = caption_font([text for reading in readings for text in (reading.label, reading.text)], 14)
    for number, reading in enumerate(readings):
        left, top = _GAP + number % _COLUMNS * cell[0], _GAP + number // _COLUMNS * cell[1]
        sheet.paste(Image.fromarray(reading.picture).resize((width, height)), (left, top))
        draw.text((left, top + height), reading.label, fill=_LABEL, font=font)
        _write_reading(draw, (left, top + height + _LINE), reading, font)
    return sheet


def _write_reading(
    draw: ImageDraw.ImageDraw,
    place: tuple[int, int],
    reading: SampleReading,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    """Character by character, so that each can be marked."""
    right = reading.text == reading.label
    left, top = float(place[0]), place[1]
    for number, character in enumerate(reading.text or "(nothing)"):
        length = draw.textlength(character, font=font)
        draw.text((left, top), character, fill=_RIGHT if right else _WRONG, font=font)
        if reading.label[number : number + 1] != character and reading.text:
            draw.line([(left, top + _LINE - 2), (left + length - 1, top + _LINE - 2)], fill=_WRONG)
        left += length
    draw.text((left + 6, top), f"{reading.confidence:.0%}", fill=_LABEL, font=font)
