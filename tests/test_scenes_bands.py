"""Bands lead back and forth between a photograph and a level strip."""

from __future__ import annotations

import numpy as np
import pytest

from clipstr.scenes.bands import Band
from scenes import box


def gradient(width: int, height: int) -> np.ndarray:
    """A picture whose red is its column and whose green is its row."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns, rows, np.zeros_like(rows)], -1).astype(np.uint8)


def test_an_upright_strip_is_the_picture_itself():
    picture = gradient(120, 90)
    strip = Band.of(box(20, 30, 100, 62)).strip(picture, 32)
    np.testing.assert_array_equal(strip, picture[30:62, 20:100])


def test_a_slanted_strip_runs_along_its_band():
    picture = gradient(200, 200)
    corners = np.array([[50, 50], [130, 110], [118, 126], [38, 66]], float)  # 100 long, 20 high
    strip = Band.of(corners).strip(picture, 20)
    assert strip.shape == (20, 100, 3)
    middle = strip[10, 50].astype(float)
    np.testing.assert_allclose(middle[:2], corners.mean(0), atol=1.5)


def test_a_part_is_the_same_place_in_the_strip():
    picture = gradient(200, 200)
    band = Band.of(np.array([[20, 40], [180, 60], [176, 92], [16, 72]], float))
    whole, part = band.strip(picture, 32), band.part(0.25, 0.5).strip(picture, 32)
    quarter = whole.shape[1] // 4
    difference = np.abs(part[:, 2:-2].astype(int) - whole[:, quarter + 2 : quarter + part.shape[1] - 2])
    assert difference.max() <= 2


def test_a_half_turn_reads_the_strip_from_its_other_end():
    picture = gradient(120, 90)
    band = Band.of(box(20, 30, 100, 62))
    np.testing.assert_array_equal(band.turned(2).strip(picture, 32), band.strip(picture, 32)[::-1, ::-1])


def test_a_quarter_turn_begins_at_the_next_corner():
    band = Band.of(box(0, 0, 80, 20))
    assert band.turned(1).length == pytest.approx(20)
    assert band.turned(1).turned(-1).outline() == band.outline()


def test_a_curved_band_is_levelled():
    angles = np.linspace(np.pi, 2 * np.pi, 19)  # over the top, from left to right
    outer = np.stack([150 + 120 * np.cos(angles), 150 + 120 * np.sin(angles)], -1)
    inner = np.stack([150 + 90 * np.cos(angles), 150 + 90 * np.sin(angles)], -1)
    rows, columns = np.mgrid[:300, :300]
    ring = np.hypot(columns + 0.5 - 150, rows + 0.5 - 150)
    picture = np.repeat(np.clip(ring, 0, 255)[..., None], 3, -1).astype(np.uint8)
    strip = Band.of(np.concatenate([outer, inner[::-1]])).strip(picture, 30)
    expected = np.linspace(119.5, 90.5, 30)[:, None]
    assert np.abs(strip[..., 0] - expected).max() < 3


def test_a_band_beyond_the_picture_repeats_its_edge():
    picture = np.full((20, 20, 3), 77, np.uint8)
    assert (Band.of(box(-10, -10, 30, 10)).strip(picture, 16) == 77).all()
    assert Band.of(box(100, 100, 140, 120)).strip(picture, 16).shape == (16, 32, 3)


def test_widening_moves_every_edge_out_by_a_share_of_the_height():
    wider = Band.of(box(10, 10, 50, 30)).widened(0.1)
    assert np.allclose(wider.outline(), box(8, 8, 52, 32))
