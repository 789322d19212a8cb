"""Contact sheets: every picture in its place, with its text below."""

from __future__ import annotations

import numpy as np

from clipstr.sheets import contact_sheet


def test_a_contact_sheet_holds_every_picture() -> None:
    grey = np.full((30, 90, 3), 120, np.uint8)
    block = np.full((40, 128, 3), (10, 200, 30), np.uint8)
    sheet = contact_sheet([*[(grey, "grey")] * 8, (block, "green")])
    assert sheet.size == (8 * 132 + 4, 2 * 58 + 4)
    second_row = np.asarray(sheet.crop((4, 62, 132, 102)))
    assert (second_row == block).all()


def test_a_text_stands_below_its_picture() -> None:
    black = np.zeros((40, 128, 3), np.uint8)
    with_text, without = (np.asarray(contact_sheet([(black, text)])) for text in ("text", ""))
    changed = np.flatnonzero((with_text != without).any((1, 2)))
    assert changed.min() >= 44  # below the picture
