"""Sheets of readings: what was read rightly, what wrongly, and where."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import ImageFont

from clipstr.sheets.readings import readings_sheet
from clipstr.training import SampleReading

PICTURE = np.full((32, 128, 3), 200, np.uint8)
GREEN, RED = (0x1A, 0x7F, 0x37), (0xCF, 0x22, 0x2E)
LABEL_LINE, READING_LINE = 10 + 64 + 16, 10 + 64 + 18 + 16  # where letters of the first row are underlined


def reading(label: str, text: str, *, grey: int = 200) -> SampleReading:
    return SampleReading(picture=np.full_like(PICTURE, grey), label=label, text=text, confidence=0.75)


def sheet(*readings: SampleReading) -> np.ndarray:
    return np.asarray(readings_sheet(readings))


def underlined(pixels: np.ndarray, row: int) -> list[tuple[int, int]]:
    """The first and last column of each run of red in a row."""
    columns = np.flatnonzero((pixels[row] == RED).all(1))
    runs = np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1) if len(columns) else []
    return [(int(run[0]), int(run[-1])) for run in runs]


def test_right_readings_are_green_and_wrong_ones_red() -> None:
    right, wrong = sheet(reading("word", "word")), sheet(reading("word", "ward"))
    assert (right == GREEN).all(2).any()
    assert not (right == RED).all(2).any()
    assert not (wrong == GREEN).all(2).any()
    assert (wrong == RED).all(2).any()


def test_a_wrong_letter_is_underlined_in_both_lines_and_no_other() -> None:
    pixels = sheet(reading("word", "ward"))
    (label,), (text,) = underlined(pixels, LABEL_LINE), underlined(pixels, READING_LINE)
    assert 10 < label[0] < label[1] < 40
    assert 10 < text[0] < text[1] < 40


def test_a_missed_letter_is_underlined_in_the_label_alone() -> None:
    pixels = sheet(reading("hotel", "hote"))
    assert len(underlined(pixels, LABEL_LINE)) == 1
    assert underlined(pixels, READING_LINE) == []


def test_one_letter_too_many_does_not_condemn_those_after_it() -> None:
    pixels = sheet(reading("supermarket", "xsupermarket"))
    assert underlined(pixels, LABEL_LINE) == []
    ((first, last),) = underlined(pixels, READING_LINE)
    assert first == 10
    assert last - first < 12


def test_pictures_stand_in_their_order_enlarged() -> None:
    greys = [10 * number for number in range(1, 7)]
    pixels = sheet(*(reading("a", "a", grey=grey) for grey in greys))
    for number, grey in enumerate(greys):
        left, top = 10 + number % 4 * 266, 10 + number // 4 * 110
        assert (pixels[top : top + 64, left : left + 256] == grey).all()


@pytest.mark.parametrize("count", [1, 4, 5, 24])
def test_a_sheet_has_room_for_any_number_and_any_text(count: int) -> None:
    texts = ["", "Ä€漢", "a" * 40, "x"]
    size = readings_sheet([reading("label", texts[n % 4]) for n in range(count)]).size
    assert size == (4 * (256 + 10) + 10, math.ceil(count / 4) * (64 + 2 * 18 + 10) + 10)


@pytest.mark.parametrize("text", ["x" * 200, "\ue000" * 30, "漢" * 60])
def test_a_long_text_stays_below_its_own_picture(text: str) -> None:
    pixels = sheet(reading(text, text + "y"), reading("a", "a"))
    assert (pixels[10 + 64 : -10, 10 + 256 : 20 + 256] == 255).all()


def test_what_no_font_can_write_stands_as_its_code_point(monkeypatch: pytest.MonkeyPatch) -> None:
    only_ascii = ImageFont.load_default(14)
    monkeypatch.setattr("clipstr.sheets.readings.caption_font", lambda texts, size: only_ascii)
    signs = ("漢", "字", "ß", "\n", "\u200b", "\ud800")  # the last as broken labels have it
    # As boxes for what the font lacks, they would all look alike.
    assert len({sheet(reading(sign, sign)).tobytes() for sign in signs}) == len(signs)
    assert (sheet(reading("Straße", "Straße")) != sheet(reading("Strasse", "Strasse"))).any()
