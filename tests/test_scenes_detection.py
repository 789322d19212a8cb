"""Maps become outlines, tiles become maps, and what is found twice is kept once."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import ImageFont

from clipstr.errors import MissingExtraError, ModelFileError
from clipstr.scenes import Region, Unit
from clipstr.scenes.bands import Band
from clipstr.scenes.binarization import MapSettings, regions_in
from clipstr.scenes.paddle import PaddleDetector, PyramidSettings, packaged_detector
from clipstr.scenes.tiles import CELL, Tile, map_of_tiles, merged, small_text, tiles_over, whole
from scenes import box, page

EXACT = MapSettings(widening=0.0)


def drawn(corners: np.ndarray) -> np.ndarray:
    chances = np.zeros((200, 300), np.uint8)
    cv2.fillPoly(chances, [np.round(corners).astype(np.int32)], 255)
    return chances


def test_an_upright_piece_has_its_own_box():
    (region,) = regions_in(drawn(box(50, 60, 200, 79)), EXACT)
    assert region.confidence == 1
    np.testing.assert_allclose(region.polygon, box(50, 60, 201, 80), atol=0.6)


def test_a_slanted_piece_runs_to_the_right_and_a_steep_one_down():
    slanted = np.array([[40, 90], [200, 40], [206, 59], [46, 109]], float)
    (region,) = regions_in(drawn(slanted), EXACT)
    np.testing.assert_allclose(region.polygon, slanted, atol=2)
    (steep,) = regions_in(drawn(box(100, 20, 119, 180)), EXACT)
    band = Band.of(steep.polygon)
    assert band.steep
    assert band.upper[-1][1] > band.upper[0][1]
    assert (band.length, band.height) == pytest.approx((161, 20), abs=1.5)


def test_a_trapezium_keeps_its_slanted_edges():
    corners = np.array([[40, 60], [240, 40], [240, 110], [40, 90]], float)
    (region,) = regions_in(drawn(corners), EXACT)
    np.testing.assert_allclose(region.polygon, corners, atol=2.5)


def test_a_bent_piece_gets_edges_that_bend_with_it():
    angles = np.linspace(np.pi * 1.15, np.pi * 1.85, 30)
    outer = np.stack([150 + 140 * np.cos(angles), 180 + 140 * np.sin(angles)], -1)
    inner = np.stack([150 + 112 * np.cos(angles), 180 + 112 * np.sin(angles)], -1)
    shape = np.concatenate([outer, inner[::-1]])
    (region,) = regions_in(drawn(shape), EXACT)
    assert len(region.polygon) > 4
    found, true = drawn(region.polygon) > 0, drawn(shape) > 0
    assert (found & true).sum() > 0.8 * (found | true).sum()


def test_what_is_faint_or_thin_is_no_text():
    assert regions_in(drawn(box(50, 60, 200, 61)), MapSettings()) == []
    assert regions_in(drawn(box(50, 60, 200, 80)) // 3, MapSettings()) == []


def test_tiles_give_the_map_that_the_whole_gives():
    picture = np.random.default_rng(0).integers(0, 255, (1100, 1500, 3), np.uint8)

    def look(part: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.blur(part[..., 0], (9, 9)))

    size = (picture.shape[1], picture.shape[0])
    tiles = tiles_over(np.ones((110, 150), np.uint8), size)
    assert len(tiles) > 2
    in_tiles = map_of_tiles(picture, size, tiles, look)
    at_once = map_of_tiles(picture, size, [whole(*size)], look)
    # At the picture's lower and right edge padding differs by what a tile is padded with.
    np.testing.assert_array_equal(in_tiles[:-8, :-8], at_once[:-8, :-8])


def covered(tiles: list[Tile], size: tuple[int, int]) -> np.ndarray:
    """How many tiles lie over each pixel of a map of ``size`` (width, height)."""
    counts = np.zeros(size[::-1], np.uint8)
    for tile in tiles:
        counts[tile.top : tile.bottom, tile.left : tile.right] += 1
    return counts


def test_tiles_cover_what_is_wanted_and_little_else():
    wanted = np.zeros((100, 400), np.uint8)
    wanted[50, 30] = wanted[50, 390] = 1
    counts = covered(tiles_over(wanted, (4000, 1000)), (4000, 1000))
    for column in (30, 390):
        assert (counts[500:510, 10 * column : 10 * column + 10] == 1).all()
    assert np.count_nonzero(counts) <= 2 * (4 * CELL) ** 2


@pytest.mark.parametrize("size", [(640, 480), (4000, 1000), (37, 1500), (1, 1)])
def test_tiles_lie_once_over_all_that_is_wanted_whatever_its_shape(size):
    chance = np.random.default_rng(1)
    for share in (0.0, 0.001, 0.05, 1.0):
        wanted = (chance.random((-(-size[1] // 2), -(-size[0] // 2))) < share).astype(np.uint8)
        tiles = tiles_over(wanted, size)
        counts = covered(tiles, size)
        assert counts.max(initial=0) <= 1
        places = np.argwhere(wanted) * np.array(size[::-1]) // np.array(wanted.shape)
        assert counts[tuple(places.T)].all()
        assert all((tile.right - tile.left) * (tile.bottom - tile.top) <= 1 << 20 for tile in tiles)


def test_small_text_is_looked_for_again_and_large_text_is_not():
    chances = np.zeros((200, 300), np.uint8)
    large, small = Region(box(20, 20, 200, 60)), Region(box(20, 120, 200, 130))
    chances[150:155, 250:280] = 80  # too faint to be found, and small
    wanted = small_text(chances, [large, small], small=16, hint=0.2)
    assert wanted[125, 100] == 1
    assert wanted[152, 260] == 1
    assert wanted[40, 100] == 0


def test_of_what_was_found_twice_the_finer_small_one_and_the_coarser_large_one_stay():
    large, small = Region(box(0, 0, 300, 60)), Region(box(0, 100, 100, 110))
    part_of_large, finer = Region(box(0, 0, 150, 60)), Region(box(1, 101, 99, 109))
    new = Region(box(200, 100, 240, 108))
    kept = merged([large, small], [part_of_large, finer, new], small=20)
    assert [id(region) for region in kept] == [id(large), id(finer), id(new)]


def test_the_packaged_detector_finds_the_lines_of_a_page():
    picture = np.asarray(page(("Reading words", 40, 60), ("in photographs", 40, 180)))
    regions = PaddleDetector(threads=1).find(picture)
    tops = sorted(float(region.polygon[:, 1].min()) for region in regions)
    assert len(tops) == 2
    assert tops == pytest.approx([62, 182], abs=10)


def test_letters_of_six_pixels_are_found():
    words = [f"word{number}" for number in range(10)]
    picture = page(*((word, 40, 20 + 24 * n) for n, word in enumerate(words)), size=(600, 280), height=8)
    regions = PaddleDetector(threads=1).find(np.asarray(picture))
    assert len(regions) == 10


def test_lines_of_many_heights_are_found_whole_at_every_size_of_map():
    lines, top = [], 10
    for height in (7, 8, 10, 12, 14, 16, 18, 20, 24):
        lines.append((height, top))
        top += 3 * height
    picture = page(size=(700, top + 20))
    for height, place in lines:
        line = page(("a line of many words that goes on and on", 0, 0), size=(700, 2 * height), height=height)
        picture.paste(line, (40, place))
    for pixels in (150_000, 400_000, 1_000_000):
        detector = PaddleDetector(threads=1, pyramid=PyramidSettings(pixels=pixels))
        found = [Band.of(region.polygon) for region in detector.find(np.asarray(picture))]
        for height, place in lines:
            there = [band for band in found if abs(band.upper[:, 1].mean() - place) < height]
            expected = ImageFont.load_default(height).getlength("a line of many words that goes on and on")
            reach = max(band.upper[-1][0] for band in there) - min(band.upper[0][0] for band in there)
            assert reach == pytest.approx(expected, rel=0.06), (pixels, height)


def test_a_blank_picture_has_no_text_whatever_its_size():
    detector = PaddleDetector(threads=1, pyramid=PyramidSettings(pixels=50_000))
    for height, width in ((1, 1), (5, 700), (700, 5), (300, 400)):
        assert detector.find(np.full((height, width, 3), 200, np.uint8)) == []


def test_the_detector_says_what_it_is():
    detector = PaddleDetector(threads=1)
    assert (detector.name, detector.unit) == ("PP-OCRv6", Unit.line)


def test_a_file_that_is_no_detector_is_told(tmp_path):
    file = tmp_path / "other.onnx"
    file.write_bytes(b"no graph")
    with pytest.raises(ModelFileError, match="other.onnx"):
        PaddleDetector(file)


def test_a_missing_detector_is_told_with_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"clipstr\[scenes\]"):
        packaged_detector()
