"""Reading order: lines, columns, paragraphs, directions."""

from __future__ import annotations

import numpy as np

from clipstr.scenes.bands import Band
from clipstr.scenes.ordering import reading_order
from scenes import box


def order(*boxes: np.ndarray) -> list[tuple[tuple[int, ...], int]]:
    return [(placed.pieces, placed.paragraph) for placed in reading_order([Band.of(item) for item in boxes])]


def test_words_side_by_side_make_a_line_from_left_to_right():
    assert order(box(120, 10, 180, 30), box(10, 12, 60, 31), box(70, 9, 110, 29)) == [((1, 2, 0), 0)]


def test_lines_go_down_and_close_ones_are_a_paragraph():
    boxes = (box(10, 60, 200, 80), box(10, 10, 200, 30), box(10, 35, 200, 55), box(10, 200, 200, 220))
    assert order(*boxes) == [((1,), 0), ((2,), 0), ((0,), 0), ((3,), 1)]


def test_columns_are_read_one_after_the_other():
    left = [box(10, top, 200, top + 20) for top in (10, 35, 60)]
    right = [box(300, top, 500, top + 20) for top in (12, 37, 62)]
    assert [pieces for pieces, _ in order(*right, *left)] == [(3,), (4,), (5,), (0,), (1,), (2,)]


def test_a_headline_over_two_columns_comes_first():
    boxes = [box(10, 10, 500, 50), box(10, 120, 200, 140), box(300, 120, 500, 140), box(10, 145, 200, 165)]
    assert [pieces for pieces, _ in order(*boxes)] == [(0,), (1,), (3,), (2,)]


def test_a_large_word_does_not_join_a_small_one_beside_it():
    assert len(order(box(10, 10, 200, 90), box(205, 40, 260, 55))) == 2


def test_slanted_lines_are_read_along_their_slope():
    slope = np.tan(np.deg2rad(12))

    def slanted(left: float, top: float) -> np.ndarray:
        corners = box(left, top, left + 80, top + 20)
        corners[:, 1] += corners[:, 0] * slope
        return corners

    found = order(slanted(100, 10), slanted(10, 10), slanted(10, 36), slanted(100, 36))
    assert [pieces for pieces, _ in found] == [(1, 0), (2, 3)]


def test_lines_that_stand_on_their_heads_are_read_as_they_stand():
    upper, lower = (np.roll(box(10, top, 200, top + 20), 2, axis=0) for top in (10, 40))
    assert [pieces for pieces, _ in order(upper, lower)] == [(1,), (0,)]


def test_nothing_has_no_order():
    assert reading_order([]) == []
